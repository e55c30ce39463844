// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Capture
import Recording
import Synchronization

/// Builds a sentence without malloc. A thread's last error is built in its lane: it names the bad value
/// and what is accepted.
struct ErrorText: ~Copyable {
  private let start: UnsafeMutablePointer<UInt8>
  private var count = 0
  private var isCut = false

  private init(start: UnsafeMutablePointer<UInt8>) { self.start = start }

  /// Builds a sentence in `Lane.errorTextBytes` of memory, with a NUL at its end.
  static func compose(
    in start: UnsafeMutablePointer<UInt8>, _ compose: (inout ErrorText) -> Void
  ) {
    var text = ErrorText(start: start)
    compose(&text)
    if text.isCut { text.endOnCharacter() }
    text.start[text.count] = 0
  }

  /// Sets the calling thread's last error. A thread that cannot get a lane keeps none.
  static func set(_ compose: (inout ErrorText) -> Void) {
    withErrorTextOfThisThread { Self.compose(in: $0, compose) }
  }

  mutating func put(_ text: StaticString) {
    for index in 0..<text.utf8CodeUnitCount { put(text.utf8Start[index]) }
  }

  mutating func put(_ text: UnsafePointer<CChar>) {
    var at = text
    while at.pointee != 0 {
      put(UInt8(bitPattern: at.pointee))
      at += 1
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

  /// With three digits after the point.
  mutating func put(_ number: Double) {
    guard number.isFinite else { return put(number.isNaN ? "NaN" : "infinite") }
    if number < 0 { put("-") }
    let thousandths = UInt64((min(abs(number), 1e12) * 1000).rounded())
    put(thousandths / 1000)
    put(".")
    put(thousandths % 1000 / 100)
    put(thousandths % 100 / 10)
    put(thousandths % 10)
  }

  /// Takes away what is left of a UTF-8 sequence that was cut.
  private mutating func endOnCharacter() {
    var first = count
    while first > 0, start[first - 1] & 0xC0 == 0x80 { first -= 1 }
    guard first > 0, start[first - 1] >= 0xC0 else { return }
    let lead = start[first - 1]
    let length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4
    if count - (first - 1) < length { count = first - 1 }
  }

  private mutating func put(_ byte: UInt8) {
    guard count < Int(Lane.errorTextBytes) - 1 else {
      isCut = true
      return
    }
    start[count] = byte
    count += 1
  }
}

/// Bad arguments from before the recording was made.
let earlyBadArguments = Atomic<UInt64>(0)

/// Sets the last error and returns PROGNOS_INVALID_ARGUMENT.
func invalidArgument(_ compose: (inout ErrorText) -> Void) -> prognos_status {
  if let recording = existingRecording() {
    recording.header.pointee.badArguments.addShared(1)
  } else {
    earlyBadArguments.wrappingAdd(1, ordering: .relaxed)
  }
  ErrorText.set(compose)
  return PROGNOS_INVALID_ARGUMENT
}
