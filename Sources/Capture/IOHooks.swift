// SPDX-License-Identifier: Apache-2.0
import CShim
import Recording

// What the hooks of input, output and waiting report (CShim/io.c). A call counts in the call-tree node that
// is innermost on the calling thread. Safe in a signal handler: while the counters change the lane is busy, and a
// call that finds it so counts in the shared record, as does that of a thread without a lane.

/// A call that came back.
struct IOCall {
  let call: shim_io_call
  let fd: Int32
  let result: Int
  let ticks: UInt64
  /// The bytes asked for; 0 when unknown.
  let wanted: UInt64
  /// Below zero: where the descriptor's position is.
  let offset: Int64
}

@c(shim_io_done) @implementation
public func shim_io_done(
  _ call: shim_io_call, _ fd: Int32, _ result: Int, _ ticks: UInt64, _ wanted: UInt64,
  _ offset: Int64
) {
  let one = IOCall(
    call: call, fd: fd, result: result, ticks: ticks, wanted: wanted, offset: offset)
  withIORecord(
    alone: { record, recording in charge(one, to: record, in: recording, shared: false) },
    shared: { record, recording in charge(one, to: record, in: recording, shared: true) },
    ticks: ticks)
}

/// Calls `alone` with the record of the innermost node while the lane is busy, or `shared` with the record
/// of what has no place.
@inline(__always)
func withIORecord(
  alone: (UnsafeMutablePointer<IORecord>, Recording) -> Void,
  shared: (UnsafeMutablePointer<IORecord>, Recording) -> Void, ticks: UInt64
) {
  guard let lane = currentLane() else {
    if let recording = existingRecording(), isEnabled(), let record = recording.sharedIO {
      shared(record, recording)
    }
    return
  }
  let recording = attachedRecording()
  if recording.header.pointee.mode.value == Header.Mode.off { return }
  let isFree = lane.pointee.top.value % Frame.bytes == 0 || !isInterrupting(lane)
  if isFree {
    let top = lane.pointee.top.value
    markBusy(lane, top: top)
    let record = recording.ioRecord(of: innermostNode(of: lane, in: recording), in: lane)
    if let record { alone(record, recording) }
    lane.pointee.top.publish(top)
    if record != nil { return waited(ticks, on: lane, blocked: !stayedOnCPU(lane)) }
  }
  recording.header.pointee.unattributedIO.addShared(1)
  if let record = recording.sharedIO { shared(record, recording) }
}

/// Adds to a counter of a record: of the lane's own, or of all threads.
@inline(__always)
private func add(_ amount: UInt64, to cell: borrowing Cell64, shared: Bool) {
  if shared { cell.addShared(amount) } else { cell.add(amount) }
}

@inline(__always)
private func charge(
  _ one: IOCall, to record: UnsafeMutablePointer<IORecord>, in recording: Recording, shared: Bool
) {
  if one.result < 0 { chargeFailure(one, to: record, in: recording, shared: shared) }
  if one.call.rawValue < shim_io_sync.rawValue {
    chargeTransfer(one, to: record, in: recording, shared: shared)
  } else {
    chargeOther(one, to: record, in: recording, shared: shared)
  }
}

@inline(__always)
private func chargeTransfer(
  _ one: IOCall, to record: UnsafeMutablePointer<IORecord>, in recording: Recording, shared: Bool
) {
  let bytes = UInt64(truncatingIfNeeded: max(one.result, 0))
  let writes = Int(truncatingIfNeeded: one.call.rawValue & 1)
  var kind = IOKind.other
  if let entry = recording.descriptorEntry(one.fd) {
    var state = recording.known(one.fd, in: entry, offset: one.offset, bytes: bytes)
    let isSocketCall = one.call.rawValue & 2 != 0
    if isSocketCall && Int(state & Descriptor.Flag.kinds) != IOKind.socket && one.result >= 0 {
      // Another one under the same number, whose predecessor was closed unseen.
      recording.forgetDescriptor(one.fd)
      state = recording.known(one.fd, in: entry, offset: one.offset, bytes: bytes)
    }
    kind = Int(truncatingIfNeeded: state & Descriptor.Flag.kinds)
    if kind == IOKind.file && bytes > 0 {
      let appends = state & Descriptor.Flag.appends != 0 && writes != 0
      let isNext = entry.pointee.isSequential(offset: one.offset, bytes: bytes, appends: appends)
      add(1, to: record.pointee.classified, shared: shared)
      add(isNext ? 1 : 0, to: record.pointee.sequential, shared: shared)
      if writes != 0 && state & Descriptor.Flag.durable != 0 {
        add(1, to: record.pointee.durableWrites, shared: shared)
      }
    }
    if kind == IOKind.file && writes == 0 && one.result >= 0 && bytes < one.wanted {
      add(1, to: record.pointee.partialReads, shared: shared)
    }
  }
  record.pointee.addTransfer(kind, writes: writes, bytes: bytes, ticks: one.ticks, shared: shared)
  // Now and then a descriptor is looked at again: a close that nobody saw must not mislead for ever.
  let index = IORecord.transfers(kind, writes: writes)
  if record.pointee.transfers[unchecked: index].calls.value & 1023 == 0 {
    recording.forgetDescriptor(one.fd)
  }
}

