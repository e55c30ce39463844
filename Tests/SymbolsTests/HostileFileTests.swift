// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import Symbols

@Suite("Files that are damaged, or made to do harm")
struct HostileFileTests {
  private static let start: UInt64 = 0x1000

  /// A file with one function, "here", of 16 bytes in a section of code; what an assembler would make.
  private func small(_ change: (inout SmallELF) -> Void = { _ in }) -> [UInt8] {
    var file = SmallELF()
    change(&file)
    return file.bytes
  }

  private func names(_ bytes: [UInt8], at addresses: [UInt64]) throws -> [String?] {
    let path = FileManager.default.temporaryDirectory
      .appendingPathComponent("prognos-hostile-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: path) }
    try Data(bytes).write(to: path)
    return SymbolsTests.names(of: path.path, at: addresses)
  }

  @Test("The file as it should be has its name")
  func whole() throws {
    #expect(
      try names(small(), at: [0x0FFF, 0x1000, 0x100F, 0x1010]) == [nil, "here+0", "here+15", nil])
  }

  @Test("A file cut anywhere gives no name")
  func truncated() throws {
    let whole = small()
    for count in 0..<whole.count {
      let found = try names(Array(whole.prefix(count)), at: [0x1000])
      #expect(found == [nil], "\(count) of \(whole.count) bytes")
    }
  }

  @Test("Any byte may be any other")
  func flipped() throws {
    let whole = small()
    for position in whole.indices {
      for value in [0, 0x7F, 0xFF] as [UInt8] {
        var damaged = whole
        damaged[position] = value
        _ = try names(damaged, at: [0, 0x1000, 0x1008, .max])
      }
    }
  }

  @Test("Many bytes may be others")
  func scrambled() throws {
    var random = SystemRandomNumberGenerator()
    let whole = small()
    for _ in 0..<1000 {
      var damaged = whole
      for _ in 0..<Int.random(in: 1...12, using: &random) {
        let position = Int.random(in: whole.indices, using: &random)
        damaged[position] = UInt8.random(in: 0...255, using: &random)
      }
      _ = try names(damaged, at: [0, 0x1000, 0x1008, .max])
    }
  }

  @Test(
    "Numbers at their limits lead nowhere",
    arguments: [.max, .max - 63, 1 << 63, 1 << 40] as [UInt64])
  func huge(_ number: UInt64) throws {
    let changes: [(inout SmallELF) -> Void] = [
      { $0.sectionsOffset = number }, { $0.symbols.offset = number }, { $0.symbols.size = number },
      { $0.strings.offset = number }, { $0.strings.size = number }, { $0.names.offset = number },
      { $0.names.size = number }, { $0.note.offset = number }, { $0.note.size = number },
      {
        $0.sectionCount = 0; $0.first.size = number
      }, { $0.symbols.entryBytes = number },
      { $0.sectionCount = 0xFFFF }, { $0.namesIndex = 0xFFFF },
      { $0.symbols.link = UInt32(truncatingIfNeeded: number) }, { $0.symbolName = .max },
    ]
    for change in changes { _ = try names(small(change), at: [0, 0x1000, .max]) }
    #expect(try names(small { $0.symbolValue = number }, at: [0x1000]) == [nil])
    // A function that goes around the end of all addresses ends there.
    let around = try names(small { $0.symbolSize = number }, at: [0, 0x0FFF, 0x1000])
    #expect(around == [nil, nil, "here+0"])
    let last = try names(
      small {
        $0.symbolValue = .max - 1; $0.symbolSize = number
      }, at: [0, .max])
    #expect(last == [nil, "here+1"])
  }

