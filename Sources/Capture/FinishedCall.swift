// SPDX-License-Identifier: Apache-2.0
import Recording

/// What a call that is being closed adds.
struct FinishedCall {
  let wallTicks: UInt64
  let isAbandoned: Bool
  private let end: UInt64
  private let state: UInt32
  private let work: UInt64
  private let offCPUNanoseconds: UInt64
  private let voluntarySwitches: UInt64
  private let involuntarySwitches: UInt64
  private let pageFaults: UInt64
  /// nil of a call that is no span.
  private let suspendedTicks: UInt64?

  init(of frame: UnsafeMutablePointer<Frame>, at now: UInt64, abandoned: Bool) {
    // Counters of different CPUs may disagree by some ticks: never below zero.
    let wall = now &- frame.pointee.start.value
    wallTicks = Int64(bitPattern: wall) < 0 ? 0 : wall
    isAbandoned = abandoned
    end = now
    state = frame.pointee.state.value
    work = frame.pointee.work.value
    let switched = state & Frame.State.switched != 0
    offCPUNanoseconds = switched ? frame.pointee.offCPUNanoseconds.value : 0
    voluntarySwitches = switched ? UInt64(frame.pointee.voluntarySwitches.value) : 0
    involuntarySwitches = switched ? UInt64(frame.pointee.involuntarySwitches.value) : 0
    pageFaults = switched ? UInt64(frame.pointee.pageFaults.value) : 0
    suspendedTicks = nil
  }

  /// A span that ends, suspended.
  init(of span: UnsafeMutablePointer<SpanRecord>, at now: UInt64) {
    let wall = now &- span.pointee.start.value
    let entered = span.pointee.enteredTicks.value
    wallTicks = max(Int64(bitPattern: wall) < 0 ? 0 : wall, entered)
    isAbandoned = false
    end = now
    state = span.pointee.failure.value | Frame.State.switched
    work = span.pointee.work.value
    offCPUNanoseconds = span.pointee.offCPUNanoseconds.value
    voluntarySwitches = UInt64(span.pointee.voluntarySwitches.value)
    involuntarySwitches = UInt64(span.pointee.involuntarySwitches.value)
    pageFaults = UInt64(span.pointee.pageFaults.value)
    suspendedTicks = wallTicks &- entered
  }

  var wasSwitched: Bool { state & Frame.State.switched != 0 }
  var hasFailed: Bool { state & Frame.State.failed != 0 }

  /// The call as its session counts it.
  var inSession: SessionCall {
    SessionCall(
      wallTicks: wallTicks, enteredTicks: wallTicks &- (suspendedTicks ?? 0),
      offCPUNanoseconds: offCPUNanoseconds, work: work, hasFailed: hasFailed)
  }

  /// By the lane's owner.
  func add(
    to node: UnsafeMutablePointer<CallNode>, on lane: UnsafeMutablePointer<Lane>,
    of recording: Recording
  ) {
    recording.countPending(of: lane)
    let calls = node.pointee.ended.value &+ 1
    node.pointee.begun.set(calls)
    orderForReaders()
    node.pointee.wallTicks.add(wallTicks)
    node.pointee.slowestTicks.set(max(node.pointee.slowestTicks.value, wallTicks))
    node.pointee.fastestComplement.set(max(node.pointee.fastestComplement.value, ~wallTicks))
    let bucket = Histogram.bucket(min(wallTicks, Histogram.limit - 1))
    if !recording.count(bucket: bucket, of: node, in: lane) { lane.pointee.untrackedPaths.add(1) }
    node.pointee.work.add(work)
    if isAbandoned { node.pointee.abandoned.add(1) }
    if let suspendedTicks {
      node.pointee.spans.wallTicks.add(wallTicks)
      node.pointee.spans.suspendedTicks.add(suspendedTicks)
      node.pointee.spans.offCPUNanoseconds.add(offCPUNanoseconds)
    }
    if state != 0 {
      node.pointee.offCPUNanoseconds.add(offCPUNanoseconds)
      node.pointee.voluntarySwitches.add(voluntarySwitches)
      node.pointee.involuntarySwitches.add(involuntarySwitches)
      node.pointee.pageFaults.add(pageFaults)
      if hasFailed {
        node.pointee.failed.add(1)
        recording.countFailure(state &>> Frame.State.kindShift, of: node, in: lane)
      }
    }
    node.pointee.ended.publish(calls)
    // What went wrong says nothing of how long it takes.
    if work != 0, !isAbandoned, !hasFailed {
      recording.noteDuration(work: work, wallTicks: wallTicks, at: end, of: node, in: lane)
    }
  }