extension IORecord {
  @inline(__always)
  func addTransfer(_ kind: Int, writes: Int, bytes: UInt64, ticks: UInt64, shared: Bool) {
    let index = IORecord.transfers(kind, writes: writes)
    add(1, to: transfers[unchecked: index].calls, shared: shared)
    add(bytes, to: transfers[unchecked: index].bytes, shared: shared)
    add(ticks, to: transfers[unchecked: index].ticks, shared: shared)
    let bucket = IORecord.sizeBucket(bytes)
    if writes != 0 {
      add(1, to: writeSizes[unchecked: bucket], shared: shared)
    } else {
      add(1, to: readSizes[unchecked: bucket], shared: shared)
    }
  }

  @inline(__always)
  func addWait(_ wait: Int, ticks: UInt64, shared: Bool) {
    add(1, to: waits[unchecked: wait].calls, shared: shared)
    add(ticks, to: waits[unchecked: wait].ticks, shared: shared)
  }
}

@_semantics("no_performance_analysis") @inline(never)
private func chargeOther(
  _ one: IOCall, to record: UnsafeMutablePointer<IORecord>, in recording: Recording, shared: Bool
) {
  switch one.call {
  case shim_io_seek: return recording.setPosition(of: one.fd, to: one.result)
  case shim_io_open, shim_io_close, shim_io_accept, shim_io_replace:
    recording.forgetDescriptor(one.fd)
  default: break
  }
  let wait =
    switch one.call {
    case shim_io_sync: IORecord.Wait.sync
    case shim_io_open: IORecord.Wait.open
    case shim_io_close: IORecord.Wait.close
    case shim_io_connect: IORecord.Wait.connect
    case shim_io_accept: IORecord.Wait.accept
    case shim_io_poll: IORecord.Wait.poll
    case shim_io_pause: IORecord.Wait.pause
    default: IORecord.Wait.count
    }
  if wait < IORecord.Wait.count { record.pointee.addWait(wait, ticks: one.ticks, shared: shared) }
}

@_semantics("no_performance_analysis") @inline(never)
private func chargeFailure(
  _ one: IOCall, to record: UnsafeMutablePointer<IORecord>, in recording: Recording, shared: Bool
) {
  let isPause = one.call == shim_io_pause || one.call == shim_io_seek
  if isPause || shim_errno_is_again() { return }
  add(1, to: record.pointee.failed, shared: shared)
  // Perhaps it is not what it was taken for.
  recording.forgetDescriptor(one.fd)
}

// MARK: Starting and stopping

/// Puts the hooks in place, by one thread at a time.
func startIO(in recording: Recording) {
  let hooks = recording.header
  guard recording.prepareIO(tableBytes: Descriptor.tableBytes) else {
    return hooks.pointee.ioHooks.set(Header.IOHooks.noMemory)
  }
  guard shim_io_find(recording.usesCounter), shim_io_patch(true) > 0 else {
    return hooks.pointee.ioHooks.set(Header.IOHooks.notFound)
  }
  let hasStreams = shim_streams_patch(true) > 0
  hooks.pointee.ioHooks.set(hasStreams ? Header.IOHooks.callsAndStreams : Header.IOHooks.calls)
}

func stopIO(in recording: Recording) {
  _ = shim_streams_patch(false)
  _ = shim_io_patch(false)
  recording.header.pointee.ioHooks.set(Header.IOHooks.off)
}

/// In a forked child, whose hooks are in place and whose recording is empty.
func beginIOAgain(in recording: Recording) {
  let hooks = recording.header.pointee.ioHooks.value
  guard hooks == Header.IOHooks.calls || hooks == Header.IOHooks.callsAndStreams else { return }
  _ = recording.prepareIO(tableBytes: Descriptor.tableBytes)
}
