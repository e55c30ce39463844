// SPDX-License-Identifier: Apache-2.0
import Recording

/// The seasons of values: what the autocorrelation shows, and sooner those of the calendar.
struct ForecastPeriods {
  /// In values. 1 and 0: none.
  private(set) var season = 1
  private(set) var longSeason = 0

  private static var longest: Int { 400 }

  /// - Parameter nanoseconds: between two values; 0 where that is not known.
  /// - Parameter scratch: `ForecastHistory.scratchCount` numbers.
  init(
    _ values: UnsafeMutablePointer<Double>, _ count: Int, nanoseconds: UInt64,
    scratch: UnsafeMutablePointer<Double>
  ) {
    let most = min(Self.longest, count / 3)
    guard most >= 4 else { return }
    let r = scratch
    Self.correlate(values, count, until: max(most, count / 2), r, scratch: scratch + count)
    let threshold = max(0.2, 3 / Double(count).squareRoot())
    var (best, lowest) = (0.0, r[1])
    for lag in 3..<most {
      lowest = min(lowest, r[lag - 1])
      if Self.isPeak(r, lag, threshold), r[lag] - lowest > 0.15 { best = max(best, r[lag]) }
    }
    var lag = 3
    lowest = min(r[1], r[2])
    var found = 0
    while lag <= count / 3 && found == 0 {
      let isCalendars = Self.isOfCalendar(lag, nanoseconds)
      if r[lag] > threshold && r[lag] >= 0.6 * best && r[lag] - lowest > 0.15 && isCalendars {
        found = lag
      }
      lowest = min(lowest, r[lag])
      lag += 1
    }
    lag = 3
    lowest = min(r[1], r[2])
    while lag < most && found == 0 && best > 0 {
      if Self.isPeak(r, lag, threshold), r[lag] - lowest > 0.15, r[lag] >= 0.6 * best {
        found = lag
      }
      lowest = min(lowest, r[lag])
      lag += 1
    }
    guard found > 0 else { return }
    season = found
    // A longer one: a multiple that sticks out.
    best = 0
    for ratio in 2...12 {
      let lag = ratio * season
      guard lag + season < count / 2, lag <= count / 3 + season else { break }
      let isCalendars = Self.isOfCalendar(lag, nanoseconds)
      let above = r[lag] - 0.5 * (r[lag - season] + r[lag + season])
      guard r[lag] > threshold, above > (isCalendars ? 0 : 0.03) else { continue }
      let rank = above + (isCalendars ? 1 : 0)
      if rank > best { (best, longSeason) = (rank, lag) }
    }
  }

  private static func isPeak(
    _ r: UnsafeMutablePointer<Double>, _ lag: Int, _ threshold: Double
  ) -> Bool {
    r[lag] > threshold && r[lag] >= r[lag - 1] && r[lag] > r[lag + 1]
  }

  /// Whether so many values are a minute, an hour, a day or a week.
  private static func isOfCalendar(_ lag: Int, _ nanoseconds: UInt64) -> Bool {
    let span = Double(lag) * Double(nanoseconds) / 60e9
    return span == 1 || span == 60 || span == 1440 || span == 10080
  }

  /// The autocorrelation of the values without their straight line, and with outliers pulled in.
  private static func correlate(
    _ values: UnsafeMutablePointer<Double>, _ count: Int, until most: Int,
    _ r: UnsafeMutablePointer<Double>, scratch: UnsafeMutablePointer<Double>
  ) {
    let (z, other) = (scratch, scratch + count)
    let mean = ForecastHistory.mean(values, count)
    var (slope, square) = (0.0, 1e-300)
    for index in 0..<count {
      let time = Double(index) - Double(count - 1) / 2
      slope += time * values[index]
      square += time * time
    }
    for index in 0..<count {
      z[index] = values[index] - mean - slope / square * (Double(index) - Double(count - 1) / 2)
      other[index] = z[index]
    }
    let median = Quantile.median(other, count)
    for index in 0..<count { other[index] = abs(z[index] - median) }
    let width = 5 * 1.48 * Quantile.median(other, count) + 1e-12
    for index in 0..<count { z[index] = min(max(z[index] - median, -width), width) }
    let middle = ForecastHistory.mean(z, count)
    for index in 0..<count { z[index] -= middle }
    var whole = 1e-12
    for lag in 0...most {
      var sum = 0.0
      for index in lag..<count { sum += z[index] * z[index - lag] }
      if lag == 0 { whole += sum }
      r[lag] = sum / whole * Double(count) / Double(count - lag)
    }
  }
}