  @Test("A compressed, an empty and an undefined table have no names")
  func unusual() throws {
    #expect(try names(small { $0.symbols.flags = 0x800 }, at: [0x1000]) == [nil])
    #expect(try names(small { $0.symbols.size = 0 }, at: [0x1000]) == [nil])
    #expect(try names(small { $0.symbolSection = 0 }, at: [0x1000]) == [nil])
    #expect(try names(small { $0.symbolSection = 0xFFF1 }, at: [0x1000]) == [nil])
    #expect(try names(small { $0.symbolInfo = 0x11 }, at: [0x1000]) == [nil])  // an object
    #expect(try names(small { $0.symbolInfo = 0x1A }, at: [0x1000]) == ["here+0"])  // an IFUNC
    #expect(try names(small { $0.symbolInfo = 0x10 }, at: [0x1000]) == ["here+0"])  // untyped code
    #expect(
      try names(
        small {
          $0.symbolInfo = 0x10; $0.symbolSection = 2
        }, at: [0x1000]) == [nil])
    #expect(try names(small { $0.machine = 183 }, at: [0x1000]) == ["here+0"])
    #expect(try names(small { $0.machine = 3 }, at: [0x1000]) == [nil])
  }

  @Test("Mapping symbols of aarch64 are no functions")
  func mappingSymbols() throws {
    func mapping(_ machine: UInt16) -> [UInt8] {
      small {
        $0.machine = machine
        $0.symbolInfo = 0
        $0.text = Array("$x.1\0".utf8)
      }
    }
    #expect(try names(mapping(62), at: [0x1000]) == ["$x.1+0"])
    #expect(try names(mapping(183), at: [0x1000]) == [nil])
  }

  @Test("Symbols that all overlap end the search instead of making it endless")
  func overlapping() throws {
    let bytes = small {
      $0.symbolSize = 1 << 32
      $0.copies = 20_000
    }
    let found = try names(bytes, at: (0..<2000).map { 0x1000 + $0 })
    #expect(found.count == 2000)
  }

  @Test("Notes of any kind are read to their end and not beyond")
  func notes() {
    func note(_ name: UInt32, _ value: UInt32, _ type: UInt32, _ rest: [UInt8]) -> [UInt8] {
      little(name) + little(value) + little(type) + rest
    }
    let gnu: [UInt8] = [0x47, 0x4E, 0x55, 0]
    let id = note(4, 4, 3, gnu + [1, 2, 3, 4])
    #expect(buildID(inNotes: id, alignment: 4) == [1, 2, 3, 4])
    #expect(
      buildID(inNotes: note(4, 3, 1, gnu + [9, 9, 9, 0]) + id, alignment: 4) == [1, 2, 3, 4])
    let eight = note(4, 4, 5, gnu + [9, 9, 9, 9, 0, 0, 0, 0])
    #expect(buildID(inNotes: eight + note(4, 2, 3, gnu + [7, 8]), alignment: 8) == [7, 8])
    for count in 0..<id.count {
      #expect(buildID(inNotes: Array(id.prefix(count)), alignment: 4) == [])
    }
    #expect(buildID(inNotes: note(.max, .max, 3, gnu), alignment: 4) == [])
    #expect(
      buildID(inNotes: note(4, 65, 3, gnu + Array(repeating: 1, count: 68)), alignment: 4) == [])
  }
}

/// An ELF file made by hand, every number of which may be another.
struct SmallELF {
  struct Header {
    var kind: UInt32 = 0
    var flags: UInt64 = 0
    var address: UInt64 = 0
    var offset: UInt64 = 0
    var size: UInt64 = 0
    var link: UInt32 = 0
    var entryBytes: UInt64 = 0
  }

  // The sections' headers come first, so that what is cut is always the contents.
  var sectionsOffset: UInt64 = 64
  var sectionCount: UInt16 = 6
  var namesIndex: UInt16 = 4
  var machine: UInt16 = 62
  var first = Header()
  var code = Header(kind: 1, flags: 6, address: 0x1000, offset: 64, size: 64)
  var symbols = Header(kind: 2, offset: 512, size: 48, link: 3, entryBytes: 24)
  var strings = Header(kind: 3)
  var names = Header(kind: 3)
  var note = Header(kind: 7)
  var text = Array("here\0".utf8)
  var symbolName: UInt32 = 1
  var symbolInfo: UInt8 = 0x12  // a global function
  var symbolSection: UInt16 = 1
  var symbolValue: UInt64 = 0x1000
  var symbolSize: UInt64 = 16
  var copies = 1

  var bytes: [UInt8] {
    var (symbols, strings, names, note) = (symbols, strings, names, note)
    if copies > 1 { symbols.size = UInt64(24 * (copies + 1)) }
    let afterSymbols = UInt64(512 + 24 * (copies + 1))
    func place(_ header: inout Header, _ offset: UInt64, _ size: Int) {
      if header.offset == 0 { header.offset = offset }
      if header.size == 0 { header.size = UInt64(size) }
    }
    let noteBytes: [UInt8] =
      little(UInt32(4)) + little(UInt32(2)) + little(UInt32(3)) + [0x47, 0x4E, 0x55, 0, 1, 2, 0, 0]
    place(&note, afterSymbols, noteBytes.count)
    place(&names, afterSymbols + UInt64(noteBytes.count), 1)
    place(&strings, afterSymbols + UInt64(noteBytes.count) + 1, text.count + 1)
    var bytes: [UInt8] = [0x7F, 0x45, 0x4C, 0x46, 2, 1, 1, 0] + Array(repeating: 0, count: 8)
    bytes += little(UInt16(3)) + little(machine) + little(UInt32(1))
    bytes += little(UInt64(0)) + little(UInt64(0)) + little(sectionsOffset) + little(UInt32(0))
    bytes += little(UInt16(64)) + little(UInt16(56)) + little(UInt16(0)) + little(UInt16(64))
    bytes += little(sectionCount) + little(namesIndex)
    for header in [first, code, symbols, strings, names, note] {
      bytes +=
        little(UInt32(0)) + little(header.kind) + little(header.flags) + little(header.address)
      bytes += little(header.offset) + little(header.size) + little(header.link) + little(UInt32(0))
      bytes += little(UInt64(1)) + little(header.entryBytes)
    }
    bytes += Array(repeating: 0, count: 512 - bytes.count + 24)
    for copy in 0..<copies {
      bytes += little(symbolName) + [symbolInfo, 0] + little(symbolSection)
      bytes += little(symbolValue &+ UInt64(copy)) + little(symbolSize)
    }
    return bytes + noteBytes + [0, 0] + text
  }
}

func little<T: FixedWidthInteger>(_ number: T) -> [UInt8] {
  withUnsafeBytes(of: number.littleEndian) { Array($0) }
}
