// SPDX-License-Identifier: Apache-2.0

// How long calls of a known amount of work took: pairs of work and wall time, kept by the thread that ends the call,
// so that durations can be predicted whether or not a collector runs (docs/decisions/0029).

/// The pairs of a node, by the octave of the work: those of 1, of 2 and 3, of 4 to 7, ... The first call with work
/// makes it.
public struct DurationTable: ~Copyable {
  /// The offsets of `DurationOctave`s; 0 where no call came yet.
  public let octaves: InlineArray<64, Cell32>

  public static let bytes: UInt32 = 256
  public static let octaveCount = 64

  /// The octave of an amount of work that is not 0.
  @inline(__always) static func octave(_ work: UInt64) -> Int { 63 &- work.leadingZeroBitCount }
}

/// Up to 52 pairs: the latest 20, 16 of those before, at one in four, and 16 of what was before them, at one in
/// eight. So they tell of now, and of some hundred calls ago. Written by the lane's thread alone.
public struct DurationOctave: ~Copyable {
  /// How many calls there were; how many left the first ring for the second, and that for the third.
  public let count: Cell64
  public let moved: Cell32
  public let movedAgain: Cell32
  /// Work in the upper half, wall time in ticks in the lower, both as the bits of a Float; 0: none yet.
  public let pairs: InlineArray<52, Cell64>
  /// When the call ended, in units of 2^20 ticks: some 0.3 ms, which repeat after two weeks.
  public let stamps: InlineArray<52, Cell32>

  public static let bytes: UInt32 = 640
  public static let latest = 20
  public static let older = 16
  public static let slots = 52
  public static let stampShift: UInt64 = 20
}

/// The header's part: what the pairs of all operations take.
public struct DurationHeader: ~Copyable {
  public let bytes: Cell64

  func clear() { bytes.set(0) }
}

extension Recording {
  /// Durations take at most this much of a recording: calls without them are worth more.
  var mostDurationBytes: UInt64 { header.pointee.bytes.value / 16 }

  /// Whether some calls' durations found no room.
  public var durationsAreFull: Bool {
    header.pointee.durations.bytes.value >= mostDurationBytes
  }

  /// Keeps the pair of a call that ended, on a busy lane. No locked instruction but where memory is claimed.
  @_semantics("no_performance_analysis") @inline(never)
  public func noteDuration(
    work: UInt64, wallTicks: UInt64, at now: UInt64, of node: UnsafeMutablePointer<CallNode>,
    in lane: UnsafeMutablePointer<Lane>
  ) {
    guard work != 0, let octave = durationOctave(work, of: node, in: lane) else { return }
    let pair =
      UInt64(Float(work).bitPattern) &<< 32 | UInt64(Float(wallTicks).bitPattern)
    let stamp = UInt32(truncatingIfNeeded: now &>> DurationOctave.stampShift)
    let calls = octave.pointee.count.value
    let latest = UInt64(DurationOctave.latest)
    let slot = Int(truncatingIfNeeded: calls % latest)
    if calls >= latest { moveOn(slot, after: calls &- latest, in: octave) }
    octave.pointee.pairs[unchecked: slot].set(pair)
    octave.pointee.stamps[unchecked: slot].set(stamp)
    octave.pointee.count.publish(calls &+ 1)
  }

  /// Hands a pair that is to be written over on to the ring of older ones, or not: each of the first, then one in
  /// four, chosen by a sequence that has no period (golden ratio), as the host's calls may have one.
  private func moveOn(
    _ slot: Int, after calls: UInt64, in octave: UnsafeMutablePointer<DurationOctave>
  ) {
    let older = UInt32(DurationOctave.older)
    let golden: UInt64 = 0x9E37_79B9_7F4A_7C15
    guard calls < UInt64(older &* 2) || (calls &* golden) &>> 62 == 0 else { return }
    let moved = octave.pointee.moved.value
    let second = DurationOctave.latest &+ Int(truncatingIfNeeded: moved % older)
    let again = octave.pointee.movedAgain.value
    if moved >= older, moved < older &* 2 || (UInt64(moved) &* golden) &>> 61 == 0 {
      let third =
        DurationOctave.latest &+ DurationOctave.older &+ Int(truncatingIfNeeded: again % older)
      copy(second, to: third, in: octave)
      octave.pointee.movedAgain.set(again &+ 1)
    }
    copy(slot, to: second, in: octave)
    octave.pointee.moved.set(moved &+ 1)
  }

  @inline(__always)
  private func copy(_ from: Int, to: Int, in octave: UnsafeMutablePointer<DurationOctave>) {
    octave.pointee.stamps[unchecked: to].set(octave.pointee.stamps[unchecked: from].value)
    octave.pointee.pairs[unchecked: to].set(octave.pointee.pairs[unchecked: from].value)
  }

  @inline(__always)
  private func durationOctave(
    _ work: UInt64, of node: UnsafeMutablePointer<CallNode>, in lane: UnsafeMutablePointer<Lane>
  ) -> UnsafeMutablePointer<DurationOctave>? {
    let table = node.pointee.histogram.durations.value
    let index = DurationTable.octave(work)
    if table != 0 {
      let durations: UnsafeMutablePointer<DurationTable> = at(table)
      let octave = durations.pointee.octaves[unchecked: index].value
      if octave != 0 { return at(octave) }
    }
    return makeDurationOctave(index, of: node, in: lane)
  }

  @inline(never)
  private func makeDurationOctave(
    _ index: Int, of node: UnsafeMutablePointer<CallNode>, in lane: UnsafeMutablePointer<Lane>
  ) -> UnsafeMutablePointer<DurationOctave>? {
    var table = node.pointee.histogram.durations.value
    if table == 0 {
      guard let made = claimDurations(DurationTable.bytes, for: lane) else { return nil }
      table = made
      node.pointee.histogram.durations.publish(made)
    }
    guard let made = claimDurations(DurationOctave.bytes, for: lane) else { return nil }
    let durations: UnsafeMutablePointer<DurationTable> = at(table)
    durations.pointee.octaves[unchecked: index].publish(made)
    return at(made)
  }

  private func claimDurations(_ bytes: UInt32, for lane: UnsafeMutablePointer<Lane>) -> UInt32? {
    let header = header
    // Full: nothing is counted at each call, which would be a locked instruction each.
    guard header.pointee.durations.bytes.value < mostDurationBytes else { return nil }
    guard let made = allocate(bytes, for: lane) else { return nil }
    header.pointee.durations.bytes.addShared(UInt64(bytes))
    return made
  }
}
