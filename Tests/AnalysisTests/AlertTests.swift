// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Testing

@testable import Analysis
@testable import Recording

@Suite("Alerts and objectives")
struct AlertTests {
  @Test("A resource alerts at 90 and 97 %, once each, and is well again once it stays so")
  func resources() throws {
    let host = try HealthHost(operations: 1)
    func used(_ amount: UInt64) -> [UInt32] {
      host.sample[.descriptors] = (amount, 1000)
      host.tick()
      return host.alerts().filter { $0.subject == "file descriptors" }.map(\.severity)
    }
    #expect(used(800) == [])
    #expect(used(905) == [1])
    #expect(used(899) == [])
    #expect(used(930) == [])
    #expect(used(980) == [2])
    #expect(used(980) == [])
    // Below 95 % it is well again, by one step, when it has stayed there for ten seconds.
    for _ in 0..<10 { #expect(used(940) == []) }
    #expect(used(940) == [1])
    for _ in 0..<10 { #expect(used(500) == []) }
    #expect(used(960) == [])
    for _ in 0..<10 { #expect(used(500) == []) }
    #expect(used(500) == [0])
  }

  @Test("A jump to the worst is one alert, with the numbers in its reason")
  func jump() throws {
    let host = try HealthHost(operations: 1)
    host.tick()
    _ = host.alerts()
    host.sample[.addressSpace] = (990 << 20, 1000 << 20)
    host.tick()
    let alerts = host.alerts()
    #expect(alerts.map(\.subject) == ["address space", "health"])
    #expect(alerts[0].severity == 2)
    #expect(alerts[0].reason == "address space: 99 % of the limit is used: 990 MiB of 1000 MiB")
    #expect(alerts[1].reason.hasPrefix("health "))
    #expect(alerts[1].reason.hasSuffix(": address space: 99 % of the limit is used"))
  }

  @Test("Leaks and crashes to come alert, and name what they are about")
  func predictions() throws {
    let host = try HealthHost(operations: 2)
    host.tick()
    var leak = prognos_leak()
    (leak.is_leak, leak.op, leak.score, leak.confidence) = (1, 2, 0.99, 0.9)
    Sentence.compose(in: &leak.reason) { $0.put("it grows") }
    host.set([leak], .leaks)
    var crash = prognos_crash()
    crash.probability = 0.6
    crash.minutes_to_failure = .infinity
    Sentence.compose(in: &crash.reason) { $0.put("it will end") }
    host.set([crash], .crash)
    host.tick()
    let alerts = host.alerts()
    #expect(alerts.map(\.subject) == ["leak", "crash"])
    #expect(alerts.map(\.reason) == ["it grows", "it will end"])
    #expect(alerts.map(\.severity) == [1, 1])
    host.tick()
    #expect(host.alerts().isEmpty)
  }

  @Test("Limits of metrics bound from above, from below, with one bound, or none")
  func limits() throws {
    let host = try HealthHost(operations: 1)
    func told() -> [String] {
      host.tick()
      return host.alerts().map { "\($0.subject) \($0.severity)" }
    }
    #expect(host.recording.setLimits(warn: 50, critical: .nan, of: PROGNOS_METRIC_THREADS.rawValue))
    #expect(host.recording.setLimits(warn: 5, critical: 2, of: PROGNOS_METRIC_ACTIVE.rawValue))
    host.point.activeOperations = 9
    host.point.threads = 49
    _ = told()
    #expect(told() == [])
    host.point.threads = 51
    #expect(told() == ["threads 1"])
    host.point.threads = 500
    #expect(told() == [])
    host.point.activeOperations = 5
    #expect(told() == ["active operations 1"])
    host.point.activeOperations = 1
    #expect(told() == ["active operations 2"])
    // Taken back: well again, after a while.
    #expect(
      host.recording.setLimits(warn: .nan, critical: .nan, of: PROGNOS_METRIC_ACTIVE.rawValue))
    for _ in 0..<10 { #expect(told() == []) }
    #expect(told() == ["active operations 0"])
    #expect(!host.recording.setLimits(warn: 1, critical: 2, of: 32))
  }

  @Test("Values that are no numbers bound nothing and raise nothing")
  func noNumbers() {
    for value in [Double.nan, .infinity, -.infinity, 0, 1e300] {
      #expect(Bounds(warn: .nan, critical: .nan).severity(value) == 0)
      let upper = Bounds(warn: 1, critical: 2)
      #expect(upper.severity(value) == (value > 2 ? 2 : 0))
      #expect(Bounds(warn: value, critical: .nan).severity(.nan) == 0)
    }
  }

  @Test("An objective counts calls that are slow or fail; both windows must burn")
  func objectives() throws {
    let host = try HealthHost(operations: 2)
    #expect(
      host.recording.set(Objective(latencyNanoseconds: 10_000_000, successRatio: 0.99), of: 1))
    func second(slow: Double) {
      for _ in 0..<50 {
        host.call(0, milliseconds: host.random.unit() < slow ? 20 : 2)
        host.call(1, milliseconds: 2)
      }
      host.tick()
    }
    for _ in 0..<300 { second(slow: 0.005) }
    #expect(host.lowest > 80, "\(host.lowestReason)")
    #expect(host.alerts().isEmpty)
    // 30 % are too slow: thirty times too fast.
    for _ in 0..<90 { second(slow: 0.3) }
    #expect(host.health.latency < 30)
    #expect(host.health.op == 1)
    #expect(host.reason.contains("objective"))
    let alerts = host.alerts().filter { $0.subject == "objective" }
    #expect(alerts.map(\.severity).contains(1))
    #expect(alerts.first?.reason.hasPrefix("operation 0: slow calls use up") == true)
    // It is over: the short windows say so.
    for _ in 0..<120 { second(slow: 0) }
    #expect(host.health.latency > 80)
    #expect(host.alerts().last { $0.subject == "objective" }?.severity == 0)
  }

  @Test("Usually slow calls do not count where the objective allows them")
  func allowed() throws {
    let host = try HealthHost(operations: 1)
    #expect(
      host.recording.set(Objective(latencyNanoseconds: 100_000_000, successRatio: 0.9), of: 1))
    for second in 0..<120 {
      host.calls(0, 30, milliseconds: second < 60 ? 2 : 40)
      host.tick()
    }
    #expect(host.health.score > 98)
  }

  @Test("Burn rates are those of the windows, whatever the clock does")
  func burnRates() {
    var record = BurnRecord()
    let second: UInt64 = 1_000_000_000
    let objective = Objective(latencyNanoseconds: 1, successRatio: 0.9)
    for time in UInt64(0)..<3_600 {
      record.add(.init(calls: 10, slow: time >= 1_800 ? 5 : 0, failed: 0), at: time * second)
    }
    let now = 3_599 * second
    let minute = record.sums(seconds: 60, at: now)
    #expect(minute.calls >= 600 && minute.calls <= 660)
    #expect(minute.slow == minute.calls / 2)
    let hour = record.sums(seconds: 3_600, at: now)
    #expect(hour.calls >= 35_000)
    #expect(abs(hour.slow / hour.calls - 0.25) < 0.03)
    #expect(record.sums(seconds: 60, at: now + 100_000 * second).calls == 0)
    // Back in time, and far ahead: no trap.
    record.add(.init(calls: .max, slow: .max, failed: .max), at: 0)
    record.add(.init(calls: .max, slow: 1, failed: 1), at: .max)
    record.add(.init(calls: 1, slow: 1, failed: 1), at: .max)
    _ = record.finding(objective, at: .max)
    #expect(record.finding(objective, at: 0).slow.severity <= 1)
  }

  @Test("Severities are monotone, and numbers from 0 to 1 whatever comes")
  func severities() {
    let values = [
      -.infinity, -1e300, -1, 0, 1e-9, 0.5, 0.8, 0.9, 0.99, 1, 3, 1e9, 1e300, .infinity,
    ]
    let functions: [(Double) -> Double] = [
      { Severity.slowdown($0) }, { Severity.failures($0, usual: 0.01) }, { Severity.use($0) },
      { Severity.burn($0) }, { -Severity.urgency(minutes: $0) + 1 }, { Evidence.calls($0) },
      { Evidence.failures($0) }, { Evidence.lowerBound($0, of: 1e9) },
    ]
    for function in functions {
      var before = 0.0
      for value in values {
        let found = function(value)
        #expect(found >= before && found <= 1, "\(value): \(found) after \(before)")
        before = found
      }
      #expect(!function(.nan).isNaN)
    }
  }
}
