// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Testing

@testable import Analysis
@testable import Recording

@Suite("Health")
struct HealthTests {
  /// A minute of two operations as usual.
  private func host(seconds: Int = 60, perSecond: Int = 40) throws -> HealthHost {
    let host = try HealthHost(operations: 3)
    for _ in 0..<seconds {
      host.calls(0, perSecond, milliseconds: 4)
      host.calls(1, perSecond, milliseconds: 1)
      host.tick()
    }
    return host
  }

  @Test("A process that does what it always does is well, and says so with numbers")
  func well() throws {
    let host = try host()
    #expect(host.lowest > 95)
    #expect(host.health.score > 98)
    #expect(host.health.confidence > 0.8)
    #expect(host.reason.hasPrefix("as usual: "))
    #expect(host.reason.contains("calls/s, 0 % failed"))
    let (finished, health) = host.assessor.health(of: 1)
    #expect(finished == 2400)
    #expect(try #require(health).score > 98)
  }

  @Test("An idle process is well, but nobody knows it for sure")
  func idle() throws {
    let host = try HealthHost(operations: 1)
    for _ in 0..<60 { host.tick() }
    #expect(host.health.score == 100)
    #expect(host.health.confidence < 0.3)
    #expect(host.reason == "nothing is wrong, and no call has finished yet")
  }

  @Test(
    "Calls that take ten times as long bring it below 20 within two seconds, and name the operation"
  )
  func tenTimes() throws {
    let host = try host()
    for _ in 0..<2 {
      host.calls(0, 12, milliseconds: 40)
      host.calls(1, 40, milliseconds: 1)
      host.tick()
    }
    #expect(host.health.score < 20)
    #expect(host.health.latency < 20)
    #expect(host.health.errors == 100)
    #expect(host.health.op == 1)
    #expect(host.reason.contains("operation 0 takes "))
    #expect(host.reason.contains("times as long as usual"))
  }

  @Test("So do calls that all fail")
  func allFail() throws {
    let host = try host()
    for _ in 0..<2 {
      host.calls(0, 40, milliseconds: 4)
      host.calls(1, 40, milliseconds: 1, failing: 1)
      host.tick()
    }
    #expect(host.health.score < 20)
    #expect(host.health.op == 2)
    #expect(host.reason.contains("of its calls fail, usually"))
  }

  @Test("One failed call of two, and one slow call of few, are little evidence")
  func little() throws {
    let host = try HealthHost(operations: 1)
    for second in 0..<120 {
      if second % 10 == 0 { host.call(0, milliseconds: 4, failed: second == 50) }
      if second == 85 { host.call(0, milliseconds: 40) }
      host.tick()
    }
    #expect(host.lowest > 80, "\(host.lowestReason)")
  }

  @Test("A blip of one second is no alarm; ten seconds of it are")
  func blip() throws {
    let host = try host()
    host.calls(0, 20, milliseconds: 14)
    host.calls(1, 40, milliseconds: 1)
    host.tick()
    #expect(host.health.score > 60)
    for _ in 0..<10 {
      host.calls(0, 20, milliseconds: 14)
      host.calls(1, 40, milliseconds: 1)
      host.tick()
    }
    #expect(host.health.score < 55)
  }

