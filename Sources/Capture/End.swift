// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Recording

/// The fast path: the top operation, without failure or switch, in an octave that has buckets.
/// Everything rarer is `endCarefully`.
#if hasFeature(Embedded)
  @_noLocks
#endif
@c(prognos_end) @implementation
public func prognos_end(_ op: prognos_op) {
  guard let lane = currentLane() else { return endCarefully(op) }
  let recording = attachedRecording()
  let mode = recording.header.pointee.mode.value
  if mode != Header.Mode.counter {
    let isIdle =
      mode == Header.Mode.off && lane.pointee.top.value == lane.pointee.firstFrame.value
    return isIdle ? () : endWithMore(op)
  }
  endQuickly(op, on: lane, of: recording, isTimed: false)
}

/// - Parameter isTimed: it is an event of the timeline, too.
@_semantics("no_performance_analysis") @inline(__always)
func endQuickly(
  _ op: UInt32, on lane: UnsafeMutablePointer<Lane>, of recording: Recording, isTimed: Bool
) {
  // Busy from here on: what a signal handler does meanwhile must not change what is looked at.
  let top = lane.pointee.top.value
  markBusy(lane, top: top)
  // When the lane was busy before, this reads the guard as the key.
  let frame: UnsafeMutablePointer<Frame> = recording.at(top)
  guard frame.pointee.key.value == UInt64(op), frame.pointee.state.value == 0 else {
    lane.pointee.top.set(top)
    return endCarefully(op)
  }

  let waiting: UnsafeMutablePointer<Cell32> = recording.at(lane.pointee.pendingBefore.value)
  waiting.pointee.add(1)
  lane.pointee.pendingBefore.set(lane.pointee.pending.value)
  let now = counterTicks()
  let wall = now &- frame.pointee.start.value
  let node: UnsafeMutablePointer<CallNode> = recording.at(frame.pointee.node.value)
  let bucket = Histogram.bucket(wall & (Histogram.limit &- 1))
  let buckets = node.pointee.histogram.octaves[unchecked: Int(truncatingIfNeeded: bucket &>> 6)]
    .value
  let offset = buckets &+ UInt32(truncatingIfNeeded: bucket & 63) &* 4
  let cell: UnsafeMutablePointer<Cell32> = recording.at(offset)
  // A counter that ran backwards, too, gives a value beyond the limit.
  let calls = node.pointee.ended.value &+ 1
  guard stayedOnCPU(lane), wall < Histogram.limit, buckets != 0, cell.pointee.value < .max - 2,
    ~wall >= node.pointee.slowComplement.value, calls & (SlowCalls.checkEvery &- 1) != 0
  else {
    return endCarefully(op, leaving: top, on: lane, of: recording)
  }
  node.pointee.begun.set(calls)
  orderForReaders()
  lane.pointee.pending.set(offset)
  node.pointee.wallTicks.add(wall)
  let work = frame.pointee.work.value
  node.pointee.work.add(work)
  if wall > node.pointee.slowestTicks.value { node.pointee.slowestTicks.set(wall) }
  if ~wall > node.pointee.fastestComplement.value { node.pointee.fastestComplement.set(~wall) }
  node.pointee.ended.publish(calls)
  if isTimed {
    recording.recordEnd(TimelineWord.end, op, at: now, work: work, state: 0, on: lane)
  }
  guard work == 0 else { return endWithWork(wall, at: now, top, on: lane, of: recording) }
  lane.pointee.top.publish(top &- Frame.bytes)
}

/// Keeps the duration of a call that told its work, on a busy lane, and takes it from the stack. Apart, and the last
/// thing that end does, so that calls without work need no registers for it.
@_semantics("no_performance_analysis") @inline(never)
private func endWithWork(
  _ wall: UInt64, at now: UInt64, _ top: UInt32, on lane: UnsafeMutablePointer<Lane>,
  of recording: Recording
) {
  let frame: UnsafeMutablePointer<Frame> = recording.at(top)
  recording.noteDuration(
    work: frame.pointee.work.value, wallTicks: wall, at: now,
    of: recording.at(frame.pointee.node.value), in: lane)
  lane.pointee.top.publish(top &- Frame.bytes)
}

/// Leaves the fast path after the lane was marked busy.
@_semantics("no_performance_analysis") @inline(never)
private func endCarefully(
  _ op: prognos_op, leaving top: UInt32, on lane: UnsafeMutablePointer<Lane>,
  of recording: Recording
) {
  lane.pointee.pending.set(recording.nothingPending(in: lane))
  lane.pointee.top.set(top)
  endCarefully(op)
}

