// SPDX-License-Identifier: Apache-2.0

/// The name as valid UTF-8 without control characters, at most 255 bytes, cut between characters. Each
/// byte that does not fit becomes "?".
func cleaned(_ name: [UInt8]) -> [UInt8] {
  var (clean, at) = ([UInt8](), 0)
  while at < name.count {
    let length = lengthOfCharacter(name, at)
    if clean.count &+ max(length, 1) > 255 { break }
    if length == 0 {
      clean.append(0x3F)
      at &+= 1
    } else {
      clean.append(contentsOf: name[at..<at &+ length])
      at &+= length
    }
  }
  return clean
}

/// The bytes of the character that begins here; 0 for a control character and for what is no UTF-8 (The
/// Unicode Standard, table 3-7).
private func lengthOfCharacter(_ name: [UInt8], _ at: Int) -> Int {
  let second: ClosedRange<UInt8>
  let length: Int
  switch name[at] {
  case 0x20...0x7E: return 1
  case 0xC2: (second, length) = (0xA0...0xBF, 2)  // below are the control characters to U+009F
  case 0xC3...0xDF: (second, length) = (0x80...0xBF, 2)
  case 0xE0: (second, length) = (0xA0...0xBF, 3)
  case 0xED: (second, length) = (0x80...0x9F, 3)
  case 0xE1...0xEF: (second, length) = (0x80...0xBF, 3)
  case 0xF0: (second, length) = (0x90...0xBF, 4)
  case 0xF1...0xF3: (second, length) = (0x80...0xBF, 4)
  case 0xF4: (second, length) = (0x80...0x8F, 4)
  default: return 0
  }
  guard length <= name.count &- at, second.contains(name[at &+ 1]) else { return 0 }
  return name[(at &+ 2)..<(at &+ length)].allSatisfy { (0x80...0xBF).contains($0) } ? length : 0
}
