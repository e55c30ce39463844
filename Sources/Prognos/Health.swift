// SPDX-License-Identifier: Apache-2.0
import Analysis
import CPrognos
import CShim
import Capture
import Recording

// The health of operations and sessions, and what is good enough for them.

@_cdecl("prognos_op_health_read") @implementation
public func prognos_op_health_read(
  _ op: prognos_op, _ out: UnsafeMutablePointer<prognos_health>!, _ size: Int
) -> prognos_status {
  let function: StaticString = "prognos_op_health_read"
  guard let recording = existingRecording(), recording.isOperation(op) else {
    return unknownOperation(op, function)
  }
  return undisturbed {
    resumeCollector()
    guard let assessor = Assessor(recording) else { return noAssessment(function) }
    var found: (finished: UInt64, health: prognos_health?) = (0, nil)
    recording.readAssessment(at: recording.readingMoment()) { found = assessor.health(of: op) }
    guard let health = found.health else {
      ErrorText.set {
        $0.put(function)
        $0.put(": operation ")
        $0.put(UInt64(op))
        $0.put(" had finished ")
        $0.put(found.finished)
        $0.put(" calls at the collector's last tick; ")
        $0.put(Assessor.leastCalls)
        $0.put(" are needed")
      }
      return PROGNOS_NOT_ENOUGH_DATA
    }
    return fill(out, size, with: health, function)
  }
}

@_cdecl("prognos_session_health_read") @implementation
public func prognos_session_health_read(
  _ session: prognos_session, _ out: UnsafeMutablePointer<prognos_health>!, _ size: Int
) -> prognos_status {
  let function: StaticString = "prognos_session_health_read"
  guard let recording = existingRecording(), recording.session(SlotHandle(session)) != nil else {
    return status(unknownHandle(), function, session)
  }
  return undisturbed {
    resumeCollector()
    guard let assessor = Assessor(recording) else { return noAssessment(function) }
    guard hasMemory(toRead: recording) else { return noMemory(function) }
    let moment = recording.readingMoment()
    guard let stats = Sessions(of: recording, at: moment).stats(session)
    else { return status(unknownHandle(), function, session) }
    guard stats.count >= Assessor.leastCalls else {
      ErrorText.set {
        $0.put(function)
        $0.put(": the session has finished ")
        $0.put(stats.count)
        $0.put(" calls; ")
        $0.put(Assessor.leastCalls)
        $0.put(" are needed")
      }
      return PROGNOS_NOT_ENOUGH_DATA
    }
    var health = prognos_health()
    recording.readAssessment(at: moment) { health = assessor.health(of: stats) }
    return fill(out, size, with: health, function)
  }
}

@_cdecl("prognos_objective_set") @implementation
public func prognos_objective_set(
  _ op: prognos_op, _ latency_ns: UInt64, _ success_ratio: Double
) -> prognos_status {
  let function: StaticString = "prognos_objective_set"
  guard let recording = existingRecording(), recording.isOperation(op) else {
    return unknownOperation(op, function)
  }
  guard success_ratio >= 0, success_ratio < 1 else {
    return invalidArgument {
      $0.put("prognos_objective_set: success_ratio is ")
      $0.put(success_ratio)
      $0.put("; expected above 0 and below 1, or 0 to take the objective back")
    }
  }
  let objective = Objective(latencyNanoseconds: latency_ns, successRatio: success_ratio)
  guard recording.set(objective, of: op) else { return noMemory(function) }
  return PROGNOS_OK
}
