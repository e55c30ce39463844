// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import PrognosTool
@testable import Recording

@Suite("What a live view knows of the time before, and of the latest interval")
struct PastTests {
  private func second(_ newestFirst: Int, operations: Double) throws -> PastSecond {
    var point = ProcessPoint()
    var before = ProcessPoint()
    let second: UInt64 = 1_000_000_000
    point.endMonotonic = 100 * second - UInt64(newestFirst) * second
    before.endMonotonic = point.endMonotonic - second
    point.finished = UInt64(operations)
    point.failed = 1
    point.cpuNanoseconds = second / 2
    point.rssBytes = 4096
    point.readBytes = 10
    point.writtenBytes = 20
    return try #require(PastSecond(point, since: before, at: 100 * second + second / 4))
  }

  @Test("The first reading begins with the past: one value for each look there would have been")
  func begins() throws {
    var model = Model(interval: 1)
    var first = reading(at: 100)
    first.past = [
      try second(0, operations: 50), try second(1, operations: 40), try second(2, operations: 30),
    ]
    model.take(first)
    #expect(model.gauges.operationsPerSecond == 50)
    #expect(model.gauges.cpu == 0.5)
    #expect(model.gauges.errorsPerMinute == 60)
    #expect(model.gauges.operationTrail.values == [30, 40, 50])
    #expect(model.gauges.residentTrail.values == [4096, 4096, 4096])
    #expect(model.gauges.ioTrail.values == [30, 30, 30])
  }

  @Test(
    "Looks that come more often than ticks repeat them; rarer ones pass some over; gaps stay empty")
  func intervals() throws {
    func trail(_ interval: Double, _ past: [PastSecond]) -> [Double?] {
      var gauges = Gauges()
      gauges.begin(with: past, interval: interval)
      return gauges.operationTrail.values
    }
    let all = try (0..<4).map { try second($0, operations: Double(40 - $0)) }
    #expect(trail(0.5, all) == [37, 37, 38, 38, 39, 39, 40, 40])
    #expect(trail(2, all) == [38, 40])
    #expect(trail(1, [all[0], all[2]]) == [38, nil, 40])
    #expect(trail(1, []) == [])
    #expect(trail(0.125, all).count == 32)
    #expect(trail(60, all) == [])
  }

  @Test("Operations begin with their past, too: those that no record names had no calls")
  func operations() throws {
    var model = Model(interval: 1)
    var first = reading(at: 100, [operation(1, "parse", calls: 9), operation(2, "idle", calls: 9)])
    first.past = try (0..<4).map { try second($0, operations: 40) }
    let quarter: UInt64 = 250_000_000
    func calls(_ second: UInt64, _ calls: UInt64) -> PastCalls {
      PastCalls(
        beganBefore: second * 4 * quarter + 5 * quarter,
        endedBefore: second * 4 * quarter + quarter,
        calls: calls)
    }
    first.pastCalls = [1: [calls(3, 7), calls(1, 5), calls(0, 6)]]
    model.take(first)
    #expect(model.rows.first { $0.id == 1 }?.trail.values == [7, 0, 5, 6])
    #expect(model.rows.first { $0.id == 2 }?.trail.values == [0, 0, 0, 0])
  }

  @Test("A damaged history has no second of no time, and none that is to come")
  func damaged() {
    var point = ProcessPoint()
    point.endMonotonic = 10
    #expect(PastSecond(point, since: point, at: 20) == nil)
    #expect(PastSecond(point, since: ProcessPoint(), at: 9) == nil)
    #expect(PastSecond(point, since: ProcessPoint(), at: 10) != nil)
  }

  private func calls(_ counts: [(octave: Int, count: UInt64)]) -> Distribution {
    var distribution = Distribution()
    for (octave, count) in counts { distribution.add(count, octave: octave, within: 0) }
    return distribution
  }

  @Test(
    "The quantiles of now are those of the calls since the look before; without any, the latest known"
  )
  func quantiles() throws {
    var model = Model()
    func take(_ second: Double, _ counts: [(octave: Int, count: UInt64)]) {
      var one = operation(1, "parse", calls: counts.reduce(0) { $0 + $1.count }, p95: 1)
      one.distribution = calls(counts)
      var next = reading(at: second, [one])
      next.nanosecondsPerTick = 2
      model.take(next)
    }
    take(1, [(10, 1000)])
    #expect(model.rows[0].p95Nanoseconds == 1)
    take(2, [(10, 1000), (12, 90), (14, 10)])
    let middle = try #require(calls([(12, 1)]).quantile(0.5))
    let high = try #require(calls([(14, 1)]).quantile(0.5))
    #expect(model.rows[0].medianNanoseconds == middle * 2)
    #expect(model.rows[0].p95Nanoseconds == high * 2)
    take(3, [(10, 1000), (12, 90), (14, 10)])
    #expect(model.rows[0].p95Nanoseconds == high * 2)
    take(4, [(10, 1001), (12, 90), (14, 10)])
    let low = try #require(calls([(10, 1)]).quantile(0.5))
    #expect(model.rows[0].p95Nanoseconds == low * 2)
  }
}
