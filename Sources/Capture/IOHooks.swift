// SPDX-License-Identifier: Apache-2.0
import CShim
import Recording

// What the hooks of input, output and waiting report (CShim/io.c). A call counts in the call-tree node that
// is innermost on the calling thread. Safe in a signal handler: while the counters change the lane is busy, and a
// call that finds it so counts in the shared record, as does that of a thread without a lane.

/// A call that came back: from a known descriptor to the record of a node that has one. All else is
/// `ioCarefully`, which the fast path jumps to before it has changed anything.
@c(shim_io_done) @implementation
public func shim_io_done(
  _ call: shim_io_call, _ fd: Int32, _ result: Int, _ ticks: UInt64, _ wanted: UInt64,
  _ offset: Int64
) {
  guard let lane = currentLane(), call.rawValue < shim_io_sync.rawValue, result | Int(fd) >= 0
  else { return ioCarefully(call, fd, result, ticks, wanted, offset) }
  let recording = attachedRecording()
  let top = lane.pointee.top.value
  let io = innermostNode(of: lane, in: recording).pointee.io.value
  let table = recording.header.pointee.descriptorsOffset.value
  let entry = recording.descriptorEntry(fd, in: table)
  let state = entry.pointee.state.value
  guard recording.header.pointee.mode.value != Header.Mode.off, top % Frame.bytes == 0,
    io != 0, table != 0, Descriptor.isKnown(fd, by: state),
    !isMistaken(call, by: UInt32(truncatingIfNeeded: state))
  else { return ioCarefully(call, fd, result, ticks, wanted, offset) }
  let record: UnsafeMutablePointer<IORecord> = recording.at(io)
  markBusy(lane, top: top)
  record.pointee.addTransfer(
    call, of: fd, entry, UInt32(truncatingIfNeeded: state),
    bytes: UInt64(truncatingIfNeeded: result), wanted: wanted, offset: offset, ticks: ticks,
    in: recording, shared: false)
  lane.pointee.top.publish(top)
  waited(ticks, on: lane, blocked: !stayedOnCPU(lane))
}

/// A call of sockets cannot have come from anything else.
@inline(__always)
private func isMistaken(_ call: shim_io_call, by state: UInt32) -> Bool {
  call.rawValue & 2 != 0 && Int(state & Descriptor.Flag.kinds) != IOKind.socket
}

@_semantics("no_performance_analysis") @inline(never)
private func ioCarefully(
  _ call: shim_io_call, _ fd: Int32, _ result: Int, _ ticks: UInt64, _ wanted: UInt64,
  _ offset: Int64
) {
  withIORecord(ticks: ticks) { record, recording, shared in
    if result < 0 { record.pointee.addFailure(call, of: fd, in: recording, shared: shared) }
    guard call.rawValue < shim_io_sync.rawValue else {
      return record.pointee.addOther(call, of: fd, result, ticks, in: recording, shared: shared)
    }
    let bytes = UInt64(truncatingIfNeeded: max(result, 0))
    guard let entry = recording.descriptorEntry(fd) else {
      return record.pointee.addTransfer(
        IOKind.other, writes: Int(truncatingIfNeeded: call.rawValue & 1), bytes: bytes,
        ticks: ticks, shared: shared)
    }
    var state = recording.known(fd, in: entry, offset: offset, bytes: bytes)
    if isMistaken(call, by: state) && result >= 0 {
      // Another one under the same number, whose predecessor was closed unseen.
      recording.forgetDescriptor(fd)
      state = recording.known(fd, in: entry, offset: offset, bytes: bytes)
    }
    record.pointee.addTransfer(
      call, of: fd, entry, state, bytes: bytes, wanted: result < 0 ? 0 : wanted, offset: offset,
      ticks: ticks, in: recording, shared: shared)
  }
}

/// Calls `body` with the record of the innermost node while the lane is busy, or with the one of what has no
/// place, which is shared.
@inline(__always)
func withIORecord(
  ticks: UInt64, _ body: (UnsafeMutablePointer<IORecord>, Recording, _ shared: Bool) -> Void
) {
  guard let lane = currentLane() else {
    if let recording = existingRecording(), isEnabled(), let record = recording.sharedIO {
      body(record, recording, true)
    }
    return
  }
  let recording = attachedRecording()
  if recording.header.pointee.mode.value == Header.Mode.off { return }
  if lane.pointee.top.value % Frame.bytes == 0 || !isInterrupting(lane) {
    let top = lane.pointee.top.value
    markBusy(lane, top: top)
    let record = recording.ioRecord(of: innermostNode(of: lane, in: recording), in: lane)
    if let record { body(record, recording, false) }
    lane.pointee.top.publish(top)
    if record != nil { return waited(ticks, on: lane, blocked: !stayedOnCPU(lane)) }
  }
  recording.header.pointee.unattributedIO.addShared(1)
  if let record = recording.sharedIO { body(record, recording, true) }
}

