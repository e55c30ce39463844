// SPDX-License-Identifier: Apache-2.0
import CShim
import Recording
import Synchronization

// The collector: one thread from prognos_start to prognos_stop, which ticks. What a tick does is
// `Prognos/Collect.swift`'s; here is when.
//
// A forked child has no such thread. Its handler must not start one: the child of a threaded parent may do next to
// nothing before exec. So the child's first begin, or its first call that is not hot, does (decision 0013).

/// The time between ticks in nanoseconds; 0 while no collector is wanted.
private let interval = Atomic<UInt64>(0)
private let isRunning = Atomic<Bool>(false)
/// One thread at a time starts or stops it.
private let changing = Atomic<Bool>(false)
private nonisolated(unsafe) var work: Ticks?

/// What the collector calls.
public struct Ticks {
  /// On the thread that starts it, before the first tick; false when there is no room for a history.
  let prepare: (Recording) -> Bool
  /// On the collector's thread: what it calls at each tick, with what it keeps from one to the next. A thread
  /// that was left behind shares it with none.
  let makeTick: () -> Tick

  /// Returns how much of its CPU time has a bound of its own, in nanoseconds, and does not hold back the next tick.
  public typealias Tick = (_ recording: Recording, _ interval: UInt64, _ isLast: Bool) -> UInt64

  public init(prepare: @escaping (Recording) -> Bool, makeTick: @escaping () -> Tick) {
    self.prepare = prepare
    self.makeTick = makeTick
  }
}

/// Starts the collector.
public func startCollector(every nanoseconds: UInt64, _ ticks: Ticks) {
  work = ticks
  interval.store(nanoseconds, ordering: .releasing)
  resumeCollector()
}

/// Starts it if it is wanted and does not run: in a forked child, and there only.
public func resumeCollector() {
  guard interval.load(ordering: .relaxed) != 0, !isRunning.load(ordering: .relaxed) else { return }
  change {
    guard interval.load(ordering: .acquiring) != 0, !isRunning.load(ordering: .relaxed),
      let recording = existingRecording(), let work
    else { return }
    // Once, also when it fails: no call is to try again and again.
    isRunning.store(true, ordering: .relaxed)
    makeDueFile(recording)
    if work.prepare(recording) { hasThread = shim_collector_start { collect($0) } }
  }
}
/// `isRunning` may be true without a thread, when the system gave none.
private nonisolated(unsafe) var hasThread = false

/// Ends it, after a last tick; returns when it has ended, or after 2 s if it hangs in the system.
public func stopCollector() {
  change {
    interval.store(0, ordering: .relaxed)
    isRunning.store(false, ordering: .relaxed)
    if hasThread { shim_collector_stop(2_000_000_000) }
    hasThread = false
  }
}

/// Has the collector tick now, and waits for it; false when there is none, or it hangs. Not on its own thread.
public func callCollector() -> Bool {
  resumeCollector()
  return interval.load(ordering: .relaxed) != 0 && hasThread && shim_collector_call(2_000_000_000)
}

/// In a forked child.
func forgetCollector() {
  changing.store(false, ordering: .relaxed)
  isRunning.store(false, ordering: .relaxed)
  hasThread = false
  shim_collector_forget()
}

private func change(_ body: () -> Void) {
  while changing.exchange(true, ordering: .acquiringAndReleasing) { shim_yield() }
  undisturbed(body)
  changing.store(false, ordering: .releasing)
}

/// The thread. Ticks come at a fixed beat of the monotonic clock; beats that were missed are left out. However
/// large the recording, ticks take at most a fiftieth of a CPU.
private func collect(_ number: UInt32) {
  guard let recording = existingRecording(), let work else { return }
  let tick = work.makeTick()
  let every = max(interval.load(ordering: .relaxed), 1_000_000)
  var due = shim_monotonic_ns() &+ every
  var used = shim_thread_cpu_ns()
  var served: UInt32 = 0
  while true {
    let heard = served
    guard shim_collector_wait(number, min(due, experimentIsDue()), &served) else { break }
    continueExperiment(in: recording)
    guard served != heard || shim_monotonic_ns() >= due else { continue }
    let apart = tick(recording, every, false)
    shim_collector_served(served)
    let nowUsed = shim_thread_cpu_ns()
    let cost = nowUsed &- used &- min(apart, nowUsed &- used)
    used = nowUsed
    let now = shim_monotonic_ns()
    // A tick that was called for changes nothing of the beat.
    if now >= due {
      due = due &+ max(every, cost &* 50 / every &* every)
      if due <= now { due = now &+ every &- (now &- due) % every }
    }
    guard shim_collector_is_wanted(number) else { break }
    recording.noteTick(cpuNanoseconds: used)
  }
  // One that was given up must not write beside its successor.
  if shim_collector_is_wanted(number &+ 1) { _ = tick(recording, every, true) }
}
