// SPDX-License-Identifier: Apache-2.0
import CPrognos

/// A call of the timeline: a begin and its end, put together.
public struct TimelineCall {
  public let operation: UInt32
  public let threadID: UInt32
  /// A span's stay on the thread, from enter to leave.
  public let isSpan: Bool
  /// Where the begin was written over: the first moment that is known.
  public let start: UInt64
  public var end: UInt64
  public let beganBefore: Bool
  public var work: UInt64 = 0
  public var failure: UInt32?
  public var wasAbandoned = false
  /// It has no end in the timeline.
  public var isOpen = true
}

/// The calls of a lane's timeline, callers before those they call, and the names of its threads.
public struct TimelineCalls {
  public private(set) var calls: [TimelineCall] = []
  public private(set) var threads: [(id: UInt32, name: [UInt8])] = []

  /// Of the thread that the events at hand are of.
  private var threadID: UInt32 = 0
  private var since: UInt64 = 0
  /// Indexes into `calls`, outermost first.
  private var open: [Int] = []
  /// How many of them are of an operation (* 2, + 1 for a span's stay): so that ends without a begin do
  /// not look through them all.
  private var openOf: [UInt32: Int] = [:]
  private var indexOfThread: [UInt32: Int] = [:]
  /// Calls whose begin is lost, the innermost first.
  private var earlier: [TimelineCall] = []
  private var firstOfThread = 0

  /// - Parameter until: when calls that have no end are taken to end.
  public init(
    _ timeline: Timeline, of lane: UnsafeMutablePointer<Lane>, in recording: Recording,
    until: UInt64
  ) {
    guard let first = timeline.events.first else { return }
    since = first.ticks
    let change = timeline.events.first { $0.kind == TimelineWord.thread }
    threadID = change.map { $0.threadBefore } ?? timeline.threadID
    for event in timeline.events { add(event) }
    let last = max(until, timeline.events.last?.ticks ?? 0)
    closeAll(at: last)
    // Calls that began before the first event and are open still. They contain all the others.
    if !timeline.events.contains(where: { $0.kind == TimelineWord.thread }) {
      let outer = recording.openCalls(of: lane).filter { $0.start < since }
      calls.insert(
        contentsOf: outer.map {
          TimelineCall(
            operation: $0.operation, threadID: threadID, isSpan: false, start: $0.start, end: last,
            beganBefore: false)
        }, at: 0)
    }
    if threadID != 0 { noteThread(threadID, name: []) }
  }

  private mutating func add(_ event: Timeline.Event) {
    switch event.kind {
    case TimelineWord.begin, TimelineWord.enter:
      let isSpan = event.kind == TimelineWord.enter
      open.append(calls.count)
      openOf[Self.key(event.operation, isSpan), default: 0] += 1
      calls.append(
        TimelineCall(
          operation: event.operation, threadID: threadID, isSpan: isSpan,
          start: max(event.ticks, since), end: event.ticks, beganBefore: false))
    case TimelineWord.end, TimelineWord.abandoned, TimelineWord.leave: end(event)
    case TimelineWord.thread:
      // A thread that ended has abandoned all, unless it was found dead.
      for index in open {
        calls[index].isOpen = false
        calls[index].wasAbandoned = true
      }
      closeAll(at: event.ticks)
      if event.threadBefore != 0 { noteThread(event.threadBefore, name: []) }
      threadID = event.threadID
      since = event.ticks
      if threadID != 0 { noteThread(threadID, name: event.threadName) }
    default: break
    }
  }

  private mutating func end(_ event: Timeline.Event) {
    let isSpan = event.kind == TimelineWord.leave
    let isKnown = (openOf[Self.key(event.operation, isSpan)] ?? 0) > 0
    // What was nested too deep ends with its caller, without an end of its own.
    while isKnown, let index = open.popLast() {
      openOf[Self.key(calls[index].operation, calls[index].isSpan), default: 1] -= 1
      calls[index].end = max(event.ticks, calls[index].start)
      calls[index].isOpen = false
      calls[index].wasAbandoned = true
      if calls[index].operation == event.operation, calls[index].isSpan == isSpan {
        return finish(&calls[index], event)
      }
    }
    if !isKnown {
      var call = TimelineCall(
        operation: event.operation, threadID: threadID, isSpan: isSpan, start: since,
        end: max(event.ticks, since), beganBefore: true)
      call.isOpen = false
      finish(&call, event)
      earlier.append(call)
    }
  }

  private static func key(_ operation: UInt32, _ isSpan: Bool) -> UInt32 {
    operation &<< 1 | (isSpan ? 1 : 0)
  }

  private func finish(_ call: inout TimelineCall, _ event: Timeline.Event) {
    call.work = event.work
    call.failure = event.failure
    call.wasAbandoned = event.kind == TimelineWord.abandoned
  }

  /// The thread is over, or the timeline.
  private mutating func closeAll(at ticks: UInt64) {
    for index in open { calls[index].end = max(ticks, calls[index].start) }
    open.removeAll()
    openOf.removeAll()
    if !earlier.isEmpty {
      let later = calls[firstOfThread...]
      calls = Array(calls[..<firstOfThread])
      while let call = earlier.popLast() { calls.append(call) }
      calls += later
    }
    firstOfThread = calls.count
  }

  /// In one lane's ring. More than have ever been met.
  private static var mostThreads: Int { 4096 }

  private mutating func noteThread(_ id: UInt32, name: [UInt8]) {
    if let index = indexOfThread[id] {
      if !name.isEmpty { threads[index].name = name }
    } else if threads.count < Self.mostThreads {
      indexOfThread[id] = threads.count
      threads.append((id, name))
    }
  }
}

extension Recording {
  /// When recording was switched off and on, as far as it is known: [off, on), the last open to `until`.
  public func timelineGaps(until: UInt64) -> [(start: UInt64, end: UInt64)] {
    let count = header.pointee.timeline.switchCount.acquired
    var gaps: [(start: UInt64, end: UInt64)] = []
    var off: UInt64?
    for number in count &- min(count, 16)..<count {
      let moment = header.pointee.timeline.switches[Int(number & 15)].acquired
      if moment & 1 == 0 {
        off = moment &>> 1
      } else if let start = off {
        gaps.append((start, max(start, moment &>> 1)))
        off = nil
      }
    }
    if let off { gaps.append((off, max(off, until))) }
    return gaps
  }
}
