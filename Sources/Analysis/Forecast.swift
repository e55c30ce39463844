// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Recording

/// What values will be like: a pool of small models, each weighted by how well it would have forecast the latest
/// values from those before (rolling origins, Tashman 2000), as (its error / the least error)^-8. Intervals come from
/// what the combination itself was wrong by at those origins. Nothing is random, and nothing is remembered: the same
/// values give the same forecast. docs/methods.md has the models and their sources.
public struct Forecast {
  /// In values; 1 and 0 without one.
  public private(set) var season = 1
  public private(set) var longSeason = 0
  /// How far the evidence carries the values of the forecast, without their intervals.
  private var trust = 0.0
  private let steps: Int
  private let scale: Double
  private let isPositive: Bool
  private let isNeverNegative: Bool
  /// By step: the forecast, and how wrong it may be; of positive values a logarithm.
  private let means: UnsafeMutablePointer<Double>
  private let misses: UnsafeMutablePointer<Double>
  /// Between the 10th and the 90th percentile of the values.
  private var spread = 0.0

  public static var leastValues: Int { 8 }
  public static var mostValues: Int { ForecastHistory.mostValues }
  public static var mostSteps: Int { 1024 }
  static var models: Int { 9 }
  private static var mostOrigins: Int { 10 }
  /// Errors are looked at so many steps ahead; beyond, they are taken to grow as those of a random walk do.
  private static var mostSeen: Int { 192 }
  private static var level: Double { 0.8 }

  /// Room for a forecast of so many steps, in Doubles: 225 KiB for a day of hours, 395 KiB for 1,024 steps.
  public static func scratchCount(steps: Int) -> Int {
    let seen = min(steps, mostSeen)
    return 2 * ForecastHistory.mostValues + ForecastHistory.scratchCount + steps + 2 * models
      + (models + 2) * steps + (mostOrigins * (models + 1) + 1) * seen
  }

