// SPDX-License-Identifier: Apache-2.0
import Recording

// What a life of the program looked like, kept so that a later one can tell whether it goes the same way: this process's
// own life, and those of its predecessors, as their recordings hold them (decision 0046). All in the zone
// `precursors`, so that a replay of the recording concludes the same.

/// How a life ended.
public enum LifeEnd: UInt32, Sendable {
  /// It goes on, or nobody knows: its last stretch tells nothing.
  case unknown
  /// In order.
  case well
  /// Of a signal, with a crash note.
  case signal
  /// Without a trace: SIGKILL, out of memory, a signal that nobody handles.
  case killed
  /// By exit() within a call.
  case exit

  var isDeath: Bool { rawValue >= LifeEnd.signal.rawValue }
}

/// A life: what is known of it as a whole. All zeros before it begins.
public struct LifeHead: BitwiseCopyable {
  /// Of rows and keys: those of another format are not read.
  public static let format: UInt32 = 1
  public internal(set) var format: UInt32 = 0
  public var processID: UInt32 = 0
  public var startUnix: UInt64 = 0
  /// Of the executable; 0 when it could not be told.
  public var build: UInt64 = 0
  /// Rows ever written to either ring; of a former life, rows in all and 0.
  var fineWritten: UInt64 = 0
  var coarseWritten: UInt64 = 0
  public var endUnix: UInt64 = 0
  /// In tenths of a second: its age at the latest row.
  var age: UInt32 = 0
  private var endNumber: UInt32 = 0
  /// The signal that it died of.
  public var signal: UInt32 = 0
  var reserved: UInt32 = 0
  /// The operation in which it died, NUL-terminated.
  public var operation = InlineArray<40, UInt8>(repeating: 0)

  public init() {}

  public var end: LifeEnd {
    get { LifeEnd(rawValue: endNumber) ?? .unknown }
    set { endNumber = newValue.rawValue }
  }
  var seconds: Double { Double(age) / 10 }
}

/// Something that was unusual, and by how much.
struct LifeEntry: BitwiseCopyable {
  /// `PrecursorKey`; 0 for none.
  var key: UInt32 = 0
  /// The ratio to what was usual, as a logarithm without its sign; of a level, that of the level.
  var value: Float = 0
}

/// Some seconds, or minutes, of a life: what was unusual in them, at its strongest.
struct LifeRow: BitwiseCopyable {
  static let capacity = 24
  /// Places that levels have, the first ones.
  static let levels = 4
  // Tenths of a second since the life began.
  var begin: UInt32 = 0
  var end: UInt32 = 0
  var entries = InlineArray<24, LifeEntry>(repeating: LifeEntry())

  /// Keeps the stronger one of a kind. Where there is no room, the weakest goes.
  mutating func meet(_ key: UInt32, _ value: Float) {
    var weakest = Self.levels
    for place in Self.levels..<Self.capacity {
      if entries[place].key == key || entries[place].key == 0 {
        if entries[place].key == 0 || entries[place].value < value {
          entries[place] = LifeEntry(key: key, value: value)
        }
        return
      }
      if entries[place].value < entries[weakest].value { weakest = place }
    }
    if entries[weakest].value < value { entries[weakest] = LifeEntry(key: key, value: value) }
  }

  mutating func absorb(_ later: LifeRow) {
    if end == 0 { begin = later.begin }
    end = later.end
    for place in 0..<Self.levels where entries[place].value <= later.entries[place].value {
      entries[place] = later.entries[place]
    }
    for place in Self.levels..<Self.capacity where later.entries[place].key != 0 {
      meet(later.entries[place].key, later.entries[place].value)
    }
  }

  /// What is held of a key; 0 for nothing.
  func value(of key: UInt32) -> Double {
    let isLevel = PrecursorKey(key).isLevel
    for place in (isLevel ? 0 : Self.levels)..<(isLevel ? Self.levels : Self.capacity) {
      if entries[place].key == key { return Double(entries[place].value) }
    }
    return 0
  }
}

/// The zone: a head of its own, then the own life and `Lives.former` others, each with the same number of rows.
///
/// A life's rows of three seconds are a ring; what falls out of it goes into rows of five minutes, which are one, too. Of a
/// former life all rows lie in their order.
public struct Lives {
  public static let former = 8
  static let fineSpan: UInt32 = 30
  static let coarseSpan: UInt32 = 3000
  private static let mostRows = 384

  private struct Head: BitwiseCopyable {
    /// When the former lives were read, on the monotonic clock; 0 before. They count from then on.
    var knownSince: UInt64 = 0
    var count: UInt64 = 0
  }

