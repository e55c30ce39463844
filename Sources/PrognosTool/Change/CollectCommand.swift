// SPDX-License-Identifier: Apache-2.0
import ArgumentParser
import Export
import Glibc
import Recording

struct CollectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "collect",
    abstract: "Brings the recordings of processes that died from memory to disk.",
    discussion: """
      A recording lives in memory (/dev/shm), so that no disk can hold up its process. When the process ends in \
      order, it is copied to where it was asked for; when it was killed, this command does it. The copy is \
      complete before the file in memory goes. Recordings of processes that live are never touched, unless \
      --live asks for a copy. Where another user's process wanted its recording is not believed: such a one goes \
      into the directory of --output.

      EXAMPLES
        prognos collect --all                        each to where its process wanted it
        prognos collect --all --output /var/crash    all of them into one directory
        prognos collect 4711 --live --output .       a snapshot of a process that runs

      EXIT STATUS
        0  done; 1  some could not be copied; 2  there is nothing to collect; 64  the arguments are wrong
      """)

  @Argument(help: ArgumentHelp("Recordings' files, or IDs of processes.", valueName: "file|pid"))
  var recordings: [String] = []

  @Flag(help: "All that are found in the default places and belong to you.")
  var all = false

  @Option(
    name: .shortAndLong, help: ArgumentHelp("Copy into this directory.", valueName: "directory"))
  var output: String?

  @Flag(help: "Leave the file in memory.")
  var keep = false

  @Flag(help: "Copy recordings of processes that live, too, as they are now.")
  var live = false

  @Flag(help: "Tell what was copied as a JSON array, for scripts.")
  var json = false

  func validate() throws {
    if recordings.isEmpty != all {
      throw ValidationError("Name the recordings, or say --all.")
    }
  }

  func run() throws {
    var failures = 0
    var done = 0
    var rows: [(recorded: Recorded, copy: String?, error: String?)] = []
    for recorded in try wanted() {
      do throws(Failure) {
        let target = try collect(recorded)
        if !json { print("\(recorded.path) -> \(target)") }
        rows.append((recorded, target, nil))
        done += 1
      } catch {
        error.report()
        rows.append((recorded, nil, error.message))
        failures += 1
      }
    }
    if json { write(Self.json(rows), to: STDOUT_FILENO) }
    if failures > 0 { throw ExitCode(Failure.Status.failed) }
    if done == 0 {
      throw Failure.notFound("there is nothing to collect: no process left a recording")
    }
  }

  private static func json(
    _ rows: [(recorded: Recorded, copy: String?, error: String?)]
  ) -> [UInt8] {
    var json = JSONWriter()
    func put(_ key: StaticString, _ text: String?, _ json: inout JSONWriter) {
      json.key(key)
      if let text { json.string(Array(text.utf8)) } else { json.null() }
    }
    json.array { json in
      for row in rows {
        json.object { json in
          json.member("pid", .integer(UInt64(row.recorded.processID)))
          put("path", row.recorded.path, &json)
          put("copy", row.copy, &json)
          put("error", row.error, &json)
        }
      }
    }
    return json.output.bytes + [0x0A]
  }

  private func wanted() throws -> [Recorded] {
    guard all else { return try recordings.map { try Search.one($0) } }
    return Search.all().filter {
      ($0.userID == geteuid() || geteuid() == 0) && ($0.status != .recording || live)
    }
  }

  /// Copies one; returns where to.
  private func collect(_ recorded: Recorded) throws(Failure) -> String {
    let isLive = recorded.status == .recording
    if isLive && !live {
      throw Failure(
        "process \(recorded.processID) lives and writes to \(recorded.path); --live copies it as it is now"
      )
    }
    // Else anybody could have root write a file of their making where they like.
    if output == nil, recorded.userID != geteuid() {
      throw Failure(
        "\(recorded.path) is \(userName(recorded.userID))'s, who may have written anything into it; "
          + "name a directory by --output")
    }
    guard let wish = target(of: recorded) else {
      throw Failure(
        "\(recorded.path) does not say where its process wanted it; name a directory by --output")
    }
    let target = try copy(recorded, to: wish)
    if !isLive && !keep && unlink(recorded.path) != 0 {
      throw Failure("copied to \(target), but \(recorded.path) cannot be removed: \(errorText())")
    }
    return target
  }

  private func target(of recorded: Recorded) -> String? {
    if let output {
      let name = recorded.path.split(separator: "/").last.map(String.init) ?? "recording"
      return "\(output)/\(name)"
    }
    return recorded.targetPath
  }

  private func copy(_ recorded: Recorded, to wish: String) throws(Failure) -> String {
    if absolute(wish) == absolute(recorded.path) {
      throw Failure("\(wish) is where it is already; name a directory by --output")
    }
    do throws(CopyFailure) {
      return try CopyFile.copyToFreeName(recorded.path, wish)
    } catch {
      throw error.failure
    }
  }
}
