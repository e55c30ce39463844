// SPDX-License-Identifier: Apache-2.0

/// A history that goes on after a restart: a new process of the same program takes over what the recording of the
/// one before holds.
extension Recording {
  /// Takes over the history of an older recording: its points, and its records with the handles that their operations
  /// have here, named now if they are new. The gap between the two shows in the times; windows of this process
  /// do not reach back into it. By the one thread that makes this recording, before its first tick.
  ///
  /// - Parameter old: a recording that anybody may have written; its `Header.bytes` can be read, no more is
  ///   taken for granted.
  /// - Parameter nanosecondsPerTick: of this process. Times are converted when the old one counted otherwise.
  /// - Returns: false when there is nothing to take over, or no room.
  /// Cost: proportional to the old history's bytes, some tens of nanoseconds each; uses malloc.
  public func adoptHistory(from old: Recording, nanosecondsPerTick: Double) -> Bool {
    guard old.hasHistory, old.historyIsOfUsualSize, prepareHistory(),
      header.pointee.history.points[0].written.value == 0
    else { return false }
    var adoption = HistoryAdoption(self, old, nanosecondsPerTick)
    // With the old process's number, until its last seconds are summed up, too.
    let run = min(old.header.pointee.history.run.value, .max - 1)
    header.pointee.history.run.set(run)
    for tier in 0..<Tier.count {
      adoption.copyRecords(of: tier)
      adoption.copyPoints(of: tier)
    }
    for tier in 0..<Tier.count - 1 { fold(tier) }
    header.pointee.history.run.set(run &+ 1)
    let start = header.pointee.startMonotonic.value
    for tier in 0..<Tier.count {
      header.pointee.history.points[tier].lastEnd.set(start)
      header.pointee.history.records[tier].lastEnd.set(start)
      header.pointee.history.records[tier].step.set(1)
      header.pointee.history.records[tier].bytesPerRecord.set(0)
    }
    return true
  }
}

extension Recording {
  /// Whether the rings take no more than a share of the recording, as they do: else to take them over would cost
  /// the new process as much time as somebody liked.
  fileprivate var historyIsOfUsualSize: Bool {
    var bytes: UInt64 = 0
    for tier in 0..<Tier.count {
      bytes &+= UInt64(header.pointee.history.records[tier].capacity.value)
      bytes &+=
        UInt64(header.pointee.history.points[tier].capacity.value) &* UInt64(ProcessPoint.bytes)
    }
    return bytes <= UInt64(byteCount) / 2
  }
}

/// What is needed while a history is taken over.
private struct HistoryAdoption {
  private let new: Recording
  private let old: Recording
  /// Old ticks to new ones.
  private let rate: Double
  /// By old handle: the new one, plus 1; 0 while it is not known.
  private var handles: [UInt32]

  init(_ new: Recording, _ old: Recording, _ nanosecondsPerTick: Double) {
    self.new = new
    self.old = old
    let ratio =
      Double(bitPattern: old.header.pointee.nanosecondsPerTick.value) / nanosecondsPerTick
    // Calibrations of one counter differ by some millionths.
    rate = ratio > 1e-6 && ratio < 1e6 && abs(ratio - 1) > 1e-3 ? ratio : 1
    handles = [UInt32](repeating: 0, count: Int(old.operationCount) + 1)
    handles[0] = 1
  }

  mutating func copyPoints(of tier: Int) {
    let (written, kept) = old.pointCount(of: tier)
    for age in (0..<kept).reversed() {
      guard var point = old.point(written &- age, of: tier) else { continue }
      point.run = min(point.run, UInt64(new.header.pointee.history.run.value))
      point.p50Ticks = converted(point.p50Ticks)
      point.p95Ticks = converted(point.p95Ticks)
      point.p99Ticks = converted(point.p99Ticks)
      new.add(point, to: tier)
    }
  }

  mutating func copyRecords(of tier: Int) {
    guard var records = RecordReader(old, tier) else { return }
    let folded = old.header.pointee.history.records[tier].folded.value
    let header = new.header
    var unfolded: UInt32 = 0
    while true {
      let isFolded = records.position < folded
      guard let (found, reader) = records.next() else { break }
      var head = found
      if !isFolded { unfolded &+= 1 }
      head.run = min(head.run, header.pointee.history.run.value)
      copy(EntryReader(reader), head, to: tier)
      if isFolded {
        header.pointee.history.records[tier].folded.set(
          header.pointee.history.records[tier].end.value)
      }
    }
    header.pointee.history.records[tier].unfolded.set(unfolded)
  }

