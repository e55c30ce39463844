// SPDX-License-Identifier: Apache-2.0

/// A series of a host's own numbers. What the module `Analysis` knows of it follows these words.
public struct SeriesRecord: ~Copyable {
  /// `State`.
  public let slot: Slot
  /// 0 free, else somebody adds to the series, reads or closes it.
  public let lock: Cell32
  let padding: Cell32
  /// UTF-8 with a NUL.
  public let name: InlineArray<8, Cell64>

  public static let bytes: UInt32 = 16384
  public static let nameBytes = 64
  /// Where the numbers are, in the record.
  public static let headBytes = 88

  public enum State {
    public static let free: UInt32 = 0
    public static let open: UInt32 = 1
  }
}

/// A handle of 32 bits: 19 of the record's generation above one more than its index.
public struct SeriesHandle {
  public let value: UInt32
  private static let indexBits: UInt32 = 13

  public init(_ value: UInt32) { self.value = value }
  fileprivate init(index: UInt32, generation: UInt32) {
    value = generation &<< Self.indexBits | (index &+ 1)
  }

  fileprivate var index: UInt32 { value & (1 &<< Self.indexBits &- 1) &- 1 }

  fileprivate func isOf(_ generation: UInt32) -> Bool {
    generation &<< Self.indexBits == value & ~(1 &<< Self.indexBits &- 1)
  }

  /// Whether a record was used so often that its next handle would be one that was given out before.
  fileprivate static func isLast(_ generation: UInt32, first: UInt32) -> Bool {
    (generation &+ 1 &- first) &<< indexBits == 0
  }
}

extension Recording {
  /// Opens a series; nil when the table has its share of the memory, which is an eighth.
  public func openSeries(_ text: borrowing CleanText) -> (
    handle: SeriesHandle, record: UnsafeMutablePointer<SeriesRecord>
  )? {
    let header = header
    guard let index = takeRecord(of: header.pointee.series, bytes: SeriesRecord.bytes),
      let record = series(index: index)
    else {
      header.pointee.series.refused.addShared(1)
      return nil
    }
    var length = min(text.count, SeriesRecord.nameBytes - 1)
    while length < text.count && length > 0 && text.bytes[length] & 0xC0 == 0x80 { length -= 1 }
    for word in 0..<8 {
      var letters: UInt64 = 0
      for byte in 0..<8 where word * 8 + byte < length {
        letters |= UInt64(text.bytes[word * 8 + byte]) &<< UInt64(byte * 8)
      }
      record.pointee.name[word].set(letters.littleEndian)
    }
    let generation = record.pointee.slot.generation
    return (SeriesHandle(index: index, generation: generation), record)
  }

  /// Lets others find a series that is ready.
  public func publish(_ record: UnsafeMutablePointer<SeriesRecord>) {
    let generation = record.pointee.slot.generation
    record.pointee.slot.word.publish(Slot.word(generation, SeriesRecord.State.open))
  }

  private func series(index: UInt32) -> UnsafeMutablePointer<SeriesRecord>? {
    record(index, of: header.pointee.series, bytes: SeriesRecord.bytes)
  }

  /// Calls `body` with the numbers of a series, one thread at a time; nil when its handle is stale or was never
  /// given out. `pause` lets another thread run that is in `body`.
  @inline(__always)
  public func withSeries<Result>(
    _ handle: SeriesHandle, whileWaiting pause: () -> Void,
    _ body: (UnsafeMutableRawPointer) -> Result
  ) -> Result? {
    guard let record = series(index: handle.index) else { return nil }
    lock(record, pause)
    defer { record.pointee.lock.publish(0) }
    guard isOpen(record, handle) else { return nil }
    return body(UnsafeMutableRawPointer(record) + SeriesRecord.headBytes)
  }

  /// Closes a series; false when its handle is stale. The handle stays so for ever: a record whose generations are
  /// used up is not used again.
  public func closeSeries(_ handle: SeriesHandle, whileWaiting pause: () -> Void) -> Bool {
    guard let record = series(index: handle.index) else { return false }
    lock(record, pause)
    guard isOpen(record, handle) else {
      record.pointee.lock.publish(0)
      return false
    }
    let generation = record.pointee.slot.generation
    record.pointee.slot.word.publish(Slot.word(generation &+ 1, SeriesRecord.State.free))
    record.pointee.lock.publish(0)
    let first = header.pointee.series.firstGeneration.value &+ 1
    if SeriesHandle.isLast(generation, first: first) {
      header.pointee.series.inUse.subtractShared(1)
    } else {
      giveBack(
        handle.index, UnsafeMutableRawPointer(record).assumingMemoryBound(to: Slot.self),
        to: header.pointee.series)
    }
    return true
  }

  @inline(__always)
  private func lock(_ record: UnsafeMutablePointer<SeriesRecord>, _ pause: () -> Void) {
    while !record.pointee.lock.exchange(0, for: 1) { pause() }
  }

  @inline(__always)
  private func isOpen(
    _ record: UnsafeMutablePointer<SeriesRecord>, _ handle: SeriesHandle
  ) -> Bool {
    let word = record.pointee.slot.word.acquired
    return UInt32(truncatingIfNeeded: word) == SeriesRecord.State.open
      && handle.isOf(UInt32(truncatingIfNeeded: word &>> 32))
  }
}
