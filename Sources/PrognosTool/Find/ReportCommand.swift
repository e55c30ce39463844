// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Export
import Glibc
import Recording

struct ReportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "Reports a recording: of a process that runs, or what one left behind.",
    discussion: """
      The process is not stopped, and does not notice. Of one that died everything up to its last \
      instruction is there, with the operations that were open.

      EXAMPLES
        prognos report 4711
        prognos report 4711 --window 5m
        prognos report /dev/shm/prognos-1000/server.prognos --format json --output server.json
        prognos report 4711 --format folded | flamegraph.pl > flames.svg
        prognos report 4711 --format chrome-trace --output trace.json

      FORMATS
        text          tables to read; in plain ASCII where the locale has no UTF-8
        text-ascii    in plain ASCII wherever it is read
        json          all of it (docs/profile.schema.json); of a window, that window alone
        folded        call stacks for flame graphs
        chrome-trace  the timeline, for Perfetto and chrome://tracing; of a recording that has one

      EXIT STATUS
        0  done; 1  it cannot be read, or the report not be written; 2  there is no such recording; \
      64  the arguments are wrong
      """)

  @Argument(
    help: ArgumentHelp("A recording's file, or the ID of a process.", valueName: "file|pid"))
  var recording: String

  @Option(
    help: ArgumentHelp("text, text-ascii, json, folded or chrome-trace.", valueName: "format"))
  var format: ReportFormat = .text

  @Option(
    help: ArgumentHelp(
      "The operations of the latest minute, 5 minutes or hour: 1m, 5m, 1h; total is all. Of a process that "
        + "died, up to its death.",
      valueName: "window"))
  var window: ReportWindow = .total

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("Write into this file; - is standard output.", valueName: "file"))
  var output = "-"

  @Option(
    name: .customLong("in"),
    help: ArgumentHelp("Look for a PID in this directory, too.", valueName: "directory"))
  var directories: [String] = []

  func validate() throws {
    guard window == .total || format.hasWindows else {
      throw ValidationError("--window is for text and json; \(format.rawValue) has no windows.")
    }
  }

  func run() throws {
    let recorded = try Search.one(recording, in: directories)
    let report = recorded.report()
    if format == .chromeTrace && !recorded.hasTimeline {
      say(
        "\(recorded.path) has no timeline; one is recorded with --timeline of `prognos run`, or with timeline "
          + "in PROGNOS_TRACK")
    }
    guard let name = window.name else {
      return try format.write(report, to: output, unicode: Surroundings.isUnicode)
    }
    guard let found = report.windows.first(where: { "\($0.name)" == name }) else {
      throw Failure("\(recorded.path) has no history: it begins with prognos_start()")
    }
    try writeWhole(format.bytes(found, report, unicode: Surroundings.isUnicode), to: output)
  }
}

/// The span of time that a report is of.
enum ReportWindow: String, ExpressibleByArgument, CaseIterable {
  case total
  case minute = "1m"
  case fiveMinutes = "5m"
  case hour = "1h"

  /// As a report calls it; nil for all of it.
  var name: String? {
    switch self {
    case .total: nil
    case .minute: "last_minute"
    case .fiveMinutes: "last_5_minutes"
    case .hour: "last_hour"
    }
  }
}

/// The forms of a report.
enum ReportFormat: String, ExpressibleByArgument, CaseIterable {
  case text
  case textASCII = "text-ascii"
  case json, folded
  case chromeTrace = "chrome-trace"

  var isText: Bool { self == .text || self == .textASCII }
  var hasWindows: Bool { isText || self == .json }

  func bytes(_ report: Report, unicode: Bool) -> [UInt8] {
    switch self {
    case .text, .textASCII: report.text(unicode: unicode && self == .text).bytes
    case .json: report.json().bytes
    case .folded: report.folded().bytes
    case .chromeTrace: report.chromeTrace().bytes
    }
  }

  /// The same of a window alone.
  func bytes(_ window: Report.Window, _ report: Report, unicode: Bool) -> [UInt8] {
    if self == .json { return report.json(of: window).bytes }
    return WindowText(window, report, unicode && self == .text ? .unicode : .ascii).bytes
  }

  /// Writes a report into a file that is complete or not there, or to standard output.
  func write(_ report: Report, to path: String, unicode: Bool) throws {
    try writeWhole(bytes(report, unicode: unicode), to: path)
  }
}
