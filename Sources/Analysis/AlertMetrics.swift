// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Recording

/// Counters of the process at its latest point: what `prognos_limit_set` bounds are rates of them.
struct MetricState: BitwiseCopyable {
  var at: UInt64 = 0
  var finished: UInt64 = 0
  var failed: UInt64 = 0
  var cpu: UInt64 = 0
  var bytes: UInt64 = 0
  var switches: UInt64 = 0
  /// Of all operations, since the last point.
  var allocated: UInt64 = 0
  /// The latest values, by metric: NaN where there is none, stored inverted so that zeros are.
  private var values = InlineArray<20, UInt64>(repeating: 0)

  subscript(_ metric: prognos_metric) -> Double {
    get {
      let index = Int(truncatingIfNeeded: metric.rawValue)
      return index >= 0 && index < 20 ? Double(bitPattern: ~values[index]) : .nan
    }
    set {
      let index = Int(truncatingIfNeeded: metric.rawValue)
      if index >= 0 && index < 20 { values[index] = ~newValue.bitPattern }
    }
  }

  /// Takes the newest point.
  mutating func take(_ point: ProcessPoint, nanosecondsPerTick scale: Double) {
    let seconds = Double(point.endMonotonic &- min(at, point.endMonotonic)) / 1e9
    let io = point.readBytes &+ point.writtenBytes
    let allSwitches = point.voluntarySwitches &+ point.involuntarySwitches
    if at > 0, seconds > 0 {
      func rate(_ now: UInt64, _ before: UInt64) -> Double {
        now > before ? Double(now &- before) / seconds : 0
      }
      let calls = rate(point.finished, finished)
      self[PROGNOS_METRIC_RATE] = calls
      self[PROGNOS_METRIC_ERROR_RATIO] = calls > 0 ? min(rate(point.failed, failed) / calls, 1) : 0
      self[PROGNOS_METRIC_CPU] = rate(point.cpuNanoseconds, cpu) / 1e9
      self[PROGNOS_METRIC_IO] = rate(io, bytes)
      self[PROGNOS_METRIC_SWITCHES] = rate(allSwitches, switches)
      self[PROGNOS_METRIC_ALLOCATION] = Double(allocated) / seconds
    }
    // Durations of a point without calls are none.
    if point.p50Ticks > 0 {
      self[PROGNOS_METRIC_WALL_P50] = Double(point.p50Ticks) * scale
      self[PROGNOS_METRIC_WALL_P95] = Double(point.p95Ticks) * scale
      self[PROGNOS_METRIC_WALL_P99] = Double(point.p99Ticks) * scale
    }
    self[PROGNOS_METRIC_MEMORY] = Double(point.rssBytes)
    self[PROGNOS_METRIC_ACTIVE] = Double(point.activeOperations)
    self[PROGNOS_METRIC_HEAP] = Double(point.heapBytes)
    self[PROGNOS_METRIC_VIRTUAL] = Double(point.virtualBytes)
    self[PROGNOS_METRIC_FDS] = Double(point.openDescriptors)
    self[PROGNOS_METRIC_THREADS] = Double(point.threads)
    if point.diskTotalBytes > 0 {
      self[PROGNOS_METRIC_DISK] = Double(point.diskTotalBytes &- point.diskFreeBytes)
    }
    at = max(point.endMonotonic, 1)
    finished = point.finished
    failed = point.failed
    cpu = point.cpuNanoseconds
    bytes = io
    switches = allSwitches
    allocated = 0
  }
}

