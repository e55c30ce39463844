// SPDX-License-Identifier: Apache-2.0
import Glibc

/// The directory that the processes of one run record into.
struct RunPlace {
  let directory: String
  /// Whether it goes when the run is over.
  let isTemporary: Bool

  /// `output`: where the user wants the recordings; else a fresh directory in memory.
  init(output: String?) throws {
    if let output {
      let path = absolute(output)
      if mkdir(path, 0o700) != 0 && errno != EEXIST {
        throw Failure("cannot make \(path): \(errorText())", status: Failure.Status.ownFailure)
      }
      var status = stat()
      guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
        throw Failure(
          "--output names \(path), which is no directory", status: Failure.Status.ownFailure)
      }
      (directory, isTemporary) = (path, false)
      return
    }
    let parent = "/dev/shm/prognos-\(geteuid())"
    mkdir(parent, 0o700)
    var template = Array("\(parent)/run-\(getpid())-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else {
      throw Failure(
        "cannot make a directory in \(parent): \(errorText()); name one by --output",
        status: Failure.Status.ownFailure)
    }
    directory = text(template)
    isTemporary = true
  }

  /// What was recorded into it, the oldest first.
  var recordings: [Recorded] {
    Places.files(in: directory).compactMap { try? Recorded(path: $0) }
      .sorted { $0.startUnixNanoseconds < $1.startUnixNanoseconds }
  }

  /// Removes it and the recordings in it. Those of processes that still live stay, and it with them.
  func remove() {
    guard isTemporary else { return }
    for recorded in recordings where recorded.status != .recording { unlink(recorded.path) }
    rmdir(directory)
  }
}

/// A path from the root on.
func absolute(_ path: String) -> String {
  if path.hasPrefix("/") { return path }
  var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
  guard getcwd(&buffer, buffer.count) != nil else { return path }
  return "\(text(buffer))/\(path)"
}

/// A text up to its NUL.
func text(_ buffer: [CChar]) -> String {
  String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
