// SPDX-License-Identifier: Apache-2.0

/// Bytes of a rendered profile.
public struct Output {
  public private(set) var bytes: [UInt8] = []

  public init() {}

  mutating func put(_ byte: UInt8) { bytes.append(byte) }

  mutating func put(_ text: StaticString) {
    put(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  mutating func put(_ text: UnsafeBufferPointer<UInt8>) { bytes.append(contentsOf: text) }

  mutating func put(_ text: [UInt8]) { bytes.append(contentsOf: text) }

  mutating func put(_ number: UInt64) {
    var divisor: UInt64 = 1
    while number / divisor >= 10 { divisor *= 10 }
    while divisor > 0 {
      put(UInt8(truncatingIfNeeded: 48 + number / divisor % 10))
      divisor /= 10
    }
  }

  mutating func put(_ number: Int64) {
    if number < 0 { put("-") }
    put(number.magnitude)
  }

  /// A number with this many digits after the point, rounded.
  mutating func put(_ number: Double, digits: Int) {
    guard number.isFinite else { return put("0") }
    var scale = 1.0
    for _ in 0..<digits { scale *= 10 }
    let scaled = (abs(number) * scale).rounded()
    if number < 0 && scaled > 0 { put("-") }
    guard scaled < 1e18 else { return put(UInt64(min(abs(number), 9e18))) }
    let whole = UInt64(scaled)
    put(whole / UInt64(scale))
    if digits == 0 { return }
    put(".")
    var divisor = UInt64(scale) / 10
    while divisor > 0 {
      put(UInt8(truncatingIfNeeded: 48 + whole / divisor % 10))
      divisor /= 10
    }
  }

  /// A number with as many digits as it takes to read back the same value.
  mutating func put(shortest number: Double) {
    guard number.isFinite else { return put("0") }
    bytes.append(contentsOf: number.description.utf8)
  }

  /// Ends a line, without the spaces at its end.
  mutating func endLine() {
    while bytes.last == 0x20 { bytes.removeLast() }
    put(UInt8(0x0A))
  }

  mutating func put(_ count: Int, times byte: UInt8) {
    if count > 0 { bytes.append(contentsOf: repeatElement(byte, count: count)) }
  }
}

/// The bytes of a NUL-terminated text.
public func bytes(of text: UnsafePointer<CChar>?) -> [UInt8] {
  guard let text else { return [] }
  var bytes: [UInt8] = []
  var at = text
  while at.pointee != 0 {
    bytes.append(UInt8(bitPattern: at.pointee))
    at += 1
  }
  return bytes
}
