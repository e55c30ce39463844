// SPDX-License-Identifier: Apache-2.0

/// A session: a user, a connection, a tenant, whose operations are added up apart. Any thread adds to it.
///
/// One that was closed keeps its numbers until its record is needed again; then they go into the sums of
/// `SessionHeader`.
public struct SessionRecord: ~Copyable {
  /// `State.open`, and how many threads are in the session.
  public let slot: Slot
  /// NUL-terminated UTF-8.
  public let name: InlineArray<8, Cell64>
  public let openedUnix: Cell64
  public let openedTicks: Cell64
  /// 0 while it is open.
  public let closedTicks: Cell64
  /// The time stamp of the latest end of a call.
  public let lastTicks: Cell64
  public let calls: SessionSums
  /// As a node's.
  public let fastestComplement: Cell64
  public let slowestTicks: Cell64
  /// The buckets of each octave of wall times, as offsets; 0 where no value arrived yet.
  public let octaves: InlineArray<44, Cell32>

  public static let bytes: UInt32 = 512
  public static let nameBytes = 64

  public enum State {
    public static let open: UInt32 = 1 << 31
    public static let threads: UInt32 = open - 1
  }

  /// A histogram of a session is coarser than a node's: 16 buckets an octave, so that a bucket is at most 1/16
  /// of its lower bound wide, and its middle within 3.2 % of every value in it.
  static let bucketsPerOctave: UInt32 = 16
  static let octaveBytes: UInt32 = 64
}

/// Calls that ended in a session.
public struct SessionSums: ~Copyable {
  public let count: Cell64
  public let failed: Cell64
  public let wallTicks: Cell64
  /// Without the time that spans were suspended.
  public let enteredTicks: Cell64
  public let offCPUNanoseconds: Cell64
  public let work: Cell64

  func clear() {
    count.set(0)
    failed.set(0)
    wallTicks.set(0)
    enteredTicks.set(0)
    offCPUNanoseconds.set(0)
    work.set(0)
  }

  func addShared(_ other: borrowing SessionSums) {
    count.addShared(other.count.value)
    failed.addShared(other.failed.value)
    wallTicks.addShared(other.wallTicks.value)
    enteredTicks.addShared(other.enteredTicks.value)
    offCPUNanoseconds.addShared(other.offCPUNanoseconds.value)
    work.addShared(other.work.value)
  }
}

/// What the header knows of sessions. `table.inUse` is the number of open ones.
public struct SessionHeader: ~Copyable {
  public let table: SlotTable
  /// 0 free, else the thread that is opening or closing a session.
  public let registrar: Cell32
  /// Closed sessions, the oldest first: one more than their indexes.
  public let oldestClosed: Cell32
  public let newestClosed: Cell32
  public let closedCount: Cell32
  public let opened: Cell64
  /// Of sessions whose records were used again.
  public let forgotten: Cell64
  public let forgottenCalls: SessionSums
  /// Free room for buckets, as `Recording.room`.
  public let bucketRoom: Cell64
  public let bucketPages: Cell32
  let padding: Cell32

  func beginAgain() {
    table.beginAgain()
    registrar.set(0)
    oldestClosed.set(0)
    newestClosed.set(0)
    closedCount.set(0)
    opened.set(0)
    forgotten.set(0)
    forgottenCalls.clear()
    bucketRoom.set(0)
    bucketPages.set(0)
  }
}

/// A call as a session counts it.
public struct SessionCall {
  public let wallTicks: UInt64
  public let enteredTicks: UInt64
  public let offCPUNanoseconds: UInt64
  public let work: UInt64
  public let hasFailed: Bool

  public init(
    wallTicks: UInt64, enteredTicks: UInt64, offCPUNanoseconds: UInt64, work: UInt64,
    hasFailed: Bool
  ) {
    self.wallTicks = wallTicks
    self.enteredTicks = enteredTicks
    self.offCPUNanoseconds = offCPUNanoseconds
    self.work = work
    self.hasFailed = hasFailed
  }
}

extension Recording {
  public func session(index: UInt32) -> UnsafeMutablePointer<SessionRecord>? {
    record(index, of: header.pointee.sessions.table, bytes: SessionRecord.bytes)
  }