  private let start: UnsafeMutableRawPointer
  /// For each life.
  let rows: Int
  private var fine: Int { rows / 4 }

  private static var headBytes: Int { MemoryLayout<Head>.size }
  private static var lifeHeadBytes: Int { MemoryLayout<LifeHead>.size }
  private static var rowBytes: Int { MemoryLayout<LifeRow>.size }
  /// A search works at the end of the zone.
  static let tallies = 6 * former
  private static var scratchBytes: Int { tallies * MemoryLayout<PrecursorTally>.stride }
  private static func perLife(_ zone: Int) -> Int {
    max(zone - headBytes - scratchBytes, 0) / (former + 1)
  }

  /// The size of the zone in a recording of so many bytes: 2 % of it, at most 700 KB; 0 where that were no use.
  static func bytes(limit: Int) -> UInt32 {
    let rows = min(min(limit >> 20, 32) * 12, mostRows)
    return limit < 4 << 20
      ? 0 : UInt32(headBytes + (former + 1) * (lifeHeadBytes + rows * rowBytes) + scratchBytes)
  }

  public init?(_ recording: Recording) {
    guard let (start, bytes) = recording.assessmentZone(.precursors) else { return nil }
    self.start = start
    rows = min((Self.perLife(bytes) - Self.lifeHeadBytes) / Self.rowBytes, Self.mostRows)
    guard rows >= 8 else { return nil }
  }

  private var head: UnsafeMutablePointer<Head> { start.assumingMemoryBound(to: Head.self) }
  private func place(_ life: Int) -> UnsafeMutableRawPointer {
    start + Self.headBytes + life * (Self.lifeHeadBytes + rows * Self.rowBytes)
  }

  /// 0: this process's own.
  @inline(never)
  func life(_ index: Int) -> UnsafeMutablePointer<LifeHead> {
    place(index).assumingMemoryBound(to: LifeHead.self)
  }
  func row(_ index: Int, of life: Int) -> UnsafeMutablePointer<LifeRow> {
    (place(life) + Self.lifeHeadBytes).assumingMemoryBound(to: LifeRow.self) + index
  }

  var scratch: UnsafeMutablePointer<PrecursorTally> {
    place(Self.former + 1).assumingMemoryBound(to: PrecursorTally.self)
  }

  /// How many former lives there are.
  var count: Int { min(Int(truncatingIfNeeded: head.pointee.count & 0xFF), Self.former) }
  public var isKnown: Bool { head.pointee.knownSince != 0 }
  func isKnown(at moment: UInt64) -> Bool { isKnown && moment >= head.pointee.knownSince }

  /// How many rows a life has, and the nth of them in the order of time.
  func rowCount(of life: Int) -> Int {
    let one = self.life(life).pointee
    guard life == 0 else { return Int(min(one.fineWritten, UInt64(rows))) }
    return Int(min(one.coarseWritten, UInt64(rows - fine)) + min(one.fineWritten, UInt64(fine)))
  }

  @inline(never)
  func orderedRow(_ number: Int, of life: Int) -> UnsafeMutablePointer<LifeRow> {
    guard life == 0 else { return row(number, of: life) }
    let at = Self.place(number, self.life(0).pointee, fine: fine, coarse: rows - fine)
    return row(at, of: 0)
  }

  // MARK: The own life

  /// The row that is being written at this age, in tenths of a second.
  func openRow(at age: UInt32) -> UnsafeMutablePointer<LifeRow> {
    let own = life(0)
    let newest = row(Int((own.pointee.fineWritten &+ UInt64(fine) &- 1) % UInt64(fine)), of: 0)
    if own.pointee.fineWritten > 0, age &- newest.pointee.begin <= Self.fineSpan { return newest }
    let next = row(Int(own.pointee.fineWritten % UInt64(fine)), of: 0)
    if own.pointee.fineWritten >= UInt64(fine) { handOn(next.pointee) }
    next.pointee = LifeRow()
    next.pointee.begin = own.pointee.fineWritten == 0 ? age : newest.pointee.end
    own.pointee.fineWritten += 1
    return next
  }

  private func handOn(_ old: LifeRow) {
    let (own, coarse) = (life(0), UInt64(rows - fine))
    var at = fine + Int((own.pointee.coarseWritten &+ coarse &- 1) % coarse)
    let begin = row(at, of: 0).pointee.begin
    if own.pointee.coarseWritten == 0 || old.end &- begin > Self.coarseSpan {
      at = fine + Int(own.pointee.coarseWritten % coarse)
      row(at, of: 0).pointee = LifeRow()
      own.pointee.coarseWritten += 1
    }
    row(at, of: 0).pointee.absorb(old)
  }

