// SPDX-License-Identifier: Apache-2.0
import CShim

/// A path, or a short sentence, built in memory that somebody else gives: no allocation.
struct PathText {
  let start: UnsafeMutablePointer<CChar>
  private(set) var count = 0
  /// It did not fit, and was cut.
  private(set) var isCut = false

  static let capacity = 1024

  /// In `capacity` bytes.
  init(in start: UnsafeMutablePointer<CChar>) {
    self.start = start
    start[0] = 0
  }

  /// What a system call has put there.
  init(in start: UnsafeMutablePointer<CChar>, holding count: Int) {
    self.start = start
    self.count = count
  }

  /// Builds one on the stack, for the time of `body`.
  static func build<R>(_ body: (inout PathText) -> R) -> R {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: capacity) { room in
      var text = PathText(in: room.baseAddress.unsafelyUnwrapped)
      return body(&text)
    }
  }

  var chars: UnsafePointer<CChar> { UnsafePointer(start) }
  var last: CChar { count == 0 ? 0 : start[count &- 1] }

  mutating func put(byte: CChar) {
    guard count < Self.capacity - 1 else {
      isCut = true
      return
    }
    start[count] = byte
    count &+= 1
    start[count] = 0
  }

  mutating func put(_ text: StaticString) {
    for index in 0..<text.utf8CodeUnitCount { put(byte: CChar(bitPattern: text.utf8Start[index])) }
  }

  mutating func put(_ text: UnsafePointer<CChar>) {
    var at = text
    while at[0] != 0 {
      put(byte: at[0])
      at += 1
    }
  }

  mutating func put(_ number: UInt64) {
    var divisor: UInt64 = 1
    while number / divisor >= 10 { divisor &*= 10 }
    while divisor > 0 {
      put(byte: 48 &+ CChar(truncatingIfNeeded: number / divisor % 10))
      divisor /= 10
    }
  }

  /// What a system's error number means.
  mutating func put(error: Int32) { put(shim_errno_text(error)) }

  mutating func cut(to count: Int) {
    guard count >= 0, count <= self.count else { return }
    self.count = count
    start[count] = 0
  }

  /// Where the last component begins.
  var nameStart: Int {
    var at = count
    while at > 0, start[at &- 1] != 47 { at &-= 1 }
    return at
  }

  func ends(with text: StaticString) -> Bool {
    let length = text.utf8CodeUnitCount
    guard count >= length else { return false }
    for index in 0..<length
    where UInt8(bitPattern: start[count &- length &+ index]) != text.utf8Start[index] {
      return false
    }
    return true
  }
}
