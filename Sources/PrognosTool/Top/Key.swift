// SPDX-License-Identifier: Apache-2.0

/// A key, as far as a view looks at it.
enum Key: Equatable {
  case character(Character)
  case up, down, left, right, pageUp, pageDown, home, end
  case enter, escape, backspace, interrupt, suspend, redraw
}

/// Makes keys of what a terminal sends.
struct KeyDecoder {
  private var pending: [UInt8] = []

  /// Whether a sequence has begun of which more may come: then the escape key was pressed, or its rest is
  /// still under way.
  var isWaiting: Bool { !pending.isEmpty }

  mutating func add(_ bytes: [UInt8]) -> [Key] {
    pending += bytes
    var keys: [Key] = []
    while let (key, length) = next() {
      pending.removeFirst(length)
      if let key { keys.append(key) }
    }
    return keys
  }

  /// Nothing more came for a while.
  mutating func flush() -> [Key] {
    let isEscape = pending.first == 0x1B
    pending = []
    return isEscape ? [.escape] : []
  }

  /// The first key that is whole, and its bytes; no key for what means nothing here.
  private func next() -> (key: Key?, length: Int)? {
    guard let first = pending.first else { return nil }
    switch first {
    case 0x1B: return sequence()
    case 0x03: return (.interrupt, 1)
    case 0x0C: return (.redraw, 1)
    case 0x1A: return (.suspend, 1)
    case 0x0D, 0x0A: return (.enter, 1)
    case 0x7F, 0x08: return (.backspace, 1)
    case 0..<0x20: return (nil, 1)
    case 0x20..<0x7F: return (.character(Character(UnicodeScalar(first))), 1)
    default: return utf8(first)
    }
  }

  private func utf8(_ first: UInt8) -> (key: Key?, length: Int)? {
    guard first >= 0xC2, first < 0xF5 else { return (nil, 1) }
    let length = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4
    guard pending.count >= length else { return nil }
    let text = String(decoding: pending[0..<length], as: UTF8.self)
    return (text.count == 1 ? text.first.map { .character($0) } : nil, length)
  }

  /// "ESC [" or "ESC O", parameters, and a letter or "~" (ECMA-48, xterm's control sequences).
  private func sequence() -> (key: Key?, length: Int)? {
    guard pending.count > 1 else { return nil }
    guard pending[1] == 0x5B || pending[1] == 0x4F else { return (.escape, 1) }
    var end = 2
    while end < pending.count, pending[end] < 0x40 { end += 1 }
    guard end < pending.count else { return pending.count > 16 ? (nil, pending.count) : nil }
    return (named(pending[2..<end], pending[end]), end + 1)
  }

  private func named(_ parameters: ArraySlice<UInt8>, _ last: UInt8) -> Key? {
    switch last {
    case 0x41: .up
    case 0x42: .down
    case 0x43: .right
    case 0x44: .left
    case 0x48: .home
    case 0x46: .end
    case 0x7E:
      switch Int(String(decoding: parameters.prefix { $0 != 0x3B }, as: UTF8.self)) {
      case 1, 7: .home
      case 4, 8: .end
      case 5: .pageUp
      case 6: .pageDown
      default: nil
      }
    default: nil
    }
  }
}
