// SPDX-License-Identifier: Apache-2.0
import CPrognos
import CShim
import Recording

// Crash notes: what the handlers of fatal signals (CShim/crash.c) write. All of it may run at any instant, on a
// stack of 64 KiB, with the heap locked and memory damaged: a crash in here ends the note and nothing else.

/// Puts the handlers in place. Stacks are walked also where no track asks for them.
func startCrashNotes(in recording: Recording) {
  guard recording.prepareCrashNotes() else { return }
  if !recording.stacksReady { _ = prepareStacks(in: recording, stackBytes: 64 << 10) }
  recording.header.pointee.crash.isLive.set(1)
  if let lane = currentLane() { giveSignalStack(to: lane, in: recording) }
  shim_crash_install()
}

func stopCrashNotes(in recording: Recording) {
  guard recording.header.pointee.crash.isLive.value != 0 else { return }
  shim_crash_remove()
  recording.header.pointee.crash.isLive.set(0)
}

/// Gives the calling thread an alternative stack, without which an overflow of its own has no handler. Threads
/// that have one keep theirs.
func giveSignalStack(to lane: UnsafeMutablePointer<Lane>, in recording: Recording) {
  guard recording.header.pointee.crash.isLive.value != 0, lane.pointee.signalStack.value == 0
  else { return }
  let stack = undisturbed { shim_signal_stack_give() }
  lane.pointee.signalStack.set(UInt64(UInt(bitPattern: stack)))
}

/// At the end of the lane's thread, on it, or when it was found dead.
func takeSignalStack(of lane: UnsafeMutablePointer<Lane>) {
  guard let stack = UnsafeMutableRawPointer(bitPattern: UInt(lane.pointee.signalStack.value))
  else { return }
  lane.pointee.signalStack.set(0)
  undisturbed { shim_signal_stack_take(stack) }
}

@c(shim_crash_begin) @implementation
public func shim_crash_begin(_ crash: UnsafePointer<shim_crash>) -> UInt32 {
  guard let recording = existingRecording(),
    recording.header.pointee.processID.value == shim_process_id()  // no child of vfork
  else { return 0 }
  recording.header.pointee.crash.signals.addShared(1)
  let thread = crash.pointee.thread
  guard let note = recording.claimCrashNote(for: thread, isLast: crash.pointee.is_last) else {
    return 0
  }
  note.pointee.isWhole.set(0)
  note.pointee.frameCount.set(0)
  note.pointee.operationCount.set(0)
  note.pointee.depth.set(0)
  note.pointee.lane.set(0)
  note.pointee.threadID.set(thread)
  note.pointee.code.set(UInt32(bitPattern: crash.pointee.code))
  note.pointee.address.set(crash.pointee.address)
  note.pointee.ticks.set(ticks(in: recording))
  note.pointee.unixNanoseconds.set(UInt64(bitPattern: shim_unix_ns()))
  var name = InlineArray<2, UInt64>(repeating: 0)
  withUnsafeMutableBytes(of: &name) {
    shim_thread_name($0.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: CChar.self))
  }
  note.pointee.threadName[0].set(name[0].littleEndian)
  note.pointee.threadName[1].set(name[1].littleEndian)
  copyRegisters(crash.pointee.context, to: note)
  note.pointee.signal.set(UInt32(bitPattern: crash.pointee.signal))
  note.pointee.state.publish(
    crash.pointee.is_last ? CrashNote.State.last : CrashNote.State.handedOn)
  if let lane = currentLane() { copyOperations(of: lane, in: recording, to: note) }
  return recording.offset(of: note)
}

/// The step that reads memory which may be damaged, after everything else.
@c(shim_crash_add_stack) @implementation
public func shim_crash_add_stack(_ offset: UInt32, _ crash: UnsafePointer<shim_crash>) {
  guard let recording = existingRecording() else { return }
  let note: UnsafeMutablePointer<CrashNote> = recording.at(offset)
  var frames = InlineArray<64, UInt64>(repeating: 0)
  var count = withUnsafeMutableBytes(of: &frames) {
    captureStack(
      of: currentLane(), in: recording, context: crash.pointee.context,
      into: $0.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: UInt64.self),
      capacity: CrashNote.maxFrames)
  }
  if count == 0 {
    let pc = note.pointee.registers[unchecked: Machine.pcInContext].value
    frames[0] = FrameCode.make(module: FrameCode.noModule, address: pc)
    count = 1
  }
  var index = 0
  while index < count, index < CrashNote.maxFrames {
    note.pointee.frames[unchecked: index].set(frames[unchecked: index])
    index &+= 1
  }
  note.pointee.frameCount.publish(UInt32(truncatingIfNeeded: index))
  note.pointee.isWhole.publish(1)
}

@c(shim_crash_survived) @implementation
public func shim_crash_survived(_ offset: UInt32) {
  guard let recording = existingRecording() else { return }
  let note: UnsafeMutablePointer<CrashNote> = recording.at(offset)
  _ = note.pointee.state.exchange(CrashNote.State.handedOn, for: CrashNote.State.survived)
}

private func copyRegisters(
  _ context: UnsafeRawPointer, to note: UnsafeMutablePointer<CrashNote>
) {
  let words = (context + Int(Machine.registersInContext)).assumingMemoryBound(to: UInt64.self)
  var index = 0
  while index < Machine.registerCount {
    note.pointee.registers[unchecked: index].set(words[index])
    index &+= 1
  }
  note.pointee.registerCount.set(UInt32(truncatingIfNeeded: Machine.registerCount))
}

/// The open operations as the lane has them; also of a lane at work.
private func copyOperations(
  of lane: UnsafeMutablePointer<Lane>, in recording: Recording,
  to note: UnsafeMutablePointer<CrashNote>
) {
  var depth: UInt32 = 0
  var kept = 0
  var frame = recording.skippingLowest(recording.frame(top: lane.pointee.top.value))
  var steps = Lane.maxDepth &+ 2 &* Lane.maxSegmentCount
  while frame.pointee.key.value != Frame.Mark.root, steps > 0 {
    steps &-= 1
    let operation = frame.pointee.operation
    if operation != 0, !frame.pointee.isSession {
      depth &+= 1
      if kept < CrashNote.maxOperations {
        note.pointee.operations[unchecked: kept].set(operation)
        kept &+= 1
      }
    }
    frame = recording.skippingLowest(frame - 1)
  }
  note.pointee.depth.set(depth)
  note.pointee.operationCount.publish(UInt32(truncatingIfNeeded: kept))
  var number: UInt32 = 0
  while number < recording.header.pointee.laneCount.value {
    if recording.laneSlot(number).pointee.value == recording.offset(of: lane) {
      note.pointee.lane.set(number &+ 1)
    }
    number &+= 1
  }
}
