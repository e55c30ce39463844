// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import Symbols

@Suite("Where names come from", .enabled(if: hasTools, "needs gcc, binutils and xz"))
struct SourceTests {
  private let shop: Workshop
  private var program: String { shop.path("program") }

  init() throws { shop = try Workshop() }

  private func start(_ name: String) throws -> UInt64 {
    try #require(try shop.functions(of: "whole").first { $0.name == name }?.start)
  }

  /// Compiles, keeps a copy with all symbols as "whole", and gives the starts of the functions that are
  /// hidden and visible from outside.
  private func compiled(_ options: String...) throws -> (hidden: UInt64, visible: UInt64) {
    try shop.compile(["-rdynamic"] + options)
    try shop.run("cp", "program", "whole")
    return (try start("hidden"), try start("visible"))
  }

  @Test(
    "A function covers its addresses from the first to the last byte, wherever the program is linked",
    arguments: ["-pie", "-no-pie", "-static"])
  func plain(_ kind: String) throws {
    try shop.compile([kind])
    let functions = try shop.functions(of: "program").filter {
      ["hidden", "main"].contains($0.name)
    }
    #expect(functions.count == 2)
    for function in functions {
      let last = function.start + function.size - 1
      let found = names(of: program, at: [last, function.start, function.start + 1, last])
      let (name, end) = (function.name, "\(function.name)+\(function.size - 1)")
      #expect(found == [end, "\(name)+0", "\(name)+1", end])
    }
  }

  @Test("Where no function is, there is no name")
  func nothing() throws {
    try shop.compile(["-pie"])
    #expect(names(of: program, at: [0, 1, 64, 1 << 40, .max]) == [nil, nil, nil, nil, nil])
    #expect(names(of: program, at: []) == [])
  }

  @Test("Of several names the more visible counts, then the one with fewer underscores")
  func aliases() throws {
    let (_, visible) = try compiled()
    let all = try shop.functions(of: "whole").filter { $0.start == visible }.map(\.name)
    #expect(Set(all) == ["visible", "__visible", "a_weak_name"])
    #expect(names(of: program, at: [visible]) == ["visible+0"])
  }

  @Test("A stripped file has the names that are visible from outside")
  func stripped() throws {
    let (hidden, visible) = try compiled()
    try shop.run("strip", "program")
    #expect(names(of: program, at: [hidden, visible + 1]) == [nil, "visible+1"])
  }

  @Test("A stripped file with MiniDebugInfo has all names")
  func miniDebugInfo() throws {
    let (hidden, visible) = try compiled()
    try shop.run("objcopy", "--only-keep-debug", "program", "mini")
    try shop.run("strip", "program")
    try shop.run("xz", "mini")
    try shop.run("objcopy", "--add-section", ".gnu_debugdata=mini.xz", "program")
    #expect(names(of: program, at: [hidden, visible]) == ["hidden+0", "visible+0"])
  }

  @Test("MiniDebugInfo that is damaged anywhere gives no name")
  func damagedMiniDebugInfo() throws {
    let (hidden, _) = try compiled()
    try shop.run("strip", "-o", "mini", "--strip-debug", "program")
    try shop.run("strip", "program")
    try shop.run("xz", "mini")
    let packed = try Data(contentsOf: shop.folder.appendingPathComponent("mini.xz"))
    for position in stride(from: 0, to: packed.count, by: packed.count / 12) {
      var damaged = packed
      damaged[position] ^= 0x10
      try damaged.write(to: shop.folder.appendingPathComponent("damaged.xz"))
      try shop.run(
        "objcopy", "--add-section", ".gnu_debugdata=damaged.xz", "program", "with-damaged")
      #expect(names(of: shop.path("with-damaged"), at: [hidden]) == [nil], "byte \(position)")
    }
  }

