// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import CPrognos
import Export
import Glibc
import Recording

struct TopCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "top",
    abstract: "Shows what a process does, live, on the whole screen.",
    discussion: """
      Without an argument: the process that is being recorded, or a choice when there are several. \
      The process does not notice that it is looked at. When it dies, the screen stays as it was.

      EXAMPLES
        prognos top
        prognos top 4711 --interval 0.5
        prognos top /dev/shm/prognos-1000/server.prognos

      KEYS
        up, down, j, k     choose an operation; PgUp, PgDn, Home, End, too
        Enter              that operation from near by: callers, quantiles, hottest functions
        s, >, <            sort by the next column, by the one before
        r                  the other way round
        /                  show only operations with these letters in their names
        w                  window: now, last minute, 5 minutes, hour, total
        p, space           pause
        +, -               look half as often, twice as often
        ?                  help
        q, Ctrl-C          quit; Ctrl-Z suspends

      EXIT STATUS
        0  quit by a key; 1  no terminal, or it cannot be read; 2  there is no such recording; \
      64  the arguments are wrong; 128 + n  ended by signal n
      """)

  @Argument(
    help: ArgumentHelp("A recording's file, or the ID of a process.", valueName: "file|pid"))
  var recording: String?

  @Option(
    name: .shortAndLong,
    help: ArgumentHelp("Seconds between two looks, 0.1 to 60.", valueName: "seconds"))
  var interval = 1.0

  func validate() throws {
    guard (0.1...60).contains(interval) else {
      throw ValidationError("--interval is \(interval); expected 0.1 to 60.")
    }
  }

  func run() throws {
    // Before a recording is looked for: without a terminal nothing would come of it.
    try Terminal.check()
    let given = try recording.map { try Search.one($0) } ?? Search.onlyLive()
    let terminal = try Terminal()
    var signal: Int32?
    let recorded: Recorded?
    if let given {
      recorded = given
    } else {
      var chooser = ChooserLoop()
      recorded = chooser.run(on: terminal, &signal)
    }
    if let recorded {
      var loop = TopLoop(LiveSource(recorded, interval: interval), interval: interval)
      signal = loop.run(on: terminal)
    }
    terminal.leave()
    if let signal { throw ExitCode(128 + signal) }
  }
}

/// Readings of a recording as it grows.
struct LiveSource: ReadingSource {
  private let recorded: Recorded
  private let command: String
  /// The process, as it was when it was last seen alive.
  private var process: Reading.Process?
  private var isFirst = true
  private var latestLook: UInt64 = 0
  /// How far back a screen's past goes, in nanoseconds.
  private let reach: UInt64

  init(_ recorded: Recorded, interval: Double) {
    self.recorded = recorded
    reach = UInt64(Double(Trail.most) * interval * 1e9)
    command = recorded.command
  }

  mutating func read(window: Window, detail: UInt32?) -> Reading {
    let status = recorded.status
    let isLive = status == .recording
    let moment = recorded.file.moment(status: status)
    // Before the rest, which takes its time: what is short is still open then.
    let open = recorded.recording.openOperations()
    var found: (profile: Profile, past: HistoryWindow?)?
    recorded.recording.betweenTicks(at: moment) {
      let profile = Profile(of: recorded.recording, at: moment, distributions: .all)
      let past = window.nanoseconds.flatMap { HistoryWindow(of: profile, nanoseconds: $0) }
      found = (profile, past)
    }
    let profile =
      found?.profile ?? Profile(of: recorded.recording, at: moment, distributions: .none)
    var reading = Reading(profile, open, processID: recorded.processID, isLive: isLive)
    reading.atNanoseconds = lookedAt(moment, isLive: isLive)
    latestLook = reading.atNanoseconds
    reading.command = command
    reading.status = isLive ? .live : status == .stopped ? .finished : .died
    reading.isEnabled = recorded.isEnabled
    reading.window = window
    if let past = found?.past { reading.take(past, profile) }
    let assessment = Assessment(of: recorded.recording, at: moment)
    reading.verdicts = (assessment?.verdicts(.unicode) ?? [])
      .map {
        Reading.Verdict(severity: $0.severity, text: String(decoding: $0.text, as: UTF8.self))
      }
    if let line = assessment?.bottleneckLine(.unicode) {
      reading.verdicts.append(
        Reading.Verdict(severity: 0, text: String(decoding: line, as: UTF8.self)))
    }
    reading.verdicts += prognos_suggestion.lines(of: profile, .unicode).map {
      Reading.Verdict(severity: 1, text: String(decoding: $0, as: UTF8.self))
    }
    if isLive { process = ProcessFiles.read(recorded.processID) ?? process }
    if isFirst {
      isFirst = false
      let now = moment.monotonicNanoseconds
      reading.past = PastSecond.all(of: recorded.recording, at: now, reach: reach)
      reading.pastCalls = PastCalls.all(of: recorded.recording, at: now, reach: reach)
      if !isLive { process = Reading.Process(recorded.recording.point(at: now)) }
    }
    reading.process = process
    if let detail { reading.detail = Reading.Detail(recorded.report(), detail) }
    if recorded.file.isTruncated {
      reading.notes.append("The file was cut short: what is missing reads as nothing.")
    }
    if status == .died { reading.notes.append(ending) }
    return reading
  }

  /// The moment that a reading is of. What ended shortly after the look before has no rates of its own.
  private func lookedAt(_ moment: ReadingMoment, isLive: Bool) -> UInt64 {
    let now = monotonicNanoseconds()
    if isLive { return now }
    let end = min(moment.monotonicNanoseconds, now)
    return end > latestLook &+ 100_000_000 || latestLook == 0 ? end : latestLook
  }

  /// How the process ended, as far as its recording tells.
  private var ending: String {
    if recorded.isReplaced {
      return "It is another program now, by exec; this is the last that it recorded before."
    }
    let style: TextStyle = Surroundings.isUnicode ? .unicode : .ascii
    if let death = recorded.recording.fatalSignal(style) {
      return "It \(String(decoding: death, as: UTF8.self))."
    }
    return "It was killed, crashed or left by _exit; this is the last that it recorded."
  }
}
