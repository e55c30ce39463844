// SPDX-License-Identifier: Apache-2.0

/// Writing records, and summing them up for the next tier. By the collector alone.
extension Recording {
  private var sums: UnsafeMutablePointer<UInt64> { at(header.pointee.history.workspace.value) }

  // MARK: Histograms

  /// Notes which buckets the last calls of each lane are still to be counted in.
  func gatherPending() {
    let pending = pendingBuckets
    var count = 0
    forEachLane { lane in
      let nothing = UInt64(nothingPending(in: lane))
      guard count < Workspace.pendingCapacity - 2 else { return }
      pending[count + 1] = UInt64(lane.pointee.pending.value)
      if pending[count + 1] != nothing { count += 1 }
      pending[count + 1] = UInt64(lane.pointee.pendingBefore.value)
      if pending[count + 1] != nothing { count += 1 }
    }
    pending[0] = UInt64(count)
    heapSort(pending + 1, count)
  }

  /// The count, and then the offsets.
  private var pendingBuckets: UnsafeMutablePointer<UInt64> {
    at(header.pointee.history.workspace.value &+ Workspace.pendingOffset)
  }

  /// The index of the first pending bucket from an offset on.
  private func pendingIndex(from offset: UInt32) -> Int {
    let pending = pendingBuckets
    var (low, high) = (1, Int(pending[0]) + 1)
    while low < high {
      let middle = (low + high) / 2
      if pending[middle] < UInt64(offset) { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// Adds up the histograms of an operation's nodes. Returns a bit for each octave that there is; counts are
  /// modulo 2^32, as `CollectedOctave` has them.
  private func sumHistograms(of collected: UnsafeMutablePointer<CollectedOperation>) -> UInt64 {
    let (sums, pending) = (sums, pendingBuckets)
    var touched: UInt64 = 0
    var offset = collected.pointee.nodes.value
    while offset != 0 {
      let link: UnsafeMutablePointer<NodeLink> = at(offset)
      let node: UnsafeMutablePointer<CallNode> = at(link.pointee.node.value)
      for octave in 0..<Histogram.octaveCount {
        let buckets = node.pointee.histogram.octaves[octave].acquired
        if buckets == 0 { continue }
        let into = sums + octave * Histogram.bucketsPerOctave
        if touched >> UInt64(octave) & 1 == 0 {
          touched |= 1 << UInt64(octave)
          into.update(repeating: 0, count: Histogram.bucketsPerOctave)
        }
        let cells: UnsafeMutablePointer<Cell32> = at(buckets)
        for within in 0..<Histogram.bucketsPerOctave {
          into[within] &+= UInt64(cells[within].value)
        }
        var index = pendingIndex(from: buckets)
        while index <= Int(pending[0]),
          pending[index] &- UInt64(buckets) < UInt64(Histogram.octaveBytes)
        {
          into[Int((pending[index] &- UInt64(buckets)) / 4)] &+= 1
          index += 1
        }
      }
      offset = link.pointee.next.value
    }
    return touched
  }

  /// The counts of an octave that records have; nil when there are none, and for want of memory.
  private func collectedOctave(
    _ octave: Int, of collected: UnsafeMutablePointer<CollectedOperation>, making: Bool
  ) -> UnsafeMutablePointer<CollectedOctave>? {
    var offset = collected.pointee.octaves.value
    while offset != 0 {
      let known: UnsafeMutablePointer<CollectedOctave> = at(offset)
      if known.pointee.number.value == UInt32(octave) { return known }
      offset = known.pointee.next.value
    }
    guard making else { return nil }
    if header.pointee.history.freeEnd.value &- header.pointee.history.freeBytes.value
      < CollectedOctave.bytes
    {
      guard let page = claimPages(1) else {
        header.pointee.history.refused.add(1)
        return nil
      }
      header.pointee.history.freeBytes.set(page)
      header.pointee.history.freeEnd.set(page &+ Layout.page)
    }
    let made = header.pointee.history.freeBytes.value
    header.pointee.history.freeBytes.set(made &+ CollectedOctave.bytes)
    let fresh: UnsafeMutablePointer<CollectedOctave> = at(made)
    fresh.pointee.number.set(UInt32(octave))
    fresh.pointee.next.set(collected.pointee.octaves.value)
    collected.pointee.octaves.publish(made)
    return fresh
  }

  /// What a bucket has more than the records have of it. A call that was found pending and counted at once makes
  /// it one too high, and the next difference one too low: below zero it waits for a call that makes up for it.
  private func difference(_ sum: UInt64, _ recorded: UInt32) -> UInt32 {
    let difference = UInt32(truncatingIfNeeded: sum) &- recorded
    return difference < 0x8000_0000 ? difference : 0
  }

  // MARK: Quantiles of points

  /// The quantiles of the calls without a caller since the last record.
  func setQuantiles(of point: inout ProcessPoint) {
    guard let all = existingCollected(0) else { return }
    let touched = sumHistograms(of: all)
    for octave in 0..<Histogram.octaveCount {
      let counts = sums + octave * Histogram.bucketsPerOctave
      if touched >> UInt64(octave) & 1 == 0 {
        counts.update(repeating: 0, count: Histogram.bucketsPerOctave)
        continue
      }
      let known = collectedOctave(octave, of: all, making: false)
      for within in 0..<Histogram.bucketsPerOctave {
        let recorded = known.map { $0.pointee.counts[within].value } ?? 0
        counts[within] = UInt64(difference(counts[within], recorded))
      }
    }
    setQuantilesOfSums(of: &point)
  }

  /// Adds up the histograms of calls without a caller in a tier's records since a moment.
  func sumOutermost(of tier: Int, since start: UInt64) {
    let sums = sums
    sums.update(repeating: 0, count: Workspace.bucketCount)
    guard var records = RecordReader(self, tier) else { return }
    let run = header.pointee.history.run.value
    while let (head, reader) = records.next() {
      var entries = EntryReader(reader)
      guard head.run == run, head.startMonotonic >= start, entries.next(), entries.operation == 0
      else { continue }
      _ = entries.totals()
      while let (bucket, count) = entries.nextBucket() { sums[bucket] &+= count }
    }
  }

  func setQuantilesOfSums(of point: inout ProcessPoint) {
    let sums = sums
    var total: UInt64 = 0
    for bucket in 0..<Workspace.bucketCount { total &+= sums[bucket] }
    (point.p50Ticks, point.p95Ticks, point.p99Ticks) = (0, 0, 0)
    guard total > 0 else { return }
    let p50 = Distribution.rank(of: 0.5, among: total)
    let p95 = Distribution.rank(of: 0.95, among: total)
    let p99 = Distribution.rank(of: 0.99, among: total)
    var seen: UInt64 = 0
    for bucket in 0..<Workspace.bucketCount where sums[bucket] > 0 {
      let before = seen
      seen &+= sums[bucket]
      let middle = Histogram.middle(ofBucket: bucket)
      if before < p50 && p50 <= seen { point.p50Ticks = middle }
      if before < p95 && p95 <= seen { point.p95Ticks = middle }
      if before < p99 && p99 <= seen { point.p99Ticks = middle }
    }
  }

  // MARK: Records

  /// Writes what changed of each operation since its last record, in as many records as it takes.
  func recordChanges(from start: UInt64, at moment: HistoryMoment) {
    var pen = RecordPen(
      self, Tier.seconds, from: start, to: moment.monotonicNanoseconds,
      unix: moment.unixNanoseconds)
    for operation in 0...operationCount {
      guard let collected = existingCollected(operation) else { continue }
      var (totals, mask) = (HistoryTotals(), UInt64(0))
      for word in 0..<HistoryTotals.count {
        let now = collected.pointee.now[word].value
        let before = collected.pointee.recorded[word].value
        if now == before { continue }
        mask |= 1 << UInt64(word)
        totals[word] = word < HistoryTotals.counters ? now &- before : now
        collected.pointee.recorded[word].set(now)
      }
      guard mask != 0 else { continue }
      let hasCalls = mask >> UInt64(HistoryTotals.Word.finished) & 1 != 0
      if hasCalls { mask |= HistoryEntry.hasBuckets }
      pen.putEntry(operation, totals, mask: mask)
      if hasCalls { recordHistogram(of: collected, with: &pen) }
    }
    pen.finish()
    header.pointee.history.records[Tier.seconds].lastEnd.set(moment.monotonicNanoseconds)
  }

  private func recordHistogram(
    of collected: UnsafeMutablePointer<CollectedOperation>, with pen: inout RecordPen
  ) {
    let touched = sumHistograms(of: collected)
    for octave in 0..<Histogram.octaveCount where touched >> UInt64(octave) & 1 != 0 {
      guard let known = collectedOctave(octave, of: collected, making: true) else { continue }
      let counts = sums + octave * Histogram.bucketsPerOctave
      for within in 0..<Histogram.bucketsPerOctave {
        let more = difference(counts[within], known.pointee.counts[within].value)
        // What finds no room in this record is in the next.
        guard more > 0, pen.putBucket(octave * Histogram.bucketsPerOctave + within, UInt64(more))
        else { continue }
        known.pointee.counts[within].add(more)
      }
    }
    pen.endBuckets()
  }

  // MARK: Summing up

  /// Sums up the records that the next tier does not have yet.
  func fold(_ tier: Int) {
    guard tier < Tier.hours, let first = RecordReader(self, tier) else { return }
    // A sum is at most as large as this tier's ring, which is half of the next one's.
    if tier == Tier.seconds && isFilled(Tier.minutes, of: 4) { fold(Tier.minutes) }
    let from = header.pointee.history.records[tier].folded.value
    guard var records = RecordReader(self, tier, from: max(from, first.position)) else { return }
    let readers: UnsafeMutablePointer<EntryReader> = at(
      header.pointee.history.workspace.value &+ Workspace.readersOffset)
    var (count, span) = (0, RecordHead())
    while count < Workspace.readerCapacity, let (head, entries) = records.next() {
      var reader = EntryReader(entries)
      if count == 0 { span = head }
      span.startMonotonic = min(span.startMonotonic, head.startMonotonic)
      if head.endMonotonic >= span.endMonotonic {
        (span.endMonotonic, span.endUnix) = (head.endMonotonic, head.endUnix)
      }
      guard reader.next() else { continue }
      readers[count] = reader
      count += 1
    }
    header.pointee.history.records[tier].folded.set(records.position)
    header.pointee.history.records[tier].unfolded.set(0)
    if count > 0 {
      var pen = RecordPen(
        self, tier &+ 1, from: span.startMonotonic, to: span.endMonotonic, unix: span.endUnix)
      while count > 0 { count = merge(readers, count, with: &pen) }
      pen.finish()
    }
    let end = header.pointee.history.records[tier].lastEnd.value
    header.pointee.history.records[tier &+ 1].lastEnd.set(end)
  }

  /// Whether the records that the next tier does not have yet take more than the `part`th part of the ring, or
  /// nearly as many readers as there are.
  func isFilled(_ tier: Int, of part: UInt64) -> Bool {
    let header = header
    let bytes =
      header.pointee.history.records[tier].end.value
      &- header.pointee.history.records[tier].folded.value
    let count = Int(header.pointee.history.records[tier].unfolded.value)
    return bytes > UInt64(header.pointee.history.records[tier].capacity.value) / part
      || count > Workspace.readerCapacity - 16
  }

  /// Writes the sum of the entries of the lowest operation that any reader stands at; returns how many
  /// readers are left.
  private func merge(
    _ readers: UnsafeMutablePointer<EntryReader>, _ count: Int, with pen: inout RecordPen
  ) -> Int {
    var operation = UInt32.max
    for index in 0..<count { operation = min(operation, readers[index].operation) }
    var (totals, mask, left) = (HistoryTotals(), UInt64(0), 0)
    let sums = sums
    var (lowest, highest) = (Workspace.bucketCount, -1)
    for index in 0..<count {
      if readers[index].operation == operation {
        mask |= readers[index].mask
        totals.absorb(readers[index].totals(), mask: readers[index].mask)
        while let (bucket, count) = readers[index].nextBucket() {
          // Zeros from the lowest to the highest: the rest may be anything.
          while lowest > bucket || highest < lowest {
            if highest < lowest { (lowest, highest) = (bucket, bucket) } else { lowest -= 1 }
            sums[lowest] = 0
          }
          while highest < bucket {
            highest += 1
            sums[highest] = 0
          }
          sums[bucket] &+= count
        }
        guard readers[index].next() else { continue }
      }
      readers[left] = readers[index]
      left += 1
    }
    pen.putEntry(operation, totals, mask: mask)
    if mask & HistoryEntry.hasBuckets != 0 {
      for bucket in lowest..<max(highest + 1, lowest) where sums[bucket] > 0 {
        _ = pen.putBucket(bucket, sums[bucket])
      }
      pen.endBuckets()
    }
    return left
  }
}

/// Sorts in place (Williams, "Algorithm 232: Heapsort", 1964): the library's own sort would take memory for it.
func heapSort(_ numbers: UnsafeMutablePointer<UInt64>, _ count: Int) {
  func sink(_ root: Int, _ end: Int) {
    var root = root
    while 2 * root + 1 < end {
      var child = 2 * root + 1
      if child + 1 < end && numbers[child] < numbers[child + 1] { child += 1 }
      if numbers[root] >= numbers[child] { return }
      (numbers[root], numbers[child]) = (numbers[child], numbers[root])
      root = child
    }
  }
  for root in (0..<count / 2).reversed() { sink(root, count) }
  for end in (0..<max(count, 1)).reversed() where end > 0 {
    (numbers[0], numbers[end]) = (numbers[end], numbers[0])
    sink(0, end)
  }
}