  // MARK: Former lives

  /// How much of a zone of so many bytes its own life takes, from the start on.
  public static func ownBytes(ofZone bytes: Int) -> Int {
    headBytes + min(perLife(bytes), lifeHeadBytes + mostRows * rowBytes)
  }

  /// What tells this build of the program from others.
  public func setBuild(_ build: UInt64) { life(0).pointee.build = build }

  /// Takes a former life over: `zone` is the first `bytes` of the zone `precursors` of its recording, which anybody may have
  /// written; `told` what else is known of it. It takes the place of the oldest one if there are too many.
  /// - Returns: false for what is no life, or is known already.
  public func adopt(
    _ zone: UnsafeRawPointer, _ bytes: Int, of told: LifeHead
  ) -> Bool {
    let first = Self.headBytes + Self.lifeHeadBytes
    guard bytes > first else { return false }
    let theirs = zone.loadUnaligned(fromByteOffset: Self.headBytes, as: LifeHead.self)
    let theirRows = min((bytes - first) / Self.rowBytes, Self.mostRows)
    guard theirs.format == LifeHead.format, theirRows >= 8,
      theirs.build == life(0).pointee.build
    else { return false }
    var index = 1
    var oldest = 1
    while index <= count {
      let known = life(index).pointee
      if known.startUnix == told.startUnix && known.processID == told.processID {
        // A copy of it: the one that goes on for longer.
        guard known.endUnix < told.endUnix else { return false }
        break
      }
      if known.startUnix < life(oldest).pointee.startUnix { oldest = index }
      index += 1
    }
    if index > Self.former {
      guard life(oldest).pointee.startUnix < told.startUnix else { return false }
      index = oldest
    }
    var one = told
    one.format = LifeHead.format
    one.build = theirs.build
    (one.fineWritten, one.coarseWritten, one.age) = (0, 0, 0)
    let fineRows = theirRows / 4
    let all =
      min(theirs.coarseWritten, UInt64(theirRows - fineRows))
      &+ min(theirs.fineWritten, UInt64(fineRows))
    var number = all > UInt64(rows) ? Int(all) - rows : 0
    while number < Int(all) {
      let at = Lives.place(number, theirs, fine: fineRows, coarse: theirRows - fineRows)
      let found = zone.loadUnaligned(
        fromByteOffset: first + at * Self.rowBytes, as: LifeRow.self)
      number += 1
      // In order, and within ten years.
      guard found.begin >= one.age, found.end > found.begin, found.end < 3_155_760_000 else {
        continue
      }
      row(Int(one.fineWritten), of: index).pointee = found.cleaned
      one.fineWritten += 1
      one.age = found.end
    }
    life(index).pointee = one
    if index > count { head.pointee.count = UInt64(index) }
    return true
  }

  private static func place(_ number: Int, _ one: LifeHead, fine: Int, coarse: Int) -> Int {
    let old = min(one.coarseWritten, UInt64(coarse))
    let number = UInt64(number)
    if number < old { return fine + Int((one.coarseWritten &- old &+ number) % UInt64(coarse)) }
    let kept = min(one.fineWritten, UInt64(fine))
    return Int((one.fineWritten &- kept &+ number &- old) % UInt64(fine))
  }

  /// All former lives were looked for.
  public func noteKnown(at monotonicNanoseconds: UInt64) {
    head.pointee.knownSince = max(monotonicNanoseconds, 1)
  }

  /// For a replay: the former lives that another recording knows of, and what it knew of its own from the start.
  func takeFormer(from other: Lives) {
    guard rows == other.rows else { return }
    let own = Self.headBytes
    start.copyMemory(from: other.start, byteCount: own)
    let first = place(1) - start
    let bytes = (Self.lifeHeadBytes + rows * Self.rowBytes) * Self.former
    (start + first).copyMemory(from: other.start + first, byteCount: bytes)
    life(0).pointee.build = other.life(0).pointee.build
  }
}

extension LifeRow {
  /// Without what no row can hold.
  fileprivate var cleaned: LifeRow {
    var row = self
    for place in 0..<Self.capacity {
      let entry = entries[place]
      let isLevel = PrecursorKey(entry.key).isLevel
      if !(entry.value > 0 && entry.value < 100) || entry.key == 0
        || isLevel != (place < Self.levels)
      {
        row.entries[place] = LifeEntry()
      }
    }
    return row
  }
}