  /// nil with too few values or steps. Of more than 1,024 values the latest count. All must be finite.
  ///
  /// - Parameter periodNanoseconds: between two values; 0 where that is not known.
  /// - Parameter scratch: `scratchCount` Doubles. The forecast is in them.
  public init?(
    values: UnsafePointer<Double>, count: Int, steps: Int, periodNanoseconds: UInt64,
    scratch: UnsafeMutablePointer<Double>
  ) {
    guard count >= Self.leastValues, steps >= 1, steps <= Self.mostSteps else { return nil }
    let kept = min(count, ForecastHistory.mostValues)
    let values = values + (count - kept)
    let (levels, logs) = (scratch, scratch + ForecastHistory.mostValues)
    let room = logs + ForecastHistory.mostValues
    means = room + ForecastHistory.scratchCount + steps + 2 * Self.models
    misses = means + steps
    let rows = misses + steps
    let seenRows = rows + Self.models * steps
    self.steps = steps
    var (least, most, largest) = (values[0], values[0], 0.0)
    for index in 0..<kept {
      least = min(least, values[index])
      most = max(most, values[index])
      largest = max(largest, abs(values[index]))
    }
    scale = largest > 0 ? largest : 1
    (least, most) = (least / scale, most / scale)
    isPositive = least > 0.001
    isNeverNegative = least >= 0
    for index in 0..<kept {
      levels[index] = values[index] / scale
      logs[index] = isPositive ? Math.log(levels[index]) : levels[index]
      room[index] = levels[index]
    }
    spread = -Quantile.quantile(room, kept, 0.1)
    spread += Quantile.quantile(room, kept, 0.9)
    let periods = ForecastPeriods(levels, kept, nanoseconds: periodNanoseconds, scratch: room)
    (season, longSeason) = (periods.season, periods.longSeason)
    var history = ForecastHistory(
      levels: levels, logs: logs, isPositive: isPositive, count: kept, season: season,
      longSeason: longSeason, scratch: room)
    let span = most - least
    let bounds =
      season > 1
      ? (
        isPositive ? 0.7 * least : least - 0.15 * span,
        most + 0.15 * (isPositive ? max(span, most) : span)
      )
      : (least - 2 * span, most + 2 * span)
    // Rolling origins, a season apart, so that errors line up by the place in the season.
    let seen = min(steps, Self.mostSeen, max(kept / 4, 1))
    let stride = season > 1 && season <= 2 * seen ? season : max(1, seen / 4)
    let origins = min(
      max((kept - max(2 * longSeason, 3 * season, 10)) / stride, 0), Self.mostOrigins)
    let (errors, weights) = (means - 2 * Self.models, means - Self.models)
    for model in 0..<2 * Self.models { errors[model] = 0 }
    let usual = history.usualError
    var ahead = 0.0
    for origin in 0..<origins {
      history.count = kept - (origins - origin) * stride
      let known = min(seen, kept - history.count)
      let block = seenRows + origin * (Self.models + 1) * seen
      history.forecastAll(block, known, stride: seen, bounds: bounds)
      ahead += Double(known)
      for model in 0..<Self.models {
        var sum = 0.0
        for step in 0..<known {
          let (value, truth) = (block[model * seen + step], levels[history.count + step])
          let miss = abs(value - truth)
          sum += miss / usual / 2.395
          if isPositive { sum += 200 * miss / (abs(value) + abs(truth)) / 18.383 }
        }
        // The root: one origin before a change of the level does not decide.
        errors[model] += (sum * Double(known)).squareRoot()
      }
    }
    history.count = kept
    history.forecastAll(rows, steps, stride: steps, bounds: bounds)
    var (total, smallest) = (0.0, Double.infinity)
    for model in 0..<Self.models {
      for step in 0..<steps where !rows[model * steps + step].isFinite { errors[model] = .nan }
      if errors[model].isFinite { smallest = min(smallest, errors[model]) }
    }
    for model in 0..<Self.models where errors[model].isFinite {
      let ratio = max(errors[model], 1e-9 * max(ahead, 1)) / max(smallest, 1e-9 * max(ahead, 1))
      weights[model] = Math.exp(-16 * Math.log(ratio))
      total += weights[model]
    }
    if total <= 0 { (weights[0], total) = (1, 1) }
    for step in 0..<steps {
      means[step] = Self.combine(rows + step, steps, weights, total)
      if isNeverNegative { means[step] = max(means[step], 0) }
    }
    trust = Double(kept) / Double(kept + 32)
    // The largest errors of four in five.
    let wrong = room
    var all = 0
    for origin in 0..<origins {
      let from = kept - (origins - origin) * stride
      let block = seenRows + origin * (Self.models + 1) * seen
      for step in 0..<min(seen, kept - from) {
        let value = Self.combine(block + step, seen, weights, total)
        let miss =
          isPositive ? logs[from + step] - Math.log(max(value, 1e-12)) : levels[from + step] - value
        block[Self.models * seen + step] = abs(miss)
        wrong[all] = abs(miss)
        all += 1
      }
    }
    if all == 0 {
      for index in season..<kept {
        let z = isPositive ? logs : levels
        wrong[all] = abs(z[index] - z[index - season])
        all += 1
      }
    }
    let overall = Quantile.quantile(wrong, all, Self.level)
    for step in 0..<steps {
      let step = min(step, seen - 1)
      var near = 0
      for origin in 0..<origins {
        let known = min(seen, (origins - origin) * stride)
        let block = seenRows + origin * (Self.models + 1) * seen + Self.models * seen
        for other in max(0, step - 2)..<max(min(step + 3, known), max(0, step - 2)) {
          wrong[near] = block[other]
          near += 1
        }
      }
      let share = min(1, Self.level * (1 + 1 / Double(max(near, 1))))
      let usual = near >= 5 ? Quantile.quantile(wrong, near, share) : overall
      misses[step] = 1.05 * (0.8 * usual + 0.2 * overall)
    }
    for step in seen..<max(steps, seen) {
      misses[step] = misses[seen - 1] * (Double(step + 1) / Double(seen)).squareRoot()
    }
  }

  /// The forecast of a step, from 1 on.
  public subscript(_ step: Int) -> prognos_forecast {
    let step = min(max(step, 1), steps) - 1
    let (mean, miss) = (means[step], misses[step])
    var forecast = prognos_forecast()
    let factor = Math.exp(min(miss, 50))
    forecast.value = mean * scale
    forecast.low = (isPositive ? mean / factor : mean - miss) * scale
    if isNeverNegative { forecast.low = max(forecast.low, 0) }
    forecast.high = (isPositive ? mean * factor : mean + miss) * scale
    let width = forecast.high / scale - forecast.low / scale
    forecast.confidence = trust * (spread + 1e-12) / (spread + 1e-12 + 0.5 * width)
    return forecast
  }

