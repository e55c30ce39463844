// SPDX-License-Identifier: Apache-2.0
import CPrognos

/// From points of the history to the statistics of the ABI.
extension prognos_process_stats {
  public mutating func fillRates(finished: UInt64, failed: UInt64) {
    let seconds = Double(window_ns) / 1e9
    guard seconds > 0 else { return }
    operations_per_s = Double(finished) / seconds
    errors_per_min = Double(failed) / seconds * 60
  }

  public mutating func fillGauges(from point: ProcessPoint) {
    rss_bytes = point.rssBytes
    virtual_bytes = point.virtualBytes
    heap_bytes = point.heapBytes
    open_fds = point.openDescriptors
    threads = point.threads
    cgroup_memory_bytes = point.groupMemoryBytes
    cgroup_memory_limit_bytes = point.groupMemoryLimit
    memory_limit_bytes =
      [point.groupMemoryLimit, point.addressSpaceLimit, point.dataLimit]
      .filter { $0 > 0 }.min() ?? 0
    cpu_quota = Double(point.cpuQuota) / 1e9
    cgroup_pids = point.groupProcesses
    cgroup_pids_limit = point.groupProcessLimit
    fd_limit = point.descriptorLimit
    disk_total_bytes = point.diskTotalBytes
    disk_free_bytes = point.diskFreeBytes
  }

  public mutating func fillCounters(
    from point: ProcessPoint, since before: ProcessPoint, nanoseconds: UInt64, cpus: UInt32
  ) {
    func more(_ now: UInt64, _ earlier: UInt64) -> UInt64 { now - min(earlier, now) }
    cpu_ns = more(point.cpuNanoseconds, before.cpuNanoseconds)
    let available = Double(nanoseconds) * Double(max(cpus, 1))
    cpu_ratio = available > 0 ? min(Double(cpu_ns) / available, 1) : 0
    read_bytes = more(point.readBytes, before.readBytes)
    written_bytes = more(point.writtenBytes, before.writtenBytes)
    minor_faults = more(point.minorFaults, before.minorFaults)
    major_faults = more(point.majorFaults, before.majorFaults)
    voluntary_switches = more(point.voluntarySwitches, before.voluntarySwitches)
    involuntary_switches = more(point.involuntarySwitches, before.involuntarySwitches)
    throttled_ns = more(point.throttledNanoseconds, before.throttledNanoseconds)
  }
}

extension Recording {
  /// What the latest point of the history tells of the process: since a moment of the monotonic clock, or since the
  /// process began. Without a history all of it is 0.
  public func processStatistics(at moment: ReadingMoment, since start: UInt64?)
    -> prognos_process_stats
  {
    var stats = prognos_process_stats()
    let point = point(at: moment.monotonicNanoseconds)
    guard point.endMonotonic > 0 else { return stats }
    let before = start.map { self.point(at: $0) } ?? ProcessPoint()
    let began = start == nil ? header.pointee.startMonotonic.value : before.endMonotonic
    stats.window_ns = point.endMonotonic &- min(began, point.endMonotonic)
    stats.uptime_ns = point.endMonotonic &- min(began, point.endMonotonic)
    stats.fillGauges(from: point)
    stats.fillCounters(
      from: point, since: before, nanoseconds: stats.window_ns, cpus: identity.pointee.cpus.value)
    stats.active_operations = point.activeOperations
    stats.fillRates(
      finished: point.finished &- min(before.finished, point.finished),
      failed: point.failed &- min(before.failed, point.failed))
    return stats
  }
}
