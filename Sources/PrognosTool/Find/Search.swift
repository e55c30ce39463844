// SPDX-License-Identifier: Apache-2.0
import Glibc
import Recording

/// Finds recordings: all there are, or the one that was meant.
enum Search {
  /// All that can be read in the default places and in these directories, the live ones first, then the
  /// newest. What is no recording is no business of ours.
  static func all(in directories: [String] = []) -> [Recorded] {
    var seen: Set<String> = []
    var found: [Recorded] = []
    for directory in Places.standard + directories {
      for path in Places.files(in: directory) where seen.insert(path).inserted {
        if let recorded = try? Recorded(path: path) { found.append(recorded) }
      }
    }
    func rank(_ recorded: Recorded) -> Int { recorded.status == .recording ? 0 : 1 }
    return found.sorted {
      rank($0) != rank($1) ? rank($0) < rank($1) : $0.startUnixNanoseconds > $1.startUnixNanoseconds
    }
  }

  /// The recording that an argument means: a file's path, or the ID of a process.
  static func one(_ wanted: String, in directories: [String] = []) throws -> Recorded {
    if !wanted.contains("/"), let processID = UInt32(wanted), access(wanted, F_OK) != 0 {
      return try one(processID, in: directories)
    }
    guard access(wanted, F_OK) == 0 else {
      throw Failure.notFound(
        errno == ENOENT || errno == ENOTDIR
          ? "there is no file \(wanted); `prognos list` shows the recordings there are"
          : "\(wanted) cannot be looked at: \(errorText())")
    }
    do throws(RecordingFailure) {
      return try Recorded(path: wanted)
    } catch {
      throw Failure("\(wanted) \(String(decoding: error.text, as: UTF8.self))")
    }
  }

  /// Of a process that was there more than once, or whose ID was used again: the live one, else the newest.
  private static func one(_ processID: UInt32, in directories: [String]) throws -> Recorded {
    let found = all(in: directories).filter { $0.processID == processID }
    // Anybody may leave a file in /dev/shm that says it is of this process.
    if let own = found.first(where: \.isOfOwner) ?? found.first { return own }
    let lives = access("/proc/\(processID)", F_OK) == 0
    throw Failure.notFound(
      lives
        ? "process \(processID) has no recording that can be read; it has one when it was started by "
          + "`prognos run`, or with PROGNOS_RECORDING"
        : "there is no process \(processID), and no recording of one")
  }

  /// The only live one; nil when there are several.
  static func onlyLive() throws -> Recorded? {
    let live = all().filter { $0.status == .recording }
    if live.isEmpty {
      throw Failure.notFound(
        "nothing is being recorded; start a program by `prognos run -- <command>`, or name a recording"
      )
    }
    return live.count == 1 ? live[0] : nil
  }
}
