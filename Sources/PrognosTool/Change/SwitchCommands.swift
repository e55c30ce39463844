// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Glibc
import Recording

struct EnableCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "enable",
    abstract: "Switches recording on in a process that runs.",
    discussion: """
      It begins with the next operation that the process begins.

      EXAMPLES
        prognos enable 4711

      EXIT STATUS
        0  it is on now, or was; 1  it cannot be switched; 2  there is no such recording; \
      64  the arguments are wrong
      """)

  @OptionGroup var options: SwitchOptions

  func run() throws { try Switch.turn(options.recording, on: true, isQuiet: options.quiet) }
}

struct DisableCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "disable",
    abstract: "Switches recording off in a process that runs.",
    discussion: """
      It acts at once: begin and end then cost the process two or three nanoseconds each. Operations that are open are \
      still ended. What was recorded stays, and `prognos enable` goes on from there.

      EXAMPLES
        prognos disable 4711

      EXIT STATUS
        0  it is off now, or was; 1  it cannot be switched; 2  there is no such recording; \
      64  the arguments are wrong
      """)

  @OptionGroup var options: SwitchOptions

  func run() throws { try Switch.turn(options.recording, on: false, isQuiet: options.quiet) }
}

struct SwitchOptions: ParsableArguments {
  @Argument(
    help: ArgumentHelp("A recording's file, or the ID of a process.", valueName: "file|pid"))
  var recording: String

  @Flag(name: .shortAndLong, help: "Say nothing when all went well.")
  var quiet = false
}

/// The flag in a live recording that begin looks at.
enum Switch {
  static func turn(_ wanted: String, on: Bool, isQuiet: Bool) throws {
    let recorded = try Search.one(wanted)
    guard recorded.status == .recording else {
      let why = recorded.isReplaced ? "it is another program now" : "\(recorded.status.text)"
      throw Failure(
        "process \(recorded.processID) does not record any more (\(why)); there is nothing to switch"
      )
    }
    let mode = on ? recorded.recording.identity.pointee.modeWhenOn.value : Header.Mode.off
    guard mode <= Header.Mode.timeline, !on || mode != Header.Mode.off else {
      throw Failure("\(recorded.path) does not say how recording is switched on")
    }
    let before = recorded.recording.header.pointee.mode.value
    if (before != Header.Mode.off) != on { try store(mode, in: recorded) }
    guard !isQuiet else { return }
    let was = (before != Header.Mode.off) == on ? "was already" : "is now"
    print("recording \(was) \(on ? "on" : "off") in process \(recorded.processID)")
  }

  /// Stores the word where the process reads it. The file is opened again to be written to, and must still
  /// be the one that was read.
  private static func store(_ mode: UInt32, in recorded: Recorded) throws {
    let descriptor = open(recorded.path, O_RDWR | O_CLOEXEC | O_NOFOLLOW)
    guard descriptor >= 0 else {
      let error = errno
      throw Failure(
        "cannot switch process \(recorded.processID): \(recorded.path) cannot be written to: "
          + errorText(error)
          + (error == EACCES ? "; be \(userName(recorded.userID)), whose it is, or root" : ""))
    }
    defer { close(descriptor) }
    var status = stat()
    let page = Int(sysconf(Int32(_SC_PAGESIZE)))
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG,
      status.st_ino == recorded.inode, status.st_size >= page,
      let memory = mmap(nil, page, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0),
      memory != MAP_FAILED
    else { throw Failure("\(recorded.path) was replaced or cut meanwhile; try again") }
    defer { munmap(memory, page) }
    let recording = Recording(base: memory)
    guard recording.header.pointee.magic.acquired == Header.magic,
      recording.header.pointee.processID.value == recorded.processID
    else { throw Failure("\(recorded.path) was replaced meanwhile; try again") }
    recording.header.pointee.mode.set(mode)
    // As the process itself does: the timeline is to show what it lacks. The clock is the machine's.
    recording.recordSwitch(
      on: mode != Header.Mode.off, at: recorded.file.moment(status: .recording).ticks)
  }
}
