// SPDX-License-Identifier: Apache-2.0

extension Recording {
  /// Calls `body` with every call-tree node of all lanes, roots included, whatever the recording holds.
  public func forEachNode(_ body: (UnsafeMutablePointer<CallNode>) -> Void) {
    var left = byteCount / CallNode.bytes
    forEachLane { forEachNode(of: $0, left: &left, body) }
  }

  /// The nodes of one lane, the root included. `left`: how many nodes there may be.
  public func forEachNode(
    of lane: UnsafeMutablePointer<Lane>, left: inout UInt32,
    _ body: (UnsafeMutablePointer<CallNode>) -> Void
  ) {
    var offset = zone(lane.pointee.newestNode.acquired)
    while offset != 0, left > 0 {
      left -= 1
      let node: UnsafeMutablePointer<CallNode> = at(offset)
      body(node)
      // Older ones lie lower: an arena only grows.
      let older = zone(node.pointee.older.value)
      offset = older < offset ? older : 0
    }
  }
}
