// SPDX-License-Identifier: Apache-2.0
import CShim
import Recording

// What the calls that are not hot want of the calling thread's lane.

/// Where the calling thread's last error is written, `Lane.errorTextBytes` long; nil when the thread
/// can get no lane.
public func errorTextOfThisThread() -> UnsafeMutablePointer<UInt8>? {
  guard let lane = currentLane() ?? attach() else { return nil }
  return (UnsafeMutableRawPointer(lane) + Int(Lane.errorTextOffset))
    .assumingMemoryBound(to: UInt8.self)
}

/// The calling thread's last error; nil when it never had one.
public func lastErrorOfThisThread() -> UnsafePointer<CChar>? {
  guard let lane = currentLane() else { return nil }
  return UnsafePointer(
    (UnsafeMutableRawPointer(lane) + Int(Lane.errorTextOffset)).assumingMemoryBound(to: CChar.self))
}

/// The handle of the operation of this name, added if it is new.
public func nameOperation(
  _ name: borrowing CleanText, in recording: Recording
) throws(NameFailure) -> UInt32 {
  try recording.nameOperation(name, threadID: shim_thread_id()) { shim_yield() }
}
