// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Glibc
import Testing

@testable import Analysis
@testable import Recording

@Suite("Load: peaks and what the process can take")
struct LoadTests {
  @Test("The peak of the day is forecast from ten days of hours, with its height")
  func peakOfTheDay() throws {
    let host = try HealthHost(limit: 48 << 20, operations: 1)
    func rate(_ hour: Int) -> Double { 2 + cos(2 * .pi * Double(hour % 24 - 15) / 24) }
    for hour in 0..<240 {
      let calls = rate(hour) * 3600 * (1 + 0.05 * host.random.normal())
      host.many(0, UInt64(calls), milliseconds: 5)
      host.tick(seconds: 3600)
    }
    let peak = try #require(host.answer(prognos_peak(), .peak))
    #expect(peak.season_s == 86400)
    #expect(peak.span_s == 3600)
    #expect(peak.samples > 200)
    // Hour 240 is like hour 0: the peak comes in the one that is like hour 15.
    let ahead = Double(peak.at_unix_ns - Int64(host.now)) / 3600e9
    #expect(abs(ahead - 15.5) <= 1)
    #expect(abs(peak.rate_per_s - 3) < 0.3)
    #expect(peak.low_per_s < peak.rate_per_s && peak.rate_per_s < peak.high_per_s)
    #expect(peak.capacity_per_s == 0)
    #expect(text(peak.reason).contains("of 6 different loads"))
  }

  @Test("Sigma, kappa and the capacity come from what was seen at different loads")
  func scalability() throws {
    let host = try HealthHost(operations: 1)
    let (sigma, kappa, one) = (0.05, 0.002, 100.0)
    func throughput(_ n: Double) -> Double {
      one * n / (1 + sigma * (n - 1) + kappa * n * (n - 1))
    }
    for round in 0..<8 {
      for n in [1, 2, 4, 8, 12, 16, 24, 32.0] {
        let x = throughput(n) * exp(0.04 * host.random.normal())
        host.many(0, UInt64(x.rounded()), milliseconds: 1000 * n / x)
        host.tick()
      }
      if round == 0 { #expect(host.answer(prognos_scalability(), .scalability) == nil) }
    }
    for _ in 0..<11 {
      host.many(0, 100, milliseconds: 10)
      host.tick()
    }
    let answer = try #require(host.answer(prognos_scalability(), .scalability))
    let best = ((1 - sigma) / kappa).squareRoot()
    #expect(abs(answer.capacity_per_s / throughput(best) - 1) < 0.1)
    #expect(answer.capacity_low_per_s <= throughput(best))
    #expect(answer.capacity_high_per_s >= throughput(best))
    #expect(answer.knee_low < best && best < answer.knee_high)
    #expect(answer.loads == 8)
    #expect(abs(answer.sigma - sigma) < 0.03)
    let peak = try #require(host.answer(prognos_peak(), .peak))
    #expect(peak.capacity_per_s == answer.capacity_per_s)
  }

  @Test("Without a bend no capacity is made up; where the CPUs are the limit, it is theirs")
  func noLimit() throws {
    for cpus in [0, 4] {
      let host = try HealthHost(operations: 1)
      host.sample.processors = UInt64(cpus)
      for _ in 0..<6 {
        for n in [1, 2, 3, 4, 6, 8, 11.0] {
          host.many(0, UInt64(100 * n), milliseconds: 10)
          // tick() adds 0.2 s, too
          host.point.cpuNanoseconds += UInt64(n * 0.1e9) - min(UInt64(n * 0.1e9), 200_000_000)
          host.tick()
        }
      }
      let answer = try #require(host.answer(prognos_scalability(), .scalability))
      if cpus == 0 {
        #expect(answer.capacity_per_s == .infinity)
        #expect(text(answer.reason).contains("no limit is in sight"))
      } else {
        #expect(answer.capacity_per_s > 2000 && answer.capacity_per_s < 6000)
        #expect(text(answer.saturates) == "cpu")
      }
    }
  }

  @Test("A peak above the capacity is an alert")
  func alert() throws {
    let host = try HealthHost(operations: 1)
    host.tick()
    _ = host.alerts()
    var peak = prognos_peak()
    (peak.rate_per_s, peak.capacity_per_s, peak.confidence) = (120, 100, 0.9)
    Sentence.compose(in: &peak.reason) { $0.put("more than it can take") }
    host.assessor.load!.pointee.peak = peak
    host.assessor.load!.pointee.found = 1
    host.tick()
    let alerts = host.alerts()
    #expect(alerts.map(\.subject) == ["load"])
    #expect(alerts.first?.reason == "more than it can take")
  }

  @Test("Whatever the values are, forecasts are finite, and the same values give the same forecast")
  func hostileValues() {
    let steps = 40
    let room = UnsafeMutablePointer<Double>.allocate(capacity: Forecast.scratchCount(steps: steps))
    defer { room.deallocate() }
    var random = Mixer(state: 7)
    for kind in 0..<200 {
      let count = 8 + Int(random.next() % 1200)
      let values = (0..<count).map { index -> Double in
        switch kind % 5 {
        case 0: return random.normal() * (index % 7 == 0 ? 1e150 : 1e-150)
        case 1: return Double(index % (3 + kind % 90))
        case 2: return index % 50 == 0 ? 1e150 : 0
        case 3: return exp(min(Double(index), 340))
        default: return 5
        }
      }
      func forecast() -> [Double] {
        let found = Forecast(
          values: values, count: count, steps: steps, periodNanoseconds: 60_000_000_000,
          scratch: room)
        return (1...steps).flatMap { step -> [Double] in
          guard let one = found?[step] else { return [.nan] }
          #expect(one.low <= one.value && one.value <= one.high)
          return [one.value, one.low, one.high, one.confidence]
        }
      }
      let first = forecast()
      let isFinite = first.allSatisfy { $0.isFinite }
      #expect(isFinite)
      #expect(first == forecast())
    }
  }
}
