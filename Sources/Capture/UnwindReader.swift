// SPDX-License-Identifier: Apache-2.0

/// Reads unwind information byte by byte, and never beyond its end: what does not fit makes `failed` true
/// and reads as 0, so that hostile bytes end in "no information".
struct UnwindReader {
  private(set) var at: UInt64
  private(set) var end: UInt64
  private(set) var failed = false

  /// `start` <= `end`, all readable between.
  @inline(__always) init(_ start: UInt64, to end: UInt64) {
    at = start
    self.end = end
  }

  @inline(__always) var isAtEnd: Bool { at >= end || failed }

  @inline(__always) mutating func take(_ bytes: UInt64) -> UInt64? {
    guard !failed, bytes <= end &- at else {
      failed = true
      return nil
    }
    let start = at
    at = at &+ bytes
    return start
  }

  @inline(__always) mutating func skip(_ bytes: UInt64) { _ = take(bytes) }

  /// Ends the reading `bytes` from here, if it would end later.
  mutating func limit(_ bytes: UInt64) {
    if bytes > end &- at { failed = true } else { end = at &+ bytes }
  }

  @inline(__always) mutating func u8() -> UInt8 {
    guard let start = take(1) else { return 0 }
    return byte(at: start)
  }
  @inline(__always) mutating func u16() -> UInt16 { UInt16(truncatingIfNeeded: little(2)) }
  @inline(__always) mutating func u32() -> UInt32 { UInt32(truncatingIfNeeded: little(4)) }
  @inline(__always) mutating func u64() -> UInt64 { little(8) }

  /// Both processors are little-endian.
  private mutating func little(_ bytes: UInt64) -> UInt64 {
    guard let start = take(bytes) else { return 0 }
    if bytes == 8 { return word(at: start) }
    var value: UInt64 = 0
    var index: UInt64 = 0
    while index < bytes {
      value |= UInt64(byte(at: start &+ index)) &<< (index &* 8)
      index &+= 1
    }
    return value
  }

  mutating func uleb() -> UInt64 {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while true {
      let next = u8()
      if shift < 64 { value |= UInt64(next & 0x7F) &<< shift }
      if next & 0x80 == 0 { return value }
      shift &+= 7
      // A number of more than 64 bits: nobody writes such.
      if shift > 70 { failed = true }
      if failed { return 0 }
    }
  }

  mutating func sleb() -> Int64 {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while true {
      let next = u8()
      if shift < 64 { value |= UInt64(next & 0x7F) &<< shift }
      shift &+= 7
      if next & 0x80 == 0 {
        if shift < 64 && next & 0x40 != 0 { value |= .max &<< shift }
        return Int64(bitPattern: value)
      }
      if shift > 70 { failed = true }
      if failed { return 0 }
    }
  }

  /// A pointer in one of the encodings of the Linux Standard Base ("DWARF Exception Header Encoding").
  /// Not `indirect`: those stand only where nobody looks.
  mutating func pointer(_ encoding: UInt8, data: UInt64, function: UInt64) -> UInt64 {
    if encoding == Encoding.omit { return 0 }
    let here = at
    var value: UInt64
    switch encoding & 0x0F {
    case 0x00, 0x04, 0x0C: value = u64()
    case 0x01: value = uleb()
    case 0x02: value = UInt64(u16())
    case 0x03: value = UInt64(u32())
    case 0x09: value = UInt64(bitPattern: sleb())
    case 0x0A: value = UInt64(bitPattern: Int64(Int16(bitPattern: u16())))
    case 0x0B: value = UInt64(bitPattern: Int64(Int32(bitPattern: u32())))
    default:
      failed = true
      return 0
    }
    switch encoding & 0x70 {
    case 0x00: break
    case 0x10: value = value &+ here
    case 0x30: value = value &+ data
    case 0x40: value = value &+ function
    default: failed = true
    }
    return value
  }

  enum Encoding {
    static let omit: UInt8 = 0xFF
  }
}
