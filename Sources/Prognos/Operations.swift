// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Capture
import Recording

@_cdecl("prognos_op_named") @implementation
public func prognos_op_named(_ name: UnsafePointer<CChar>!) -> prognos_op {
  guard let name, name[0] != 0 else {
    _ = invalidArgument {
      $0.put("prognos_op_named: the name is ")
      $0.put(name == nil ? "NULL" : "empty")
      $0.put("; expected 1 to 255 bytes of UTF-8")
    }
    return 0
  }
  guard let recording = prepareRecording() else { return 0 }
  let text = CleanText(name)
  if text.wasRepaired { recording.header.pointee.repairedNames.addShared(1) }
  do {
    return try nameOperation(text, in: recording)
  } catch {
    recording.header.pointee.rejectedNames.addShared(1)
    logRejectedName()
    ErrorText.set {
      $0.put("prognos_op_named: ")
      switch error {
      case .tooManyOperations:
        $0.put("the operation table is full: ")
        $0.put(UInt64(recording.header.pointee.operationCapacity.value))
        $0.put(" names (prognos_options.max_ops, PROGNOS_MAX_OPS)")
      case .noRoomForNames:
        $0.put("the space for names is full after ")
        $0.put(UInt64(recording.operationCount))
        $0.put(" operations; use shorter names or raise max_ops")
      case .interrupted:
        $0.put("called from a signal handler that interrupted another prognos_op_named")
      }
    }
    return 0
  }
}

@_cdecl("prognos_op_current") @implementation
public func prognos_op_current() -> prognos_op { currentOperation() }

@_cdecl("prognos_op_count") @implementation
public func prognos_op_count() -> Int {
  Int(existingRecording()?.operationCount ?? 0)
}

@_cdecl("prognos_op_name") @implementation
public func prognos_op_name(_ op: prognos_op) -> UnsafePointer<CChar>! {
  guard let recording = existingRecording(), recording.isOperation(op) else {
    _ = unknownOperation(op, "prognos_op_name")
    return nil
  }
  return recording.text(recording.operation(op).pointee.name.value)
}

/// Sets the last error and returns PROGNOS_UNKNOWN_HANDLE.
func unknownOperation(_ op: prognos_op, _ function: StaticString) -> prognos_status {
  let count = existingRecording()?.operationCount ?? 0
  ErrorText.set {
    $0.put(function)
    $0.put(": operation ")
    $0.put(UInt64(op))
    $0.put(" was never given out; handles are 1 to ")
    $0.put(UInt64(count))
  }
  return PROGNOS_UNKNOWN_HANDLE
}
