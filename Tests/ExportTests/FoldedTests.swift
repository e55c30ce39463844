// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Export
@testable import Recording

@Suite("A profile as folded stacks")
struct FoldedTests {
  @Test("A line for each path with its self time, outermost operation first")
  func paths() {
    let sample = Sample()
    let lane = sample.lane()
    let (a, b) = (sample.operation("serve"), sample.operation("parse"))
    sample.finish([a, b], times: 2, ticks: 30, on: lane)
    sample.finish([a], ticks: 100, on: lane)
    sample.finish([b], ticks: 5, on: lane)
    #expect(Set(sample.folded.split(separator: "\n")) == ["serve 40", "serve;parse 60", "parse 5"])
  }

  @Test("Paths without time of their own are left out")
  func noSelfTime() {
    let sample = Sample()
    let lane = sample.lane()
    let (a, b) = (sample.operation("a"), sample.operation("b"))
    sample.finish([a, b], ticks: 100, on: lane)
    sample.finish([a], ticks: 100, on: lane)
    #expect(sample.folded == "a;b 100\n")
  }

  @Test("What would end a frame or a line is replaced, and all else is kept")
  func escapes() {
    let sample = Sample()
    let lane = sample.lane()
    sample.finish([sample.operation("a;b\nc\td größe {id}")], ticks: 7, on: lane)
    #expect(sample.folded == "a,b c d größe {id} 7\n")
  }

  @Test("Self times add up to the time of the outermost calls")
  func sum() {
    let sample = Sample()
    let lane = sample.lane()
    let ids = (0..<4).map { sample.operation("\($0)") }
    var expected: UInt64 = 0
    for round in 1...50 as ClosedRange<UInt64> {
      sample.finish([ids[0], ids[Int(round % 4)]], ticks: round, on: lane)
      sample.finish([ids[0]], ticks: 2 * round, on: lane)
      expected += 2 * round
    }
    let sum = sample.folded.split(separator: "\n").reduce(UInt64(0)) {
      $0 + (UInt64($1.split(separator: " ").last ?? "") ?? 0)
    }
    #expect(sum == expected)
  }

  @Test("An empty recording has no lines")
  func empty() {
    #expect(Sample().folded == "")
  }
}
