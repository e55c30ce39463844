// SPDX-License-Identifier: Apache-2.0

/// A name as it is kept: valid UTF-8 of at most 255 bytes, with its hash.
public struct CleanText: ~Copyable {
  public static let capacity = 255
  public private(set) var bytes = InlineArray<256, UInt8>(repeating: 0)
  public private(set) var count = 0
  /// The given text was not valid UTF-8, or was cut.
  public private(set) var wasRepaired = false
  /// FNV-1a, 64 bits.
  public private(set) var hash: UInt64 = 0xcbf2_9ce4_8422_2325

  /// Takes a NUL-terminated text. Each ill-formed sequence becomes one U+FFFD, by the practice of
  /// substituting maximal subparts (The Unicode Standard, section 3.9).
  public init(_ text: UnsafePointer<CChar>) {
    var at = 0
    func byte(_ index: Int) -> UInt8 { UInt8(bitPattern: text[index]) }
    while byte(at) != 0 {
      let lead = byte(at)
      var length = 1
      var valid = lead < 0x80
      // The allowed range of the second byte excludes surrogates, over-long and too large values.
      let second: ClosedRange<UInt8>
      let trailing: Int
      switch lead {
      case 0xC2...0xDF: (second, trailing) = (0x80...0xBF, 1)
      case 0xE0: (second, trailing) = (0xA0...0xBF, 2)
      case 0xED: (second, trailing) = (0x80...0x9F, 2)
      case 0xE1...0xEF: (second, trailing) = (0x80...0xBF, 2)
      case 0xF0: (second, trailing) = (0x90...0xBF, 3)
      case 0xF1...0xF3: (second, trailing) = (0x80...0xBF, 3)
      case 0xF4: (second, trailing) = (0x80...0x8F, 3)
      default: (second, trailing) = (0...0, 0)
      }
      if trailing > 0, second.contains(byte(at + 1)) {
        length = 2
        while length <= trailing, (0x80...0xBF).contains(byte(at + length)) { length += 1 }
        valid = length == trailing + 1
      }
      let room = Self.capacity - count
      if (valid ? length : 3) > room {
        wasRepaired = true
        break
      }
      if valid {
        for index in at..<at + length { append(byte(index)) }
      } else {
        wasRepaired = true
        append(0xEF)
        append(0xBF)
        append(0xBD)
      }
      at += length
    }
  }

  private mutating func append(_ byte: UInt8) {
    bytes[count] = byte
    count += 1
    hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3
  }
}

extension Recording {
  /// Keeps a copy in the names zone, without a lock; nil when it is full.
  func keep(_ text: borrowing CleanText) -> UInt32? {
    let header = header
    let needed = UInt32(truncatingIfNeeded: text.count) &+ 1
    let room = header.pointee.namesEnd.value &- header.pointee.namesOffset.value
    while true {
      let used = header.pointee.namesUsed.value
      if needed > room &- used { return nil }
      guard header.pointee.namesUsed.exchange(used, for: used &+ needed) else { continue }
      let copy = (base + Int(header.pointee.namesOffset.value &+ used))
        .assumingMemoryBound(to: UInt8.self)
      for index in 0..<text.count { copy[index] = text.bytes[index] }
      copy[text.count] = 0
      return used
    }
  }

  func holds(_ name: UInt32, _ nameBytes: UInt32, _ text: borrowing CleanText) -> Bool {
    Int(nameBytes) == text.count && isText(name, text)
  }

  /// Whether a name is this text; 0 is the empty one.
  func isText(_ name: UInt32, _ text: borrowing CleanText) -> Bool {
    if name == 0 { return text.count == 0 }
    let kept = self.text(name)
    for index in 0..<text.count where UInt8(bitPattern: kept[index]) != text.bytes[index] {
      return false
    }
    return kept[text.count] == 0
  }
}
