// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Testing

@testable import Recording

@Suite("The statistics of the ABI")
struct StatisticsTests {
  private let sandbox = Sandbox()
  private let lane: UnsafeMutablePointer<Lane>
  private let a: UInt32
  private let b: UInt32

  init() throws {
    lane = sandbox.lane()
    a = try sandbox.name("a")
    b = try sandbox.name("b")
    sandbox.header.pointee.cpuClock.set(CPUClock.threadClock)
  }

  @Test("An operation that never ran has zeros everywhere")
  func never() {
    var stats = sandbox.profile().statistics(of: a)
    stats.window_ns = 0  // the time that was watched
    withUnsafeBytes(of: stats) { #expect($0.allSatisfy { $0 == 0 }) }
  }

  @Test("Sums, extremes and counts are those of the finished calls")
  func sums() {
    let node = sandbox.node([a], on: lane)
    for ticks: UInt64 in [100, 20, 60] { sandbox.finish(node, ticks: ticks, on: lane, offCPU: 10) }
    let cells = sandbox.at(node)
    cells.pointee.failed.set(2)
    cells.pointee.abandoned.set(1)
    cells.pointee.work.set(1 << 40)
    cells.pointee.voluntarySwitches.set(4)
    cells.pointee.involuntarySwitches.set(5)
    cells.pointee.pageFaults.set(6)
    let stats = sandbox.profile(at: 2_000_000_000).statistics(of: a)
    #expect(stats.count == 3)
    #expect(stats.wall_ns == 180)
    #expect(stats.wall_min_ns == 20)
    #expect(stats.wall_max_ns == 100)
    #expect(stats.wall_p50_ns == 60)
    #expect(stats.wall_p95_ns == 100)
    #expect(stats.wall_p99_ns == 100)
    #expect(stats.cpu_ns == 150)
    #expect(stats.blocked_ns == 30)
    #expect(stats.self_wall_ns == 180)
    #expect(stats.self_cpu_ns == 150)
    #expect(stats.failed == 2)
    #expect(stats.abandoned == 1)
    #expect(stats.work == 1 << 40)
    #expect(stats.voluntary_switches == 4)
    #expect(stats.involuntary_switches == 5)
    #expect(stats.page_faults == 6)
    #expect(stats.rate_per_s == 1.5)
    #expect(stats.errors_per_min == 60)
  }

  @Test("Self times leave out the operations called inside, on the CPU and off it")
  func selfTimes() {
    sandbox.finish(sandbox.node([a, b], on: lane), ticks: 40, on: lane, offCPU: 30)
    sandbox.finish(sandbox.node([a], on: lane), ticks: 100, on: lane, offCPU: 35)
    let profile = sandbox.profile()
    let outer = profile.statistics(of: a)
    #expect(outer.self_wall_ns == 60)
    #expect(outer.self_cpu_ns == 55)
    let inner = profile.statistics(of: b)
    #expect(inner.self_wall_ns == 40)
    #expect(inner.self_cpu_ns == 10)
    #expect(profile.statistics(of: profile.paths[0]).self_wall_ns == 60)
  }

  @Test("CPU time is never above wall time nor below zero")
  func cpuWithinWall() {
    sandbox.finish(sandbox.node([a], on: lane), ticks: 100, on: lane, offCPU: 130)
    let stats = sandbox.profile().statistics(of: a)
    #expect(stats.cpu_ns == 0)
    #expect(stats.blocked_ns == 100)
    #expect(stats.self_cpu_ns == 0)
  }

  @Test("Without a CPU clock there is neither CPU time nor time blocked")
  func untracked() {
    sandbox.header.pointee.cpuClock.set(CPUClock.off)
    sandbox.finish(sandbox.node([a], on: lane), ticks: 100, on: lane)
    let stats = sandbox.profile().statistics(of: a)
    #expect(stats.cpu_ns == 0)
    #expect(stats.self_cpu_ns == 0)
    #expect(stats.blocked_ns == 0)
    #expect(stats.wall_ns == 100)
  }

  @Test("A call that is still open shows in active and, with its time so far, in the self times")
  func open() {
    sandbox.open(a, node: sandbox.node([a], on: lane), start: 0, on: lane)
    let stats = sandbox.profile(at: 1000).statistics(of: a)
    #expect(stats.active == 1)
    #expect(stats.count == 0)
    #expect(stats.wall_ns == 0)
    #expect(stats.self_wall_ns > 0)
    #expect(stats.self_cpu_ns == stats.self_wall_ns)
  }

  @Test("Calls without a path count with all their time as their own")
  func pathless() {
    let record = sandbox.recording.operation(a)
    record.pointee.pathless.count.set(2)
    record.pointee.pathless.wallTicks.set(70)
    record.pointee.pathless.offCPUNanoseconds.set(20)
    record.pointee.pathless.fastestComplement.set(~UInt64(30))
    record.pointee.pathless.slowestTicks.set(40)
    let stats = sandbox.profile().statistics(of: a)
    #expect(stats.count == 2)
    #expect(stats.wall_ns == 70)
    #expect(stats.wall_min_ns == 30)
    #expect(stats.wall_max_ns == 40)
    #expect(stats.self_wall_ns == 70)
    #expect(stats.self_cpu_ns == 50)
  }

  @Test("What calls without a path took is not their callers' own time")
  func pathlessCallees() {
    let node = sandbox.node([a], on: lane)
    sandbox.finish(node, ticks: 100, on: lane, offCPU: 30)
    sandbox.at(node).pointee.pathlessCallees.wallTicks.set(40)
    sandbox.at(node).pointee.pathlessCallees.offCPUNanoseconds.set(25)
    let record = sandbox.recording.operation(b)
    record.pointee.pathless.count.set(1)
    record.pointee.pathless.wallTicks.set(40)
    record.pointee.pathless.fastestComplement.set(~UInt64(40))
    record.pointee.pathless.offCPUNanoseconds.set(25)
    record.pointee.pathless.callees.wallTicks.set(10)
    record.pointee.pathless.callees.offCPUNanoseconds.set(5)
    let profile = sandbox.profile()
    #expect(profile.statistics(of: a).self_wall_ns == 60)
    #expect(profile.statistics(of: a).self_cpu_ns == 55)
    #expect(profile.statistics(of: b).self_wall_ns == 30)
    #expect(profile.statistics(of: b).self_cpu_ns == 10)
  }

  @Test("An operation's own switches leave out those during the calls made from it")
  func selfSwitches() {
    let (outer, inner) = (sandbox.node([a], on: lane), sandbox.node([a, b], on: lane))
    sandbox.finish(inner, ticks: 10, on: lane)
    sandbox.finish(outer, ticks: 20, on: lane)
    sandbox.at(outer).pointee.voluntarySwitches.set(7)
    sandbox.at(inner).pointee.voluntarySwitches.set(3)
    sandbox.at(inner).pointee.involuntarySwitches.set(2)
    let profile = sandbox.profile()
    #expect(profile.operation(a).selfSwitches == 2)
    #expect(profile.operation(b).selfSwitches == 5)
  }

  @Test("Quantiles stay between the fastest and the slowest call, which 0 and 1 give exactly")
  func quantiles() throws {
    let node = sandbox.node([a], on: lane)
    for ticks: UInt64 in [1_000_003, 1_000_009] { sandbox.finish(node, ticks: ticks, on: lane) }
    let profile = sandbox.profile()
    let operation = profile.operation(a)
    let (totals, distribution) = (operation.totals, operation.distribution)
    #expect(profile.quantile(0, totals, distribution) == 1_000_003)
    #expect(profile.quantile(1, totals, distribution) == 1_000_009)
    let median = try #require(profile.quantile(0.5, totals, distribution))
    #expect((1_000_003...1_000_009).contains(median))
    #expect(profile.quantile(0.5, Totals(), distribution) == nil)
  }

  @Test("Ticks become nanoseconds by the ratio of the moment, rounded")
  func ratio() {
    let moment = ReadingMoment(
      ticks: 3000, monotonicNanoseconds: 1000, nanosecondsPerTick: 1.0 / 3,
      cpuNanoseconds: { _ in nil })
    let profile = Profile(of: sandbox.recording, at: moment, distributions: .none)
    #expect(profile.nanoseconds(3) == 1)
    #expect(profile.nanoseconds(5) == 2)
    #expect(profile.nanoseconds(4) == 1)
    #expect(profile.durationNanoseconds == 1000)
  }

  @Test("Reading never traps, not even where a count is seen before the times that belong to it")
  func tornPathless() async {
    await #expect(processExitsWith: .success) {
      let sandbox = Sandbox()
      let a = try sandbox.name("a")
      sandbox.recording.operation(a).pointee.pathless.count.set(1)
      #expect(sandbox.profile().statistics(of: a).count == 1)
    }
  }

  @Test("Calls without a caller are what the threads did as a whole")
  func outermost() {
    sandbox.finish(sandbox.node([a, b], on: lane), ticks: 40, on: lane)
    sandbox.finish(sandbox.node([a], on: lane), ticks: 100, on: lane)
    sandbox.finish(sandbox.node([b], on: lane), ticks: 7, on: lane)
    let (totals, distribution) = sandbox.profile().outermost
    #expect(totals.count == 2)
    #expect(totals.wallTicks == 107)
    #expect(distribution.total == 2)
  }
}
