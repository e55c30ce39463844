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
  stats.fillGauges(from: point)
  stats.fillCounters(
    from: point, since: ProcessPoint(), nanoseconds: stats.uptime_ns, cpus: shim_cpus_allowed())
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
  stats.fillCounters(
    from: probe.point, since: before, nanoseconds: stats.window_ns, cpus: shim_cpus_allowed())
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
  stats.fillRates(
    finished: everything.count - min(before.finished, everything.count),
    failed: everything.failed - min(before.failed, everything.failed))
  return stats
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
