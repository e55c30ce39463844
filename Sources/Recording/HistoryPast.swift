// SPDX-License-Identifier: Apache-2.0

/// The history as it was written, for a reader that draws it.
extension Recording {
  /// This process among those that have continued the history.
  public var historyRun: UInt64 { UInt64(header.pointee.history.run.value) }

  /// A tier's points of this process alone, the newest first, until `body` returns false.
  public func forEachOwnPoint(newestFirst tier: Int, _ body: (ProcessPoint) -> Bool) {
    let run = UInt64(header.pointee.history.run.value)
    forEachPoint(newestFirst: tier) { $0.run == run && body($0) }
  }

  /// The calls that ended, by operation, in the seconds' records that end after a moment of the monotonic clock, the
  /// oldest first. An operation that a record does not name had none in its span. Cost: the records' bytes.
  public func forEachRecordedCalls(
    since moment: UInt64,
    _ body: (_ operation: UInt32, _ calls: UInt64, _ start: UInt64, _ end: UInt64) -> Void
  ) {
    guard var records = RecordReader(self, Tier.seconds) else { return }
    let run = header.pointee.history.run.value
    while let (head, reader) = records.next() {
      guard head.run == run, head.endMonotonic > moment, head.startMonotonic < head.endMonotonic
      else { continue }
      var entries = EntryReader(reader)
      while entries.next() {
        let calls = entries.totals()[HistoryTotals.Word.finished]
        body(entries.operation, calls, head.startMonotonic, head.endMonotonic)
      }
    }
  }
}
