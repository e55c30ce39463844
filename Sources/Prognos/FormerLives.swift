// SPDX-License-Identifier: Apache-2.0
import Analysis
import CShim
import Capture
import Recording

/// Reads what the former lives of this program were like out of their recordings, once, at the collector's first tick: never
/// in a host's call. A recording may be anybody's, may change, or be cut meanwhile: no more than some pages of it are copied,
/// by offsets that are checked, and nothing is mapped.
/// Cost: at most 90 KB of each recording of the program that lies where `forEachFormerPath` looks.
func learnFormerLives(of recording: Recording) {
  guard let lives = Lives(recording), !lives.isKnown else { return }
  lives.setBuild(programBuild())
  forEachFormerPath(of: recording) { path in
    guard let head = FileHead(of: path, seenBy: recording), head.isRecording, !head.isAlive,
      !head.isOurs
    else { return }
    var size: UInt64 = 0
    var isOfUser = false
    let file = shim_open_regular(path, false, &size, &isOfUser)
    guard file >= 0 else { return }
    if isOfUser { FormerFile(file, size).learn(lives, recording) }
    shim_close(file)
  }
  lives.noteKnown(at: shim_monotonic_ns())
}

/// A recording that is read piece by piece.
private struct FormerFile {
  private let file: Int32
  private let size: UInt64

  init(_ file: Int32, _ size: UInt64) {
    self.file = file
    self.size = size
  }

  func learn(_ lives: Lives, _ recording: Recording) {
    with(Int(Layout.headerBytes), at: 0) { start in
      let old = Recording(base: start, readableBytes: UInt32(clamping: size))
      guard old.header.pointee.magic.value == Header.magic,
        old.header.pointee.version.value == Header.version,
        old.header.pointee.byteOrder.value == Header.byteOrder, isSameProgram(old, recording),
        // Services that run the same executable write to files of their own.
        old.hasSameText(.targetPath, as: recording), let zone = old.assessmentZone(.precursors)
      else { return }
      let told = life(of: old, seenBy: recording)
      let bytes = Lives.ownBytes(ofZone: zone.bytes)
      with(bytes, at: UInt64(old.offset(of: zone.start))) { _ = lives.adopt($0, bytes, of: told) }
    }
  }

  private func with(_ bytes: Int, at offset: UInt64, _ body: (UnsafeMutableRawPointer) -> Void) {
    withUnsafeTemporaryAllocation(byteCount: bytes, alignment: 16) { buffer in
      guard let start = buffer.baseAddress, shim_read_at(file, start, bytes, offset) else { return }
      body(start)
    }
  }

  /// Whose life it was, and how it ended.
  private func life(of old: Recording, seenBy recording: Recording) -> LifeHead {
    var life = LifeHead()
    let identity = old.identity
    life.processID = old.header.pointee.processID.value
    life.startUnix = old.header.pointee.startUnix.value
    life.endUnix = identity.pointee.beatUnix.value
    let state = identity.pointee.state.value
    let exit = identity.pointee.exitOperation.value
    if state == Identity.State.exited, exit != 0 {
      life.end = .exit
      life.operation = name(of: exit, in: old)
    } else if state != Identity.State.recording {
      life.end = .well
    } else if !findCrash(in: old, &life), old.hasSameText(.bootID, as: recording) {
      // Of another boot the machine may have gone down, and not the program.
      life.end = .killed
    }
    return life
  }

  /// The latest signal that the process did not survive.
  private func findCrash(in old: Recording, _ life: inout LifeHead) -> Bool {
    let notes = old.header.pointee.crash.notes.value
    guard notes != 0, notes % 8 == 0 else { return false }
    var (signal, operation, latest) = (UInt32(0), UInt32(0), UInt64(0))
    with(Int(CrashNote.bytes * CrashNote.count), at: UInt64(notes)) { start in
      for index in 0..<Int(CrashNote.count) {
        let note = (start + index * Int(CrashNote.bytes)).assumingMemoryBound(to: CrashNote.self)
        let state = note.pointee.state.value
        guard state == CrashNote.State.handedOn || state == CrashNote.State.last,
          note.pointee.signal.value != 0, note.pointee.ticks.value >= latest
        else { continue }
        latest = note.pointee.ticks.value
        signal = note.pointee.signal.value
        operation = note.pointee.operationCount.value > 0 ? note.pointee.operations[0].value : 0
      }
    }
    guard signal != 0 else { return false }
    life.end = .signal
    life.signal = signal
    life.operation = name(of: operation, in: old)
    return true
  }

  /// Up to 39 bytes of it; none when it cannot be read.
  private func name(of operation: UInt32, in old: Recording) -> InlineArray<40, UInt8> {
    var name = InlineArray<40, UInt8>(repeating: 0)
    guard operation != 0, operation <= old.header.pointee.operationCapacity.value else {
      return name
    }
    let place =
      UInt64(old.header.pointee.operationsOffset.value) + UInt64(operation)
      * UInt64(OperationRecord.bytes)
    var text: UInt64 = 0
    with(Int(OperationRecord.bytes), at: place) {
      let record = $0.assumingMemoryBound(to: OperationRecord.self)
      text = UInt64(old.header.pointee.namesOffset.value) + UInt64(record.pointee.name.value)
    }
    guard text != 0 else { return name }
    with(41, at: text) { bytes in
      bytes.storeBytes(of: 0, toByteOffset: 40, as: UInt8.self)
      // Whatever it says: valid text of one line.
      let clean = CleanText(bytes.assumingMemoryBound(to: CChar.self))
      for index in 0..<min(clean.count, 39) { name[index] = max(clean.bytes[index], 32) }
      // Not half a character.
      var end = 39
      while end > 0, clean.count > 39, clean.bytes[end] & 0xC0 == 0x80 {
        end -= 1
        name[end] = 0
      }
    }
    return name
  }
}
