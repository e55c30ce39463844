// SPDX-License-Identifier: Apache-2.0
import CPrognos

/// From a profile to the statistics of the ABI, whose struct is declared in the header alone.
extension Profile {
  /// The statistics of an operation, over all its paths. Quantiles only where its histogram was read.
  public func statistics(of operation: Operation) -> prognos_op_stats {
    var stats = statistics(operation.totals, operation.distribution)
    stats.self_wall_ns = operation.selfNanoseconds
    stats.self_cpu_ns = operation.selfCPUNanoseconds
    fill(&stats, operation.memory, own: operation.ownMemory)
    fill(&stats, with: operation.io)
    return stats
  }

  /// The statistics of one path.
  public func statistics(of path: Path) -> prognos_op_stats {
    var stats = statistics(path.totals, path.distribution)
    stats.self_wall_ns = nanoseconds(selfTicks(path))
    stats.self_cpu_ns = selfCPUNanoseconds(path)
    fill(&stats, path.memory, own: path.ownMemory)
    fill(&stats, with: path.io)
    return stats
  }

  private func fill(_ stats: inout prognos_op_stats, _ memory: MemoryTotals, own: MemoryTotals) {
    stats.allocated_bytes = memory.allocatedBytes
    stats.allocations = memory.allocations
    stats.freed_bytes = memory.freedBytes
    stats.frees = memory.frees
    stats.live_bytes = whole(min(memory.liveBytes, 0x1p63))
    stats.self_allocated_bytes = own.allocatedBytes
    stats.self_live_bytes = whole(min(own.liveBytes, 0x1p63))
  }

  private func fill(_ stats: inout prognos_op_stats, with io: IOTotals) {
    stats.read_bytes = io.allReads.bytes
    stats.written_bytes = io.allWrites.bytes
    stats.io_calls = io.calls
    stats.io_wait_ns = nanoseconds(io.waitTicks)
    stats.sequential_ratio = io.sequentialRatio
    let locks = io.waits(IORecord.Wait.lock)
    stats.lock_waits = locks.calls
    stats.lock_wait_ns = nanoseconds(locks.ticks)
    stats.signal_wait_ns = nanoseconds(io.waits(IORecord.Wait.signal).ticks)
  }

  private func statistics(_ totals: Totals, _ distribution: Distribution) -> prognos_op_stats {
    var stats = prognos_op_stats()
    stats.count = totals.count
    stats.active = totals.active
    stats.failed = totals.failed
    stats.abandoned = totals.abandoned
    stats.wall_ns = nanoseconds(totals.wallTicks)
    stats.wall_min_ns = totals.count > 0 ? nanoseconds(totals.fastestTicks) : 0
    stats.wall_max_ns = nanoseconds(totals.slowestTicks)
    stats.wall_p50_ns = quantile(0.5, totals, distribution) ?? 0
    stats.wall_p95_ns = quantile(0.95, totals, distribution) ?? 0
    stats.wall_p99_ns = quantile(0.99, totals, distribution) ?? 0
    stats.cpu_ns = cpuNanoseconds(totals)
    stats.blocked_ns = tracksCPU ? stats.wall_ns - stats.cpu_ns : 0
    stats.voluntary_switches = totals.voluntarySwitches
    stats.involuntary_switches = totals.involuntarySwitches
    stats.page_faults = totals.pageFaults
    stats.work = totals.work
    stats.window_ns = durationNanoseconds
    let seconds = Double(stats.window_ns) / 1e9
    if seconds > 0 {
      stats.rate_per_s = Double(totals.count) / seconds
      stats.errors_per_min = Double(totals.failed) / seconds * 60
    }
    return stats
  }

  /// A quantile in nanoseconds, never outside the fastest and the slowest call; nil without calls.
  public func quantile(_ q: Double, _ totals: Totals, _ distribution: Distribution) -> UInt64? {
    guard totals.count > 0, let middle = distribution.quantile(q) else { return nil }
    if q <= 0 { return nanoseconds(totals.fastestTicks) }
    if q >= 1 { return nanoseconds(totals.slowestTicks) }
    return nanoseconds(min(max(middle, totals.fastestTicks), totals.slowestTicks))
  }

  /// All calls that have no caller: what the threads did as a whole.
  public var outermost: (totals: Totals, distribution: Distribution) {
    var totals = Totals()
    var distribution = Distribution()
    for path in paths where path.parent == nil {
      totals.add(path.totals)
      distribution.add(path.distribution)
    }
    return (totals, distribution)
  }

  /// All calls of all operations.
  public var everything: Totals {
    var totals = Totals()
    for operation in operations { totals.add(operation.totals) }
    return totals
  }

  /// What a process's statistics have from its operations.
  public func fill(_ stats: inout prognos_process_stats) {
    let everything = everything
    let (outermost, distribution) = outermost
    stats.active_operations = everything.active
    stats.active_sessions = UInt64(recording.header.pointee.sessions.table.inUse.value)
    stats.open_spans = openSpans
    stats.wall_p50_ns = quantile(0.5, outermost, distribution) ?? 0
    stats.wall_p95_ns = quantile(0.95, outermost, distribution) ?? 0
    stats.wall_p99_ns = quantile(0.99, outermost, distribution) ?? 0
    stats.window_ns = durationNanoseconds
    stats.fillRates(finished: everything.count, failed: everything.failed)
  }
}
