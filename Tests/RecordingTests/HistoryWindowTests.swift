// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Recording

/// A recording with a collector, on a virtual clock on which one tick is one nanosecond.
final class Past {
  struct Call {
    let operation: Int
    let at: UInt64
    let ticks: UInt64
    let failed: Bool
  }

  static let second: UInt64 = 1_000_000_000
  let sandbox: Sandbox
  let lane: UnsafeMutablePointer<Lane>
  var nodes: [UInt32] = []
  var calls: [Call] = []
  var now: UInt64 = 1_000 * second
  var random = SplitMix(state: 4)

  init(limit: UInt64 = 32 << 20, operations: Int, history: Bool = true) throws {
    sandbox = Sandbox(limit: limit, operations: UInt32(max(operations, 8)), lanes: 8)
    sandbox.header.pointee.startMonotonic.set(now)
    lane = sandbox.lane()
    if history { #expect(sandbox.recording.prepareHistory()) }
    for index in 0..<operations {
      nodes.append(sandbox.node([try sandbox.name("operation \(index)")], on: lane))
    }
  }

  func call(_ operation: Int, ticks: UInt64, failed: Bool = false) {
    sandbox.finish(nodes[operation], ticks: ticks, on: lane)
    if failed { sandbox.at(nodes[operation]).pointee.failed.add(1) }
    calls.append(Call(operation: operation, at: now, ticks: ticks, failed: failed))
  }

  func tick(after nanoseconds: UInt64 = second) {
    now += nanoseconds
    sandbox.recording.tick(
      at: HistoryMoment(monotonicNanoseconds: now, unixNanoseconds: now), interval: Self.second,
      process: ProcessPoint())
  }

  func window(seconds: UInt64) throws -> (window: HistoryWindow, profile: Profile) {
    let profile = sandbox.profile(at: now)
    return (try #require(HistoryWindow(of: profile, nanoseconds: seconds * Self.second)), profile)
  }

  /// Compares each operation's window with the calls that were made in it.
  func check(seconds: UInt64, longerBy: UInt64 = 2, _ operations: [Int]) throws {
    let (window, profile) = try window(seconds: seconds)
    let began = sandbox.header.pointee.startMonotonic.value
    let wanted = min(seconds * Self.second, now - began)
    #expect(window.nanoseconds >= wanted)
    #expect(window.nanoseconds <= wanted + longerBy * Self.second)
    let start = now - window.nanoseconds
    for operation in operations {
      let id = UInt32(operation + 1)
      let inside = calls.filter { $0.operation == operation && $0.at >= start }
      let stats = window.statistics(of: id, in: profile)
      #expect(stats.count == UInt64(inside.count))
      #expect(stats.failed == UInt64(inside.count { $0.failed }))
      #expect(stats.wall_ns == inside.reduce(0) { $0 + $1.ticks })
      #expect(stats.window_ns == window.nanoseconds)
      #expect(
        stats.rate_per_s == Double(inside.count) / (Double(window.nanoseconds) / 1e9))
      let sorted = inside.map(\.ticks).sorted()
      for q in [0, 0.5, 0.95, 0.99, 1] {
        guard !sorted.isEmpty else {
          #expect(window.quantile(q, of: id, in: profile) == nil)
          continue
        }
        let exact = Double(sorted[max(Int((q * Double(sorted.count)).rounded(.up)), 1) - 1])
        let told = Double(try #require(window.quantile(q, of: id, in: profile)))
        #expect(abs(told - exact) <= exact * 0.008)
      }
    }
  }
}

@Suite("Windows")
struct HistoryWindowTests {
  /// Some calls of each operation, the higher ones more seldom.
  private func work(_ past: Past, _ operations: Int, perTick: Int) {
    for operation in 0..<operations {
      for _ in 0..<perTick where past.random.next() % UInt64(operation * operation + 1) == 0 {
        let magnitude = past.random.next() % 20
        let ticks = 200 + past.random.next() % (1 << (8 + magnitude))
        past.call(operation, ticks: ticks, failed: past.random.next() % 10 == 0)
      }
    }
  }

  @Test("A window has exactly the calls that ended in it, with quantiles within 0.8 %")
  func exact() throws {
    let past = try Past(operations: 12)
    for second in 1...5_100 {
      work(past, 12, perTick: 1)
      // Ticks come late, and after a suspension very late.
      past.tick(
        after: second == 3_000 ? 90 * Past.second : Past.second + past.random.next() % 200_000_000)
      guard second % 1_000 == 3 else { continue }
      // The newest calls belong to no tick yet.
      past.now += 300_000_000
      work(past, 12, perTick: 1)
      try past.check(seconds: 60, longerBy: second == 3_003 ? 92 : 2, Array(0..<12))
      try past.check(seconds: 300, Array(0..<12))
      try past.check(seconds: 3_600, longerBy: 92, Array(0..<12))
    }
  }

  @Test("A window of a recording that is younger covers all of it, also before the first tick")
  func young() throws {
    let past = try Past(operations: 2)
    past.call(0, ticks: 1_000)
    past.now += 500_000_000
    for seconds: UInt64 in [60, 300, 3_600] { try past.check(seconds: seconds, [0, 1]) }
    past.tick()
    past.call(1, ticks: 2_000)
    past.now += 1
    for seconds: UInt64 in [60, 300, 3_600] { try past.check(seconds: seconds, [0, 1]) }
  }

  @Test("What was called before the window is not in it, and idle time is")
  func idle() throws {
    let past = try Past(operations: 2)
    past.call(0, ticks: 1_000)
    past.call(0, ticks: 5_000)
    for _ in 0..<90 { past.tick() }
    try past.check(seconds: 60, [0, 1])
    #expect(try past.window(seconds: 60).window.totals[1].finished == 0)
    #expect(try past.window(seconds: 300).window.totals[1].finished == 2)
    past.call(0, ticks: 70_000)
    try past.check(seconds: 60, [0])
  }

  @Test("Without a history there is no window")
  func none() throws {
    let past = try Past(operations: 1, history: false)
    #expect(HistoryWindow(of: past.sandbox.profile(at: past.now), nanoseconds: 60) == nil)
    past.tick()
  }

  @Test("Many busy operations make windows longer, never wrong, and take no more memory")
  func wide() throws {
    let past = try Past(limit: 2 << 20, operations: 400)
    var pages: [UInt32] = []
    for second in 1...4_000 {
      for operation in 0..<400 where (operation + second) % 3 == 0 {
        past.call(operation, ticks: 1_000 + UInt64(operation * 7 % 500))
      }
      past.tick()
      if second % 1_000 == 700 {
        pages.append(past.sandbox.header.pointee.arenaPage.value)
        past.now += 1_000
        let some = [0, 1, 200, 398, 399]
        try past.check(seconds: 60, longerBy: 400, some)
        try past.check(seconds: 300, longerBy: 900, some)
        try past.check(seconds: 3_600, longerBy: 3_600, some)
        past.calls.removeAll { $0.at + 8_000 * Past.second < past.now }
      }
    }
    #expect(Set(pages).count == 1)
    #expect(past.sandbox.header.pointee.history.records[Tier.seconds].step.value > 1)
  }

  @Test("All calls without a caller are an operation of their own, with handle 0")
  func outermost() throws {
    let past = try Past(operations: 3)
    past.nodes[2] = past.sandbox.node([1, 3], on: past.lane)
    past.call(0, ticks: 1_000)
    past.tick()
    past.call(1, ticks: 2_000)
    past.call(2, ticks: 4_000)
    let (window, profile) = try past.window(seconds: 60)
    #expect(window.totals[0].finished == 2)
    #expect(window.totals[0].wallTicks == 3_000)
    #expect(window.totals[3].finished == 1)
    #expect(window.statistics(of: 0, in: profile).wall_max_ns / 10 == 200)
  }

  @Test("Memory counts in the operations around a node, in each once, as in a profile")
  func memory() throws {
    let past = try Past(operations: 3)
    let recursive = past.sandbox.node([1, 2, 1], on: past.lane)
    for index in 0..<4 {
      past.sandbox.at(recursive).pointee.memory.countAllocation(100)
      past.sandbox.at(past.nodes[1]).pointee.memory.countAllocation(10)
      past.sandbox.at(past.nodes[1]).pointee.memory.countFree(7)
      if index != 3 { past.tick() }
      let (window, profile) = try past.window(seconds: 60)
      for id: UInt32 in 1...3 {
        let stats = window.statistics(of: id, in: profile)
        let all = profile.statistics(of: id)
        #expect(stats.allocated_bytes == all.allocated_bytes)
        #expect(stats.allocations == all.allocations)
        #expect(stats.freed_bytes == all.freed_bytes)
      }
    }
    for _ in 0..<61 { past.tick() }
    past.sandbox.at(recursive).pointee.memory.countAllocation(100)
    let (window, profile) = try past.window(seconds: 60)
    #expect(window.statistics(of: 1, in: profile).allocated_bytes == 100)
    #expect(window.statistics(of: 2, in: profile).allocated_bytes == 100)
  }

  @Test("Pathless calls, and those of several lanes, are in windows, too")
  func pathless() throws {
    let past = try Past(operations: 1)
    let other = past.sandbox.lane()
    let node = past.sandbox.node([1], on: other)
    for _ in 0..<3 {
      past.sandbox.finish(node, ticks: 500, on: other)
      past.call(0, ticks: 700)
      past.sandbox.recording.operation(1).pointee.pathless.count.add(1)
      past.sandbox.recording.operation(1).pointee.pathless.wallTicks.add(50)
      past.tick()
    }
    let (window, _) = try past.window(seconds: 60)
    #expect(window.totals[1].finished == 9)
    #expect(window.totals[1].wallTicks == 3 * 1_250)
    #expect(window.distributions[1].total == 6)
  }
}
