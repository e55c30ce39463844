// SPDX-License-Identifier: Apache-2.0
import Analysis
import ArgumentParser
import CPrognos
import Export
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
        0  the same, but for what is of later tables; 1  something differs, or the recording has no assessment; \
      2  there is no such recording; 64  the arguments are wrong
      """)

  @Argument(
    help: ArgumentHelp("A recording's file, or the ID of a process.", valueName: "file|pid"))
  var recording: String

  @Option(
    name: .customLong("in"),
    help: ArgumentHelp("Look for a PID in this directory, too.", valueName: "directory"))
  var directories: [String] = []

  @Flag(help: "As a JSON object, for scripts.")
  var json = false

  @Flag(
    help: ArgumentHelp(
      "Print what was said of crashes at each moment instead.",
      discussion: """
        A line each: S, seconds, probability, probability at all, horizon, seconds left, from, to, kind and \
        operation; then |resource|reason.
        """))
  var crashes = false

  func run() throws {
    let recorded = try Search.one(recording, in: directories)
    // Of a copy: a process that goes on would change it meanwhile, and reading a hole of a mapped file may fill it.
    let file = try copy(of: recorded)
    defer { file.close() }
    let source = file.recording
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
    let zones = AssessmentZone.allCases.filter { $0 != .samples }
    let differing = zones.filter { !replay.agrees(with: source, in: $0) }
    if json {
      write(Self.json(replay, zones, differing), to: STDOUT_FILENO)
    } else {
      print(
        "\(replay.moments) moments assessed again\(replay.isWhole ? "" : ", the first ones are lost")"
      )
      for zone in zones {
        let word = zone.isOfSamples ? "differs" : "later  "
        print("  \(differing.contains(zone) ? word : "same   ") \(zone)")
      }
    }
    if differing.contains(where: \.isOfSamples) { throw ExitCode(1) }
  }

  private static func json(
    _ replay: Replay, _ zones: [AssessmentZone], _ differing: [AssessmentZone]
  ) -> [UInt8] {
    var json = JSONWriter()
    json.object { json in
      json.member("moments", .integer(UInt64(replay.moments)))
      json.key("whole")
      json.bool(replay.isWhole)
      func put(_ key: StaticString, _ found: [AssessmentZone]) {
        json.key(key)
        json.array { json in for zone in found { json.string(Array("\(zone)".utf8)) } }
      }
      put("same", zones.filter { !differing.contains($0) })
      put("differs", differing.filter(\.isOfSamples))
      put("later", differing.filter { !$0.isOfSamples })
    }
    return json.output.bytes + [0x0A]
  }

  private func copy(of recorded: Recorded) throws -> RecordingFile {
    do throws(RecordingFailure) {
      return try RecordingFile(path: recorded.path, copying: true)
    } catch {
      throw Failure("\(recorded.path) \(String(decoding: error.text, as: UTF8.self))")
    }
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
    let resource = String(decoding: words(of: crash.resource), as: UTF8.self)
    let reason = String(decoding: words(of: crash.reason), as: UTF8.self)
    let fields = numbers.map { "\($0)" } + ["\(crash.kind)", "\(crash.op)"]
    print("S \(fields.joined(separator: " "))|\(resource)|\(reason)")
  }
}
