// SPDX-License-Identifier: Apache-2.0
import CPrognos
import CShim
import Capture
import Recording
import Synchronization

// The host's callback. The collector tells it what changed, after an assessment and outside of it, so that the
// callback may read all answers.

private let callbackAddress = Atomic<UInt>(0)
private let callbackContext = Atomic<UInt>(0)
/// The thread that sets it, as below.
private let setter = Atomic<UInt64>(0)
/// The thread that is in the callback, and its process in the upper half: a forked child has no such thread.
private let caller = Atomic<UInt64>(0)

private func thisThread() -> UInt64 {
  UInt64(shim_process_id()) &<< 32 | UInt64(shim_thread_id())
}

/// Whether this thread is in the host's callback now.
func isInAlertCallback() -> Bool {
  let inside = caller.load(ordering: .relaxed)
  return inside != 0 && inside == thisThread()
}

/// Calls the host, on the collector's thread.
func tellHost(_ alert: prognos_alert) {
  guard callbackAddress.load(ordering: .relaxed) != 0 else { return }
  // Who sets the callback first takes it back, and then waits until nobody is inside; we first say that we are
  // inside, and then look for it. In one order, one of the two sees the other.
  caller.store(thisThread(), ordering: .sequentiallyConsistent)
  let address = callbackAddress.load(ordering: .sequentiallyConsistent)
  if address != 0, let pointer = UnsafeRawPointer(bitPattern: address) {
    let context = UnsafeMutableRawPointer(
      bitPattern: callbackContext.load(ordering: .acquiring))
    let callback = unsafeBitCast(pointer, to: prognos_alert_callback.self)
    withUnsafePointer(to: alert) { callback($0, context) }
  }
  caller.store(0, ordering: .sequentiallyConsistent)
}

@_cdecl("prognos_on_alert") @implementation
public func prognos_on_alert(
  _ callback: prognos_alert_callback!, _ context: UnsafeMutableRawPointer!
) -> prognos_status {
  undisturbed {
    let me = thisThread()
    while true {
      let (isMine, other) = setter.compareExchange(
        expected: 0, desired: me, ordering: .acquiringAndReleasing)
      // In a child that was forked while another thread set it, nobody else will end that.
      if isMine || other &>> 32 != me &>> 32 { break }
      shim_yield()
    }
    callbackAddress.store(0, ordering: .sequentiallyConsistent)
    while true {
      let inside = caller.load(ordering: .sequentiallyConsistent)
      if inside == 0 || inside == me || inside &>> 32 != me &>> 32 { break }
      shim_sleep_ns(100_000)
    }
    callbackContext.store(UInt(bitPattern: context), ordering: .releasing)
    let address = callback.map { UInt(bitPattern: unsafeBitCast($0, to: UnsafeRawPointer.self)) }
    callbackAddress.store(address ?? 0, ordering: .sequentiallyConsistent)
    setter.store(0, ordering: .releasing)
  }
  return PROGNOS_OK
}

@_cdecl("prognos_limit_set") @implementation
public func prognos_limit_set(
  _ metric: prognos_metric, _ warn: Double, _ critical: Double
) -> prognos_status {
  let known = PROGNOS_METRIC_RATE.rawValue...PROGNOS_METRIC_CRASH.rawValue
  guard known.contains(metric.rawValue) else {
    return invalidArgument {
      $0.put("prognos_limit_set: metric is ")
      $0.put(UInt64(metric.rawValue))
      $0.put("; expected PROGNOS_METRIC_RATE (1) to PROGNOS_METRIC_CRASH (19)")
    }
  }
  guard let recording = prepareRecording(),
    recording.setLimits(warn: warn, critical: critical, of: metric.rawValue)
  else { return noMemory("prognos_limit_set") }
  return PROGNOS_OK
}

/// Says that a call may not be made from within the callback.
func refuseInCallback(_ function: StaticString) -> prognos_status {
  ErrorText.set {
    $0.put(function)
    $0.put(": called from an alert's callback, which the collector waits for")
  }
  return PROGNOS_INVALID_STATE
}
