// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Recording

@Suite("A profile")
struct ProfileTests {
  private func find(_ path: [UInt32], in profile: Profile) -> Profile.Path? {
    var index: Int?
    for operation in path {
      index = profile.paths.indices.first {
        profile.paths[$0].operation == operation && profile.paths[$0].parent == index
      }
      if index == nil { return nil }
    }
    return index.map { profile.paths[$0] }
  }

  @Test("The same path in several lanes is one path with all their calls")
  func mergesLanes() throws {
    let sandbox = Sandbox()
    let (a, b) = (try sandbox.name("a"), try sandbox.name("b"))
    for (number, lane) in [sandbox.lane(), sandbox.lane(), sandbox.lane()].enumerated() {
      sandbox.finish(sandbox.node([a, b], on: lane), ticks: UInt64(10 + number), on: lane)
      sandbox.finish(sandbox.node([a], on: lane), ticks: 100, on: lane)
    }
    let profile = sandbox.profile()
    #expect(profile.paths.count == 2)
    let inner = try #require(find([a, b], in: profile))
    #expect(inner.totals.count == 3)
    #expect(inner.totals.wallTicks == 33)
    #expect(inner.totals.fastestTicks == 10)
    #expect(inner.totals.slowestTicks == 12)
    #expect(inner.distribution.total == 3)
    #expect(inner.depth == 1)
    let outer = try #require(find([a], in: profile))
    #expect(outer.totals.count == 3)
    #expect(outer.calleeTicks == 33)
    #expect(profile.selfTicks(outer) == 267)
    #expect(profile.selfTicks(inner) == 33)
  }

