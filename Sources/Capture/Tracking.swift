// SPDX-License-Identifier: Apache-2.0
import CPrognos
import CShim
import Recording
import Synchronization

// What prognos_start switches on beyond begin and end, and prognos_stop off again.

/// Why something that was asked for is not tracked.
public struct TrackingReasons: Sendable {
  public var memory: StaticString = "not started: prognos_start turns it on"
  public var stacks: StaticString = "not started: prognos_start turns it on"
  public var samples: StaticString = "not started: prognos_start turns it on"
  public var io: StaticString = "not started: prognos_start turns it on"
}

private nonisolated(unsafe) var reasons = TrackingReasons()
public func trackingReasons() -> TrackingReasons { reasons }

/// One thread at a time changes what is tracked. 0 free, else its ID.
private let changing = Atomic<UInt32>(0)

/// Switches on what the options ask for and this system offers.
public func startTracking(_ options: prognos_options, in recording: Recording) {
  let tracks = options.track & Options.availableTracks
  changeTracking {
    recording.header.pointee.stackDepth.set(options.stack_depth)
    recording.setHeapMean(
      options.heap_sample_bytes,
      isAdaptive: options.heap_sample_bytes == NumericOption.heapSampleBytes.standard)
    let period = 1_000_000_000 / UInt64(max(options.sample_hz, 1))
    let hasMemory = tracks & PROGNOS_TRACK_MEMORY != 0 && shim_memory_find()
    let hasIO = tracks & PROGNOS_TRACK_IO != 0 && shim_io_find(recording.usesCounter)
    shim_locks_find(recording.usesCounter)
    recording.header.pointee.wantedTracks.set(options.track)
    if tracks & PROGNOS_TRACK_TIMELINE != 0 {
      recording.header.pointee.timeline.words.set(ringWords(events: options.timeline_events))
    }
    prepareTables(
      tracks, period: period, hasMemory: hasMemory, hasIO: hasIO, in: recording)
    #if hasFeature(Embedded)
      if options.crash_notes != 0 { startCrashNotes(in: recording) }
    #endif
    forgetPatched()
    shim_loaded()
    if recording.header.pointee.liveTracks.value & PROGNOS_TRACK_SAMPLES != 0 {
      startSampling(in: recording)
    }
  }
}

/// Removes all hooks and timers; what was recorded stays.
public func stopTracking() {
  guard let recording = existingRecording() else { return }
  changeTracking {
    let live = recording.header.pointee.liveTracks.value
    recording.header.pointee.liveTracks.set(live & PROGNOS_TRACK_CPU)
    recording.header.pointee.samplePeriod.set(0)
    atomicMemoryFence(ordering: .sequentiallyConsistent)
    recording.forEachLane { stopTimer(of: $0) }
    shim_sampler_remove()
    stopCrashNotes(in: recording)
    cleanTables()
    reasons = TrackingReasons()
  }
}

private func changeTracking(_ change: () -> Void) {
  let me = shim_thread_id()
  while !changing.compareExchange(expected: 0, desired: me, ordering: .acquiringAndReleasing)
    .exchanged
  {
    shim_yield()
  }
  undisturbed {
    change()
    existingRecording()?.keep(reasons)
  }
  changing.store(0, ordering: .releasing)
}

