// SPDX-License-Identifier: Apache-2.0
import Glibc
import Testing

@testable import Recording

@Suite("The call tree of a lane")
struct CallTreeTests {
  @Test("The same operation under the same caller is one node, under another caller another one")
  func nodes() throws {
    let sandbox = Sandbox()
    let lane = sandbox.lane()
    let (a, b) = (try sandbox.name("a"), try sandbox.name("b"))
    let first = sandbox.node([a], on: lane)
    #expect(sandbox.node([a], on: lane) == first)
    let nested = sandbox.node([a, b], on: lane)
    #expect(nested != sandbox.node([b], on: lane))
    #expect(sandbox.at(nested).pointee.parent.value == first)
    #expect(sandbox.at(nested).pointee.operation.value == b)
    #expect(sandbox.at(first).pointee.parent.value == lane.pointee.root.value)
    #expect(lane.pointee.nodeCount.value == 4)
  }

  @Test("10,000 children of one node are all found again, and no node is made twice")
  func manyChildren() {
    let sandbox = Sandbox(limit: 16 << 20)
    let lane = sandbox.lane()
    let root = lane.pointee.root.value
    let made = (1...10_000).map { sandbox.recording.child($0, of: root, in: lane) }
    #expect(Set(made).count == 10_000)
    #expect(!made.contains(nil))
    let found = (1...10_000).map { sandbox.recording.child($0, of: root, in: lane) }
    #expect(found == made)
    #expect(lane.pointee.nodeCount.value == 10_001)
  }

  @Test("The index of children doubles before it is more than half full")
  func indexDoubles() {
    let sandbox = Sandbox()
    let lane = sandbox.lane()
    var capacities: Set<UInt32> = []
    for operation: UInt32 in 1...1000 {
      _ = sandbox.recording.child(operation, of: lane.pointee.root.value, in: lane)
      capacities.insert(lane.pointee.childIndexCapacity.value)
      #expect(lane.pointee.nodeCount.value * 2 <= lane.pointee.childIndexCapacity.value)
    }
    #expect(capacities.sorted() == [64, 128, 256, 512, 1024, 2048])
  }

  @Test("A path of 3,000 operations is a chain of nodes")
  func deep() {
    let sandbox = Sandbox()
    let lane = sandbox.lane()
    let deepest = sandbox.node([UInt32](repeating: 1, count: 3000), on: lane)
    var (length, node) = (0, deepest)
    while node != lane.pointee.root.value {
      node = sandbox.at(node).pointee.parent.value
      length += 1
    }
    #expect(length == 3000)
  }

  @Test("From the newest node every older one is reached")
  func chainOfNodes() {
    let sandbox = Sandbox()
    let lane = sandbox.lane()
    let made = (1...100).map { sandbox.node([$0], on: lane) }
    var reached: [UInt32] = []
    var node = lane.pointee.newestNode.value
    while node != 0 {
      reached.append(node)
      node = sandbox.at(node).pointee.older.value
    }
    #expect(reached == made.reversed() + [lane.pointee.root.value])
  }

  @Test("Without memory there is no new node, and known ones are found as before")
  func full() throws {
    let sandbox = Sandbox(limit: 1 << 20)
    let lane = sandbox.lane()
    let root = lane.pointee.root.value
    var last: UInt32 = 0
    while sandbox.recording.child(last + 1, of: root, in: lane) != nil { last += 1 }
    #expect(last > 500)
    #expect(sandbox.recording.child(last + 1, of: root, in: lane) == nil)
    for operation in 1...last {
      #expect(sandbox.recording.child(operation, of: root, in: lane) != nil)
    }
    #expect(lane.pointee.nodeCount.value == last + 1)
  }
}

@Suite("The arena")
struct ArenaTests {
  @Test("What a lane is given is zeroed, aligned to 64 bytes and its own")
  func allocate() {
    let sandbox = Sandbox()
    let lanes = [sandbox.lane(), sandbox.lane()]
    var taken: [(start: UInt32, end: UInt32)] = []
    var random = SplitMix(state: 3)
    for round in 0..<1000 {
      let bytes = UInt32.random(in: 1...900, using: &random)
      guard let start = sandbox.recording.allocate(bytes, for: lanes[round % 2]) else { break }
      #expect(start % 64 == 0)
      let memory = UnsafeRawBufferPointer(
        start: sandbox.recording.base + Int(start), count: Int(bytes))
      #expect(memory.allSatisfy { $0 == 0 })
      memset(sandbox.recording.base + Int(start), 0xFF, Int(bytes))
      taken.append((start, start + bytes))
    }
    taken.sort { $0.start < $1.start }
    #expect(zip(taken, taken.dropFirst()).allSatisfy { $0.end <= $1.start })
    #expect(taken.last!.end <= sandbox.layout.bytes)
    #expect(taken.first!.start >= sandbox.layout.arenaOffset)
  }

  @Test("A large piece does not take the small remainder that the lane is still using")
  func keepsRemainder() {
    let sandbox = Sandbox()
    let lane = sandbox.lane()
    _ = sandbox.recording.allocate(64, for: lane)
    let before = lane.pointee.freeBytes.value
    // Whole pages leave no remainder of their own.
    #expect(sandbox.recording.allocate(3 * Layout.page, for: lane) != nil)
    #expect(lane.pointee.freeBytes.value == before)
    #expect(sandbox.recording.allocate(64, for: lane) == before)
  }

  @Test("Pages end at the limit, to the last one, of which lanes alone get the last eighth")
  func limit() {
    let sandbox = Sandbox(limit: 1 << 20)
    let pages = (sandbox.layout.bytes - sandbox.layout.arenaOffset) / Layout.page
    let reserve = pages / 8
    #expect(sandbox.recording.claimPages(pages - reserve + 1) == nil)
    #expect(sandbox.recording.claimPages(pages - reserve) == sandbox.layout.arenaOffset)
    #expect(sandbox.recording.claimPages(1) == nil)
    #expect(sandbox.recording.claimPages(.max) == nil)
    #expect(sandbox.recording.claimPages(reserve + 1, fromReserve: true) == nil)
    let last = sandbox.recording.claimPages(reserve, fromReserve: true)
    #expect(last == sandbox.layout.bytes - reserve * Layout.page)
    #expect(sandbox.recording.claimPages(1, fromReserve: true) == nil)
    #expect(sandbox.recording.claimPages(.max, fromReserve: true) == nil)
  }

  @Test("What is in use grows with names and lanes and stays within the limit")
  func bytesInUse() throws {
    let sandbox = Sandbox(limit: 1 << 20)
    let empty = sandbox.recording.bytesInUse
    _ = try sandbox.name("1234567")
    #expect(sandbox.recording.bytesInUse == empty + 8 + 8 + UInt64(OperationRecord.bytes))
    let named = sandbox.recording.bytesInUse
    let lane = sandbox.lane()
    #expect(sandbox.recording.bytesInUse >= named + UInt64(Lane.bytes))
    while sandbox.recording.allocate(64, for: lane) != nil {}
    #expect(sandbox.recording.bytesInUse <= 1 << 20)
  }
}
