// SPDX-License-Identifier: Apache-2.0
import CShim
import Recording

// Unwinding reads the loaded objects, and nobody may unmap one meanwhile. So whoever is about to makes
// all threads stop unwinding first.

/// How long a pause waits for walks in progress. A walk takes microseconds, but its thread may have lost
/// its CPU.
private let longestWait: UInt64 = 200_000_000

/// From here until `resumeUnwinding` stacks are their innermost frame alone; returns when no walk is in
/// progress, or after 200 ms. Around dlclose and fork. Calls nest, in one thread or in several. Not in a
/// signal handler. A thread that a sampling signal interrupts in here does not wait for itself: the
/// handler finds unwinding paused.
public func pauseUnwinding(in recording: Recording) {
  guard recording.stacksReady else { return }
  let header = recording.header
  header.pointee.unwindingPaused.addOrdered(1)
  let start = shim_monotonic_ns()
  while true {
    let lost = header.pointee.unwindsLost.value
    let inFlight = header.pointee.unwindsInFlight.ordered
    if inFlight <= lost {
      // Some that were given up came back.
      if inFlight < lost { header.pointee.unwindsLost.set(inFlight) }
      return
    }
    if shim_monotonic_ns() &- start > longestWait {
      // Left by siglongjmp out of a handler, perhaps: the next pause does not wait for them again.
      header.pointee.unwindsLost.set(inFlight)
      return
    }
    undisturbed { shim_yield() }
  }
}

/// Ends a `pauseUnwinding`.
public func resumeUnwinding(in recording: Recording) {
  guard recording.stacksReady, recording.header.pointee.unwindingPaused.value > 0 else { return }
  recording.header.pointee.unwindingPaused.addOrdered(.max)
}

/// In a forked child that goes on with its parent's recording: no other thread is unwinding, and none is
/// refreshing modules. Undoes the pause of the fork, too.
public func forgetOtherUnwinds(in recording: Recording) {
  recording.header.pointee.unwindingPaused.set(0)
  recording.header.pointee.unwindsInFlight.set(0)
  recording.header.pointee.unwindsLost.set(0)
  recording.header.pointee.moduleRefresher.set(0)
}
