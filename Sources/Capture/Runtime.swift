// SPDX-License-Identifier: Apache-2.0
import CPrognos
import CShim
import Recording
import Synchronization

// The one recording of this process, and how it comes to be.

/// Set once, before any thread has a lane. Hot calls read it only after they have found theirs.
private nonisolated(unsafe) var base: UnsafeMutableRawPointer?

private enum Stage {
  static let none: UInt32 = 0
  static let failed: UInt32 = 1
  static let ready: UInt32 = 2
  /// Or'ed with the ID of the thread that is preparing.
  static let preparing: UInt32 = 1 << 31
}
private let stage = Atomic<UInt32>(Stage.none)

/// What `prognos_set_enabled` said before the recording was made.
private enum Wish {
  static let none: UInt32 = 0
  static let off: UInt32 = 1
  static let on: UInt32 = 2
}
private let wish = Atomic<UInt32>(Wish.none)
/// What PROGNOS_ENABLED says, once it was asked.
private let environmentWish = Atomic<UInt32>(Wish.none)

/// The recording, for a thread that has a lane.
@inline(__always) func attachedRecording() -> Recording {
  Recording(base: base.unsafelyUnwrapped)
}

/// The recording if it was made; nil before the first call that records.
public func existingRecording() -> Recording? {
  stage.load(ordering: .acquiring) == Stage.ready ? attachedRecording() : nil
}

/// The recording, made now with the default options if there is none; nil when the system gives no
/// memory, and in a signal handler that interrupts its making.
public func prepareRecording() -> Recording? {
  existingRecording() ?? makeRecording(with: nil)
}

/// Makes the recording with these options, unless it exists; then it stays as it is.
public func prepareRecording(with options: prognos_options) -> Recording? {
  existingRecording() ?? makeRecording(with: options)
}

private func makeRecording(with options: prognos_options?) -> Recording? {
  let me = Stage.preparing | shim_thread_id()
  while true {
    let (mine, seen) = stage.compareExchange(
      expected: Stage.none, desired: me, ordering: .acquiringAndReleasing)
    if mine { break }
    if seen == Stage.ready { return attachedRecording() }
    if seen == Stage.failed || seen == me { return nil }
    shim_yield()
  }
  let made = undisturbed { make(with: options ?? Options.fromEnvironment().options) }
  if let made, options == nil { undisturbed { _ = moveToFile(made) } }
  base = made?.base
  stage.store(made == nil ? Stage.failed : Stage.ready, ordering: .releasing)
  // Whoever switched recording on or off meanwhile found no recording to tell.
  if let made { apply(isWantedOn, to: made) }
  return made
}

private func make(with options: prognos_options) -> Recording? {
  // Where the system gives less memory than the limit, less is recorded.
  var bytes = min(max(options.memory_limit_bytes, Layout.minimumBytes), Layout.maximumBytes)
  var memory = shim_map(Int(bytes))
  while memory == nil && bytes / 2 >= Layout.minimumBytes {
    bytes /= 2
    memory = shim_map(Int(bytes))
  }
  guard let memory else { return nil }
  let layout = Layout(
    memoryLimit: bytes, operations: options.max_ops, lanes: options.max_threads)
  let recording = Recording(zeroed: memory, layout: layout)
  recording.header.pointee.processID.set(shim_process_id())
  let usesCounter = shim_counter_is_invariant() && Options.wantedTimeSource != .clock
  recording.header.pointee.usesCounter.set(usesCounter ? 1 : 0)
  recording.startClock()
  let clock = chooseCPUClock(tracked: options.track & PROGNOS_TRACK_CPU != 0)
  recording.header.pointee.cpuClock.set(clock.rung)
  recording.header.pointee.cpuClockReason.set(clock.reason.rawValue)
  recording.header.pointee.syncCostTicks.set(measureSync(in: recording))
  recording.header.pointee.wantedTracks.set(options.track)
  recording.header.pointee.liveTracks.set(clock.rung == CPUClock.off ? 0 : PROGNOS_TRACK_CPU)
  recording.header.pointee.wantedOperations.set(options.max_ops)
  recording.header.pointee.wantedLanes.set(options.max_threads)
  recording.header.pointee.wantedBytes.set(options.memory_limit_bytes)
  recording.identify()
  recording.keep(trackingReasons())
  keepWish(options)
  recording.setIdentityText(.recordingReason, "private memory: no recording_path")
  recording.setEnabled(isWantedOn)
  shim_install_hooks({ threadEnded($0) }, { forking() }, { forkedParent() }, { forked() })
  return recording
}

