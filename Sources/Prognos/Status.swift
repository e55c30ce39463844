// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Recording
import Capture
import Recording

@_cdecl("prognos_version") @implementation
public func prognos_version() -> UnsafePointer<CChar>! { text(Version.text) }

@_cdecl("prognos_status_text") @implementation
public func prognos_status_text(_ status: prognos_status) -> UnsafePointer<CChar>! {
  let meaning: StaticString =
    switch status {
    case PROGNOS_OK: "success"
    case PROGNOS_ALREADY_STARTED: "prognos_start was called before; the first options stay in force"
    case PROGNOS_NOT_STARTED: "prognos_start was not called"
    case PROGNOS_INVALID_ARGUMENT: "an argument is NULL, out of range or not a number"
    case PROGNOS_UNKNOWN_HANDLE: "the handle was never given out, or is stale"
    case PROGNOS_LIMIT_REACHED: "a table or the memory limit is full"
    case PROGNOS_NO_MEMORY: "the system gave no memory"
    case PROGNOS_IO_ERROR: "a file could not be written"
    case PROGNOS_NOT_ENOUGH_DATA: "too little was recorded to answer"
    case PROGNOS_INVALID_STATE: "a call out of order, such as a leave without an enter"
    case PROGNOS_UNSUPPORTED: "not available in this version or on this system"
    default: "unknown status"
    }
  return text(meaning)
}

@_cdecl("prognos_last_error") @implementation
public func prognos_last_error() -> UnsafePointer<CChar>! {
  lastErrorOfThisThread() ?? text("")
}

/// A literal as a C string: literals end with a NUL and are never freed.
func text(_ literal: StaticString) -> UnsafePointer<CChar> {
  UnsafeRawPointer(literal.utf8Start).assumingMemoryBound(to: CChar.self)
}