  /// Writes a record's entries in the order of their new handles.
  private mutating func copy(_ entries: EntryReader, _ head: RecordHead, to tier: Int) {
    var entries = entries
    var found: [EntryReader] = []
    var order: [UInt64] = []  // the new handle, and in the lower half the entry's index
    while entries.next() {
      guard let operation = handle(entries.operation) else { continue }
      order.append(UInt64(operation) << 32 | UInt64(found.count))
      found.append(entries)
    }
    order.withUnsafeMutableBufferPointer { numbers in
      if let start = numbers.baseAddress { heapSort(start, numbers.count) }
    }
    var writer: RecordWriter?
    var last: UInt32 = 0
    for item in order {
      let operation = UInt32(truncatingIfNeeded: item >> 32)
      let entry = found[Int(item & 0xFFFF_FFFF)]
      if writer != nil, operation == last { continue }  // two old names that are one
      if let full = writer, full.isLarge {
        full.publish()
        writer = nil
      }
      if writer == nil {
        writer = RecordWriter(new, tier, head)
        last = 0
      }
      writer?.putEntry(operation &- last, converted(entry), mask: entry.mask)
      copyBuckets(of: entry, to: &writer)
      last = operation
    }
    writer?.publish()
  }

  private func converted(_ entry: EntryReader) -> HistoryTotals {
    var entry = entry
    var totals = entry.totals()
    totals[HistoryTotals.Word.wallTicks] = converted(totals.wallTicks)
    totals[HistoryTotals.Word.ioWaitTicks] = converted(totals.ioWaitTicks)
    totals[HistoryTotals.Word.suspendedTicks] = converted(totals.suspendedTicks)
    return totals
  }

  private func converted(_ ticks: UInt64) -> UInt64 {
    rate == 1 ? ticks : UInt64(min(Double(ticks) * rate, 0x1p63))
  }

  private func copyBuckets(of entry: EntryReader, to writer: inout RecordWriter?) {
    guard entry.mask & HistoryEntry.hasBuckets != 0 else { return }
    var entry = entry
    _ = entry.totals()
    var (last, bucket, sum) = (-1, -1, UInt64(0))
    func put() {
      guard sum > 0, writer?.isFull == false else { return }
      writer?.put(UInt64(bucket - last))
      writer?.put(sum)
      last = bucket
    }
    while let (from, count) = entry.nextBucket() {
      let middle = converted(Histogram.middle(ofBucket: from))
      let to =
        rate == 1 ? from : Int(Histogram.bucket(min(middle, Histogram.limit - 1)))
      // Buckets that fall into one come one after the other.
      if to > bucket {
        put()
        (bucket, sum) = (to, 0)
      }
      sum &+= count
    }
    put()
    writer?.put(UInt64(0))
  }

  /// The handle that an operation has here; nil when it cannot have one.
  private mutating func handle(_ operation: UInt32) -> UInt32? {
    guard Int(operation) < handles.count else { return nil }
    if handles[Int(operation)] == 0 { handles[Int(operation)] = named(operation) &+ 1 }
    let handle = handles[Int(operation)] &- 1
    return handle == 0 && operation != 0 ? nil : handle
  }

  /// 0 when the name cannot be read, or finds no room.
  private func named(_ operation: UInt32) -> UInt32 {
    let header = old.header
    let limit = UInt64(old.byteCount)
    let record =
      UInt64(header.pointee.operationsOffset.value) &+ UInt64(operation)
      &* UInt64(OperationRecord.bytes)
    guard record % 8 == 0, record &+ UInt64(OperationRecord.bytes) <= limit else { return 0 }
    let known: UnsafeMutablePointer<OperationRecord> = old.at(UInt32(truncatingIfNeeded: record))
    let start =
      UInt64(header.pointee.namesOffset.value) &+ UInt64(known.pointee.name.value)
    let count = UInt64(known.pointee.nameBytes.value)
    guard count > 0, count < 256, start &+ count <= limit else { return 0 }
    let bytes: UnsafeMutablePointer<CChar> = old.at(UInt32(truncatingIfNeeded: start))
    var text = (0..<Int(count)).map { bytes[$0] }
    text.append(0)
    let name = CleanText(text)
    guard name.count > 0 else { return 0 }
    return (try? new.nameOperation(name, threadID: 1, whileWaiting: {})) ?? 0
  }
}
