// SPDX-License-Identifier: Apache-2.0
import CShim
import Recording
import Synchronization

// How a thread gets its lane and gives it back.

/// The monotonic time of the last attempt that found no lane; 0 when there is none to wait for. A
/// thread without a lane tries again after a while, not at each of its calls.
private let lastRefusal = Atomic<UInt64>(0)
private let retryAfter: UInt64 = 10_000_000

/// Some thread got no lane, and none was given back since.
var isRefusingLanes: Bool { lastRefusal.load(ordering: .relaxed) != 0 }

/// In a forked child: operations that its ancestors had open at their forks, whose ends may still come.
private let openAtFork = Atomic<UInt32>(0)

/// Whether an end without a begin belongs to an operation that the parent had begun.
func wasOpenAtFork() -> Bool {
  var open = openAtFork.load(ordering: .relaxed)
  while open > 0 {
    let (done, now) = openAtFork.weakCompareExchange(
      expected: open, desired: open - 1, ordering: .relaxed)
    if done { return true }
    open = now
  }
  return false
}

/// Gives the calling thread a lane; nil when recording is impossible or all lanes are in use.
/// Cost: microseconds; makes the recording if there is none yet.
func attach() -> UnsafeMutablePointer<Lane>? {
  guard let recording = prepareRecording(), !recordsNothing, shim_hidden_slot() == nil else {
    return nil
  }
  let refusal = lastRefusal.load(ordering: .relaxed)
  if refusal != 0 && shim_monotonic_ns() &- refusal < retryAfter { return nil }
  makeDueFile(recording)
  guard let lane = recording.acquireLane() ?? reclaimLane(of: recording) else {
    lastRefusal.store(shim_monotonic_ns(), ordering: .relaxed)
    return nil
  }
  lane.pointee.threadID.set(shim_thread_id())
  lane.pointee.owners.add(1)
  stopTimer(of: lane)  // that was given to the thread before as it ended
  clearErrorText(of: lane)
  prepareCPUClock(of: lane, rung: recording.header.pointee.cpuClock.value, in: recording)
  if let interrupting = currentLane() {
    // A signal handler attached this thread meanwhile.
    detach(lane)
    return interrupting
  }
  prepareSampling(of: lane, in: recording)
  prepareKernelIO(of: lane, in: recording)
  noteThread(of: lane, in: recording)
  giveSignalStack(to: lane, in: recording)
  // From here on what the calls below allocate finds the lane.
  shim_slot_set(lane)
  shim_watch_thread(lane)
  if recording.stacksReady { prepareStackOfThread(lane, in: recording) }
  return lane
}

/// Gives a thread that allocates before its first begin a lane, which then counts what it does outside
/// operations; nil at the thread's end, when it had one.
@inline(never)
func attachFromHook() -> UnsafeMutablePointer<Lane>? {
  if shim_thread_is_ending() { return nil }
  let saved = shim_errno()
  defer { shim_errno_set(saved) }
  return attach()
}

private func prepareStackOfThread(_ lane: UnsafeMutablePointer<Lane>, in recording: Recording) {
  prepareStacks(of: lane, in: recording, depth: recording.header.pointee.stackDepth.value)
  if !shim_sampling_signal_is_blocked() { startTimer(of: lane, in: recording) }
}

/// Lets the lane's heap samples begin at a random distance.
func prepareSampling(of lane: UnsafeMutablePointer<Lane>, in recording: Recording) {
  if lane.pointee.random.value == 0 {
    lane.pointee.random.set(UInt64(recording.offset(of: lane)) ^ shim_monotonic_ns() &<< 20)
  }
  drawNextSample(on: lane, of: recording)
}

private func reclaimLane(of recording: Recording) -> UnsafeMutablePointer<Lane>? {
  freeLanesOfTheDead(in: recording)
  return recording.acquireLane()
}

/// Closes what threads left open that died without telling, as happens when their thread-specific data could not
/// be set up or the system was asked to end them at once.
/// Cost: a system call for each thread that records.
public func freeLanesOfTheDead(in recording: Recording) {
  recording.forEachLane { lane in
    let thread = lane.pointee.threadID.value
    guard lane.pointee.state.value == Lane.State.owned, thread != 0, !shim_thread_is_alive(thread),
      lane.pointee.state.exchange(Lane.State.owned, for: Lane.State.reclaimed)
    else { return }
    // It ended in its own way meanwhile, and somebody else has the lane.
    guard lane.pointee.threadID.value == thread else {
      _ = lane.pointee.state.exchange(Lane.State.reclaimed, for: Lane.State.owned)
      return
    }
    lane.pointee.threadID.set(0)
    abandonAll(on: lane, of: recording)
    takeSignalStack(of: lane)
    lane.pointee.state.publish(Lane.State.free)
  }
}

/// Called when a thread ends: what it left open is abandoned, its lane waits for another thread.
func threadEnded(_ slot: UnsafeMutableRawPointer) {
  let lane = slot.assumingMemoryBound(to: Lane.self)
  guard currentLane() == lane else { return }
  shim_slot_set(nil)
  abandonAll(on: lane, of: attachedRecording())
  detach(lane)
}

private func detach(_ lane: UnsafeMutablePointer<Lane>) {
  stopTimer(of: lane)
  forgetStack(of: lane)
  closePerfPage(of: lane)
  takeSignalStack(of: lane)
  noteThreadEnd(of: lane, in: attachedRecording())
  lane.pointee.threadID.set(0)
  lane.pointee.state.publish(Lane.State.free)
  lastRefusal.store(0, ordering: .relaxed)
}

/// Called before a fork. Neither this thread nor the child may use its lane until the child has left its
/// parent's file: other handlers of the fork may record.
func forking() {
  guard livePath() != nil, let lane = currentLane() else { return }
  let busy = lane.pointee.top.value % Frame.bytes != 0
  lane.pointee.depthAtFork.set(attachedRecording().depth(of: lane) &* 2 &+ (busy ? 1 : 0))
  _ = shim_slot_hide()
}

/// Called behind a fork in the parent.
func forkedParent() {
  if let lane = shim_hidden_slot() { shim_slot_set(lane) }
}

/// Called in the child of a fork, on its only thread. The child begins a recording of its own: names
/// and handles stay, numbers start at zero, nothing is open.
func forked() {
  let lane = currentLane() ?? shim_hidden_slot()?.assumingMemoryBound(to: Lane.self)
  var open: UInt32 = 0
  var isBusy = false
  if let lane {
    if livePath() != nil {
      // The parent goes on with its lane: what is there now is not what was at the fork.
      open = lane.pointee.depthAtFork.value / 2
      isBusy = lane.pointee.depthAtFork.value & 1 != 0
    } else {
      open = attachedRecording().depth(of: lane)
      isBusy = lane.pointee.top.value % Frame.bytes != 0
    }
  }
  lastRefusal.store(0, ordering: .relaxed)
  forgetExperiment()
  let header = existingRecording()?.header
  let (tracks, period) = (header?.pointee.liveTracks.value, header?.pointee.samplePeriod.value)
  guard restartRecordingInChild(isBusy: isBusy) else {
    shim_slot_set(lane)
    if let recording = existingRecording() { forgetOtherUnwinds(in: recording) }
    forgetCollector()
    return
  }
  openAtFork.wrappingAdd(open, ordering: .relaxed)
  forgetCollector()
  shim_slot_set(nil)
  shim_watch_thread(nil)
  guard !recordsNothing else { return }
  if let tracks, let period, let recording = existingRecording() {
    resumeTracking(tracks, period: period, in: recording)
  }
}
