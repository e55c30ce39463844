// SPDX-License-Identifier: Apache-2.0
import CShim
import Recording

// What the calls that are not hot want of the calling thread's lane.

/// Calls `body` with the memory for the calling thread's last error, `Lane.errorTextBytes` long: in its
/// lane, or apart when it can get none, and when the recording was not made yet. No error makes it:
/// `prognos_start` may still want other sizes.
public func withErrorTextOfThisThread(_ body: (UnsafeMutablePointer<UInt8>) -> Void) {
  if let lane = currentLane() ?? (existingRecording() == nil ? nil : attach()) {
    body(errorText(of: lane))
  } else if let text = shim_laneless_text(shim_thread_id(), true) {
    body(UnsafeMutableRawPointer(text).assumingMemoryBound(to: UInt8.self))
  }
}

/// The calling thread's last error; nil when it never had one.
public func lastErrorOfThisThread() -> UnsafePointer<CChar>? {
  if let lane = currentLane(), errorText(of: lane).pointee != 0 {
    return characters(errorText(of: lane))
  }
  return shim_laneless_text(shim_thread_id(), false).map { UnsafePointer($0) }
}

private func errorText(of lane: UnsafeMutablePointer<Lane>) -> UnsafeMutablePointer<UInt8> {
  (UnsafeMutableRawPointer(lane) + Int(Lane.errorTextOffset)).assumingMemoryBound(to: UInt8.self)
}

/// A thread does not begin with the errors of the one before it.
func clearErrorText(of lane: UnsafeMutablePointer<Lane>) { errorText(of: lane).pointee = 0 }

private func characters(_ text: UnsafeMutablePointer<UInt8>) -> UnsafePointer<CChar> {
  UnsafeRawPointer(text).assumingMemoryBound(to: CChar.self)
}

/// The handle of the operation of this name, added if it is new.
public func nameOperation(
  _ name: borrowing CleanText, in recording: Recording
) throws(NameFailure) -> UInt32 {
  try recording.nameOperation(name, threadID: shim_thread_id()) { shim_yield() }
}

/// The frame of a function of the host's language, added if it is new.
public func nameHostFrame(
  function: borrowing CleanText, file: borrowing CleanText, line: UInt32, in recording: Recording
) throws(NameFailure) -> UInt32 {
  try recording.nameHostFrame(
    function: function, file: file, line: line, threadID: shim_thread_id()
  ) { shim_yield() }
}

/// The innermost operation that is open on the calling thread and is another one; 0 when none is.
public func operationOfThisThread(besides op: UInt32) -> UInt32 {
  guard let lane = currentLane() else { return 0 }
  var found: UInt32 = 0
  attachedRecording().forEachFrame(of: lane) { _, frame in
    let operation = frame.pointee.operation
    if found == 0, operation != op { found = operation }
  }
  return found
}
