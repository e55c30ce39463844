// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import Recording

@Suite("A table of records that come and go")
struct SlotTableTests {
  /// A span begun, as a lane's thread does.
  private func begin(
    _ operation: UInt32, in sandbox: Sandbox, on lane: UnsafeMutablePointer<Lane>
  ) -> (record: UnsafeMutablePointer<SpanRecord>, handle: SlotHandle)? {
    let begun = sandbox.recording.takeSpan(operation, from: lane.pointee.root.value, on: lane)
    begun?.record.pointee.slot.word.publish(
      Slot.word(begun!.handle.generation, SpanRecord.State.suspended))
    return begun
  }

  @Test("A handle finds its record until that is given back, and never again")
  func generations() throws {
    let sandbox = Sandbox()
    let (op, lane) = (try sandbox.name("op"), sandbox.lane())
    var stale: [SlotHandle] = []
    for _ in 0..<1000 {
      let (record, handle) = try #require(begin(op, in: sandbox, on: lane))
      #expect(handle.value != 0)
      #expect(sandbox.recording.span(handle)?.record == record)
      #expect(handle.index == 0)
      sandbox.recording.giveBack(record, handle)
      stale.append(handle)
    }
    #expect(Set(stale.map(\.value)).count == 1000)
    for handle in stale { #expect(sandbox.recording.span(handle) == nil) }
    #expect(sandbox.header.pointee.spans.table.used.value == 1)
    #expect(sandbox.header.pointee.spans.table.inUse.value == 0)
  }

  @Test("Invented handles find nothing")
  func invented() throws {
    let sandbox = Sandbox()
    var random = SplitMix(state: 1)
    #expect(sandbox.recording.span(SlotHandle(0)) == nil)
    for turn in 0..<2 {
      for _ in 0..<10_000 {
        #expect(sandbox.recording.span(SlotHandle(random.next())) == nil)
        #expect(sandbox.recording.session(SlotHandle(random.next())) == nil)
        let low = SlotHandle(random.next() & 0xFFFF_FFFF | 7 << 32)
        #expect(sandbox.recording.span(low) == nil)
        #expect(sandbox.recording.session(low) == nil)
      }
      if turn == 0 { _ = begin(try sandbox.name("op"), in: sandbox, on: sandbox.lane()) }
    }
  }

  @Test("It takes an eighth of the recording at most, and what is given back is there again")
  func limit() throws {
    let sandbox = Sandbox(limit: 4 << 20)
    let (op, lane) = (try sandbox.name("op"), sandbox.lane())
    var open: [(record: UnsafeMutablePointer<SpanRecord>, handle: SlotHandle)] = []
    while let next = begin(op, in: sandbox, on: lane) { open.append(next) }
    #expect(open.count == (512 << 10) / Int(SpanRecord.bytes))
    #expect(sandbox.header.pointee.spans.table.refused.value == 1)
    #expect(Set(open.map { UInt(bitPattern: $0.record) }).count == open.count)
    for each in open { sandbox.recording.giveBack(each.record, each.handle) }
    for _ in open { #expect(begin(op, in: sandbox, on: lane) != nil) }
    #expect(begin(op, in: sandbox, on: lane) == nil)
  }

  @Test("Threads that take and give back at once never get the same record")
  func concurrent() throws {
    let sandbox = Sandbox(limit: 8 << 20, operations: 16, lanes: 8)
    let op = try sandbox.name("op")
    let lanes = (0..<4).map { _ in UInt(bitPattern: sandbox.lane()) }
    DispatchQueue.concurrentPerform(iterations: 4) { thread in
      let lane = UnsafeMutablePointer<Lane>(bitPattern: lanes[thread])!
      var random = SplitMix(state: UInt64(thread))
      var open: [(record: UnsafeMutablePointer<SpanRecord>, handle: SlotHandle)] = []
      for turn in 0..<20_000 {
        if open.isEmpty || random.next() % 2 == 0, let next = begin(op, in: sandbox, on: lane) {
          next.record.pointee.work.set(UInt64(thread) << 32 | UInt64(turn))
          open.append(next)
        } else {
          let last = open.remove(at: Int(random.next() % UInt64(open.count)))
          #expect(last.record.pointee.work.value >> 32 == UInt64(thread))
          sandbox.recording.giveBack(last.record, last.handle)
        }
      }
      for each in open { sandbox.recording.giveBack(each.record, each.handle) }
    }
    #expect(sandbox.header.pointee.spans.table.inUse.value == 0)
  }

  @Test("In a forked child the table is empty, and its handles are none of its parent's")
  func beginAgain() throws {
    let sandbox = Sandbox()
    let op = try sandbox.name("op")
    let (_, before) = try #require(begin(op, in: sandbox, on: sandbox.lane()))
    let arena = Int(sandbox.header.pointee.arenaOffset.value)
    memset(sandbox.recording.base + arena, 0, Int(sandbox.header.pointee.bytes.value) - arena)
    sandbox.recording.beginAgain(processID: 2)
    #expect(sandbox.recording.span(before) == nil)
    let (_, after) = try #require(begin(op, in: sandbox, on: sandbox.lane()))
    #expect(after.index == before.index)
    #expect(after.generation != before.generation)
    #expect(sandbox.recording.span(before) == nil)
  }

  @Test("A span's path is found or made in any lane's tree")
  func paths() throws {
    let sandbox = Sandbox()
    let (a, b) = (try sandbox.name("a"), try sandbox.name("b"))
    let (home, other) = (sandbox.lane(), sandbox.lane())
    let caller = sandbox.node([a, b, a], on: home)
    let (record, _) = try #require(sandbox.recording.takeSpan(b, from: caller, on: home))
    #expect(sandbox.recording.node(of: record, in: home) == sandbox.node([a, b, a, b], on: home))
    let made = sandbox.recording.node(of: record, in: other)
    #expect(made == sandbox.node([a, b, a, b], on: other))
    #expect(sandbox.recording.node(of: record, in: other) == made)
    let outermost = try #require(
      sandbox.recording.takeSpan(b, from: home.pointee.root.value, on: home))
    #expect(
      sandbox.recording.node(of: outermost.record, in: other) == sandbox.node([b], on: other))
  }

  @Test("A span begun deeper than 128 calls has no caller, in its own lane and in others")
  func deep() throws {
    let sandbox = Sandbox()
    let op = try sandbox.name("op")
    let (home, other) = (sandbox.lane(), sandbox.lane())
    for depth in [126, 127, 128, 300] {
      let caller = sandbox.node(Array(repeating: op, count: depth), on: home)
      let (record, _) = try #require(sandbox.recording.takeSpan(op, from: caller, on: home))
      let path = Array(repeating: op, count: depth < 128 ? depth + 1 : 1)
      #expect(sandbox.recording.node(of: record, in: home) == sandbox.node(path, on: home))
      #expect(sandbox.recording.node(of: record, in: other) == sandbox.node(path, on: other))
    }
  }

  @Test("Where memory is full a span belongs to the nearest caller that has a node")
  func pathless() throws {
    let sandbox = Sandbox()
    let op = try sandbox.name("op")
    let lane = sandbox.lane()
    let caller = sandbox.node([op], on: lane) | CallNode.pathless
    let (record, _) = try #require(sandbox.recording.takeSpan(op, from: caller, on: lane))
    #expect(sandbox.recording.node(of: record, in: lane) == caller)
    let other = sandbox.lane()
    #expect(
      sandbox.recording.node(of: record, in: other)
        == sandbox.node([op], on: other) | CallNode.pathless)
  }
}
