// SPDX-License-Identifier: Apache-2.0
import Recording

/// What a model forecasts from: the values up to a moment, and their seasons.
struct ForecastHistory {
  /// The values / the largest of them.
  let levels: UnsafeMutablePointer<Double>
  /// Their logarithms where all are positive; else the same as `levels`.
  let logs: UnsafeMutablePointer<Double>
  let isPositive: Bool
  var count = 0
  /// The shorter season, in values; 1: none.
  var season = 1
  /// A longer one, a multiple of the shorter one; 0: none.
  var longSeason = 0
  /// `ForecastHistory.scratchCount` numbers, and as many as steps.
  let scratch: UnsafeMutablePointer<Double>

  static var mostValues: Int { 1024 }
  static var scratchCount: Int { 8 * mostValues }
  var longest: Int { longSeason > 0 ? longSeason : season }
}

// The models: each writes the next `steps` values, or returns false when it has too little to go by.
extension ForecastHistory {
  /// One value for each place in the season, smoothed from season to season, and a share of the latest error, which
  /// fades as an autoregression of the errors has it.
  func profile(
    _ z: UnsafeMutablePointer<Double>, _ rate: Double, _ out: UnsafeMutablePointer<Double>,
    _ steps: Int
  ) -> Bool {
    let period = longest
    guard count >= period + 2 else { return false }
    for place in 0..<period { scratch[place] = z[place] }
    var (error, both, square) = (0.0, 0.0, 1e-12)
    for index in period..<count {
      let miss = z[index] - scratch[index % period]
      both = 0.995 * both + miss * error
      square = 0.995 * square + error * error
      error = miss
      scratch[index % period] += rate * miss
    }
    let fading = min(max(both / square, 0), 0.999)
    var rest = error * (1 - rate)
    for step in 0..<steps {
      rest *= fading
      out[step] = scratch[(count + step) % period] + rest
    }
    return true
  }

  /// The season's profile, what the longer season adds to it, shrunk towards nothing, and the level: means in which
  /// older seasons count less.
  func shrunkProfile(_ out: UnsafeMutablePointer<Double>, _ steps: Int) -> Bool {
    let z = logs
    let ratio = max(longSeason, season) / season
    let days = count / season
    guard days >= 3 else { return false }
    let (start, used) = (count - days * season, days * season)
    let mean = scratch
    let profile = mean + days
    let added = profile + season
    let weights = added + ratio * season
    let rest = weights + ratio * season
    for index in 0..<season * (1 + 2 * ratio) { profile[index] = 0 }
    var (total, weight) = (0.0, 1.0)
    for day in (0..<days).reversed() {
      let values = z + start + day * season
      mean[day] = Self.mean(values, season)
      total += weight
      for place in 0..<season { profile[place] += weight * (values[place] - mean[day]) }
      weight *= 0.95
    }
    for place in 0..<season { profile[place] /= total }
    weight = 1
    for day in (0..<days).reversed() {
      let last = min(days, max(0, day - ratio + 1) + ratio)
      let first = max(0, last - ratio)
      let around = Self.mean(mean + first, last - first)
      let offset = Self.cycle(day - days, ratio) * season
      for place in 0..<season {
        added[offset + place] +=
          weight * (z[start + day * season + place] - around - profile[place])
        weights[offset + place] += weight
      }
      weight *= 0.95
    }
    for place in 0..<ratio * season { added[place] /= weights[place] + 0.7 }
    var level = 0.0
    (total, weight) = (0, 1)
    for index in (0..<used).reversed() {
      let offset = Self.cycle(index / season - days, ratio) * season
      rest[index] = z[start + index] - profile[index % season] - added[offset + index % season]
      level += weight * rest[index]
      total += weight
      weight *= 0.99
    }
    level /= total
    var (both, square, before) = (0.0, 1e-9, 0.0)
    for index in max(0, used - 3 * ratio * season)..<used {
      both += (rest[index] - level) * before
      square += before * before
      before = rest[index] - level
    }
    let fading = min(max(both / square, 0), 0.995)
    for step in 0..<steps {
      before *= fading
      let offset = (step / season % ratio) * season
      out[step] = level + profile[step % season] + added[offset + step % season] + before
    }
    return true
  }

