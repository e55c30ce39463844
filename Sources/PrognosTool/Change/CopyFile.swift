// SPDX-License-Identifier: Apache-2.0
import Glibc

/// Copies of recordings, which only their user may read. What has no blocks in the file has none in the copy.
enum CopyFile {
  /// Copies into a file that is complete or not there, and never over another one: that a name is taken is
  /// told by EEXIST.
  static func copy(_ source: String, to target: String) throws(CopyFailure) {
    // What was a recording may be a pipe by now.
    let from = open(source, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
    guard from >= 0 else { throw CopyFailure(path: source, error: errno) }
    defer { close(from) }
    var status = stat()
    guard fstat(from, &status) == 0 else { throw CopyFailure(path: source, error: errno) }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw CopyFailure(path: source, error: EINVAL)
    }
    let beside = "\(target).\(getpid()).new"
    let to = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard to >= 0 else { throw CopyFailure(path: target, error: errno) }
    defer {
      close(to)
      unlink(beside)
    }
    guard copyData(from, to, size: status.st_size), ftruncate(to, status.st_size) == 0,
      fsync(to) == 0
    else { throw CopyFailure(path: target, error: errno) }
    // Unlike rename(2), it does not replace what has the name already.
    guard link(beside, target) == 0 else { throw CopyFailure(path: target, error: errno) }
  }

  /// Copies to the first name that is free: the wish, or the wish with a number. Returns it.
  static func copyToFreeName(_ source: String, _ wish: String) throws(CopyFailure) -> String {
    for number in 0..<1000 {
      let target = number == 0 ? wish : "\(wish).\(number)"
      do throws(CopyFailure) {
        try copy(source, to: target)
        return target
      } catch {
        if error.error != EEXIST { throw error }
      }
    }
    throw CopyFailure(path: wish, error: EEXIST)
  }

  private static func copyData(_ from: Int32, _ to: Int32, size: off_t) -> Bool {
    var buffer = [UInt8](repeating: 0, count: 1 << 20)
    var at: off_t = 0
    while at < size {
      let data = lseek(from, at, seekData)
      // No data from here on (ENXIO); a file system without holes knows only data.
      if data < 0 { return errno == ENXIO }
      let hole = lseek(from, data, seekHole)
      let end = hole < 0 ? size : min(hole, size)
      at = data
      while at < end {
        let got = pread(from, &buffer, min(buffer.count, Int(end - at)), at)
        if got < 0 && errno == EINTR { continue }
        if got < 0 { return false }
        if got == 0 { return true }  // cut meanwhile
        guard writeAll(to, buffer, got, at) else { return false }
        at += off_t(got)
      }
    }
    return true
  }

  private static func writeAll(_ to: Int32, _ buffer: [UInt8], _ count: Int, _ at: off_t) -> Bool {
    var done = 0
    while done < count {
      let wrote = buffer.withUnsafeBytes { bytes in
        bytes.baseAddress.map { pwrite(to, $0 + done, count - done, at + off_t(done)) } ?? -1
      }
      if wrote < 0 && errno == EINTR { continue }
      if wrote <= 0 { return false }
      done += wrote
    }
    return true
  }

  // SEEK_DATA and SEEK_HOLE of lseek(2), which Swift does not see.
  private static let seekData: Int32 = 3
  private static let seekHole: Int32 = 4
}

struct CopyFailure: Error {
  let path: String
  let error: Int32

  var failure: Failure { Failure("cannot write \(path): \(errorText(error))") }
}
