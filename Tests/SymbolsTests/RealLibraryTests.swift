// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import Symbols

@Suite("Real libraries, compared with nm", .enabled(if: hasTools, "needs gcc and binutils"))
struct RealLibraryTests {
  private let shop: Workshop

  init() throws { shop = try Workshop() }

  /// Checks the first, a middle and the last byte of some hundred functions.
  private func compare(_ path: String, dynamic: Bool) throws {
    let functions = try shop.functions(of: path, dynamic: dynamic)
    try #require(functions.count > 300)
    var chosen: [(Workshop.Function, UInt64)] = []
    for function in functions.enumerated().filter({ $0.offset % (functions.count / 300) == 0 }) {
      for offset in Set([0, function.element.size / 2, function.element.size - 1]) {
        chosen.append((function.element, offset))
      }
    }
    let addresses = chosen.map { $0.0.start + $0.1 }
    let found = Symbolizer().symbols(
      of: ModuleFile(path: Array(path.utf8), buildID: []), addresses: addresses)
    let byStart = Dictionary(grouping: functions, by: \.start)
    for ((function, offset), symbol) in zip(chosen, found) {
      let symbol = try #require(symbol, "\(function.name)+\(offset)")
      let start = function.start + offset - symbol.offset
      // A name of the function, or of one that starts still nearer within it.
      #expect(start >= function.start, "\(function.name)+\(offset): \(symbol.text)")
      let names = (byStart[start] ?? []).map { Demangler().readable(Array($0.name.utf8)) }
      #expect(names.contains(symbol.name), "\(function.name)+\(offset): \(symbol.text)")
    }
  }

  @Test("The C library has the names that nm tells")
  func cLibrary() throws {
    let path = try shop.run("gcc", "-print-file-name=libc.so.6")
      .trimmingCharacters(in: .whitespacesAndNewlines)
    try compare(path, dynamic: true)
  }

  @Test("Common functions of the C library have the names that people know")
  func common() throws {
    let path = try shop.run("gcc", "-print-file-name=libc.so.6")
      .trimmingCharacters(in: .whitespacesAndNewlines)
    let functions = try shop.functions(of: path, dynamic: true)
    for name in ["malloc", "free", "read", "write", "printf", "qsort", "getenv"] {
      let start = try #require(functions.first { $0.name == name }?.start)
      #expect(names(of: path, at: [start + 2]) == ["\(name)+2"])
    }
  }

  @Test("Swift's library has the names that nm tells, demangled")
  func swiftLibrary() throws {
    let maps = try shop.run("cat", "/proc/\(getpid())/maps")
    guard
      let line = maps.split(separator: "\n").first(where: { $0.hasSuffix("/libswiftCore.so") }),
      let slash = line.firstIndex(of: "/")
    else { return print("skipped: the tests are linked without libswiftCore.so") }
    try compare(String(line[slash...]), dynamic: true)
  }
}
