// SPDX-License-Identifier: Apache-2.0

/// A histogram of wall times in ticks: log-linear, 64 buckets an octave, as in HdrHistogram.
///
/// Values below 128 are exact; above, a bucket is at most 1/64 of its lower bound wide, so that its
/// middle is within 0.8 % of every value in it. The buckets of an octave are made when its first value
/// arrives: a node takes 256 bytes for each octave it has seen.
public struct Histogram: ~Copyable {
  /// The offsets of the octaves' buckets; 0 where no value arrived yet.
  public let octaves: InlineArray<43, Cell32>
  /// Beside wall times by how often they were, those by the amount of work (`DurationTable`); 0 before the first.
  public let durations: Cell32
  /// Bit k is set when octave k has a second array of buckets behind its first, which counts how
  /// often the 32 bits of the first overflowed.
  public let overflowed: Cell64

  public static let octaveCount = 43
  public static let bucketsPerOctave = 64
  /// The bytes of one octave's buckets.
  public static let octaveBytes: UInt32 = 256
  /// Values from here on (a day at 3 GHz) are counted in the last bucket.
  public static let limit: UInt64 = 1 << 48

  /// The bucket of a value below `limit`: the octave's number x 64 + the place within it.
  @inline(__always) public static func bucket(_ ticks: UInt64) -> UInt64 {
    let shift = UInt64(truncatingIfNeeded: 57 &- (ticks | 64).leadingZeroBitCount)
    return (shift &<< 6) &+ (ticks &>> shift)
  }

  /// The lowest value of a bucket, and how many values share it.
  public static func range(ofBucket bucket: Int) -> (lowest: UInt64, width: UInt64) {
    let octave = bucket / bucketsPerOctave
    let within = UInt64(bucket % bucketsPerOctave)
    if octave == 0 { return (within, 1) }
    let shift = UInt64(octave - 1)
    return ((within + 64) << shift, 1 << shift)
  }

  /// What stands for the values of a bucket.
  static func middle(ofBucket bucket: Int) -> UInt64 {
    let (lowest, width) = range(ofBucket: bucket)
    return lowest + (width - 1) / 2
  }
}
