// SPDX-License-Identifier: Apache-2.0

/// A section of an ELF file, as its header describes it: nothing here is trusted.
struct Section {
  let name: UInt32
  let kind: UInt32
  let flags: UInt64
  let address: UInt64
  let offset: UInt64
  let size: UInt64
  let link: UInt32
  let entryBytes: UInt64

  static let symbolTable: UInt32 = 2  // SHT_SYMTAB
  static let stringTable: UInt32 = 3
  static let relocations: UInt32 = 4  // SHT_RELA
  static let note: UInt32 = 7
  static let noBits: UInt32 = 8
  static let dynamicSymbols: UInt32 = 11

  var isLoaded: Bool { flags & 2 != 0 }
  var isCode: Bool { flags & 4 != 0 }
  var isCompressed: Bool { flags & 0x800 != 0 }

  func contains(_ address: UInt64) -> Bool {
    address >= self.address && address &- self.address < size
  }
}

/// The headers of an ELF file of 64 bits, little-endian (System V ABI, chapter 4; elf(5)).
///
/// Any bytes may be given. What does not fit is nil or empty.
struct ELFImage {
  static let x86: UInt16 = 62
  static let arm: UInt16 = 183

  let source: ByteSource
  let machine: UInt16
  let sections: [Section]
  private let names: [UInt8]
  private let segments: (offset: UInt64, count: UInt16)

  /// Reads the headers: up to four system calls.
  init?(_ source: ByteSource) {
    guard let header = source.read(at: 0, count: 64),
      header.starts(with: "\u{7F}ELF\u{2}\u{1}\u{1}"),
      let type = header.number(at: 16, as: UInt16.self), type == 2 || type == 3,
      let machine = header.number(at: 18, as: UInt16.self),
      machine == Self.x86 || machine == Self.arm,
      let segmentsOffset = header.number(at: 32, as: UInt64.self),
      let offset = header.number(at: 40, as: UInt64.self),
      let segmentCount = header.number(at: 56, as: UInt16.self),
      var count = header.number(at: 60, as: UInt16.self).map(UInt64.init),
      var namesIndex = header.number(at: 62, as: UInt16.self).map(UInt64.init)
    else { return nil }
    self.source = source
    self.machine = machine
    segments = (segmentsOffset, segmentCount)

    // Numbers too large for the header stand in the first section's.
    if offset != 0, let first = source.read(at: offset, count: 64).flatMap({ Section($0, at: 0) }) {
      if count == 0 { count = first.size }
      if namesIndex == 0xFFFF { namesIndex = UInt64(first.link) }
    }
    var sections: [Section] = []
    if offset != 0, count <= 1 << 18, header.number(at: 58, as: UInt16.self) == 64,
      let table = source.read(at: offset, count: count &* 64)
    {
      sections.reserveCapacity(table.count / 64)
      for position in stride(from: 0, to: table.count, by: 64) {
        if let section = Section(table, at: position) { sections.append(section) }
      }
    }
    self.sections = sections
    if namesIndex < UInt64(sections.count) {
      let section = sections[Int(truncatingIfNeeded: namesIndex)]
      names = section.size <= 16 << 20 ? Self.content(of: section, in: source) ?? [] : []
    } else {
      names = []
    }
  }

  /// Whether the section's name begins with a text.
  func isNamed(_ section: Section, _ start: StaticString) -> Bool {
    let place = Int(section.name)
    return place < names.count && names[place...].starts(with: [UInt8](start))
  }

  func section(named name: StaticString) -> Section? {
    sections.first {
      isNamed($0, name)
        && names.number(at: Int($0.name) &+ name.utf8CodeUnitCount, as: UInt8.self) == 0
    }
  }

  func section(ofKind kind: UInt32) -> Section? { sections.first { $0.kind == kind } }

  /// The bytes of a section; nil when the file does not hold them.
  func content(of section: Section) -> [UInt8]? { Self.content(of: section, in: source) }

  private static func content(of section: Section, in source: ByteSource) -> [UInt8]? {
    guard section.kind != Section.noBits, !section.isCompressed else { return nil }
    return source.read(at: section.offset, count: section.size)
  }

  /// The build-id; empty when there is none.
  var buildID: [UInt8] {
    // Sections first: in a separate debug file the segments' offsets lead nowhere.
    for section in sections.lazy.filter({ $0.kind == Section.note && $0.size <= 1 << 16 }).prefix(
      64)
    {
      guard let notes = content(of: section) else { continue }
      for alignment in [4, 8] {
        let id = Symbols.buildID(inNotes: notes, alignment: alignment)
        if !id.isEmpty { return id }
      }
    }
    guard sections.isEmpty, segments.count <= 1 << 10,
      let table = source.read(at: segments.offset, count: UInt64(segments.count) &* 56)
    else { return [] }
    for position in stride(from: 0, to: table.count, by: 56) {
      guard table.number(at: position, as: UInt32.self) == 4,  // PT_NOTE
        let offset = table.number(at: position &+ 8, as: UInt64.self),
        let size = table.number(at: position &+ 32, as: UInt64.self), size <= 1 << 16,
        let notes = source.read(at: offset, count: size)
      else { continue }
      let eight = table.number(at: position &+ 48, as: UInt64.self) == 8
      let id = Symbols.buildID(inNotes: notes, alignment: eight ? 8 : 4)
      if !id.isEmpty { return id }
    }
    return []
  }
}

extension Section {
  fileprivate init?(_ table: [UInt8], at position: Int) {
    guard let name = table.number(at: position, as: UInt32.self),
      let kind = table.number(at: position &+ 4, as: UInt32.self),
      let flags = table.number(at: position &+ 8, as: UInt64.self),
      let address = table.number(at: position &+ 16, as: UInt64.self),
      let offset = table.number(at: position &+ 24, as: UInt64.self),
      let size = table.number(at: position &+ 32, as: UInt64.self),
      let link = table.number(at: position &+ 40, as: UInt32.self),
      let entryBytes = table.number(at: position &+ 56, as: UInt64.self)
    else { return nil }
    self.init(
      name: name, kind: kind, flags: flags, address: address, offset: offset, size: size,
      link: link, entryBytes: entryBytes)
  }
}