/// Sets aside what the tracks need in the recording, and notes which of them are live.
private func prepareTables(
  _ tracks: UInt32, period: UInt64, hasMemory: Bool, hasIO: Bool, in recording: Recording
) {
  var live = recording.header.pointee.cpuClock.value == CPUClock.off ? 0 : PROGNOS_TRACK_CPU
  let noRoom: StaticString = "the recording has no room for it: raise memory_limit_bytes"
  let notWanted: StaticString = "not asked for (prognos_options.track)"
  reasons = TrackingReasons(
    memory: notWanted, stacks: notWanted, samples: notWanted, io: notWanted)
  if tracks & (PROGNOS_TRACK_STACKS | PROGNOS_TRACK_SAMPLES) != 0 {
    let bytes = recording.header.pointee.bytes.value
    if prepareStacks(in: recording, stackBytes: UInt32(truncatingIfNeeded: bytes / 8)),
      recording.prepareSites()
    {
      live |= tracks & (PROGNOS_TRACK_STACKS | PROGNOS_TRACK_SAMPLES)
      reasons.stacks = "unwinding by .eh_frame"
      reasons.samples = "a timer on each thread's CPU clock, and each long wait"
    } else {
      reasons.stacks = noRoom
      reasons.samples = noRoom
    }
  }
  if tracks & PROGNOS_TRACK_MEMORY != 0 {
    if !hasMemory {
      reasons.memory =
        "the process has no allocation functions that can be hooked, or AddressSanitizer's"
    } else if recording.prepareHeapSamples(), recording.prepareMappings() {
      // While nothing was hooked, blocks may have been freed.
      recording.dropHeapSamples()
      recording.dropMappings()
      live |= PROGNOS_TRACK_MEMORY
      reasons.memory = "hooks in the tables of all loaded objects"
    } else {
      reasons.memory = noRoom
    }
  }
  if tracks & PROGNOS_TRACK_KERNEL_IO != 0 {
    live |= PROGNOS_TRACK_KERNEL_IO
    reasons.io = "the kernel's count of each thread (PROGNOS_TRACK_KERNEL_IO)"
  } else if tracks & PROGNOS_TRACK_IO != 0 {
    if !hasIO {
      reasons.io = "the process has no input and output functions that can be hooked"
    } else if recording.prepareIO(tableBytes: Descriptor.tableBytes) {
      _ = recording.prepareWaitEdges()
      live |= PROGNOS_TRACK_IO
      reasons.io =
        "hooks in the tables of all loaded objects, and in those of the C library's streams"
    } else {
      reasons.io = noRoom
    }
  }
  if live & PROGNOS_TRACK_SAMPLES != 0, !shim_sampler_install() {
    live &= ~PROGNOS_TRACK_SAMPLES
    reasons.samples = "SIGPROF cannot be handled"
  }
  // From here on threads start timers, also in a child that is forked now.
  recording.header.pointee.samplePeriod.set(live & PROGNOS_TRACK_SAMPLES != 0 ? period : 0)
  live |= tracks & PROGNOS_TRACK_TIMELINE
  recording.header.pointee.liveTracks.set(live)
  if recording.isTimelineLive {
    recording.forEachLane { recording.prepareTimeline(of: $0) }
    if let lane = currentLane() { noteThread(of: lane, in: recording) }
  }
  // The kernel's count is looked at on the slow path, the timeline is written on one of its own.
  recording.setEnabled(recording.header.pointee.mode.value != Header.Mode.off)
  let depth = recording.header.pointee.stackDepth.value
  if recording.stacksReady, let lane = currentLane() {
    prepareStacks(of: lane, in: recording, depth: depth)
  }
  recording.forEachLane {
    prepareSampling(of: $0, in: recording)
    prepareStacks(ofForeign: $0, in: recording, depth: depth)
    $0.pointee.kernelIO[2].set(0)  // counted from the next boundary on
  }
}

/// In a forked child, whose recording is empty: what the parent tracked goes on.
func resumeTracking(_ tracks: UInt32, period: UInt64, in recording: Recording) {
  changing.store(0, ordering: .relaxed)
  prepareTables(tracks, period: period, hasMemory: true, hasIO: true, in: recording)
  recording.keep(reasons)
  if recording.header.pointee.crash.isLive.value != 0 { startCrashNotes(in: recording) }
}

/// Whether anything is tracked that needs hooks.
func isTracking(_ recording: Recording) -> Bool {
  let withoutHooks = PROGNOS_TRACK_CPU | PROGNOS_TRACK_KERNEL_IO | PROGNOS_TRACK_TIMELINE
  return recording.header.pointee.liveTracks.value & ~withoutHooks != 0
    || recording.header.pointee.crash.isLive.value != 0
}

/// Takes all hooks out of all tables.
func cleanTables() {
  _ = shim_python_hook(false)
  shim_sampler_patch(false)
  shim_loader_patch(false)
  shim_memory_patch(false)
  shim_io_patch(false)
  shim_locks_patch(false)
  shim_releases_patch(false)
  _ = shim_streams_patch(false)
}

/// Puts the hooks of what is live into all tables.
func patchTables() {
  guard let recording = existingRecording() else { return }
  let live = recording.header.pointee.liveTracks.value
  if isTracking(recording) { shim_loader_patch(true) }
  if live & PROGNOS_TRACK_MEMORY != 0 {
    shim_memory_patch(true)
    recording.header.pointee.heapRate.hasPools.set(shim_python_hook(true) ? 1 : 0)
  }
  if live & PROGNOS_TRACK_IO != 0 {
    shim_io_patch(true)
    shim_locks_patch(true)
    if !shim_streams_patch(true) {
      reasons.io = "hooks in all tables, but not in the C library's streams: they look unfamiliar"
    }
  }
  if live & PROGNOS_TRACK_SAMPLES != 0 { shim_sampler_patch(true) }
  if isExperimentLive { shim_releases_patch(true) }
}

private func startSampling(in recording: Recording) {
  if let lane = currentLane(), !shim_sampling_signal_is_blocked() {
    startTimer(of: lane, in: recording)
    if lane.pointee.timer.value == 0 {
      reasons.samples = "long waits only: the system gives no timer on a thread's CPU clock"
    }
  }
  recording.forEachLane { lane in
    let thread = lane.pointee.threadID.value
    if lane.pointee.state.value == Lane.State.owned, thread != 0,
      !shim_sampling_signal_is_blocked_in(thread)
    {
      startTimer(of: lane, in: recording)
    }
  }
}
