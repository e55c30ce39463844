// SPDX-License-Identifier: Apache-2.0
import CPrognos
import CShim
import Recording

// Begin and end as events of the timeline (PROGNOS_TRACK_TIMELINE). The mode that sends them here is the one
// that they look at anyway: without a timeline nothing is slower by it.

extension Recording {
  /// Whether begins and ends are events now.
  @inline(__always) var isTimelineLive: Bool {
    header.pointee.liveTracks.value & PROGNOS_TRACK_TIMELINE != 0
  }
}

/// Begins where the mode is not the plain one.
@_semantics("no_performance_analysis") @inline(never)
func beginWithMore(_ op: UInt32) {
  guard let lane = currentLane() else { return beginCarefully(op) }
  let recording = attachedRecording()
  switch recording.header.pointee.mode.value {
  case Header.Mode.timeline: beginQuickly(op, on: lane, of: recording, isTimed: true)
  case Header.Mode.experiment: beginInExperiment(op, on: lane, of: recording)
  default: beginCarefully(op)
  }
}

/// Ends where the mode is not the plain one. Also while recording is off: what was begun before ends.
@_semantics("no_performance_analysis") @inline(never)
func endWithMore(_ op: UInt32) {
  guard let lane = currentLane() else { return endCarefully(op) }
  let recording = attachedRecording()
  if recording.header.pointee.mode.value == Header.Mode.experiment {
    return endInExperiment(op, on: lane, of: recording)
  }
  guard recording.isTimelineLive else { return endCarefully(op) }
  endQuickly(op, on: lane, of: recording, isTimed: true)
}

// MARK: On the slow paths

/// - Parameter kind: of `TimelineWord`.
@inline(never)
func noteEvent(
  _ kind: UInt64, _ op: UInt32, at ticks: UInt64, on lane: UnsafeMutablePointer<Lane>,
  of recording: Recording
) {
  if recording.isTimelineLive { recording.recordEvent(kind, op, at: ticks, on: lane) }
}

@inline(never)
func noteEnd(
  of frame: UnsafeMutablePointer<Frame>, at ticks: UInt64, abandoned: Bool,
  on lane: UnsafeMutablePointer<Lane>, of recording: Recording
) {
  guard recording.isTimelineLive else { return }
  recording.recordEnd(
    abandoned ? TimelineWord.abandoned : TimelineWord.end, frame.pointee.operation, at: ticks,
    work: frame.pointee.work.value, state: frame.pointee.state.value, on: lane)
}

/// Gives a thread's new lane a ring, and says in it whose events follow.
func noteThread(of lane: UnsafeMutablePointer<Lane>, in recording: Recording) {
  guard recording.isTimelineLive else { return }
  recording.prepareTimeline(of: lane)
  var name = InlineArray<16, CChar>(repeating: 0)
  withUnsafeMutableBytes(of: &name) { bytes in
    let text = bytes.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: CChar.self)
    shim_thread_name(text)
    recording.recordThread(
      lane.pointee.threadID.value, name: text, at: ticks(in: recording), on: lane)
  }
}

/// Says in a lane's ring that its thread ends.
func noteThreadEnd(of lane: UnsafeMutablePointer<Lane>, in recording: Recording) {
  guard recording.isTimelineLive else { return }
  withUnsafePointer(to: CChar(0)) {
    recording.recordThread(
      0, before: lane.pointee.threadID.value, name: $0, at: ticks(in: recording), on: lane)
  }
}

/// How many words a ring has for this many events: a power of two, a page at least.
func ringWords(events: UInt32) -> UInt32 {
  let least = Layout.page / 8
  let wanted = min(max(events, least), 1 << 24)
  return 1 &<< UInt32(32 &- (wanted &- 1).leadingZeroBitCount)
}
