// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Glibc

struct RunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Runs a program under Prognos and reports what it cost.",
    usage: "prognos run [<options>] [--] <command> [<argument> ...]",
    discussion: """
      The program needs no change: a small library is loaded into it and into the programs that it \
      starts (LD_PRELOAD), which starts recording before main. The terminal, standard input and output are the \
      program's own; signals sent to `prognos run` are passed on. When the program has ended, in \
      whatever way, the report goes to standard error.

      EXAMPLES
        prognos run -- make -j4                       everything, reported at the end
        prognos run --report json --report-file a.json -- ./server
        prognos run --track cpu,memory --sample-hz 999 -- ./calculation
        prognos run --keep night.prognos -- ./server  keep the recording for later reports
        prognos top                                   in another terminal: watch it meanwhile

      Statically linked programs load no library; setuid programs refuse it. The first are refused, \
      the others run without being recorded, and both are said.

      EXIT STATUS
        The program's own; 128 + n when signal n ended it.
        64   the arguments are wrong
        125  `prognos run` could not do its own work
        126  the program cannot be executed, or is statically linked
        127  there is no such program
      """)

  @OptionGroup(title: "RECORDING") var recording: RecordingOptions

  @Option(
    help: ArgumentHelp(
      "What to report: text, text-ascii, json, folded, chrome-trace (with the timeline) or none.",
      valueName: "format"))
  var report: ReportChoice = .text

  @Option(
    help: ArgumentHelp("Write the report to this file; - is standard output.", valueName: "file"))
  var reportFile: String?

  @Option(
    help: ArgumentHelp(
      "Keep the program's recording as this file, for later reports.", valueName: "file"))
  var keep: String?

  @Option(
    help: ArgumentHelp(
      "Put all recordings into this directory when the program has ended.", valueName: "directory"))
  var output: String?

  @Argument(parsing: .captureForPassthrough, help: "The program and its arguments.")
  var command: [String] = []

  enum ReportChoice: String, ExpressibleByArgument, CaseIterable {
    case text
    case textASCII = "text-ascii"
    case json, folded
    case chromeTrace = "chrome-trace"
    case none
  }

  func validate() throws {
    // What follows the first unknown word belongs to the program, also what looks like an option.
    if let first = command.first, first != "--", first.hasPrefix("-") {
      if first == "--help" || first == "-h" { throw CleanExit.helpRequest(self) }
      throw ValidationError("Unknown option '\(first)'.")
    }
    if program.isEmpty {
      throw ValidationError("Say which program to run: prognos run -- <command> [<argument> ...].")
    }
  }

  /// Without the mark that the options have ended.
  var program: [String] { command.first == "--" ? Array(command.dropFirst()) : command }

  func run() throws {
    let executable = try Executable(program[0])
    let place = try RunPlace(output: output)
    var environment = recording.environment(withTimeline: report == .chromeTrace)
    environment["PROGNOS_RECORDING"] = place.directory
    environment["PROGNOS_WHOLE_PROGRAM"] = "1"
    environment["LD_PRELOAD"] = try Preload.variable()
    let ended: ChildProcess.Ending
    let processID: pid_t
    do {
      var child = try ChildProcess(
        executable: executable.path, arguments: program, environment: environment)
      processID = child.processID
      ended = child.wait()
    } catch {
      place.remove()
      throw error
    }
    // Whatever goes wrong now, the status is the program's.
    do {
      try RunReport(format: ReportFormat(rawValue: report.rawValue), file: reportFile, keep: keep)
        .write(place, processID, ended, name: program[0], refusal: executable.refusal)
      try place.copyOut()
      place.remove()
    } catch let failure as Failure {
      // Somebody wants the recordings: they stay.
      failure.report()
      say("the recordings are in \(place.directory)")
    }
    Glibc.exit(ended.status)
  }
}
