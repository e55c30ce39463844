// SPDX-License-Identifier: Apache-2.0
import CPrognos
import CShim
import Recording
import Synchronization

// What prognos_start switches on beyond begin and end, and prognos_stop off again.

/// One thread at a time changes what is tracked. 0 free, else its ID.
private let changing = Atomic<UInt32>(0)

/// Switches on what the options ask for and this system offers.
public func startTracking(_ options: prognos_options, in recording: Recording) {
  changeTracking {
    if options.track & PROGNOS_TRACK_MEMORY != 0 { startMemory(options, in: recording) }
    if options.track & PROGNOS_TRACK_IO != 0 { startIO(in: recording) }
  }
}

public func stopTracking() {
  changeTracking {
    stopMemory()
    if let recording = existingRecording() { stopIO(in: recording) }
  }
}

private func changeTracking(_ change: () -> Void) {
  let me = shim_thread_id()
  while !changing.compareExchange(expected: 0, desired: me, ordering: .acquiringAndReleasing)
    .exchanged
  {
    shim_yield()
  }
  undisturbed(change)
  changing.store(0, ordering: .releasing)
}

private func startMemory(_ options: prognos_options, in recording: Recording) {
  guard shim_memory_find(),
    recording.prepareHeapSamples(meanBytes: options.heap_sample_bytes),
    recording.prepareMappings()
  else { return }
  recording.forEachLane { drawNextSample(on: $0, of: recording) }
  _ = shim_memory_patch(true)
}

private func stopMemory() {
  _ = shim_memory_patch(false)
}
