// SPDX-License-Identifier: Apache-2.0

/// A call that was kept: its work, and how long it took.
public struct DurationPair {
  public var work: Double
  public var ticks: Double
  /// How many units of 2^20 ticks before the reading it ended.
  public var age: UInt32
}

extension Recording {
  /// The pairs of an operation, of all threads and paths, at most some `most`; of nodes with many, the latest. They
  /// come from a recording that may say anything: work and ticks are positive and finite.
  public func durationPairs(
    of operation: UInt32, at moment: ReadingMoment, most: Int = 2048
  ) -> [DurationPair] {
    var octaves = 0
    forEachDurationOctave(of: operation) { _ in octaves += 1 }
    guard octaves > 0 else { return [] }
    let each = max(min(most / octaves, DurationOctave.slots), 4)
    let now = UInt32(truncatingIfNeeded: moment.ticks &>> DurationOctave.stampShift)
    var pairs: [DurationPair] = []
    pairs.reserveCapacity(min(octaves * each, most))
    forEachDurationOctave(of: operation) { octave in
      for slot in 0..<each where pairs.count < most {
        let word = octave.pointee.pairs[slot].value
        guard word != 0 else { continue }
        let work = Double(Float(bitPattern: UInt32(truncatingIfNeeded: word &>> 32)))
        let ticks = Double(Float(bitPattern: UInt32(truncatingIfNeeded: word)))
        guard work >= 1, work <= 0x1p64, ticks >= 0, ticks <= 0x1p64 else { continue }
        // A call that ended after the moment was taken.
        let age = now &- octave.pointee.stamps[slot].value
        pairs.append(
          DurationPair(
            work: work, ticks: max(ticks, 1), age: Int32(bitPattern: age) < 0 ? 0 : age))
      }
    }
    return pairs
  }

  /// Whether calls of an operation ever had work.
  public func hasDurations(of operation: UInt32) -> Bool {
    var found = false
    forEachDurationOctave(of: operation) { _ in found = true }
    return found
  }

  private func forEachDurationOctave(
    of operation: UInt32, _ body: (UnsafeMutablePointer<DurationOctave>) -> Void
  ) {
    // The same octave may be linked to from everywhere: no more of them than there is room for.
    var left = byteCount / DurationOctave.bytes
    forEachNode { node in
      guard node.pointee.operation.value == operation else { return }
      let table = zone(node.pointee.histogram.durations.acquired)
      guard table != 0 else { return }
      let durations: UnsafeMutablePointer<DurationTable> = at(table)
      for index in 0..<DurationTable.octaveCount {
        let octave = zone(durations.pointee.octaves[index].acquired)
        guard octave != 0, ReadingBudget.take(&left) else { continue }
        body(at(octave))
      }
    }
  }
}
