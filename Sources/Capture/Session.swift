// SPDX-License-Identifier: Apache-2.0
import CShim
import Recording

// Sessions. An entered one is a frame of the thread's stack; operations that stand on it take the slow path at
// their end, which counts them there, too.

/// Opens a session; nil when there is no room for one more.
public func openSession(_ name: borrowing CleanText, in recording: Recording) -> UInt64? {
  let registrar = lockSessions(of: recording)
  defer { unlockSessions(of: recording, registrar) }
  guard registrar else { return nil }
  let unix = UInt64(bitPattern: shim_unix_ns())
  return recording.openSession(name, ticks: ticks(in: recording), unix: unix)?.value
}

public func closeSession(_ value: UInt64) -> Placement {
  let handle = SlotHandle(value)
  guard value != 0 else { return .done }
  guard let recording = existingRecording(), recording.session(handle) != nil else {
    return unknownHandle()
  }
  let registrar = lockSessions(of: recording)
  defer { unlockSessions(of: recording, registrar) }
  guard registrar else { return .interrupted }
  return recording.closeSession(handle, ticks: ticks(in: recording)) ? .done : .closed
}

/// False in a signal handler that interrupted another open or close on its thread.
private func lockSessions(of recording: Recording) -> Bool {
  let thread = shim_thread_id()
  let header = recording.header
  while !header.pointee.sessions.registrar.exchange(0, for: thread) {
    if header.pointee.sessions.registrar.value == thread { return false }
    shim_yield()
  }
  return true
}

private func unlockSessions(of recording: Recording, _ isLocked: Bool) {
  if isLocked { recording.header.pointee.sessions.registrar.publish(0) }
}

public func enterSession(_ value: UInt64) -> Placement {
  let handle = SlotHandle(value)
  guard value != 0, isEnabled() else { return .done }
  guard let record = existingRecording()?.session(handle) else { return unknownHandle() }
  guard let lane = currentLane() ?? attach() else {
    countUntrackedCall()
    return .full
  }
  let recording = attachedRecording()
  if lane.pointee.top.value % Frame.bytes != 0, isLeftOut(on: lane) { return .interrupted }
  let topOffset = lane.pointee.top.value
  markBusy(lane, top: topOffset)
  let top = recording.frame(top: topOffset)
  guard let slot = slotToEnter(above: top, on: lane, of: recording) else {
    lane.pointee.top.publish(topOffset)
    return .full
  }
  guard recording.enterSession(record, handle) else {
    lane.pointee.top.publish(topOffset)
    return recording.session(handle) == nil ? unknownHandle() : .closed
  }
  let below = recording.skippingLowest(top)
  slot.pointee.node.set(below.pointee.node.value)
  slot.pointee.parent.set(handle.index)
  slot.pointee.key.set(Frame.Mark.session | UInt64(below.pointee.operation))
  slot.pointee.state.set(0)
  slot.pointee.work.set(0)
  slot.pointee.start.set(ticks(in: recording))
  // What this slot held last must not let an operation in the session begin on the fast path.
  let above = slot + 1
  if above.pointee.key.value != Frame.Mark.wall { above.pointee.key.set(Frame.Mark.careful) }
  lane.pointee.top.publish(recording.offset(of: slot))
  return .done
}

public func leaveSession(_ value: UInt64) -> Placement {
  let handle = SlotHandle(value)
  guard value != 0 else { return .done }
  guard let recording = existingRecording(), recording.session(handle) != nil else {
    return unknownHandle()
  }
  guard let lane = currentLane() else { return notEntered(in: recording) }
  if lane.pointee.top.value % Frame.bytes != 0, isLeftOut(on: lane) { return .interrupted }
  return leave(Frame.Mark.session, handle.index, on: lane, of: recording)
}
