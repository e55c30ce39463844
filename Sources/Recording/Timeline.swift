// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Synchronization

/// The last events of a lane, as they were found: times whole, torn ones left out.
///
/// Reading trusts nothing: the ring's place is checked against the recording, words that are no events are
/// passed over. What is damaged gives odd events, and no more.
public struct Timeline {
  public struct Event {
    /// `TimelineWord`: begin to thread.
    public let kind: UInt64
    /// The operation's handle; of a thread 0. Of damaged words it may be none.
    public let operation: UInt32
    public let ticks: UInt64
    public var work: UInt64 = 0
    /// The number of the failure kind; nil when the call did not fail.
    public var failure: UInt32?
    /// Of a thread event: who goes on with the lane, 0 for nobody, and who had it before.
    public var threadID: UInt32 = 0
    public var threadBefore: UInt32 = 0
    public var threadName: [UInt8] = []
  }

  public internal(set) var events: [Event] = []
  /// Events before these were written over.
  public internal(set) var isCut = false
  /// The thread that has the lane at the end; 0 for none.
  public internal(set) var threadID: UInt32 = 0
}

extension Recording {
  /// The timeline of a lane, without stopping its writer. Cost: proportional to the ring.
  public func timeline(of lane: UnsafeMutablePointer<Lane>) -> Timeline {
    var timeline = Timeline()
    timeline.threadID = lane.pointee.threadID.value
    // An epoch that changes meanwhile is rare, and changes once.
    for _ in 0..<4 {
      let epoch = lane.pointee.timeline.epoch.acquired
      let (words, isCut) = timelineWords(of: lane)
      guard lane.pointee.timeline.epoch.acquired == epoch else { continue }
      timeline.isCut = isCut
      timeline.read(words, epoch: epoch &>> TimelineWord.timeBits)
      return timeline
    }
    return timeline
  }

  /// The words of a ring, the oldest first, and whether there were older ones.
  private func timelineWords(
    of lane: UnsafeMutablePointer<Lane>
  ) -> (words: [UInt64], isCut: Bool) {
    let place = lane.pointee.timeline.place.acquired
    let size = (place &>> 32) &+ 1
    let start = place & 0xFFFF_FFFF
    let bytes = UInt64(byteCount)
    guard place != 0, size & (size &- 1) == 0, size >= 16, start & 7 == 0,
      start >= UInt64(Layout.page), start < bytes, size <= (bytes &- start) / 8, size <= bytes / 16
    else { return ([], false) }
    let end = lane.pointee.timeline.position.acquired
    let kept = size &- TimelineRing.unpublished
    let first = end > kept ? end &- kept : 0
    var words: [UInt64] = []
    words.reserveCapacity(Int(truncatingIfNeeded: end &- first))
    var number = first
    while number != end {
      words.append(word(number, in: place).pointee.value)
      number = number &+ 1
    }
    // What the writer has written over meanwhile.
    atomicMemoryFence(ordering: .acquiring)
    let now = lane.pointee.timeline.position.value
    let safe = now > kept ? now &- kept : 0
    let torn = safe > first ? min(safe &- first, UInt64(words.count)) : 0
    words.removeFirst(Int(truncatingIfNeeded: torn))
    return (words, first &+ torn > 0)
  }
}

extension Timeline {
  /// - Parameter epoch: of the last words, unless there is a word that says so.
  fileprivate mutating func read(_ words: [UInt64], epoch: UInt64) {
    var epoch = epoch & 0xFF_FFFF
    if let change = words.first(where: { $0 & 15 == TimelineWord.epoch }) {
      epoch = change &>> 28 & 0xFF_FFFF
    }
    events.reserveCapacity(words.count)
    for word in words {
      let kind = word & 15
      let bits = word &>> 4
      if kind >= TimelineWord.begin, kind <= TimelineWord.lastEvent {
        events.append(
          Event(
            kind: kind, operation: UInt32(truncatingIfNeeded: bits & 0xF_FFFF),
            ticks: epoch &<< TimelineWord.timeBits | word &>> 24))
      } else if kind == TimelineWord.epoch {
        epoch = bits & 0xFF_FFFF
      } else if let last = events.indices.last {
        events[last].add(kind, bits)
      }
    }
  }
}

extension Timeline.Event {
  /// Takes in a word that says more of this event.
  fileprivate mutating func add(_ kind: UInt64, _ bits: UInt64) {
    switch kind {
    case TimelineWord.work: work = bits
    case TimelineWord.failure:
      work = bits & (1 &<< TimelineWord.workBits &- 1)
      failure = UInt32(truncatingIfNeeded: bits &>> TimelineWord.workBits)
    case TimelineWord.moreWork: work |= bits &<< TimelineWord.workBits
    case TimelineWord.owners:
      threadID = UInt32(truncatingIfNeeded: bits & 0x3FFF_FFFF)
      threadBefore = UInt32(truncatingIfNeeded: bits &>> 30)
    case TimelineWord.text where threadName.count < 15:
      for index in 0..<7 {
        let byte = UInt8(truncatingIfNeeded: bits &>> (UInt64(index) &* 8))
        if byte != 0 { threadName.append(byte) }
      }
    default: break
    }
  }
}
