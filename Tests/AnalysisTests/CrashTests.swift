// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Testing

@testable import Analysis
@testable import Recording

@Suite("Crashes to come")
struct CrashTests {
  private func crash(_ host: HealthHost) -> prognos_crash {
    var crash = prognos_crash()
    _ = AnswerTable<prognos_crash>(host.recording, .crash)?.read(0, into: &crash)
    return crash
  }

  /// The second of the first alarm, while `use` tells what is used of 1,000 descriptors.
  private func firstAlarm(
    _ host: HealthHost, seconds: Int, step: Double = 1, _ use: (Double) -> Double
  ) -> Double? {
    for second in 1...seconds {
      let time = Double(second) * step
      host.calls(0, 20, milliseconds: 5)
      host.sample[.descriptors] = (UInt64(max(use(time), 0)), 1000)
      host.tick(seconds: step)
      if crash(host).probability >= 0.5 { return time }
    }
    return nil
  }

  @Test("A steady leak is an alarm well before its end, and the time that is left is about right")
  func leak() throws {
    let host = try HealthHost(operations: 2)
    let alarm = try #require(firstAlarm(host, seconds: 195) { 50 + 950 * $0 / 200 })
    #expect(alarm < 170 && alarm > 60)
    for second in Int(alarm) + 1...170 {
      host.calls(0, 20, milliseconds: 5)
      host.sample[.descriptors] = (UInt64(50 + 950 * second / 200), 1000)
      host.tick()
    }
    let found = crash(host)
    #expect(found.kind == PROGNOS_CRASH_EXHAUSTION.rawValue)
    #expect(text(found.resource) == "file descriptors")
    #expect(found.minutes_to_failure > 0.25 && found.minutes_to_failure < 1)
    #expect(found.minutes_low < found.minutes_to_failure)
    #expect(found.minutes_high > found.minutes_to_failure)
    #expect(text(found.reason).contains("RLIMIT_NOFILE"))
  }

  @Test("A leak of days is seen as one of minutes is")
  func slowLeak() throws {
    let host = try HealthHost(operations: 1)
    let alarm = firstAlarm(host, seconds: 195, step: 1800) { 50 + 950 * $0 / 360_000 }
    #expect(alarm != nil)
    #expect((alarm ?? 0) < 306_000)
  }

