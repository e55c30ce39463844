// SPDX-License-Identifier: Apache-2.0
import CPrognos

/// From a window to the statistics of the ABI.
extension HistoryWindow {
  /// An operation's statistics over the window; what only this moment can tell is of now, and what the history
  /// does not keep is 0.
  public func statistics(of id: UInt32, in profile: Profile) -> prognos_op_stats {
    var stats = prognos_op_stats()
    guard Int(id) < totals.count else { return stats }
    let (totals, distribution) = (totals[Int(id)], distributions[Int(id)])
    stats.count = totals.finished
    stats.failed = totals.failed
    stats.abandoned = totals.abandoned
    if id > 0, Int(id) <= profile.operations.count {
      stats.active = profile.operations[Int(id) - 1].totals.active
    }
    stats.wall_ns = profile.nanoseconds(totals.wallTicks)
    stats.wall_min_ns = quantile(0, of: id, in: profile) ?? 0
    stats.wall_max_ns = quantile(1, of: id, in: profile) ?? 0
    if distribution.total > 0 {
      stats.wall_p50_ns = quantile(0.5, of: id, in: profile) ?? 0
      stats.wall_p95_ns = quantile(0.95, of: id, in: profile) ?? 0
      stats.wall_p99_ns = quantile(0.99, of: id, in: profile) ?? 0
    }
    if profile.tracksCPU {
      let offCPU = totals.offCPUNanoseconds &+ profile.nanoseconds(totals.suspendedTicks)
      stats.blocked_ns = min(offCPU, stats.wall_ns)
      stats.cpu_ns = stats.wall_ns - stats.blocked_ns
    }
    stats.allocated_bytes = totals.allocatedBytes
    stats.allocations = totals.allocations
    stats.freed_bytes = totals.freedBytes
    stats.frees = totals.frees
    stats.live_bytes = totals.liveBytes
    stats.read_bytes = totals.readBytes
    stats.written_bytes = totals.writtenBytes
    stats.io_calls = totals.ioCalls
    stats.io_wait_ns = profile.nanoseconds(totals.ioWaitTicks)
    stats.voluntary_switches = totals.voluntarySwitches
    stats.involuntary_switches = totals.involuntarySwitches
    stats.page_faults = totals.pageFaults
    stats.work = totals.work
    stats.window_ns = nanoseconds
    let seconds = Double(nanoseconds) / 1e9
    if seconds > 0 {
      stats.rate_per_s = Double(totals.finished) / seconds
      stats.errors_per_min = Double(totals.failed) / seconds * 60
    }
    return stats
  }

  /// A quantile of an operation's wall time, in nanoseconds; nil without calls.
  public func quantile(_ q: Double, of id: UInt32, in profile: Profile) -> UInt64? {
    guard Int(id) < distributions.count else { return nil }
    return distributions[Int(id)].quantile(q).map { profile.nanoseconds($0) }
  }
}
