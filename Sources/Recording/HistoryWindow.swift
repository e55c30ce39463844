// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Synchronization

/// The operations over a window that ends now: what the records hold of it, and what the lanes hold beyond all
/// records.
public struct HistoryWindow {
  /// What it really covers: whole records, so that it may be longer than asked for; or less, when the recording is
  /// younger, or the history does not reach back so far.
  public private(set) var nanoseconds: UInt64 = 0
  /// By handle; 0 stands for all calls without a caller. Empty where only another operation was wanted.
  public private(set) var totals: [HistoryTotals]
  public private(set) var distributions: [Distribution]

  private let recording: Recording
  private let wanted: UInt32?
  /// How many more octaves of buckets its operations may have: what the records count the lanes have counted, too,
  /// so that each takes its room there. In damaged records it costs two bytes to name one.
  private var octavesLeft: UInt32

  /// Reads a window. nil when the recording has no history.
  ///
  /// - Parameter operation: the only one that is wanted; nil for all, with their distributions.
  /// Cost: the records of the window, some nanoseconds a byte.
  public init?(of profile: Profile, nanoseconds wantedNanoseconds: UInt64, operation: UInt32? = nil)
  {
    recording = profile.recording
    guard recording.hasHistory else { return nil }
    wanted = operation
    octavesLeft = recording.byteCount / Histogram.octaveBytes &+ UInt32(Histogram.octaveCount)
    let count = profile.operations.count + 1
    totals = [HistoryTotals](repeating: HistoryTotals(), count: count)
    distributions = [Distribution](repeating: Distribution(), count: count)
    let now = profile.moment.monotonicNanoseconds
    let began = recording.header.pointee.startMonotonic.value
    let from = max(now > wantedNanoseconds ? now - wantedNanoseconds : 0, min(began, now))
    var start = from
    var coarsest = Tier.seconds
    while coarsest < Tier.hours && !recording.reaches(from, from: began, in: coarsest) {
      coarsest += 1
    }
    for tier in 0...coarsest {
      addRecords(of: tier, isCoarsest: tier == coarsest, since: from, &start)
    }
    nanoseconds = now - min(start, now)
    for id in 0..<count where operation == nil || id == Int(operation ?? 0) {
      addRest(UInt32(id), profile)
    }
  }

  private mutating func addRecords(
    of tier: Int, isCoarsest: Bool, since from: UInt64, _ start: inout UInt64
  ) {
    // Finer tiers have what the coarser one does not have yet.
    let position = isCoarsest ? nil : recording.header.pointee.history.records[tier].folded.value
    guard var records = RecordReader(recording, tier, from: position) else { return }
    let run = recording.header.pointee.history.run.value
    while let (head, reader) = records.next() {
      guard head.run == run, head.endMonotonic > from else { continue }
      start = min(start, head.startMonotonic)
      var entries = EntryReader(reader)
      while entries.next() {
        let id = Int(entries.operation)
        guard id < totals.count, wanted == nil || wanted == entries.operation else { continue }
        let mask = entries.mask
        totals[id].absorb(entries.totals(), mask: mask)
        while let (bucket, count) = entries.nextBucket() {
          add(count, bucket, to: id)
        }
      }
    }
  }

  private mutating func add(_ count: UInt64, _ bucket: Int, to id: Int) {
    let octave = bucket / Histogram.bucketsPerOctave
    guard distributions[id].has(octave) || ReadingBudget.take(&octavesLeft) else { return }
    distributions[id].add(count, octave: octave, within: bucket % Histogram.bucketsPerOctave)
  }

