// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Export
import Glibc
import Recording

struct ListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "Lists recordings: of processes that live, and of those that died.",
    discussion: """
      Looks into prognos-* in /dev/shm, $XDG_RUNTIME_DIR, $TMPDIR and /tmp, where programs record by default, and \
      into the directories that are named.

      EXAMPLES
        prognos list
        prognos list /var/lib/recordings
        prognos list --json | jq '.[] | select(.status == "died") | .path'

      STATUS
        recording  the process lives and records
        off        it lives, and recording is switched off (prognos enable)
        stopped    it stopped recording, or ended in order
        died       it is gone and could not say how: it was killed, crashed, or left by _exit(2). With crash notes \
      (PROGNOS_CRASH_NOTES) the signal is told. `prognos report` tells what it had done, `prognos collect` keeps it
        exec       it lives, but became another program by exec(2), which does not go on with this recording
        unknown    of another container, silent for 10 s

      RATES
        NOW/S  calls that ended, a second, between the collector's latest two ticks
        OPS/S  the same since the recording began

      EXIT STATUS
        0  there is at least one; 2  there is none; 64  the arguments are wrong
      """)

  @Flag(help: "As a JSON array, for scripts.")
  var json = false

  @Flag(help: "Only those of processes that live.")
  var live = false

  @Argument(help: ArgumentHelp("Further directories to look into.", valueName: "directory"))
  var directories: [String] = []

  func run() throws {
    for directory in directories where !Places.isDirectory(directory) {
      throw Failure.notFound("\(directory) is no directory")
    }
    let rows = Search.all(in: directories).map(ListRow.init).filter { !live || $0.isLive }
    if json {
      write(ListRow.json(rows), to: STDOUT_FILENO)
    } else if !rows.isEmpty {
      write(ListRow.table(rows, unicode: Surroundings.isUnicode), to: STDOUT_FILENO)
    }
    if rows.isEmpty {
      if !json {
        let places = ["prognos-* of /dev/shm, $XDG_RUNTIME_DIR, $TMPDIR or /tmp"]
        say(
          "\(live ? "nothing is being recorded" : "there is no recording") in "
            + "\((directories + places).joined(separator: ", ")); `prognos run -- <command>` makes one"
        )
      }
      throw ExitCode(Failure.Status.notFound)
    }
  }
}

/// A recording as `prognos list` tells it.
struct ListRow {
  let processID: UInt32
  let command: String
  let user: String
  let startUnixNanoseconds: Int64
  let status: String
  /// What a signal was that its crash notes tell it died of.
  let fatalSignal: String?
  let operationsPerSecond: Double
  let operationsPerSecondNow: Double?
  let bytes: UInt64
  let path: String

  var isLive: Bool { status == "recording" || status == "off" }

  init(_ recorded: Recorded) {
    processID = recorded.processID
    command = recorded.command
    user = userName(recorded.userID)
    startUnixNanoseconds = recorded.startUnixNanoseconds
    let told = recorded.status
    let isOff = told == .recording && !recorded.isEnabled
    status = isOff ? "off" : recorded.isReplaced ? "exec" : "\(told.text)"
    fatalSignal = told == .died ? recorded.recording.fatalSignalName.map { "\($0)" } : nil
    operationsPerSecond = recorded.operationsPerSecond
    operationsPerSecondNow = recorded.operationsPerSecondNow
    bytes = recorded.bytes
    path = recorded.path
  }

  static func table(_ rows: [ListRow], unicode: Bool) -> [UInt8] {
    let style: TextStyle = unicode ? .unicode : .ascii
    var table = Table([
      .init("PID"), .init("COMMAND", .left), .init("USER", .left), .init("SINCE", .left),
      .init("STATUS", .left), .init("NOW/S"), .init("OPS/S"), .init("SIZE"), .init("PATH", .left),
    ])
    for row in rows {
      table.add([
        Array("\(row.processID)".utf8), style.label(Array(row.command.utf8)),
        style.label(Array(row.user.utf8)), Array(localTime(row.startUnixNanoseconds).utf8),
        Array((row.status + (row.fatalSignal.map { " (\($0))" } ?? "")).utf8),
        row.operationsPerSecondNow.map(style.rate) ?? style.none,
        style.rate(row.operationsPerSecond), style.size(row.bytes),
        style.wholeLabel(Array(row.path.utf8)),
      ])
    }
    var output = Output()
    table.render(into: &output, style)
    return output.bytes
  }

  static func json(_ rows: [ListRow]) -> [UInt8] {
    var json = JSONWriter()
    json.array { json in
      for row in rows {
        json.object { json in
          json.member("pid", .integer(UInt64(row.processID)))
          json.member("command", Array(row.command.utf8))
          json.member("user", Array(row.user.utf8))
          json.key("started_unix_ns")
          json.signed(row.startUnixNanoseconds)
          json.member("status", Array(row.status.utf8))
          json.member("died_of", Array((row.fatalSignal ?? "").utf8))
          json.member("operations_per_s", .real(row.operationsPerSecond))
          if let now = row.operationsPerSecondNow {
            json.member("operations_per_s_now", .real(now))
          } else {
            json.key("operations_per_s_now")
            json.null()
          }
          json.member("bytes", .integer(row.bytes))
          json.member("path", Array(row.path.utf8))
        }
      }
    }
    return json.output.bytes + [0x0A]
  }
}

/// A moment as a clock on the wall shows it here: 2026-11-24 19:07:01.
func localTime(_ unixNanoseconds: Int64) -> String {
  var seconds = time_t(unixNanoseconds / 1_000_000_000)
  var parts = tm()
  localtime_r(&seconds, &parts)
  var buffer = [CChar](repeating: 0, count: 32)
  strftime(&buffer, buffer.count, "%Y-%m-%d %H:%M:%S", &parts)
  return text(buffer)
}
