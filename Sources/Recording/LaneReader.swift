// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// An open call, as a reader found it.
struct OpenCall {
  let frame: UInt32
  let node: UInt32
  let operation: UInt32
  let start: UInt64
  /// The index of the record, when this is a span that the thread has entered: it begins with the enter.
  let span: UInt32?
  /// What it has told of its work so far.
  let work: UInt64
  var offCPUNanoseconds: UInt64
}

/// An operation that is open on a thread, or was when its process died.
public struct OpenOperation {
  /// 0 for a span that nobody runs.
  public let threadID: UInt32
  public let operation: UInt32
  /// How many of the thread's operations it is inside of.
  public let depth: Int
  /// The time stamp of its begin.
  public let startTicks: UInt64
  /// The call-tree node that its call will be added to, as `Frame.node`.
  public let node: UInt32
  /// What the call has told of its work so far.
  public let work: UInt64
}

/// The moment of a reading, and what only the recorded process can tell of it.
public struct ReadingMoment {
  public let ticks: UInt64
  public let monotonicNanoseconds: UInt64
  public let nanosecondsPerTick: Double
  /// The CPU time of a thread of this process; nil for a thread that is gone.
  public let cpuNanoseconds: (_ threadID: UInt32) -> UInt64?
  /// Lets a preempted writer run: about 0.1 ms.
  public let waitForWriter: () -> Void
  /// Whether somebody may be writing. Else a change that was left half done is taken as it is.
  public let isLive: Bool

  public init(
    ticks: UInt64, monotonicNanoseconds: UInt64, nanosecondsPerTick: Double,
    cpuNanoseconds: @escaping (UInt32) -> UInt64? = { _ in nil },
    waitForWriter: @escaping () -> Void = {}, isLive: Bool = true
  ) {
    self.isLive = isLive
    self.ticks = ticks
    self.monotonicNanoseconds = monotonicNanoseconds
    self.nanosecondsPerTick = nanosecondsPerTick
    self.cpuNanoseconds = cpuNanoseconds
    self.waitForWriter = waitForWriter
  }
}

/// Reading what threads are writing, without stopping them.
extension Recording {
  /// How often a histogram that met its writer is read again. What remains after that is off by the
  /// calls that ended during the reading: microseconds' worth.
  private var histogramAttempts: Int { 8 }

  /// How often the numbers beside it are. They take some ten nanoseconds, and hardly ever two readings,
  /// unless the writer was preempted between its two counters: then the reader waits for it, up to 50 ms.
  private var totalsAttempts: Int { 600 }
  private var attemptsBeforeWaiting: Int { 100 }

  /// The open calls of a lane, outermost first. Only those that stayed open during the whole of
  /// `body`, which reads the lane's nodes, so that no call is found both open and finished.
  func withOpenCalls(
    of lane: UnsafeMutablePointer<Lane>, at moment: ReadingMoment, body: () -> Void
  ) -> [OpenCall] {
    var calls = openCalls(of: lane)
    if let last = calls.indices.last, let waited = offCPUSinceSync(lane, at: moment) {
      calls[last].offCPUNanoseconds &+= waited
    }
    body()
    let still = zip(calls, openCalls(of: lane)).prefix {
      $0.frame == $1.frame && $0.start == $1.start && $0.operation == $1.operation
    }
    calls.removeLast(calls.count - still.count)
    // What a call inside waited its callers waited, too.
    for index in calls.indices.dropLast().reversed() {
      calls[index].offCPUNanoseconds &+= calls[index + 1].offCPUNanoseconds
    }
    return calls
  }

  func openCalls(of lane: UnsafeMutablePointer<Lane>) -> [OpenCall] {
    var calls: [OpenCall] = []
    var inSession: UInt64 = 0
    forEachFrame(of: lane) { at, frame in
      let operation = frame.pointee.operation
      // What a session's frame has gathered belongs to the call below, which is the next one here.
      let switched = frame.pointee.state.value & Frame.State.switched != 0
      let offCPU = switched ? frame.pointee.offCPUNanoseconds.value : 0
      if frame.pointee.isSession {
        inSession &+= offCPU
      } else if isOperation(operation) {
        calls.append(
          OpenCall(
            frame: at, node: frame.pointee.node.value, operation: operation,
            start: frame.pointee.start.value,
            span: frame.pointee.isSpan ? frame.pointee.parent.value : nil,
            work: frame.pointee.work.value, offCPUNanoseconds: offCPU &+ inSession))
        inSession = 0
      }
    }
    calls.reverse()
    return calls
  }

