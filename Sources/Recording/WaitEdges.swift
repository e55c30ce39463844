// SPDX-License-Identifier: Apache-2.0

/// Which operation waited for a lock that a thread held while which other one was open there. Any thread adds, when
/// it has waited: it then has the time.
public struct WaitEdge: ~Copyable {
  /// The waiting operation's handle in the upper half, the holder's in the lower one, each plus 1; 0 in a free slot.
  let key: Cell64
  public let waits: Cell64
  public let ticks: Cell64
  let padding: Cell64

  static let bytes: UInt32 = 32
}

/// One edge as a reader has it. Operation 0 stands for none: outside of all, or a holder that is not known.
public struct WaitFor {
  public let waiting: UInt32
  public let holding: UInt32
  public let waits: UInt64
  public let ticks: UInt64
}

extension Recording {
  /// Two pages of them. Waits of further pairs count in no edge; those of the operations alone are whole.
  static var waitEdgeCapacity: UInt32 { 2 * Layout.page / WaitEdge.bytes }

  /// Makes their table; false when there is no memory for it. By one thread at a time.
  public func prepareWaitEdges() -> Bool {
    if header.pointee.waitEdges.value != 0 { return true }
    guard let first = claimPages(2) else { return false }
    header.pointee.waitEdges.publish(first)
    return true
  }

  public func addWait(of waiting: UInt32, for holding: UInt32, ticks: UInt64) {
    let table = header.pointee.waitEdges.acquired
    if table == 0 { return }
    let key = UInt64(waiting &+ 1) << 32 | UInt64(holding &+ 1)
    let hash = UInt32(truncatingIfNeeded: (key &* 0x9E37_79B9_7F4A_7C15) &>> 40)
    for probe in 0..<UInt32(16) {
      let edge = waitEdge(hash &+ probe, in: table)
      if edge.pointee.key.acquired == 0 { _ = edge.pointee.key.exchange(0, for: key) }
      if edge.pointee.key.acquired == key {
        edge.pointee.waits.addShared(1)
        edge.pointee.ticks.addShared(ticks)
        return
      }
    }
  }

  /// Calls `body` with each edge whose operations exist.
  public func forEachWaitEdge(_ body: (WaitFor) -> Void) {
    let offset = header.pointee.waitEdges.acquired
    if offset == 0 { return }
    let table = zone(offset)
    for index in 0..<Self.waitEdgeCapacity {
      let edge = waitEdge(index, in: table)
      let key = edge.pointee.key.acquired
      let waiting = UInt32(truncatingIfNeeded: key >> 32) &- 1
      let holding = UInt32(truncatingIfNeeded: key) &- 1
      guard key != 0, waiting == 0 || isOperation(waiting), holding == 0 || isOperation(holding)
      else { continue }
      body(
        WaitFor(
          waiting: waiting, holding: holding, waits: edge.pointee.waits.value,
          ticks: edge.pointee.ticks.value))
    }
  }

  private func waitEdge(_ index: UInt32, in table: UInt32) -> UnsafeMutablePointer<WaitEdge> {
    at(table &+ (index % Self.waitEdgeCapacity) &* WaitEdge.bytes)
  }
}
