// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import Recording

@Suite("Lanes")
struct LaneTests {
  @Test("A new lane has nothing open and nothing recorded")
  func new() {
    let sandbox = Sandbox()
    let lane = sandbox.lane()
    #expect(lane.pointee.state.value == Lane.State.owned)
    #expect(lane.pointee.top.value == lane.pointee.firstFrame.value)
    #expect(
      sandbox.recording.frame(top: lane.pointee.top.value).pointee.key.value == Frame.Mark.root)
    #expect(lane.pointee.pending.value == sandbox.recording.nothingPending(in: lane))
    #expect(sandbox.profile().paths.isEmpty)
    #expect(sandbox.recording.offset(of: lane) % Layout.page == 0)
  }

  @Test("A lane that was given back is handed out again with the numbers it has")
  func adoption() throws {
    let sandbox = Sandbox()
    let lane = sandbox.lane()
    sandbox.finish(sandbox.node([try sandbox.name("op")], on: lane), ticks: 10, on: lane)
    #expect(sandbox.lane() != lane)
    lane.pointee.state.publish(Lane.State.free)
    #expect(sandbox.lane() == lane)
    #expect(sandbox.profile().paths[0].totals.count == 1)
    #expect(sandbox.header.pointee.laneCount.value == 2)
  }

  @Test("There are as many lanes as the capacity says, and no more")
  func capacity() {
    let sandbox = Sandbox(lanes: 5)
    let lanes = (0..<5).compactMap { _ in sandbox.recording.acquireLane() }
    #expect(Set(lanes).count == 5)
    #expect(sandbox.recording.acquireLane() == nil)
    lanes[3].pointee.state.publish(Lane.State.free)
    #expect(sandbox.recording.acquireLane() == lanes[3])
    #expect(sandbox.recording.acquireLane() == nil)
  }

  @Test("Without memory there is no lane, and its number is not used up")
  func withoutMemory() {
    let sandbox = Sandbox(limit: 1 << 20, lanes: 1000)
    while sandbox.recording.claimPages(1, fromReserve: true) != nil {}
    #expect(sandbox.recording.acquireLane() == nil)
    #expect(sandbox.header.pointee.laneCount.value == 0)
  }

  @Test("A thread that comes when call trees have filled the memory still gets a lane")
  func reserve() throws {
    let sandbox = Sandbox(limit: 1 << 20, lanes: 1000)
    let first = sandbox.lane()
    while sandbox.recording.allocate(64, for: first) != nil {}
    let second = try #require(sandbox.recording.acquireLane())
    #expect(sandbox.recording.allocate(64, for: second) == nil)
    #expect(sandbox.recording.child(1, of: second.pointee.root.value, in: second) == nil)
    var lanes = 2
    while sandbox.recording.acquireLane() != nil { lanes += 1 }
    #expect(lanes > 10)
  }

  @Test("Threads that ask at once get different lanes")
  func concurrent() {
    let sandbox = Sandbox(lanes: 64)
    nonisolated(unsafe) var given: [UnsafeMutablePointer<Lane>?] = []
    let lock = NSLock()
    DispatchQueue.concurrentPerform(iterations: 80) { _ in
      let lane = sandbox.recording.acquireLane()
      lock.withLock { given.append(lane) }
    }
    #expect(Set(given.compactMap { $0 }).count == 64)
    #expect(given.filter { $0 == nil }.count == 16)
    #expect(sandbox.header.pointee.laneCount.value == 64)
    var seen = 0
    sandbox.recording.forEachLane { _ in seen += 1 }
    #expect(seen == 64)
  }

  @Test("A stack grows by segments to the depth that the ABI tells, and no further")
  func segments() {
    let sandbox = Sandbox()
    let lane = sandbox.lane()
    var top = sandbox.recording.frame(top: lane.pointee.top.value)
    var slots: Set<UnsafeMutablePointer<Frame>> = []
    while let slot = sandbox.recording.slot(above: top, in: lane) {
      #expect(slot.pointee.key.value == 0)
      slots.insert(slot)
      top = slot
    }
    #expect(slots.count == Int(Lane.maxDepth))
    #expect(Lane.maxDepth == 4004)
    #expect(lane.pointee.segmentCount.value == Lane.maxSegmentCount)
  }

  @Test("A segment's lowest frame leads back to the frame below it, and stands for its node")
  func crossing() {
    let sandbox = Sandbox()
    let lane = sandbox.lane()
    for depth in 1...Lane.maxDepth {
      sandbox.open(depth, node: depth * 64, start: 0, on: lane)
    }
    var frame = sandbox.recording.frame(top: lane.pointee.top.value)
    for depth in (1...Lane.maxDepth).reversed() {
      #expect(frame.pointee.operation == depth)
      let below = frame - 1
      #expect(below.pointee.node.value == (depth == 1 ? lane.pointee.root.value : (depth - 1) * 64))
      frame = sandbox.recording.skippingLowest(below)
    }
    #expect(frame.pointee.key.value == Frame.Mark.root)
  }

  @Test("A segment is made once and used again")
  func segmentReused() {
    let sandbox = Sandbox()
    let lane = sandbox.lane()
    let last = sandbox.recording.frame(top: lane.pointee.top.value) + Int(Lane.frameCount - 3)
    let slot = sandbox.recording.slot(above: last, in: lane)
    #expect(sandbox.recording.slot(above: last, in: lane) == slot)
    #expect(lane.pointee.segmentCount.value == 2)
  }

  @Test("The depth of a stack is the number of its open operations")
  func depth() {
    let sandbox = Sandbox()
    let lane = sandbox.lane()
    #expect(sandbox.recording.depth(of: lane) == 0)
    for depth in 1...200 as ClosedRange<UInt32> {
      sandbox.open(depth, node: 64, start: 0, on: lane)
      #expect(sandbox.recording.depth(of: lane) == depth)
    }
  }

  @Test("Without memory for a segment the stack ends at the lane's own frames")
  func segmentWithoutMemory() {
    let sandbox = Sandbox(limit: 1 << 20)
    let lane = sandbox.lane()
    while sandbox.recording.allocate(64, for: lane) != nil {}
    let last = sandbox.recording.frame(top: lane.pointee.top.value) + Int(Lane.frameCount - 3)
    #expect(sandbox.recording.slot(above: last - 1, in: lane) == last)
    #expect(sandbox.recording.slot(above: last, in: lane) == nil)
  }
}
