// SPDX-License-Identifier: Apache-2.0
import CPrognos
import CShim
import Glibc
import Testing

@testable import Analysis
@testable import Recording

/// An experiment that exists in a recording only: rounds of 0.2 s with the rates that a test wants.
private final class ExperimentHost {
  let recording: Recording
  private let memory: UnsafeMutableRawPointer
  private let bytes: Int
  let header: UnsafeMutablePointer<ExperimentHeader>
  private var now: UInt64 = 1 << 40
  private var noise: UInt64 = 1

  init() throws {
    let layout = Layout(memoryLimit: 4 << 20, operations: 64, lanes: 4)
    bytes = Int(layout.bytes)
    memory = try #require(shim_map(bytes))
    recording = Recording(zeroed: memory, layout: layout)
    for name in ["request", "parse", "store"] {
      _ = try recording.nameOperation(CleanText(name), threadID: 1) {}
    }
    try #require(recording.prepareExperiments())
    header = try #require(recording.experiment)
    header.pointee.number.set(1)
    header.pointee.state.set(ExperimentHeader.State.finished)
  }

  deinit { munmap(memory, bytes) }

  /// Between -1 and 1, the same in each run.
  private func scatter() -> Double {
    noise = noise &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Double(Int64(bitPattern: noise)) / 0x1p63
  }

  func add(
    _ operation: UInt32 = 0, percent: UInt16 = 0, rate: Double, debt: Double = 0,
    isControl: Bool = false, scatter spread: Double = 0.01, experiment: UInt32 = 1
  ) {
    var round = ExperimentRound()
    round.startedNanoseconds = now
    now += 250_000_000
    round.operation = operation
    round.percent = percent
    round.progress = 1
    round.isControl = isControl ? 1 : 0
    round.experiment = experiment
    round.virtualNanoseconds = UInt64(200_000_000 * (1 - debt))
    round.realNanoseconds = 200_000_000
    round.debtNanoseconds = round.realNanoseconds - round.virtualNanoseconds
    let seen = rate * (1 + spread * scatter())
    round.completions = UInt64((seen * Double(round.virtualNanoseconds) / 1e9).rounded())
    recording.add(round, to: header)
  }

  /// A cycle in which parse is worth `gains` at 25, 50 and 100 %, store nothing.
  func cycle(base: Double, gains: [Double], scatter: Double = 0.01) {
    for (percent, gain) in zip([25, 50, 100] as [UInt16], gains) {
      add(rate: base, scatter: scatter)
      add(2, percent: percent, rate: base * (1 + gain), debt: 0.2, scatter: scatter)
      add(3, percent: percent, rate: base, debt: 0.1, scatter: scatter)
    }
    add(2, percent: 50, rate: base, debt: 0.2, isControl: true, scatter: scatter)
  }
}

@Suite("Causal experiments: what follows from their rounds")
struct ExperimentTests {
  @Test("Gains are those of the rounds, with the interval that their scatter makes")
  func gains() throws {
    let host = try ExperimentHost()
    for _ in 0..<4 { host.cycle(base: 10_000, gains: [0.1, 0.22, 0.5]) }
    let findings = try #require(ExperimentFindings(host.recording))
    #expect(findings.count == 2)
    #expect(findings.progress == 1)
    #expect(abs(findings.rate / 10_000 - 1) < 0.01)
    #expect(findings.paced == 0)
    let parse = try #require(findings.result(of: 2))
    #expect(abs(parse.at50.mean - 0.22) < 0.02)
    #expect(abs(parse.at100.mean - 0.5) < 0.03)
    #expect(abs(parse.at10.mean - 0.038) < 0.01)
    #expect(parse.at50.low < 0.22 && parse.at50.high > 0.22)
    #expect(parse.at50.high - parse.at50.low < 0.06)
    let store = try #require(findings.result(of: 3))
    #expect(store.at50.low < 0 && store.at50.high > 0)
  }

  @Test("A rate that drifts does not look like a gain")
  func drift() throws {
    let host = try ExperimentHost()
    for cycle in 0..<6 {
      host.cycle(base: 10_000 * (1 + 0.1 * Double(cycle)), gains: [0, 0, 0])
    }
    let findings = try #require(ExperimentFindings(host.recording))
    let parse = try #require(findings.result(of: 2))
    #expect(abs(parse.at50.mean) < 0.03)
    #expect(abs(parse.at100.mean) < 0.03)
  }