  @Test(
    "What stops, comes back, or is used by turns is none, in 8 hours",
    arguments: [
      "idle", "warm-up", "logarithmic", "cache", "sawtooth", "batch", "steps", "pool", "burst",
    ])
  func healthy(_ shape: String) throws {
    let host = try HealthHost(operations: 1)
    let hours = 8.0
    let alarm = firstAlarm(host, seconds: Int(hours * 3600 / 120), step: 120) { time in
      let x = time / (hours * 3600)
      switch shape {
      case "warm-up": return 100 + 450 * (1 - Math.exp(-x * 20))
      case "logarithmic": return 100 + 120 * Math.log(1 + x * 50)
      case "cache": return min(100 + 1200 * x, 550)
      case "sawtooth": return 100 + 400 * (time / 900 - (time / 900).rounded(.down))
      case "batch": return (time / 1800 - (time / 1800).rounded(.down)) < 0.3 ? 600 : 100
      case "steps": return x < 0.3 ? 100 : x < 0.5 ? 250 : x < 0.8 ? 400 : 550
      case "pool": return min(50 + time / 4, 400)
      case "burst": return 100 + 500 * Math.exp(-(x - 0.5) * (x - 0.5) * 4000)
      default: return 50
      }
    }
    if shape == "burst" {
      // Up to 60 % within ten minutes, after four hours of calm: it is not told from a leak before it ends.
      withKnownIssue(isIntermittent: true) { #expect(alarm == nil) }
    } else {
      #expect(alarm == nil)
    }
  }

  @Test("Threads that wait for each other are a deadlock, within seconds")
  func deadlock() throws {
    let host = try HealthHost(operations: 2)
    host.sample[.descriptors] = (20, 1000)
    for _ in 0..<60 {
      host.calls(0, 50, milliseconds: 5)
      host.calls(1, 50, milliseconds: 5)
      host.tick()
    }
    #expect(crash(host).probability < 0.1)
    for second in 1...8 {
      host.sample.openThreads = 2
      host.sample.longestOpen[0].operation = 2
      host.sample.longestOpen[0].nanoseconds = UInt64(second) * 1_000_000_000 + 100_000_000
      host.sample.longestOpen[1].operation = 1
      host.sample.longestOpen[1].nanoseconds = UInt64(second) * 1_000_000_000
      host.tick()
    }
    let found = crash(host)
    #expect(found.probability > 0.6)
    #expect(found.kind == PROGNOS_CRASH_DEADLOCK.rawValue)
    #expect(found.op == 2)
  }

  @Test("One call that waits for long among many that go on is no crash")
  func lostThread() throws {
    let host = try HealthHost(operations: 2)
    host.sample[.descriptors] = (20, 1000)
    for second in 1...60 {
      host.calls(0, 50, milliseconds: 5)
      if second < 30 {
        host.calls(1, 50, milliseconds: 5)
      } else {
        host.sample.openThreads = 4
        host.sample.longestOpen[0].operation = 2
        host.sample.longestOpen[0].nanoseconds = UInt64(second - 29) * 1_000_000_000
      }
      host.tick()
      #expect(crash(host).probability < 0.5)
    }
  }

  @Test("Calls that begin to fail, all of them, are named")
  func errors() throws {
    let host = try HealthHost(operations: 2)
    host.sample[.descriptors] = (20, 1000)
    for second in 1...60 {
      host.calls(0, 50, milliseconds: 5)
      host.calls(1, 50, milliseconds: 5, failing: second > 40 ? 0.95 : 0.01)
      host.tick()
    }
    #expect(crash(host).probability >= 0.5)
    #expect(crash(host).kind == PROGNOS_CRASH_ERRORS.rawValue)
    #expect(crash(host).op == 2)
  }

  /// The second of the first alarm while calls of the first operation take so many milliseconds.
  private func firstAlarm(
    _ host: HealthHost, seconds: Int, milliseconds: (Int) -> Double, each: (Int) -> Void
  ) -> Int? {
    host.sample[.descriptors] = (20, 1000)
    for second in 1...seconds {
      host.calls(0, 20, milliseconds: milliseconds(second))
      host.calls(1, 60, milliseconds: 0.05)
      each(second)
      host.tick()
      if crash(host).probability >= 0.5 { return second }
    }
    return nil
  }

  @Test(
    "A CPU quota that calls will soon use up, because they need ever more, is an alarm before it is used up"
  )
  func quota() throws {
    let host = try HealthHost(operations: 2)
    host.point.cpuQuota = HealthHost.second
    // The host itself takes a fifth of a CPU.
    let alarm = try #require(
      firstAlarm(host, seconds: 80, milliseconds: { 1 + 0.25 * Double($0) }) {
        host.point.cpuNanoseconds += UInt64($0) * HealthHost.second / 100
      })
    #expect(alarm > 20 && alarm < 76)
    #expect(crash(host).kind == PROGNOS_CRASH_OVERLOAD.rawValue)
    #expect(text(crash(host).resource) == "CPU quota")
    #expect(crash(host).op == 1)
  }

  @Test("A CPU quota that is used up by calls that take as long as ever is none")
  func busyQuota() throws {
    let host = try HealthHost(operations: 2)
    host.point.cpuQuota = HealthHost.second
    let alarm = firstAlarm(host, seconds: 120, milliseconds: { _ in 5 }) {
      host.point.cpuNanoseconds += UInt64(min($0, 78)) * HealthHost.second / 100
    }
    #expect(alarm == nil)
  }

  @Test("Calls that have taken ever longer since the first second are an alarm")
  func everSlower() throws {
    let host = try HealthHost(operations: 2)
    let alarm = firstAlarm(
      host, seconds: 60, milliseconds: { Math.exp(0.1 * Double($0)) }, each: { _ in })
    #expect(alarm != nil)
    #expect(crash(host).kind == PROGNOS_CRASH_OVERLOAD.rawValue && crash(host).op == 1)
  }

  @Test(
    "Calls that are slow because other processes have the CPUs are none", arguments: [true, false])
  func busyMachine(isMachine: Bool) throws {
    let host = try HealthHost(operations: 2)
    host.sample.processors = 2
    let alarm = firstAlarm(host, seconds: 90, milliseconds: { $0 > 40 ? 100 : 4 }) {
      host.sample.runQueueNanoseconds +=
        $0 > 40 && isMachine ? 4 * HealthHost.second : HealthHost.second / 50
    }
    #expect((alarm == nil) == isMachine)
  }