extension Assessor {
  /// Compares the process's metrics with the limits that the host set.
  func judgeLimits(_ sample: ResourceSample, at moment: AssessmentMoment) {
    if let point = moment.point {
      process.pointee.alerts.metrics.take(point, nanosecondsPerTick: nanosecondsPerTick)
    }
    // What a sample tells is newer.
    func take(_ metric: prognos_metric, _ resource: Resource) {
      let used = sample[resource].used
      if used > 0 { process.pointee.alerts.metrics[metric] = Double(used) }
    }
    take(PROGNOS_METRIC_MEMORY, .residentMemory)
    take(PROGNOS_METRIC_HEAP, .heap)
    // Of the address space a sample leaves out what malloc has reserved only: between points it may but grow.
    let space = Double(sample[.addressSpace].used)
    if space > process.pointee.alerts.metrics[PROGNOS_METRIC_VIRTUAL] {
      process.pointee.alerts.metrics[PROGNOS_METRIC_VIRTUAL] = space
    }
    take(PROGNOS_METRIC_FDS, .descriptors)
    take(PROGNOS_METRIC_THREADS, .threads)
    take(PROGNOS_METRIC_MAPS, .maps)
    var health = prognos_health()
    if let table = AnswerTable<prognos_health>(recording, .health), table.read(0, into: &health) {
      process.pointee.alerts.metrics[PROGNOS_METRIC_HEALTH] = health.score
    }
    var crash = prognos_crash()
    if let table = AnswerTable<prognos_crash>(recording, .crash), table.written > 0,
      table.read(0, into: &crash)
    {
      process.pointee.alerts.metrics[PROGNOS_METRIC_CRASH] = crash.probability
    }
    for number in PROGNOS_METRIC_RATE.rawValue...PROGNOS_METRIC_CRASH.rawValue {
      let (warn, critical) = recording.limits(of: number)
      let metric = prognos_metric(rawValue: number)
      let isSet = !(warn.isNaN && critical.isNaN)
      let isKnown = process.pointee.alerts.limits[Int(number)].severity != 0
      guard isSet || isKnown else { continue }
      let value = process.pointee.alerts.metrics[metric]
      // Less health is worse, with one bound, too.
      let isLower = metric == PROGNOS_METRIC_HEALTH ? true : nil
      judge(
        value, Bounds(warn: warn, critical: critical, isLower: isLower), metric, 0, metric.name,
        &process.pointee.alerts.limits[Int(number)], at: moment
      ) {
        $0.put(metric.name)
        $0.put(" is ")
        metric.put(value, &$0)
        let bound = warn.isNaN ? critical : warn
        guard !bound.isNaN else { return $0.put("; its limit was taken back") }
        $0.put("; limits: ")
        if !warn.isNaN { metric.put(warn, &$0) } else { $0.put("none") }
        $0.put(" and ")
        if !critical.isNaN { metric.put(critical, &$0) } else { $0.put("none") }
      }
    }
  }
}

extension prognos_metric {
  /// What alerts call it.
  var name: StaticString {
    switch self {
    case PROGNOS_METRIC_RATE: "rate"
    case PROGNOS_METRIC_WALL_P50: "wall p50"
    case PROGNOS_METRIC_WALL_P95: "wall p95"
    case PROGNOS_METRIC_WALL_P99: "wall p99"
    case PROGNOS_METRIC_ERROR_RATIO: "error ratio"
    case PROGNOS_METRIC_CPU: "cpu"
    case PROGNOS_METRIC_MEMORY: "memory"
    case PROGNOS_METRIC_ALLOCATION: "allocation"
    case PROGNOS_METRIC_IO: "input and output"
    case PROGNOS_METRIC_ACTIVE: "active operations"
    case PROGNOS_METRIC_HEAP: "heap"
    case PROGNOS_METRIC_VIRTUAL: "address space"
    case PROGNOS_METRIC_FDS: "file descriptors"
    case PROGNOS_METRIC_THREADS: "threads"
    case PROGNOS_METRIC_MAPS: "memory maps"
    case PROGNOS_METRIC_DISK: "disk"
    case PROGNOS_METRIC_SWITCHES: "context switches"
    case PROGNOS_METRIC_HEALTH: "health"
    case PROGNOS_METRIC_CRASH: "crash"
    default: "metric"
    }
  }

  /// A value with its unit.
  func put(_ value: Double, _ text: inout Sentence) {
    switch self {
    case PROGNOS_METRIC_WALL_P50, PROGNOS_METRIC_WALL_P95, PROGNOS_METRIC_WALL_P99:
      text.put(seconds: value / 1e9)
    case PROGNOS_METRIC_ERROR_RATIO: text.put(percentOf: value)
    case PROGNOS_METRIC_MEMORY, PROGNOS_METRIC_HEAP, PROGNOS_METRIC_VIRTUAL, PROGNOS_METRIC_DISK:
      text.put(bytes: value)
    case PROGNOS_METRIC_ALLOCATION, PROGNOS_METRIC_IO:
      text.put(bytes: value)
      text.put("/s")
    case PROGNOS_METRIC_RATE, PROGNOS_METRIC_SWITCHES:
      text.put(value)
      text.put("/s")
    default: text.put(value)
    }
  }
}
