// SPDX-License-Identifier: Apache-2.0

/// Lanes and their stacks, as attaching and the slow paths of begin and end shape them.
extension Recording {
  /// A lane for a new thread: one that a thread left, else a new one; nil when there are
  /// `laneCapacity` of them or memory is full. Without a lock.
  public func acquireLane() -> UnsafeMutablePointer<Lane>? {
    let header = header
    let existing = min(header.pointee.laneCount.acquired, header.pointee.laneCapacity.value)
    for index in 0..<existing {
      let offset = laneSlot(index).pointee.acquired
      guard offset != 0 else { continue }
      let lane: UnsafeMutablePointer<Lane> = at(offset)
      if lane.pointee.state.value == Lane.State.free,
        lane.pointee.state.exchange(Lane.State.free, for: Lane.State.owned)
      {
        return lane
      }
    }
    while true {
      let index = header.pointee.laneCount.value
      if index >= header.pointee.laneCapacity.value { return nil }
      // Memory first, so that a full recording does not use up the numbers.
      guard let page = claimPages(1, fromReserve: true) else { return nil }
      let lane = makeLane(at: page)
      var number = index
      while !header.pointee.laneCount.exchange(number, for: number &+ 1) {
        number = header.pointee.laneCount.value
        if number >= header.pointee.laneCapacity.value { return nil }
      }
      laneSlot(number).pointee.publish(page)
      return lane
    }
  }

  /// A lane that is owned, with nothing open, in a page of zeros.
  private func makeLane(at page: UInt32) -> UnsafeMutablePointer<Lane> {
    let lane: UnsafeMutablePointer<Lane> = at(page)
    lane.pointee.state.set(Lane.State.owned)
    let root = page &+ Lane.rootOffset
    lane.pointee.root.set(root)
    lane.pointee.newestNode.set(root)
    lane.pointee.nodeCount.set(1)
    let frames = page &+ Lane.framesOffset
    makeFrames(at: frames, count: Lane.frameCount, lowest: Frame.Mark.root)
    frame(top: frames).pointee.node.set(root)
    lane.pointee.firstFrame.set(frames)
    lane.pointee.segmentCount.set(1)
    forgetPending(of: lane)
    lane.pointee.top.publish(frames)
    return lane
  }

  private func makeFrames(at start: UInt32, count: UInt32, lowest: UInt64) {
    for index in 0..<count {
      let frame: UnsafeMutablePointer<Frame> = at(start &+ index &* Frame.bytes)
      frame.pointee.busyGuard.set(Frame.Mark.guarded)
    }
    let first: UnsafeMutablePointer<Frame> = at(start)
    first.pointee.key.set(lowest)
    for index in count &- 2..<count {
      let wall: UnsafeMutablePointer<Frame> = at(start &+ index &* Frame.bytes)
      wall.pointee.key.set(Frame.Mark.wall)
    }
  }

  /// The slot above the top frame, in the next segment when the top is the last of its own; nil when
  /// there are `maxSegmentCount` or memory is full. A wall's `parent` is the next segment, made when it
  /// is first needed.
  public func slot(
    above top: UnsafeMutablePointer<Frame>, in lane: UnsafeMutablePointer<Lane>
  ) -> UnsafeMutablePointer<Frame>? {
    let next = top + 1
    guard next.pointee.key.value == Frame.Mark.wall else { return next }
    var segment = next.pointee.parent.value
    if segment == 0 {
      let bytes = Lane.segmentFrameCount &* Frame.bytes
      guard lane.pointee.segmentCount.value < Lane.maxSegmentCount,
        let made = allocate(bytes, for: lane)
      else { return nil }
      lane.pointee.segmentCount.add(1)
      makeFrames(at: made, count: Lane.segmentFrameCount, lowest: Frame.Mark.segment)
      next.pointee.parent.publish(made)
      segment = made
    }
    let lowest: UnsafeMutablePointer<Frame> = at(segment)
    lowest.pointee.node.set(top.pointee.node.value)
    lowest.pointee.start.set(UInt64(offset(of: top)))
    return lowest + 1
  }

  /// The frame that a top offset stands for, busy or not.
  @inline(__always) public func frame(top: UInt32) -> UnsafeMutablePointer<Frame> {
    at(top & ~(Frame.bytes &- 1))
  }

  /// How many operations are open on a lane.
  public func depth(of lane: UnsafeMutablePointer<Lane>) -> UInt32 {
    var depth: UInt32 = 0
    var frame = skippingLowest(frame(top: lane.pointee.top.value))
    while frame.pointee.key.value != Frame.Mark.root {
      if frame.pointee.isCall(of: frame.pointee.operation) { depth &+= 1 }
      frame = skippingLowest(frame - 1)
    }
    return depth
  }

  /// `frame`, or the one below when it is a segment's lowest.
  public func skippingLowest(
    _ frame: UnsafeMutablePointer<Frame>
  ) -> UnsafeMutablePointer<Frame> {
    guard frame.pointee.key.value == Frame.Mark.segment else { return frame }
    return at(UInt32(truncatingIfNeeded: frame.pointee.start.value))
  }
}