/// Ends in any situation: extra numbers to add, a switch, calls left open inside, an end without a
/// begin, a signal handler.
@_semantics("no_performance_analysis") @inline(never)
func endCarefully(_ op: prognos_op) {
  guard let lane = currentLane() else { return countUnbalancedEnd() }
  let recording = attachedRecording()
  if lane.pointee.top.value % Frame.bytes != 0, isLeftOut(on: lane) { return }
  let topOffset = lane.pointee.top.value
  markBusy(lane, top: topOffset)
  let top = end(
    op, at: ticks(in: recording), below: recording.frame(top: topOffset), on: lane, of: recording)
  lane.pointee.top.publish(recording.offset(of: top))
}

/// Takes an operation, and what was left open inside it, from the stack of a busy lane; returns the
/// new top.
private func end(
  _ op: UInt32, at now: UInt64, below top: UnsafeMutablePointer<Frame>,
  on lane: UnsafeMutablePointer<Lane>, of recording: Recording
) -> UnsafeMutablePointer<Frame> {
  // Also keeps 0 from being taken for a frame that holds no operation.
  guard recording.isOperation(op) else {
    if isEnabled() { lane.pointee.unknownOperations.add(1) }
    return top
  }
  var (top, now) = (top, now)
  if top.pointee.key.value == Frame.Mark.wall {
    if top.pointee.start.value & bitOfTooDeep(op) != 0 {
      noteEvent(TimelineWord.end, op, at: now, on: lane, of: recording)
      let left = top.pointee.work.value &- 1
      top.pointee.work.set(left)
      return left == 0 ? top - 1 : top
    }
    top -= 1  // an operation further down ends, and with it all that were too deep
  }
  top = recording.skippingLowest(top)
  if !stayedOnCPU(lane) { now = synchronizeCPUClock(of: lane, chargedTo: top, in: recording) }
  chargeKernelIO(to: top, on: lane, of: recording)

  var found = top
  while !found.pointee.isCall(of: op) {
    if found.pointee.key.value == Frame.Mark.root {
      if isEnabled() && !wasOpenAtFork() { lane.pointee.unbalancedEnds.add(1) }
      return top
    }
    found = recording.skippingLowest(found - 1)
  }
  while top != found {
    top = close(top, at: now, abandoned: true, on: lane, of: recording)
  }
  return close(top, at: now, abandoned: false, on: lane, of: recording)
}

/// Closes everything that is open on a lane whose thread ends.
func abandonAll(on lane: UnsafeMutablePointer<Lane>, of recording: Recording) {
  let now = ticks(in: recording)
  var top = recording.frame(top: lane.pointee.top.value)
  if top.pointee.key.value == Frame.Mark.wall { top -= 1 }
  top = recording.skippingLowest(top)
  while top.pointee.key.value != Frame.Mark.root {
    top = close(top, at: now, abandoned: true, on: lane, of: recording)
  }
  lane.pointee.top.set(recording.offset(of: top))
}

/// Adds a call to its node, or leaves what is entered, and takes it from the stack; returns the frame below.
@inline(never)
func close(
  _ frame: UnsafeMutablePointer<Frame>, at now: UInt64, abandoned: Bool,
  on lane: UnsafeMutablePointer<Lane>, of recording: Recording
) -> UnsafeMutablePointer<Frame> {
  if frame.pointee.isSpan || frame.pointee.isSession {
    if frame.pointee.isSpan {
      noteEvent(TimelineWord.leave, frame.pointee.operation, at: now, on: lane, of: recording)
    }
    return closeEntered(frame, at: now, forced: abandoned, on: lane, of: recording)
  }
  let below = recording.skippingLowest(frame - 1)
  noteEnd(of: frame, at: now, abandoned: abandoned, on: lane, of: recording)
  let call = FinishedCall(of: frame, at: now, abandoned: abandoned)
  if call.wasSwitched, below.pointee.operation != 0 { below.addSwitches(of: frame) }
  if below.pointee.isSession, let session = recording.session(index: below.pointee.parent.value) {
    recording.count(call.inSession, in: session, at: now)
  }
  if frame.pointee.isPathless {
    lane.pointee.untrackedPaths.add(1)
    let record = recording.operation(frame.pointee.operation)
    call.add(to: record)
    call.addAsCallee(to: below, of: recording)
  } else {
    let node: UnsafeMutablePointer<CallNode> = recording.at(frame.pointee.node.value)
    call.add(to: node, on: lane, of: recording)
    if recording.header.pointee.liveTracks.value & PROGNOS_TRACK_STACKS != 0 {
      considerSlowCall(call.wallTicks, of: node, at: now, on: lane, of: recording)
    }
  }
  return below
}
