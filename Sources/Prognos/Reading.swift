// SPDX-License-Identifier: Apache-2.0
import CPrognos
import CShim
import Capture
import Recording

@_cdecl("prognos_op_read") @implementation
public func prognos_op_read(
  _ op: prognos_op, _ window: prognos_window, _ out: UnsafeMutablePointer<prognos_op_stats>!,
  _ size: Int
) -> prognos_status {
  let function: StaticString = "prognos_op_read"
  return withProfile(of: op, window, function) { profile, past in
    let stats =
      past?.statistics(of: op, in: profile)
      ?? profile.statistics(of: profile.operations[Int(op) - 1])
    return fill(out, size, with: stats, function)
  }
}

@_cdecl("prognos_op_quantile") @implementation
public func prognos_op_quantile(
  _ op: prognos_op, _ window: prognos_window, _ q: Double, _ wall_ns: UnsafeMutablePointer<UInt64>!
) -> prognos_status {
  let function: StaticString = "prognos_op_quantile"
  guard q >= 0 && q <= 1 else {
    return invalidArgument {
      $0.put("prognos_op_quantile: q is ")
      $0.put(q)
      $0.put("; expected 0 to 1")
    }
  }
  guard let wall_ns else {
    return invalidArgument { $0.put("prognos_op_quantile: wall_ns is NULL") }
  }
  return withProfile(of: op, window, function) { profile, past in
    let operation = profile.operations[Int(op) - 1]
    let found =
      past.map { $0.quantile(q, of: op, in: profile) }
      ?? profile.quantile(q, operation.totals, operation.distribution)
    guard let value = found else {
      ErrorText.set {
        $0.put("prognos_op_quantile: no call of operation ")
        $0.put(UInt64(op))
        $0.put(
          past == nil ? " has finished; 1 is needed" : " has finished in the window; 1 is needed")
      }
      return PROGNOS_NOT_ENOUGH_DATA
    }
    wall_ns.pointee = value
    return PROGNOS_OK
  }
}

@_cdecl("prognos_process_read") @implementation
public func prognos_process_read(
  _ window: prognos_window, _ out: UnsafeMutablePointer<prognos_process_stats>!, _ size: Int
) -> prognos_status {
  let function: StaticString = "prognos_process_read"
  let status = check(window, function)
  guard status == PROGNOS_OK else { return status }
  return undisturbed {
    guard let recording = prepareRecording(), hasMemory(toRead: recording) else {
      return noMemory(function)
    }
    var probe = ProcessProbe()
    probe.read()
    var stats = prognos_process_stats()
    let moment = recording.readingMoment()
    recording.betweenTicks(at: moment) {
      let profile = Profile(of: recording, at: moment, distributions: .all)
      if window != PROGNOS_TOTAL,
        let past = HistoryWindow(of: profile, nanoseconds: window.nanoseconds, operation: 0)
      {
        stats = readProcess(profile, probe, over: past, nanoseconds: window.nanoseconds)
      } else {
        stats = readProcess(profile, probe)
      }
    }
    return fill(out, size, with: stats, function)
  }
}

/// Calls `body` with a profile that has an operation's histogram, and with the window unless it is the total, if
/// the arguments are good.
private func withProfile(
  of op: prognos_op, _ window: prognos_window, _ function: StaticString,
  _ body: (Profile, HistoryWindow?) -> prognos_status
) -> prognos_status {
  let status = check(window, function)
  guard status == PROGNOS_OK else { return status }
  guard let recording = existingRecording(), recording.isOperation(op) else {
    return unknownOperation(op, function)
  }
  return undisturbed {
    guard hasMemory(toRead: recording) else { return noMemory(function) }
    let moment = recording.readingMoment()
    if window == PROGNOS_TOTAL {
      return body(
        Profile(of: recording, at: moment, distributions: .of(operation: op)), nil)
    }
    var (found, past): (Profile?, HistoryWindow?) = (nil, nil)
    recording.betweenTicks(at: moment) {
      let profile = Profile(of: recording, at: moment, distributions: .of(operation: op))
      found = profile
      past = HistoryWindow(of: profile, nanoseconds: window.nanoseconds, operation: op)
    }
    guard let found, let past else { return notEnoughData(function) }
    return body(found, past)
  }
}

func check(_ window: prognos_window, _ function: StaticString) -> prognos_status {
  guard window.rawValue <= PROGNOS_LAST_HOUR.rawValue else {
    return invalidArgument {
      $0.put(function)
      $0.put(": window is ")
      $0.put(UInt64(window.rawValue))
      $0.put("; expected PROGNOS_TOTAL (0) to PROGNOS_LAST_HOUR (3)")
    }
  }
  if window == PROGNOS_TOTAL { return PROGNOS_OK }
  resumeCollector()
  return existingRecording()?.hasHistory == true ? PROGNOS_OK : notEnoughData(function)
}

private func notEnoughData(_ function: StaticString) -> prognos_status {
  ErrorText.set {
    $0.put(function)
    $0.put(": there is no history for windows other than PROGNOS_TOTAL: prognos_start was not ")
    $0.put("called, or found too little memory left")
  }
  return PROGNOS_NOT_ENOUGH_DATA
}

/// Whether there is memory to read this recording, by a generous estimate of some KiB a path: arrays have
/// no way to say that there is none.
func hasMemory(toRead recording: Recording) -> Bool {
  var paths = Int(recording.operationCount)
  recording.forEachLane { paths += Int($0.pointee.nodeCount.value) }
  // Some words a span, of which there may be many more than paths.
  paths += Int(recording.header.pointee.spans.table.used.value) / 64
  return shim_has_memory((paths + 64) * 8192)
}

/// Sets the last error, as far as there is room for it, and returns PROGNOS_NO_MEMORY.
func noMemory(_ function: StaticString) -> prognos_status {
  ErrorText.set {
    $0.put(function)
    $0.put(": the system gave no memory for a recording")
  }
  return PROGNOS_NO_MEMORY
}
