// SPDX-License-Identifier: Apache-2.0

/// A record's fixed part: 32 bytes, little-endian. Entries by operation follow (HistoryEntry.swift).
struct RecordHead {
  static let bytes: UInt64 = 32

  /// The whole record's.
  var bytes: UInt64 = 0
  var run: UInt32 = 0
  var startMonotonic: UInt64 = 0
  var endMonotonic: UInt64 = 0
  var endUnix: UInt64 = 0
}

/// Writes one record. A record is seen once it is complete; the oldest ones make room for it.
struct RecordWriter {
  private let recording: Recording
  private let tier: Int
  private let base: UnsafeMutablePointer<UInt8>
  private let capacity: UInt64
  private let start: UInt64
  private(set) var position: UInt64
  private var slot: UInt64
  private var first: UInt64

  /// Begins a record behind the ring's last one.
  init(_ recording: Recording, _ tier: Int, _ head: RecordHead) {
    self.recording = recording
    self.tier = tier
    let header = recording.header
    base = recording.at(header.pointee.history.records[tier].offset.value)
    capacity = UInt64(header.pointee.history.records[tier].capacity.value)
    start = header.pointee.history.records[tier].end.value
    first = header.pointee.history.records[tier].first.value
    position = start
    slot = start % max(capacity, 1)
    put(0, bytes: 4)
    put(UInt64(head.run), bytes: 4)
    put(head.startMonotonic, bytes: 8)
    put(head.endMonotonic, bytes: 8)
    put(head.endUnix, bytes: 8)
  }

  var count: UInt64 { position &- start }
  /// Whether the next entry should go to another record: half of the ring is never lost at once.
  var isLarge: Bool { count > capacity / 8 }
  /// Whether no more fits in.
  var isFull: Bool { count &+ 64 > capacity / 4 }

  mutating func put(_ byte: UInt8) {
    if position &- first >= capacity { dropOldest() }
    base[Int(truncatingIfNeeded: slot)] = byte
    position &+= 1
    slot &+= 1
    if slot == capacity { slot = 0 }
  }

  /// LEB128: seven bits a byte, the lowest first.
  mutating func put(_ number: UInt64) {
    var rest = number
    while rest >= 0x80 {
      put(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest &>>= 7
    }
    put(UInt8(truncatingIfNeeded: rest))
  }

  private mutating func put(_ number: UInt64, bytes: UInt64) {
    for index in 0..<bytes { put(UInt8(truncatingIfNeeded: number &>> (index &* 8))) }
  }

  private mutating func dropOldest() {
    first &+= max(readRecordBytes(at: first), RecordHead.bytes)
    recording.header.pointee.history.records[tier].first.publish(first)
  }

  private func readRecordBytes(at position: UInt64) -> UInt64 {
    var bytes: UInt64 = 0
    for index in 0..<UInt64(4) {
      bytes |=
        UInt64(base[Int(truncatingIfNeeded: (position &+ index) % capacity)]) &<< (index &* 8)
    }
    return bytes
  }

  /// Lets readers see the record.
  func publish() {
    for index in 0..<UInt64(4) {
      base[Int(truncatingIfNeeded: (start &+ index) % capacity)] = UInt8(
        truncatingIfNeeded: count &>> (index &* 8))
    }
    recording.header.pointee.history.records[tier].end.publish(position)
  }
}

/// Reads a tier's records, the oldest first. The bytes may be anybody's: whatever they say, a reader stays
/// within the ring and comes to an end.
struct RecordReader {
  private let base: UnsafeMutablePointer<UInt8>
  private let capacity: UInt64
  /// The next byte, and the end of what may be read.
  private(set) var position: UInt64
  private(set) var limit: UInt64
  private var slot: UInt64 = 0

  /// From a position on, or from the oldest record on; nil when there is no such ring.
  init?(_ recording: Recording, _ tier: Int, from start: UInt64? = nil) {
    let header = recording.header
    let offset = header.pointee.history.records[tier].offset.value
    capacity = UInt64(header.pointee.history.records[tier].capacity.value)
    guard header.pointee.history.isReady.acquired != 0, capacity >= 64,
      UInt64(offset) &+ capacity <= UInt64(recording.byteCount)
    else { return nil }
    base = recording.at(offset)
    limit = header.pointee.history.records[tier].end.acquired
    let first = header.pointee.history.records[tier].first.acquired
    position = max(start ?? first, first)
    guard position <= limit, limit &- position <= capacity else { return nil }
    slot = position % capacity
  }

  private init(_ other: RecordReader, limit: UInt64) {
    self = other
    self.limit = limit
  }

  /// The next record's head, and a reader of its entries; then this one stands behind it.
  mutating func next() -> (head: RecordHead, entries: RecordReader)? {
    let start = position
    guard limit &- start >= RecordHead.bytes else { return nil }
    var head = RecordHead()
    head.bytes = fixed(4)
    head.run = UInt32(truncatingIfNeeded: fixed(4))
    head.startMonotonic = fixed(8)
    head.endMonotonic = fixed(8)
    head.endUnix = fixed(8)
    guard head.bytes >= RecordHead.bytes, head.bytes <= limit &- start else { return nil }
    let entries = RecordReader(self, limit: start &+ head.bytes)
    position = start &+ head.bytes
    slot = position % capacity
    return (head, entries)
  }

  var isAtEnd: Bool { position >= limit }

  mutating func byte() -> UInt8 {
    guard position < limit else { return 0 }
    let byte = base[Int(truncatingIfNeeded: slot)]
    position &+= 1
    slot &+= 1
    if slot == capacity { slot = 0 }
    return byte
  }

  mutating func number() -> UInt64 {
    var number: UInt64 = 0
    var shift: UInt64 = 0
    while shift < 64 {
      let byte = byte()
      number |= UInt64(byte & 0x7F) &<< shift
      if byte < 0x80 { break }
      shift &+= 7
    }
    return number
  }

  private mutating func fixed(_ bytes: UInt64) -> UInt64 {
    var number: UInt64 = 0
    for index in 0..<bytes { number |= UInt64(byte()) &<< (index &* 8) }
    return number
  }
}
