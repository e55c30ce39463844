// SPDX-License-Identifier: Apache-2.0
import CPrognos
import CShim
import Recording

// Where the file of a recording lies: the live one, and the one that is to have a copy.

/// What is asked of the file, kept for children and for copies.
struct FileWish {
  var flags: UInt32 = 0
  var copySeconds: UInt32 = 0
  var keep: UInt32 = 5
  var keepBytes: UInt64 = 512 << 20
  var isQuietInChild = false
}

/// Why there is no file: a system's error number, and the path that it is about.
public struct FileFailure {
  public var error: Int32 = 0
  /// More than the error says; empty when that is all.
  var cause: StaticString = ""

  public var isNone: Bool { error == 0 }
}

/// Puts the wished path together for this process: %p, the working directory, and a name of its own where
/// the wish is a directory. `isChild`: a file is not the parent's, but beside it.
func expand(
  _ wish: UnsafePointer<CChar>, isChild: Bool, in recording: Recording, to path: inout PathText
) -> FileFailure {
  if wish[0] != 47 {
    let count = shim_read_link("/proc/self/cwd", path.start, PathText.capacity - 1)
    guard count > 0, count < PathText.capacity - 1 else { return FileFailure(error: shim_errno()) }
    let start = path.start
    start[count] = 0
    path = PathText(in: start, holding: count)
    path.put("/")
  }
  var isOwn = false
  var at = wish
  while at[0] != 0 {
    if at[0] == 37, at[1] == 112 {  // %p
      path.put(UInt64(shim_process_id()))
      isOwn = true
      at += 2
    } else {
      path.put(byte: at[0])
      at += 1
    }
  }
  var facts = shim_file_facts()
  if path.last != 47, shim_file_read_facts(path.chars, true, &facts) == 0, facts.is_directory {
    path.put("/")
  }
  if path.last == 47 {
    putOwnName(of: recording, to: &path)
  } else if isChild && !isOwn {
    let hasEnding = path.ends(with: ".prognos")
    if hasEnding { path.cut(to: path.count &- 8) }
    path.put(".")
    path.put(UInt64(shim_process_id()))
    if hasEnding { path.put(".prognos") }
  }
  return path.isCut || path.count > 1000
    ? FileFailure(error: 36, cause: "longer than 1,000 bytes") : FileFailure()  // ENAMETOOLONG
}

/// COMMAND.PID.prognos. What could be misread in a path or on a terminal becomes "_".
func putOwnName(of recording: Recording, to path: inout PathText) {
  putCommand(of: recording, to: &path)
  path.put(UInt64(shim_process_id()))
  path.put(".prognos")
}

/// The beginning of such a name, with the dot behind the command.
func putCommand(of recording: Recording, to path: inout PathText) {
  let command = recording.identityText(.command)
  var index = 0
  while command[index] != 0, index < Int(Identity.Text.command.bytes) {
    let byte = command[index]
    let isPlain =
      (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
      || byte == 45 || byte == 43 || (byte == 46 && index > 0)
    path.put(byte: isPlain ? CChar(bitPattern: byte) : 95)
    index &+= 1
  }
  if index == 0 { path.put("_") }
  path.put(".")
}

/// The directory of live files, made if it is missing: the first of these that can be had. A directory that
/// somebody else has made under that name is passed by.
func putLiveDirectory(to path: inout PathText) -> FileFailure {
  var failure = FileFailure(error: 2)
  for place in 0..<3 {
    path.cut(to: 0)
    switch place {
    case 0: path.put("/dev/shm")
    case 1:
      guard let runtime = shim_environment("XDG_RUNTIME_DIR"), runtime[0] == 47 else { continue }
      path.put(runtime)
    default:
      let temporary = shim_environment("TMPDIR")
      if let temporary, temporary[0] == 47 { path.put(temporary) } else { path.put("/tmp") }
    }
    path.put("/prognos-")
    path.put(UInt64(shim_user_id()))
    let error = shim_own_directory(path.chars)
    var isInMemory = false
    if error == 0, shim_directory_kind(path.chars, &isInMemory) == 0 {
      path.put("/")
      return FileFailure()
    }
    if error != 0 { failure.error = error }
  }
  return failure
}

/// Whether the directory that a file is to be in lies in memory, and whether we may write there.
func directoryKind(of path: PathText, isInMemory: inout Bool) -> Int32 {
  PathText.build { directory in
    directory.put(path.chars)
    directory.cut(to: max(path.nameStart &- 1, 1))
    return shim_directory_kind(directory.chars, &isInMemory)
  }
}
