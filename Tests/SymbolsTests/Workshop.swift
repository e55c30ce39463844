// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import Symbols

/// A directory of its own in which a test compiles small programs; removed in the end.
final class Workshop {
  let folder: URL

  init() throws {
    folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("prognos-symbols-\(UUID().uuidString)").resolvingSymlinksInPath()
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

  func write(_ text: String, to name: String) throws {
    try Data(text.utf8).write(to: folder.appendingPathComponent(name))
  }

  /// Runs a tool in the directory; what it printed.
  @discardableResult
  func run(_ tool: String, _ arguments: String...) throws -> String {
    try run([tool] + arguments)
  }

  private func run(_ command: [String]) throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = command
    process.currentDirectoryURL = folder
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let data = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    try #require(process.terminationStatus == 0, "\(command)")
    return String(decoding: data, as: UTF8.self)
  }

  /// Compiles a program of C with a hidden and a visible function into "program".
  func compile(_ options: [String], with compiler: String = "gcc") throws {
    try write(Self.source, to: "program.c")
    _ = try run([compiler, "-O1", "-fno-inline", "program.c", "-o", "program"] + options)
  }

  private static let source = """
    #include <stdio.h>
    #include <stdlib.h>
    static int hidden(int x) { return printf("%d", x) + 1; }
    int visible(int x) { return hidden(x) * 2 + atoi("5"); }
    __attribute__((weak, alias("visible"))) int a_weak_name(int);
    __attribute__((alias("visible"))) int __visible(int);
    int main(int argc, char **argv) { return visible(argc) + hidden((int)(size_t)argv); }
    """

  /// A function as nm lists it.
  struct Function {
    let name: String
    let start: UInt64
    let size: UInt64
  }

  /// The functions of a file that have a size, by nm.
  func functions(of file: String, dynamic: Bool = false) throws -> [Function] {
    let table = try run("nm", "-S", "--defined-only", dynamic ? "-D" : "--no-demangle", file)
    return table.split(separator: "\n").compactMap { line in
      let words = line.split(separator: " ")
      guard words.count == 4, "tTwWi".contains(words[2]), let start = UInt64(words[0], radix: 16),
        let size = UInt64(words[1], radix: 16), size > 0
      else { return nil }
      return Function(name: String(words[3].prefix { $0 != "@" }), start: start, size: size)
    }
  }
}

/// Whether the tools are there with which the tests make their files.
let hasTools = areThere(["gcc", "g++", "objcopy", "strip", "nm", "objdump", "xz"])
let hasCrossTools = areThere(["aarch64-linux-gnu-gcc", "aarch64-linux-gnu-objdump", "nm"])

private func areThere(_ tools: [String]) -> Bool {
  tools.allSatisfy { tool in
    ["/usr/bin", "/usr/local/bin", "/bin"].contains {
      FileManager.default.isExecutableFile(atPath: "\($0)/\(tool)")
    }
  }
}

extension Symbol {
  var text: String { String(decoding: name, as: UTF8.self) }
}

/// Symbols of a file as texts "name+offset", nil where there is none.
func names(
  of file: String, at addresses: [UInt64], buildID: [UInt8] = [], debugDirectory: String = "/none"
) -> [String?] {
  Symbolizer(debugDirectory: Array(debugDirectory.utf8))
    .symbols(
      of: ModuleFile(path: Array(file.utf8), buildID: buildID), addresses: addresses
    )
    .map { $0.map { "\($0.text)+\($0.offset)" } }
}
