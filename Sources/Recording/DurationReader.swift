// SPDX-License-Identifier: Apache-2.0

/// Calls whose work is known, in columns that the reader brings.
public struct DurationColumns {
  /// At least 1.
  public let work: UnsafeMutablePointer<Double>
  public let ticks: UnsafeMutablePointer<Double>
  /// How many units of 2^20 ticks before the reading a call ended.
  public let age: UnsafeMutablePointer<Double>
  public let capacity: Int

  public init(_ start: UnsafeMutablePointer<Double>, capacity: Int) {
    (work, ticks, age) = (start, start + capacity, start + 2 * capacity)
    self.capacity = capacity
  }
}

extension Recording {
  /// Reads the pairs of an operation, of all threads and paths; of nodes with more than there is room for, the
  /// latest. They come from a recording that may say anything: work and ticks are positive and finite.
  /// - Returns: how many.
  public func readDurations(
    of operation: UInt32, at moment: ReadingMoment, into columns: DurationColumns
  ) -> Int {
    var octaves = 0
    forEachDurationOctave(of: operation) { _ in octaves &+= 1 }
    let each = max(min(columns.capacity / max(octaves, 1), DurationOctave.slots), 4)
    let now = UInt32(truncatingIfNeeded: moment.ticks &>> DurationOctave.stampShift)
    var count = 0
    forEachDurationOctave(of: operation) { octave in
      for slot in 0..<each where count < columns.capacity {
        let word = octave.pointee.pairs[unchecked: slot].value
        let work = Double(Float(bitPattern: UInt32(truncatingIfNeeded: word &>> 32)))
        let ticks = Double(Float(bitPattern: UInt32(truncatingIfNeeded: word)))
        guard word != 0, work >= 1, work <= 0x1p64, ticks >= 0, ticks <= 0x1p64 else { continue }
        let age = Int32(bitPattern: now &- octave.pointee.stamps[unchecked: slot].value)
        columns.work[count] = work
        columns.ticks[count] = max(ticks, 1)
        // A call may have ended after the moment was taken.
        columns.age[count] = Double(max(age, 0))
        count &+= 1
      }
    }
    return count
  }

  /// The operations that have any, in order.
  public func operationsWithDurations() -> [UInt32] {
    var has = [Bool](repeating: false, count: Int(operationCount) + 1)
    forEachNode { node in
      let operation = Int(node.pointee.operation.value)
      if operation < has.count, node.pointee.histogram.durations.value != 0 {
        has[operation] = true
      }
    }
    var found: [UInt32] = []
    for operation in has.indices where has[operation] { found.append(UInt32(operation)) }
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
        let octave = zone(durations.pointee.octaves[unchecked: index].acquired)
        guard octave != 0, ReadingBudget.take(&left) else { continue }
        body(at(octave))
      }
    }
  }
}