  /// Calls `body` with the frames of a lane that are in use, the innermost first, but for the lowest ones.
  public func forEachFrame(
    of lane: UnsafeMutablePointer<Lane>, _ body: (UInt32, UnsafeMutablePointer<Frame>) -> Void
  ) {
    let alignment = ~(Frame.bytes &- 1)
    var at = lane.pointee.top.acquired & alignment
    for _ in 0..<Lane.maxDepth &+ 2 &* Lane.maxSegmentCount {
      let frame: UnsafeMutablePointer<Frame> = self.at(at)
      let key = frame.pointee.key.value
      if key == Frame.Mark.root { return }
      if key == Frame.Mark.segment {
        at = UInt32(truncatingIfNeeded: frame.pointee.start.value) & alignment
      } else {
        body(at, frame)
        at = at &- Frame.bytes
      }
    }
  }

  /// How long the lane's thread was off its CPU since it last looked: a thread that waits now has not
  /// been able to say so.
  private func offCPUSinceSync(
    _ lane: UnsafeMutablePointer<Lane>, at moment: ReadingMoment
  ) -> UInt64? {
    guard lane.pointee.cpuClock.value != CPUClock.off else { return nil }
    let wall = lane.pointee.syncedWall.value
    let cpu = lane.pointee.syncedCPU.value
    guard let now = moment.cpuNanoseconds(lane.pointee.threadID.value) else { return nil }
    let off = Int64(bitPattern: (moment.monotonicNanoseconds &- wall) &- (now &- cpu))
    return off > 0 ? UInt64(off) : nil
  }

  /// A node's numbers of one moment, and its histogram if wanted.
  func read(
    _ node: UnsafeMutablePointer<CallNode>, of lane: UnsafeMutablePointer<Lane>,
    at moment: ReadingMoment, withDistribution: Bool, _ budget: inout ReadingBudget
  ) -> (totals: Totals, distribution: Distribution) {
    var totals = readTotals(node, at: moment)
    if !ReadingBudget.take(
      &budget.failureCounters, UInt32(truncatingIfNeeded: totals.failures.count))
    {
      totals.failures = [:]
    }
    guard withDistribution else { return (totals, Distribution()) }
    var distribution = Distribution()
    let octaves = budget.octaves
    for attempt in 0..<(moment.isLive ? histogramAttempts : 1) {
      if attempt > 0 { totals = readTotals(node, at: moment) }
      budget.octaves = octaves
      // Left half done for good, by a siglongjmp out of it or by a death: once is enough to wait.
      if node.pointee.begun.value != node.pointee.ended.value {
        return (totals, readDistribution(node, of: lane, &budget))
      }
      distribution = readDistribution(node, of: lane, &budget)
      // One entry a call, so that a sum that differs shows a reading between two stores.
      if distribution.total == totals.count, node.pointee.ended.acquired == totals.count {
        return (totals, distribution)
      }
    }
    return (moment.isLive ? readTotals(node, at: moment) : totals, distribution)
  }

  /// A node's numbers of one moment.
  private func readTotals(
    _ node: UnsafeMutablePointer<CallNode>, at moment: ReadingMoment
  ) -> Totals {
    var totals = Totals()
    let last = moment.isLive ? totalsAttempts &- 1 : 0
    for attempt in 0...last {
      if attempt > attemptsBeforeWaiting { moment.waitForWriter() }
      let ended = node.pointee.ended.acquired
      // In the midst of a change: not worth reading. So nodes that stay so cost little, however many there are.
      if attempt < last, node.pointee.begun.value != ended { continue }
      totals = readCells(node)
      totals.count = ended
      atomicMemoryFence(ordering: .acquiring)
      if node.pointee.begun.value == ended { break }
    }
    return totals
  }

