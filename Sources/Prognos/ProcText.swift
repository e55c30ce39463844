// SPDX-License-Identifier: Apache-2.0
import CShim

/// A small text file of the kernel's: of /proc, or of a control group. Whatever it holds, reading it ends.
struct ProcText {
  let bytes: ArraySlice<UInt8>

  init(_ bytes: ArraySlice<UInt8>) { self.bytes = bytes }

  /// Reads a file, up to `capacity` bytes; nil when that cannot be done.
  init?(path: [UInt8], capacity: Int = 4096) {
    let read = [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
      let got = (path + [0]).withUnsafeBufferPointer { path in
        buffer.withMemoryRebound(to: CChar.self) { text in
          path.withMemoryRebound(to: CChar.self) {
            shim_read_file(
              $0.baseAddress.unsafelyUnwrapped, text.baseAddress.unsafelyUnwrapped, text.count)
          }
        }
      }
      count = max(got, 0)
    }
    guard !read.isEmpty else { return nil }
    bytes = read[...]
  }

  init?(_ path: StaticString) { self.init(path: asciiBytes(path)) }

  /// The part behind the last `marker`; all of it without one.
  func after(last marker: UInt8) -> ProcText {
    bytes.lastIndex(of: marker).map { ProcText(bytes[($0 + 1)...]) } ?? self
  }

  /// The first line.
  var line: [UInt8] { Array(bytes.prefix { $0 != 0x0A }) }

  var lines: [ArraySlice<UInt8>] { bytes.split(separator: 0x0A) }

  /// The number at this position among the numbers of the text; 0 when there are fewer. Digits within a word
  /// ("avg10") count as numbers of their own.
  func number(_ position: Int) -> UInt64 {
    var found = -1
    var index = bytes.startIndex
    while index < bytes.endIndex {
      guard isDigit(bytes[index]) else {
        index += 1
        continue
      }
      found += 1
      let (value, end) = readNumber(from: index)
      if found == position { return value }
      index = end
    }
    return 0
  }

  /// The number behind the first occurrence of a word, and of blanks; nil without it.
  func number(after word: StaticString) -> UInt64? {
    let wanted = asciiBytes(word)
    var index = bytes.startIndex
    while index + wanted.count < bytes.endIndex {
      if bytes[index..<index + wanted.count].elementsEqual(wanted) {
        var start = index + wanted.count
        while start + 1 < bytes.endIndex, bytes[start] == 0x20 || bytes[start] == 0x09 {
          start += 1
        }
        return isDigit(bytes[start]) ? readNumber(from: start).value : nil
      }
      index += 1
    }
    return nil
  }

  private func readNumber(from start: Int) -> (value: UInt64, end: Int) {
    var (value, index) = (UInt64(0), start)
    while index < bytes.endIndex, isDigit(bytes[index]) {
      value = value &* 10 &+ UInt64(bytes[index] - 48)
      index += 1
    }
    return (value, index)
  }

  private func isDigit(_ byte: UInt8) -> Bool { (48...57).contains(byte) }
}

func asciiBytes(_ text: StaticString) -> [UInt8] {
  (0..<text.utf8CodeUnitCount).map { text.utf8Start[$0] }
}
