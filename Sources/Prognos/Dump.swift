// SPDX-License-Identifier: Apache-2.0
import CPrognos
import CShim
import Capture
import Export
import Recording

@_cdecl("prognos_dump") @implementation
public func prognos_dump(_ path: UnsafePointer<CChar>!, _ format: prognos_format) -> prognos_status
{
  guard let path, path[0] != 0 else {
    return invalidArgument {
      $0.put("prognos_dump: the path is ")
      $0.put(path == nil ? "NULL" : "empty")
      $0.put("; expected a file name, or \"-\" for standard output")
    }
  }
  return render(format, "prognos_dump") { bytes in
    let failure = bytes.withUnsafeBytes { buffer in
      // An empty profile in folded form has no bytes, and then no address.
      withUnsafePointer(to: UInt8(0)) {
        shim_write_file(path, buffer.baseAddress ?? UnsafeRawPointer($0), buffer.count)
      }
    }
    guard failure == 0 else {
      ErrorText.set {
        $0.put("prognos_dump: cannot write ")
        $0.put(path)
        $0.put(": ")
        $0.put(shim_errno_text(failure))
      }
      return PROGNOS_IO_ERROR
    }
    return PROGNOS_OK
  }
}

@_cdecl("prognos_render") @implementation
public func prognos_render(
  _ format: prognos_format, _ buffer: UnsafeMutablePointer<CChar>!, _ capacity: Int,
  _ needed: UnsafeMutablePointer<Int>!
) -> prognos_status {
  guard buffer != nil || capacity == 0 else {
    return invalidArgument {
      $0.put("prognos_render: buffer is NULL with a capacity of ")
      $0.put(UInt64(UInt(bitPattern: capacity)))
      $0.put("; NULL is allowed with 0")
    }
  }
  return render(format, "prognos_render") { bytes in
    if let buffer, capacity != 0 {
      let room = UInt(bitPattern: capacity) - 1  // size_t: above Int.max it is absurd but no error
      let count = Int(min(UInt(bytes.count), room))
      bytes.withUnsafeBytes { from in
        if let start = from.baseAddress {
          UnsafeMutableRawPointer(buffer).copyMemory(from: start, byteCount: count)
        }
      }
      buffer[count] = 0
    }
    needed?.pointee = bytes.count
    return PROGNOS_OK
  }
}

/// Renders a profile of this moment and hands its bytes on.
private func render(
  _ format: prognos_format, _ function: StaticString, _ use: ([UInt8]) -> prognos_status
) -> prognos_status {
  guard format.rawValue <= PROGNOS_TEXT_ASCII.rawValue else {
    return invalidArgument {
      $0.put(function)
      $0.put(": format is ")
      $0.put(UInt64(format.rawValue))
      $0.put("; expected PROGNOS_JSON (0) to PROGNOS_TEXT_ASCII (9)")
    }
  }
  let known = [
    PROGNOS_JSON, PROGNOS_TEXT, PROGNOS_TEXT_ASCII, PROGNOS_FOLDED, PROGNOS_CHROME_TRACE,
  ]
  guard known.contains(where: { $0.rawValue == format.rawValue }) else {
    ErrorText.set {
      $0.put(function)
      $0.put(": this version writes PROGNOS_JSON, PROGNOS_TEXT, PROGNOS_TEXT_ASCII, PROGNOS_FOLDED")
      $0.put(", PROGNOS_CHROME_TRACE")
    }
    return PROGNOS_UNSUPPORTED
  }
  return undisturbed {
    guard let recording = prepareRecording(), hasMemory(toRead: recording),
      let report = makeReport(recording)
    else { return noMemory(function) }
    switch format {
    case PROGNOS_JSON: return use(report.json().bytes)
    case PROGNOS_CHROME_TRACE: return use(report.chromeTrace().bytes)
    case PROGNOS_FOLDED: return use(report.folded().bytes)
    default: return use(report.text(unicode: format == PROGNOS_TEXT).bytes)
    }
  }
}

private func makeReport(_ recording: Recording) -> Report? {
  resumeCollector()
  var probe = ProcessProbe()
  probe.read()
  let moment = recording.readingMoment()
  var found: Profile?
  var windows: [Report.Window] = []
  recording.betweenTicks(at: moment) {
    let profile = Profile(of: recording, at: moment, distributions: .all)
    found = profile
    windows = []
    let wanted: [(StaticString, prognos_window)] = [
      ("last_minute", PROGNOS_LAST_MINUTE), ("last_5_minutes", PROGNOS_LAST_5_MINUTES),
      ("last_hour", PROGNOS_LAST_HOUR),
    ]
    for (name, window) in wanted {
      guard let past = HistoryWindow(of: profile, nanoseconds: window.nanoseconds) else { break }
      windows.append(
        Report.Window(
          name: name, operations: past,
          process: readProcess(profile, probe, over: past, nanoseconds: window.nanoseconds)))
    }
  }
  guard let profile = found else { return nil }
  return Report(
    profile: profile, process: readProcess(profile, probe),
    capabilities: readCapabilities(recording), diagnostics: readDiagnostics(recording),
    libraryVersion: Version.text, processID: recording.header.pointee.processID.value,
    command: commandName(),
    startUnixNanoseconds: Int64(bitPattern: recording.header.pointee.startUnix.value),
    endUnixNanoseconds: shim_unix_ns(), frames: nameFrames(of: profile),
    sessions: Sessions(of: recording, at: profile.moment), windows: windows)
}
