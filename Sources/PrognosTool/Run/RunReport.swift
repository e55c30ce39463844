// SPDX-License-Identifier: Apache-2.0
import Export
import Glibc
import Recording

/// What `prognos run` says when its program has ended.
struct RunReport {
  let format: ReportFormat?
  /// Where it goes; nil: to standard error.
  let file: String?
  let keep: String?

  /// `refusal`: why the program may have loaded nothing.
  func write(
    _ place: RunPlace, _ processID: pid_t, _ ended: ChildProcess.Ending, name: String,
    refusal: String?
  ) throws {
    let recordings = place.recordings
    var endedInOrder = false
    if case .exited = ended { endedInOrder = true }
    // An exec goes on under the same number: the newest recording is of what it became.
    let own = recordings.last { $0.processID == UInt32(bitPattern: processID) }
    let unicode = Surroundings.isUnicode
    if case .signalled(let signal, let dumpedCore) = ended {
      say(
        "\(name) was ended by signal \(signal), \(String(cString: strsignal(signal)))"
          + (dumpedCore ? ", and dumped core" : ""))
      // The text has it with its stack.
      let hasText = format?.isText == true && file == nil
      if !hasText, let death = own?.recording.fatalSignal(unicode ? .unicode : .ascii) {
        say("\(name) \(String(decoding: death, as: UTF8.self))")
      }
    }
    guard let own else {
      say("\(name) was not recorded: \(refusal ?? "it did not load \(Preload.name)")")
      return
    }
    if let keep { try self.keep(own, as: keep) }
    if let format {
      let bytes = format.bytes(own.report(endedInOrder: endedInOrder), unicode: unicode)
      let others = recordings.filter { $0 !== own }
      if let file {
        try writeWhole(bytes, to: file)
      } else {
        PrognosTool.write(bytes, to: STDERR_FILENO)
      }
      if format.isText && !others.isEmpty {
        putOthers(others, unicode: unicode && format == .text)
      }
    }
  }

  /// A line for each process that it started.
  private func putOthers(_ others: [Recorded], unicode: Bool) {
    let most = 20
    var text = Array(
      "\nand \(others.count) more \(others.count == 1 ? "process" : "processes"):\n".utf8)
    text += RunRow.table(others.prefix(most).map(RunRow.init), unicode: unicode)
    if others.count > most { text += Array("  and \(others.count - most) more\n".utf8) }
    PrognosTool.write(text, to: STDERR_FILENO)
  }

  private func keep(_ recorded: Recorded, as path: String) throws {
    do throws(CopyFailure) {
      try CopyFile.copy(recorded.path, to: path)
    } catch {
      throw error.error == EEXIST
        ? Failure("\(path) is there already, and was not written over") : error.failure
    }
  }
}

/// A process among those that a program started.
struct RunRow {
  let processID: UInt32
  let command: String
  let nanoseconds: UInt64
  let calls: UInt64
  let cpuNanoseconds: UInt64
  let allocatedBytes: UInt64
  let status: String

  init(_ recorded: Recorded) {
    let profile = Profile(
      of: recorded.recording, at: recorded.file.moment(status: recorded.status),
      distributions: .none)
    processID = recorded.processID
    command = recorded.command
    nanoseconds = profile.durationNanoseconds
    calls = profile.everything.count
    cpuNanoseconds = profile.operations.reduce(0) { $0 &+ $1.selfCPUNanoseconds }
    var memory = profile.outsideMemory.allocatedBytes
    for operation in profile.operations { memory &+= operation.ownMemory.allocatedBytes }
    allocatedBytes = memory
    status = recorded.status == .recording ? "runs on" : ""
  }

  static func table(_ rows: [RunRow], unicode: Bool) -> [UInt8] {
    let style: TextStyle = unicode ? .unicode : .ascii
    var table = Table([
      .init("  PID"), .init("COMMAND", .left), .init("STATUS", .left), .init("RECORDED"),
      .init("CALLS"), .init("ALLOCATED"),
    ])
    for row in rows {
      table.add([
        Array("  \(row.processID)".utf8), style.label(Array(row.command.utf8)),
        Array(row.status.utf8), style.duration(row.nanoseconds), style.count(row.calls),
        style.size(row.allocatedBytes),
      ])
    }
    var output = Output()
    table.render(into: &output, style)
    return output.bytes
  }
}
