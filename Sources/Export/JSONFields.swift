// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Recording

/// Structs of the ABI in JSON: their fields under their names.
extension Report {
  /// An object of what a struct holds.
  func putObject<Struct: BitwiseCopyable>(
    _ value: Struct, _ shape: StaticString, _ json: inout JSONWriter
  ) {
    json.object { put(value, shape, &$0) }
  }

  /// The object under a key; null for nil.
  func putObject<Struct: BitwiseCopyable>(
    _ name: StaticString, _ value: Struct?, _ shape: StaticString, _ json: inout JSONWriter
  ) {
    json.key(name)
    if let value { putObject(value, shape, &json) } else { json.null() }
  }

  /// An array of objects under a key.
  func putObjects<Struct: BitwiseCopyable>(
    _ name: StaticString, _ values: [Struct], _ shape: StaticString, _ json: inout JSONWriter
  ) {
    json.key(name)
    json.array { json in for value in values { putObject(value, shape, &json) } }
  }

  /// The fields of a struct in the object that is open.
  /// - Parameter inWindow: only what a window of the past tells.
  func put<Struct: BitwiseCopyable>(
    _ value: Struct, _ shape: StaticString, inWindow: Bool = false, _ json: inout JSONWriter
  ) {
    withUnsafeBytes(of: value) { put($0, shape, inWindow, &json) }
  }

  @inline(never)
  private func put(
    _ bytes: UnsafeRawBufferPointer, _ shape: StaticString, _ inWindow: Bool,
    _ json: inout JSONWriter
  ) {
    forEachField(shape) { field in
      let end = field.offset &+ field.byteCount
      guard end <= bytes.count, field.isInWindows || !inWindow else { return }
      let word =
        field.byteCount == 4 ? bytes.load(fromByteOffset: field.offset, as: UInt32.self) : 0
      switch field.mark {
      case 0x5F: return  // _
      case 0x40 where field.name.isEmpty: return putOperation(word, &json)  // @
      default: json.key(field.name)
      }
      switch field.mark {
      case 0x40: isKnown(word) ? json.string(name(of: word)) : json.null()  // @
      case 0x27: json.string(words(in: bytes[field.offset..<end]))  // '
      case 0x3A: json.integer(UInt64(word))  // :
      case 0x2B: json.signed(Int64(Int32(bitPattern: word)))  // +
      case 0x3F: json.bool(word != 0)  // ?
      case 0x2D: json.signed(bytes.load(fromByteOffset: field.offset, as: Int64.self))  // -
      case 0x7E where field.count > 1:  // ~
        json.array { json in
          for index in 0..<field.count {
            json.real(bytes.load(fromByteOffset: field.offset &+ 8 &* index, as: Double.self))
          }
        }
      case 0x7E: json.real(bytes.load(fromByteOffset: field.offset, as: Double.self))  // ~
      default: json.integer(bytes.load(fromByteOffset: field.offset, as: UInt64.self))
      }
    }
  }

  /// The operation that an answer is about: null for the process.
  func putOperation(_ operation: UInt32, _ json: inout JSONWriter) {
    json.key("operation")
    if isKnown(operation) { json.integer(UInt64(operation)) } else { json.null() }
    putOperation(operation, as: "name", &json)
  }

  /// Its name alone.
  func putOperation(_ operation: UInt32, as key: StaticString, _ json: inout JSONWriter) {
    json.key(key)
    if isKnown(operation) { json.string(name(of: operation)) } else { json.null() }
  }

  func isKnown(_ operation: UInt32) -> Bool {
    operation > 0 && operation <= profile.recording.operationCount
  }
}

extension JSONWriter {
  /// null for what is none.
  mutating func number(_ name: StaticString, _ value: Double) {
    key(name)
    real(value)
  }

  /// An element of an array, or the value of a key.
  mutating func real(_ value: Double) {
    guard value.isFinite else { return null() }
    literal("")
    output.put(shortest: value)
  }
}
