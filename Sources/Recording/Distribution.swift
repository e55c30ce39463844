// SPDX-License-Identifier: Apache-2.0

/// A histogram read out of a recording: counts by bucket, of the octaves that have any.
public struct Distribution {
  /// The octaves of `counts`, a bit each.
  private var octaves: UInt64 = 0
  /// The buckets of these octaves, lowest first: what is between two octaves takes no memory.
  private var counts: [UInt64] = []
  public private(set) var total: UInt64 = 0

  public init() {}

  func has(_ octave: Int) -> Bool { octaves &>> UInt64(octave) & 1 != 0 }

  /// How many octaves it has.
  var octaveCount: Int { octaves.nonzeroBitCount }

  /// Adds `count` values to a bucket of `octave`.
  mutating func add(_ count: UInt64, octave: Int, within: Int) {
    counts[place(of: octave) + within] &+= count
    total &+= count
  }

  /// Adds another distribution, bucket by bucket.
  public mutating func add(_ other: Distribution) {
    guard other.octaves != 0 else { return }
    if octaves == 0 {
      self = other
      return
    }
    var from = 0
    var left = other.octaves
    while left != 0 {
      let to = place(of: left.trailingZeroBitCount)
      for within in 0..<Histogram.bucketsPerOctave {
        counts[to + within] &+= other.counts[from + within]
      }
      from += Histogram.bucketsPerOctave
      left &= left &- 1
    }
    total &+= other.total
  }

  /// Where the buckets of an octave begin, which it has from here on.
  private mutating func place(of octave: Int) -> Int {
    let bit = UInt64(1) &<< UInt64(octave)
    let place = (octaves & (bit &- 1)).nonzeroBitCount * Histogram.bucketsPerOctave
    if octaves & bit == 0 {
      octaves |= bit
      counts.insert(contentsOf: repeatElement(0, count: Histogram.bucketsPerOctave), at: place)
    }
    return place
  }

  /// Calls `body` with each bucket's number and count, where it has any, until that returns false.
  private func each(_ body: (_ bucket: Int, _ count: UInt64) -> Bool) {
    var place = 0
    var left = octaves
    while left != 0 {
      let first = left.trailingZeroBitCount * Histogram.bucketsPerOctave
      for within in 0..<Histogram.bucketsPerOctave where counts[place + within] > 0 {
        if !body(first + within, counts[place + within]) { return }
      }
      place += Histogram.bucketsPerOctave
      left &= left &- 1
    }
  }

  /// The value that a share `q` (0...1) of the values does not exceed, by nearest rank: the middle of
  /// its bucket. nil without values.
  public func quantile(_ q: Double) -> UInt64? {
    guard total > 0 else { return nil }
    let rank = Self.rank(of: q, among: total)
    var seen: UInt64 = 0
    var found: UInt64?
    each { bucket, count in
      seen &+= count
      if seen < rank { return true }
      found = Histogram.middle(ofBucket: bucket)
      return false
    }
    return found
  }

  /// Which of so many values, the lowest being the first, is the quantile by nearest rank.
  static func rank(of q: Double, among total: UInt64) -> UInt64 {
    // 0.07 x 100 is a hair above 7 in binary, and means the seventh.
    let exact = q * Double(total)
    let whole = exact.rounded()
    let ceiling = abs(exact - whole) <= whole * 1e-12 ? whole : exact.rounded(.up)
    return max(1, min(total, wholePart(ceiling)))
  }

  /// What came since an earlier state of the same distribution. Buckets that shrank count as nothing new.
  public func since(_ earlier: Distribution) -> Distribution {
    let per = Histogram.bucketsPerOctave
    var later = Distribution()
    forEachCount { bucket, count in
      let before = earlier.count(ofBucket: bucket)
      guard count > before else { return }
      later.add(count - before, octave: bucket / per, within: bucket % per)
    }
    return later
  }

  private func count(ofBucket bucket: Int) -> UInt64 {
    let octave = bucket / Histogram.bucketsPerOctave
    guard has(octave) else { return 0 }
    let place = (octaves & (1 &<< UInt64(octave) &- 1)).nonzeroBitCount
    return counts[place * Histogram.bucketsPerOctave + bucket % Histogram.bucketsPerOctave]
  }

  /// Calls `body` with each bucket's number and count, where it has any.
  func forEachCount(_ body: (_ bucket: Int, _ count: UInt64) -> Void) {
    each { bucket, count in
      body(bucket, count)
      return true
    }
  }

  /// The buckets that hold values, lowest first.
  public func forEachBucket(_ body: (_ lowest: UInt64, _ width: UInt64, _ count: UInt64) -> Void) {
    each { bucket, count in
      let (lowest, width) = Histogram.range(ofBucket: bucket)
      body(lowest, width, count)
      return true
    }
  }
}
