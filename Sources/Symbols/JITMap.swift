// SPDX-License-Identifier: Apache-2.0

/// The functions that a JIT compiler wrote into /tmp/perf-PID.map, for perf and for us: lines "START SIZE
/// name" in hexadecimal (Linux, tools/perf/Documentation/jit-interface.txt).
struct JITMap {
  /// Of a larger file, the end is read: what was compiled last.
  static let mostBytes: UInt64 = 64 << 20

  private let bytes: [UInt8]

  /// Reads the map; nil when there is none. In /tmp anyone may put a file or a link under that name:
  /// only a regular file of the process's own user is taken.
  init?(path: [UInt8], mostBytes: UInt64 = mostBytes) {
    guard let file = ByteSource(path: path, followLink: false), file.isOurs else { return nil }
    let start = file.count > mostBytes ? file.count &- mostBytes : 0
    guard let bytes = file.read(at: start, count: file.count &- start) else { return nil }
    // What is left of the line in which the end begins is no line.
    let whole = start > 0 ? bytes.firstIndex(of: 0x0A) ?? bytes.count : 0
    self.bytes = whole > 0 ? Array(bytes[whole...]) : bytes
  }

  /// The name at each of the addresses, and where its function starts. Memory is used again, so a later
  /// line counts more than an earlier one: from the last line on, each address is found once, O(lines x
  /// log addresses).
  func functions(at addresses: AddressList) -> [(name: ArraySlice<UInt8>, start: UInt64)?] {
    let count = addresses.sorted.count
    var found = [(name: ArraySlice<UInt8>, start: UInt64)?](repeating: nil, count: count)
    // From each index, a step towards the next that was not found yet.
    var next = Array(0...count)
    func open(from index: Int) -> Int {
      var at = index
      while next[at] != at {
        next[at] = next[next[at]]
        at = next[at]
      }
      return at
    }
    var (end, left) = (bytes.count, count)
    while end > 0, left > 0 {
      let start = bytes[..<end].lastIndex(of: 0x0A).map { $0 &+ 1 } ?? 0
      defer { end = start &- 1 }
      guard let (first, size, name) = parsed(bytes[start..<end]) else { continue }
      var at = open(from: addresses.firstIndex(notBelow: first))
      while at < count, addresses.sorted[at] &- first < size {
        found[at] = (name, first)
        left &-= 1
        next[at] = at &+ 1
        at = open(from: at)
      }
    }
    return found
  }

  private func parsed(_ line: ArraySlice<UInt8>) -> (UInt64, UInt64, ArraySlice<UInt8>)? {
    var rest = line
    guard let start = number(&rest), let size = number(&rest) else { return nil }
    while rest.last == 0x0D || rest.last == 0x20 { rest.removeLast() }
    return size == 0 || rest.isEmpty ? nil : (start, size, rest)
  }

  /// Takes a hexadecimal number, with or without "0x", and the space behind it.
  private func number(_ rest: inout ArraySlice<UInt8>) -> UInt64? {
    if rest.starts(with: [0x30, 0x78]) { rest.removeFirst(2) }
    var (value, digits) = (UInt64(0), 0)
    while let digit = rest.first.flatMap(hex) {
      value = value << 4 | UInt64(digit)
      digits &+= 1
      rest.removeFirst()
    }
    guard (1...16).contains(digits), rest.first == 0x20 else { return nil }
    rest.removeFirst()
    return value
  }
}
