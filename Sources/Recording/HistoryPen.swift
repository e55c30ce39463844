// SPDX-License-Identifier: Apache-2.0

/// Writes the entries of one span to a tier: in more than one record when they are many, so that half of the ring
/// always stays. Before a record takes the place of others, those are in the next tier.
struct RecordPen {
  private let recording: Recording
  private let tier: Int
  private var head = RecordHead()
  private var writer: RecordWriter?
  private var lastOperation: UInt32 = 0
  private var lastBucket = -1
  private var bytes: UInt64 = 0

  init(_ recording: Recording, _ tier: Int, from start: UInt64, to end: UInt64, unix: UInt64) {
    self.recording = recording
    self.tier = tier
    head.run = recording.header.pointee.history.run.value
    head.startMonotonic = start
    head.endMonotonic = end
    head.endUnix = unix
  }

  mutating func putEntry(_ operation: UInt32, _ totals: HistoryTotals, mask: UInt64) {
    if let full = writer, full.isLarge { close(full) }
    if writer == nil {
      if tier == Tier.seconds && recording.isFilled(tier, of: 2) { recording.fold(tier) }
      writer = RecordWriter(recording, tier, head)
      lastOperation = 0
    }
    writer?.putEntry(operation &- lastOperation, totals, mask: mask)
    lastOperation = operation
    lastBucket = -1
  }

  /// False when the record takes no more.
  mutating func putBucket(_ bucket: Int, _ count: UInt64) -> Bool {
    guard writer?.isFull == false else { return false }
    writer?.put(UInt64(bucket - lastBucket))
    writer?.put(count)
    lastBucket = bucket
    return true
  }

  mutating func endBuckets() { writer?.put(UInt64(0)) }

  mutating func finish() {
    if let last = writer { close(last) }
    if bytes > 0 { chooseStep() }
  }

  private mutating func close(_ finished: RecordWriter) {
    finished.publish()
    bytes &+= finished.count
    recording.header.pointee.history.records[tier].unfolded.add(1)
    writer = nil
  }

  /// How many spans a record is to cover, so that the ring reaches back as far as it should.
  private func chooseStep() {
    let header = recording.header
    let before = UInt64(header.pointee.history.records[tier].bytesPerRecord.value)
    // Up at once, down by and by.
    let expected = max(bytes, before &- before / 8)
    header.pointee.history.records[tier].bytesPerRecord.set(UInt32(clamping: expected))
    let room = UInt64(header.pointee.history.records[tier].capacity.value) / 8 &* 7
    let needed = Tier.reach(tier) / Tier.span(tier) &* expected / max(room, 1)
    let steps: InlineArray<5, UInt32> = tier == Tier.hours ? [1, 2, 4, 12, 24] : [1, 2, 5, 10, 30]
    var step = steps[4]
    for index in (0..<4).reversed() where UInt64(steps[index]) > needed { step = steps[index] }
    header.pointee.history.records[tier].step.set(step)
  }
}
