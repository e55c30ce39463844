// SPDX-License-Identifier: Apache-2.0

extension Recording {
  /// Calls `body` with every call-tree node of all lanes, roots included, whatever the recording holds.
  public func forEachNode(_ body: (UnsafeMutablePointer<CallNode>) -> Void) {
    var left = byteCount / CallNode.bytes
    forEachLane { lane in
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
}
