// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Capture
import Recording

@c(prognos_span_begin) @implementation
public func prognos_span_begin(_ op: prognos_op) -> prognos_span {
  let (handle, placement) = beginSpan(op)
  if placement == .full {
    noRoom(
      "prognos_span_begin",
      ": too many open spans for memory_limit_bytes, of which they get an eighth")
  }
  return handle
}

@c(prognos_span_enter) @implementation
public func prognos_span_enter(_ span: prognos_span) -> prognos_status {
  status(enterSpan(span), "prognos_span_enter", span)
}

@c(prognos_span_leave) @implementation
public func prognos_span_leave(_ span: prognos_span) -> prognos_status {
  status(leaveSpan(span), "prognos_span_leave", span)
}

@c(prognos_span_work) @implementation
public func prognos_span_work(_ span: prognos_span, _ amount: UInt64) -> prognos_status {
  status(addWork(amount, toSpan: span), "prognos_span_work", span)
}

@c(prognos_span_fail) @implementation
public func prognos_span_fail(
  _ span: prognos_span, _ kind: UnsafePointer<CChar>!
) -> prognos_status {
  status(failSpan(span, kind), "prognos_span_fail", span)
}

@c(prognos_span_end) @implementation
public func prognos_span_end(_ span: prognos_span) -> prognos_status {
  status(endSpan(span), "prognos_span_end", span)
}

// MARK: What came of it

@inline(__always)
func status(
  _ placement: Placement, _ function: StaticString, _ handle: UInt64
) -> prognos_status {
  placement == .done ? PROGNOS_OK : refusal(placement, function, handle)
}

@inline(never)
private func refusal(
  _ placement: Placement, _ function: StaticString, _ handle: UInt64
) -> prognos_status {
  let what: StaticString
  let status: prognos_status
  switch placement {
  case .unknownHandle: (what, status) = (" is stale or was never given out", PROGNOS_UNKNOWN_HANDLE)
  case .notEntered: (what, status) = (" is not entered on this thread", PROGNOS_INVALID_STATE)
  case .enteredElsewhere:
    (what, status) = (" is entered already; leave it first, on its thread", PROGNOS_INVALID_STATE)
  case .closed: (what, status) = (" was closed", PROGNOS_INVALID_STATE)
  case .full:
    (what, status) = (
      ": operations nest too deep here, or the thread cannot be recorded", PROGNOS_LIMIT_REACHED
    )
  // The interrupted call may be setting its error's text.
  case .interrupted: return PROGNOS_INVALID_STATE
  case .done: return PROGNOS_OK
  }
  explain(function, handle, what)
  return status
}

func noRoom(_ function: StaticString, _ what: StaticString) { explain(function, 0, what) }

private func explain(_ function: StaticString, _ handle: UInt64, _ what: StaticString) {
  ErrorText.set {
    $0.put(function)
    if handle != 0 {
      $0.put(": handle ")
      $0.put(handle)
    }
    $0.put(what)
  }
}
