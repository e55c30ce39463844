// SPDX-License-Identifier: Apache-2.0
import Glibc

/// The directory in memory that the processes of one run record into.
struct RunPlace {
  let directory: String
  /// Where the user wants the recordings in the end; nil when nobody wants them.
  let output: String?

  init(output: String?) throws {
    self.output = output
    if let output {
      if mkdir(output, 0o700) != 0 && errno != EEXIST {
        throw Failure("cannot make \(output): \(errorText())", status: Failure.Status.ownFailure)
      }
      guard Places.isDirectory(output) else {
        throw Failure(
          "--output names \(output), which is no directory", status: Failure.Status.ownFailure)
      }
    }
    let parent = "/dev/shm/prognos-\(geteuid())"
    mkdir(parent, 0o700)
    var template = Array("\(parent)/run-\(getpid())-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else {
      throw Failure(
        "cannot make a directory in \(parent): \(errorText())", status: Failure.Status.ownFailure)
    }
    directory = text(template)
  }

  /// What was recorded into it, the oldest first.
  var recordings: [Recorded] {
    Places.files(in: directory).compactMap { try? Recorded(path: $0) }
      .sorted { $0.startUnixNanoseconds < $1.startUnixNanoseconds }
  }

  /// Copies the recordings to where they are wanted.
  func copyOut() throws {
    guard let output else { return }
    for recorded in recordings {
      let name = recorded.path.split(separator: "/").last.map(String.init) ?? "recording"
      do throws(CopyFailure) {
        _ = try CopyFile.copyToFreeName(recorded.path, "\(output)/\(name)")
      } catch {
        throw error.failure
      }
    }
  }

  /// Removes it and the recordings in it. Those of processes that still live stay, and it with them.
  func remove() {
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
