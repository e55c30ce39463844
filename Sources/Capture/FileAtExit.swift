// SPDX-License-Identifier: Apache-2.0
import CShim
import Recording

// Copies of the live file on a disk, and what becomes of it when the process ends.

private nonisolated(unsafe) var latestCopy: UInt64 = 0

/// Whether a copy could be put there when the time comes: so that a mistake shows at the start.
func checkTarget(_ target: PathText, for recording: Recording) -> FileFailure {
  var facts = shim_file_facts()
  let error = shim_file_read_facts(target.chars, false, &facts)
  if error == 2 { return FileFailure() }  // ENOENT
  guard error == 0 else { return FileFailure(error: error) }
  guard facts.is_file, let head = FileHead(of: target.chars, seenBy: recording), head.isRecording
  else { return FileFailure(error: 17, cause: "is there, and is no recording of ours") }
  return head.isAlive
    ? FileFailure(error: 16, cause: "belongs to a process that is alive") : FileFailure()
}

/// Copies the recording to the path that was wished for, if that is on a disk: beside it, then renamed. What
/// threads are recording meanwhile is in it as a reader of a live recording would see it.
func copyToTarget(_ recording: Recording) -> FileFailure {
  let header = recording.header
  return PathText.build { target in
    target.put(
      UnsafeRawPointer(recording.identityText(.targetPath)).assumingMemoryBound(to: CChar.self))
    guard target.count > 0 else { return FileFailure() }
    return PathText.build { beside in
      beside.put(target.chars)
      beside.cut(to: target.nameStart)
      beside.put(".prognos.")
      beside.put(UInt64(shim_process_id()))
      beside.put(".")
      beside.put(shim_monotonic_ns())
      beside.put(".tmp")
      let page = Int(Layout.page)
      let error = shim_file_write_pages(
        beside.chars, recording.base, Int(header.pointee.arenaPage.value) * page,
        Int(header.pointee.bytes.value))
      guard error == 0 else { return FileFailure(error: error) }
      var failure = FileFailure()
      let there = FileHead(of: target.chars, seenBy: recording)
      if there?.isOurs != true {
        let wish = fileWish()
        failure = makeRoom(
          at: target, keep: wish.keep, keepBytes: wish.keepBytes, for: recording)
      }
      if failure.isNone { failure.error = shim_rename(beside.chars, target.chars) }
      if !failure.isNone { _ = shim_unlink(beside.chars) }
      return failure
    }
  }
}

/// The collector's tick: a copy in the background when `recording_copy_s` have passed.
public func copyIfDue(_ recording: Recording, monotonicNanoseconds now: UInt64) {
  let period = UInt64(fileWish().copySeconds) &* 1_000_000_000
  guard period > 0, livePath() != nil else { return }
  if latestCopy == 0 { latestCopy = recording.header.pointee.startMonotonic.value }
  guard now &- latestCopy >= period, now > latestCopy else { return }
  latestCopy = now
  _ = copyToTarget(recording)
}

/// Recording was stopped in order. The error of the copy, and 0 when there was none to make.
public func finishFile(_ recording: Recording) -> Int32 {
  guard livePath() != nil else { return 0 }
  _ = recording.calibrateClock()
  recording.beatNow()
  recording.setState(
    Identity.State.stopped, unixNanoseconds: UInt64(bitPattern: shim_unix_ns()))
  return copyToTarget(recording).error
}

@c(shim_exiting) @implementation
public func shim_exiting() {
  guard let recording = existingRecording(), livePath() != nil else { return }
  undisturbed {
    recording.beatNow()
    noteOpenCall(in: recording)
    recording.setState(
      Identity.State.exited, unixNanoseconds: UInt64(bitPattern: shim_unix_ns()))
    if isForkedChild && !recording.hasCalls {
      removeLiveFile(of: recording)
    } else if recording.identityText(.targetPath)[0] != 0, copyToTarget(recording).isNone {
      removeLiveFile(of: recording)
    }
  }
}

/// What called exit() from within a call hardly ended in order.
private func noteOpenCall(in recording: Recording) {
  guard recording.identity.pointee.state.value == Identity.State.recording,
    let lane = currentLane()
  else { return }
  var innermost: UInt32 = 0
  recording.forEachFrame(of: lane) { _, frame in
    if innermost == 0 { innermost = frame.pointee.operation }
  }
  recording.identity.pointee.exitOperation.set(innermost)
}

/// Unless somebody has put another in its place.
private func removeLiveFile(of recording: Recording) {
  var facts = shim_file_facts()
  guard let path = livePath(), shim_file_read_facts(path, false, &facts) == 0,
    facts.inode == recording.identity.pointee.inode.value,
    facts.device == recording.identity.pointee.device.value
  else { return }
  _ = shim_unlink(path)
}

extension Recording {
  /// Whether any operation was begun.
  fileprivate var hasCalls: Bool {
    var found = false
    forEachLane { if $0.pointee.nodeCount.value > 1 { found = true } }
    return found
  }
}
