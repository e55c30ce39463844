// SPDX-License-Identifier: Apache-2.0
import CShim
import Recording

// Making room for a recording: older ones are numbered, and the oldest go. Nothing but recordings of processes
// that are gone is ever renamed or removed.

/// Frees a path for a new file: an older recording there becomes PATH.1, and so on up to `keep`.
func makeRoom(at path: PathText, keep: UInt32, keepBytes: UInt64, for recording: Recording)
  -> FileFailure
{
  var facts = shim_file_facts()
  let error = shim_file_read_facts(path.chars, false, &facts)
  if error == 2 { return FileFailure() }  // ENOENT
  guard error == 0 else { return FileFailure(error: error) }
  guard facts.is_file else {
    return FileFailure(error: 17, cause: "is there, and is no regular file")  // EEXIST
  }
  guard let head = FileHead(of: path.chars, seenBy: recording) else {
    return FileFailure(error: 13, cause: "is there, and is not ours")  // EACCES
  }
  if head.isBlank {
    // Somebody is making a recording there, unless that was a while ago.
    guard isOld(head, facts) else {
      return FileFailure(error: 16, cause: "is just being made")
    }
  } else if !head.isRecording {
    return FileFailure(error: 17, cause: "is there, and is no recording")
  }
  if head.isAlive {
    return FileFailure(error: 16, cause: "belongs to a process that is alive")  // EBUSY
  }
  return PathText.build { older in
    PathText.build { newer in
      number(path, keep: keep, keepBytes: keepBytes, for: recording, &older, &newer)
    }
  }
}

/// Renames PATH.n to PATH.n+1 from the highest down, and PATH to PATH.1.
private func number(
  _ path: PathText, keep: UInt32, keepBytes: UInt64, for recording: Recording,
  _ older: inout PathText, _ newer: inout PathText
) -> FileFailure {
  func name(_ number: UInt32, _ text: inout PathText) {
    text.cut(to: 0)
    text.put(path.chars)
    guard number > 0 else { return }
    text.put(".")
    text.put(UInt64(number))
  }
  // How many of them fit, the newest first.
  var kept: UInt32 = 0
  var sum: UInt64 = 0
  var facts = shim_file_facts()
  while true {
    name(kept, &older)
    guard shim_file_read_facts(older.chars, false, &facts) == 0 else { break }
    let head = FileHead(of: older.chars, seenBy: recording)
    guard let head, head.isRecording || head.isBlank else {
      return FileFailure(error: 17, cause: "an older one cannot be renamed: that is no recording")
    }
    sum &+= facts.block_bytes
    if kept >= keep || sum > keepBytes {
      _ = shim_unlink(older.chars)
    }
    kept &+= 1
    if kept > 1000 { break }
  }
  var from = min(kept, keep)
  while from > 0 {
    name(from &- 1, &older)
    name(from, &newer)
    _ = shim_rename(older.chars, newer.chars)
    from &-= 1
  }
  return shim_file_read_facts(path.chars, false, &facts) == 2
    ? FileFailure() : FileFailure(error: 16)
}

/// What a look at a directory finds: recordings of processes that are gone.
private struct Tidying {
  let recording: Recording
  let directory: PathText
  let command: PathText
  var sameCommand: UInt32 = 0
  var bytes: UInt64 = 0
  var oldestSame: UInt64 = .max
  var oldest: UInt64 = .max
  var oldestSameName: PathText
  var oldestName: PathText
}

/// Removes the oldest recordings of a directory of recordings: those of the same command beyond `keep`, and any
/// while all together take more than `keepBytes`. `directory` ends with "/".
func tidy(_ directory: PathText, keep: UInt32, keepBytes: UInt64, for recording: Recording) {
  PathText.build { command in
    putCommand(of: recording, to: &command)
    let command = command
    PathText.build { same in
      PathText.build { any in
        for _ in 0..<64 {
          var tidying = Tidying(
            recording: recording, directory: directory, command: command, oldestSameName: same,
            oldestName: any)
          withUnsafeMutablePointer(to: &tidying) { tidying in
            _ = shim_each_name(
              directory.chars, { $0.assumingMemoryBound(to: Tidying.self).pointee.meet($1) },
              tidying)
          }
          if tidying.sameCommand > keep {
            _ = shim_unlink(tidying.oldestSameName.chars)
          } else if tidying.bytes > keepBytes {
            _ = shim_unlink(tidying.oldestName.chars)
          } else {
            return
          }
        }
      }
    }
  }
}

/// A file that somebody began to make a recording of, a while ago.
private func isOld(_ head: FileHead, _ facts: shim_file_facts) -> Bool {
  head.isBlank && UInt64(bitPattern: shim_unix_ns()) &- facts.changed_ns > beingMade
}

/// A recording is made in some milliseconds; in ns.
private let beingMade: UInt64 = 10_000_000_000

extension Tidying {
  mutating func meet(_ name: UnsafePointer<CChar>) {
    PathText.build { path in
      path.put(name)
      // NAME.prognos, or NAME.prognos.3
      var end = path.count
      while end > 0, (48...57).contains(path.start[end &- 1]) { end &-= 1 }
      if end > 0, end < path.count, path.start[end &- 1] == 46 { path.cut(to: end &- 1) }
      guard path.ends(with: ".prognos"), name[0] != 46 else { return }
      path.cut(to: 0)
      path.put(directory.chars)
      path.put(name)
      var facts = shim_file_facts()
      guard !path.isCut, shim_file_read_facts(path.chars, false, &facts) == 0, facts.is_file,
        let head = FileHead(of: path.chars, seenBy: recording),
        head.isRecording || isOld(head, facts), !head.isAlive
      else { return }
      if head.isOurs, facts.inode == recording.identity.pointee.inode.value { return }
      bytes &+= facts.block_bytes
      if facts.changed_ns < oldest {
        oldest = facts.changed_ns
        oldestName.cut(to: 0)
        oldestName.put(path.chars)
      }
      for index in 0..<command.count where name[index] != command.start[index] { return }
      sameCommand &+= 1
      if facts.changed_ns < oldestSame {
        oldestSame = facts.changed_ns
        oldestSameName.cut(to: 0)
        oldestSameName.put(path.chars)
      }
    }
  }
}