  @Test(
    "A separate debug file is found beside the file, in .debug, and below the debug directory",
    arguments: ["", ".debug/", "below"], ["sha1", "none"])
  func debugLink(_ place: String, _ buildID: String) throws {
    let (hidden, visible) = try compiled("-Wl,--build-id=\(buildID)")
    try shop.run("objcopy", "--only-keep-debug", "program", "program.debug")
    try shop.run("strip", "program")
    try shop.run("objcopy", "--add-gnu-debuglink=program.debug", "program")
    if place == "below" { return try belowDirectory(hidden) }
    if place != "" {
      try shop.run("mkdir", place)
      try shop.run("mv", "program.debug", place)
    }
    #expect(names(of: program, at: [hidden, visible]) == ["hidden+0", "visible+0"])
  }

  private func belowDirectory(_ hidden: UInt64) throws {
    let directory = shop.path("debug")
    try shop.run("mkdir", "-p", directory + shop.folder.path)
    try shop.run("mv", "program.debug", directory + shop.folder.path)
    #expect(names(of: program, at: [hidden], debugDirectory: directory) == ["hidden+0"])
  }

  @Test("A debug file of another build is not taken", arguments: ["sha1", "none"])
  func otherDebugFile(_ buildID: String) throws {
    let (hidden, _) = try compiled("-Wl,--build-id=\(buildID)")
    try shop.run("objcopy", "--only-keep-debug", "program", "program.debug")
    try shop.run("strip", "program")
    try shop.run("objcopy", "--add-gnu-debuglink=program.debug", "program")
    try shop.run("cp", "program", "linked")
    try shop.compile(["-Wl,--build-id=\(buildID)", "-DOTHER", "-g", "-O0"])
    try shop.run("objcopy", "--only-keep-debug", "program", "program.debug")
    #expect(names(of: shop.path("linked"), at: [hidden]) == [nil])
  }

  @Test("A debug file is found by its build-id")
  func debugFileByBuildID() throws {
    let (hidden, visible) = try compiled("-Wl,--build-id=0x0123456789abcdef")
    let directory = shop.path("debug")
    try shop.run("mkdir", "-p", "debug/.build-id/01")
    let file = "debug/.build-id/01/23456789abcdef.debug"
    try shop.run("objcopy", "--only-keep-debug", "program", file)
    try shop.run("strip", "program")
    func found() -> [String?] {
      names(of: program, at: [hidden, visible], debugDirectory: directory)
    }
    #expect(found() == ["hidden+0", "visible+0"])
    _ = try compiled("-Wl,--build-id=0x0123456789abcdee")
    try shop.run("objcopy", "--only-keep-debug", "program", file)
    _ = try compiled("-Wl,--build-id=0x0123456789abcdef")
    try shop.run("strip", "program")
    #expect(found() == [nil, "visible+0"])
  }

  @Test("A file that was replaced since it was loaded gives no names")
  func replaced() throws {
    let (hidden, _) = try compiled("-Wl,--build-id=0x0123456789abcdef")
    let id: [UInt8] = [0x01, 0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD, 0xEF]
    #expect(buildID(ofFile: Array(program.utf8)) == id)
    #expect(names(of: program, at: [hidden], buildID: id) == ["hidden+0"])
    #expect(names(of: program, at: [hidden], buildID: [1, 2, 3]) == [nil])
    #expect(names(of: program, at: [hidden], buildID: Array(id.dropLast())) == [nil])
    // It has none now: then nothing speaks against it.
    try shop.run("objcopy", "--remove-section", ".note.gnu.build-id", "program")
    #expect(names(of: program, at: [hidden], buildID: id) == ["hidden+0"])
  }

  @Test("The running program is found also where its path leads nowhere")
  func deletedProgram() throws {
    let exe = "/proc/self/exe"
    let id = buildID(ofFile: Array(exe.utf8))
    let main = try shop.functions(of: "/proc/\(getpid())/exe").first { $0.name == "main" }
    guard let main, !id.isEmpty else {
      return print("skipped: the program that runs the tests has no build-id or no main")
    }
    #expect(names(of: "/gone (deleted)", at: [main.start], buildID: id) == ["main+0"])
    #expect(names(of: "/gone (deleted)", at: [main.start]) == [nil])
  }

