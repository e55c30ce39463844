// SPDX-License-Identifier: Apache-2.0

/// Builds a sentence into an array of bytes of a C struct, without memory of its own. Always NUL-terminated, cut on
/// a character's boundary.
public struct Sentence {
  private let start: UnsafeMutablePointer<UInt8>
  private let capacity: Int
  private(set) var count = 0

  init(_ buffer: UnsafeMutableRawBufferPointer) {
    start = buffer.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: UInt8.self)
    capacity = buffer.count
    start.update(repeating: 0, count: capacity)
  }

  /// Composes a text in a member of a struct of the ABI, such as `reason`.
  public static func compose<Array>(
    in array: inout Array, _ compose: (inout Sentence) -> Void
  ) {
    withUnsafeMutableBytes(of: &array) { buffer in
      var sentence = Sentence(buffer)
      compose(&sentence)
    }
  }

  mutating func put(_ byte: UInt8) {
    guard count < capacity - 1 else { return }
    start[count] = byte
    count += 1
  }

  mutating func put(_ text: StaticString) {
    for index in 0..<text.utf8CodeUnitCount { put(text.utf8Start[index]) }
  }

  /// "12.5/s (11 to 14".
  @inline(never)
  mutating func put(_ value: Double, _ between: StaticString, _ low: Double, _ high: Double) {
    put(value)
    put(between)
    put(low)
    put(" to ")
    put(high)
  }

  /// UTF-8 up to a NUL.
  mutating func put(_ text: UnsafePointer<CChar>) {
    var at = text
    while at.pointee != 0 {
      // A character that does not fit is left out whole.
      let lead = UInt8(bitPattern: at.pointee)
      let length = lead < 0xC0 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4
      guard count + length < capacity else { return }
      for _ in 0..<length where at.pointee != 0 {
        put(UInt8(bitPattern: at.pointee))
        at += 1
      }
    }
  }

  mutating func put(_ number: UInt64) {
    var divisor: UInt64 = 1
    while number / divisor >= 10 { divisor *= 10 }
    while divisor > 0 {
      put(48 + UInt8(truncatingIfNeeded: number / divisor % 10))
      divisor /= 10
    }
  }

  /// Three significant digits below 1,000; whole numbers above.
  mutating func put(_ number: Double) {
    guard number.isFinite else {
      return put(number.isNaN ? "no number" : number < 0 ? "minus infinity" : "infinity")
    }
    if number < 0 { put("-" as StaticString) }
    let size = min(abs(number), 1e18)
    if size >= 99.95 || size == 0 { return put(UInt64(size.rounded())) }
    var scale = 1.0
    var digits = 0
    while size * scale < 99.95 && digits < 6 {
      scale *= 10
      digits += 1
    }
    let units = UInt64((size * scale).rounded())
    let whole = UInt64(scale)
    put(units / whole)
    var rest = units % whole
    guard rest > 0 else { return }
    put(".")
    var place = whole / 10
    while place > 0 && rest > 0 {
      put(48 + UInt8(truncatingIfNeeded: rest / place))
      rest %= place
      place /= 10
    }
  }

  /// "12.3 MiB".
  mutating func put(bytes: Double) {
    let units: [5 of StaticString] = [" B", " KiB", " MiB", " GiB", " TiB"]
    var (size, unit) = (bytes, 0)
    while abs(size) >= 1023.5 && unit < 4 {
      size /= 1024
      unit += 1
    }
    put(size)
    put(units[unit])
  }

  /// "3.2 minutes".
  mutating func put(seconds: Double) {
    if seconds < 1 {
      put(seconds * 1000)
      put(" ms")
    } else if seconds < 119.5 {
      put(seconds)
      put(" s")
    } else if seconds < 2 * 3600 {
      put(seconds / 60)
      put(" minutes")
    } else if seconds < 48 * 3600 {
      put(seconds / 3600)
      put(" hours")
    } else {
      put(seconds / 86400)
      put(" days")
    }
  }

  /// "12 %".
  mutating func put(percentOf ratio: Double) {
    put(ratio * 100)
    put(" %")
  }
}