  /// Tells the caller what this call took, where no node of it will: self times are less by that.
  func addAsCallee(to caller: UnsafeMutablePointer<Frame>, of recording: Recording) {
    if caller.pointee.operation == 0 { return }
    if caller.pointee.isPathless {
      let record = recording.operation(caller.pointee.operation)
      record.pointee.pathless.callees.wallTicks.addShared(wallTicks)
      record.pointee.pathless.callees.offCPUNanoseconds.addShared(offCPUNanoseconds)
    } else {
      let node: UnsafeMutablePointer<CallNode> = recording.at(caller.pointee.node.value)
      node.pointee.pathlessCallees.wallTicks.add(wallTicks)
      node.pointee.pathlessCallees.offCPUNanoseconds.add(offCPUNanoseconds)
    }
  }

  /// By any thread: the shared sums of an operation, for calls without a node.
  func add(to record: UnsafeMutablePointer<OperationRecord>) {
    record.pointee.pathless.wallTicks.addShared(wallTicks)
    record.pointee.pathless.slowestTicks.raiseShared(to: wallTicks)
    record.pointee.pathless.fastestComplement.raiseShared(to: ~wallTicks)
    if isAbandoned { record.pointee.pathless.abandoned.addShared(1) }
    if hasFailed { record.pointee.pathless.failed.addShared(1) }
    record.pointee.pathless.work.addShared(work)
    record.pointee.pathless.offCPUNanoseconds.addShared(offCPUNanoseconds)
    record.pointee.pathless.voluntarySwitches.addShared(voluntarySwitches)
    record.pointee.pathless.involuntarySwitches.addShared(involuntarySwitches)
    record.pointee.pathless.pageFaults.addShared(pageFaults)
    record.pointee.pathless.suspendedTicks.addShared(suspendedTicks ?? 0)
    record.pointee.pathless.count.addShared(1)
  }

  /// What a span took while a thread had entered it, by that thread.
  func add(to span: UnsafeMutablePointer<SpanRecord>) {
    span.pointee.enteredTicks.add(wallTicks)
    span.pointee.offCPUNanoseconds.add(offCPUNanoseconds)
    span.pointee.voluntarySwitches.add(UInt32(truncatingIfNeeded: voluntarySwitches))
    span.pointee.involuntarySwitches.add(UInt32(truncatingIfNeeded: involuntarySwitches))
    span.pointee.pageFaults.add(UInt32(truncatingIfNeeded: pageFaults))
    if work != 0 { span.pointee.work.addShared(work) }
    if hasFailed { span.pointee.failure.set(state & ~Frame.State.switched) }
  }

  /// What was said of the open call below a session while the session stood on it.
  func handDown(to call: UnsafeMutablePointer<Frame>) {
    call.pointee.work.add(work)
    if hasFailed {
      let switched = call.pointee.state.value & Frame.State.switched
      call.pointee.state.set(switched | state & ~Frame.State.switched)
    }
  }
}

extension UnsafeMutablePointer where Pointee == Frame {
  /// Adds time off the CPU, switches and faults to an open call.
  func addSwitches(offCPU: UInt64, voluntary: UInt64, involuntary: UInt64, faults: UInt64) {
    let state = pointee.state.value
    if state & Frame.State.switched == 0 {
      pointee.offCPUNanoseconds.set(0)
      pointee.voluntarySwitches.set(0)
      pointee.involuntarySwitches.set(0)
      pointee.pageFaults.set(0)
      pointee.state.set(state | Frame.State.switched)
    }
    pointee.offCPUNanoseconds.add(offCPU)
    pointee.voluntarySwitches.add(UInt32(truncatingIfNeeded: voluntary))
    pointee.involuntarySwitches.add(UInt32(truncatingIfNeeded: involuntary))
    pointee.pageFaults.add(UInt32(truncatingIfNeeded: faults))
  }

  /// Hands what a call inside has gathered to this one, which contains it.
  func addSwitches(of inner: UnsafeMutablePointer<Frame>) {
    addSwitches(
      offCPU: inner.pointee.offCPUNanoseconds.value,
      voluntary: UInt64(inner.pointee.voluntarySwitches.value),
      involuntary: UInt64(inner.pointee.involuntarySwitches.value),
      faults: UInt64(inner.pointee.pageFaults.value))
  }
}
