// SPDX-License-Identifier: Apache-2.0

/// What a thread left that crashed (docs/decisions/0017). 1,024 bytes; four of them fill a page.
public struct CrashNote: ~Copyable {
  /// `State`.
  public let state: Cell32
  public let signal: Cell32
  /// `si_code`, as the bits of an Int32.
  public let code: Cell32
  public let threadID: Cell32
  /// The address that could not be accessed, or of the instruction; 0 of a signal that somebody sent.
  public let address: Cell64
  public let ticks: Cell64
  public let unixNanoseconds: Cell64
  /// 15 bytes of text and a NUL.
  public let threadName: InlineArray<2, Cell64>
  /// The number of the thread's lane, from 1 on; 0 without.
  public let lane: Cell32
  /// How many operations were open, also where that is more than `operations` holds.
  public let depth: Cell32
  public let operationCount: Cell32
  public let frameCount: Cell32
  public let registerCount: Cell32
  /// 1 once the stack is there as far as it could be walked.
  public let isWhole: Cell32
  /// As the kernel has them (asm/sigcontext.h): x86-64 r8 to rip, 17 of them; aarch64 x0 to x30, sp, pc.
  public let registers: InlineArray<36, Cell64>
  /// Handles of the innermost operations, the innermost first.
  public let operations: InlineArray<32, Cell32>
  /// `FrameCode`s, the innermost first.
  public let frames: InlineArray<64, Cell64>

  public static let bytes: UInt32 = 1024
  public static let count: UInt32 = 4
  public static let maxOperations = 32
  public static let maxFrames = 64
  public static let maxRegisters = 36

  public enum State {
    public static let free: UInt32 = 0
    public static let writing: UInt32 = 1
    /// Given to the handler that the host has: it may end the process, or recover.
    public static let handedOn: UInt32 = 2
    /// The default action followed: the process died of it.
    public static let last: UInt32 = 3
    /// The process went on.
    public static let survived: UInt32 = 4
  }
}

public struct CrashHeader: ~Copyable {
  /// Where the notes lie; 0 without.
  public let notes: Cell32
  /// 1 while the handlers are in place.
  public let isLive: Cell32
  /// Signals of crashes so far, those without a note included.
  public let signals: Cell64

  func clear() {
    notes.set(0)
    signals.set(0)
  }
}

extension Recording {
  /// Sets the page of the notes aside; false when the recording is full.
  public func prepareCrashNotes() -> Bool {
    if header.pointee.crash.notes.value != 0 { return true }
    guard let page = claimPages(1, fromReserve: true) else { return false }
    header.pointee.crash.notes.publish(page)
    return true
  }

  /// A note to write, or nil when all are in use. The last is for the signal that ends the process. Notes of
  /// crashes that the process survived are written over; a thread that crashes again survived before.
  public func claimCrashNote(
    for thread: UInt32, isLast: Bool
  ) -> UnsafeMutablePointer<CrashNote>? {
    let notes = header.pointee.crash.notes.acquired
    guard notes != 0 else { return nil }
    var index: UInt32 = 0
    while index < CrashNote.count {
      let note: UnsafeMutablePointer<CrashNote> = at(notes &+ index &* CrashNote.bytes)
      if note.pointee.threadID.value == thread {
        _ = note.pointee.state.exchange(CrashNote.State.handedOn, for: CrashNote.State.survived)
      }
      index = index &+ 1
    }
    return claimCrashNote(CrashNote.State.free, isLast ? CrashNote.count : CrashNote.count &- 1)
      ?? claimCrashNote(CrashNote.State.survived, CrashNote.count)
  }

  private func claimCrashNote(
    _ state: UInt32, _ count: UInt32
  ) -> UnsafeMutablePointer<CrashNote>? {
    var index: UInt32 = 0
    while index < count {
      let note: UnsafeMutablePointer<CrashNote> = at(
        header.pointee.crash.notes.value &+ index &* CrashNote.bytes)
      if note.pointee.state.exchange(state, for: CrashNote.State.writing) { return note }
      index = index &+ 1
    }
    return nil
  }
}

/// A crash note as a reader found it.
public struct Crash {
  public let state: UInt32
  public let signal: UInt32
  public let code: Int32
  public let threadID: UInt32
  public let threadName: [UInt8]
  public let address: UInt64
  public let ticks: UInt64
  public let unixNanoseconds: Int64
  /// Handles, the outermost first; without those that the note had no room for.
  public let operations: [UInt32]
  public let depth: UInt32
  public let registers: [UInt64]
  /// `FrameCode`s, the innermost first.
  public let frames: [UInt64]
  public let isWhole: Bool
}

extension Recording {
  /// The notes of crashes, the earliest first. Trusts nothing in them.
  public var crashNotes: [Crash] {
    let notes = header.pointee.crash.notes.acquired
    let end = UInt64(notes) &+ UInt64(CrashNote.count &* CrashNote.bytes)
    guard notes >= Layout.page, notes & 7 == 0, end <= UInt64(byteCount) else { return [] }
    var found: [Crash] = []
    for index in 0..<CrashNote.count {
      let note: UnsafeMutablePointer<CrashNote> = at(notes &+ index &* CrashNote.bytes)
      let state = note.pointee.state.acquired
      if state == CrashNote.State.free || note.pointee.signal.value == 0 { continue }
      let crash = read(note, state)
      var place = found.count
      while place > 0, found[place - 1].ticks > crash.ticks { place -= 1 }
      found.insert(crash, at: place)
    }
    return found
  }

  private func read(_ note: UnsafeMutablePointer<CrashNote>, _ state: UInt32) -> Crash {
    var name: [UInt8] = []
    for index in 0..<16 {
      let word = note.pointee.threadName[index / 8].value
      let byte = UInt8(truncatingIfNeeded: word &>> (UInt64(index % 8) * 8))
      if byte == 0 { break }
      name.append(byte)
    }
    let operations = min(Int(note.pointee.operationCount.value), CrashNote.maxOperations)
    let registers = min(Int(note.pointee.registerCount.value), CrashNote.maxRegisters)
    let frames = min(Int(note.pointee.frameCount.value), CrashNote.maxFrames)
    return Crash(
      state: state, signal: note.pointee.signal.value,
      code: Int32(bitPattern: note.pointee.code.value), threadID: note.pointee.threadID.value,
      threadName: name, address: note.pointee.address.value, ticks: note.pointee.ticks.value,
      unixNanoseconds: Int64(bitPattern: note.pointee.unixNanoseconds.value),
      operations: (0..<operations).reversed().map { note.pointee.operations[$0].value }
        .filter { isOperation($0) },
      depth: note.pointee.depth.value,
      registers: (0..<registers).map { note.pointee.registers[$0].value },
      frames: (0..<frames).map { note.pointee.frames[$0].value },
      isWhole: note.pointee.isWhole.value != 0)
  }
}
