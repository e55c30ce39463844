// SPDX-License-Identifier: Apache-2.0

/// What an operation did in the span of one record of the history.
public struct OperationSample {
  public let operation: UInt32
  /// The span, on the monotonic clock.
  public let startMonotonic: UInt64
  public let endMonotonic: UInt64
  public let endUnix: UInt64
  /// Differences, and of live bytes the latest if `hasLiveBytes`.
  public let totals: HistoryTotals
  public let hasLiveBytes: Bool
  /// At its histogram of wall times.
  private let buckets: EntryReader

  fileprivate init(_ head: RecordHead, _ entries: inout EntryReader) {
    operation = entries.operation
    startMonotonic = head.startMonotonic
    endMonotonic = head.endMonotonic
    endUnix = head.endUnix
    hasLiveBytes = entries.mask >> UInt64(HistoryTotals.Word.liveBytes) & 1 != 0
    totals = entries.totals()
    buckets = entries
  }

  /// Calls `body` with each bucket of wall times: the middle of it in ticks, and its count. Rising.
  public func forEachBucket(_ body: (_ ticks: UInt64, _ count: UInt64) -> Void) {
    var reader = buckets
    while let (bucket, count) = reader.nextBucket() {
      body(Histogram.middle(ofBucket: bucket), count)
    }
  }

  /// The quantiles of wall times in ticks; 0 without calls.
  public func quantiles() -> (p50: UInt64, p95: UInt64, p99: UInt64) {
    var total: UInt64 = 0
    forEachBucket { total &+= $1 }
    guard total > 0 else { return (0, 0, 0) }
    let ranks = (
      Distribution.rank(of: 0.5, among: total), Distribution.rank(of: 0.95, among: total),
      Distribution.rank(of: 0.99, among: total)
    )
    var seen: UInt64 = 0
    var found: (p50: UInt64, p95: UInt64, p99: UInt64) = (0, 0, 0)
    forEachBucket { ticks, count in
      let before = seen
      seen &+= count
      if before < ranks.0 && ranks.0 <= seen { found.p50 = ticks }
      if before < ranks.1 && ranks.1 <= seen { found.p95 = ticks }
      if before < ranks.2 && ranks.2 <= seen { found.p99 = ticks }
    }
    return found
  }
}

extension Recording {
  /// The position behind the newest record of seconds.
  public var recordEnd: UInt64 { header.pointee.history.records[Tier.seconds].end.acquired }

  /// Calls `body` with what each operation did, record by record, from a position in the records of seconds on, up to
  /// a moment of the monotonic clock; operation 0 stands for all calls without a caller. Returns the position to go
  /// on from.
  public func forEachOperationSample(
    from position: UInt64, until moment: UInt64, _ body: (OperationSample) -> Void
  ) -> UInt64 {
    guard var records = RecordReader(self, Tier.seconds, from: position) else { return position }
    let run = header.pointee.history.run.value
    var done = records.position
    while let (head, reader) = records.next(), head.endMonotonic <= moment {
      done = records.position
      guard head.run == run else { continue }
      var entries = EntryReader(reader)
      while entries.next() { body(OperationSample(head, &entries)) }
    }
    return done
  }

  /// Calls `body` with each span of a tier that this process recorded, the oldest first, and with what an operation
  /// did in it: nil for nothing.
  public func forEachSpan(
    of tier: Int, operation: UInt32,
    _ body: (_ startMonotonic: UInt64, _ endMonotonic: UInt64, OperationSample?) -> Void
  ) {
    guard var records = RecordReader(self, tier) else { return }
    let run = header.pointee.history.run.value
    var span: (start: UInt64, end: UInt64)?
    var found: OperationSample?
    while let (head, reader) = records.next() {
      guard head.run == run else { continue }
      // What did not fit into one record goes on in the next, of the same span.
      if let before = span, before.end != head.endMonotonic {
        body(before.start, before.end, found)
        found = nil
      }
      span = (head.startMonotonic, head.endMonotonic)
      var entries = EntryReader(reader)
      while entries.next() {
        if entries.operation == operation { found = OperationSample(head, &entries) }
        if entries.operation >= operation { break }
      }
    }
    if let span { body(span.start, span.end, found) }
  }
}
