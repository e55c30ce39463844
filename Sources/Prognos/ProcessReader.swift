// SPDX-License-Identifier: Apache-2.0
import CPrognos
import CShim
import Recording

/// What the process costs, from the system and the profile, since it started. What cannot be read is 0.
func readProcess(_ profile: Profile) -> prognos_process_stats {
  var probe = ProcessProbe()
  probe.read()
  return readProcess(profile, probe)
}

/// The same with what was read already.
func readProcess(_ profile: Profile, _ probe: ProcessProbe) -> prognos_process_stats {
  var stats = prognos_process_stats()
  let point = probe.point
  if let stat = ProcText("/proc/self/stat")?.after(last: 0x29) {
    let (ticks, perSecond) = (stat.number(18), max(shim_clock_ticks_per_second(), 1))
    let started =
      ticks / perSecond &* 1_000_000_000 &+ ticks % perSecond &* 1_000_000_000 / perSecond
    let now = shim_boot_ns()
    stats.uptime_ns = now > started ? now - started : 0
  }
  fillGauges(&stats, from: point)
  fillCounters(&stats, from: point, since: ProcessPoint(), nanoseconds: stats.uptime_ns)
  stats.pressure_cpu = probe.pressure.cpu
  stats.pressure_memory = probe.pressure.memory
  stats.pressure_io = probe.pressure.io
  stats.cgroup_pressure_cpu = probe.groupPressure.cpu
  stats.cgroup_pressure_memory = probe.groupPressure.memory
  stats.cgroup_pressure_io = probe.groupPressure.io

  profile.fill(&stats)
  return stats
}

/// The same over a window, which begins with a point of the collector's.
func readProcess(
  _ profile: Profile, _ probe: ProcessProbe, over window: HistoryWindow, nanoseconds: UInt64
) -> prognos_process_stats {
  var stats = readProcess(profile, probe)
  let now = profile.moment.monotonicNanoseconds
  let before = profile.recording.point(at: now > nanoseconds ? now - nanoseconds : 0)
  stats.window_ns = now - min(before.endMonotonic, now)
  fillCounters(&stats, from: probe.point, since: before, nanoseconds: stats.window_ns)
  func share(_ total: UInt64, _ earlier: UInt64) -> Double {
    guard stats.window_ns > 0, total > earlier else { return 0 }
    return min(Double(total - earlier) / Double(stats.window_ns), 1)
  }
  let point = probe.point
  stats.pressure_cpu = share(point.pressureCPUNanoseconds, before.pressureCPUNanoseconds)
  stats.pressure_memory = share(point.pressureMemoryNanoseconds, before.pressureMemoryNanoseconds)
  stats.pressure_io = share(point.pressureIONanoseconds, before.pressureIONanoseconds)
  stats.cgroup_pressure_cpu = share(
    point.groupPressureCPUNanoseconds, before.groupPressureCPUNanoseconds)
  stats.cgroup_pressure_memory = share(
    point.groupPressureMemoryNanoseconds, before.groupPressureMemoryNanoseconds)
  stats.cgroup_pressure_io = share(
    point.groupPressureIONanoseconds, before.groupPressureIONanoseconds)
  stats.wall_p50_ns = window.quantile(0.5, of: 0, in: profile) ?? 0
  stats.wall_p95_ns = window.quantile(0.95, of: 0, in: profile) ?? 0
  stats.wall_p99_ns = window.quantile(0.99, of: 0, in: profile) ?? 0
  let everything = profile.everything
  fillRates(
    &stats, finished: everything.count - min(before.finished, everything.count),
    failed: everything.failed - min(before.failed, everything.failed))
  return stats
}

private func fillRates(_ stats: inout prognos_process_stats, finished: UInt64, failed: UInt64) {
  let seconds = Double(stats.window_ns) / 1e9
  guard seconds > 0 else { return }
  stats.operations_per_s = Double(finished) / seconds
  stats.errors_per_min = Double(failed) / seconds * 60
}

private func fillGauges(_ stats: inout prognos_process_stats, from point: ProcessPoint) {
  stats.rss_bytes = point.rssBytes
  stats.virtual_bytes = point.virtualBytes
  stats.heap_bytes = point.heapBytes
  stats.open_fds = point.openDescriptors
  stats.threads = point.threads
  stats.cgroup_memory_bytes = point.groupMemoryBytes
  stats.cgroup_memory_limit_bytes = point.groupMemoryLimit
  stats.memory_limit_bytes =
    [point.groupMemoryLimit, point.addressSpaceLimit, point.dataLimit]
    .filter { $0 > 0 }.min() ?? 0
  stats.cpu_quota = Double(point.cpuQuota) / 1e9
  stats.cgroup_pids = point.groupProcesses
  stats.cgroup_pids_limit = point.groupProcessLimit
  stats.fd_limit = point.descriptorLimit
  stats.disk_total_bytes = point.diskTotalBytes
  stats.disk_free_bytes = point.diskFreeBytes
}

private func fillCounters(
  _ stats: inout prognos_process_stats, from point: ProcessPoint, since before: ProcessPoint,
  nanoseconds: UInt64
) {
  func more(_ now: UInt64, _ earlier: UInt64) -> UInt64 { now - min(earlier, now) }
  stats.cpu_ns = more(point.cpuNanoseconds, before.cpuNanoseconds)
  let available = Double(nanoseconds) * Double(max(shim_cpus_allowed(), 1))
  stats.cpu_ratio = available > 0 ? min(Double(stats.cpu_ns) / available, 1) : 0
  stats.read_bytes = more(point.readBytes, before.readBytes)
  stats.written_bytes = more(point.writtenBytes, before.writtenBytes)
  stats.minor_faults = more(point.minorFaults, before.minorFaults)
  stats.major_faults = more(point.majorFaults, before.majorFaults)
  stats.voluntary_switches = more(point.voluntarySwitches, before.voluntarySwitches)
  stats.involuntary_switches = more(point.involuntarySwitches, before.involuntarySwitches)
  stats.throttled_ns = more(point.throttledNanoseconds, before.throttledNanoseconds)
}

/// The name of the program, as the kernel keeps it.
func commandName() -> [UInt8] {
  guard let file = ProcText("/proc/self/comm") else { return [] }
  // The kernel cuts it at 15 bytes, maybe within a character.
  return cleaned(file.line + [0])
}

/// A NUL-terminated text as valid UTF-8.
private func cleaned(_ text: [UInt8]) -> [UInt8] {
  text.withUnsafeBytes { bytes in
    guard let start = bytes.baseAddress else { return [] }
    let clean = CleanText(start.assumingMemoryBound(to: CChar.self))
    return (0..<clean.count).map { clean.bytes[$0] }
  }
}
