// SPDX-License-Identifier: Apache-2.0
import CPrognos
import CShim
import Recording

// Spans: calls that leave their thread (docs/decisions/0014). An entered span is a frame of the thread's stack whose
// node is that of the span's path, so that hooks, samples, begin and end find it as they find any other.

/// What came of a call for a span or a session.
public enum Placement {
  case done
  case unknownHandle
  /// Not entered by this thread.
  case notEntered
  case enteredElsewhere
  /// A session that was closed.
  case closed
  /// No room: in the table, on the stack, or for another thread.
  case full
  /// In a signal handler that interrupted a hot call.
  case interrupted
}

/// Begins a span; no handle, and why, when that cannot be.
public func beginSpan(_ op: UInt32) -> (handle: UInt64, placement: Placement) {
  guard isEnabled() else { return (0, .done) }
  guard let lane = currentLane() ?? attach() else {
    countUntrackedCall()
    return (0, .done)
  }
  let recording = attachedRecording()
  if lane.pointee.top.value % Frame.bytes != 0, isLeftOut(on: lane) { return (0, .interrupted) }
  guard recording.isOperation(op) else {
    lane.pointee.unknownOperations.add(1)
    return (0, .done)
  }
  let topOffset = lane.pointee.top.value
  markBusy(lane, top: topOffset)
  defer { lane.pointee.top.publish(topOffset) }
  let top = recording.frame(top: topOffset)
  guard let (record, handle) = recording.takeSpan(op, from: top.pointee.node.value, on: lane) else {
    return (0, .full)
  }
  if let session = recording.sessionHandle(of: recording.skippingLowest(top)) {
    record.pointee.session.set(session.value)
  }
  record.pointee.start.set(ticks(in: recording))
  record.pointee.slot.word.publish(Slot.word(handle.generation, SpanRecord.State.suspended))
  return (handle.value, .done)
}

public func enterSpan(_ value: UInt64) -> Placement {
  let handle = SlotHandle(value)
  guard value != 0, isEnabled() else { return .done }
  guard let record = existingRecording()?.span(handle)?.record else { return unknownHandle() }
  guard let lane = currentLane() ?? attach() else {
    countUntrackedCall()
    return .full
  }
  if isExperimentLive { passBoundary() }
  let recording = attachedRecording()
  if lane.pointee.top.value % Frame.bytes != 0, isLeftOut(on: lane) { return .interrupted }
  // Busy first: a handler must not find the span entered and no frame of it.
  let topOffset = lane.pointee.top.value
  markBusy(lane, top: topOffset)
  let suspended = Slot.word(handle.generation, SpanRecord.State.suspended)
  let mine = Slot.word(handle.generation, recording.offset(of: lane))
  guard record.pointee.slot.word.exchange(suspended, for: mine) else {
    lane.pointee.top.publish(topOffset)
    return inUse(handle, in: recording)
  }
  let top = recording.frame(top: topOffset)
  guard let slot = slotToEnter(above: top, on: lane, of: recording) else {
    lane.pointee.top.publish(topOffset)
    record.pointee.slot.word.publish(suspended)
    return .full
  }
  let below = recording.skippingLowest(top)
  var now: UInt64?
  if !stayedOnCPU(lane) { now = synchronizeCPUClock(of: lane, chargedTo: below, in: recording) }
  chargeKernelIO(to: below, on: lane, of: recording)
  if record.pointee.session.value == 0, let session = recording.sessionHandle(of: below) {
    record.pointee.session.set(session.value)
  }
  slot.pointee.node.set(recording.node(of: record, in: lane))
  slot.pointee.parent.set(handle.index)
  slot.pointee.key.set(Frame.Mark.span | UInt64(record.pointee.operation.value))
  slot.pointee.state.set(0)
  slot.pointee.work.set(0)
  // A clock that is asked each time was asked just now.
  let isAsked = now != nil && lane.pointee.cpuClock.value != CPUClock.rseq
  slot.pointee.start.set(isAsked ? now ?? 0 : ticks(in: recording))
  noteEvent(
    TimelineWord.enter, slot.pointee.operation, at: slot.pointee.start.value, on: lane,
    of: recording)
  lane.pointee.top.publish(recording.offset(of: slot))
  return .done
}