  /// The session of a handle, open or closed; nil when the handle is stale or was never given out.
  @inline(never)
  public func session(_ handle: SlotHandle) -> UnsafeMutablePointer<SessionRecord>? {
    guard let record = session(index: handle.index),
      record.pointee.slot.generation == handle.generation, record.pointee.openedTicks.value != 0
    else { return nil }
    return record
  }

  /// The handle of the session that a frame entered.
  public func sessionHandle(of frame: UnsafeMutablePointer<Frame>) -> SlotHandle? {
    let index = frame.pointee.parent.value
    guard frame.pointee.isSession, let record = session(index: index) else { return nil }
    return SlotHandle(index: index, generation: record.pointee.slot.generation)
  }

  // MARK: Open and close

  /// So many closed sessions at least stay readable, as long as there is room for new ones.
  private var keptClosed: UInt32 { 256 }

  /// Opens a session; nil at the limit. By one thread at a time.
  public func openSession(_ name: borrowing CleanText, ticks: UInt64, unix: UInt64) -> SlotHandle? {
    let sessions = header
    var index: UInt32?
    if sessions.pointee.sessions.closedCount.value > keptClosed { index = reuseClosedSession() }
    index =
      index ?? takeUnusedRecord(of: sessions.pointee.sessions.table, bytes: SessionRecord.bytes)
      ?? reuseClosedSession()
    guard let index, let record = session(index: index) else {
      sessions.pointee.sessions.table.refused.addShared(1)
      return nil
    }
    setName(of: record, to: name)
    record.pointee.openedUnix.set(unix)
    record.pointee.openedTicks.set(max(ticks, 1))
    record.pointee.closedTicks.set(0)
    record.pointee.lastTicks.set(0)
    let generation = record.pointee.slot.generation
    record.pointee.slot.word.publish(Slot.word(generation, SessionRecord.State.open))
    sessions.pointee.sessions.opened.addShared(1)
    sessions.pointee.sessions.table.inUse.addShared(1)
    return SlotHandle(index: index, generation: generation)
  }

  private func setName(
    of record: UnsafeMutablePointer<SessionRecord>, to name: borrowing CleanText
  ) {
    var count = min(name.count, SessionRecord.nameBytes - 1)
    // Whole characters.
    while count > 0 && count < name.count && name.bytes[count] & 0xC0 == 0x80 { count -= 1 }
    for word in 0..<8 {
      var value: UInt64 = 0
      for byte in 0..<8 where word * 8 + byte < count {
        value |= UInt64(name.bytes[word * 8 + byte]) &<< UInt64(byte * 8)
      }
      record.pointee.name[word].set(value.littleEndian)
    }
  }

  /// Closes a session; false when it was closed before. By one thread at a time. Threads that are in it go
  /// on counting until they leave.
  public func closeSession(_ handle: SlotHandle, ticks: UInt64) -> Bool {
    guard let record = session(handle), leaveOpenState(record) else { return false }
    record.pointee.closedTicks.set(max(ticks, 1))
    header.pointee.sessions.table.inUse.subtractShared(1)
    appendClosed(handle.index, record)
    return true
  }

  private func leaveOpenState(_ record: UnsafeMutablePointer<SessionRecord>) -> Bool {
    while true {
      let word = record.pointee.slot.word.value
      if word & UInt64(SessionRecord.State.open) == 0 { return false }
      if record.pointee.slot.word.exchange(word, for: word & ~UInt64(SessionRecord.State.open)) {
        return true
      }
    }
  }

  private func appendClosed(_ index: UInt32, _ record: UnsafeMutablePointer<SessionRecord>) {
    record.pointee.slot.next.set(0)
    let newest = header.pointee.sessions.newestClosed.value
    if newest != 0, let before = session(index: newest &- 1) {
      before.pointee.slot.next.set(index &+ 1)
    } else {
      header.pointee.sessions.oldestClosed.set(index &+ 1)
    }
    header.pointee.sessions.newestClosed.set(index &+ 1)
    header.pointee.sessions.closedCount.add(1)
  }

