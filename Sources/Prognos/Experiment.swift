// SPDX-License-Identifier: Apache-2.0
import Analysis
import CPrognos
import CShim
import Capture
import Recording

@_cdecl("prognos_experiment_start") @implementation
public func prognos_experiment_start(
  _ progress: prognos_op, _ seconds: UInt32
) -> prognos_status {
  let function: StaticString = "prognos_experiment_start"
  guard !isInAlertCallback() else { return refuseInCallback(function) }
  guard seconds >= 1, seconds <= 3600 else {
    return invalidArgument {
      $0.put(function)
      $0.put(": seconds is ")
      $0.put(UInt64(seconds))
      $0.put("; expected 1 to 3600")
    }
  }
  guard let recording = existingRecording(), undisturbed({ callCollector() }) else {
    ErrorText.set {
      $0.put("prognos_experiment_start: no collector runs: prognos_start was not called")
    }
    return PROGNOS_NOT_STARTED
  }
  guard recording.isOperation(progress) else { return unknownOperation(progress, function) }
  switch startExperiment(progress: progress, seconds: seconds, in: recording) {
  case .done:
    _ = undisturbed { callCollector() }
    return PROGNOS_OK
  case .running:
    ErrorText.set { $0.put("prognos_experiment_start: another experiment is running") }
    return PROGNOS_ALREADY_STARTED
  case .noMemory: return noMemory(function)
  case .noLocks:
    ErrorText.set {
      $0.put(
        "prognos_experiment_start: the hooks of locks are not in place: they need PROGNOS_TRACK_IO")
    }
    return PROGNOS_UNSUPPORTED
  }
}

@_cdecl("prognos_experiment_stop") @implementation
public func prognos_experiment_stop() -> prognos_status {
  guard stopExperiment() else {
    ErrorText.set { $0.put("prognos_experiment_stop: no experiment is running") }
    return PROGNOS_NOT_STARTED
  }
  return PROGNOS_OK
}

@_cdecl("prognos_experiment_read") @implementation
public func prognos_experiment_read(
  _ out: UnsafeMutablePointer<prognos_experiment>!, _ size: Int
) -> prognos_status {
  guard let recording = existingRecording(),
    let answer = experimentAnswer(recording, ExperimentFindings(recording), at: shim_monotonic_ns())
  else {
    ErrorText.set {
      $0.put(
        "prognos_experiment_read: there was no experiment; prognos_experiment_start begins one")
    }
    return PROGNOS_NOT_ENOUGH_DATA
  }
  return fill(out, size, with: answer, "prognos_experiment_read")
}
