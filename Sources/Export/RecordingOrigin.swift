// SPDX-License-Identifier: Apache-2.0
import CPrognos
import CShim
import Recording

/// A recording of another process: what became of that, and what it was doing.
public struct RecordingOrigin {
  /// The file's path, as it was given.
  public let path: [UInt8]
  public let status: RecordingStatus
  /// Bytes are missing at its end.
  public let isTruncated: Bool
  public let openOperations: [OpenOperation]
}

extension Report {
  /// The report of a recording that another process makes or made. Valid until the file is closed.
  ///
  /// - Parameters:
  ///   - path: the file's, as it is to be shown.
  ///   - process: what is known of the process from elsewhere; else it is from the latest point of the recording's
  ///     history. What the recording tells of its operations is added.
  public init(
    of file: RecordingFile, path: [UInt8] = [],
    process: prognos_process_stats? = nil
  ) {
    self.init(of: file, status: file.status, path: path, process: process)
  }

  /// The same, for a status that was asked for before, and a moment of one's own.
  public init(
    of file: RecordingFile, status: RecordingStatus, at given: ReadingMoment? = nil,
    path: [UInt8] = [],
    process: prognos_process_stats? = nil
  ) {
    let recording = file.recording
    let moment = given ?? file.moment(status: status)
    // Before the rest, which takes its time: what is short is still open then.
    let openOperations = recording.openOperations()
    var found: (profile: Profile, windows: [Window])?
    recording.betweenTicks(at: moment) {
      let profile = Profile(of: recording, at: moment, distributions: .all)
      found = (profile, Self.windows(of: profile))
    }
    let profile = found?.profile ?? Profile(of: recording, at: moment, distributions: .none)
    var capabilities = recording.capabilities()
    capabilities.ticks_per_s = 1e9 / moment.nanosecondsPerTick
    var process = process ?? recording.processStatistics(at: moment, since: nil)
    profile.fill(&process)
    let start = Int64(bitPattern: recording.header.pointee.startUnix.value)
    self.init(
      profile: profile, process: process, capabilities: capabilities,
      diagnostics: recording.diagnostics(nanosecondsPerTick: moment.nanosecondsPerTick),
      libraryVersion: Version.text, processID: recording.header.pointee.processID.value,
      command: recording.text(of: .command), startUnixNanoseconds: start,
      endUnixNanoseconds: start &+ Int64(truncatingIfNeeded: profile.durationNanoseconds),
      frames: nameFrames(of: profile), sessions: Sessions(of: recording, at: moment),
      windows: found?.windows ?? [],
      origin: RecordingOrigin(
        path: path, status: status, isTruncated: file.isTruncated,
        openOperations: openOperations))
  }

  private static func windows(of profile: Profile) -> [Window] {
    let minute: UInt64 = 60_000_000_000
    var windows: [Window] = []
    let wanted: [(StaticString, UInt64)] = [
      ("last_minute", minute), ("last_5_minutes", 5 * minute), ("last_hour", 60 * minute),
    ]
    for (name, nanoseconds) in wanted {
      guard let past = HistoryWindow(of: profile, nanoseconds: nanoseconds) else { break }
      let now = profile.moment.monotonicNanoseconds
      let process = profile.recording.processStatistics(
        at: profile.moment, since: now > nanoseconds ? now - nanoseconds : 0)
      windows.append(Window(name: name, operations: past, process: process))
    }
    return windows
  }

  // MARK: In JSON

  func putOrigin(_ json: inout JSONWriter) {
    guard let origin else { return }
    json.key("recording")
    json.object { json in
      json.member("path", validText(origin.path))
      json.member("status", origin.status.text)
      json.key("truncated")
      json.bool(origin.isTruncated)
      json.key("open_operations")
      json.array { json in
        for open in origin.openOperations {
          json.object { json in
            json.member("thread", .integer(UInt64(open.threadID)))
            json.member("depth", .integer(UInt64(open.depth)))
            json.member("operation", .integer(UInt64(open.operation)))
            json.member("name", name(of: open.operation))
            json.member("open_ns", .integer(nanoseconds(since: open)))
          }
        }
      }
    }
  }

  private func nanoseconds(since open: OpenOperation) -> UInt64 {
    let now = profile.moment.ticks
    return now > open.startTicks ? profile.nanoseconds(now &- open.startTicks) : 0
  }

  // MARK: In text

  /// The status, and what was open in a process that died.
  func putOrigin(_ output: inout Output, _ style: TextStyle) {
    guard let origin else { return }
    output.put("recording: ")
    if !origin.path.isEmpty {
      output.put(style.label(validText(origin.path)))
      output.put(style.separator)
    }
    output.put(origin.status.text)
    if origin.isTruncated {
      output.put(style.separator)
      output.put("cut short: what is missing reads as nothing")
    }
    output.put("\n")
    guard origin.status == .died || origin.status == .unknown, !origin.openOperations.isEmpty else {
      return
    }
    output.put(origin.status == .died ? "\nopen when it died:\n" : "\nopen at last:\n")
    var stacks: [[OpenOperation]] = []
    for open in origin.openOperations {
      if open.depth == 0 || stacks.isEmpty { stacks.append([]) }
      stacks[stacks.count - 1].append(open)
    }
    for stack in stacks.prefix(Self.mostThreads) { putOpen(stack, &output, style) }
    putRest(stacks.count - Self.mostThreads, " more threads; JSON has them all\n", &output)
  }

  private static var mostThreads: Int { 20 }
  private static var mostCallers: Int { 4 }

  /// "thread 4711: query for 20.0 ms, in serve for 1.70 s".
  private func putOpen(_ stack: [OpenOperation], _ output: inout Output, _ style: TextStyle) {
    for (index, open) in stack.reversed().prefix(Self.mostCallers + 1).enumerated() {
      if index == 0 {
        output.put(open.threadID == 0 ? "  a span that nobody ran: " : "  thread ")
        if open.threadID != 0 {
          output.put(UInt64(open.threadID))
          output.put(": ")
        }
      } else {
        output.put(", in ")
      }
      output.put(style.label(name(of: open.operation)))
      output.put(" for ")
      output.put(style.duration(nanoseconds(since: open)))
    }
    let rest = stack.count - Self.mostCallers - 1
    if rest > 0 {
      output.put(", in ")
      output.put(UInt64(rest))
      output.put(" more")
    }
    output.put("\n")
  }
}

extension RecordingStatus {
  public var text: StaticString {
    switch self {
    case .recording: "recording"
    case .stopped: "stopped"
    case .died: "died"
    case .unknown: "unknown"
    }
  }
}