/// The slot for a span or a session on a busy lane; nil when what is open there is nested too deep.
func slotToEnter(
  above top: UnsafeMutablePointer<Frame>, on lane: UnsafeMutablePointer<Lane>,
  of recording: Recording
) -> UnsafeMutablePointer<Frame>? {
  guard top.pointee.key.value != Frame.Mark.wall, let slot = recording.slot(above: top, in: lane)
  else {
    lane.pointee.tooDeep.add(1)
    return nil
  }
  return slot
}

public func leaveSpan(_ value: UInt64) -> Placement {
  let handle = SlotHandle(value)
  guard value != 0 else { return .done }
  guard let recording = existingRecording(), let (_, state) = recording.span(handle) else {
    return unknownHandle()
  }
  guard let lane = currentLane(), state == recording.offset(of: lane) else {
    return notEntered(in: recording)
  }
  if isExperimentLive { passBoundary() }
  if lane.pointee.top.value % Frame.bytes != 0, isLeftOut(on: lane) { return .interrupted }
  return leave(Frame.Mark.span, handle.index, on: lane, of: recording)
}

/// Ends a span. A thread that gets no lane adds it to the sums of its operation.
public func endSpan(_ value: UInt64) -> Placement {
  let handle = SlotHandle(value)
  guard value != 0 else { return .done }
  guard let recording = existingRecording(), let (record, _) = recording.span(handle) else {
    return unknownHandle()
  }
  guard let lane = currentLane() ?? attach() else {
    guard changes(record, handle) else { return inUse(handle, in: recording) }
    add(record, handle, to: CallNode.pathless, on: nil, of: recording)
    return .done
  }
  if isExperimentLive { passBoundary(completing: record.pointee.operation.value) }
  if lane.pointee.top.value % Frame.bytes != 0, isLeftOut(on: lane) { return .interrupted }
  let mine = Slot.word(handle.generation, recording.offset(of: lane))
  if record.pointee.slot.word.value == mine {
    _ = leave(Frame.Mark.span, handle.index, on: lane, of: recording)
    // A handler that left an enter by siglongjmp left no frame.
    _ = record.pointee.slot.word.exchange(
      mine, for: Slot.word(handle.generation, SpanRecord.State.suspended))
  }
  let topOffset = lane.pointee.top.value
  markBusy(lane, top: topOffset)
  let isOurs = changes(record, handle)
  if isOurs {
    add(record, handle, to: recording.node(of: record, in: lane), on: lane, of: recording)
  }
  lane.pointee.top.publish(topOffset)
  if isOurs { return .done }
  // A handler has entered it just now.
  if record.pointee.slot.word.value == mine { return endSpan(value) }
  return inUse(handle, in: recording)
}

/// Takes a suspended span out of everybody's hands.
private func changes(_ record: UnsafeMutablePointer<SpanRecord>, _ handle: SlotHandle) -> Bool {
  record.pointee.slot.word.exchange(
    Slot.word(handle.generation, SpanRecord.State.suspended),
    for: Slot.word(handle.generation, SpanRecord.State.changing))
}

/// Adds a span that ends to its path, on a busy lane, and to its session, and gives its record back.
private func add(
  _ record: UnsafeMutablePointer<SpanRecord>, _ handle: SlotHandle, to node: UInt32,
  on lane: UnsafeMutablePointer<Lane>?, of recording: Recording
) {
  let now = ticks(in: recording)
  let call = FinishedCall(of: record, at: now)
  if let lane, node & CallNode.pathless == 0 {
    call.add(to: recording.at(node), on: lane, of: recording)
  } else {
    lane?.pointee.untrackedPaths.add(1)
    call.add(to: recording.operation(record.pointee.operation.value))
  }
  if record.pointee.session.value != 0,
    let session = recording.session(SlotHandle(record.pointee.session.value))
  {
    recording.count(call.inSession, in: session, at: now)
  }
  recording.giveBack(record, handle)
}

