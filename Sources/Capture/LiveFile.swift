// SPDX-License-Identifier: Apache-2.0
import CPrognos
import CShim
import Recording

// The recording moves from private memory into a file, and in a forked child out of its parent's. It keeps its
// address: whoever holds one, and the host's flag, notice nothing.

private nonisolated(unsafe) var wish = FileWish()
/// In a forked child: the recording is to become a file with its first thread.
private nonisolated(unsafe) var isFileDue = false
private nonisolated(unsafe) var isInChild = false
/// In a forked child that is to record nothing.
private nonisolated(unsafe) var isQuiet = false

/// The path of the live file; nil while the recording is private memory.
public func livePath() -> UnsafePointer<CChar>? {
  let path = shim_path_room(Int32(shim_live_path))
  return path[0] == 0 ? nil : UnsafePointer(path)
}

private func setLivePath(_ path: PathText?) {
  var kept = PathText(in: shim_path_room(Int32(shim_live_path)))
  if let path { kept.put(path.chars) }
}

func fileWish() -> FileWish { wish }
var isForkedChild: Bool { isInChild }
var recordsNothing: Bool { isQuiet }

/// A quiet child was told to record after all.
func endQuiet() {
  guard isQuiet else { return }
  isQuiet = false
  isFileDue = hasWish
}

/// Keeps what is asked of files, for this process and its children.
func keepWish(_ options: prognos_options) {
  wish = FileWish(
    flags: options.recording_flags, copySeconds: options.recording_copy_s,
    keep: options.recording_keep, keepBytes: options.recording_keep_bytes,
    isQuietInChild: options.on_fork == UInt32(PROGNOS_FORK_QUIET))
  var path = PathText(in: shim_path_room(Int32(shim_wished_path)))
  if let wished = options.recording_path { path.put(wished) }
}

/// Whether a path is what is wished already.
public func isWishedPath(_ path: UnsafePointer<CChar>) -> Bool {
  let wished = shim_path_room(Int32(shim_wished_path))
  var index = 0
  while path[index] == wished[index] {
    if path[index] == 0 { return true }
    index &+= 1
  }
  return false
}

// MARK: Into a file

/// Makes the file that is wished for and moves the recording there. No other thread may be recording. In the
/// failure's case everything is as it was, and the recording tells why.
func moveToFile(_ recording: Recording) -> FileFailure {
  let wished = shim_path_room(Int32(shim_wished_path))
  guard wished[0] != 0 else {
    recording.setIdentityText(.recordingReason, "private memory: no recording_path")
    return FileFailure()
  }
  return PathText.build { live in
    PathText.build { target in
      var failure = choosePlace(wished, in: recording, live: &live, target: &target)
      if failure.isNone {
        failure = makeRoom(at: live, keep: wish.keep, keepBytes: wish.keepBytes, for: recording)
      }
      if failure.isNone { failure = create(at: live, target: target, for: recording) }
      PathText.build { reason in
        if failure.isNone {
          reason.put(live.chars)
          if target.count > 0 { reason.put("; its copy at stop and exit") }
        } else {
          reason.put("private memory: ")
          reason.put((live.count > 0 ? live : target).chars)
          reason.put(": ")
          if failure.cause.utf8CodeUnitCount > 0 {
            reason.put(failure.cause)
          } else {
            reason.put(error: failure.error)
          }
        }
        recording.setIdentityText(.recordingReason, chars: reason.chars)
      }
      return failure
    }
  }
}

/// "auto" is a file in the directory of live files that has no copy. Another path is the live file's own where it
/// lies in memory, and else that of its copy.
private func choosePlace(
  _ wished: UnsafePointer<CChar>, in recording: Recording, live: inout PathText,
  target: inout PathText
) -> FileFailure {
  let automatic: StaticString = "auto"
  var isAutomatic = true
  for index in 0...4 where UInt8(bitPattern: wished[index]) != automatic.utf8Start[index] {
    isAutomatic = false
    break
  }
  if !isAutomatic {
    var failure = expand(wished, isChild: isInChild, in: recording, to: &target)
    var isInMemory = false
    if failure.isNone { failure.error = directoryKind(of: target, isInMemory: &isInMemory) }
    guard failure.isNone else { return failure }
    if isInMemory || wish.flags & UInt32(PROGNOS_RECORDING_DIRECT) != 0 {
      live.put(target.chars)
      target.cut(to: 0)
      return failure
    }
    failure = checkTarget(target, for: recording)
    guard failure.isNone else { return failure }
  }
  let failure = putLiveDirectory(to: &live)
  if failure.isNone {
    tidy(live, keep: wish.keep, keepBytes: wish.keepBytes, for: recording)
    putOwnName(of: recording, to: &live)
  }
  return failure
}

