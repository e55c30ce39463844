// SPDX-License-Identifier: Apache-2.0
import CShim
import Recording

// The ladder of CPU clocks: the first rung that works here, and why the ones above do not.

/// Chooses the process's rung. Cost: some 0.2 ms, once; sleeps a moment to see whether a switch shows.
func chooseCPUClock(tracked: Bool) -> (rung: UInt32, reason: CPUClockReason) {
  guard tracked else { return (CPUClock.off, .notTracked) }
  switch Options.wantedCPUClock {
  case .threadClock: return (CPUClock.threadClock, .wantedByEnvironment)
  case .perf:
    return perfWorks()
      ? (CPUClock.perf, .wantedByEnvironment) : (CPUClock.threadClock, .wantedPerfByEnvironment)
  case .best: break
  }
  switch probeRseq() {
  case .works: return (CPUClock.rseq, .works)
  case let reason: return descend(reason)
  }
}

private func descend(_ reason: CPUClockReason) -> (UInt32, CPUClockReason) {
  if perfWorks() { return (CPUClock.perf, reason) }
  switch reason {
  case .switchNotSeen: return (CPUClock.threadClock, .switchNotSeenNorPerf)
  case .markNotKept: return (CPUClock.threadClock, .markNotKeptNorPerf)
  default: return (CPUClock.threadClock, .noRseqAreaNorPerf)
  }
}

private func perfWorks() -> Bool {
  guard let page = shim_perf_open() else { return false }
  shim_perf_close(page)
  return true
}

/// Arms the mark, sleeps, and looks: newer kernels may leave it standing when a thread is switched
/// out inside a system call, and then CPU time would be overstated.
private func probeRseq() -> CPUClockReason {
  guard let field = shim_rseq_field() else { return .noRseqArea }
  let word = UnsafeMutableRawPointer(field)
  let mark = shim_rseq_descriptor()
  for _ in 0..<2 {
    // It must stand while nothing happens (a few attempts, since a switch may come in between) ...
    var stood = false
    for _ in 0..<16 where !stood {
      shim_store(word, mark)
      let begun = shim_monotonic_ns()
      while shim_monotonic_ns() &- begun < 500 {}
      stood = shim_load(word) == mark
    }
    if !stood { return .markNotKept }
    // ... and fall when the thread sleeps.
    shim_store(word, mark)
    shim_sleep_ns(1000)
    // A thread of a real-time class is woken up on time: before it slept.
    if shim_load(word) == mark { shim_sleep_ns(200_000) }
    if shim_load(word) == mark { return .switchNotSeen }
  }
  return .works
}