/// Adds to a counter of a record: of the lane's own, or of all threads.
@inline(__always)
private func add(_ amount: UInt64, to cell: borrowing Cell64, shared: Bool) {
  if shared { cell.addShared(amount) } else { cell.add(amount) }
}

extension IORecord {
  /// Adds a transfer of a descriptor that is known.
  @inline(__always)
  fileprivate func addTransfer(
    _ call: shim_io_call, of fd: Int32, _ entry: UnsafeMutablePointer<Descriptor>, _ state: UInt32,
    bytes: UInt64, wanted: UInt64, offset: Int64, ticks: UInt64, in recording: Recording,
    shared: Bool
  ) {
    let writes = Int(truncatingIfNeeded: call.rawValue & 1)
    let kind = Int(truncatingIfNeeded: state & Descriptor.Flag.kinds)
    if kind == IOKind.file && bytes > 0 {
      let appends = state & Descriptor.Flag.appends != 0 && writes != 0
      let isNext = entry.pointee.isSequential(offset: offset, bytes: bytes, appends: appends)
      add(1, to: classified, shared: shared)
      if isNext { add(1, to: sequential, shared: shared) }
      if writes != 0 && state & Descriptor.Flag.durable != 0 {
        add(1, to: durableWrites, shared: shared)
      }
    }
    if kind == IOKind.file && writes == 0 && bytes < wanted {
      add(1, to: partialReads, shared: shared)
    }
    addTransfer(kind, writes: writes, bytes: bytes, ticks: ticks, shared: shared)
    // Now and then a descriptor is looked at again: a close that nobody saw must not mislead for ever.
    let index = IORecord.transfers(kind, writes: writes)
    if transfers[unchecked: index].calls.value & 1023 == 0 { recording.forgetDescriptor(fd) }
  }

  @inline(__always)
  func addTransfer(_ kind: Int, writes: Int, bytes: UInt64, ticks: UInt64, shared: Bool) {
    let index = IORecord.transfers(kind, writes: writes)
    add(1, to: transfers[unchecked: index].calls, shared: shared)
    add(bytes, to: transfers[unchecked: index].bytes, shared: shared)
    add(ticks, to: transfers[unchecked: index].ticks, shared: shared)
    let bucket = writes &* IORecord.sizeBuckets &+ IORecord.sizeBucket(bytes)
    add(1, to: sizes[unchecked: bucket], shared: shared)
  }

  @inline(__always)
  func addWait(_ wait: Int, ticks: UInt64, shared: Bool) {
    add(1, to: waits[unchecked: wait].calls, shared: shared)
    add(ticks, to: waits[unchecked: wait].ticks, shared: shared)
  }

  fileprivate func addOther(
    _ call: shim_io_call, of fd: Int32, _ result: Int, _ ticks: UInt64, in recording: Recording,
    shared: Bool
  ) {
    switch call {
    case shim_io_seek: recording.setPosition(of: fd, to: result)
    case shim_io_open, shim_io_close, shim_io_accept, shim_io_replace, shim_io_socket:
      recording.forgetDescriptor(fd)
      if result < 0 { break }
      if call == shim_io_close {
        recording.disownDescriptor(fd)
      } else {
        let isSocket = call == shim_io_accept || call == shim_io_socket
        recording.ownDescriptor(fd, isSocket: isSocket)
      }
    case shim_io_spawn: if result == 0 { add(1, to: startedThreads, shared: shared) }
    default: break
    }
    let wait: Int? =
      switch call {
      case shim_io_sync: Wait.sync
      case shim_io_open: Wait.open
      case shim_io_close: Wait.close
      case shim_io_connect: Wait.connect
      case shim_io_accept: Wait.accept
      case shim_io_poll: Wait.poll
      case shim_io_pause: Wait.pause
      default: nil
      }
    if let wait { addWait(wait, ticks: ticks, shared: shared) }
  }

  fileprivate func addFailure(
    _ call: shim_io_call, of fd: Int32, in recording: Recording, shared: Bool
  ) {
    let isPause = call == shim_io_pause || call == shim_io_seek || call == shim_io_spawn
    if isPause || shim_errno_is_again() { return }
    add(1, to: failed, shared: shared)
    // Perhaps it is not what it was taken for.
    recording.forgetDescriptor(fd)
  }
}
