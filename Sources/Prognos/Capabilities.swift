// SPDX-License-Identifier: Apache-2.0
import CPrognos
import CShim
import Capture
import Recording
import Synchronization

@_cdecl("prognos_capabilities_read") @implementation
public func prognos_capabilities_read(
  _ out: UnsafeMutablePointer<prognos_capabilities>!, _ size: Int
) -> prognos_status {
  guard let recording = prepareRecording() else { return noMemory("prognos_capabilities_read") }
  return undisturbed {
    fill(out, size, with: readCapabilities(recording), "prognos_capabilities_read")
  }
}

/// - Parameter calibrating: also with the counter's frequency, which takes up to 5 ms in a young recording.
func readCapabilities(
  _ recording: Recording, calibrating: Bool = true
) -> prognos_capabilities {
  var capabilities = recording.capabilities()
  let (source, sourceReason) = recording.timeSource
  capabilities.time_source = source
  capabilities.time_source_reason = text(sourceReason)
  if calibrating { capabilities.ticks_per_s = 1e9 / recording.calibrateClock() }
  let reasons = trackingReasons()
  capabilities.memory_reason = text(reasons.memory)
  capabilities.io_reason = text(reasons.io)
  capabilities.stacks_reason = text(reasons.stacks)
  capabilities.samples_reason = text(reasons.samples)
  capabilities.recording_path = livePath()
  capabilities.recording_reason = UnsafePointer(
    UnsafeRawPointer(recording.identityText(.recordingReason)).assumingMemoryBound(to: CChar.self))
  return capabilities
}

@_cdecl("prognos_diagnostics_read") @implementation
public func prognos_diagnostics_read(
  _ out: UnsafeMutablePointer<prognos_diagnostics>!, _ size: Int
) -> prognos_status {
  guard let recording = prepareRecording() else { return noMemory("prognos_diagnostics_read") }
  return undisturbed {
    fill(out, size, with: readDiagnostics(recording), "prognos_diagnostics_read")
  }
}

func readDiagnostics(_ recording: Recording) -> prognos_diagnostics {
  var diagnostics = recording.diagnostics(nanosecondsPerTick: recording.calibrateClock())
  diagnostics.bad_arguments &+= earlyBadArguments.load(ordering: .relaxed)
  return diagnostics
}
