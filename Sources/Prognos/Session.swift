// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Capture
import Recording

@_cdecl("prognos_session_open") @implementation
public func prognos_session_open(_ name: UnsafePointer<CChar>!) -> prognos_session {
  guard let name, name[0] != 0 else {
    _ = invalidArgument {
      $0.put("prognos_session_open: the name is ")
      $0.put(name == nil ? "NULL" : "empty")
      $0.put("; expected 1 to 63 bytes of UTF-8")
    }
    return 0
  }
  guard let recording = prepareRecording() else { return 0 }
  let text = CleanText(name)
  guard let session = openSession(text, in: recording) else {
    noRoom(
      "prognos_session_open",
      ": too many sessions for memory_limit_bytes, of which they get an eighth")
    return 0
  }
  return session
}

@c(prognos_session_enter) @implementation
public func prognos_session_enter(_ session: prognos_session) -> prognos_status {
  status(enterSession(session), "prognos_session_enter", session)
}

@c(prognos_session_leave) @implementation
public func prognos_session_leave(_ session: prognos_session) -> prognos_status {
  status(leaveSession(session), "prognos_session_leave", session)
}

@_cdecl("prognos_session_close") @implementation
public func prognos_session_close(_ session: prognos_session) -> prognos_status {
  status(closeSession(session), "prognos_session_close", session)
}

@_cdecl("prognos_session_read") @implementation
public func prognos_session_read(
  _ session: prognos_session, _ out: UnsafeMutablePointer<prognos_session_stats>!, _ size: Int
) -> prognos_status {
  let function: StaticString = "prognos_session_read"
  guard let recording = existingRecording(), recording.session(SlotHandle(session)) != nil else {
    return status(unknownHandle(), function, session)
  }
  return undisturbed {
    guard hasMemory(toRead: recording) else { return noMemory(function) }
    guard let stats = Sessions(of: recording, at: recording.readingMoment()).stats(session)
    else { return status(unknownHandle(), function, session) }
    return fill(out, size, with: stats, function)
  }
}
