// SPDX-License-Identifier: Apache-2.0

/// A word of the timeline: 64 bits that say by themselves what they are (docs/decisions/0016).
///
/// An event: time stamp modulo 2^40 | operation, 20 bits | kind, 4 bits.
/// More of the event before it: 60 bits | kind. Whoever begins to read in the midst passes over these up to
/// the first event.
public enum TimelineWord {
  // Events.
  public static let begin: UInt64 = 1
  public static let end: UInt64 = 2
  /// Closed by the end of a caller, or of the thread.
  public static let abandoned: UInt64 = 3
  /// A span goes on and pauses on this thread.
  public static let enter: UInt64 = 4
  public static let leave: UInt64 = 5
  /// A thread goes on with the lane, or ends. `owners` follows, and up to three of `text`.
  public static let thread: UInt64 = 6
  /// The last kind of an event.
  static let lastEvent: UInt64 = 7

  // More of the event before.
  /// The work of an end, 44 bits; of a failed call, and its failure kind, 16 bits; what the work has above.
  public static let work: UInt64 = 8
  public static let failure: UInt64 = 9
  public static let moreWork: UInt64 = 10
  /// The thread IDs of the lane's owner from here on and, above, up to here, 30 bits each; 0 for none.
  public static let owners: UInt64 = 11
  /// Seven bytes of the thread's name.
  public static let text: UInt64 = 12
  /// What time stamps have above 40 bits from here on, and had before, 24 bits each.
  public static let epoch: UInt64 = 13

  public static let timeBits: UInt64 = 40
  static let kindBits: UInt64 = 4
  static let operationBits: UInt64 = 20
  static let workBits: UInt64 = 44

  /// Time stamps of one epoch differ by less: six minutes at 3 GHz.
  static let epochTicks: UInt64 = 1 << timeBits

  @inline(__always)
  static func event(_ kind: UInt64, _ operation: UInt32, at ticks: UInt64) -> UInt64 {
    ticks &<< (kindBits + operationBits) | UInt64(operation) &<< kindBits | kind
  }

  @inline(__always) static func more(_ kind: UInt64, _ bits: UInt64) -> UInt64 {
    bits &<< kindBits | kind
  }
}

/// A lane's timeline: the last events of its threads, in a ring of words that only its owner writes.
public struct TimelineRing: ~Copyable {
  /// Where the words lie, and in the upper half how many they are, less one; 0 without a ring.
  public let place: Cell64
  /// Words ever written: a word is in the ring at its number modulo the ring's size. Grows after an
  /// event's last word was stored.
  public let position: Cell64
  /// The time stamp of the first tick of the epoch.
  public let epoch: Cell64

  /// The writer may be at work on so many words beyond `position`.
  static let unpublished: UInt64 = 8
}

/// What the timelines of all lanes have in common.
public struct TimelineHeader: ~Copyable {
  /// Words of a ring as wanted, a power of two; 0 while no timeline was ever wanted.
  public let words: Cell32
  /// Pages that rings took.
  public let pages: Cell32
  /// How often recording was switched on or off, and the last moments: time stamp * 2, + 1 for on.
  public let switchCount: Cell32
  let padding: Cell32
  public let switches: InlineArray<16, Cell64>

  /// A forked child's rings are made anew.
  func clear() {
    pages.set(0)
    switchCount.set(0)
  }
}

/// Writing, by the lane's owner.
extension Recording {
  /// Adds an event to a lane's timeline, if it has one.
  @inline(__always)
  public func recordEvent(
    _ kind: UInt64, _ operation: UInt32, at ticks: UInt64, on lane: UnsafeMutablePointer<Lane>
  ) {
    let place = lane.pointee.timeline.place.value
    if place == 0 { return }
    if ticks &- lane.pointee.timeline.epoch.value >= TimelineWord.epochTicks {
      beginEpoch(of: ticks, on: lane)
    }
    let position = lane.pointee.timeline.position.value
    word(position, in: place).pointee.set(TimelineWord.event(kind, operation, at: ticks))
    lane.pointee.timeline.position.publish(position &+ 1)
  }

  /// Adds an end, with the call's work and failure, `Frame.state`.
  @inline(__always)
  public func recordEnd(
    _ kind: UInt64, _ operation: UInt32, at ticks: UInt64, work: UInt64, state: UInt32,
    on lane: UnsafeMutablePointer<Lane>
  ) {
    let failed = state & Frame.State.failed
    if work | UInt64(failed) == 0 { return recordEvent(kind, operation, at: ticks, on: lane) }
    let place = lane.pointee.timeline.place.value
    if place == 0 { return }
    if ticks &- lane.pointee.timeline.epoch.value >= TimelineWord.epochTicks {
      beginEpoch(of: ticks, on: lane)
    }
    var position = lane.pointee.timeline.position.value
    word(position, in: place).pointee.set(TimelineWord.event(kind, operation, at: ticks))
    let low = work & (1 &<< TimelineWord.workBits &- 1)
    let bits = UInt64(state &>> Frame.State.kindShift) &<< TimelineWord.workBits | low
    word(position &+ 1, in: place).pointee.set(
      failed == 0
        ? TimelineWord.more(TimelineWord.work, low) : TimelineWord.more(TimelineWord.failure, bits))
    if work != low {
      position = position &+ 1
      word(position &+ 1, in: place).pointee.set(
        TimelineWord.more(TimelineWord.moreWork, work &>> TimelineWord.workBits))
    }
    lane.pointee.timeline.position.publish(position &+ 2)
  }

