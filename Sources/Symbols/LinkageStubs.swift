// SPDX-License-Identifier: Apache-2.0

/// The stubs through which calls into other libraries go (.plt, .plt.sec, .plt.got).
///
/// A stub jumps to where a word of memory points, and the relocation of that word names the function.
/// Read from the code itself, this holds for every linker's order of the stubs.
enum LinkageStubs {
  struct Stub {
    var name: [UInt8]
    var start: UInt64
  }

  /// The stub that each address is in, nil elsewhere: the names without "@plt". O(relocations x log
  /// addresses), only if some address is in a stub.
  static func stubs(at addresses: [UInt64], in image: ELFImage) -> [Stub?] {
    var stubs = [Stub?](repeating: nil, count: addresses.count)
    var words: [(address: UInt64, index: Int)] = []
    let sections = image.sections.filter {
      $0.isCode && image.isNamed($0, ".plt") && $0.kind != Section.noBits
    }
    for (index, address) in addresses.enumerated() {
      guard let section = sections.first(where: { $0.contains(address) }),
        let (start, word) = word(of: address, in: section, of: image)
      else { continue }
      stubs[index] = Stub(name: [], start: start)
      words.append((word, index))
    }
    if words.isEmpty { return stubs }
    let list = AddressList(words.map { $0.address })
    let entries = symbolEntries(ofRelocations: list, in: image)
    for (address, index) in words {
      guard let at = list.index(of: address), let name = entries[at], !name.isEmpty else {
        stubs[index] = nil
        continue
      }
      stubs[index]?.name = name
    }
    return stubs
  }

  /// Where the stub around an address starts, and the address of the word it jumps through.
  private static func word(
    of address: UInt64, in section: Section, of image: ELFImage
  ) -> (start: UInt64, word: UInt64)? {
    let (first, stubBytes) = stubs(in: section, of: image)
    guard address &- section.address >= first else { return nil }
    let within = first &+ (address &- section.address &- first) / stubBytes &* stubBytes
    let start = section.address &+ within
    let offset = section.offset.addingReportingOverflow(within)
    guard !offset.overflow,
      let code = image.source.read(at: offset.partialValue, count: stubBytes)
    else { return nil }
    let word = image.machine == ELFImage.x86 ? x86Word(code, start) : armWord(code, start)
    return word.map { (start, $0) }
  }

  /// Where in the section the first stub is, and the bytes of each.
  private static func stubs(
    in section: Section, of image: ELFImage
  ) -> (first: UInt64, bytes: UInt64) {
    // x86-64: 16 bytes, but for the 8 of .plt.got without branch tracking.
    if image.machine == ELFImage.x86 { return (0, section.entryBytes == 8 ? 8 : 16) }
    // aarch64: 16 bytes behind 32 of a header, but 24 with "bti c" before or "autia1716" in it.
    let position = section.offset.addingReportingOverflow(32)
    guard !position.overflow, let stub = image.source.read(at: position.partialValue, count: 16)
    else { return (32, 16) }
    let isLong =
      stub.number(at: 0, as: UInt32.self) == 0xD503_245F
      || stub.number(at: 12, as: UInt32.self) == 0xD503_219F
    return (32, isLong ? 24 : 16)
  }

  /// `jmp *offset(%rip)`: FF 25 and a signed offset from the next instruction.
  private static func x86Word(_ code: [UInt8], _ start: UInt64) -> UInt64? {
    for at in code.indices.dropLast() where code[at] == 0xFF && code[at &+ 1] == 0x25 {
      guard let offset = code.number(at: at &+ 2, as: Int32.self) else { return nil }
      return start &+ UInt64(at) &+ 6 &+ UInt64(bitPattern: Int64(offset))
    }
    return nil
  }

  /// `adrp x16, page` and `ldr x17, [x16, offset]`.
  private static func armWord(_ code: [UInt8], _ start: UInt64) -> UInt64? {
    for at in stride(from: 0, to: code.count &- 7, by: 4) {
      guard let page = code.number(at: at, as: UInt32.self), page & 0x9F00_001F == 0x9000_0010,
        let load = code.number(at: at &+ 4, as: UInt32.self), load & 0xFFC0_03FF == 0xF940_0211
      else { continue }
      let pages = Int64(Int32(bitPattern: page << 8) >> 13) << 2 | Int64(page >> 29 & 3)
      let base = (start &+ UInt64(at)) & ~0xFFF
      return base &+ UInt64(bitPattern: pages << 12) &+ UInt64(load >> 10 & 0xFFF) &* 8
    }
    return nil
  }

  /// The names of the symbols by which these words are relocated, by the words' places in the list.
  private static func symbolEntries(
    ofRelocations words: AddressList, in image: ELFImage
  ) -> [[UInt8]?] {
    var names = [[UInt8]?](repeating: nil, count: words.sorted.count)
    let sections = image.sections.lazy.filter {
      $0.kind == Section.relocations && $0.isLoaded && $0.entryBytes == 24
    }
    for section in sections.prefix(4) {  // a file has two: .rela.dyn and .rela.plt
      guard section.link < image.sections.count,
        let table = SymbolTable(image.sections[Int(section.link)], of: image)
      else { continue }
      var at: UInt64 = 0
      while at < section.size,
        let piece = image.source.read(
          at: section.offset &+ at, count: min(section.size &- at, 24 << 12))
      {
        for position in stride(from: 0, to: piece.count, by: 24) {
          guard let word = piece.number(at: position, as: UInt64.self),
            let index = words.index(of: word), names[index] == nil,
            let info = piece.number(at: position &+ 8, as: UInt64.self)
          else { continue }
          names[index] = table.name(ofEntry: info >> 32)
        }
        at &+= UInt64(piece.count)
      }
    }
    return names
  }
}