private func create(
  at live: PathText, target: PathText, for recording: Recording
) -> FileFailure {
  let header = recording.header
  let bytes = Int(header.pointee.bytes.value)
  let end = header.pointee.arenaPageEnd.value
  var isInMemory = false
  _ = directoryKind(of: live, isInMemory: &isInMemory)
  // On a disk, blocks cost next to nothing until they are written.
  let grows = isInMemory && shim_can_populate()
  let used = header.pointee.arenaPage.value
  let backed = grows ? min(used &+ Recording.stepPages, end) : end
  var memory: UnsafeMutableRawPointer?
  let error = shim_file_create(live.chars, bytes, Int(backed) * Int(Layout.page), &memory)
  guard error == 0, let memory else { return FileFailure(error: max(error, 1)) }
  var facts = shim_file_facts()
  _ = shim_file_read_facts(live.chars, false, &facts)
  let file = Recording(base: memory)
  recording.identity.pointee.inode.set(facts.inode)
  recording.identity.pointee.device.set(facts.device)
  recording.identity.pointee.backedPage.set(backed)
  recording.identity.pointee.features.set(
    recording.identity.pointee.features.value | Identity.Feature.file)
  recording.setIdentityText(.targetPath, chars: target.chars)
  copyPages(of: recording, to: file, pages: used)
  file.header.pointee.magic.publish(Header.magic)
  guard shim_mapping_move(memory, recording.base, bytes) else {
    shim_unmap(memory, bytes)
    _ = shim_unlink(live.chars)
    forgetFile(of: recording)
    return FileFailure(error: 12)  // ENOMEM
  }
  setLivePath(live)
  return FileFailure()
}

/// Copies what is not zero; the magic number comes last, by the caller.
private func copyPages(of from: Recording, to: Recording, pages: UInt32) {
  let words = Int(Layout.page) / 8
  for page in 0..<Int(pages) {
    let source = (from.base + page * Int(Layout.page)).assumingMemoryBound(to: UInt64.self)
    var index = 0
    while index < words, source[index] == 0 { index &+= 1 }
    if index == words { continue }
    (to.base + page * Int(Layout.page)).copyMemory(from: source, byteCount: Int(Layout.page))
    if page == 0 { to.header.pointee.magic.set(0) }
  }
}

private func forgetFile(of recording: Recording) {
  let identity = recording.identity
  identity.pointee.inode.set(0)
  identity.pointee.device.set(0)
  identity.pointee.backedPage.set(0)
  identity.pointee.features.set(identity.pointee.features.value & ~Identity.Feature.file)
  setLivePath(nil)
}

// MARK: In a forked child

/// Takes the child's recording out of its parent's file, into private memory at the same address. With its
/// content, or with the tables alone, of which the parent's threads may be writing the newest entries.
/// False when the system gives no memory: then nothing may be recorded.
func leaveParentsFile(_ recording: Recording, wholly: Bool) -> Bool {
  guard livePath() != nil else { return true }
  let header = recording.header
  let bytes = Int(header.pointee.bytes.value)
  guard let memory = shim_map(bytes) else { return false }
  // What is counted here is complete; what comes later is cut off below.
  let operations = header.pointee.operationCount.acquired
  let modules = header.pointee.moduleCount.acquired
  let hostFrames = header.pointee.hostFrameCount.acquired
  let own = Recording(base: memory)
  copyPages(
    of: recording, to: own,
    pages: wholly ? header.pointee.arenaPage.value : header.pointee.arenaOffset.value / Layout.page)
  own.header.pointee.magic.set(Header.magic)
  own.forgetNames(beyond: operations, modules: modules, hostFrames: hostFrames)
  guard shim_mapping_move(memory, recording.base, bytes) else {
    shim_unmap(memory, bytes)
    return false
  }
  forgetFile(of: recording)
  return true
}

/// After `leaveParentsFile`, when the child has begun a recording of its own: what becomes of it.
func decideInChild(_ recording: Recording) {
  isInChild = true
  isQuiet = wish.isQuietInChild
  isFileDue = hasWish && !isQuiet
  if isQuiet {
    // Hooks stay in the tables, and find nothing to do.
    recording.header.pointee.liveTracks.set(0)
    recording.header.pointee.samplePeriod.set(0)
  }
  if hasWish {
    recording.setIdentityText(
      .recordingReason,
      isQuiet
        ? "private memory: a forked child that records nothing (on_fork)"
        : "private memory: a forked child that has not recorded yet")
  }
}

private var hasWish: Bool { shim_path_room(Int32(shim_wished_path))[0] != 0 }

/// What `prognos_start` wishes of a recording that exists already: it moves into the file while nobody but the
/// calling thread is recording. Nil when others are.
public func moveToFile(_ recording: Recording, as options: prognos_options) -> FileFailure? {
  var others = false
  let own = currentLane()
  recording.forEachLane {
    if $0 != own, $0.pointee.state.value != Lane.State.free { others = true }
  }
  if others { return nil }
  let me = shim_thread_id()
  while !recording.header.pointee.registrar.exchange(0, for: me) { shim_yield() }
  keepWish(options)
  isFileDue = false
  let failure = undisturbed { moveToFile(recording) }
  if !failure.isNone { shim_path_room(Int32(shim_wished_path))[0] = 0 }
  recording.header.pointee.registrar.publish(0)
  return failure
}

/// In a forked child whose first thread is about to record: now there is something to keep.
@inline(__always) func makeDueFile(_ recording: Recording) {
  if isFileDue { makeFileInChild(recording) }
}

@inline(never) private func makeFileInChild(_ recording: Recording) {
  // One thread; the others go on in private memory, which they have just joined, for a moment.
  let me = shim_thread_id()
  while !recording.header.pointee.registrar.exchange(0, for: me) {
    if recording.header.pointee.registrar.value == me { return }
    shim_yield()
  }
  if isFileDue {
    isFileDue = false
    undisturbed { _ = moveToFile(recording) }
  }
  recording.header.pointee.registrar.publish(0)
}
