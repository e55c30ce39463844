// SPDX-License-Identifier: Apache-2.0
import Analysis
import ArgumentParser
import Glibc
import Recording

struct ReplayCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "replay",
    abstract: "Assesses a recording again from its samples, and compares with what it says.",
    discussion: """
      Answers are pure functions of the samples in a recording: made again here, they are the same to the \
      bit while the samples reach back to the start, which is 640 ticks (11 minutes at one a second). \
      Leaks and bottlenecks look at blocks and call trees as well, which have gone on since: what differs there \
      is told and is no failure. Health and alerts speak of leaks, too.

      EXIT STATUS
        0  the same, but for what is of later tables; 1  something differs, or the recording has no assessment; 2  there is no such recording; \
      64  the arguments are wrong
      """)

  @Argument(
    help: ArgumentHelp("A recording's file, or the ID of a process.", valueName: "file|pid"))
  var recording: String

  @Option(
    name: .customLong("in"),
    help: ArgumentHelp("Look for a PID in this directory, too.", valueName: "directory"))
  var directories: [String] = []

  func run() throws {
    let recorded = try Search.one(recording, in: directories)
    let source = recorded.file.recording
    guard let bytes = Replay.bytes(of: source),
      let memory = mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
      memory != MAP_FAILED
    else { throw Failure("\(recorded.path) has no assessment: it begins with prognos_start()") }
    defer { munmap(memory, bytes) }
    guard let replay = Replay(of: source, in: memory) else {
      throw Failure("\(recorded.path) has no samples to assess again")
    }
    print(
      "\(replay.moments) moments assessed again\(replay.isWhole ? "" : ", the first ones are lost")"
    )
    var differing = 0
    for zone in AssessmentZone.allCases where zone != .samples {
      let agrees = replay.agrees(with: source, in: zone)
      if !agrees && zone.isOfSamples { differing += 1 }
      print("  \(agrees ? "same   " : zone.isOfSamples ? "differs" : "later  ") \(zone)")
    }
    if differing > 0 { throw ExitCode(1) }
  }
}
