// SPDX-License-Identifier: Apache-2.0
import CShim
import Recording

// A lane at work is marked busy, so that a signal handler that begins or ends something meanwhile keeps
// its hands off what is half done.

/// Marks a lane busy whose top was `top`, which says whether it already was.
@_semantics("no_performance_analysis") @inline(__always)
func markBusy(_ lane: UnsafeMutablePointer<Lane>, top: UInt32) {
  let wasBusy = Int(truncatingIfNeeded: top / Frame.busyOffset & 1)
  lane.pointee.busyStack[unchecked: wasBusy].set(shim_stack_pointer())
  orderForSignals()
  lane.pointee.top.set(top | Frame.busyOffset)
  orderForSignals()
}

/// A handler's stack begins at least this far beyond what it interrupted: registers, vector state, red
/// zone. The calls from begin to here take less.
private let leastSignalFrame: UInt64 = 1024

/// Whether a call that found its lane busy is to be left out, and counts it then. Not when the call
/// that marked the lane is gone for good: a handler that interrupted it left by siglongjmp. Then that
/// call's part of the stack is ours now, where a handler's lies beyond it. The lane is set free.
@_semantics("no_performance_analysis") @inline(never)
func isLeftOut(on lane: UnsafeMutablePointer<Lane>) -> Bool {
  guard isInterrupting(lane) else { return false }
  lane.pointee.reentered.add(1)
  return true
}

/// Whether a call that found its lane busy interrupted the one that marked it; else the lane is set free.
@_semantics("no_performance_analysis") @inline(never)
func isInterrupting(_ lane: UnsafeMutablePointer<Lane>) -> Bool {
  let isBeyond = shim_stack_pointer() &+ leastSignalFrame < lane.pointee.busyStack[0].value
  if isBeyond || shim_on_alternative_stack() { return true }
  lane.pointee.top.set(lane.pointee.top.value & ~Frame.busyOffset)
  return false
}
