// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Recording

/// A series of numbers: its detector, its latest values, and the times of some. All zeros is an empty one.
public struct Series: BitwiseCopyable {
  private var detector = Detector()
  private var values = InlineArray<1024, Double>(repeating: 0)
  private var nanoseconds = InlineArray<256, Int64>(repeating: 0)
  /// Values that were kept, and the time of the latest.
  private var written: UInt64 = 0
  private var latest: Int64 = 0
  /// What the host says of the time between values; 0: irregular.
  public private(set) var periodNanoseconds: UInt64 = 0

  /// How many values are kept, and how many times.
  private static var capacity: UInt64 { 1024 }
  private static var timed: UInt64 { 256 }

  public init(periodNanoseconds: UInt64) { self.periodNanoseconds = periodNanoseconds }

  /// Fewer values than this have no verdict.
  public static var leastValues: Int { Detector.warmUp }

  /// Values that were learnt, and those that are no numbers.
  public var count: UInt64 { detector.count }
  public var missing: UInt64 { detector.missing }

  /// Adds the next value and tells what to think of it. Time does not go backwards.
  public mutating func add(_ value: Double, unixNanoseconds: Int64) -> prognos_verdict {
    if written == 0 || unixNanoseconds > latest { latest = unixNanoseconds }
    var verdict = prognos_verdict()
    let found = detector.add(value, unixNanoseconds: latest)
    verdict.samples = detector.count
    guard value.isFinite else { return verdict }
    values[Int(truncatingIfNeeded: written & (Self.capacity - 1))] = min(max(value, -1e150), 1e150)
    nanoseconds[Int(truncatingIfNeeded: written & (Self.timed - 1))] = latest
    written &+= 1
    verdict.score = found.score
    verdict.expected = found.expected
    verdict.low = found.low
    verdict.high = found.high
    verdict.confidence = detector.confidence
    verdict.is_anomaly = found.isAnomaly ? 1 : 0
    verdict.kind =
      switch found.kind {
      case .none: 0
      case .unusual: UInt32(PROGNOS_ANOMALY_UNUSUAL.rawValue)
      case .level: UInt32(PROGNOS_ANOMALY_LEVEL.rawValue)
      }
    return verdict
  }

  /// The latest values, 1,024 at most, the oldest first; returns how many.
  public mutating func copyLatest(values out: UnsafeMutablePointer<Double>) -> Int {
    let count = min(written, Self.capacity)
    for index in 0..<count {
      let place = (written &- count &+ index) & (Self.capacity - 1)
      out[Int(index)] = values[Int(truncatingIfNeeded: place)]
    }
    return Int(count)
  }

  /// The latest 256 values at most, and their times in seconds since the first of them; returns how many.
  public mutating func copyLatest(
    values out: UnsafeMutablePointer<Double>, seconds: UnsafeMutablePointer<Double>
  ) -> Int {
    let count = min(written, Self.timed)
    let first = written &- count
    let start = nanoseconds[Int(truncatingIfNeeded: first & (Self.timed - 1))]
    for index in 0..<count {
      let place = first &+ index
      out[Int(index)] = values[Int(truncatingIfNeeded: place & (Self.capacity - 1))]
      let time = nanoseconds[Int(truncatingIfNeeded: place & (Self.timed - 1))]
      seconds[Int(index)] = Double(time &- start) / 1e9
    }
    return Int(count)
  }
}