  @Test("Callers come before those they call, whatever the order in which lanes met them")
  func callersFirst() throws {
    let sandbox = Sandbox()
    let ids = try (0..<6).map { try sandbox.name("\($0)") }
    var random = SplitMix(state: 4)
    for _ in 0..<4 {
      let lane = sandbox.lane()
      for _ in 0..<50 {
        let path = (0..<Int.random(in: 1...5, using: &random)).map { _ in
          ids.randomElement(using: &random)!
        }
        sandbox.finish(sandbox.node(path, on: lane), ticks: 1, on: lane)
      }
    }
    let profile = sandbox.profile()
    for (index, path) in profile.paths.enumerated() {
      if let parent = path.parent { #expect(parent < index) }
      #expect(path.depth == path.parent.map { profile.paths[$0].depth + 1 } ?? 0)
    }
    #expect(profile.everything.count == 200)
  }

  @Test("An operation's numbers are those of all its paths, recursion included")
  func recursion() throws {
    let sandbox = Sandbox()
    let lane = sandbox.lane()
    let (a, b) = (try sandbox.name("a"), try sandbox.name("b"))
    sandbox.finish(sandbox.node([a, a, a], on: lane), ticks: 10, on: lane)
    sandbox.finish(sandbox.node([a, a], on: lane), ticks: 30, on: lane)
    sandbox.finish(sandbox.node([a], on: lane), ticks: 60, on: lane)
    sandbox.finish(sandbox.node([b, a], on: lane), ticks: 5, on: lane)
    let profile = sandbox.profile()
    let operation = profile.operation(a)
    let (totals, distribution) = (operation.totals, operation.distribution)
    #expect(totals.count == 4)
    #expect(totals.wallTicks == 105)
    #expect(distribution.total == 4)
    let selfTimes = profile.paths.filter { $0.operation == a }.map { profile.selfTicks($0) }
    #expect(selfTimes.reduce(0, +) == 60 + 5)
  }

  @Test("What operations took by themselves adds up to what the outermost calls took")
  func selfTimesAddUp() throws {
    let sandbox = Sandbox()
    let lane = sandbox.lane()
    let ids = try (0..<5).map { try sandbox.name("\($0)") }
    var random = SplitMix(state: 5)
    var outermost: UInt64 = 0
    for _ in 0..<200 {
      var path: [UInt32] = []
      let depth = Int.random(in: 1...5, using: &random)
      for level in 0..<depth {
        path.append(ids.randomElement(using: &random)!)
        let ticks = UInt64(1000 * (depth - level)) + UInt64(level)
        if level == 0 { outermost += ticks }
        sandbox.finish(sandbox.node(path, on: lane), ticks: ticks, on: lane)
      }
    }
    let profile = sandbox.profile()
    let selfTimes = profile.paths.map { profile.selfTicks($0) }.reduce(0, +)
    #expect(profile.outermost.totals.wallTicks == outermost)
    #expect(selfTimes == outermost)
  }

  @Test("An open call is active, with the time it has taken so far, and not finished")
  func open() throws {
    let sandbox = Sandbox()
    let lane = sandbox.lane()
    let (a, b) = (try sandbox.name("a"), try sandbox.name("b"))
    sandbox.open(a, node: sandbox.node([a], on: lane), start: 1000, on: lane)
    sandbox.open(b, node: sandbox.node([a, b], on: lane), start: 1400, on: lane)
    let profile = sandbox.profile(at: 2000)
    let outer = try #require(find([a], in: profile))
    let inner = try #require(find([a, b], in: profile))
    #expect(outer.totals.count == 0)
    #expect(outer.totals.active == 1)
    #expect(outer.totals.openTicks == 1000)
    #expect(inner.totals.openTicks == 600)
    #expect(profile.selfTicks(outer) == 400)
    #expect(outer.wallTicksSoFar == 1000)
    #expect(outer.hasCalls)
    #expect(profile.everything.active == 2)
  }

  @Test("A call that began after the moment of the reading has taken no time")
  func beganLater() throws {
    let sandbox = Sandbox()
    let lane = sandbox.lane()
    let a = try sandbox.name("a")
    sandbox.open(a, node: sandbox.node([a], on: lane), start: 3000, on: lane)
    #expect(sandbox.profile(at: 2000).operation(a).totals.openTicks == 0)
    #expect(sandbox.profile(at: 2000).operation(a).totals.active == 1)
  }

  @Test("Open calls are found through all segments of a stack")
  func openDeep() throws {
    let sandbox = Sandbox()
    let lane = sandbox.lane()
    let a = try sandbox.name("a")
    var node = lane.pointee.root.value
    for _ in 0..<300 {
      node = try #require(sandbox.recording.child(a, of: node, in: lane))
      sandbox.open(a, node: node, start: 1, on: lane)
    }
    #expect(sandbox.profile().operation(a).totals.active == 300)
    lane.pointee.top.set(lane.pointee.top.value + Frame.busyOffset)
    #expect(sandbox.profile().operation(a).totals.active == 300)
  }

  @Test(
    "What a waiting thread has been off its CPU since it last looked belongs to the innermost call")
  func waiting() throws {
    let sandbox = Sandbox()
    let lane = sandbox.lane()
    let (a, b) = (try sandbox.name("a"), try sandbox.name("b"))
    sandbox.header.pointee.cpuClock.set(CPUClock.threadClock)
    lane.pointee.cpuClock.set(CPUClock.threadClock)
    lane.pointee.threadID.set(42)
    lane.pointee.syncedWall.set(1000)
    lane.pointee.syncedCPU.set(500)
    sandbox.open(a, node: sandbox.node([a], on: lane), start: 1000, on: lane)
    sandbox.open(b, node: sandbox.node([a, b], on: lane), start: 1000, on: lane)
    // 9,000 ns went by, 200 of them on a CPU.
    let profile = sandbox.profile(at: 10_000) { $0 == 42 ? 700 : nil }
    #expect(profile.cpuNanosecondsSoFar(try #require(find([a, b], in: profile)).totals) == 200)
    #expect(profile.selfCPUNanoseconds(try #require(find([a, b], in: profile))) == 200)
    // Without the thread's clock nothing is known of it.
    let blind = sandbox.profile(at: 10_000)
    #expect(blind.cpuNanosecondsSoFar(try #require(find([a, b], in: blind)).totals) == 9000)
  }

  @Test("CPU time so far of an open call leaves out what an open call inside it has waited")
  func waitingInside() throws {
    let sandbox = Sandbox()
    let lane = sandbox.lane()
    let (a, b) = (try sandbox.name("a"), try sandbox.name("b"))
    sandbox.header.pointee.cpuClock.set(CPUClock.threadClock)
    lane.pointee.cpuClock.set(CPUClock.threadClock)
    lane.pointee.syncedWall.set(1000)
    sandbox.open(a, node: sandbox.node([a], on: lane), start: 1000, on: lane)
    sandbox.open(b, node: sandbox.node([a, b], on: lane), start: 1000, on: lane)
    let profile = sandbox.profile(at: 10_000) { _ in 0 }
    let outer = try #require(find([a], in: profile))
    #expect(profile.cpuNanosecondsSoFar(outer.totals) == 0)
  }

  @Test("Calls without a path are in their operation's sums and in no path")
  func pathless() throws {
    let sandbox = Sandbox()
    let lane = sandbox.lane()
    let a = try sandbox.name("a")
    sandbox.finish(sandbox.node([a], on: lane), ticks: 10, on: lane)
    let calls = sandbox.recording.operation(a)
    calls.pointee.pathless.count.set(2)
    calls.pointee.pathless.wallTicks.set(50)
    calls.pointee.pathless.slowestTicks.set(40)
    calls.pointee.pathless.fastestComplement.set(~UInt64(5))
    sandbox.open(a, node: CallNode.pathless, start: 900, on: lane)
    let profile = sandbox.profile(at: 1000)
    let totals = profile.operation(a).totals
    #expect(totals.count == 3)
    #expect(totals.wallTicks == 60)
    #expect(totals.fastestTicks == 5)
    #expect(totals.slowestTicks == 40)
    #expect(totals.active == 1)
    #expect(totals.openTicks == 100)
    #expect(profile.paths.count == 1)
    #expect(profile.paths[0].totals.count == 1)
    #expect(profile.everything.count == 3)
  }

  @Test("Only the histograms that were asked for are read")
  func distributions() throws {
    let sandbox = Sandbox()
    let lane = sandbox.lane()
    let (a, b) = (try sandbox.name("a"), try sandbox.name("b"))
    for id in [a, b] { sandbox.finish(sandbox.node([id], on: lane), ticks: 10, on: lane) }
    func totals(_ wanted: Profile.Distributions) -> [UInt64] {
      let profile = sandbox.profile(distributions: wanted)
      return [a, b].map { profile.operation($0).distribution.total }
    }
    #expect(totals(.none) == [0, 0])
    #expect(totals(.of(operation: b)) == [0, 1])
    #expect(totals(.all) == [1, 1])
  }

  @Test("A reading that meets a writer between its two counters waits for it")
  func waitsForWriter() throws {
    let sandbox = Sandbox()
    let lane = sandbox.lane()
    let offset = sandbox.node([try sandbox.name("a")], on: lane)
    sandbox.finish(offset, ticks: 10, on: lane)
    sandbox.at(offset).pointee.begun.set(2)
    sandbox.at(offset).pointee.wallTicks.add(30)
    var waits = 0
    let moment = ReadingMoment(
      ticks: 1000, monotonicNanoseconds: 1000, nanosecondsPerTick: 1,
      waitForWriter: {
        waits += 1
        sandbox.at(offset).pointee.ended.publish(2)
      })
    let profile = Profile(of: sandbox.recording, at: moment, distributions: .none)
    #expect(waits == 1)
    #expect(profile.paths[0].totals.count == 2)
    #expect(profile.paths[0].totals.wallTicks == 40)
  }

  @Test("A writer that died between its two counters holds no reader for ever")
  func deadWriter() throws {
    let sandbox = Sandbox()
    let lane = sandbox.lane()
    let node = sandbox.node([try sandbox.name("a")], on: lane)
    sandbox.finish(node, ticks: 10, on: lane)
    sandbox.at(node).pointee.begun.set(2)
    #expect(sandbox.profile().paths[0].totals.count == 1)
  }
}
