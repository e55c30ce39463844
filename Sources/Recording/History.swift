// SPDX-License-Identifier: Apache-2.0

// The history: what the collector keeps of the past in the recording (docs/recording.md, "History").
//
// Lanes only grow, so that the past is differences: at each tick the collector adds up what all lanes hold
// now, and writes what is more than it wrote before. Two kinds of rings keep it, each in three tiers of
// seconds, minutes and hours: *points* of the process, of a fixed size, and *records* of the
// operations that changed, as many bytes as it takes.

/// The tiers of the history. What a tier covers is summed up in the next one before it is overwritten.
public enum Tier {
  public static let seconds = 0
  public static let minutes = 1
  public static let hours = 2
  public static let count = 3

  /// The span of a point, and of a record unless records are so large that they are written less often.
  public static func span(_ tier: Int) -> UInt64 {
    switch tier {
    case seconds: 1_000_000_000
    case minutes: 60_000_000_000
    default: 3_600_000_000_000
    }
  }

  /// How many points there are from 32 MiB on.
  static func points(_ tier: Int) -> UInt32 {
    switch tier {
    case seconds: 600
    case minutes: 1440
    default: 720
    }
  }

  /// How far back the records of a tier are to reach: to its longest window, and the hours as far as points.
  static func reach(_ tier: Int) -> UInt64 {
    switch tier {
    case seconds: 300 * span(seconds)
    case minutes: 60 * span(minutes)
    default: 720 * span(hours)
    }
  }
}

/// Where a tier's points lie. The next one goes to `written % capacity`.
struct PointRing: ~Copyable {
  let offset: Cell32
  let capacity: Cell32
  /// How many were ever written.
  let written: Cell64
  /// The moment up to which they tell, on the monotonic clock.
  let lastEnd: Cell64
}

/// Where a tier's records lie: bytes at `position % capacity`, for positions from `first` to `end`.
struct RecordRing: ~Copyable {
  let offset: Cell32
  let capacity: Cell32
  /// The oldest whole record.
  let first: Cell64
  let end: Cell64
  /// Up to here the next tier has it, too.
  let folded: Cell64
  let lastEnd: Cell64
  /// A record is written every so many spans, as `bytesPerRecord` has shown to be needed.
  let step: Cell32
  let bytesPerRecord: Cell32
  /// Records behind `folded`.
  let unfolded: Cell32
  let padding: Cell32
}

/// The header's part of the history. All zeros before `prepareHistory`.
public struct HistoryHeader: ~Copyable {
  /// Odd while the collector writes, as in a sequence lock.
  let version: Cell64
  let isReady: Cell32
  /// Counts the processes that have continued this history, from 1 on.
  let run: Cell32
  let points: InlineArray<3, PointRing>
  let records: InlineArray<3, RecordRing>
  /// Offsets of pages of `CollectedOperation`, by operation.
  let directory: Cell32
  let directoryCount: Cell32
  /// Memory for the collector's sums: what is free of its page.
  let freeBytes: Cell32
  let freeEnd: Cell32
  /// Pages of `NodeLink`: the first, the one in use, and how many of its links are.
  let linkPages: Cell32
  let linkPage: Cell32
  let linkCount: Cell32
  let padding: Cell32
  /// `Workspace`, which is the collector's alone.
  let workspace: Cell32
  let walk: Cell32
  /// What the collector's thread has used, and how often it ran.
  public let collectorCPUNanoseconds: Cell64
  public let collectorTicks: Cell64
  /// Operations and buckets that found no memory to be collected in.
  public let refused: Cell64
}

/// Memory that ticks work in, so that they need none of the host's.
enum Workspace {
  /// A histogram: sums by bucket.
  static let bucketCount = Histogram.octaveCount * Histogram.bucketsPerOctave
  static let bucketBytes = UInt32(bucketCount) * 8
  /// Buckets that the last calls of lanes are still to be counted in, sorted.
  static let pendingOffset = bucketBytes
  static let pendingCapacity = 4096
  /// One `EntryReader` for each record that is summed up.
  static let readersOffset = pendingOffset + UInt32(pendingCapacity) * 8
  static let readerCapacity = 128
  static let bytes = (readersOffset + UInt32(readerCapacity) * 96 + 4095) & ~4095
}
