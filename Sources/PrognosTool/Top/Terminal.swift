// SPDX-License-Identifier: Apache-2.0
import Glibc
import Synchronization

/// The terminal as a view needs it: keys as they are pressed, a screen of its own. What it was before it is
/// again afterwards, however the process ends.
final class Terminal {
  struct Size: Equatable {
    var width: Int
    var height: Int
  }

  private let saved: termios
  private var isOurs = false

  /// Whether standard input and output are a terminal that can be drawn on.
  static func check() throws {
    guard isatty(STDIN_FILENO) == 1, isatty(STDOUT_FILENO) == 1 else {
      throw Failure("top needs a terminal; use `prognos report` to write into a file or a pipe")
    }
    let kind = Surroundings.variable("TERM") ?? "dumb"
    guard kind != "dumb" else {
      throw Failure(
        "top cannot draw on this terminal (TERM is \(Surroundings.variable("TERM") ?? "not set")); "
          + "use `prognos report`")
    }
  }

  /// Takes them over.
  init() throws {
    try Self.check()
    var settings = termios()
    guard tcgetattr(STDIN_FILENO, &settings) == 0 else {
      throw Failure("cannot read the terminal's settings: \(errorText())")
    }
    saved = settings
    try Signals.prepare(saved)
    enter()
  }

  deinit {
    leave()
  }

  func enter() {
    guard !isOurs else { return }
    isOurs = true
    var raw = saved
    cfmakeraw(&raw)
    tcsetattr(STDIN_FILENO, TCSADRAIN, &raw)
    Signals.isDrawn.store(true, ordering: .relaxed)
    write(Painter.enter, to: STDOUT_FILENO)
  }

  func leave() {
    guard isOurs else { return }
    isOurs = false
    write(Painter.leave, to: STDOUT_FILENO)
    var settings = saved
    tcsetattr(STDIN_FILENO, TCSADRAIN, &settings)
    Signals.isDrawn.store(false, ordering: .relaxed)
  }

  /// Stops as Ctrl-Z does a program, and comes back when it is continued.
  func suspend() {
    leave()
    kill(getpid(), SIGSTOP)
    enter()
  }

  var size: Size {
    var size = winsize()
    guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0
    else { return Size(width: 80, height: 24) }
    return Size(width: Int(size.ws_col), height: Int(size.ws_row))
  }

  enum Event: Equatable {
    case bytes([UInt8])
    /// Nothing came in time, or a signal that is noted did.
    case nothing
    case closed
  }

  /// Waits for keys, at most so long.
  func wait(seconds: Double) -> Event {
    var descriptors = [
      pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0),
      pollfd(fd: Signals.told, events: Int16(POLLIN), revents: 0),
    ]
    let ready = poll(&descriptors, 2, Int32((min(max(seconds, 0), 3600) * 1000).rounded(.up)))
    guard ready > 0, descriptors[0].revents != 0 else { return .nothing }
    var buffer = [UInt8](repeating: 0, count: 256)
    let got = read(STDIN_FILENO, &buffer, buffer.count)
    if got < 0 { return errno == EINTR || errno == EAGAIN ? .nothing : .closed }
    return got == 0 ? .closed : .bytes(Array(buffer[0..<got]))
  }
}

/// The signals that a view must not miss, and those that would leave the terminal spoilt.
enum Signals {
  static let noted = [SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT, SIGWINCH]
  private static let deadly = [SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGABRT]
  private static let seen = Atomic<UInt64>(0)
  static let isDrawn = Atomic<Bool>(false)
  nonisolated(unsafe) private static var settings = termios()
  /// A pipe, so that a signal that comes just before a wait ends it, too.
  nonisolated(unsafe) private static var pipes: (read: Int32, write: Int32) = (-1, -1)
  static var told: Int32 { pipes.read }
  nonisolated(unsafe) private static let leave = strdup(Painter.leave)
  private static let leaveBytes = Painter.leave.utf8.count

  static func prepare(_ saved: termios) throws {
    settings = saved
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { throw Failure("cannot make a pipe: \(errorText())") }
    for end in ends {
      _ = fcntl(end, F_SETFL, O_NONBLOCK)
      _ = fcntl(end, F_SETFD, FD_CLOEXEC)
    }
    pipes = (ends[0], ends[1])
    _ = leave
    _ = leaveBytes
    // The first use of these makes them; a handler must not be it.
    _ = isDrawn.load(ordering: .relaxed)
    _ = seen.load(ordering: .relaxed)
    for number in noted { signal(number) { Signals.note($0) } }
    for number in deadly { signal(number) { Signals.restore($0) } }
  }

  private static func note(_ signal: Int32) {
    let before = errno
    seen.bitwiseOr(1 << UInt64(signal & 63), ordering: .relaxed)
    var byte: UInt8 = 0
    _ = Glibc.write(pipes.write, &byte, 1)
    errno = before
  }

  private static func restore(_ number: Int32) {
    if isDrawn.exchange(false, ordering: .relaxed) {
      if let leave { _ = Glibc.write(STDOUT_FILENO, leave, leaveBytes) }
      tcsetattr(STDIN_FILENO, TCSANOW, &settings)
    }
    signal(number, SIG_DFL)
    raise(number)
  }

  /// Those that came since the last time.
  static func take() -> [Int32] {
    var bytes = [UInt8](repeating: 0, count: 64)
    while Glibc.read(pipes.read, &bytes, bytes.count) > 0 {}
    let bits = seen.exchange(0, ordering: .relaxed)
    return noted.filter { bits >> UInt64($0) & 1 != 0 }
  }
}
