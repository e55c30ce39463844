// SPDX-License-Identifier: Apache-2.0
import Glibc

/// A program that runs in our place: it has our terminal, and the signals that are sent to us.
struct ChildProcess {
  enum Ending: Equatable {
    case exited(Int32)
    case signalled(Int32, dumpedCore: Bool)

    /// As a shell tells it.
    var status: Int32 {
      switch self {
      case .exited(let status): status
      case .signalled(let signal, _): 128 + signal
      }
    }
  }

  let processID: pid_t
  private let waited: sigset_t

  /// The signals that are passed on. Those of job control are left alone: they stop us beside the
  /// program, as the shell expects. Nobody can pass SIGKILL on.
  private static let passed: [Int32] =
    [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM, SIGWINCH, SIGPIPE, SIGVTALRM]
    + [SIGPROF, SIGXCPU, SIGXFSZ, SIGPWR]

  /// Starts it, with variables added to our environment.
  init(executable: String, arguments: [String], environment: [String: String]) throws {
    // Before the program can end: its end is told by a signal that must be waited for, not be lost.
    var signals = sigset_t()
    sigemptyset(&signals)
    sigaddset(&signals, SIGCHLD)
    for signal in Self.passed { sigaddset(&signals, signal) }
    waited = signals
    var before = sigset_t()
    sigprocmask(SIG_BLOCK, &signals, &before)
    // Ignored, as it may be when we came, it would take the child's status away.
    signal(SIGCHLD, SIG_DFL)

    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
    posix_spawnattr_setsigmask(&attributes, &before)

    var words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) }
    words.append(nil)
    var variables: [UnsafeMutablePointer<CChar>?] = Self.merged(environment).map { strdup($0) }
    variables.append(nil)
    defer { for word in words + variables { free(word) } }
    var child: pid_t = 0
    var failure = posix_spawn(&child, executable, nil, &attributes, words, variables)
    if failure == ENOEXEC, readStart(of: executable, bytes: 1) != [0x7F] {
      // As execvp(3) does with a script that names no interpreter; not with another machine's program.
      let shell = strdup("/bin/sh")
      defer { free(shell) }
      let file = strdup(executable)
      defer { free(file) }
      failure = posix_spawn(
        &child, "/bin/sh", nil, &attributes, [shell, file] + words.dropFirst(), variables)
    }
    guard failure == 0 else {
      sigprocmask(SIG_SETMASK, &before, nil)
      let why =
        failure == ENOENT && access(executable, F_OK) == 0
        ? "the interpreter that it names is not there" : errorText(failure)
      throw Failure(
        "cannot execute \(executable): \(why)",
        status: failure == ENOENT ? Failure.Status.noProgram : Failure.Status.cannotExecute)
    }
    processID = child
  }

  /// Our environment with some variables set to something else.
  private static func merged(_ variables: [String: String]) -> [String] {
    var all: [String] = []
    var at = environ
    while let entry = at.pointee {
      let text = String(cString: entry)
      let name = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)[0]
      if variables[String(name)] == nil { all.append(text) }
      at += 1
    }
    return all + variables.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
  }

  /// Waits until it has ended, and passes on meanwhile what we are told.
  mutating func wait() -> Ending {
    var signals = waited
    var information = siginfo_t()
    while true {
      let signal = sigwaitinfo(&signals, &information)
      if signal == SIGCHLD || signal < 0 {
        if let ending = collect() { return ending }
      } else if information.si_code != Self.fromKernel {
        // What the terminal sends (Ctrl-C, a new size) the program gets beside us.
        kill(processID, signal)
      }
    }
  }

  /// SI_KERNEL of sigaction(2), which Swift does not see.
  private static let fromKernel: Int32 = 0x80

  private func collect() -> Ending? {
    var status: Int32 = 0
    guard waitpid(processID, &status, WNOHANG) == processID else { return nil }
    let signal = status & 0x7F
    return signal == 0
      ? .exited(status >> 8 & 0xFF) : .signalled(signal, dumpedCore: status & 0x80 != 0)
  }
}
