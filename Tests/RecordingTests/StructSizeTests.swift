// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Recording

@Suite("The structures of the recording")
struct StructSizeTests {
  @Test(
    "A structure fills the bytes that are set aside for it, a node to the end of its last cache line"
  )
  func strides() {
    #expect(MemoryLayout<Frame>.size == Int(Frame.bytes))
    #expect((MemoryLayout<CallNode>.size + 63) & ~63 == Int(CallNode.bytes))
    #expect(MemoryLayout<OperationRecord>.size == Int(OperationRecord.bytes))
    #expect(MemoryLayout<FailureKind>.size == Int(FailureKind.bytes))
    #expect(MemoryLayout<SpanRecord>.stride <= Int(SpanRecord.bytes))
    #expect(MemoryLayout<SessionRecord>.stride <= Int(SessionRecord.bytes))
    #expect(SlotTable.chunkBytes % SpanRecord.bytes == 0)
    #expect(SlotTable.chunkBytes % SessionRecord.bytes == 0)
    #expect(MemoryLayout<FailureCounter>.size == Int(FailureCounter.bytes))
    #expect(MemoryLayout<Cell32>.size == 4)
    #expect(MemoryLayout<Cell64>.size == 8)
  }

  @Test("No structure reaches beyond the bytes that are set aside for it")
  func fits() {
    #expect(MemoryLayout<Frame>.stride <= Int(Frame.bytes))
    #expect(MemoryLayout<CallNode>.stride <= Int(CallNode.bytes))
    #expect(MemoryLayout<OperationRecord>.stride <= Int(OperationRecord.bytes))
    #expect(MemoryLayout<Header>.stride <= Int(Layout.identityOffset))
  }

  @Test("Frames, nodes and records lie on whole cache lines")
  func alignment() {
    #expect(Frame.bytes % 64 == 0)
    #expect(CallNode.bytes % 64 == 0)
    #expect(OperationRecord.bytes % 64 == 0)
    #expect(Lane.framesOffset % 64 == 0)
    #expect(Lane.rootOffset % 64 == 0)
  }

  @Test("The parts of a lane's page follow each other without overlap")
  func lane() {
    #expect(MemoryLayout<Lane>.size <= Int(Lane.scratchOffset))
    #expect(Lane.scratchOffset + 4 <= Lane.zeroOffset)
    #expect(Lane.zeroOffset % 8 == 0)
    #expect(Lane.zeroOffset + 8 <= Lane.errorTextOffset)
    #expect(Lane.errorTextOffset + Lane.errorTextBytes <= Lane.rootOffset)
    #expect(Lane.rootOffset + CallNode.bytes <= Lane.framesOffset)
    #expect(Lane.framesOffset + Lane.frameCount * Frame.bytes <= Lane.bytes)
    #expect(Lane.bytes == Layout.page)
  }

  @Test("A busy lane's top is where begin and end read the guard as the key")
  func busyGuard() throws {
    let sandbox = Sandbox()
    let lane = sandbox.lane()
    let busy: UnsafeMutablePointer<Frame> = sandbox.recording.at(
      lane.pointee.top.value + Frame.busyOffset)
    #expect(busy.pointee.key.value == Frame.Mark.guarded)
    #expect((busy + 1).pointee.key.value == Frame.Mark.guarded)
    #expect(
      sandbox.recording.frame(top: lane.pointee.top.value + Frame.busyOffset)
        == sandbox.recording.frame(top: lane.pointee.top.value))
  }

  @Test("A mark is no handle, and a careful frame keeps its operation's handle")
  func marks() {
    let sandbox = Sandbox()
    let frame = sandbox.recording.frame(top: sandbox.lane().pointee.top.value)
    for mark in [Frame.Mark.root, Frame.Mark.segment, Frame.Mark.wall, Frame.Mark.guarded] {
      frame.pointee.key.set(mark)
      #expect(frame.pointee.operation == 0)
      #expect(mark > UInt64(UInt32.max))
    }
    frame.pointee.key.set(UInt64(UInt32.max))
    #expect(frame.pointee.operation == .max)
    frame.pointee.key.set(Frame.Mark.careful | 7)
    #expect(frame.pointee.operation == 7)
  }

  @Test("A cell's number is raised, never lowered, by raiseShared")
  func raise() {
    let cell: UnsafeMutablePointer<Cell64> = Sandbox.keep.recording.at(
      Sandbox.keep.layout.arenaOffset)
    cell.pointee.set(10)
    cell.pointee.raiseShared(to: 5)
    #expect(cell.pointee.value == 10)
    cell.pointee.raiseShared(to: 11)
    #expect(cell.pointee.value == 11)
    cell.pointee.addShared(.max)
    #expect(cell.pointee.value == 10)
    cell.pointee.set(0)
  }

  @Test("A cell is replaced only when it holds what was expected")
  func exchange() {
    let cell: UnsafeMutablePointer<Cell32> = Sandbox.keep.recording.at(
      Sandbox.keep.layout.arenaOffset + 64)
    cell.pointee.set(1)
    let refused = cell.pointee.exchange(2, for: 3)
    #expect(!refused)
    #expect(cell.pointee.value == 1)
    let done = cell.pointee.exchange(1, for: 3)
    #expect(done)
    #expect(cell.pointee.acquired == 3)
    cell.pointee.publish(0)
    cell.pointee.add(.max)
    #expect(cell.pointee.value == .max)
  }
}

extension Sandbox {
  /// For tests of single cells.
  fileprivate static let keep = Sandbox(limit: 1 << 20, operations: 16, lanes: 1)
}
