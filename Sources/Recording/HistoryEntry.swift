// SPDX-License-Identifier: Apache-2.0

/// What the history tells of an operation besides its histogram.
public struct HistoryTotals {
  private var words: InlineArray<19, UInt64> = .init(repeating: 0)

  public init() {}

  /// Counters, and last the one gauge: live bytes.
  public static let counters = 18
  static let count = 19

  subscript(_ word: Int) -> UInt64 {
    get { words[word] }
    set { words[word] = newValue }
  }

  public var finished: UInt64 { words[Word.finished] }
  public var failed: UInt64 { words[Word.failed] }
  public var abandoned: UInt64 { words[Word.abandoned] }
  public var wallTicks: UInt64 { words[Word.wallTicks] }
  public var offCPUNanoseconds: UInt64 { words[Word.offCPUNanoseconds] }
  /// Of spans: the time that nobody ran them, which is off the CPU, too.
  public var suspendedTicks: UInt64 { words[Word.suspendedTicks] }
  public var work: UInt64 { words[Word.work] }
  public var voluntarySwitches: UInt64 { words[Word.voluntarySwitches] }
  public var involuntarySwitches: UInt64 { words[Word.involuntarySwitches] }
  public var pageFaults: UInt64 { words[Word.pageFaults] }
  /// Memory, input and output with that of the calls made from here, as in `Profile.Operation`.
  public var allocatedBytes: UInt64 { words[Word.allocatedBytes] }
  public var allocations: UInt64 { words[Word.allocations] }
  public var freedBytes: UInt64 { words[Word.freedBytes] }
  public var frees: UInt64 { words[Word.frees] }
  public var readBytes: UInt64 { words[Word.readBytes] }
  public var writtenBytes: UInt64 { words[Word.writtenBytes] }
  public var ioCalls: UInt64 { words[Word.ioCalls] }
  public var ioWaitTicks: UInt64 { words[Word.ioWaitTicks] }
  /// At the end of the span.
  public var liveBytes: UInt64 { words[Word.liveBytes] }

  /// The order in records: a bit of the mask each.
  enum Word {
    static let finished = 0
    static let failed = 1
    static let abandoned = 2
    static let wallTicks = 3
    static let offCPUNanoseconds = 4
    static let work = 5
    static let voluntarySwitches = 6
    static let involuntarySwitches = 7
    static let pageFaults = 8
    static let suspendedTicks = 9
    static let allocatedBytes = 10
    static let allocations = 11
    static let freedBytes = 12
    static let frees = 13
    static let readBytes = 14
    static let writtenBytes = 15
    static let ioCalls = 16
    static let ioWaitTicks = 17
    static let liveBytes = 18
  }

  /// Adds what came later: counters add up, the gauge is the later one's if it has one.
  mutating func absorb(_ later: HistoryTotals, mask: UInt64) {
    for word in 0..<Self.counters { words[word] &+= later[word] }
    if mask &>> UInt64(Word.liveBytes) & 1 != 0 { words[Word.liveBytes] = later.liveBytes }
  }
}

/// An entry is: the operation's handle less that of the entry before; a mask of the words that follow; these
/// words; and, if bit 19 of the mask is set, buckets with their counts: the bucket's number less that of the one
/// before, plus 1, then the count; 0 ends them. All of it LEB128. Handle 0 stands for all calls that have no
/// caller.
enum HistoryEntry {
  static let hasBuckets: UInt64 = 1 << 19
}

extension RecordWriter {
  mutating func putEntry(_ operationStep: UInt32, _ totals: HistoryTotals, mask: UInt64) {
    put(UInt64(operationStep))
    put(mask)
    for word in 0..<HistoryTotals.count where mask &>> UInt64(word) & 1 != 0 {
      put(totals[word])
    }
  }
}

/// Reads the entries of a record, in the order of their operations: of each the operation, then its totals,
/// then its buckets, as far as anybody asks.
struct EntryReader {
  private var reader: RecordReader
  private(set) var operation: UInt32 = 0
  private(set) var mask: UInt64 = 0
  private var bucket = -1
  private var state = State.atEntry

  /// More than there can be.
  private static var operationLimit: UInt64 { 1 << 24 }

  private enum State: UInt8 { case atFirst, atEntry, atTotals, atBuckets }

  init(_ reader: RecordReader) {
    self.reader = reader
    state = .atFirst
  }

  /// Goes to the next entry; false at the end, and at what cannot be one.
  mutating func next() -> Bool {
    if state == .atTotals { _ = totals() }
    while nextBucket() != nil {}
    guard !reader.isAtEnd else { return false }
    let step = reader.number()
    // Handles rise: a record has no more entries than there are operations.
    let next = UInt64(operation) &+ step
    guard next < Self.operationLimit, step < Self.operationLimit, state == .atFirst || step > 0
    else { return false }
    operation = UInt32(truncatingIfNeeded: next)
    mask = reader.number()
    state = .atTotals
    return true
  }

  mutating func totals() -> HistoryTotals {
    var totals = HistoryTotals()
    guard state == .atTotals else { return totals }
    for word in 0..<HistoryTotals.count where mask &>> UInt64(word) & 1 != 0 {
      totals[word] = reader.number()
    }
    state = mask & HistoryEntry.hasBuckets != 0 ? .atBuckets : .atEntry
    bucket = -1
    return totals
  }

  /// The entry's next bucket; nil behind the last one.
  mutating func nextBucket() -> (bucket: Int, count: UInt64)? {
    guard state == .atBuckets else { return nil }
    let step = reader.number()
    guard step > 0, step <= UInt64(Workspace.bucketCount),
      bucket &+ Int(truncatingIfNeeded: step) < Workspace.bucketCount
    else {
      state = .atEntry
      return nil
    }
    bucket &+= Int(truncatingIfNeeded: step)
    return (bucket, reader.number())
  }
}
