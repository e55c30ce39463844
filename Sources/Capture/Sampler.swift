// SPDX-License-Identifier: Apache-2.0
import CShim
import Recording
import Synchronization

// Call stacks by time. On the CPU, by a timer on each thread's CPU clock, whose signal reaches the thread in
// the midst of its work: it interrupts no system call that waits, since a waiting thread uses no CPU. Off the
// CPU, by the thread itself at the end of a wait that was long enough (docs/decisions/0007).

/// Stacks of threads with less room than this are not sampled: a signal's frame takes up to 4 KiB of it.
private let leastStackBytes: UInt64 = 64 << 10

/// Gives a thread its timer, if sampling is on and the thread can bear it. Another thread may be doing the
/// same, or stopping all timers: so the timer is known before it runs, and runs only if sampling is on still.
/// The first sample comes at a random moment of the period, so that what a thread does counts right on average
/// however short it lives, or between two moments at which it blocks the signal.
func startTimer(of lane: UnsafeMutablePointer<Lane>, in recording: Recording) {
  let period = recording.header.pointee.samplePeriod.value
  guard period > 0, lane.pointee.timer.value == 0 else { return }
  // Not in a child of vfork, which runs on its parent's memory.
  guard recording.header.pointee.processID.value == shim_process_id() else { return }
  let low = lane.pointee.stackLow.value
  guard low == 0 || lane.pointee.stackHigh.value &- low >= leastStackBytes else { return }
  let timer = shim_timer_create(lane.pointee.threadID.value)
  guard timer >= 0 else { return }
  guard lane.pointee.timer.exchange(0, for: UInt32(truncatingIfNeeded: timer) &+ 1) else {
    return shim_timer_delete(timer)
  }
  atomicMemoryFence(ordering: .sequentiallyConsistent)
  let first = 1 + UInt64(uniform(on: lane) * Double(period))
  if recording.header.pointee.samplePeriod.value == 0 || !shim_timer_run(timer, first, period) {
    stopTimer(of: lane)
  }
}

func stopTimer(of lane: UnsafeMutablePointer<Lane>) {
  let timer = lane.pointee.timer.value
  guard timer != 0, lane.pointee.timer.exchange(timer, for: 0) else { return }
  shim_timer_delete(Int32(truncatingIfNeeded: timer &- 1))
}

@c(shim_sampling_blocked) @implementation
public func shim_sampling_blocked(_ blocked: Bool) {
  guard let lane = currentLane() else { return }
  blocked ? stopTimer(of: lane) : startTimer(of: lane, in: attachedRecording())
}

/// In the handler of the timer's signal.
@c(shim_sampled) @implementation
public func shim_sampled(_ context: UnsafeMutableRawPointer, _ periods: UInt32) {
  guard let lane = currentLane() else { return }
  let recording = attachedRecording()
  let period = recording.header.pointee.samplePeriod.value
  guard period > 0, recording.header.pointee.mode.value != Header.Mode.off else { return }
  guard let site = siteHere(on: lane, of: recording, context: UnsafeRawPointer(context)) else {
    return
  }
  site.pointee.cpuSamples.add(periods)
  site.pointee.cpuNanoseconds.add(UInt64(periods) &* period)
}

/// The site of the innermost operation and the calling thread's stack.
func siteHere(
  on lane: UnsafeMutablePointer<Lane>, of recording: Recording, context: UnsafeRawPointer?
) -> UnsafeMutablePointer<Site>? {
  let node = recording.offset(of: innermostNode(of: lane, in: recording))
  let stack = recordStack(of: lane, in: recording, context: context)
  return recording.site(node: node, stack: stack).map { recording.at($0) }
}

/// After the calling thread has waited: takes its stack when it has waited a sampling period since the last
/// time. A wait of several periods counts with all of them, and what is left over is carried on, so that
/// on average every nanosecond of waiting counts once.
func sampleWait(
  _ nanoseconds: UInt64, on lane: UnsafeMutablePointer<Lane>, of recording: Recording
) {
  let period = recording.header.pointee.samplePeriod.value
  guard period > 0 else { return }
  let waited = lane.pointee.waitedNanoseconds.value &+ nanoseconds
  let whole = waited / period &* period
  lane.pointee.waitedNanoseconds.set(waited &- whole)
  guard whole > 0, let site = siteHere(on: lane, of: recording, context: nil) else { return }
  site.pointee.waits.add(1)
  site.pointee.waitNanoseconds.add(whole)
}