// MARK: The feature flag

/// Whether begin records.
public func isEnabled() -> Bool {
  if let recording = existingRecording() {
    return recording.header.pointee.mode.value != Header.Mode.off
  }
  return isWantedOn && stage.load(ordering: .relaxed) != Stage.failed
}

/// A call outweighs the environment, which is asked once.
private var isWantedOn: Bool {
  switch wish.load(ordering: .relaxed) {
  case Wish.off: return false
  case Wish.on: return true
  default: break
  }
  if environmentWish.load(ordering: .relaxed) == Wish.none {
    environmentWish.store(Options.isEnabledByEnvironment ? Wish.on : Wish.off, ordering: .relaxed)
  }
  return environmentWish.load(ordering: .relaxed) == Wish.on
}

public func setEnabled(_ enabled: Bool) {
  wish.store(enabled ? Wish.on : Wish.off, ordering: .relaxed)
  if enabled { endQuiet() }
  apply(enabled)
}

/// Makes the flag say so, in the recording or, before there is one, beside it.
private func apply(_ enabled: Bool) {
  if existingRecording() == nil { shim_recording_flag_clear(!enabled) }
  // It may have been made just now.
  if let recording = existingRecording() { apply(enabled, to: recording) }
}

private func apply(_ enabled: Bool, to recording: Recording) {
  recording.setEnabled(enabled)
  shim_recording_flag_set(recording.base)  // the mode is the header's first field
}

/// Forgets an earlier wish to be off, as a start does; PROGNOS_ENABLED=0 still counts.
public func beginAgain() {
  endQuiet()
  if wish.load(ordering: .relaxed) == Wish.off { wish.store(Wish.none, ordering: .relaxed) }
  apply(isWantedOn)
}

extension Recording {
  /// Whether begin and end may take the fast path at all.
  var canBeQuick: Bool {
    usesCounter && header.pointee.liveTracks.value & PROGNOS_TRACK_KERNEL_IO == 0
  }

  func setEnabled(_ enabled: Bool) {
    let quick = isTimelineLive ? Header.Mode.timeline : Header.Mode.counter
    let plain = canBeQuick ? quick : Header.Mode.careful
    let on = isExperimentLive ? Header.Mode.experiment : plain
    let wasEnabled = header.pointee.mode.value != Header.Mode.off
    identity.pointee.modeWhenOn.set(on)
    header.pointee.mode.set(enabled ? on : Header.Mode.off)
    if enabled != wasEnabled { recordSwitch(on: enabled, at: ticks(in: self)) }
  }
}

// MARK: Fork

/// False when the child must go on with the parent's recording, or a copy of it. `isBusy`: the fork came from a
/// handler that interrupted a hot call.
func restartRecordingInChild(isBusy: Bool) -> Bool {
  // Another thread of the parent may have been making the recording; here nobody is.
  guard let recording = existingRecording() else {
    if stage.load(ordering: .relaxed) != Stage.failed {
      stage.store(Stage.none, ordering: .relaxed)
    }
    return true
  }
  let wasFile = livePath() != nil
  guard leaveParentsFile(recording, wholly: isBusy) else {
    // The file is the parent's: not even the flag may be written.
    shim_recording_flag_clear(true)
    stage.store(Stage.failed, ordering: .relaxed)
    return true
  }
  // A hot call that was interrupted will go on with what it holds: the child then goes on with a copy of its
  // parent's numbers.
  if isBusy { return false }
  if !wasFile {
    let arena = Int(recording.header.pointee.arenaOffset.value)
    shim_discard(recording.base + arena, Int(recording.header.pointee.bytes.value) - arena)
  }
  recording.beginAgain(processID: shim_process_id())
  recording.startClock()
  recording.identify()
  decideInChild(recording)
  if recordsNothing { setEnabled(false) }
  return true
}

// MARK: Drops of threads that have no lane

func countUntrackedCall() {
  existingRecording()?.header.pointee.untrackedCalls.addShared(1)
}

func countUnbalancedEnd() {
  // Where no lane was to be had, the begin was counted as dropped.
  guard isEnabled(), !isRefusingLanes, !wasOpenAtFork() else { return }
  prepareRecording()?.header.pointee.unbalancedEnds.addShared(1)
}

@_semantics("no_performance_analysis") @inline(never)
func countOutsideOperation() {
  guard isEnabled() else { return }
  prepareRecording()?.header.pointee.outsideOperation.addShared(1)
}
