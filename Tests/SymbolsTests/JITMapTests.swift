// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import Symbols

@Suite("The map that a JIT compiler leaves")
struct JITMapTests {
  private let shop: Workshop

  init() throws { shop = try Workshop() }

  private func names(_ map: String, at addresses: [UInt64]) throws -> [String?] {
    try shop.write(map, to: "perf.map")
    return names(at: addresses)
  }

  private func names(at addresses: [UInt64], in file: String = "perf.map") -> [String?] {
    Symbolizer().jitSymbols(mapPath: Array(shop.path(file).utf8), addresses: addresses)
      .map { $0.map { "\($0.text)+\($0.offset)" } }
  }

  @Test("A line names the addresses from its start for its size")
  func lines() throws {
    let map = "7f001000 20 LazyCompile:~sum /app/a.js:3\n0x7f002000 0x10 py::f:/app/a.py\n"
    #expect(
      try names(map, at: [0x7f00_2005, 0x7f00_0fff, 0x7f00_1000, 0x7f00_101f, 0x7f00_1020]) == [
        "py::f:/app/a.py+5", nil, "LazyCompile:~sum /app/a.js:3+0",
        "LazyCompile:~sum /app/a.js:3+31", nil,
      ])
  }

  @Test("Memory is used again: a later line counts more, where it reaches")
  func later() throws {
    let map = "1000 100 old\n1040 20 new\n1050 8 newest\n2000 10 other\n"
    #expect(
      try names(map, at: [0x1000, 0x1040, 0x1050, 0x1058, 0x1060, 0x1050, 0x2000]) == [
        "old+0", "new+0", "newest+0", "new+24", "old+96", "newest+0", "other+0",
      ])
  }

  @Test("Lines that make no sense are passed over, and the last may lack its end")
  func malformed() throws {
    let map = """
      \n\nx\n1000\n1000 10\n1000 10 \n 1000 10 a\n1000 0 empty\n-1000 10 a\n1000  10 a
      11111111111111111 10 long\n1000 zz a\n\u{0}\u{1}\u{FF}\n1000 10 good\r
      ffffffffffffffff ffffffffffffffff end
      """
    #expect(try names(map, at: [0x1001, 0x1010, .max]) == ["good+1", nil, "end+0"])
  }

  @Test("Names are cleaned and demangled like others")
  func readable() throws {
    let map = "1000 10 a\u{1B}[31mb\n2000 10 _ZN4core3fmt5write17h0123456789abcdefE\n"
    #expect(try names(map, at: [0x1000, 0x2000]) == ["a?[31mb+0", "core::fmt::write+0"])
  }

  @Test("Only a regular file is taken, no link, no pipe, no directory")
  func others() throws {
    #expect(try names("1000 10 a\n", at: [0x1000]) == ["a+0"])
    try shop.run("ln", "-s", "perf.map", "link")
    try shop.run("mkfifo", "pipe")
    for file in ["link", "pipe", ".", "none"] {
      #expect(names(at: [0x1000], in: file) == [nil], "\(file)")
    }
  }

  @Test("A map of another user is not taken")
  func otherOwner() throws {
    guard geteuid() == 0 else { return print("skipped: only root can give a file away") }
    #expect(try names("1000 10 a\n", at: [0x1000]) == ["a+0"])
    try #require(chown(shop.path("perf.map"), 65534, 65534) == 0)
    #expect(names(at: [0x1000]) == [nil])
  }

  @Test("Of a map that is too large the last whole lines are read")
  func large() throws {
    let map = "1000 10 first\n12000 10 cut\n3000 10 last\n"
    try shop.write(map, to: "perf.map")
    let list = AddressList([0x1000, 0x2000, 0x3000])
    // The last line has 13 bytes. Cut at 24, the line before would begin with "2000".
    for most in [13, 14, 24] as [UInt64] {
      let cut = JITMap(path: Array(shop.path("perf.map").utf8), mostBytes: most)
      let names = cut?.functions(at: list).map {
        $0.map { String(decoding: $0.name, as: UTF8.self) }
      }
      #expect(names == [nil, nil, most > 13 ? "last" : nil])
    }
  }

  @Test("Many lines over the same addresses take no longer than their number")
  func overlapping() throws {
    let map = (0..<20_000).map { "1000 10000 f\($0)\n" }.joined()
    let found = try names(map, at: (0..<5000).map { 0x1000 + $0 })
    #expect(found.first == "f19999+0")
    #expect(found.last == "f19999+4999")
  }

  @Test("It is looked for under the process's number in /tmp")
  func place() throws {
    let number = UInt32.max
    let path = "/tmp/perf-\(number).map"
    try #require(!FileManager.default.fileExists(atPath: path))
    try Data("1000 10 found\n".utf8).write(to: URL(fileURLWithPath: path))
    defer { try? FileManager.default.removeItem(atPath: path) }
    #expect(
      Symbolizer().jitSymbols(processID: number, addresses: [0x1003]).map(\.?.text) == ["found"])
    #expect(Symbolizer().jitSymbols(processID: 0, addresses: [0x1003]) == [nil])
  }
}