  @Test("A call that takes seconds now and then, where there are few, is none")
  func rareLongCalls() throws {
    let host = try HealthHost(operations: 2)
    host.sample[.descriptors] = (20, 1000)
    for second in 1...120 {
      if second % 10 == 0 {
        host.calls(0, 1, milliseconds: 2300)
      } else {
        host.calls(0, 30, milliseconds: 0.05)
      }
      host.tick()
      #expect(crash(host).probability < 0.5)
    }
  }

  @Test("The operation whose calls go with the growth is to blame")
  func blame() throws {
    let host = try HealthHost(operations: 3)
    var used = 50
    for _ in 0..<120 {
      let guilty = 5 + Int(host.random.unit() * 6)
      host.calls(0, 8 + Int(host.random.unit() * 8), milliseconds: 2)
      host.calls(1, guilty, milliseconds: 2)
      host.calls(2, 8 + Int(host.random.unit() * 8), milliseconds: 2)
      used += guilty
      host.sample[.descriptors] = (UInt64(used), 1200)
      host.tick()
    }
    #expect(crash(host).probability >= 0.5)
    #expect(crash(host).op == 2)
  }

  @Test("An operation that is known to leak is to blame, and not the one around it")
  func blameOfLeak() throws {
    let host = try HealthHost(operations: 3)
    let table = try #require(AnswerTable<prognos_leak>(host.recording, .leaks))
    var leak = prognos_leak()
    (leak.op, leak.is_leak, leak.kind) = (2, 1, PROGNOS_LEAK_MEMORY.rawValue)
    table.set(leak, at: 0)
    table.setWritten(1)
    #expect(host.assessor.operationToBlame(for: .groupMemory) == 2)
    #expect(host.assessor.operationToBlame(for: .descriptors) == 0)
    leak.kind = PROGNOS_LEAK_SOCKETS.rawValue
    table.set(leak, at: 0)
    #expect(host.assessor.operationToBlame(for: .descriptors) == 2)
    leak.is_leak = 0
    table.set(leak, at: 0)
    #expect(host.assessor.operationToBlame(for: .descriptors) == 0)
  }
}

@Suite("The past of a resource")
struct UsageHistoryTests {
  @Test("Rough input changes nothing")
  func rough() {
    var history = UsageHistory()
    for second in 1...100 {
      history.add(Double(second), used: 10, limit: 100, longestBlock: .infinity)
    }
    let before = history
    for (time, used, limit) in [
      (50, 10, 100), (Double.nan, 10, 100), (.infinity, 10, 100), (200, -1, 100), (200, .nan, 100),
      (200, 10, 0), (200, 10, -5), (200, 10, .infinity), (200, .infinity, 100),
    ] {
      history.add(time, used: used, limit: limit, longestBlock: .infinity)
    }
    #expect(history.total == before.total && history.used == before.used)
    history.add(300, used: 1e300, limit: 1, longestBlock: .infinity)
    #expect(history.used == 2)
  }

  @Test("A limit that doubles halves what was used")
  func limitMoves() {
    var history = UsageHistory()
    for second in 1...20 {
      history.add(Double(second), used: 50, limit: 100, longestBlock: .infinity)
    }
    history.add(21, used: 50, limit: 200, longestBlock: .infinity)
    #expect(history.maxima[0] == 0.25 && history.used == 0.25)
  }

  @Test("All of a life is kept in 48 blocks, or its latest part with the greatest use before")
  func merges() {
    var (all, late) = (UsageHistory(), UsageHistory())
    for tick in 0..<100_000 {
      let used = tick == 5 ? 90.0 : 10
      all.add(Double(tick) * 0.1, used: used, limit: 100, longestBlock: .infinity)
      late.add(Double(tick) * 0.1, used: used, limit: 100, longestBlock: 2)
    }
    #expect(all.maxima[0] == 0.9 && !all.hasForgotten)
    #expect(late.maxima[0] == 0.1 && late.greatestBefore == 0.9 && late.hasForgotten)
    #expect(late.times[0] > 9_900)
  }
}