  /// Adds what no record holds yet.
  private mutating func addRest(_ id: UInt32, _ profile: Profile) {
    let (now, distribution) = profile.historyTotals(of: id)
    let known = recording.existingCollected(id)
    for word in 0..<HistoryTotals.counters {
      let recorded = known.map { $0.pointee.recorded[word].value } ?? 0
      if now[word] > recorded { totals[Int(id)][word] &+= now[word] - recorded }
    }
    totals[Int(id)][HistoryTotals.Word.liveBytes] = now.liveBytes
    guard totals[Int(id)].finished > 0 else {
      distributions[Int(id)] = Distribution()
      return
    }
    var octave = -1
    var counts: UnsafeMutablePointer<CollectedOctave>?
    distribution.forEachCount { bucket, count in
      let within = bucket % Histogram.bucketsPerOctave
      if bucket / Histogram.bucketsPerOctave != octave {
        octave = bucket / Histogram.bucketsPerOctave
        counts = recording.octave(octave, of: known)
      }
      let recorded = counts.map { $0.pointee.counts[within].value } ?? 0
      let more = UInt32(truncatingIfNeeded: count) &- recorded
      guard more > 0, more < 0x8000_0000 else { return }
      add(UInt64(more), bucket, to: Int(id))
    }
  }
}

extension Recording {
  /// Calls `body`, which reads, again until no tick came between, or one that never ended.
  public func betweenTicks(at moment: ReadingMoment, _ body: () -> Void) {
    // A tick is a matter of milliseconds, once a second: that eight readings in a row meet one is no collector.
    var readings = 0
    for _ in 0..<64 where readings < 8 {
      let before = header.pointee.history.version.acquired
      if before & 1 != 0 {
        moment.waitForWriter()
        continue
      }
      readings += 1
      body()
      atomicMemoryFence(ordering: .acquiring)
      if header.pointee.history.version.value == before { return }
    }
    if readings == 0 { body() }
  }

  /// Whether a tier has all records since a moment, or since this process's recording began.
  fileprivate func reaches(_ moment: UInt64, from began: UInt64, in tier: Int) -> Bool {
    guard var records = RecordReader(self, tier), records.position > 0,
      let (head, _) = records.next()
    else { return true }
    return head.run != header.pointee.history.run.value
      || head.startMonotonic <= max(moment, began)
  }

  /// An octave's counts as a reader finds them, whatever the recording holds.
  fileprivate func octave(
    _ octave: Int, of collected: UnsafeMutablePointer<CollectedOperation>?
  ) -> UnsafeMutablePointer<CollectedOctave>? {
    guard let collected else { return nil }
    var offset = collected.pointee.octaves.acquired
    for _ in 0..<Histogram.octaveCount {
      guard offset != 0, offset % 8 == 0,
        UInt64(offset) + UInt64(CollectedOctave.bytes) <= UInt64(byteCount)
      else { return nil }
      let found: UnsafeMutablePointer<CollectedOctave> = at(offset)
      if found.pointee.number.value == UInt32(octave) { return found }
      offset = found.pointee.next.value
    }
    return nil
  }
}

extension Profile {
  /// What an operation has come to, in the words of the history.
  fileprivate func historyTotals(of id: UInt32) -> (HistoryTotals, Distribution) {
    typealias Word = HistoryTotals.Word
    var words = HistoryTotals()
    let operation = id == 0 ? nil : operations[Int(id) - 1]
    let (calls, distribution) =
      operation.map { ($0.totals, $0.distribution) } ?? outermost
    words[Word.finished] = calls.count
    words[Word.failed] = calls.failed
    words[Word.abandoned] = calls.abandoned
    words[Word.wallTicks] = calls.wallTicks
    words[Word.offCPUNanoseconds] = calls.offCPUNanoseconds &- calls.suspendedNanoseconds
    words[Word.suspendedTicks] = calls.suspendedTicks
    words[Word.work] = calls.work
    words[Word.voluntarySwitches] = calls.voluntarySwitches
    words[Word.involuntarySwitches] = calls.involuntarySwitches
    words[Word.pageFaults] = calls.pageFaults
    guard let operation else { return (words, distribution) }
    words[Word.allocatedBytes] = operation.memory.allocatedBytes
    words[Word.allocations] = operation.memory.allocations
    words[Word.freedBytes] = operation.memory.freedBytes
    words[Word.frees] = operation.memory.frees
    words[Word.readBytes] = operation.io.allReads.bytes
    words[Word.writtenBytes] = operation.io.allWrites.bytes
    words[Word.ioCalls] = operation.io.calls
    words[Word.ioWaitTicks] = operation.io.waitTicks
    words[Word.liveBytes] = UInt64(min(max(operation.memory.liveBytes.rounded(), 0), 0x1p62))
    return (words, distribution)
  }
}
