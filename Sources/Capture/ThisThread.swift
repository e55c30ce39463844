// SPDX-License-Identifier: Apache-2.0
import CShim
import Recording
import Synchronization

// What the calls that are not hot want of the calling thread's lane.

/// The last error of a thread without a lane: because it can get none, or because the recording was
/// not made yet, and no error is to make it (`prognos_start` may still want other sizes). One for the
/// process, with the thread that it belongs to.
private nonisolated(unsafe) var lanelessText: InlineArray<512, UInt8> = .init(repeating: 0)
private let lanelessTextOwner = Atomic<UInt32>(0)

/// Calls `body` with the memory for the calling thread's last error, `Lane.errorTextBytes` long.
public func withErrorTextOfThisThread(_ body: (UnsafeMutablePointer<UInt8>) -> Void) {
  if let lane = currentLane() ?? (existingRecording() == nil ? nil : attach()) {
    body(errorText(of: lane))
  } else {
    lanelessTextOwner.store(shim_thread_id(), ordering: .relaxed)
    body(lanelessTextStart)
  }
}

/// The calling thread's last error; nil when it never had one.
public func lastErrorOfThisThread() -> UnsafePointer<CChar>? {
  if let lane = currentLane(), errorText(of: lane).pointee != 0 {
    return characters(errorText(of: lane))
  }
  let isMine = lanelessTextOwner.load(ordering: .relaxed) == shim_thread_id()
  return isMine ? characters(lanelessTextStart) : nil
}

private func errorText(of lane: UnsafeMutablePointer<Lane>) -> UnsafeMutablePointer<UInt8> {
  (UnsafeMutableRawPointer(lane) + Int(Lane.errorTextOffset)).assumingMemoryBound(to: UInt8.self)
}

/// A thread does not begin with the errors of the one before it.
func clearErrorText(of lane: UnsafeMutablePointer<Lane>) { errorText(of: lane).pointee = 0 }

/// A global's address does not move.
private var lanelessTextStart: UnsafeMutablePointer<UInt8> {
  withUnsafeMutablePointer(to: &lanelessText) {
    UnsafeMutableRawPointer($0).assumingMemoryBound(to: UInt8.self)
  }
}

private func characters(_ text: UnsafeMutablePointer<UInt8>) -> UnsafePointer<CChar> {
  UnsafeRawPointer(text).assumingMemoryBound(to: CChar.self)
}

/// The handle of the operation of this name, added if it is new.
public func nameOperation(
  _ name: borrowing CleanText, in recording: Recording
) throws(NameFailure) -> UInt32 {
  try recording.nameOperation(name, threadID: shim_thread_id()) { shim_yield() }
}
