// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import Export
@testable import Recording

@Suite("A profile as text")
struct TextTests {
  /// A server that parses, queries and fails now and then, on two threads; a call that is open; an
  /// operation that calls itself.
  static func sample() -> Sample {
    let sample = Sample()
    let serve = sample.operation("serve")
    let parse = sample.operation("parse")
    let query = sample.operation("query größe")
    let walk = sample.operation("walk")
    for lane in [sample.lane(), sample.lane()] {
      sample.finish([serve, parse], times: 100, ticks: 1_000_000, on: lane)
      sample.finish([serve, query], times: 50, ticks: 8_000_000, offCPU: 6_000_000, on: lane)
      let node = sample.finish(
        [serve], times: 100, ticks: 6_000_000, offCPU: 3_000_000, on: lane)
      node.pointee.voluntarySwitches.set(70)
      node.pointee.work.set(2_000_000)
      sample.fail([serve], kind: sample.kind("timeout"), times: 2, on: lane)
      sample.fail([serve], kind: sample.kind("refused"), on: lane)
      sample.finish(walk, nested: 3, ticks: 10_000_000, on: lane)
    }
    let idle = sample.lane()
    sample.open([serve], start: 1_500_000_000, on: idle)
    sample.process.cpu_ratio = 0.42
    sample.process.rss_bytes = 12 << 20
    sample.process.threads = 3
    sample.process.open_fds = 17
    sample.process.read_bytes = 1536
    sample.diagnostics.threads = 3
    sample.diagnostics.too_deep = 1
    sample.diagnostics.untracked_paths = 4
    return sample
  }

  @Test("A whole report, in UTF-8")
  func golden() {
    #expect(Self.sample().text() == Golden.unicode)
  }

  @Test("The same report in plain ASCII")
  func goldenASCII() {
    let text = Self.sample().text(unicode: false)
    #expect(text == Golden.ascii)
    #expect(text.utf8.allSatisfy { $0 < 0x80 })
  }

  @Test("An empty recording says so instead of showing empty tables")
  func empty() {
    let text = Sample().text()
    #expect(text.hasSuffix("\nNothing recorded yet.\n"))
    #expect(!text.contains("OPERATION"))
  }

  @Test("A recording that is off says that it is")
  func off() {
    let sample = Sample()
    sample.recording.header.pointee.mode.set(Header.Mode.off)
    #expect(sample.text().hasSuffix("\nNothing recorded: recording is off.\n"))
  }

  @Test("Calls without a path have a row of their own, with their time and CPU time")
  func pathless() {
    let sample = Sample()
    sample.pathless(sample.operation("lost"), count: 4, ticks: 2_500_000)
    let row = sample.text().split(separator: "\n").first { $0.hasPrefix("lost (no path)") } ?? ""
    let cells = row.split(separator: " ", omittingEmptySubsequences: true).joined(separator: " ")
    #expect(cells == "lost (no path) 4 10.0 ms 0.0 % 100 % 100 % - - -")
  }

  @Test("One of a thing is in the singular")
  func singular() {
    let sample = Sample()
    sample.finish([sample.operation("a")], ticks: 10, on: sample.lane())
    sample.diagnostics.threads = 1
    sample.process.threads = 1
    #expect(sample.text().contains("1 call of 1 operation in 1 thread\n"))
    #expect(sample.text().contains(" · 1 thread · "))
  }

  @Test("Without CPU time there are dashes in its place")
  func untracked() {
    let sample = Sample()
    sample.recording.header.pointee.cpuClock.set(CPUClock.off)
    sample.finish([sample.operation("a")], ticks: 10, on: sample.lane())
    let row = sample.text().split(separator: "\n").first { $0.hasPrefix("a ") }
    #expect(row?.split(separator: " ").contains("-") == true)
  }

  @Test("Long tables end after some screens, and say how much more there is")
  func long() {
    let sample = Sample()
    let lane = sample.lane()
    for number in 0..<250 {
      let id = sample.operation("operation \(number)")
      sample.finish([id], ticks: UInt64(1000 + number), on: lane)
      sample.fail([id], kind: sample.kind("kind \(number)"), on: lane)
    }
    let text = sample.text()
    #expect(text.contains("  and 50 more paths; PROGNOS_JSON has them all\n"))
    #expect(text.contains("  and 235 more operations\n"))
    #expect(text.contains("  and 230 more kinds; PROGNOS_JSON has them all\n"))
    // The longest are the ones that are shown.
    let tree = text.components(separatedBy: "\n\n")[1]
    #expect(tree.contains("operation 249"))
    #expect(!tree.contains("operation 10 "))
  }

  @Test("Levels below the 24th are not indented any further")
  func indentation() {
    let sample = Sample()
    let lane = sample.lane()
    let ids = (0..<40).map { sample.operation("level \($0)") }
    for depth in 1...40 {
      sample.finish(Array(ids.prefix(depth)), ticks: UInt64(1000 - depth), on: lane)
    }
    let rows = sample.text().split(separator: "\n").filter { $0.contains("└─ level") }
    let indents = rows.map { $0.prefix { $0 == " " }.count }
    #expect(rows.count == 39)
    #expect(indents == (0..<39).map { min($0, 23) * 3 })
  }

  @Test("A program without a name is a process; names never bring control characters")
  func command() {
    let sample = Sample()
    sample.command = []
    #expect(sample.text().contains("· process (pid 4711) ·"))
    sample.command = Array("bad\u{1B}[31m".utf8)
    #expect(!sample.text().contains("\u{1B}"))
  }

  @Test("A program's name is ASCII in ASCII text")
  func asciiCommand() {
    let sample = Sample()
    sample.command = Array("größe".utf8)
    #expect(sample.text(unicode: false).utf8.allSatisfy { $0 < 0x80 })
  }
}
