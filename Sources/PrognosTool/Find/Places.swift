// SPDX-License-Identifier: Apache-2.0
import Glibc

/// Where recordings are looked for when nobody says.
enum Places {
  /// The directories that the library records into by default, of all users, as far as they can be read.
  static var standard: [String] {
    // A process may have had another TMPDIR, or none.
    let wishes = ["XDG_RUNTIME_DIR", "TMPDIR"].compactMap { Surroundings.variable($0) }
    var (directories, seen): ([String], Set<String>) = ([], [])
    for place in ["/dev/shm"] + wishes + ["/tmp"] where seen.insert(place).inserted {
      directories += entries(of: place).filter { $0.hasPrefix("prognos-") }.map { "\(place)/\($0)" }
    }
    return directories
  }

  /// The files in a directory and in the directories in it: those of one run have one to themselves.
  static func files(in directory: String) -> [String] {
    var files: [String] = []
    for name in entries(of: directory) {
      let path = "\(directory)/\(name)"
      if isRegularFile(path) {
        files.append(path)
      } else if isDirectory(path) {
        files += entries(of: path).map { "\(path)/\($0)" }.filter(isRegularFile)
      }
    }
    return files
  }

  static func isRegularFile(_ path: String) -> Bool { kind(path) == S_IFREG }
  static func isDirectory(_ path: String) -> Bool { kind(path) == S_IFDIR }

  /// Without following a symbolic link: anybody may make one in /dev/shm.
  private static func kind(_ path: String) -> mode_t {
    var status = stat()
    return lstat(path, &status) == 0 ? status.st_mode & S_IFMT : 0
  }

  /// The names in a directory but "." and "..", sorted; none when it cannot be read.
  static func entries(of directory: String) -> [String] {
    guard let stream = opendir(directory) else { return [] }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names.sorted()
  }
}
