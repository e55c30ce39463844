// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Recording

/// How long the calls of an interval took.
struct Quantiles: Equatable {
  let median: UInt64
  let p95: UInt64

  /// nil without calls.
  init?(_ distribution: Distribution, _ nanosecondsPerTick: Double) {
    guard let median = distribution.quantile(0.5), let p95 = distribution.quantile(0.95) else {
      return nil
    }
    func nanoseconds(_ ticks: UInt64) -> UInt64 {
      UInt64(min(Double(ticks) * nanosecondsPerTick, 0x1p62))
    }
    self.median = nanoseconds(median)
    self.p95 = nanoseconds(p95)
  }
}

/// An operation as a row of the table: what it did between two readings, or in a longer window.
struct Row {
  let id: UInt32
  var name: String
  var calls: UInt64 = 0
  var failed: UInt64 = 0
  var active: UInt64 = 0
  var ratePerSecond: Double = 0
  var medianNanoseconds: UInt64 = 0
  var p95Nanoseconds: UInt64 = 0
  /// Of one CPU, without operations called inside: the rows add up to the CPU time in operations.
  var cpuShare: Double = 0
  /// Wall time likewise: how many calls were at work in it, on average.
  var wallShare: Double = 0
  var allocatedPerSecond: Double = 0
  var liveBytes: UInt64 = 0
  var ioPerSecond: Double = 0
  var trail = Trail()

  /// `before`: the statistics at the window's start, nil when the recording began within it.
  init(
    _ operation: Reading.Operation, since before: prognos_op_stats?, nanoseconds: UInt64,
    trail: Trail
  ) {
    let (now, then) = (operation.stats, before ?? prognos_op_stats())
    let seconds = max(Double(nanoseconds) / 1e9, 1e-9)
    func grown(_ field: KeyPath<prognos_op_stats, UInt64>) -> Double {
      // A number that shrank is of a recording that began again.
      Double(now[keyPath: field] - min(then[keyPath: field], now[keyPath: field]))
    }
    id = operation.id
    name = operation.name
    calls = now.count
    failed = now.failed
    active = now.active
    ratePerSecond = grown(\.count) / seconds
    medianNanoseconds = now.wall_p50_ns
    p95Nanoseconds = now.wall_p95_ns
    cpuShare = grown(\.self_cpu_ns) / 1e9 / seconds
    wallShare = grown(\.self_wall_ns) / 1e9 / seconds
    allocatedPerSecond = grown(\.self_allocated_bytes) / seconds
    liveBytes = now.self_live_bytes
    ioPerSecond = (grown(\.read_bytes) + grown(\.written_bytes)) / seconds
    self.trail = trail
  }
}
