// SPDX-License-Identifier: Apache-2.0
import CShim

/// A file, or bytes in memory, read piece by piece.
///
/// Read, not mapped: a mapped file that another program cuts short kills the reader with SIGBUS.
final class ByteSource {
  /// The most bytes that one read takes.
  static let mostBytes: UInt64 = 512 << 20

  private let file: Int32
  private let memory: [UInt8]
  let count: UInt64
  /// The file belongs to the user that the process runs as.
  let isOurs: Bool

  /// Opens a regular file; nil when there is none that may be read.
  init?(path: [UInt8], followLink: Bool = true) {
    guard !path.isEmpty, !path.contains(0) else { return nil }
    var (size, ours): (UInt64, Bool) = (0, false)
    file = withCString(path) { shim_open_regular($0, followLink, &size, &ours) }
    memory = []
    count = size
    isOurs = ours
    if file < 0 { return nil }
  }

  init(memory: [UInt8]) {
    file = -1
    self.memory = memory
    count = UInt64(memory.count)
    isOurs = true
  }

  deinit { if file >= 0 { shim_close(file) } }

  /// These bytes; nil when not all of them are there, or are too many. One system call.
  func read(at offset: UInt64, count wanted: UInt64) -> [UInt8]? {
    guard wanted <= Self.mostBytes, offset <= count, wanted <= count &- offset else { return nil }
    let bytes = Int(truncatingIfNeeded: wanted)
    let start = Int(truncatingIfNeeded: offset)
    if file < 0 { return Array(memory[start..<start &+ bytes]) }
    if bytes == 0 { return [] }
    return Self.buffer(bytes) { shim_read_at(file, $0, bytes, offset) }
  }

  /// So many bytes, more than none, as `fill` leaves them; nil when it returns false or memory is short.
  static func buffer(_ bytes: Int, fill: (UnsafeMutablePointer<UInt8>) -> Bool) -> [UInt8]? {
    // Swift ends the process when it gets no memory: better to know before.
    guard bytes < 1 << 16 || shim_has_memory(bytes) else { return nil }
    let content = [UInt8](unsafeUninitializedCapacity: bytes) { buffer, filled in
      if let start = buffer.baseAddress, fill(start) { filled = bytes }
    }
    return content.isEmpty ? nil : content
  }

  /// These bytes, or as many of them as there are before the end.
  func read(at offset: UInt64, upTo most: UInt64) -> [UInt8]? {
    offset < count ? read(at: offset, count: min(most, count &- offset)) : nil
  }
}

/// Calls `body` with the bytes as a text of C. The bytes hold no NUL.
func withCString<R>(_ bytes: [UInt8], _ body: (UnsafePointer<CChar>) -> R) -> R {
  (bytes + [0]).withUnsafeBufferPointer { buffer in
    buffer.withMemoryRebound(to: CChar.self) { body($0.baseAddress.unsafelyUnwrapped) }
  }
}

extension [UInt8] {
  init(_ text: StaticString) {
    self.init(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  func starts(with text: StaticString) -> Bool { starts(with: [UInt8](text)) }

  /// The little-endian number at a position; nil when it does not lie within.
  func number<T: FixedWidthInteger & BitwiseCopyable>(at position: Int, as: T.Type) -> T? {
    guard position >= 0, position <= count &- MemoryLayout<T>.size else { return nil }
    return withUnsafeBytes {
      T(littleEndian: $0.loadUnaligned(fromByteOffset: position, as: T.self))
    }
  }

  /// The bytes from a position up to the next NUL, which must be there.
  func text(at position: Int) -> [UInt8]? {
    guard position >= 0, position < count else { return nil }
    guard let end = self[position...].firstIndex(of: 0) else { return nil }
    return Array(self[position..<end])
  }
}
