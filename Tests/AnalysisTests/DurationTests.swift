// SPDX-License-Identifier: Apache-2.0
import CPrognos
import CShim
import Glibc
import Testing

@testable import Analysis
@testable import Recording

/// Durations: calls of a recording that exists in memory only, one tick a nanosecond.
@Suite("Durations")
struct DurationTests {
  fileprivate final class Host {
    let recording: Recording
    private let memory: UnsafeMutableRawPointer
    private let bytes: Int
    private let lane: UnsafeMutablePointer<Lane>
    let node: UInt32
    let operation: UInt32
    var random = Generator(state: 7)
    var now: UInt64 = 1 << 40
    let room = UnsafeMutablePointer<Double>.allocate(capacity: DurationModel.roomCount)

    init() throws {
      let layout = Layout(memoryLimit: 4 << 20, operations: 64, lanes: 4)
      bytes = Int(layout.bytes)
      memory = try #require(shim_map(bytes))
      recording = Recording(zeroed: memory, layout: layout)
      lane = try #require(recording.acquireLane())
      operation = try recording.nameOperation(CleanText("work"), threadID: 1) {}
      node = try #require(recording.child(operation, of: lane.pointee.root.value, in: lane))
    }

    deinit {
      room.deallocate()
      munmap(memory, bytes)
    }

    func noise(_ share: Double) -> Double {
      1 + share * (2 * Double.random(in: 0..<1, using: &random) - 1)
    }

    func call(work: UInt64, nanoseconds: Double) {
      recording.noteDuration(
        work: work, wallTicks: UInt64(nanoseconds), at: now, of: recording.at(node), in: lane)
      now += 1 << 21
    }

    func open(work: UInt64) {
      let slot = recording.slot(above: recording.frame(top: lane.pointee.top.value), in: lane)!
      slot.pointee.key.set(UInt64(operation))
      slot.pointee.node.set(node)
      slot.pointee.work.set(work)
      slot.pointee.start.set(now)
      lane.pointee.top.set(recording.offset(of: slot))
    }

    /// Calls of works from 10 to 10,000.
    func calls(_ count: Int = 200, most: Double = 10_000, _ time: (Double) -> Double) {
      for _ in 0..<count {
        let work = 10 * pow2(Double.random(in: 0..<1, using: &random) * log2(most / 10))
        call(work: UInt64(work), nanoseconds: time(Double(UInt64(work))))
      }
    }

    var model: DurationModel? {
      let moment = ReadingMoment(ticks: now, monotonicNanoseconds: now, nanosecondsPerTick: 1)
      return DurationModel(of: operation, in: recording, at: moment, room: room)
    }

    func predict(_ work: UInt64) throws -> prognos_duration {
      prognos_duration(work: work, try #require(model))
    }

    private func pow2(_ x: Double) -> Double { Math.exp(x * Math.log(2)) }
    private func log2(_ x: Double) -> Double { Math.log2(x) }
  }

  private func isNear(_ found: UInt64, _ expected: Double, within share: Double) -> Bool {
    abs(Double(found) / expected - 1) < share
  }

  @Test("The class of growth is found, and times are right in the range and at four times the most")
  func classes() throws {
    let curves: [(String, (Double) -> Double)] = [
      ("O(1)", { _ in 5_000 }), ("O(log n)", { 300 * Math.log2($0 + 1) }),
      ("O(n)", { 2_000 + 40 * $0 }), ("O(n log n)", { 500 + 9 * $0 * Math.log2($0 + 1) }),
      ("O(n^2)", { 400 + 3 * $0 * $0 }), ("O(n^3)", { 100 + $0 * $0 * $0 }),
    ]
    for (name, curve) in curves {
      let host = try Host()
      host.calls { curve($0) * host.noise(0.05) }
      let inside = try host.predict(500)
      #expect(string(inside.complexity) == name)
      #expect(isNear(inside.estimate_ns, curve(500), within: 0.06), "\(name)")
      #expect(inside.low_ns < inside.estimate_ns && inside.estimate_ns < inside.high_ns)
      let beyond = try host.predict(40_000)
      #expect(isNear(beyond.estimate_ns, curve(40_000), within: 0.15), "\(name)")
      #expect(beyond.confidence < inside.confidence)
    }
  }

  @Test("A bend that no class has is followed within the range")
  func bend() throws {
    let host = try Host()
    host.calls(600) { ($0 < 300 ? 50 * $0 : 150 * $0) * host.noise(0.02) }
    #expect(isNear(try host.predict(60).estimate_ns, 3_000, within: 0.1))
    #expect(isNear(try host.predict(3_000).estimate_ns, 450_000, within: 0.1))
  }

  @Test("One call in ten that takes fifty times as long changes the middle little")
  func outliers() throws {
    let host = try Host()
    var number = 0
    host.calls {
      number += 1
      return 100 * $0 * host.noise(0.05) * (number % 10 == 0 ? 50 : 1)
    }
    #expect(isNear(try host.predict(1_000).estimate_ns, 100_000, within: 0.1))
  }

  @Test("When the machine gets twice as slow, some twenty calls later the level is that of now")
  func drift() throws {
    let host = try Host()
    host.calls(300) { 100 * $0 * host.noise(0.05) }
    host.calls(30) { 200 * $0 * host.noise(0.05) }
    let found = try host.predict(1_000)
    #expect(isNear(found.estimate_ns, 200_000, within: 0.15))
    #expect(string(found.reason).contains("the latest took"))
  }

  @Test("The 90 % interval covers some 90 % of calls that the model did not see")
  func coverage() throws {
    let host = try Host()
    let model: (Double) -> Double = {
      100 * $0 * Math.exp((host.noise(1) + host.noise(1) - 2) * 0.5)
    }
    host.calls(300, model)
    var covered = 0
    for _ in 0..<100 {
      let work = UInt64(20 + 9_000 * Double.random(in: 0..<1, using: &host.random))
      let found = try host.predict(work)
      let actual = UInt64(model(Double(work)))
      if found.low_ns <= actual && actual <= found.high_ns { covered += 1 }
    }
    #expect(covered >= 82 && covered <= 97, "\(covered)")
  }

  @Test("Eight calls are enough to say something, seven are not")
  func few() throws {
    let host = try Host()
    for work in 1...7 { host.call(work: UInt64(work), nanoseconds: Double(work) * 1000) }
    #expect(host.model == nil)
    host.call(work: 8, nanoseconds: 8000)
    #expect(isNear(try host.predict(5).estimate_ns, 5_000, within: 0.2))
  }

  @Test("Works of 1 and of the most there is, times of 0 and of days, are no matter")
  func extremes() throws {
    let host = try Host()
    for _ in 0..<10 { host.call(work: .max, nanoseconds: 0) }
    for _ in 0..<10 { host.call(work: 1, nanoseconds: 0x1p47) }
    for work: UInt64 in [1, 2, 1 << 32, .max] {
      let found = try host.predict(work)
      #expect(found.low_ns <= found.estimate_ns && found.estimate_ns <= found.high_ns)
      #expect(found.confidence >= 0 && found.confidence <= 1)
    }
  }

  @Test("What a call has left is conditional on what it has taken")
  func timeLeft() throws {
    let host = try Host()
    for number in 0..<100 { host.call(work: 100, nanoseconds: number % 2 == 0 ? 1e6 : 1e8) }
    host.open(work: 100)
    let early = try host.left(after: 1_000)
    let late = try host.left(after: 5_000_000)
    #expect(isNear(late.estimate_ns, 95e6, within: 0.15))
    #expect(early.samples >= late.samples)
    let beyond = try host.left(after: 1_000_000_000)
    #expect(beyond.estimate_ns == beyond.elapsed_ns && beyond.confidence <= 0.1)
  }
}

extension DurationTests.Host {
  fileprivate func left(after nanoseconds: UInt64) throws -> prognos_time_left {
    let moment = ReadingMoment(
      ticks: now + nanoseconds, monotonicNanoseconds: now + nanoseconds, nanosecondsPerTick: 1)
    let forecast = try #require(
      OpenCallForecast(of: operation, in: recording, at: moment, room: room))
    return try #require(forecast.answer)
  }
}

/// The same numbers in every run (Steele, Lea, Flood 2014).
struct Generator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

private func string<Array: BitwiseCopyable>(_ array: Array) -> String {
  withUnsafeBytes(of: array) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
}
