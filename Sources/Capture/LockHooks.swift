// SPDX-License-Identifier: Apache-2.0
import CShim
import Recording

// What the hooks of locks, condition variables, semaphores, barriers and joins report (CShim/locks.c).

/// The operation that a thread has open, as the holder of a lock that another one wants; 0 for none. Looks
/// through the lanes, which costs less than the switch that follows.
@c(shim_operation_of_thread) @implementation
public func shim_operation_of_thread(_ thread: UInt32) -> UInt32 {
  guard thread != 0, let recording = existingRecording(),
    recording.header.pointee.waitEdges.value != 0
  else { return 0 }
  var found: UInt32 = 0
  recording.forEachLane { lane in
    guard lane.pointee.threadID.value == thread else { return }
    found = recording.frame(top: lane.pointee.top.value).pointee.operation
  }
  return found
}

@c(shim_waited) @implementation
public func shim_waited(
  _ kind: shim_wait_kind, _ holder: UInt32, _ ticks: UInt64, _ debt: UInt64, _ woken: Bool
) {
  if debt != 0 && woken { credit(attachedRecording().nanoseconds(soFar: ticks)) }
  let isLock = kind == shim_wait_lock
  let wait = isLock ? IORecord.Wait.lock : IORecord.Wait.signal
  withIORecord(ticks: ticks) { record, recording, shared in
    record.pointee.addWait(wait, ticks: ticks, shared: shared)
    if isLock, !shared, let lane = currentLane() {
      let waiting = innermostNode(of: lane, in: recording).pointee.operation.value
      recording.addWait(of: waiting, for: holder, ticks: ticks)
    }
  }
}
