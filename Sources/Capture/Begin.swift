// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Recording

/// The fast path: the operation that this slot of the stack held last, under the same parent, on a
/// thread that was not switched out. Everything rarer is `beginCarefully`.
#if hasFeature(Embedded)
  @_noLocks
#endif
@c(prognos_begin) @implementation
public func prognos_begin(_ op: prognos_op) {
  guard let lane = currentLane() else { return beginCarefully(op) }
  let recording = attachedRecording()
  let mode = recording.header.pointee.mode.value
  if mode != Header.Mode.counter { return mode == Header.Mode.off ? () : beginWithMore(op) }
  beginQuickly(op, on: lane, of: recording, isTimed: false)
}

/// - Parameter isTimed: it is an event of the timeline, too.
@_semantics("no_performance_analysis") @inline(__always)
func beginQuickly(
  _ op: UInt32, on lane: UnsafeMutablePointer<Lane>, of recording: Recording, isTimed: Bool
) {
  // Busy from here on: what a signal handler does meanwhile must not change what is looked at.
  let top = lane.pointee.top.value
  markBusy(lane, top: top)
  // When the lane was busy before, this reads the guard as the key.
  let parent: UnsafeMutablePointer<Frame> = recording.at(top)
  let slot = parent + 1
  guard slot.pointee.key.value == UInt64(op),
    slot.pointee.parent.value == parent.pointee.node.value
  else { return beginCarefully(op, leaving: top, on: lane) }
  slot.pointee.state.set(0)
  slot.pointee.work.set(0)
  let now = counterTicks()
  slot.pointee.start.set(now)
  // After the counter: a switch before it is not this call's.
  guard stayedOnCPU(lane) else { return beginCarefully(op, leaving: top, on: lane) }
  if isTimed { recording.recordEvent(TimelineWord.begin, op, at: now, on: lane) }
  lane.pointee.top.publish(top &+ Frame.bytes)
}

/// Leaves the fast path after the lane was marked busy.
@_semantics("no_performance_analysis") @inline(never)
private func beginCarefully(
  _ op: prognos_op, leaving top: UInt32, on lane: UnsafeMutablePointer<Lane>
) {
  lane.pointee.top.set(top)
  beginCarefully(op)
}

/// Begins in any situation: the first call of a thread, a new path, a switch, a full stack, a
/// handle that is none, a signal handler.
@_semantics("no_performance_analysis") @inline(never)
func beginCarefully(_ op: prognos_op) {
  guard isEnabled() else { return }
  guard let lane = currentLane() ?? attach() else { return countUntrackedCall() }
  let recording = attachedRecording()
  if lane.pointee.top.value % Frame.bytes != 0, isLeftOut(on: lane) { return }
  resumeCollector()
  let topOffset = lane.pointee.top.value
  markBusy(lane, top: topOffset)
  let below = recording.frame(top: topOffset)
  let top = begin(op, above: below, on: lane, of: recording)
  if top != below, top.pointee.operation != 0 {
    noteEvent(TimelineWord.begin, op, at: top.pointee.start.value, on: lane, of: recording)
  }
  lane.pointee.top.publish(recording.offset(of: top))
}

/// Puts an operation on the stack of a busy lane; returns the new top.
private func begin(
  _ op: UInt32, above top: UnsafeMutablePointer<Frame>, on lane: UnsafeMutablePointer<Lane>,
  of recording: Recording
) -> UnsafeMutablePointer<Frame> {
  guard recording.isOperation(op) else {
    lane.pointee.unknownOperations.add(1)
    return top
  }
  if top.pointee.key.value == Frame.Mark.wall {
    lane.pointee.tooDeep.add(1)
    top.pointee.work.add(1)
    top.pointee.start.set(top.pointee.start.value | bitOfTooDeep(op))
    noteEvent(TimelineWord.begin, op, at: ticks(in: recording), on: lane, of: recording)
    return top
  }
  guard let slot = recording.slot(above: top, in: lane) else {
    let wall = top + 1
    lane.pointee.tooDeep.add(1)
    wall.pointee.work.set(1)
    wall.pointee.node.set(top.pointee.node.value)
    wall.pointee.start.set(bitOfTooDeep(op))
    noteEvent(TimelineWord.begin, op, at: ticks(in: recording), on: lane, of: recording)
    return wall
  }
  // What happened since the last call belongs to the operation that is open so far.
  var synchronized: UInt64?
  if !stayedOnCPU(lane) {
    synchronized = synchronizeCPUClock(
      of: lane, chargedTo: recording.skippingLowest(top), in: recording)
  }

  chargeKernelIO(to: recording.skippingLowest(top), on: lane, of: recording)
  let parent = top.pointee.node.value
  var node: UInt32?
  if !top.pointee.isPathless { node = recording.child(op, of: parent, in: lane) }
  slot.pointee.node.set(node ?? parent | CallNode.pathless)
  slot.pointee.parent.set(node == nil ? 0 : parent)
  let isPlain =
    node != nil && recording.header.pointee.mode.value != Header.Mode.careful
    && !recording.skippingLowest(top).pointee.isSession
  if top.pointee.operation == 0 {
    let before = UInt32(truncatingIfNeeded: slot.pointee.key.value)
    if before != op && recording.isOperation(before) { lane.pointee.taskSwitches.add(1) }
  }
  slot.pointee.key.set(isPlain ? UInt64(op) : Frame.Mark.careful | UInt64(op))
  slot.pointee.state.set(0)
  slot.pointee.work.set(0)
  if let synchronized, lane.pointee.cpuClock.value != CPUClock.rseq {
    // A clock that is asked each time was asked just now.
    slot.pointee.start.set(synchronized)
    return slot
  }
  slot.pointee.start.set(ticks(in: recording))
  // Not rarely the thread is switched out as it comes back from the system calls above.
  if !stayedOnCPU(lane) {
    slot.pointee.start.set(
      synchronizeCPUClock(of: lane, chargedTo: recording.skippingLowest(top), in: recording))
  }
  return slot
}

/// The bit that stands for an operation among those nested too deep.
func bitOfTooDeep(_ op: UInt32) -> UInt64 { 1 &<< UInt64(op & 63) }
