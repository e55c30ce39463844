// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Recording

/// A metric over a stretch of the history, in at most 256 values: as there are more, neighbours are put together.
public struct TrendHistory {
  private let values: UnsafeMutablePointer<Double>
  private let seconds: UnsafeMutablePointer<Double>
  private var count = 0
  /// How many samples a value is the mean of; and those of the next one.
  private var width = 1
  private var pending = (count: 0, value: 0.0, seconds: 0.0)
  private var start: UInt64?

  /// Room that the values need, in Doubles.
  public static var roomCount: Int { 2 * Trend.mostValues }

  public init(room: UnsafeMutablePointer<Double>) {
    values = room
    seconds = room + Trend.mostValues
  }

  private mutating func add(_ value: Double, at monotonicNanoseconds: UInt64) {
    guard value.isFinite else { return }
    let start = start ?? monotonicNanoseconds
    self.start = start
    pending.count += 1
    pending.value += value / Double(width)
    pending.seconds += Double(monotonicNanoseconds &- start) / 1e9 / Double(width)
    guard pending.count == width else { return }
    if count == Trend.mostValues {
      for index in 0..<count / 2 {
        values[index] = (values[2 * index] + values[2 * index + 1]) / 2
        seconds[index] = (seconds[2 * index] + seconds[2 * index + 1]) / 2
      }
      count /= 2
      width *= 2
      // The value at hand is the first half of the next one.
      pending = (pending.count, pending.value / 2, pending.seconds / 2)
      return
    }
    values[count] = pending.value
    seconds[count] = pending.seconds
    count += 1
    pending = (0, 0, 0)
  }

  /// Reads what an operation (0: all calls of the process without a caller) did since a moment; the finest tier
  /// that reaches there.
  public mutating func read(
    _ metric: prognos_metric, of operation: UInt32, in recording: Recording, since: UInt64,
    nanosecondsPerTick: Double, tracksCPU: Bool
  ) {
    recording.forEachSpan(of: tier(recording, since), operation: operation) { _, end, sample in
      guard end > since else { return }
      let metrics = sample.flatMap {
        OperationMetrics($0, nanosecondsPerTick: nanosecondsPerTick, tracksCPU: tracksCPU)
      }
      let value = metrics?.value(metric) ?? (sample == nil ? OperationMetrics.idle(metric) : nil)
      if let value { add(value, at: end) }
    }
  }

  /// Reads a metric that the process's points have.
  public mutating func read(
    _ metric: prognos_metric, ofProcessIn recording: Recording, since: UInt64,
    nanosecondsPerTick: Double
  ) {
    let tier = tier(recording, since)
    let (written, kept) = recording.pointCount(of: tier)
    let run = recording.point(written, of: tier)?.run
    var state = MetricState()
    for age in 0..<kept {
      let number = written &- kept &+ age &+ 1
      guard let point = recording.point(number, of: tier), point.run == run else { continue }
      state.take(point, nanosecondsPerTick: nanosecondsPerTick)
      guard point.endMonotonic > since else { continue }
      // Durations of a span without calls are those of the span before.
      let isDuration =
        metric == PROGNOS_METRIC_WALL_P50 || metric == PROGNOS_METRIC_WALL_P95
        || metric == PROGNOS_METRIC_WALL_P99
      if isDuration && point.p50Ticks == 0 { continue }
      add(state[metric], at: point.endMonotonic)
    }
  }

  /// The finest tier whose points reach back to a moment, or to where the coarser ones do.
  private func tier(_ recording: Recording, _ since: UInt64) -> Int {
    var (found, oldest) = (Tier.seconds, UInt64.max)
    for tier in 0..<Tier.count {
      let (written, kept) = recording.pointCount(of: tier)
      guard kept >= UInt64(Trend.leastValues),
        let first = recording.point(written &- kept &+ 1, of: tier),
        first.run == recording.point(written, of: tier)?.run || tier == Tier.seconds
      else { continue }
      let reach = max(first.startMonotonic, since)
      if reach < oldest { (found, oldest) = (tier, reach) }
    }
    return found
  }

  public var valueCount: Int { count }

  /// nil with too few values.
  public func trend(
    of metric: prognos_metric, scratch: UnsafeMutablePointer<Double>
  ) -> prognos_trend? {
    guard count >= Trend.leastValues,
      let trend = Trend(values: values, seconds: seconds, count: count, scratch: scratch)
    else { return nil }
    return trend.answer(metric: metric.rawValue, seconds: seconds[count - 1] - seconds[0])
  }
}
