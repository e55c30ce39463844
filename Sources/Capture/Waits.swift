// SPDX-License-Identifier: Apache-2.0
import Recording

/// Waits below this many ticks, some 20 to 30 us, are left to the CPU clock's next synchronisation: what is
/// asked of the system here takes about 1 us.
private let leastTicks: UInt64 = 1 << 16

/// Called on the thread itself after each hooked call that may have waited, with the lane free again.
/// `blocked`: the thread was switched out since its CPU clock was last synchronised, and so perhaps in this
/// call; always true where the system is asked for CPU time each time. What the call took is in the node's
/// `IORecord` already.
@inline(__always)
func waited(_ ticks: UInt64, on lane: UnsafeMutablePointer<Lane>, blocked: Bool) {
  if blocked && ticks >= leastTicks { waitedLong(on: lane) }
}

/// Learns how long the thread was off its CPU, which is charged to the innermost open call, and takes its
/// stack when that is enough of a wait.
@_semantics("no_performance_analysis") @inline(never)
private func waitedLong(on lane: UnsafeMutablePointer<Lane>) {
  let recording = attachedRecording()
  let cpuClock = lane.pointee.cpuClock.value
  guard recording.header.pointee.samplePeriod.value > 0, cpuClock != CPUClock.off,
    recording.header.pointee.mode.value != Header.Mode.off,
    lane.pointee.top.value % Frame.bytes == 0
  else { return }
  let top = lane.pointee.top.value
  markBusy(lane, top: top)
  let (wall, cpu) = (lane.pointee.syncedWall.value, lane.pointee.syncedCPU.value)
  synchronizeCPUClock(
    of: lane, chargedTo: recording.skippingLowest(recording.frame(top: top)), in: recording)
  let off = Int64(
    bitPattern: lane.pointee.syncedWall.value &- wall &- (lane.pointee.syncedCPU.value &- cpu))
  lane.pointee.top.publish(top)
  if off > 0 { sampleWait(UInt64(off), on: lane, of: recording) }
}