  @Test("More scatter makes wider intervals")
  func scatter() throws {
    let (calm, rough) = (try ExperimentHost(), try ExperimentHost())
    for _ in 0..<4 {
      calm.cycle(base: 10_000, gains: [0.1, 0.2, 0.4], scatter: 0.01)
      rough.cycle(base: 10_000, gains: [0.1, 0.2, 0.4], scatter: 0.1)
    }
    let narrow = try #require(ExperimentFindings(calm.recording)?.result(of: 2)).at50
    let wide = try #require(ExperimentFindings(rough.recording)?.result(of: 2)).at50
    #expect(wide.high - wide.low > 4 * (narrow.high - narrow.low))
  }

  @Test("Where the load comes from outside, nothing is worth anything")
  func paced() throws {
    let host = try ExperimentHost()
    // 1,000 a second, whatever is delayed: the delays taken off, it seems to be more.
    for _ in 0..<4 {
      for percent in [25, 50, 100] as [UInt16] {
        let debt = Double(percent) / 200
        host.add(rate: 1000)
        host.add(2, percent: percent, rate: 1000 / (1 - debt), debt: debt)
      }
      host.add(2, percent: 50, rate: 1000 / 0.75, debt: 0.25, isControl: true)
    }
    let findings = try #require(ExperimentFindings(host.recording))
    #expect(findings.paced > 0.9)
    #expect(abs(try #require(findings.result(of: 2)).at50.mean) < 0.04)
    let answer = try #require(experimentAnswer(host.recording, findings, at: 0))
    #expect(answer.paced_ratio > 0.9)
  }

  @Test("One that has just begun leaves the word to the one before; too few rounds say nothing")
  func fewRounds() throws {
    let host = try ExperimentHost()
    host.add(rate: 10_000)
    #expect(ExperimentFindings(host.recording) == nil)
    for _ in 0..<2 { host.cycle(base: 10_000, gains: [0.1, 0.2, 0.4]) }
    host.add(rate: 500, experiment: 2)
    let findings = try #require(ExperimentFindings(host.recording))
    #expect(abs(findings.rate / 10_000 - 1) < 0.05)
  }

  @Test("Rounds of a damaged recording are left out, whatever is in them")
  func hostile() throws {
    let host = try ExperimentHost()
    for _ in 0..<3 { host.cycle(base: 10_000, gains: [0.1, 0.2, 0.4]) }
    var bad = ExperimentRound()
    withUnsafeMutableBytes(of: &bad) { for index in $0.indices { $0[index] = 0xFF } }
    for _ in 0..<4 { host.recording.add(bad, to: host.header) }
    bad = ExperimentRound()
    bad.experiment = 1
    host.recording.add(bad, to: host.header)
    let findings = ExperimentFindings(host.recording)
    #expect(findings == nil || abs((findings?.rate ?? 0) / 10_000 - 1) < 0.05)
    for _ in 0..<600 { host.add(rate: 10_000) }
    #expect(ExperimentFindings(host.recording) != nil)
  }
}

@Suite("Who waited for whom")
struct WaitEdgeTests {
  @Test("Waits add up by pair; a full table leaves further pairs out")
  func edges() throws {
    let layout = Layout(memoryLimit: 4 << 20, operations: 1024, lanes: 4)
    let memory = try #require(shim_map(Int(layout.bytes)))
    defer { munmap(memory, Int(layout.bytes)) }
    let recording = Recording(zeroed: memory, layout: layout)
    for index in 0..<600 {
      _ = try recording.nameOperation(CleanText("op\(index)"), threadID: 1) {}
    }
    recording.addWait(of: 1, for: 2, ticks: 5)  // before there is a table
    try #require(recording.prepareWaitEdges())
    for _ in 0..<3 { recording.addWait(of: 1, for: 2, ticks: 10) }
    recording.addWait(of: 2, for: 1, ticks: 7)
    recording.addWait(of: 0, for: 0, ticks: 1)
    var found: [[UInt64]] = []
    recording.forEachWaitEdge {
      found.append([UInt64($0.waiting), UInt64($0.holding), $0.waits, $0.ticks])
    }
    #expect(Set(found) == [[1, 2, 3, 30], [2, 1, 1, 7], [0, 0, 1, 1]])
    for index in 3..<600 as Range<UInt32> { recording.addWait(of: index, for: 1, ticks: 1) }
    var count = 0
    recording.forEachWaitEdge { _ in count += 1 }
    #expect(count > 200 && count <= 256)
    recording.header.pointee.operationCount.set(1)
    recording.forEachWaitEdge { #expect($0.waiting <= 1 && $0.holding <= 1) }
  }
}
