// SPDX-License-Identifier: Apache-2.0
import Glibc

/// What the system says of a process that is not ours (proc(5)).
enum ProcessFiles {
  /// The numbers that a live view shows. What may not be read, such as another user's descriptors, is nil;
  /// nil altogether when there is no such process, or it is a zombie.
  static func read(_ processID: UInt32) -> Reading.Process? {
    let folder = "/proc/\(processID)"
    guard let stat = text("\(folder)/stat"), let end = stat.lastIndex(of: ")") else { return nil }
    // From the third field on, the state.
    let fields = stat[stat.index(after: end)...].split(separator: " ")
    guard fields.count > 21, fields[0] != "Z", fields[0] != "X" else { return nil }
    func number(_ position: Int) -> UInt64? { UInt64(fields[position - 3]) }
    let ticks = UInt64(max(sysconf(Int32(_SC_CLK_TCK)), 1))
    var process = Reading.Process()
    if let user = number(14), let system = number(15) {
      process.cpuNanoseconds = (user &+ system) &* (1_000_000_000 / ticks)
    }
    process.threads = number(20)
    process.residentBytes = number(24).map { $0 &* UInt64(sysconf(Int32(_SC_PAGESIZE))) }
    if access("\(folder)/fd", R_OK | X_OK) == 0 {
      process.openFiles = UInt64(Places.entries(of: "\(folder)/fd").count)
    }
    for line in (text("\(folder)/io") ?? "").split(separator: "\n") {
      let words = line.split(separator: " ")
      guard words.count == 2 else { continue }
      if words[0] == "rchar:" { process.readBytes = UInt64(words[1]) }
      if words[0] == "wchar:" { process.writtenBytes = UInt64(words[1]) }
    }
    return process
  }

  /// The name of a thread of a process.
  static func threadName(_ processID: UInt32, _ threadID: UInt32) -> String? {
    text("/proc/\(processID)/task/\(threadID)/comm").map { String($0.prefix { $0 != "\n" }) }
  }

  /// The file of the program that a process runs; nil when it may not be told.
  static func executable(_ processID: UInt32) -> String? {
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
    let length = readlink("/proc/\(processID)/exe", &buffer, buffer.count - 1)
    return length > 0 ? PrognosTool.text(buffer) : nil
  }

  /// A file of any length.
  static func whole(_ path: String) -> String? {
    var bytes = 1 << 20
    while let read = readStart(of: path, bytes: bytes) {
      if read.count < bytes { return String(decoding: read, as: UTF8.self) }
      bytes *= 4
    }
    return nil
  }

  /// A small file.
  static func text(_ path: String) -> String? {
    readStart(of: path, bytes: 8192).map { String(decoding: $0, as: UTF8.self) }
  }
}

/// A user's name; the number when there is none.
func userName(_ id: uid_t) -> String {
  guard let entry = getpwuid(id) else { return "\(id)" }
  return String(cString: entry.pointee.pw_name)
}