  @Test(
    "It never rises as a fault gets worse",
    arguments: ["latency", "errors", "descriptors", "throttled", "crash", "leak", "stall"])
  func monotone(_ fault: String) throws {
    var before = 100.001
    for level in 0...8 {
      let host = try host(seconds: 40, perSecond: 20)
      let part = Double(level) / 8
      for _ in 0..<8 {
        var (slower, failing) = (1.0, 0.0)
        var isStalled = false
        switch fault {
        case "latency": slower = 1 + 9 * part
        case "errors": failing = part
        case "descriptors": host.sample[.descriptors] = (UInt64(800 + 200 * part), 1000)
        case "throttled": host.point.throttledNanoseconds += UInt64(1e9 * part)
        case "crash":
          var crash = prognos_crash()
          (crash.probability, crash.confidence, crash.minutes_to_failure) = (part, 0.9, 1)
          host.set([crash], .crash)
        case "leak":
          var leak = prognos_leak()
          (leak.is_leak, leak.kind, leak.score, leak.confidence) = (1, 1, 0.99, 0.9)
          leak.bytes_per_s = 1e6 * part
          host.set([leak], .leaks)
        default: isStalled = level > 0
        }
        if !isStalled {
          host.random = Mixer(state: 7)
          host.calls(0, 40, milliseconds: 4 * slower, failing: failing)
          host.calls(1, 40, milliseconds: 1)
          host.point.cpuNanoseconds += 100_000_000
        } else {
          host.point.activeOperations = 2
          host.point.cpuNanoseconds -= 200_000_000
        }
        host.tick()
      }
      #expect(host.health.score <= before + 0.001, "\(fault) \(part): \(host.reason)")
      before = host.health.score
    }
    #expect(before < (fault == "leak" ? 70 : fault == "throttled" ? 55 : 30), "\(fault): \(before)")
  }

  @Test("What is bad is not learnt as usual, and what was bad is forgotten within a minute")
  func learning() throws {
    let host = try host(seconds: 120)
    for _ in 0..<300 {
      host.calls(0, 20, milliseconds: 20)
      host.tick()
    }
    #expect(host.health.score < 40)
    for _ in 0..<60 {
      host.calls(0, 40, milliseconds: 4)
      host.calls(1, 40, milliseconds: 1)
      host.tick()
    }
    #expect(host.health.score > 95)
  }

  @Test("More work a call explains longer ones")
  func work() throws {
    let host = try HealthHost(operations: 1)
    let id = UInt32(1)
    for second in 0..<80 {
      let times = second < 60 ? 1.0 : 10.0
      host.calls(0, 20, milliseconds: 4 * times)
      host.work(0, UInt64(20 * 100 * times))
      host.tick()
    }
    #expect(host.lowest > 90, "\(host.lowestReason)")
    #expect(host.assessor.health(of: id).finished == 1600)
  }

  @Test("A resource at 99 % brings it below 20; one at 60 % costs nothing")
  func resources() throws {
    let host = try host()
    host.sample[.addressSpace] = (600, 1000)
    host.tick()
    #expect(host.health.memory == 100)
    host.sample[.addressSpace] = (990, 1000)
    host.tick()
    #expect(host.health.score < 20)
    #expect(host.reason == "address space: 99 % of the limit is used")
    #expect(host.health.memory < 20)
    #expect(host.health.saturation == 100)
  }

  @Test("A crash that is near brings it below 20; one in a month costs little")
  func crash() throws {
    let host = try host()
    var crash = prognos_crash()
    (crash.probability, crash.confidence, crash.op) = (0.98, 0.9, 2)
    crash.minutes_to_failure = 43_200
    host.set([crash], .crash)
    host.tick()
    #expect(host.health.score > 60)
    crash.minutes_to_failure = 0.5
    host.set([crash], .crash)
    host.tick()
    #expect(host.health.score < 20)
    #expect(host.health.op == 2)
    #expect(host.reason.contains("probability 98 %, in about 30 s, because of operation 1"))
    #expect(try #require(host.assessor.health(of: 2).health).stability < 20)
  }

  @Test("Below its least number of calls an operation is not judged")
  func notEnough() throws {
    let host = try HealthHost(operations: 2)
    host.calls(0, 4, milliseconds: 1)
    host.tick()
    #expect(host.assessor.health(of: 1).finished == 4)
    #expect(host.assessor.health(of: 1).health == nil)
    #expect(host.assessor.health(of: 2).finished == 0)
    #expect(host.assessor.health(of: 99).health == nil)
  }
}
