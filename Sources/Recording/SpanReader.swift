// SPDX-License-Identifier: Apache-2.0

/// An open span, as a reader found it before it read the lanes.
struct OpenSpan {
  let index: UInt32
  let word: UInt64
  let enteredTicks: UInt64
}

/// The time for which a thread has entered a span now, up to the moment of the reading.
struct SpanSegment {
  let ticks: UInt64
  let offCPUNanoseconds: UInt64
}

extension Recording {
  /// The spans that are open.
  /// Cost: some nanoseconds for each that was ever open at once.
  func openSpans() -> [OpenSpan] {
    var found: [OpenSpan] = []
    let used = min(header.pointee.spans.table.used.acquired, byteCount / SpanRecord.bytes)
    for index in 0..<used {
      guard let record = span(index: index) else { break }
      let word = record.pointee.slot.word.acquired
      let state = UInt32(truncatingIfNeeded: word)
      if state == SpanRecord.State.free || state == SpanRecord.State.changing { continue }
      found.append(
        OpenSpan(index: index, word: word, enteredTicks: record.pointee.enteredTicks.value))
    }
    return found
  }
}

extension Profile {
  /// Adds what spans have taken so far that were open before the lanes were read and still are: so that none is
  /// found both open and finished.
  mutating func addOpenSpans(_ spans: [OpenSpan], entered: [UInt32: SpanSegment]) {
    for open in spans {
      guard let record = recording.span(index: open.index) else { continue }
      let word = record.pointee.slot.word.acquired
      let state = UInt32(truncatingIfNeeded: word)
      guard word &>> 32 == open.word &>> 32, state != SpanRecord.State.free,
        state != SpanRecord.State.changing
      else { continue }
      openSpans += 1
      var enteredTicks = record.pointee.enteredTicks.value
      var offCPU = record.pointee.offCPUNanoseconds.value
      // Unless it was left meanwhile, and its record has that time already.
      if let segment = entered[open.index], word == open.word, enteredTicks == open.enteredTicks {
        enteredTicks &+= segment.ticks
        offCPU &+= segment.offCPUNanoseconds
      }
      let start = record.pointee.start.value
      var totals = Totals()
      totals.active = 1
      totals.openTicks = moment.ticks > start ? moment.ticks - start : 0
      let suspended = totals.openTicks - min(enteredTicks, totals.openTicks)
      totals.openOffCPUNanoseconds = moment.nanoseconds(suspended) &+ offCPU
      totals.spanTicks = totals.openTicks
      totals.spanOffCPUNanoseconds = totals.openOffCPUNanoseconds
      add(open: totals, at: record.pointee.node.value, of: record.pointee.operation.value)
    }
  }

  /// Adds what spans of this moment's sums were off the CPU without anybody running them.
  func withSuspension(_ totals: Totals) -> Totals {
    Self.withSuspension(totals, at: moment)
  }

  static func withSuspension(_ totals: Totals, at moment: ReadingMoment) -> Totals {
    var all = totals
    let suspended = moment.nanoseconds(totals.suspendedTicks)
    all.offCPUNanoseconds &+= suspended
    all.suspendedNanoseconds &+= suspended
    all.spanOffCPUNanoseconds &+= suspended
    return all
  }
}

extension ReadingMoment {
  public func nanoseconds(_ ticks: UInt64) -> UInt64 {
    whole(Double(ticks) * nanosecondsPerTick)
  }
}