  private func readCells(_ node: UnsafeMutablePointer<CallNode>) -> Totals {
    var totals = Totals()
    totals.failed = node.pointee.failed.value
    totals.abandoned = node.pointee.abandoned.value
    totals.wallTicks = node.pointee.wallTicks.value
    totals.fastestTicks = ~node.pointee.fastestComplement.value
    totals.slowestTicks = node.pointee.slowestTicks.value
    totals.work = node.pointee.work.value
    totals.offCPUNanoseconds = node.pointee.offCPUNanoseconds.value
    totals.voluntarySwitches = node.pointee.voluntarySwitches.value
    totals.involuntarySwitches = node.pointee.involuntarySwitches.value
    totals.pageFaults = node.pointee.pageFaults.value
    totals.spanTicks = node.pointee.spans.wallTicks.value
    totals.spanOffCPUNanoseconds = node.pointee.spans.offCPUNanoseconds.value
    totals.suspendedTicks = node.pointee.spans.suspendedTicks.value
    totals.pathlessCalleeTicks = node.pointee.pathlessCallees.wallTicks.value
    totals.pathlessCalleeOffCPUNanoseconds = node.pointee.pathlessCallees.offCPUNanoseconds.value
    var offset = node.pointee.failures.acquired
    var links: UInt32 = 0
    while offset != 0, links < FailureKind.capacity {
      let counter: UnsafeMutablePointer<FailureCounter> = at(zone(offset))
      let kind = min(counter.pointee.kind.value, FailureKind.other)
      totals.failures[kind, default: 0] &+= counter.pointee.count.value
      offset = counter.pointee.next.value
      links &+= 1
    }
    return totals
  }

  private func readDistribution(
    _ node: UnsafeMutablePointer<CallNode>, of lane: UnsafeMutablePointer<Lane>,
    _ budget: inout ReadingBudget
  ) -> Distribution {
    var distribution = Distribution()
    let pending = (lane.pointee.pendingBefore.value, lane.pointee.pending.value)
    for octave in 0..<Histogram.octaveCount {
      // Before the buckets: those that have a second array stand before the bit that says so.
      let overflowed = node.pointee.histogram.overflowed.acquired >> UInt64(octave) & 1 != 0
      let buckets = zone(node.pointee.histogram.octaves[octave].acquired)
      guard buckets != 0, ReadingBudget.take(&budget.octaves) else { continue }
      for within in 0..<Histogram.bucketsPerOctave {
        let offset = buckets &+ UInt32(within) &* 4
        let low: UnsafeMutablePointer<Cell32> = at(offset)
        var count = UInt64(low.pointee.value)
        if overflowed {
          let high: UnsafeMutablePointer<Cell32> = at(offset &+ Histogram.octaveBytes)
          count &+= UInt64(high.pointee.value) << 32
        }
        if pending.0 == offset { count &+= 1 }
        if pending.1 == offset { count &+= 1 }
        if count > 0 { distribution.add(count, octave: octave, within: within) }
      }
    }
    return distribution
  }
}

extension Recording {
  /// The operations that are open, of one thread after the other, the outermost first; then the spans that nobody
  /// runs. In a recording whose process died, those that were open then.
  public func openOperations() -> [OpenOperation] {
    var all: [OpenOperation] = []
    var left = byteCount / Frame.bytes
    forEachLane { lane in
      let calls = openCalls(of: lane)
      guard ReadingBudget.take(&left, UInt32(truncatingIfNeeded: calls.count)) else { return }
      for (depth, call) in calls.enumerated() {
        all.append(
          OpenOperation(
            threadID: lane.pointee.threadID.value, operation: call.operation, depth: depth,
            startTicks: call.start, node: call.node, work: call.work))
      }
    }
    for (index, word) in OpenSpans(of: self).words.enumerated()
    where UInt32(truncatingIfNeeded: word) == SpanRecord.State.suspended {
      guard let span = span(index: UInt32(truncatingIfNeeded: index)),
        isOperation(span.pointee.operation.value), ReadingBudget.take(&left)
      else { continue }
      all.append(
        OpenOperation(
          threadID: 0, operation: span.pointee.operation.value, depth: 0,
          startTicks: span.pointee.start.value, node: span.pointee.node.value,
          work: span.pointee.work.value))
    }
    return all
  }
}