  /// The oldest closed session's record, emptied, under a new generation. One that threads are still in waits
  /// among the newest.
  private func reuseClosedSession() -> UInt32? {
    let sessions = header
    for _ in 0..<sessions.pointee.sessions.closedCount.value {
      let index = sessions.pointee.sessions.oldestClosed.value &- 1
      guard let record = session(index: index) else { return nil }
      sessions.pointee.sessions.oldestClosed.set(record.pointee.slot.next.value)
      if record.pointee.slot.next.value == 0 { sessions.pointee.sessions.newestClosed.set(0) }
      sessions.pointee.sessions.closedCount.add(.max)
      let generation = record.pointee.slot.generation
      guard
        record.pointee.slot.word.exchange(
          Slot.word(generation, 0), for: Slot.word(generation &+ 1, 0))
      else {
        appendClosed(index, record)
        continue
      }
      empty(record)
      return index
    }
    return nil
  }

  private func empty(_ record: UnsafeMutablePointer<SessionRecord>) {
    record.pointee.openedTicks.set(0)
    header.pointee.sessions.forgotten.addShared(1)
    header.pointee.sessions.forgottenCalls.addShared(record.pointee.calls)
    record.pointee.calls.clear()
    record.pointee.fastestComplement.set(0)
    record.pointee.slowestTicks.set(0)
    for octave in 0..<Histogram.octaveCount {
      let buckets = record.pointee.octaves[octave].value
      if buckets == 0 { continue }
      for bucket in 0..<SessionRecord.bucketsPerOctave {
        let cell: UnsafeMutablePointer<Cell32> = at(buckets &+ bucket &* 4)
        cell.pointee.set(0)
      }
    }
  }

  // MARK: Enter, leave, count: by any thread, without a lock

  /// Counts the calling thread in; false when the session was closed or its handle is stale.
  public func enterSession(
    _ record: UnsafeMutablePointer<SessionRecord>, _ handle: SlotHandle
  ) -> Bool {
    while true {
      let word = record.pointee.slot.word.acquired
      guard UInt32(truncatingIfNeeded: word &>> 32) == handle.generation,
        word & UInt64(SessionRecord.State.open) != 0
      else { return false }
      if record.pointee.slot.word.exchange(word, for: word &+ 1) { return true }
    }
  }

  public func leaveSession(index: UInt32) {
    session(index: index)?.pointee.slot.word.addShared(.max)
  }

  @inline(never)
  public func count(
    _ call: SessionCall, in record: UnsafeMutablePointer<SessionRecord>, at ticks: UInt64
  ) {
    record.pointee.calls.count.addShared(1)
    if call.hasFailed { record.pointee.calls.failed.addShared(1) }
    record.pointee.calls.wallTicks.addShared(call.wallTicks)
    record.pointee.calls.enteredTicks.addShared(call.enteredTicks)
    record.pointee.calls.offCPUNanoseconds.addShared(call.offCPUNanoseconds)
    record.pointee.calls.work.addShared(call.work)
    record.pointee.fastestComplement.raiseShared(to: ~call.wallTicks)
    record.pointee.slowestTicks.raiseShared(to: call.wallTicks)
    record.pointee.lastTicks.raiseShared(to: ticks)
    // Four buckets of a node are one of a session.
    let bucket = Histogram.bucket(min(call.wallTicks, Histogram.limit - 1))
    let octave = Int(truncatingIfNeeded: bucket &>> 6)
    guard let buckets = buckets(octave, of: record) else { return }
    let within = UInt32(truncatingIfNeeded: bucket & 63) / 4
    let cell: UnsafeMutablePointer<Cell32> = at(buckets &+ within &* 4)
    cell.pointee.addShared(1)
  }

  /// Without memory a call counts without its place in the histogram.
  private func buckets(
    _ octave: Int, of record: UnsafeMutablePointer<SessionRecord>
  ) -> UInt32? {
    let there = record.pointee.octaves[octave].acquired
    if there != 0 { return there }
    let most = UInt32(truncatingIfNeeded: header.pointee.bytes.value / 8) / Layout.page
    let made = room(
      SessionRecord.octaveBytes, in: header.pointee.sessions.bucketRoom,
      pages: header.pointee.sessions.bucketPages, most: most)
    guard let made else { return nil }
    // The room of one that comes second stays unused.
    return record.pointee.octaves[octave].exchange(0, for: made)
      ? made : record.pointee.octaves[octave].acquired
  }
}
