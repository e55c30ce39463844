// SPDX-License-Identifier: Apache-2.0
import CShim
import Recording
import Synchronization

// What the calls that are not hot want of the calling thread's lane.

/// A last error from before the recording was made, which no error is to make: `prognos_start` may still
/// want other sizes. One for the process, with the thread that it belongs to.
private nonisolated(unsafe) var earlyText: InlineArray<512, UInt8> = .init(repeating: 0)
private let earlyTextOwner = Atomic<UInt32>(0)

/// Calls `body` with the memory for the calling thread's last error, `Lane.errorTextBytes` long; not at
/// all when there is a recording in which the thread can get no lane.
public func withErrorTextOfThisThread(_ body: (UnsafeMutablePointer<UInt8>) -> Void) {
  if let lane = currentLane() ?? (existingRecording() == nil ? nil : attach()) {
    body(errorText(of: lane))
  } else if existingRecording() == nil {
    earlyTextOwner.store(shim_thread_id(), ordering: .relaxed)
    body(earlyTextStart)
  }
}

/// The calling thread's last error; nil when it never had one.
public func lastErrorOfThisThread() -> UnsafePointer<CChar>? {
  if let lane = currentLane(), errorText(of: lane).pointee != 0 {
    return characters(errorText(of: lane))
  }
  let isMine = earlyTextOwner.load(ordering: .relaxed) == shim_thread_id()
  return isMine ? characters(earlyTextStart) : nil
}

private func errorText(of lane: UnsafeMutablePointer<Lane>) -> UnsafeMutablePointer<UInt8> {
  (UnsafeMutableRawPointer(lane) + Int(Lane.errorTextOffset)).assumingMemoryBound(to: UInt8.self)
}

/// A global's address does not move.
private var earlyTextStart: UnsafeMutablePointer<UInt8> {
  withUnsafeMutablePointer(to: &earlyText) {
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
