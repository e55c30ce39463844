// SPDX-License-Identifier: Apache-2.0
import Recording

/// What crashes are foreseen from, of an operation: how long its calls take, how often they fail, and how its calls go
/// with the growth of resources. Sums fade by 2 % from record to record, once a second. All zeros to begin with.
struct CrashOperation: BitwiseCopyable {
  // Durations in seconds: the longest, and the medians of records.
  var longest = 0.0
  var usual = 0.0
  var recent = 0.0
  var records = 0.0
  var finished = 0.0
  /// Shares of failed calls: usual and recent.
  var usualFailures = 0.0
  var recentFailures = 0.0
  /// When the latest record ended, in seconds, and the wall time of its calls.
  var latest = 0.0
  var wallSeconds = 0.0
  // Faded sums of what it left behind and took.
  var netBytes = 0.0
  var writtenBytes = 0.0
  var cpuSeconds = 0.0
  // Of its calls in a record, and of their products with what resources grew by.
  var calls = 0.0
  var squares = 0.0
  var products = InlineArray<8, Double>(repeating: 0)
  /// The record that the sums are up to.
  var round = 0.0

  static let fading = 0.98

  /// Lets the sums fade as if there had been records without a call.
  mutating func fade(to newRound: Double) {
    let rounds = newRound - round
    guard rounds > 0 else { return }
    let factor = rounds > 2000 ? 0 : Math.pow(Self.fading, rounds)
    netBytes *= factor
    writtenBytes *= factor
    cpuSeconds *= factor
    calls *= factor
    squares *= factor
    for index in 0..<8 { products[index] *= factor }
    round = newRound
  }

  /// Moves a duration by a share of the way, which is measured in logarithms.
  private static func move(_ duration: inout Double, to next: Double, _ share: Double) {
    let from = max(duration, 1e-6)
    duration = from * Math.exp(Math.log(max(next, 1e-6) / from) * share)
  }

  /// Adds what it did in a record. `growth` is of the same span.
  mutating func observe(
    _ sample: OperationSample, nanosecondsPerTick: Double, round newRound: Double,
    growth: borrowing InlineArray<8, Double>
  ) {
    fade(to: newRound)
    let totals = sample.totals
    let count = Double(totals.finished)
    latest = Double(sample.endMonotonic) * 1e-9
    netBytes += Double(totals.allocatedBytes) - Double(totals.freedBytes)
    writtenBytes += Double(totals.writtenBytes)
    wallSeconds = Double(totals.wallTicks) * nanosecondsPerTick * 1e-9
    cpuSeconds += max(wallSeconds - Double(totals.offCPUNanoseconds) * 1e-9, 0)
    calls += count
    squares += count * count
    for index in 0..<8 { products[index] += count * growth[index] }
    guard count > 0 else { return }
    let median = Double(sample.quantiles().p50) * nanosecondsPerTick * 1e-9
    sample.forEachBucket { ticks, _ in
      longest = max(longest, Double(ticks) * nanosecondsPerTick * 1e-9)
    }
    finished += count
    records += 1
    // What is usual is learnt in the first records, and then changes slowly: in some minutes. Means of durations are
    // geometric: a slow-down moves what is usual little, and a few long calls move what is recent little. Less
    // is got used to sooner than more.
    let gain = records <= 10 ? 1 / records : 0.005
    let failures = Double(totals.failed) / count
    let isFaster = median < usual
    Self.move(
      &usual, to: median, records <= 3 ? 1 / records : isFaster ? max(gain, 0.05) : min(gain, 0.02))
    Self.move(&recent, to: median, max(1 / records, 0.35))
    usualFailures += (failures - usualFailures) * gain
    recentFailures += (failures - recentFailures) * max(1 / records, 0.3)
  }
}

