// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Glibc
import Testing

@testable import Analysis
@testable import Recording

@Suite("Productivity")
struct ProductivityTests {
  @Test("Efficiency is the share of useful time, less what fails")
  func efficiency() throws {
    let host = try HealthHost(operations: 1)
    for _ in 0..<30 {
      host.many(0, 100, milliseconds: 10, offCPU: 4, failed: 10)
      host.point.voluntarySwitches += 300
      host.point.involuntarySwitches += 100
      host.sample.taskSwitches += 50
      // As much waiting for a CPU as time on it, which tick() says is 0.2 s.
      host.sample.runQueueNanoseconds += 200_000_000
      host.tick()
    }
    let answer = try #require(host.answer(prognos_productivity(), .productivity))
    #expect(abs(answer.efficiency - 54) < 0.5)
    #expect(abs(answer.waiting_ratio - 0.4) < 0.01)
    #expect(abs(answer.failure_ratio - 0.1) < 0.001)
    #expect(abs(answer.context_switches_per_s - 400) < 5)
    #expect(abs(answer.slowdown_ratio - 2) < 0.05)
    #expect(abs(answer.context_switch_cost_ratio - 0.5) < 0.02)
    #expect(answer.task_switches == 1500)
    #expect(answer.task_switch_cost_ratio == 0)
    #expect(answer.best_hour == 24)
  }

  @Test("What switches cost is told from seconds with more and with less of them, and from nothing")
  func costs() {
    var random = Mixer(state: 3)
    let room = UnsafeMutablePointer<Double>.allocate(capacity: 64)
    defer { room.deallocate() }
    var (some, none, counting) = (SwitchCosts(), SwitchCosts(), SwitchCosts())
    var (cpu, context, tasks) = (0.0, 0.0, 0.0)
    for _ in 0..<300 {
      let (x, y) = (2 * random.unit(), random.unit())
      let noise = 1 + 0.05 * random.normal()
      some.add(contextSwitches: x, taskSwitches: y, cpu: (10_000 + 3_000 * x + 2_000 * y) * noise)
      none.add(contextSwitches: x, taskSwitches: y, cpu: 10_000 * noise)
      // Each piece of work begins with a switch: these count it.
      counting.add(contextSwitches: x, taskSwitches: y, cpu: 3_000 * x * noise)
      cpu += 10_000 + 3_000 * x + 2_000 * y
      context += 3_000 * x
      tasks += 2_000 * y
    }
    let (byContext, byTasks) = some.shares(room)
    #expect(abs(byContext - context / cpu) < 0.03)
    #expect(abs(byTasks - tasks / cpu) < 0.03)
    #expect(none.shares(room) == (0, 0))
    #expect(counting.shares(room) == (0, 0))
    #expect(SwitchCosts().shares(room) == (0, 0))
  }

  /// PROGNOS_SIMULATED_PROCESSES: how many, of which figures are printed (benchmarks/productivity).
  @Test("The best hour of the day is found in 28 days, whatever weekends and noise do")
  func bestHour() throws {
    let wanted = getenv("PROGNOS_SIMULATED_PROCESSES").flatMap { Int(String(cString: $0)) }
    let count = wanted ?? 6
    var (right, near) = (0, 0)
    for seed in 0..<count {
      let found = try simulate(seed: UInt64(seed &+ (wanted == nil ? 0 : 1000)))
      let distance = min((found.0 - found.1 + 24) % 24, (found.1 - found.0 + 24) % 24)
      if distance == 0 { right += 1 }
      if distance <= 1 { near += 1 }
    }
    if wanted != nil { print("best hour: \(count) processes, \(right) right, \(near) within 1 h") }
    #expect(Double(near) >= 0.9 * Double(count))
  }

  /// 28 days of a process whose day has two peaks; busier and quieter days, weekends, and noise that lasts for hours.
  /// Returns the true best hour and the one that was found.
  private func simulate(seed: UInt64) throws -> (Int, Int) {
    let host = try HealthHost(limit: 48 << 20, operations: 1)
    host.random = Mixer(state: seed &* 7919 &+ 17)
    let peak = 24 * host.random.unit()
    let second = peak + 6 + 6 * host.random.unit()
    let width = 1.5 + 1.5 * host.random.unit()
    let height = 0.7 * host.random.unit()
    let weekend = 0.3 + 0.7 * host.random.unit()
    let noise = 0.2 + 0.4 * host.random.unit()
    func bump(_ hour: Double, _ center: Double) -> Double {
      let away = abs((hour - center + 36).truncatingRemainder(dividingBy: 24) - 12)
      return exp(-away * away / (2 * width * width))
    }
    func usual(_ hour: Int) -> Double {
      0.3 + bump(Double(hour) + 0.5, peak) + height * bump(Double(hour) + 0.5, second)
    }
    let first = Int(host.now / 3_600_000_000_000)
    // Points end with the clock's hours.
    host.tick(seconds: 3600 - Double(host.now % 3_600_000_000_000) / 1e9)
    var (day, lasting) = (1.0, 0.0)
    for hour in first + 1..<first + 1 + 28 * 24 {
      if hour % 24 == 0 { day = exp(0.3 * host.random.normal()) }
      lasting = 0.5 * lasting + 0.866 * host.random.normal()
      let level = usual(hour % 24) * day * (hour / 24 % 7 < 5 ? 1 : weekend)
      host.many(0, UInt64(1000 * level * exp(noise * lasting)), milliseconds: 10)
      // Ranks come from the points of the history: the last half day is enough to have them.
      host.tick(seconds: 3600, isAssessed: hour >= first + 1 + 28 * 24 - 13)
    }
    let answer = try #require(host.answer(prognos_productivity(), .productivity))
    let best = (0..<24).max { usual($0) < usual($1) } ?? 0
    return (best, Int(answer.best_hour))
  }
}
