// SPDX-License-Identifier: Apache-2.0
import Analysis
import CPrognos
import CShim
import Capture
import Recording

// How long a call will take, and what is left of an open one: computed when asked, from what the calls recorded.

@_cdecl("prognos_duration_predict") @implementation
public func prognos_duration_predict(
  _ op: prognos_op, _ work: UInt64, _ out: UnsafeMutablePointer<prognos_duration>!, _ size: Int
) -> prognos_status {
  let function: StaticString = "prognos_duration_predict"
  guard let out, size > 0 else { return fill(out, size, with: prognos_duration(), function) }
  guard let recording = existingRecording(), recording.isOperation(op) else {
    return unknownOperation(op, function)
  }
  let caller = operationOfThisThread(besides: op)
  return withDurationRoom(recording, function) { room in
    let moment = recording.readingMoment()
    if work > 0, let model = DurationModel(of: op, in: recording, at: moment, room: room) {
      return fill(out, size, with: prognos_duration(work: work, model), function)
    }
    var (found, count): (prognos_duration?, UInt64) = (nil, 0)
    recording.betweenTicks(at: moment) {
      let profile = Profile(of: recording, at: moment, distributions: .of(operation: op))
      (found, count) = duration(of: op, work: work, calledFrom: caller, in: profile)
    }
    guard let found else { return tooFew(count, function) }
    return fill(out, size, with: found, function)
  }
}

@_cdecl("prognos_time_left_read") @implementation
public func prognos_time_left_read(
  _ op: prognos_op, _ out: UnsafeMutablePointer<prognos_time_left>!, _ size: Int
) -> prognos_status {
  let function: StaticString = "prognos_time_left_read"
  guard let out, size > 0 else { return fill(out, size, with: prognos_time_left(), function) }
  guard let recording = existingRecording(), recording.isOperation(op) else {
    return unknownOperation(op, function)
  }
  return withDurationRoom(recording, function) { room in
    let moment = recording.readingMoment()
    guard let forecast = OpenCallForecast(of: op, in: recording, at: moment, room: room) else {
      ErrorText.set {
        $0.put("prognos_time_left_read: no call of operation ")
        $0.put(UInt64(op))
        $0.put(" is open")
      }
      return PROGNOS_INVALID_STATE
    }
    guard let answer = forecast.answer else { return tooFew(forecast.samples, function) }
    return fill(out, size, with: answer, function)
  }
}

/// Calls `body` with memory for its numbers, if there is any.
private func withDurationRoom(
  _ recording: Recording, _ function: StaticString,
  _ body: (UnsafeMutablePointer<Double>) -> prognos_status
) -> prognos_status {
  undisturbed {
    guard hasMemory(toRead: recording), shim_has_memory(DurationModel.roomCount * 8) else {
      return noMemory(function)
    }
    let room = UnsafeMutablePointer<Double>.allocate(capacity: DurationModel.roomCount)
    defer { room.deallocate() }
    return body(room)
  }
}

private func tooFew(_ count: UInt64, _ function: StaticString) -> prognos_status {
  ErrorText.set {
    $0.put(function)
    $0.put(": ")
    $0.put(count)
    $0.put(" calls have finished; 8 are needed")
  }
  return PROGNOS_NOT_ENOUGH_DATA
}

/// By how long calls took: those under the caller if there were enough, at the level of the last minute.
private func duration(
  of op: UInt32, work: UInt64, calledFrom caller: UInt32, in profile: Profile
) -> (prognos_duration?, count: UInt64) {
  var (under, total) = (Distribution(), UInt64(0))
  for path in profile.paths where path.operation == op {
    total &+= path.totals.count
    if let parent = path.parent, profile.paths[parent].operation == caller {
      under.add(path.distribution)
    }
  }
  var level = 1.0
  if let window = HistoryWindow(of: profile, nanoseconds: 60_000_000_000, operation: op),
    window.distributions[Int(op)].total >= 16
  {
    level =
      ticks(0.5, window.distributions[Int(op)])
      / ticks(0.5, profile.operations[Int(op) - 1].distribution)
  }
  // With fewer, chance weighs more than the caller.
  let isUnder = under.total >= 16
  let answer = prognos_duration(
    work: work, wallTicks: isUnder ? under : profile.operations[Int(op) - 1].distribution,
    nanosecondsPerTick: profile.moment.nanosecondsPerTick, level: level,
    caller: isUnder ? prognos_op_name(caller) : nil)
  return (answer, total)
}
