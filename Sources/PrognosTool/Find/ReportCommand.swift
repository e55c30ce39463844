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
        prognos report /dev/shm/prognos-1000/server.prognos --format json --output server.json
        prognos report 4711 --format folded | flamegraph.pl > flames.svg

      EXIT STATUS
        0  done; 1  it cannot be read, or the report not be written; 2  there is no such recording; \
      64  the arguments are wrong
      """)

  @Argument(
    help: ArgumentHelp("A recording's file, or the ID of a process.", valueName: "file|pid"))
  var recording: String

  @Option(help: ArgumentHelp("text, json or folded.", valueName: "format"))
  var format: ReportFormat = .text

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("Write into this file; - is standard output.", valueName: "file"))
  var output = "-"

  @Option(
    name: .customLong("in"),
    help: ArgumentHelp("Look for a PID in this directory, too.", valueName: "directory"))
  var directories: [String] = []

  func run() throws {
    let recorded = try Search.one(recording, in: directories)
    try format.write(recorded.report(), to: output, unicode: Surroundings.isUnicode)
  }
}

/// The forms of a report.
enum ReportFormat: String, ExpressibleByArgument, CaseIterable {
  case text, json, folded

  func bytes(_ report: Report, unicode: Bool) -> [UInt8] {
    switch self {
    case .text: report.text(unicode: unicode).bytes
    case .json: report.json().bytes
    case .folded: report.folded().bytes
    }
  }

  /// Writes a report into a file that is complete or not there, or to standard output.
  func write(_ report: Report, to path: String, unicode: Bool) throws {
    try writeWhole(bytes(report, unicode: unicode), to: path)
  }
}
