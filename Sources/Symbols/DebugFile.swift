// SPDX-License-Identifier: Apache-2.0

/// Finds the file into which the symbols of a stripped one were put (GDB's manual, "Debugging
/// Information in Separate Files").
struct DebugFiles {
  /// Where systems keep them; no slash at the end.
  var directory = [UInt8]("/usr/lib/debug")

  private static let mostChecked: UInt64 = 1 << 30

  /// The debug file of an image; nil when there is none that is surely of the same build. Some opens;
  /// only a program without a build-id has its debug file read as a whole, for the checksum.
  func image(for image: ELFImage, at path: [UInt8], buildID: [UInt8]) -> ELFImage? {
    if buildID.count > 1 {
      let name = directory + [UInt8]("/.build-id/") + digits(buildID[..<1]) + [0x2F]
      let file = name + digits(buildID[1...]) + [UInt8](".debug")
      if let found = open(file), found.buildID == buildID { return found }
    }
    guard let (name, checksum) = link(in: image), let slash = path.lastIndex(of: 0x2F) else {
      return nil
    }
    let folder = path[..<slash]
    let places = [
      folder + [0x2F], folder + [UInt8]("/.debug/"), directory[...] + folder + [0x2F],
    ]
    for place in places {
      guard let found = open(place + name) else { continue }
      let id = found.buildID
      // Equal build-ids say more than equal checksums, and cost less.
      if id.isEmpty || buildID.isEmpty ? sum(found.source) == checksum : id == buildID {
        return found
      }
    }
    return nil
  }

  private func open(_ path: [UInt8]) -> ELFImage? {
    guard let image = ByteSource(path: path).flatMap({ ELFImage($0) }),
      image.section(ofKind: Section.symbolTable) != nil
    else { return nil }
    return image
  }

  /// The name and the checksum of .gnu_debuglink.
  private func link(in image: ELFImage) -> ([UInt8], UInt32)? {
    guard let section = image.section(named: ".gnu_debuglink"), section.size <= 4096,
      let content = image.content(of: section), let name = content.text(at: 0),
      !name.isEmpty, !name.contains(0x2F),
      let checksum = content.number(at: (name.count &+ 4) & ~3, as: UInt32.self)
    else { return nil }
    return (name, checksum)
  }

  private func digits(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
    let digits = [UInt8]("0123456789abcdef")
    return bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
  }

  /// The CRC-32 (ISO 3309) of a file; nil when it cannot be read as a whole or is over 1 GiB.
  private func sum(_ source: ByteSource) -> UInt32? {
    guard source.count <= Self.mostChecked else { return nil }
    let table = (0..<256).map { (byte: UInt32) in
      var sum = byte
      for _ in 0..<8 { sum = sum & 1 == 0 ? sum >> 1 : (sum >> 1) ^ 0xEDB8_8320 }
      return sum
    }
    var (sum, at) = (UInt32.max, UInt64(0))
    while at < source.count {
      guard let piece = source.read(at: at, upTo: 1 << 16) else { return nil }
      for byte in piece { sum = table[Int((sum ^ UInt32(byte)) & 255)] ^ (sum >> 8) }
      at &+= UInt64(piece.count)
    }
    return ~sum
  }
}