public func addWork(_ amount: UInt64, toSpan value: UInt64) -> Placement {
  guard value != 0 else { return .done }
  guard let record = existingRecording()?.span(SlotHandle(value))?.record else {
    return unknownHandle()
  }
  record.pointee.work.addShared(amount)
  return .done
}

public func failSpan(_ value: UInt64, _ kind: UnsafePointer<CChar>?) -> Placement {
  guard value != 0 else { return .done }
  guard let recording = existingRecording(),
    let record = recording.span(SlotHandle(value))?.record
  else { return unknownHandle() }
  let number = numberOfKind(kind, in: recording)
  record.pointee.failure.set(Frame.State.failed | number &<< Frame.State.kindShift)
  return .done
}

// MARK: Leaving

/// Leaves what the thread has entered under this mark and index, and all that stands on it. On a lane that is not
/// busy.
func leave(
  _ mark: UInt64, _ index: UInt32, on lane: UnsafeMutablePointer<Lane>, of recording: Recording
) -> Placement {
  let topOffset = lane.pointee.top.value
  markBusy(lane, top: topOffset)
  var top = recording.frame(top: topOffset)
  if top.pointee.key.value == Frame.Mark.wall { top -= 1 }
  top = recording.skippingLowest(top)
  var found = top
  while found.pointee.key.value &>> 32 != mark &>> 32 || found.pointee.parent.value != index {
    if found.pointee.key.value == Frame.Mark.root {
      lane.pointee.top.publish(topOffset)
      return notEntered(in: recording)
    }
    found = recording.skippingLowest(found - 1)
  }
  var now = ticks(in: recording)
  if !stayedOnCPU(lane) { now = synchronizeCPUClock(of: lane, chargedTo: top, in: recording) }
  chargeKernelIO(to: top, on: lane, of: recording)
  while top != found {
    top = close(top, at: now, abandoned: true, on: lane, of: recording)
  }
  top = close(top, at: now, abandoned: false, on: lane, of: recording)
  lane.pointee.top.publish(recording.offset(of: top))
  return .done
}

/// Takes the frame of an entered span or session from the stack; returns the one below.
func closeEntered(
  _ frame: UnsafeMutablePointer<Frame>, at now: UInt64, forced: Bool,
  on lane: UnsafeMutablePointer<Lane>, of recording: Recording
) -> UnsafeMutablePointer<Frame> {
  let below = recording.skippingLowest(frame - 1)
  if forced { recording.header.pointee.spans.forcedLeaves.addShared(1) }
  let entered = FinishedCall(of: frame, at: now, abandoned: false)
  if entered.wasSwitched, below.pointee.operation != 0 { below.addSwitches(of: frame) }
  let index = frame.pointee.parent.value
  if frame.pointee.isSession {
    if below.pointee.operation != 0 { entered.handDown(to: below) }
    recording.leaveSession(index: index)
  } else if let record = recording.span(index: index) {
    entered.addAsCallee(to: below, of: recording)
    let word = record.pointee.slot.word.value
    if UInt32(truncatingIfNeeded: word) == recording.offset(of: lane) {
      entered.add(to: record)
      record.pointee.slot.word.publish(
        Slot.word(record.pointee.slot.generation, SpanRecord.State.suspended))
    }
  }
  return below
}

// MARK: What is out of place

@inline(never)
public func unknownHandle() -> Placement {
  existingRecording()?.header.pointee.spans.unknownHandles.addShared(1)
  return .unknownHandle
}

/// Somebody else has the span.
private func inUse(_ handle: SlotHandle, in recording: Recording) -> Placement {
  guard recording.span(handle) != nil else { return unknownHandle() }
  recording.header.pointee.spans.misplacedCalls.addShared(1)
  return .enteredElsewhere
}

/// While recording is off, nothing is entered either.
@inline(never)
func notEntered(in recording: Recording) -> Placement {
  guard isEnabled() else { return .done }
  recording.header.pointee.spans.misplacedCalls.addShared(1)
  return .notEntered
}
