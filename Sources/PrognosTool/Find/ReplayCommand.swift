// SPDX-License-Identifier: Apache-2.0
import Analysis
import ArgumentParser
import CPrognos
import Glibc
import Recording

struct ReplayCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "replay",
    abstract: "Assesses a recording again from its samples, and compares with what it says.",
    discussion: """
      Answers are pure functions of the samples in a recording: made again here, they are the same to the \
      bit while the samples reach back to the start, which is 640 ticks (11 minutes at one a second), and 2,560 in \
      recordings of 64 MiB and more. \
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

  @Flag(
    help:
      "Only print what is said of crashes at each moment: seconds, probability, and so on, as benchmarks/crashes does."
  )
  var crashes = false

  func run() throws {
    let recorded = try Search.one(recording, in: directories)
    let source = recorded.file.recording
    guard let bytes = Replay.bytes(of: source),
      let memory = mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
      memory != MAP_FAILED
    else { throw Failure("\(recorded.path) has no assessment: it begins with prognos_start()") }
    defer { munmap(memory, bytes) }
    let start = source.header.pointee.startMonotonic.value
    let made = Replay(of: source, in: memory) { sample, copy in
      if crashes { printCrash(copy, Double(sample.monotonicNanoseconds &- start) * 1e-9) }
    }
    guard let replay = made else {
      throw Failure("\(recorded.path) has no samples to assess again")
    }
    if crashes { return }
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

  private func printCrash(_ recording: Recording, _ seconds: Double) {
    var crash = prognos_crash()
    guard AnswerTable<prognos_crash>(recording, .crash)?.read(0, into: &crash) == true else {
      return
    }
    let numbers = [
      seconds, crash.probability, crash.probability_ever, crash.horizon_minutes * 60,
      crash.minutes_to_failure * 60, crash.minutes_low * 60, crash.minutes_high * 60,
    ]
    let resource = withUnsafeBytes(of: crash.resource) {
      String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
    }
    let reason = withUnsafeBytes(of: crash.reason) {
      String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
    }
    let fields = numbers.map { "\($0)" } + ["\(crash.kind)", "\(crash.op)"]
    print("S \(fields.joined(separator: " "))|\(resource)|\(reason)")
  }
}
