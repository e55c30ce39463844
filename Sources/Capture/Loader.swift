// SPDX-License-Identifier: Apache-2.0
import CShim
import Recording
import Synchronization

// Objects that are loaded and unloaded while hooks are in place.

/// How many objects had been loaded when the tables were patched last.
private let patched = Atomic<UInt64>(0)

/// Puts the hooks into the tables of objects that came since the last time, and into the map of modules.
@c(shim_loaded) @implementation
public func shim_loaded() {
  guard let recording = existingRecording() else { return }
  let loaded = shim_objects_loaded()
  if patched.exchange(loaded, ordering: .acquiringAndReleasing) == loaded { return }
  undisturbed {
    refreshModules(in: recording)
    findOwnModule(in: recording)
    patchTables()
    // A stop on another thread may have found these tables clean before.
    if !isTracking(recording) { cleanTables() }
  }
}

private func findOwnModule(in recording: Recording) {
  var range = ModuleRange()
  guard recording.stacksReady, recording.header.pointee.ownModule.value == 0,
    recording.findModule(shim_own_address(), &range)
  else { return }
  recording.header.pointee.ownModule.set(range.number)
}

/// Forgets what was patched, so that the next `shim_loaded` looks at all objects.
func forgetPatched() { patched.store(0, ordering: .releasing) }

@c(shim_unloading) @implementation
public func shim_unloading() {
  if let recording = existingRecording() { pauseUnwinding(in: recording) }
}

@c(shim_unloaded) @implementation
public func shim_unloaded() {
  guard let recording = existingRecording() else { return }
  refreshModules(in: recording)
  resumeUnwinding(in: recording)
}

/// Whether the object around an address has a run path; false when it is not known.
@c(shim_has_run_path) @implementation
public func shim_has_run_path(_ address: UInt64) -> Bool {
  guard let recording = existingRecording() else { return true }
  var range = ModuleRange()
  guard recording.stacksReady, recording.findModule(address, &range) else { return true }
  return range.flags & Module.Flags.hasRunPath != 0
}
