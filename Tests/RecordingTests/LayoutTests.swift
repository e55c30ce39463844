// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Recording

@Suite("The layout of a recording")
struct LayoutTests {
  private static let limits: [UInt64] = [1 << 20, 3_000_001, 48 << 20, 1 << 30, 1 << 32 - 1]

  /// The starts of the zones in their order, and the end of the last.
  private func borders(_ layout: Layout) -> [UInt32] {
    [
      Layout.headerBytes, layout.operationsOffset, layout.indexOffset, layout.namesOffset,
      layout.kindsOffset, layout.lanesOffset, layout.arenaOffset, layout.bytes,
    ]
  }

  @Test(
    "The zones follow each other, each on a page of its own, within the limit", arguments: limits)
  func zonesInOrder(limit: UInt64) {
    let layout = Layout(memoryLimit: limit, operations: 1000, lanes: 100)
    let borders = borders(layout)
    #expect(zip(borders, borders.dropFirst()).allSatisfy { $0 <= $1 })
    #expect(borders.allSatisfy { $0 % Layout.page == 0 })
    #expect(UInt64(layout.bytes) <= limit)
    #expect(UInt64(layout.bytes) > limit - UInt64(Layout.page))
  }

  @Test("Each zone holds what its capacity promises", arguments: limits)
  func zonesAreLargeEnough(limit: UInt64) {
    let layout = Layout(memoryLimit: limit, operations: 1000, lanes: 100)
    #expect(
      layout.indexOffset - layout.operationsOffset
        >= (layout.operationCapacity + 1) * OperationRecord.bytes)
    #expect(layout.namesOffset - layout.indexOffset >= layout.indexCapacity * 4)
    #expect(layout.namesOffset < layout.kindsOffset)
    #expect(
      layout.lanesOffset - layout.kindsOffset >= (FailureKind.capacity + 1) * FailureKind.bytes)
    #expect(layout.arenaOffset - layout.lanesOffset >= layout.laneCapacity * 4)
  }

  @Test("The name index is a power of two and at most half full")
  func indexCapacity() {
    for operations: UInt32 in [1, 16, 31, 32, 33, 1000, 16_384] {
      let layout = Layout(memoryLimit: 1 << 30, operations: operations, lanes: 1)
      #expect(layout.indexCapacity.nonzeroBitCount == 1)
      #expect(layout.indexCapacity >= 2 * operations)
      #expect(layout.indexCapacity >= 64)
    }
  }

  @Test("What fits is granted in full")
  func grantsWhatFits() {
    let layout = Layout(memoryLimit: 48 << 20, operations: 16_384, lanes: 1024)
    #expect(layout.operationCapacity == 16_384)
    #expect(layout.laneCapacity == 1024)
  }

  @Test("Tables that would take more than half of the limit are halved until they fit")
  func halving() {
    let layout = Layout(memoryLimit: 1 << 20, operations: 16_384, lanes: 1024)
    #expect(layout.arenaOffset <= layout.bytes / 2)
    #expect(layout.operationCapacity < 16_384)
    #expect(16_384 % layout.operationCapacity == 0)
    #expect(layout.laneCapacity == 1024)  // the smaller table is left as it is
    // Twice as much would not have fitted.
    let twice = Layout(
      memoryLimit: 1 << 20, operations: layout.operationCapacity * 2, lanes: 1024)
    #expect(twice.operationCapacity == layout.operationCapacity)
  }

  @Test("A table of lanes that is the larger one is halved first")
  func halvingLanes() {
    let layout = Layout(memoryLimit: 1 << 20, operations: 100, lanes: 1 << 20)
    #expect(layout.operationCapacity == 100)
    #expect(layout.laneCapacity < 1 << 20)
    #expect(layout.laneCapacity > 1000)
  }

  @Test("The smallest tables are never halved away, whatever else is asked for")
  func extremes() {
    let layout = Layout(memoryLimit: 0, operations: .max, lanes: .max)
    #expect(UInt64(layout.bytes) == Layout.minimumBytes)
    #expect(layout.operationCapacity > 8)
    #expect(layout.laneCapacity > 8)
    let none = Layout(memoryLimit: 1 << 20, operations: 0, lanes: 0)
    #expect(none.operationCapacity == 1)
    #expect(none.laneCapacity == 1)
  }

  @Test("A limit above 4 GiB counts as 4 GiB less a page, so that offsets fit in 32 bits")
  func largest() {
    let layout = Layout(memoryLimit: .max, operations: 1_000_000, lanes: 65_536)
    #expect(layout.bytes == .max - Layout.page + 1)
    #expect(layout.operationCapacity == 1_000_000)
    #expect(layout.laneCapacity == 65_536)
  }

  @Test("A new recording says what it is and where its zones lie")
  func header() {
    let sandbox = Sandbox(limit: 2 << 20, operations: 100, lanes: 10)
    let header = sandbox.header
    #expect(header.pointee.magic.value == Header.magic)
    withUnsafeBytes(of: Header.magic.littleEndian) {
      #expect(Array($0) == Array("PROGNOS\0".utf8))
    }
    #expect(header.pointee.version.value == Header.version)
    #expect(header.pointee.byteOrder.value == Header.byteOrder)
    #expect(header.pointee.bytes.value == 2 << 20)
    #expect(header.pointee.operationCapacity.value == 100)
    #expect(header.pointee.laneCapacity.value == 10)
    #expect(header.pointee.arenaOffset.value == sandbox.layout.arenaOffset)
    #expect(sandbox.recording.operationCount == 0)
  }
}
