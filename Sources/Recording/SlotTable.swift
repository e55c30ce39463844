// SPDX-License-Identifier: Apache-2.0

/// Where a table of records that come and go is: spans, sessions. It grows in chunks of the arena, up to a
/// share of it, and a record stays where it is. All zeros is an empty table.
public struct SlotTable: ~Copyable {
  /// A page of offsets of chunks.
  public let directory: Cell32
  /// Records that were ever taken: their indexes are below this.
  public let used: Cell32
  /// What generations begin with: a forked child begins with others than its parent, so that no handle of
  /// the parent means anything in it.
  public let firstGeneration: Cell32
  /// Records in use now.
  public let inUse: Cell32
  /// The records given back, as a stack: one more than the index of the top one, and above it a count of
  /// changes, which tells a top that was away meanwhile from one that was not.
  public let free: Cell64
  /// Times that no record was to be had.
  public let refused: Cell64

  public static let chunkBytes: UInt32 = 8 * Layout.page
  static let mostChunks: UInt32 = Layout.page / 4

  /// Forgets all records, in a child whose arena was emptied.
  func beginAgain() {
    directory.set(0)
    used.set(0)
    firstGeneration.add(0x9E37_79B9)
    inUse.set(0)
    free.set(0)
    refused.set(0)
  }
}

/// What each record of such a table begins with.
public struct Slot: ~Copyable {
  /// The generation in the upper half, the state below: 0 when the record is free.
  public let word: Cell64
  /// In a list of free records: one more than the index of the next.
  public let next: Cell32
  let padding: Cell32

  @inline(__always) public var generation: UInt32 {
    UInt32(truncatingIfNeeded: word.acquired &>> 32)
  }

  /// The word of a generation in a state.
  @inline(__always) public static func word(_ generation: UInt32, _ state: UInt32) -> UInt64 {
    UInt64(generation) &<< 32 | UInt64(state)
  }
}

/// A handle: the generation of a record above one more than its index, so that 0 is none.
public struct SlotHandle {
  public let value: UInt64

  @inline(__always) public init(_ value: UInt64) { self.value = value }
  @inline(__always) public init(index: UInt32, generation: UInt32) {
    value = UInt64(generation) &<< 32 | UInt64(index &+ 1)
  }

  @inline(__always) public var generation: UInt32 { UInt32(truncatingIfNeeded: value &>> 32) }
  @inline(__always) public var index: UInt32 { UInt32(truncatingIfNeeded: value) &- 1 }
}

extension Recording {
  /// A table's share of the recording is an eighth.
  private var mostRecordBytes: UInt32 { UInt32(truncatingIfNeeded: header.pointee.bytes.value / 8) }

  /// The record of this index; nil when there is none. `bytes`: of a record, a power of two.
  @inline(__always)
  func record<T: ~Copyable>(
    _ index: UInt32, of table: borrowing SlotTable, bytes: UInt32
  ) -> UnsafeMutablePointer<T>? {
    let offset = offsetOfRecord(index, below: table.used.acquired, of: table, bytes: bytes)
    return offset == 0 ? nil : at(offset)
  }

  @inline(never)
  private func offsetOfRecord(
    _ index: UInt32, below end: UInt32, of table: borrowing SlotTable, bytes: UInt32
  ) -> UInt32 {
    let directory = zone(table.directory.acquired)
    let shift = UInt32(truncatingIfNeeded: (SlotTable.chunkBytes / bytes).trailingZeroBitCount)
    let chunk = index &>> shift
    guard index < end, directory != 0, chunk < SlotTable.mostChunks else { return 0 }
    let slot: UnsafeMutablePointer<Cell32> = at(directory &+ chunk &* 4)
    let start = zone(slot.pointee.acquired)
    return start == 0 ? 0 : start &+ (index &- chunk &<< shift) &* bytes
  }

  /// Takes a record that was never used, in new memory if need be; nil at the limit. Without a lock.
  func takeUnusedRecord(of table: borrowing SlotTable, bytes: UInt32) -> UInt32? {
    while true {
      let index = table.used.value
      let offset = offsetOfRecord(index, below: .max, of: table, bytes: bytes)
      if offset != 0 {
        let there: UnsafeMutablePointer<Slot> = at(offset)
        // Before others may find it; another thread that wants the same one sets the same.
        if there.pointee.word.value == 0 {
          _ = there.pointee.word.exchange(0, for: Slot.word(table.firstGeneration.value &+ 1, 0))
        }
        if table.used.exchange(index, for: index &+ 1) { return index }
      } else if !growTable(table, to: index / (SlotTable.chunkBytes / bytes)) {
        return nil
      }
    }
  }

  private func growTable(_ table: borrowing SlotTable, to chunk: UInt32) -> Bool {
    guard chunk < SlotTable.mostChunks,
      chunk == 0 || (chunk &+ 1) &* SlotTable.chunkBytes <= mostRecordBytes
    else { return false }
    var directory = table.directory.acquired
    if directory == 0 {
      guard let page = claimPages(1) else { return false }
      // A page that comes second stays unused: once in a process, if ever.
      directory = table.directory.exchange(0, for: page) ? page : table.directory.acquired
    }
    guard let memory = claimPages(SlotTable.chunkBytes / Layout.page) else { return false }
    var place = chunk
    // One that comes second is the next chunk.
    while place < SlotTable.mostChunks {
      let slot: UnsafeMutablePointer<Cell32> = at(directory &+ place &* 4)
      if slot.pointee.exchange(0, for: memory) { return true }
      place &+= 1
    }
    return true
  }

  /// Takes a record, one that was given back if there is any. Without a lock, safe in a signal handler.
  func takeRecord(of table: borrowing SlotTable, bytes: UInt32) -> UInt32? {
    while true {
      let top = table.free.acquired
      let index = UInt32(truncatingIfNeeded: top) &- 1
      guard let slot: UnsafeMutablePointer<Slot> = record(index, of: table, bytes: bytes) else {
        guard let index = takeUnusedRecord(of: table, bytes: bytes) else { return nil }
        table.inUse.addShared(1)
        return index
      }
      let changes = top &>> 32 &+ 1
      if table.free.exchange(top, for: changes &<< 32 | UInt64(slot.pointee.next.value)) {
        table.inUse.addShared(1)
        return index
      }
    }
  }

  /// Gives a record back whose word already says that it is free.
  func giveBack(
    _ index: UInt32, _ slot: UnsafeMutablePointer<Slot>, to table: borrowing SlotTable
  ) {
    while true {
      let top = table.free.acquired
      slot.pointee.next.set(UInt32(truncatingIfNeeded: top))
      let changes = top &>> 32 &+ 1
      if table.free.exchange(top, for: changes &<< 32 | UInt64(index &+ 1)) { break }
    }
    table.inUse.subtractShared(1)
  }
}
