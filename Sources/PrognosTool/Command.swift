// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import CShim
import Glibc
import Recording

/// The command `prognos`: what is said to it, and what it answers with.
@main
struct Command: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "prognos",
    abstract: "Tells what the operations of programs cost, from outside.",
    discussion: """
      A program that records with libprognos.so into a file can be looked at while it runs and after \
      it died; a program that knows nothing of Prognos is started under it by `prognos run`.

      EXAMPLES
        prognos run -- ./server --port 8080   start a program, report when it ends
        prognos list                          what is being recorded on this machine
        prognos top                           watch it
        prognos report 4711 --format json     all of it, as it is now
        prognos disable 4711                  stop recording there, at once

      EXIT STATUS
        0   done
        1   something could not be read, written or changed; standard error says what
        2   there is no such recording, or no such process has one
        64  the arguments are wrong
        `prognos run` ends as the program does (see `prognos run --help`).

      ENVIRONMENT
        NO_COLOR         no colours; they are used on terminals only
        XDG_RUNTIME_DIR, TMPDIR  where recordings are looked for besides /dev/shm
      """,
    version: "\(Version.text)",
    subcommands: commands)

  private static let commands: [any ParsableCommand.Type] = [
    RunCommand.self, ListCommand.self, ReportCommand.self, TopCommand.self, EnableCommand.self,
    DisableCommand.self,
    CollectCommand.self, ReplayCommand.self, VersionCommand.self,
  ]

  static func main() {
    // Somebody may cut a recording short while it is read.
    _ = shim_recording_survive_cuts()
    do {
      var command = try parseAsRoot()
      try command.run()
    } catch let failure as Failure {
      failure.report()
      Glibc.exit(failure.status)
    } catch {
      exit(withError: error)
    }
  }
}

struct VersionCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "version", abstract: "Prints the version.")

  func run() { print("prognos \(Version.text)") }
}
