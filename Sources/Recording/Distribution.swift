// SPDX-License-Identifier: Apache-2.0

/// A histogram read out of a recording: counts by bucket, over the octaves that have any.
public struct Distribution {
  /// The first octave of `counts`.
  private var firstOctave = 0
  /// Whole octaves, from `firstOctave` on.
  private var counts: [UInt64] = []
  public private(set) var total: UInt64 = 0

  public init() {}

  /// Adds `count` values to a bucket of `octave`.
  mutating func add(_ count: UInt64, octave: Int, within: Int) {
    cover(octave, octave + 1)
    counts[(octave - firstOctave) * Histogram.bucketsPerOctave + within] &+= count
    total &+= count
  }

  /// Adds another distribution, bucket by bucket.
  public mutating func add(_ other: Distribution) {
    guard other.total > 0 else { return }
    let octaves = other.counts.count / Histogram.bucketsPerOctave
    cover(other.firstOctave, other.firstOctave + octaves)
    let start = (other.firstOctave - firstOctave) * Histogram.bucketsPerOctave
    for index in 0..<other.counts.count { counts[start + index] &+= other.counts[index] }
    total &+= other.total
  }

  private mutating func cover(_ from: Int, _ to: Int) {
    let per = Histogram.bucketsPerOctave
    if counts.isEmpty { firstOctave = from }
    if from < firstOctave {
      counts.insert(contentsOf: repeatElement(0, count: (firstOctave - from) * per), at: 0)
      firstOctave = from
    }
    let missing = (to - firstOctave) * per - counts.count
    if missing > 0 { counts.append(contentsOf: repeatElement(0, count: missing)) }
  }

  /// The value that a share `q` (0...1) of the values does not exceed, by nearest rank: the middle of
  /// its bucket. nil without values.
  public func quantile(_ q: Double) -> UInt64? {
    guard total > 0 else { return nil }
    let rank = Self.rank(of: q, among: total)
    var seen: UInt64 = 0
    for index in counts.indices where counts[index] > 0 {
      seen &+= counts[index]
      if seen >= rank { return middle(index) }
    }
    return nil
  }

  /// Which of so many values, the lowest being the first, is the quantile by nearest rank.
  static func rank(of q: Double, among total: UInt64) -> UInt64 {
    // 0.07 x 100 is a hair above 7 in binary, and means the seventh.
    let exact = q * Double(total)
    let whole = exact.rounded()
    let ceiling = abs(exact - whole) <= whole * 1e-12 ? whole : exact.rounded(.up)
    return max(1, min(total, wholePart(ceiling)))
  }

  private func middle(_ index: Int) -> UInt64 {
    Histogram.middle(ofBucket: firstOctave * Histogram.bucketsPerOctave + index)
  }

  /// What came since an earlier state of the same distribution. Buckets that shrank count as nothing new.
  public func since(_ earlier: Distribution) -> Distribution {
    let per = Histogram.bucketsPerOctave
    let shift = (firstOctave - earlier.firstOctave) * per
    var later = Distribution()
    for index in counts.indices where counts[index] > 0 {
      let there = index + shift
      let before = earlier.counts.indices.contains(there) ? earlier.counts[there] : 0
      guard counts[index] > before else { continue }
      later.add(counts[index] - before, octave: firstOctave + index / per, within: index % per)
    }
    return later
  }

  /// Calls `body` with each bucket's number and count, where it has any.
  func forEachCount(_ body: (_ bucket: Int, _ count: UInt64) -> Void) {
    for index in counts.indices where counts[index] > 0 {
      body(firstOctave * Histogram.bucketsPerOctave + index, counts[index])
    }
  }

  /// The buckets that hold values, lowest first.
  public func forEachBucket(_ body: (_ lowest: UInt64, _ width: UInt64, _ count: UInt64) -> Void) {
    for index in counts.indices where counts[index] > 0 {
      let (lowest, width) = Histogram.range(
        ofBucket: firstOctave * Histogram.bucketsPerOctave + index)
      body(lowest, width, counts[index])
    }
  }
}
