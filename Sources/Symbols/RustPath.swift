// SPDX-License-Identifier: Apache-2.0

/// The path in a legacy mangled name of Rust, without the hash at its end; nil if it is no such name.
///
/// `_ZN4core3fmt5write17h0123456789abcdefE` is `core::fmt::write`: identifiers with their lengths, in
/// which `$LT$` and the like, and `..` for `::`, stand for what an assembler would not take (rustc,
/// compiler/rustc_symbol_mangling/src/legacy.rs). `__cxa_demangle` would leave those as they are.
func rustPath(_ name: [UInt8]) -> [UInt8]? {
  var name = name[...]
  // What LLVM appends, as in ".llvm.123", follows the "E".
  if name.last != 0x45,
    let dot = name.indices.dropLast().last(where: { name[$0] == 0x45 && name[$0 &+ 1] == 0x2E })
  {
    name = name[...dot]
  }
  guard name.starts(with: [UInt8]("_ZN")), name.last == 0x45 else { return nil }
  var rest = name.dropFirst(3).dropLast()
  var parts: [ArraySlice<UInt8>] = []
  while !rest.isEmpty {
    var length = 0
    while let digit = rest.first, (0x30...0x39).contains(digit), length < 1 << 16 {
      length = length &* 10 &+ Int(digit &- 0x30)
      rest.removeFirst()
    }
    guard length > 0, length <= rest.count else { return nil }
    parts.append(rest.prefix(length))
    rest.removeFirst(length)
  }
  guard parts.count > 1, let hash = parts.popLast(), hash.count == 17, hash.first == 0x68,
    hash.dropFirst().allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) })
  else { return nil }
  var path: [UInt8] = []
  for part in parts {
    if !path.isEmpty { path.append(contentsOf: [0x3A, 0x3A]) }
    append(part, to: &path)
  }
  return path
}

/// Appends an identifier, with its escapes replaced.
private func append(_ part: ArraySlice<UInt8>, to path: inout [UInt8]) {
  var rest = part
  // An escape may not come first: an underscore stands before it.
  if rest.starts(with: [UInt8]("_$")) { rest.removeFirst() }
  while let byte = rest.first {
    rest.removeFirst()
    if byte == 0x2E, rest.first == 0x2E {
      rest.removeFirst()
      path.append(contentsOf: [0x3A, 0x3A])
    } else if byte == 0x24, let end = rest.firstIndex(of: 0x24),
      let character = escaped(rest[..<end])
    {
      path.append(character)
      rest = rest[(end &+ 1)...]
    } else {
      path.append(byte)
    }
  }
}

/// The character that an escape's name stands for.
private func escaped(_ name: ArraySlice<UInt8>) -> UInt8? {
  guard let first = name.first, let last = name.last, (1...3).contains(name.count) else {
    return nil
  }
  switch (first, last, name.count) {
  case (0x53, 0x50, 2): return 0x40  // SP @
  case (0x42, 0x50, 2): return 0x2A  // BP *
  case (0x52, 0x46, 2): return 0x26  // RF &
  case (0x4C, 0x54, 2): return 0x3C  // LT <
  case (0x47, 0x54, 2): return 0x3E  // GT >
  case (0x4C, 0x50, 2): return 0x28  // LP (
  case (0x52, 0x50, 2): return 0x29  // RP )
  case (0x43, 0x43, 1): return 0x2C  // C ,
  case (0x75, _, 3):  // u20: a character by its number
    guard let high = hex(name[name.startIndex &+ 1]), let low = hex(last) else { return nil }
    let value = high &* 16 &+ low
    return (0x20...0x7E).contains(value) ? value : nil
  default: return nil
  }
}

/// The value of a hexadecimal digit.
func hex(_ digit: UInt8) -> UInt8? {
  switch digit {
  case 0x30...0x39: digit &- 0x30
  case 0x41...0x46: digit &- 0x37
  case 0x61...0x66: digit &- 0x57
  default: nil
  }
}
