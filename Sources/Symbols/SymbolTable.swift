// SPDX-License-Identifier: Apache-2.0

/// A function's entry in a symbol table.
struct FunctionEntry {
  /// ELF virtual address of its first byte.
  var start: UInt64
  /// Bytes; 0 when the table does not tell.
  var size: UInt64
  /// Where its name is in the table's strings.
  var name: UInt32
  /// How little it is preferred: global, weak, local; after them what is code without being called a
  /// function.
  var rank: UInt8

  var isTyped: Bool { rank < 4 }
}

/// A .symtab or .dynsym (System V ABI, "Symbol Table"), read in pieces: memory does not grow with it.
struct SymbolTable {
  /// A name that is longer is cut.
  private static let longestName = 4096
  private static let entryBytes: UInt64 = 24
  private static let entriesAtOnce: UInt64 = 1 << 14

  private let source: ByteSource
  private let offset: UInt64
  private let count: UInt64
  private let strings: (offset: UInt64, size: UInt64)
  private let isCode: [Bool]

  init?(_ section: Section, of image: ELFImage) {
    guard section.kind == Section.symbolTable || section.kind == Section.dynamicSymbols,
      !section.isCompressed, section.size <= ByteSource.mostBytes,
      section.entryBytes == Self.entryBytes, section.link < image.sections.count
    else { return nil }
    let strings = image.sections[Int(section.link)]
    guard strings.kind == Section.stringTable, strings.offset <= image.source.count,
      strings.size <= image.source.count &- strings.offset
    else { return nil }
    source = image.source
    offset = section.offset
    count = section.size / Self.entryBytes
    self.strings = (strings.offset, strings.size)
    isCode = image.sections.map { $0.isCode }
  }

  /// Calls `body` for each function that is defined here and starts at or below `highest`, in the
  /// order of the table, until it returns false. One system call for 16,384 entries.
  func forEachFunction(upTo highest: UInt64, _ body: (FunctionEntry) -> Bool) {
    var index: UInt64 = 0
    while index < count {
      let some = min(count &- index, Self.entriesAtOnce)
      let position = offset.addingReportingOverflow(index &* Self.entryBytes)
      guard !position.overflow,
        let piece = source.read(at: position.partialValue, count: some &* Self.entryBytes)
      else { return }
      let goesOn = piece.withUnsafeBytes { bytes in
        for at in stride(from: 0, to: bytes.count, by: Int(Self.entryBytes)) {
          guard let entry = function(bytes, at), entry.start <= highest else { continue }
          if !body(entry) { return false }
        }
        return true
      }
      if !goesOn { return }
      index &+= some
    }
  }

  /// The entry at a position within whole entries; nil when it is no defined function.
  private func function(_ bytes: UnsafeRawBufferPointer, _ at: Int) -> FunctionEntry? {
    let info = bytes[at &+ 4]
    let type = info & 15
    guard type == 2 || type == 10 || type == 0 else { return nil }  // FUNC, GNU_IFUNC, NOTYPE
    func number<T: FixedWidthInteger & BitwiseCopyable>(_ offset: Int, _: T.Type) -> T {
      T(littleEndian: bytes.loadUnaligned(fromByteOffset: at &+ offset, as: T.self))
    }
    let section = number(6, UInt16.self)
    let size = number(16, UInt64.self)
    if section == 0 || (section >= 0xFF00 && section != 0xFFFF) { return nil }
    if type == 0 && (size == 0 || section >= isCode.count || !isCode[Int(section)]) { return nil }
    var rank: UInt8
    switch info >> 4 {
    case 1, 10: rank = 0  // GLOBAL, GNU_UNIQUE
    case 2: rank = 1
    default: rank = 2
    }
    if type == 0 { rank &+= 4 }
    return FunctionEntry(
      start: number(8, UInt64.self), size: size, name: number(0, UInt32.self), rank: rank)
  }

  /// The name at this place in the strings, without a version ("@@GLIBC_2.34"); empty when there is
  /// none. A system call or two.
  func name(_ place: UInt32) -> [UInt8] {
    var (name, at, piece) = ([UInt8](), UInt64(place), UInt64(128))
    while at < strings.size, name.count < Self.longestName,
      let bytes = source.read(at: strings.offset &+ at, count: min(piece, strings.size &- at))
    {
      let end = bytes.firstIndex(of: 0)
      name.append(contentsOf: bytes[..<(end ?? bytes.count)])
      if end != nil { break }
      at &+= UInt64(bytes.count)
      piece = 4096
    }
    if let version = name.firstIndex(of: 0x40), version > 0 { name.removeSubrange(version...) }
    return name
  }

  /// The name of the entry with this index; empty when there is none.
  func name(ofEntry index: UInt64) -> [UInt8] {
    let position = offset.addingReportingOverflow(index &* Self.entryBytes)
    guard index < count, !position.overflow,
      let place = source.read(at: position.partialValue, count: 4)?.number(at: 0, as: UInt32.self)
    else { return [] }
    return name(place)
  }
}