  /// What followed the stretches of the past that were most like the latest one, at the same place in the season.
  func analogues(
    length: Int, most: Int, share: Double, _ out: UnsafeMutablePointer<Double>, _ steps: Int
  ) -> Bool {
    let z = logs
    let windows = (count - length) / season
    guard windows >= 3, length > 0 else { return false }
    let distances = scratch
    let latest = z + count - length
    let level = Self.mean(latest, length)
    for window in 1...windows {
      let past = latest - window * season
      let difference = level - Self.mean(past, length)
      var sum = 0.2 * Double(length) * difference * difference
      for index in 0..<length {
        let miss = latest[index] - past[index] - difference
        sum += miss * miss * (0.5 + 0.5 * Double(index) / Double(length))
      }
      distances[window] = sum * (1 + 0.01 * Double(window))
    }
    for step in 0..<steps { out[step] = 0 }
    var (nearest, total) = (-1.0, 0.0)
    for _ in 0..<min(most, windows) {
      var best = 1
      for window in 1...windows where distances[window] < distances[best] { best = window }
      if nearest < 0 { nearest = distances[best] }
      let weight = 1 / (distances[best] + nearest + 1e-12)
      distances[best] = .infinity
      total += weight
      let shift = share * (level - Self.mean(latest - best * season, length))
      for step in 0..<steps {
        // Behind the latest value, the stretch goes on with what was a season before.
        let beyond = max(0, step - best * season + season) / season
        out[step] += weight * (z[count - best * season + step - beyond * season] + shift)
      }
    }
    for step in 0..<steps { out[step] /= total }
    return true
  }

  /// The median of the latest three values at the same place in the season, and most of what the latest ones are above
  /// it.
  func medians(_ out: UnsafeMutablePointer<Double>, _ steps: Int) -> Bool {
    let z = logs
    let period = longest
    let seasons = min(3, (count - season) / period)
    guard seasons >= 1 else { return false }
    var above = 0.0
    for step in -season..<steps {
      for past in 1...seasons {
        scratch[past - 1] = z[count + (step < 0 ? step : step % period) - past * period]
      }
      let median = Quantile.median(scratch, seasons)
      if step < 0 {
        above += 0.7 * (z[count + step] - median) / Double(season)
      } else {
        out[step] = median + above
      }
    }
    return true
  }

  /// Exponential smoothing of the level, and with `withTrend` of a trend that fades (Gardner & McKenzie 1985), with the
  /// constants that would have done best one step ahead. `line` adds half the slope of a straight line, for the Theta
  /// method (Assimakopoulos & Nikolopoulos 2000).
  func smoothing(
    withTrend: Bool, line: Bool, _ out: UnsafeMutablePointer<Double>, _ steps: Int
  ) -> Bool {
    guard count >= 3 else { return false }
    var (least, level, trend, fading) = (Double.infinity, 0.0, 0.0, 1.0)
    for setting in 0..<(withTrend ? 36 : 6) {
      let rate: Double =
        switch setting % 6 {
        case 0: 0.05
        case 1: 0.15
        case 2: 0.3
        case 3: 0.5
        case 4: 0.7
        default: 0.9
        }
      let trendRate =
        withTrend ? (setting / 6 % 3 == 0 ? 0.05 : setting / 6 % 3 == 1 ? 0.2 : 0.5) : 0
      let keep = withTrend ? (setting < 18 ? 0.9 : 0.98) : 1
      var (l, t, sum) = (levels[0], 0.0, 0.0)
      for index in 1..<count {
        let expected = l + keep * t
        let miss = levels[index] - expected
        sum += miss * miss
        l = expected + rate * miss
        t = keep * t + rate * trendRate * miss
      }
      if sum < least { (least, level, trend, fading) = (sum, l, t, keep) }
    }
    var (slope, square) = (0.0, 1e-12)
    if line {
      for index in 0..<count {
        let time = Double(index) - Double(count - 1) / 2
        slope += time * levels[index]
        square += time * time
      }
      slope /= 2 * square
    }
    var (sum, factor) = (0.0, 1.0)
    for step in 0..<steps {
      factor *= fading
      sum += factor
      out[step] = level + sum * trend + slope * Double(step + 1)
    }
    return true
  }

  /// The median of the latest quarter.
  func recentMedian(_ out: UnsafeMutablePointer<Double>, _ steps: Int) -> Bool {
    let latest = min(count, max(20, count / 4))
    for index in 0..<latest { scratch[index] = levels[count - latest + index] }
    let median = Quantile.median(scratch, latest)
    for step in 0..<steps { out[step] = median }
    return true
  }

  @inline(never)
  static func mean(_ values: UnsafeMutablePointer<Double>, _ count: Int) -> Double {
    var sum = 0.0
    for index in 0..<count { sum += values[index] }
    return sum / Double(max(count, 1))
  }

  /// The remainder, from 0 on for negative numbers too.
  private static func cycle(_ number: Int, _ of: Int) -> Int { ((number % of) + of) % of }
}
