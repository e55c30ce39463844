// SPDX-License-Identifier: Apache-2.0
import Glibc

/// A program that is to be run, found as execvp(3) finds it, and whether a library can be loaded into it.
struct Executable {
  let path: String
  /// Why the loader will not load our library; nil when it will.
  let refusal: String?

  init(_ name: String) throws {
    path = try Self.find(name)
    let linking = Linking(ofFile: path)
    if linking == .statically {
      throw Failure(
        "\(path) is statically linked: no library can be loaded into it, so that `prognos run` cannot "
          + "record it. Link it dynamically, or against libprognos.so.",
        status: Failure.Status.cannotExecute)
    }
    refusal = Self.isPrivileged(path) ? "it is setuid or setgid" : nil
  }

  private static func find(_ name: String) throws -> String {
    let directories: [String]
    if name.contains("/") {
      directories = []
      if canExecute(name) { return name }
    } else {
      directories =
        (Surroundings.variable("PATH") ?? "/usr/local/bin:/usr/bin:/bin")
        .split(separator: ":", omittingEmptySubsequences: false).map {
          $0.isEmpty ? "." : String($0)
        }
    }
    var found: String? = name.contains("/") && access(name, F_OK) == 0 ? name : nil
    for directory in directories {
      let path = "\(directory)/\(name)"
      if canExecute(path) { return path }
      if access(path, F_OK) == 0 { found = found ?? path }
    }
    if let found {
      throw Failure(
        "cannot execute \(found): it is no file with execute permission",
        status: Failure.Status.cannotExecute)
    }
    throw Failure(
      "there is no program \"\(name)\"" + (name.contains("/") ? "" : " in PATH"),
      status: Failure.Status.noProgram)
  }

  private static func canExecute(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
      && access(path, X_OK) == 0
  }

  /// Whether the loader will run it in secure-execution mode, which takes no library from us (ld.so(8)).
  private static func isPrivileged(_ path: String) -> Bool {
    var status = stat()
    guard stat(path, &status) == 0 else { return false }
    if status.st_mode & S_ISUID != 0 && status.st_uid != geteuid() { return true }
    return status.st_mode & S_ISGID != 0 && status.st_gid != getegid()
  }
}

/// How a program is linked, by its ELF file.
enum Linking: Equatable {
  case dynamically, statically
  /// A script, or something that the kernel may know.
  case unknown

  init(ofFile path: String) {
    guard let bytes = readStart(of: path, bytes: 64 << 10) else {
      self = .unknown
      return
    }
    self.init(bytes)
  }

  /// By the first bytes of a file. A program that asks for no interpreter (PT_INTERP) loads no libraries.
  init(_ bytes: [UInt8]) {
    self = .unknown
    guard bytes.count >= 64, bytes[0..<4] == [0x7F, 0x45, 0x4C, 0x46], bytes[5] == 1 else { return }
    func number(_ offset: Int, _ count: Int) -> Int? {
      guard offset >= 0, offset <= bytes.count - count else { return nil }
      return (0..<count).reversed().reduce(0) { $0 &* 256 &+ Int(bytes[offset + $1]) }
    }
    let is64 = bytes[4] == 2
    guard
      let start = number(is64 ? 32 : 28, is64 ? 8 : 4), let size = number(is64 ? 54 : 42, 2),
      let count = number(is64 ? 56 : 44, 2), size > 0, start > 0, start < bytes.count
    else { return }
    for index in 0..<count {
      guard let type = number(start + index * size, 4) else { return }
      if type == 3 {
        self = .dynamically
        return
      }
    }
    self = .statically
  }
}

/// At most so many bytes from the start of a file.
func readStart(of path: String, bytes: Int) -> [UInt8]? {
  let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
  guard descriptor >= 0 else { return nil }
  defer { close(descriptor) }
  return [UInt8](unsafeUninitializedCapacity: bytes) { buffer, count in
    while count < bytes, let start = buffer.baseAddress {
      let got = read(descriptor, start + count, bytes - count)
      if got < 0 && errno == EINTR { continue }
      if got <= 0 { break }
      count += got
    }
  }
}
