// SPDX-License-Identifier: Apache-2.0
import CShim
import Recording

// What a thread waits for while an experiment runs: its operation's own work, or others.

/// Calls whose time is the operation's own work: files, sleeps. All others wait for other threads or processes.
private func isOwnWork(_ call: shim_io_call, _ fd: Int32) -> Bool {
  switch call {
  case shim_io_read, shim_io_write:
    if let entry = attachedRecording().descriptorEntry(fd) {
      let state = entry.pointee.state.value
      if Descriptor.isKnown(fd, by: state) {
        return Int(UInt32(truncatingIfNeeded: state) & Descriptor.Flag.kinds) == IOKind.file
      }
    }
    return shim_descriptor_read(fd).kind == shim_file
  case shim_io_sync, shim_io_open, shim_io_close, shim_io_pause: return true
  default: return false
  }
}

@c(shim_call_begins) @implementation
public func shim_call_begins(_ call: shim_io_call, _ descriptor: Int32) -> UInt64 {
  guard let lane = currentLane(), lane.pointee.top.value % Frame.bytes == 0 else { return 0 }
  let saved = shim_errno()
  if isOwnWork(call, descriptor) {
    // What was off the CPU before is not this call's.
    if !stayedOnCPU(lane) { synchronize(lane, in: attachedRecording()) }
  } else if call == shim_io_write || call == shim_io_send || call == shim_io_connect {
    passBoundary()
  }
  shim_errno_set(saved)
  return shim_debt_now()
}

@c(shim_call_ends) @implementation
public func shim_call_ends(
  _ call: shim_io_call, _ descriptor: Int32, _ ticks: UInt64, _ debt: UInt64
) {
  guard debt != 0, let lane = currentLane(), lane.pointee.top.value % Frame.bytes == 0 else {
    return
  }
  let recording = attachedRecording()
  let saved = shim_errno()
  if !isOwnWork(call, descriptor) {
    credit(recording.nanoseconds(soFar: ticks))
  } else if !stayedOnCPU(lane), let state = recording.experimentLane(of: lane) {
    let off = synchronize(lane, in: recording)
    state.pointee.ownWait.add(off)
    state.pointee.owedAsleep.set(min(owed(by: state), off))
  }
  shim_errno_set(saved)
}

/// The thread waited for another one, which has paid all there is before it let this one go on: this one need not wait
/// for that again. On its own virtual clock it cannot have waited for less than no time.
func credit(_ blocked: UInt64) {
  guard isExperimentLive, let lane = currentLane(), lane.pointee.top.value % Frame.bytes == 0,
    let state = stateInRound(of: lane, in: attachedRecording())
  else { return }
  state.pointee.waited.add(blocked)
  state.pointee.paid.add(min(owed(by: state), blocked))
}

private func owed(by state: UnsafeMutablePointer<ExperimentLane>) -> UInt64 {
  let owed = Int64(
    bitPattern: shim_debt_now() &- state.pointee.paid.value &- state.pointee.excess.value)
  return UInt64(max(owed, 0))
}