  /// The step, from 1 on, at which the slightly smoothed forecast is highest within its first `within` ones.
  public func peak(within most: Int) -> Int {
    let most = min(most, steps)
    var (best, highest) = (1, -Double.infinity)
    for step in 0..<most {
      let isInner = step > 0 && step + 1 < most
      let value =
        isInner ? 0.4 * means[step] + 0.3 * (means[step - 1] + means[step + 1]) : means[step]
      if value > highest { (best, highest) = (step + 1, value) }
    }
    return best
  }

  @inline(never)
  private static func combine(
    _ rows: UnsafeMutablePointer<Double>, _ stride: Int,
    _ weights: UnsafeMutablePointer<Double>,
    _ total: Double
  ) -> Double {
    var sum = 0.0
    for model in 0..<models where weights[model] > 0 {
      sum += weights[model] / total * rows[model * stride]
    }
    return sum
  }
}

extension ForecastHistory {
  /// What the seasonal naive forecast is wrong by.
  fileprivate var usualError: Double {
    var sum = 0.0
    for index in season..<max(count, season) { sum += abs(levels[index] - levels[index - season]) }
    return sum / Double(max(count - season, 1)) + 1e-9
  }

  /// All models, a row each; NaN in the row of one that has too little to go by.
  @inline(never)
  fileprivate func forecastAll(
    _ rows: UnsafeMutablePointer<Double>, _ steps: Int, stride: Int, bounds: (Double, Double)
  ) {
    for model in 0..<Forecast.models {
      let row = rows + model * stride
      let (isThere, isLog) = season > 1 ? seasonal(model, row, steps) : plain(model, row, steps)
      for step in 0..<steps {
        let value = isLog && isPositive ? Math.exp(row[step]) : row[step]
        row[step] = isThere ? min(max(value, bounds.0), bounds.1) : .nan
      }
    }
  }

  /// Whether there is a forecast, and whether it is one of logarithms.
  private func seasonal(
    _ model: Int, _ row: UnsafeMutablePointer<Double>, _ steps: Int
  ) -> (Bool, Bool) {
    switch model {
    case 0:
      for step in 0..<steps { row[step] = levels[count - season + step % season] }
      return (true, false)
    case 1: return (profile(levels, 0.5, row, steps), false)
    case 2: return (profile(logs, 0.2, row, steps), true)
    case 3: return (shrunkProfile(row, steps), true)
    case 4, 5:
      let isRobust = model == 5
      let most = count / 2
      var regression = SeasonalRegression(
        self, base: isRobust ? season : longest, ridge: 0.02, forgetting: isRobust ? 0.99 : 0.999,
        harmonics: isRobust ? 0 : 6, rounds: isRobust ? 3 : 1)
      regression.addLags(1, 3, most: most)
      regression.addLags(season - (isRobust ? 0 : 2), season + 2, most: most)
      if isRobust {
        regression.addLags(2 * season, 6 * season, step: season, most: most)
      } else {
        regression.addLags(2 * season - 1, 2 * season + 1, most: most)
      }
      if longSeason > 0 {
        regression.addLags(longSeason - (isRobust ? 1 : 2), longSeason + 2, most: most)
      }
      return (regression.forecast(self, row, steps), true)
    case 6: return (analogues(length: season, most: 4, share: 0.7, row, steps), true)
    case 7: return (analogues(length: max(2, season / 4), most: 8, share: 0.9, row, steps), true)
    default: return (medians(row, steps), true)
    }
  }

  private func plain(
    _ model: Int, _ row: UnsafeMutablePointer<Double>, _ steps: Int
  ) -> (Bool, Bool) {
    switch model {
    case 0:
      for step in 0..<steps { row[step] = levels[count - 1] }
      return (true, false)
    case 1: return (smoothing(withTrend: false, line: false, row, steps), false)
    case 2: return (smoothing(withTrend: true, line: false, row, steps), false)
    case 3: return (smoothing(withTrend: false, line: true, row, steps), false)
    case 4: return (recentMedian(row, steps), false)
    case 5:
      var regression = SeasonalRegression(self, base: 1, ridge: 0.01, forgetting: 0.997, rounds: 3)
      regression.addLags(1, 5, most: count / 2)
      return (regression.forecast(self, row, steps), true)
    default: return (false, false)
    }
  }
}
