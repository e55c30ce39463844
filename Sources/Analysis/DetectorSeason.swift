// SPDX-License-Identifier: Apache-2.0

/// The cycles of the calendar that a stream may repeat itself in.
struct DetectorCycle: BitwiseCopyable {
  /// In seconds; 0: none is looked at, because there are no times.
  var seconds: Int64 = 0

  static var minute: Int64 { 60 }
  static var hour: Int64 { 3600 }
  static var day: Int64 { 86_400 }
  static var week: Int64 { 604_800 }
  /// Fewer values than this do not show a cycle.
  private static var fewest: Double { 20 }

  /// The shortest cycle that has enough values, so many seconds apart, for a shape.
  init(spacing: Double) {
    guard spacing > 0 else { return }
    let longest = spacing * Self.fewest
    seconds =
      longest <= Double(Self.minute)
      ? Self.minute
      : longest <= Double(Self.hour)
        ? Self.hour : longest <= Double(Self.day) ? Self.day : Self.week
  }
  init() {}

  /// Where in this cycle a time lies, in 48 parts.
  func part(_ second: Int64) -> Int {
    guard seconds > 0 else { return 0 }
    return Int(truncatingIfNeeded: Self.within(second, seconds) * 48 / seconds)
  }

  /// Where in the next longer cycle it lies; in weeks by hour, of working days and of weekends.
  func longerPart(_ second: Int64) -> Int {
    let longer = seconds == Self.minute ? Self.hour : seconds == Self.hour ? Self.day : Self.week
    guard longer == Self.week else {
      return Int(truncatingIfNeeded: Self.within(second, longer) * 48 / longer)
    }
    // Days since a Monday; 1970 began on a Thursday.
    let day = Self.within(second + 3 * Self.day, Self.week) / Self.day
    return Int(truncatingIfNeeded: Self.within(second, Self.day) / Self.hour) + (day >= 5 ? 24 : 0)
  }

  private static func within(_ second: Int64, _ cycle: Int64) -> Int64 {
    let rest = second % cycle
    return rest < 0 ? rest + cycle : rest
  }
}

/// What is usual in each of 48 parts of a cycle, and how far the latest values lie from it.
struct DetectorSeason: BitwiseCopyable {
  private var usual = InlineArray<48, Double>(repeating: 0)
  private var seen = InlineArray<48, UInt8>(repeating: 0)
  private var drift = 0.0
  private var latest = InlineArray<6, Double>(repeating: 0)

  /// The share of a new value in what is usual.
  private static var rate: Double { 0.2 }

  /// What is usual in this part; nil the first time.
  mutating func expected(_ part: Int) -> Double? { seen[part] > 0 ? usual[part] + drift : nil }

  /// The mean distance of the latest six values from what was usual at their time; then learns. `most` bounds what
  /// one value may change.
  mutating func add(
    _ value: Double, _ part: Int, _ number: Int, otherwise: Double, most: Double
  ) -> Double {
    let before = seen[part]
    let distance = value - (before > 0 ? usual[part] + drift : otherwise)
    if before == 0 {
      usual[part] = value - drift
    } else {
      let rate = max(Self.rate, 1 / (Double(before) + 1))
      let change = min(max(distance, -most), most)
      usual[part] += rate * change
      drift += 0.01 * change
    }
    if before < 255 { seen[part] = before + 1 }
    latest[number % 6] = distance
    var sum = 0.0
    for index in 0..<6 { sum += latest[index] }
    return sum / Double(min(number + 1, 6))
  }
}