/// The process over the records: what the sums of operations are compared with. All zeros to begin with.
struct CrashProcess: BitwiseCopyable {
  /// How many records there were, and the faded number of them.
  var round = 0.0
  var rounds = 0.0
  // What resources grew by from record to record, their faded sums, and those of squares.
  var growth = InlineArray<8, Double>(repeating: 0)
  var growths = InlineArray<8, Double>(repeating: 0)
  var squares = InlineArray<8, Double>(repeating: 0)
  var before = InlineArray<8, Double>(repeating: 0)
  // Calls a second: usual, recent; the latest point's end in seconds.
  var usualRate = 0.0
  var rate = 0.0
  var finished = 0.0
  var latest = 0.0
  var points = 0.0
  /// Open calls: usual, recent, and how many points in a row they grew.
  var usualActive = 0.0
  var active = 0.0
  var activeRises = 0.0
  // CPU time a second, and the time that threads could run and waited for a CPU: a second, lately.
  var cpu = 0.0
  var cpuRate = 0.0
  var runQueue = 0.0
  var waiting = 0.0
  var throttled = 0.0
  /// By what waiting for a CPU stretches what needs one, as a logarithm: now, and as usual.
  var stretch = 0.0
  var usualStretch = 0.0
  /// Answers of the latest assessment that are to last.
  var since = 0.0
  var isAlarm = false

  /// The resources whose growth is compared with calls, one after the other.
  static func place(of resource: Resource) -> Int? {
    switch resource {
    case .descriptors: 0
    case .maps: 1
    case .groupProcesses, .userProcesses: 2
    case .threads: 3
    case .groupMemory: 4
    case .addressSpace, .data: 5
    case .sockets: 6
    case .hostMemory: 7
    default: nil
    }
  }
  static var compared: InlineArray<8, Resource> {
    [
      .descriptors, .maps, .groupProcesses, .threads, .groupMemory, .addressSpace, .sockets,
      .residentMemory,
    ]
  }

  /// A record is about to be read: what resources grew by in its span.
  mutating func beginRecord(_ sample: ResourceSample) {
    round += 1
    let waited = Double(sample.runQueueNanoseconds) * 1e-9
    let now = Double(sample.monotonicNanoseconds) * 1e-9
    if latest > 0, now > latest {
      waiting +=
        max(0.3, 1 / round) * (max(waited - runQueue, 0) / (now - latest) - waiting)
    }
    runQueue = waited
    throttled += 0.3 * (min(Double(sample[.throttled].used) * 1e-9, 1) - throttled)
    rounds = rounds * CrashOperation.fading + 1
    for index in 0..<8 {
      let now = Double(sample[Self.compared[index]].used)
      growth[index] = round > 1 ? now - before[index] : 0
      before[index] = now
      growths[index] = growths[index] * CrashOperation.fading + growth[index]
      squares[index] = squares[index] * CrashOperation.fading + growth[index] * growth[index]
    }
  }

  /// A point of the process.
  mutating func observe(_ point: ProcessPoint) {
    let seconds = Double(point.endMonotonic) * 1e-9
    let span = seconds - latest
    let cpuSeconds = Double(point.cpuNanoseconds) * 1e-9
    defer { (latest, finished, cpu) = (seconds, Double(point.finished), cpuSeconds) }
    guard latest > 0, span > 0 else { return }
    points += 1
    cpuRate += max(0.3, 1 / points) * (max(cpuSeconds - cpu, 0) / span - cpuRate)
    stretch = Math.log(1 + waiting / max(cpuRate, 0.002))
    usualStretch += (stretch - usualStretch) * max(1 / points, min(span / 120, 0.5))
    let now = max(Double(point.finished) - finished, 0) / span
    rate += (now - rate) * max(1 / points, min(span / 1.3, 1))
    // It takes long to get used to less, so that what stands still is not usual soon.
    let gain = max(1 / points, min(span / 60, 0.5))
    usualRate += (now - usualRate) * (now > usualRate ? gain : max(1 / points, gain / 4))
    let open = Double(point.activeOperations)
    activeRises = open > active * 1.02 + 0.1 ? activeRises + 1 : max(activeRises - 1, 0)
    active += (open - active) * max(1 / points, min(span / 3, 1))
    usualActive += (open - usualActive) * max(1 / points, min(span / 120, 0.5))
  }
}
