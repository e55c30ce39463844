// SPDX-License-Identifier: Apache-2.0

/// The call tree of a lane, as its owner grows it.
extension Recording {
  /// The node of an operation called from `parent`; nil when there is no memory for a new one.
  /// A short probe of the lane's index of children.
  public func child(
    _ operation: UInt32, of parent: UInt32, in lane: UnsafeMutablePointer<Lane>
  ) -> UInt32? {
    let capacity = lane.pointee.childIndexCapacity.value
    if capacity == 0 { return makeChild(operation, of: parent, in: lane) }
    let mask = capacity &- 1
    let index = lane.pointee.childIndex.value
    var slot = hashOfChild(operation, parent) & mask
    while true {
      let offset = childSlot(index, slot).pointee.value
      if offset == 0 { return makeChild(operation, of: parent, in: lane) }
      let node: UnsafeMutablePointer<CallNode> = at(offset)
      if node.pointee.operation.value == operation && node.pointee.parent.value == parent {
        return offset
      }
      slot = (slot &+ 1) & mask
    }
  }

  private func hashOfChild(_ operation: UInt32, _ parent: UInt32) -> UInt32 {
    // Fibonacci hashing of both; nodes are 64 bytes apart.
    let mixed = (UInt64(parent &>> 6) &<< 32 | UInt64(operation)) &* 0x9E37_79B9_7F4A_7C15
    return UInt32(truncatingIfNeeded: mixed &>> 40)
  }

  private func childSlot(_ index: UInt32, _ slot: UInt32) -> UnsafeMutablePointer<Cell32> {
    at(index &+ slot &* 4)
  }

  private func makeChild(
    _ operation: UInt32, of parent: UInt32, in lane: UnsafeMutablePointer<Lane>
  ) -> UInt32? {
    guard makeRoomForChild(in: lane), let offset = allocate(CallNode.bytes, for: lane) else {
      return nil
    }
    let node: UnsafeMutablePointer<CallNode> = at(offset)
    node.pointee.operation.set(operation)
    node.pointee.parent.set(parent)
    insert(offset, operation, parent, in: lane)
    node.pointee.older.set(lane.pointee.newestNode.value)
    lane.pointee.nodeCount.add(1)
    lane.pointee.newestNode.publish(offset)
    return offset
  }

  private func insert(
    _ node: UInt32, _ operation: UInt32, _ parent: UInt32, in lane: UnsafeMutablePointer<Lane>
  ) {
    let mask = lane.pointee.childIndexCapacity.value &- 1
    let index = lane.pointee.childIndex.value
    var slot = hashOfChild(operation, parent) & mask
    while childSlot(index, slot).pointee.value != 0 { slot = (slot &+ 1) & mask }
    childSlot(index, slot).pointee.set(node)
  }

  /// Doubles the index of children before it is more than half full.
  private func makeRoomForChild(in lane: UnsafeMutablePointer<Lane>) -> Bool {
    let capacity = lane.pointee.childIndexCapacity.value
    if (lane.pointee.nodeCount.value &+ 1) &* 2 <= capacity { return true }
    let doubled = max(capacity &* 2, 64)
    guard let index = allocate(doubled &* 4, for: lane) else { return false }
    lane.pointee.childIndex.set(index)
    lane.pointee.childIndexCapacity.set(doubled)
    var offset = lane.pointee.newestNode.value
    while offset != 0 {
      let node: UnsafeMutablePointer<CallNode> = at(offset)
      let parent = node.pointee.parent.value
      if parent != 0 { insert(offset, node.pointee.operation.value, parent, in: lane) }
      offset = node.pointee.older.value
    }
    return true
  }

  /// Counts the lane's last two calls in their buckets, if that is still to be done.
  public func countPending(of lane: UnsafeMutablePointer<Lane>) {
    let first: UnsafeMutablePointer<Cell32> = at(lane.pointee.pendingBefore.value)
    first.pointee.add(1)
    let second: UnsafeMutablePointer<Cell32> = at(lane.pointee.pending.value)
    second.pointee.add(1)
    forgetPending(of: lane)
  }

  func forgetPending(of lane: UnsafeMutablePointer<Lane>) {
    lane.pointee.pending.set(nothingPending(in: lane))
    lane.pointee.pendingBefore.set(nothingPending(in: lane))
  }

  public func nothingPending(in lane: UnsafeMutablePointer<Lane>) -> UInt32 {
    offset(of: lane) &+ Lane.scratchOffset
  }

  /// Counts a wall time in the node's histogram where the fast path could not: in an octave that has
  /// no buckets yet, or in a bucket whose 32 bits are full. False when there is no memory for it.
  /// Inside the node's sequence lock.
  public func count(
    bucket: UInt64, of node: UnsafeMutablePointer<CallNode>, in lane: UnsafeMutablePointer<Lane>
  ) -> Bool {
    let octave = Int(truncatingIfNeeded: bucket &>> 6)
    let within = UInt32(truncatingIfNeeded: bucket & 63)
    var buckets = node.pointee.histogram.octaves[octave].value
    if buckets == 0 {
      guard let fresh = allocate(Histogram.octaveBytes, for: lane) else { return false }
      buckets = fresh
      node.pointee.histogram.octaves[octave].publish(buckets)
    }
    let cell: UnsafeMutablePointer<Cell32> = at(buckets &+ within &* 4)
    if cell.pointee.value < .max {
      cell.pointee.add(1)
      return true
    }
    // Full: from now on the second array counts the overflows.
    let bit = UInt64(1) &<< UInt64(octave)
    if node.pointee.histogram.overflowed.value & bit == 0 {
      guard let both = allocate(2 &* Histogram.octaveBytes, for: lane) else { return false }
      for index in 0..<UInt32(Histogram.bucketsPerOctave) {
        let from: UnsafeMutablePointer<Cell32> = at(buckets &+ index &* 4)
        let to: UnsafeMutablePointer<Cell32> = at(both &+ index &* 4)
        to.pointee.set(from.pointee.value)
      }
      buckets = both
      node.pointee.histogram.octaves[octave].publish(both)
      node.pointee.histogram.overflowed.publish(node.pointee.histogram.overflowed.value | bit)
    }
    let low: UnsafeMutablePointer<Cell32> = at(buckets &+ within &* 4)
    let high: UnsafeMutablePointer<Cell32> = at(
      buckets &+ Histogram.octaveBytes &+ within &* 4)
    low.pointee.set(0)
    high.pointee.add(1)
    return true
  }

  /// Counts a failure of one kind of a node's calls, inside the node's sequence lock.
  public func countFailure(
    _ kind: UInt32, of node: UnsafeMutablePointer<CallNode>, in lane: UnsafeMutablePointer<Lane>
  ) {
    var offset = node.pointee.failures.value
    while offset != 0 {
      let counter: UnsafeMutablePointer<FailureCounter> = at(offset)
      if counter.pointee.kind.value == kind { return counter.pointee.count.add(1) }
      offset = counter.pointee.next.value
    }
    // Without memory the failure still counts in the node's sum.
    guard let fresh = allocate(FailureCounter.bytes, for: lane) else { return }
    let counter: UnsafeMutablePointer<FailureCounter> = at(fresh)
    counter.pointee.kind.set(kind)
    counter.pointee.count.set(1)
    counter.pointee.next.set(node.pointee.failures.value)
    node.pointee.failures.publish(fresh)
  }
}
