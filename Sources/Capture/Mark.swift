// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Recording

// What a host says of the operation that is open: how much it does, and that it failed.

#if hasFeature(Embedded)
  @_noLocks
#endif
@c(prognos_work) @implementation
public func prognos_work(_ amount: UInt64) {
  markTop { $0.pointee.work.add(amount) }
}

#if hasFeature(Embedded)
  @_noLocks
#endif
@c(prognos_fail) @implementation
public func prognos_fail(_ kind: UnsafePointer<CChar>!) {
  markTop { frame in
    let number = numberOfKind(kind, in: attachedRecording())
    let plain = frame.pointee.state.value & ((1 << Frame.State.kindShift) - 1)
    frame.pointee.state.set(plain | Frame.State.failed | number &<< Frame.State.kindShift)
  }
}

/// Calls `body` with the innermost open operation, or counts why there is none.
@inline(__always)
private func markTop(_ body: (UnsafeMutablePointer<Frame>) -> Void) {
  guard let lane = currentLane() else { return countOutsideOperation() }
  let recording = attachedRecording()
  if lane.pointee.top.value % Frame.bytes != 0, isLeftOut(on: lane) { return }
  let top = lane.pointee.top.value
  markBusy(lane, top: top)
  let frame = recording.frame(top: top)
  let open = frame.pointee.key.value == Frame.Mark.segment ? frameBelowSegment(frame) : frame
  if open.pointee.operation != 0 {
    body(open)
  } else if recording.header.pointee.mode.value != Header.Mode.off {
    // Also calls nested too deep, which have no frame.
    lane.pointee.outsideOperation.add(1)
  }
  lane.pointee.top.publish(top)
}

@_semantics("no_performance_analysis") @inline(never)
private func frameBelowSegment(
  _ lowest: UnsafeMutablePointer<Frame>
) -> UnsafeMutablePointer<Frame> {
  attachedRecording().skippingLowest(lowest)
}

@_semantics("no_performance_analysis") @inline(never)
func numberOfKind(_ kind: UnsafePointer<CChar>?, in recording: Recording) -> UInt32 {
  let text: CleanText
  if let kind, kind[0] != 0 { text = CleanText(kind) } else { text = CleanText("unspecified") }
  return recording.numberOfKind(text)
}