  @Test(
    "What is no file gives no names",
    arguments: ["", "[vdso]", "program", "/", "/none", "/dev/zero"])
  func noFile(_ path: String) throws {
    #expect(names(of: path, at: [0, 4096]) == [nil, nil])
  }

  @Test("A pipe under the path keeps nobody waiting")
  func pipe() throws {
    try shop.run("mkfifo", "program")
    #expect(names(of: program, at: [4096]) == [nil])
  }

  @Test(
    "A call into another library goes through a stub with the function's name",
    arguments: [
      ["-fcf-protection=none"], ["-fcf-protection=full", "-Wl,-z,ibtplt"], ["-fno-plt"],
    ],
    ["-Wl,-z,lazy", "-Wl,-z,now"])
  func stubs(_ protection: [String], _ binding: String) throws {
    try shop.compile(protection + [binding])
    let code = try shop.run("objdump", "-d", "program")
    // "0000000000001030 <printf@plt>:"
    var stubs: [(UInt64, String)] = []
    for match in code.matches(of: #/(?m)^([0-9a-f]+) <(\w+@plt)>:/#) {
      stubs.append((try #require(UInt64(match.1, radix: 16)), String(match.2)))
    }
    if !protection.contains("-fno-plt") { #expect(stubs.contains { $0.1 == "printf@plt" }) }
    try shop.run("strip", "program")
    for (start, name) in stubs {
      #expect(names(of: program, at: [start, start + 6]) == ["\(name)+0", "\(name)+6"])
    }
  }

  @Test(
    "Files of the other processor are read alike, stubs too",
    .enabled(if: hasCrossTools, "needs gcc and binutils for aarch64"),
    arguments: [
      ["-mbranch-protection=none"], ["-mbranch-protection=bti", "-Wl,-z,force-bti"],
      ["-mbranch-protection=standard", "-Wl,-z,force-bti,-z,pac-plt"],
    ], ["-pie", "-no-pie"])
  func aarch64(_ options: [String], _ kind: String) throws {
    try shop.compile(options + [kind], with: "aarch64-linux-gnu-gcc")
    let functions = try shop.functions(of: "program").filter {
      ["hidden", "main"].contains($0.name)
    }
    #expect(functions.count == 2)
    for function in functions {
      #expect(names(of: program, at: [function.start + 4]) == ["\(function.name)+4"])
    }
    let code = try shop.run("aarch64-linux-gnu-objdump", "-d", "program")
    let stubs = code.matches(of: #/(?m)^([0-9a-f]+) <(\w+@plt)>:/#)
    #expect(stubs.contains { $0.2 == "printf@plt" })
    for stub in stubs {
      let start = try #require(UInt64(stub.1, radix: 16))
      #expect(names(of: program, at: [start, start + 12]) == ["\(stub.2)+0", "\(stub.2)+12"])
    }
  }

  @Test("A function of unknown size goes on to the next one, and not beyond its section")
  func unknownSize() throws {
    try shop.write(
      """
      .section .text.a, "ax"
      .globl first, second, whole
      .type first, %function
      .type second, %function
      .type whole, %function
      first: .skip 16
      second: .skip 16
      whole: .skip 8
      .size whole, 8
      .skip 8
      .section .fini_array2, "ax"
      .skip 64
      """, to: "bare.s")
    try shop.run("gcc", "-shared", "-nostdlib", "bare.s", "-o", "bare.so")
    let table = try shop.run("nm", "bare.so")
    let start = try #require(table.split(separator: "\n").first { $0.hasSuffix(" first") })
    let first = try #require(UInt64(start.prefix(16), radix: 16))
    #expect(
      names(of: shop.path("bare.so"), at: [0, 15, 16, 31, 32, 39, 40].map { first + $0 }) == [
        "first+0", "first+15", "second+0", "second+15", "whole+0", "whole+7", nil,
      ])
  }
}
