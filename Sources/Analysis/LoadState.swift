// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Recording

/// What was seen at about one concurrency: sums over its seconds.
struct LoadBin: BitwiseCopyable {
  var seconds = 0.0
  /// Calls under way, and finished per second.
  var concurrency = 0.0
  var throughput = 0.0
  /// CPUs in use; shares of the time that tasks waited for a CPU, and that the quota was used up.
  var cpus = 0.0
  var pressure = 0.0
  var throttled = 0.0
  /// Of the limit.
  var descriptors = 0.0
}

/// What is remembered of the load. All zeros to begin with.
struct LoadState: BitwiseCopyable {
  /// By concurrency, four to an octave from 1/4 on.
  var bins = InlineArray<48, LoadBin>(repeating: LoadBin())
  /// Calls in all, and those without a caller.
  var finished = 0.0
  var outermost = 0.0
  /// Counters of the latest point.
  var pointEnd: UInt64 = 0
  var pointFinished: UInt64 = 0
  var pointCPU: UInt64 = 0
  var pointPressure: UInt64 = 0
  var pointThrottled: UInt64 = 0
  var processors: UInt64 = 0
  var quota: UInt64 = 0
  /// Moments of the latest forecast, and whether its peak is above the capacity.
  var forecastAt: UInt64 = 0
  var alert = AlertState()
  var productivity = ProductivityState()
  /// What the latest forecast found, until the next step publishes it: 1 the peak, 2 the fit.
  var found: UInt64 = 0
  var peak = prognos_peak()
  var scalability = prognos_scalability()

  static var bins: Int { 48 }
  static func bin(_ concurrency: Double) -> Int {
    min(max(Int((4 * Math.log2(min(max(concurrency, 0.25), 65536))).rounded()) + 8, 0), bins - 1)
  }

  /// How many CPUs there are for the process.
  var cpuLimit: Double {
    let quota = Double(quota) / 1e9
    let count = Double(processors)
    return quota > 0 && (quota < count || count == 0) ? quota : count
  }
}

extension Assessor {
  var load: UnsafeMutablePointer<LoadState>? {
    guard let zone = recording.assessmentZone(.load), zone.bytes >= MemoryLayout<LoadState>.size
    else { return nil }
    return zone.start.assumingMemoryBound(to: LoadState.self)
  }

  /// A point of the process, and what the calls without a caller did in a record that ends with it.
  func observeLoad(
    _ point: ProcessPoint, _ calls: OperationSample?, _ sample: ResourceSample
  ) {
    guard let load else { return }
    defer {
      load.pointee.pointEnd = point.endMonotonic
      load.pointee.pointFinished = point.finished
      load.pointee.pointCPU = point.cpuNanoseconds
      load.pointee.pointPressure = max(
        point.groupPressureCPUNanoseconds, point.pressureCPUNanoseconds)
      load.pointee.pointThrottled = point.throttledNanoseconds
    }
    load.pointee.processors = sample.processors
    load.pointee.quota = point.cpuQuota
    guard let calls, calls.endMonotonic == point.endMonotonic, load.pointee.pointEnd > 0,
      calls.startMonotonic == load.pointee.pointEnd, calls.totals.finished >= 3
    else { return }
    let seconds = Double(calls.endMonotonic &- calls.startMonotonic) / 1e9
    guard seconds > 0.1, seconds < 60 else { return }
    func more(_ now: UInt64, _ before: UInt64) -> Double {
      now > before ? Double(now &- before) : 0
    }
    let wall = calls.totals.wallTicks
    let running = Double(wall &- min(calls.totals.suspendedTicks, wall)) * nanosecondsPerTick
    let concurrency = running / 1e9 / seconds
    let throughput = Double(calls.totals.finished) / seconds
    // A call that is longer than the span began before it: what was under way is not known.
    guard concurrency > 0, concurrency < 65536, concurrency / throughput < seconds / 2 else {
      return
    }
    load.pointee.finished += more(point.finished, load.pointee.pointFinished)
    load.pointee.outermost += Double(calls.totals.finished)
    let pressure = max(point.groupPressureCPUNanoseconds, point.pressureCPUNanoseconds)
    let bin = load.pointee.bin(at: LoadState.bin(concurrency))
    // What was long ago counts less: programs and their calls change.
    if bin.pointee.seconds >= 600 { bin.pointee.scale(0.5) }
    bin.pointee.seconds += 1
    bin.pointee.concurrency += concurrency
    bin.pointee.throughput += throughput
    bin.pointee.cpus += more(point.cpuNanoseconds, load.pointee.pointCPU) / 1e9 / seconds
    bin.pointee.pressure += min(more(pressure, load.pointee.pointPressure) / 1e9 / seconds, 1)
    bin.pointee.throttled += min(
      more(point.throttledNanoseconds, load.pointee.pointThrottled) / 1e9 / seconds, 1)
    if point.descriptorLimit > 0 {
      bin.pointee.descriptors += Double(point.openDescriptors) / Double(point.descriptorLimit)
    }
  }
}

extension LoadState {
  /// The place of a bin.
  @inline(__always)
  mutating func bin(at index: Int) -> UnsafeMutablePointer<LoadBin> {
    withUnsafeMutablePointer(to: &bins) {
      UnsafeMutableRawPointer($0).assumingMemoryBound(to: LoadBin.self) + index
    }
  }
}

extension LoadBin {
  mutating func scale(_ factor: Double) {
    seconds *= factor
    concurrency *= factor
    throughput *= factor
    cpus *= factor
    pressure *= factor
    throttled *= factor
    descriptors *= factor
  }

  /// Means.
  var mean: LoadBin {
    var mean = self
    if seconds > 0 { mean.scale(1 / seconds) }
    return mean
  }
}
