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
  return withProfile(of: op, window, function) { profile in
    fill(out, size, with: profile.statistics(of: profile.operations[Int(op) - 1]), function)
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
  return withProfile(of: op, window, function) { profile in
    let operation = profile.operations[Int(op) - 1]
    guard let value = profile.quantile(q, operation.totals, operation.distribution) else {
      ErrorText.set {
        $0.put("prognos_op_quantile: no call of operation ")
        $0.put(UInt64(op))
        $0.put(" has finished; 1 is needed")
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
    let profile = Profile(of: recording, at: recording.readingMoment(), distributions: .all)
    return fill(out, size, with: readProcess(profile), function)
  }
}

/// Calls `body` with a profile that has an operation's histogram, unless the arguments are bad.
private func withProfile(
  of op: prognos_op, _ window: prognos_window, _ function: StaticString,
  _ body: (Profile) -> prognos_status
) -> prognos_status {
  let status = check(window, function)
  guard status == PROGNOS_OK else { return status }
  guard let recording = existingRecording(), recording.isOperation(op) else {
    return unknownOperation(op, function)
  }
  return undisturbed {
    guard hasMemory(toRead: recording) else { return noMemory(function) }
    return body(
      Profile(of: recording, at: recording.readingMoment(), distributions: .of(operation: op)))
  }
}

private func check(_ window: prognos_window, _ function: StaticString) -> prognos_status {
  switch window {
  case PROGNOS_TOTAL: return PROGNOS_OK
  case PROGNOS_LAST_MINUTE, PROGNOS_LAST_5_MINUTES, PROGNOS_LAST_HOUR:
    ErrorText.set {
      $0.put(function)
      $0.put(": this version keeps PROGNOS_TOTAL only")
    }
    return PROGNOS_UNSUPPORTED
  default:
    return invalidArgument {
      $0.put(function)
      $0.put(": window is ")
      $0.put(UInt64(window.rawValue))
      $0.put("; expected PROGNOS_TOTAL (0) to PROGNOS_LAST_HOUR (3)")
    }
  }
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
