// SPDX-License-Identifier: Apache-2.0
import Recording

/// Where the time of all threads went: their call trees added up by operation and by kind of thread.
extension Assessor {
  /// Fills `state.now` with what all threads did since the recording began. Threads whose time goes to the same
  /// operations are of one kind. Cost: the call-tree nodes of all lanes, some ten nanoseconds each.
  func addUpThreads(_ state: BottleneckState) {
    state.now.clear()
    let header = recording.header
    let perTick = Double(bitPattern: header.pointee.nanosecondsPerTick.value)
    let seconds = (recording.usesCounter && perTick > 0 && perTick < 1e6 ? perTick : 1) * 1e-9
    var left = recording.byteCount / CallNode.bytes
    recording.forEachLane { lane in
      state.thread.clear()
      recording.forEachNode(of: lane, left: &left) { add($0, to: state.thread, seconds) }
      let kind = Self.kind(of: state.thread)
      guard kind != 0 else { return }
      for slot in 0..<state.thread.capacity {
        let own = state.thread.slots[slot]
        guard own.key != 0 else { continue }
        let key = OwnTime.key(kind, own.operation)
        state.now.find(key, making: true)?.pointee.add(own)
      }
      if lane.pointee.state.acquired == Lane.State.owned {
        state.now.find(OwnTime.key(kind, 0), making: true)?.pointee.threads += 1
      }
    }
  }

  /// While one thread is added up, keys have 1 for its kind.
  private static var unknownKind: UInt32 { 1 }

  private func add(
    _ node: UnsafeMutablePointer<CallNode>, to thread: OwnTimes, _ seconds: Double
  ) {
    let operation = node.pointee.operation.value
    guard operation <= recording.operationCount,
      let own = thread.find(OwnTime.key(Self.unknownKind, operation), making: true)
    else { return }
    addWaits(node, to: own, seconds)
    if operation == 0 { return }
    // Of spans only what ran inside them is time of this thread.
    let spans = node.pointee.spans.wallTicks.value
    let wall = Double(node.pointee.wallTicks.value &- spans) * seconds
    let off =
      Double(
        node.pointee.offCPUNanoseconds.value &- node.pointee.spans.offCPUNanoseconds.value) * 1e-9
    let calls = Double(node.pointee.ended.value)
    guard wall < 1e12, off < 1e12 else { return }
    own.pointee.calls += calls
    own.pointee.wall += wall
    own.pointee.offCPU += off
    own.pointee.faults += Double(node.pointee.pageFaults.value)
    own.pointee.allocations += Double(
      node.pointee.memory.allocations.value
        &>> (UInt64(recording.header.pointee.heapRate.hasPools.value) &* 2))
    // A caller that has not finished a call, such as the whole of a thread, has not counted what it called either.
    var caller = parent(of: node)
    while caller.pointee.operation.value != 0, caller.pointee.ended.value == 0 {
      let above = parent(of: caller)
      guard above < caller else { break }
      caller = above
    }
    let around = caller.pointee.operation.value
    if around == 0 { own.pointee.outermost += calls }
    guard around <= recording.operationCount,
      let outer = thread.find(OwnTime.key(Self.unknownKind, around), making: true)
    else { return }
    outer.pointee.callees += calls
    outer.pointee.wall -= wall
    outer.pointee.offCPU -= off
    outer.pointee.faults -= Double(node.pointee.pageFaults.value)
  }

  private func parent(of node: UnsafeMutablePointer<CallNode>) -> UnsafeMutablePointer<CallNode> {
    recording.at(recording.zone(node.pointee.parent.value & ~CallNode.pathless))
  }

  private func addWaits(
    _ node: UnsafeMutablePointer<CallNode>, to own: UnsafeMutablePointer<OwnTime>,
    _ seconds: Double
  ) {
    let offset = recording.zone(node.pointee.io.acquired)
    if offset == 0 { return }
    let io: UnsafeMutablePointer<IORecord> = recording.at(offset)
    typealias Wait = IORecord.Wait
    for kind in 0..<IOKind.count {
      for writes in 0..<2 {
        let index = IORecord.transfers(kind, writes: writes)
        let time = Double(io.pointee.transfers[index].ticks.value) * seconds
        if kind == IOKind.file {
          own.pointee.device += time
        } else {
          own.pointee.elsewhere += time
        }
        own.pointee.pauses += Double(io.pointee.transfers[index].calls.value)
      }
    }
    for wait in 0...Wait.pause { own.pointee.pauses += Double(io.pointee.waits[wait].calls.value) }
    func wait(_ index: Int) -> Double { Double(io.pointee.waits[index].ticks.value) * seconds }
    own.pointee.device += wait(Wait.sync) + wait(Wait.open) + wait(Wait.close)
    own.pointee.elsewhere += wait(Wait.connect) + wait(Wait.accept) + wait(Wait.poll)
    own.pointee.asleep += wait(Wait.pause)
    own.pointee.lock += wait(Wait.lock)
    own.pointee.signal += wait(Wait.signal)
  }

  /// The operations that the thread's time goes to, as one number; 0 for a thread that did nothing.
  private static func kind(of thread: OwnTimes) -> UInt32 {
    var whole = 0.0
    for slot in 0..<thread.capacity where thread.slots[slot].operation != 0 {
      whole += thread.slots[slot].work
    }
    guard whole > 0 else { return 0 }
    var kind: UInt32 = 0
    for slot in 0..<thread.capacity {
      let own = thread.slots[slot]
      if own.operation != 0, own.work >= 0.05 * whole {
        kind &+= (own.operation &* 0x9E37_79B1) ^ (own.operation &>> 7)
      }
    }
    return max(kind, 1)
  }
}