  /// Says that a thread goes on with the lane, or, with a `threadID` of 0, that the one before ends. `name`
  /// has up to 15 bytes and a NUL.
  public func recordThread(
    _ threadID: UInt32, before: UInt32 = 0, name: UnsafePointer<CChar>, at ticks: UInt64,
    on lane: UnsafeMutablePointer<Lane>
  ) {
    let place = lane.pointee.timeline.place.value
    if place == 0 { return }
    if ticks &- lane.pointee.timeline.epoch.value >= TimelineWord.epochTicks {
      beginEpoch(of: ticks, on: lane)
    }
    var position = lane.pointee.timeline.position.value
    func put(_ bits: UInt64) {
      word(position, in: place).pointee.set(bits)
      position = position &+ 1
    }
    put(TimelineWord.event(TimelineWord.thread, 0, at: ticks))
    let ids = UInt64(before & 0x3FFF_FFFF) &<< 30 | UInt64(threadID & 0x3FFF_FFFF)
    put(TimelineWord.more(TimelineWord.owners, ids))
    var bits: UInt64 = 0
    var count: UInt64 = 0
    while count < 15, name[Int(truncatingIfNeeded: count)] != 0 {
      let byte = UInt8(bitPattern: name[Int(truncatingIfNeeded: count)])
      bits |= UInt64(byte) &<< (count % 7 &* 8)
      count = count &+ 1
      if count % 7 == 0 {
        put(TimelineWord.more(TimelineWord.text, bits))
        bits = 0
      }
    }
    if bits != 0 { put(TimelineWord.more(TimelineWord.text, bits)) }
    lane.pointee.timeline.position.publish(position)
  }

  /// Goes on in the epoch of a time stamp. The word comes before the epoch: a reader that finds no such word
  /// among those it took, and the same epoch before and after, knows the epoch of all.
  @inline(never)
  private func beginEpoch(of ticks: UInt64, on lane: UnsafeMutablePointer<Lane>) {
    let place = lane.pointee.timeline.place.value
    let position = lane.pointee.timeline.position.value
    let before = lane.pointee.timeline.epoch.value &>> TimelineWord.timeBits
    let number = ticks &>> TimelineWord.timeBits
    word(position, in: place).pointee.set(
      TimelineWord.more(TimelineWord.epoch, before &<< 24 | number))
    lane.pointee.timeline.position.publish(position &+ 1)
    lane.pointee.timeline.epoch.publish(number &<< TimelineWord.timeBits)
  }

  /// The cell of a word by its number.
  @inline(__always)
  func word(_ number: UInt64, in place: UInt64) -> UnsafeMutablePointer<Cell64> {
    let index = UInt32(truncatingIfNeeded: number) & UInt32(truncatingIfNeeded: place &>> 32)
    return at(UInt32(truncatingIfNeeded: place) &+ index &* 8)
  }

  /// Gives a lane its ring, by any thread; a smaller one where the recording is short of room, none where
  /// it is full or rings took half of it. Begun again for each lane that has none.
  public func prepareTimeline(of lane: UnsafeMutablePointer<Lane>) {
    let header = header
    guard lane.pointee.timeline.place.value == 0 else { return }
    let most =
      (header.pointee.arenaPageEnd.value &- header.pointee.arenaOffset.value / Layout.page) / 2
    var pages = max(header.pointee.timeline.words.value / (Layout.page / 8), 1)
    while pages > 0 {
      let taken = header.pointee.timeline.pages.value
      if taken < most, pages <= most &- taken, let first = claimPages(pages) {
        header.pointee.timeline.pages.addShared(pages)
        let mask = UInt64(pages &* (Layout.page / 8) &- 1)
        _ = lane.pointee.timeline.place.exchange(0, for: mask &<< 32 | UInt64(first))
        return
      }
      pages /= 2
    }
  }

  /// Notes that recording was switched on or off, by any thread or process. Signal-safe.
  public func recordSwitch(on: Bool, at ticks: UInt64) {
    let header = header
    guard header.pointee.timeline.words.value != 0 else { return }
    var index = header.pointee.timeline.switchCount.value
    while !header.pointee.timeline.switchCount.exchange(index, for: index &+ 1) {
      index = header.pointee.timeline.switchCount.value
    }
    header.pointee.timeline.switches[Int(index & 15)].publish(ticks &<< 1 | (on ? 1 : 0))
  }
}
