// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Glibc
import Testing

@testable import Analysis
@testable import Recording

@Suite("The watch over all metrics")
struct WatchTests {
  private func anomalies(_ host: HealthHost) -> [prognos_anomaly] {
    let table = AnswerTable<prognos_anomaly>(host.recording, .anomalies)!
    return (0..<table.count).reversed().map {
      var anomaly = prognos_anomaly()
      _ = table.read(age: $0, into: &anomaly)
      return anomaly
    }
  }

  private func of(
    _ metric: prognos_metric, _ operation: UInt32, _ anomalies: [prognos_anomaly]
  ) -> [prognos_anomaly] {
    anomalies.filter { $0.metric == metric.rawValue && $0.op == operation }
  }

  @Test("A slower operation is told as a degradation, then once as a level, and no more")
  func slower() throws {
    let host = try HealthHost(operations: 2)
    for second in 0..<900 {
      host.calls(0, 20, milliseconds: second < 400 ? 5 : 40)
      host.calls(1, 20, milliseconds: 2)
      host.tick()
      if second == 399 { #expect(anomalies(host).isEmpty) }
      if second == 410 {
        let found = try #require(of(PROGNOS_METRIC_WALL_P95, 1, anomalies(host)).first)
        #expect(found.kind == PROGNOS_ANOMALY_DEGRADATION.rawValue)
        #expect(found.value > 30e6 && found.expected < 20e6 && found.high < 30e6)
        #expect(found.score >= 0.5 && found.score <= 1 && found.confidence > 0.5)
        #expect(text(found.reason).hasPrefix("wall p95 of operation 0 is "))
        #expect(text(found.reason).contains("usual: "))
      }
    }
    let found = of(PROGNOS_METRIC_WALL_P95, 1, anomalies(host))
    #expect(
      found.map(\.kind) == [
        PROGNOS_ANOMALY_DEGRADATION.rawValue, PROGNOS_ANOMALY_LEVEL.rawValue,
      ])
    #expect(of(PROGNOS_METRIC_WALL_P95, 2, anomalies(host)).isEmpty)
  }

  @Test("Failures of an operation that never failed, and the end of its calls, are told")
  func failing() throws {
    let host = try HealthHost(operations: 1)
    for second in 0..<700 {
      let failing = second >= 400 && second < 420 ? 0.5 : 0
      if second < 600 { host.calls(0, 30, milliseconds: 2, failing: failing) }
      host.tick()
    }
    let errors = of(PROGNOS_METRIC_ERROR_RATIO, 1, anomalies(host))
    #expect(errors.contains { $0.kind == PROGNOS_ANOMALY_DEGRADATION.rawValue })
    let rates = of(PROGNOS_METRIC_RATE, 1, anomalies(host))
    #expect(rates.contains { $0.value == 0 && $0.kind == PROGNOS_ANOMALY_DEGRADATION.rawValue })
  }

  @Test("Descriptors, threads and memory of the process are watched")
  func process() throws {
    let host = try HealthHost(operations: 1)
    for second in 0..<400 {
      let late: UInt64 = second >= 300 ? 1 : 0
      host.point.openDescriptors = 40 + UInt64(second % 3) + late * 100
      host.point.threads = 10 + late * 30
      host.point.rssBytes = 100 << 20 + UInt64(second % 7) << 12 + late * (80 << 20)
      host.tick()
    }
    for metric in [PROGNOS_METRIC_FDS, PROGNOS_METRIC_THREADS, PROGNOS_METRIC_MEMORY] {
      let found = of(metric, 0, anomalies(host))
      #expect(
        found.map(\.kind) == [
          PROGNOS_ANOMALY_UNUSUAL.rawValue, PROGNOS_ANOMALY_LEVEL.rawValue,
        ])
    }
  }

  @Test("The first 150 seconds of a process are no anomaly, whatever they are like")
  func warmUp() throws {
    let host = try HealthHost(operations: 2)
    for second in 0..<150 {
      host.calls(0, 1 + second, milliseconds: second == 80 ? 500 : 20 / (1 + Double(second)))
      host.point.rssBytes = UInt64(second) << 22
      host.tick()
    }
    #expect(anomalies(host).isEmpty)
  }

  @Test(
    "Healthy life gives few anomalies, whatever its habits",
    arguments: ["steady", "sawtooth", "day", "batch", "bursts", "rare", "bimodal"])
  func noCryOfWolf(_ habit: String) throws {
    let seconds = getenv("PROGNOS_HEALTHY_SECONDS").map { Int(atoi($0)) } ?? 1500
    let host = try HealthHost(operations: 2)
    for second in 0..<seconds {
      live(habit, second, host)
      host.tick()
    }
    let hours = Double(seconds) / 3600
    let table = AnswerTable<prognos_anomaly>(host.recording, .anomalies)!
    print("\(habit): \(Double(table.written) / hours) anomalies an hour")
    #expect(Double(table.written) <= 2 + 4 * hours)
  }

  private func live(_ habit: String, _ second: Int, _ host: HealthHost) {
    let phase = Double(second)
    func noisy(_ mean: Double) -> Int {
      max(Int(mean + mean.squareRoot() * host.random.normal()), 0)
    }
    host.point.openDescriptors = UInt64(40 + noisy(4))
    host.point.threads = 8
    host.point.rssBytes = UInt64(100 << 20 + noisy(1000) << 12)
    host.point.voluntarySwitches += UInt64(noisy(300))
    switch habit {
    case "sawtooth":
      host.calls(0, noisy(20), milliseconds: 3)
      host.point.rssBytes = UInt64((100 + 150 * (phase / 90 - (phase / 90).rounded(.down))) * 1e6)
    case "day":
      host.calls(0, noisy(20 + 15 * sin(phase / 700)), milliseconds: 3)
    case "batch":
      host.calls(0, noisy(20), milliseconds: 3)
      if second % 60 < 5 { host.calls(1, noisy(40), milliseconds: 10) }
      if second % 60 < 5 { host.point.cpuNanoseconds += 800_000_000 }
    case "bursts":
      host.calls(0, noisy(host.random.unit() < 0.05 ? 100 : 20), milliseconds: 3)
    case "rare":
      if host.random.unit() < 0.1 { host.calls(0, 1, milliseconds: 30, spread: 1) }
    case "bimodal":
      host.calls(0, noisy(10), milliseconds: 1)
      host.calls(0, noisy(4), milliseconds: 80)
      host.calls(1, noisy(10), milliseconds: 5, failing: 0.05)
    default:
      host.calls(0, noisy(20), milliseconds: 3)
      host.calls(1, noisy(5), milliseconds: 50, failing: 0.02, spread: 0.5)
    }
  }

  @Test("When no detector is left, operations go unwatched and are counted")
  func pool() throws {
    let host = try HealthHost(limit: 2 << 20, operations: 60)
    // So small a recording has a record every 30 s, and an operation is watched after ten that it was busy in.
    for _ in 0..<400 {
      for operation in 0..<60 { host.calls(operation, 2, milliseconds: 3) }
      host.tick()
    }
    #expect(host.recording.header.pointee.assessment.unwatchedOperations.value > 0)
  }
}
