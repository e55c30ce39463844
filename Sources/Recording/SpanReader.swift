// SPDX-License-Identifier: Apache-2.0

/// Open spans as a reader finds them, by the index of their records. Plain arrays of words: the library is
/// smaller by each type that has no array of its own.
struct OpenSpans {
  /// As they were before the lanes were read; 0 of records that are free.
  private(set) var words: [UInt64] = []
  private(set) var enteredTicks: [UInt64] = []
  /// For how long a thread has entered the span now, up to the moment of the reading; in all, and off the CPU.
  private(set) var segmentTicks: [UInt64] = []
  private(set) var segmentOffCPUNanoseconds: [UInt64] = []

  /// Cost: some nanoseconds for each that was ever open at once.
  init(of recording: Recording) {
    let used = min(
      recording.header.pointee.spans.table.used.acquired, recording.byteCount / SpanRecord.bytes)
    for index in 0..<used {
      guard let record = recording.span(index: index) else { break }
      words.append(record.pointee.openWord)
      enteredTicks.append(record.pointee.enteredTicks.value)
      segmentTicks.append(0)
      segmentOffCPUNanoseconds.append(0)
    }
  }

  /// A thread has entered a span.
  mutating func enter(_ span: UInt32, ticks: UInt64, offCPUNanoseconds: UInt64) {
    guard Int(span) < words.count else { return }
    segmentTicks[Int(span)] = ticks
    segmentOffCPUNanoseconds[Int(span)] = offCPUNanoseconds
  }
}

extension SpanRecord {
  /// Its word when the span is open; else 0.
  var openWord: UInt64 {
    let word = slot.word.acquired
    let state = UInt32(truncatingIfNeeded: word)
    return state == State.free || state == State.changing ? 0 : word
  }
}

extension Profile {
  /// Adds what spans have taken so far that were open before the lanes were read and still are: so that none is
  /// found both open and finished.
  mutating func add(_ spans: OpenSpans) {
    for index in spans.words.indices where spans.words[index] != 0 {
      guard let record = recording.span(index: UInt32(index)) else { continue }
      let word = record.pointee.openWord
      guard word != 0, word &>> 32 == spans.words[index] &>> 32 else { continue }
      openSpans += 1
      var enteredTicks = record.pointee.enteredTicks.value
      var offCPU = record.pointee.offCPUNanoseconds.value
      // Unless it was left meanwhile, and its record has that time already.
      if word == spans.words[index], enteredTicks == spans.enteredTicks[index] {
        enteredTicks &+= spans.segmentTicks[index]
        offCPU &+= spans.segmentOffCPUNanoseconds[index]
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
}

extension Totals {
  /// Counts the time that spans were suspended as time off the CPU.
  mutating func addSuspension(at moment: ReadingMoment) {
    let suspended = moment.nanoseconds(suspendedTicks)
    offCPUNanoseconds &+= suspended
    suspendedNanoseconds &+= suspended
    spanOffCPUNanoseconds &+= suspended
  }
}

extension ReadingMoment {
  public func nanoseconds(_ ticks: UInt64) -> UInt64 {
    whole(Double(ticks) * nanosecondsPerTick)
  }
}
