// SPDX-License-Identifier: Apache-2.0
import Recording

/// An autoregression in differences to the value `base` before:
///
///     y[t] - y[t-base] = sum w[l] (y[t-l] - y[t-base]) + w y[t-base] + c (+ harmonics of both seasons)
///
/// Ridge regression (Hoerl & Kennard 1970) therefore shrinks it to the seasonal naive forecast. Older rows count less;
/// in more than one round, rows that do not fit do as well (Huber 1964). Rows are made anew whenever they are needed,
/// which is quicker than to keep them.
struct SeasonalRegression {
  let base: Int
  let ridge: Double
  let forgetting: Double
  let harmonics: Int
  let rounds: Int
  /// In the history's scratch, as are matrix, rows and values.
  private let lags: UnsafeMutablePointer<Int>
  private var lagCount = 0
  private var longestLag: Int
  private var columns = 0
  private var seasons = (1, 0)

  private static var mostLags: Int { 18 }
  private static var mostColumns: Int { 44 }
  private static var mostHarmonics: Int { 6 }

  init(
    _ history: ForecastHistory, base: Int, ridge: Double, forgetting: Double, harmonics: Int = 0,
    rounds: Int = 1
  ) {
    lags = UnsafeMutableRawPointer(history.scratch).assumingMemoryBound(to: Int.self)
    self.base = base
    self.ridge = ridge
    self.forgetting = forgetting
    self.harmonics = min(harmonics, Self.mostHarmonics)
    self.rounds = rounds
    longestLag = base
  }

  /// Adds lags from `first` to `last` that are no longer than `most`.
  mutating func addLags(_ first: Int, _ last: Int, step: Int = 1, most: Int) {
    var lag = first
    while lag <= last && lag <= most {
      var isNew = lag > 0 && lagCount < Self.mostLags
      for index in 0..<lagCount where lags[index] == lag { isNew = false }
      if isNew {
        lags[lagCount] = lag
        lagCount += 1
        longestLag = max(longestLag, lag)
      }
      lag += step
    }
  }

  /// Forecasts from the history's logarithms.
  mutating func forecast(
    _ history: ForecastHistory, _ out: UnsafeMutablePointer<Double>, _ steps: Int
  ) -> Bool {
    let count = history.count
    let rows = count - longestLag
    seasons = (history.season, history.longSeason)
    columns = lagCount + 1
    if harmonics > 0 && seasons.0 > 1 { columns += 2 * harmonics }
    if harmonics > 0 && seasons.1 > 0 { columns += 2 * harmonics }
    guard rows >= columns + 24, columns <= Self.mostColumns else { return false }
    // The room: a matrix, vectors of as many numbers, sines, numbers by row, and the values with the forecast.
    let matrix = history.scratch + Self.mostLags
    let weights = matrix + Self.mostColumns * Self.mostColumns
    let row = weights + Self.mostColumns
    let waves = row + Self.mostColumns
    let trust = waves + 2 * 1024
    let misses = trust + 1024
    let y = misses + 1024
    let z = history.logs
    let mean = ForecastHistory.mean(z, count)
    var deviation = 0.0
    for index in 0..<count { deviation += (z[index] - mean) * (z[index] - mean) }
    deviation = (deviation / Double(count)).squareRoot() + 1e-12
    for index in 0..<count { y[index] = (z[index] - mean) / deviation }
    if harmonics > 0 {
      Self.fillWaves(waves, seasons.0)
      if seasons.1 > 0 { Self.fillWaves(waves + 2 * seasons.0, seasons.1) }
    }
    for index in 0..<rows { trust[index] = 1 }
    for round in 1...rounds {
      var (total, age) = (0.0, 1.0)
      for index in 0..<columns * columns { matrix[index] = 0 }
      for index in 0..<columns { weights[index] = 0 }
      for index in (longestLag..<count).reversed() {
        let weight = age * trust[index - longestLag]
        age *= forgetting
        total += weight
        fill(row, y, at: index, waves)
        let target = y[index] - y[index - base]
        Self.accumulate(row, columns, weight: weight, target, matrix, weights)
      }
      for column in 0..<columns {
        matrix[column * columns + column] += (column == lagCount ? 1e-6 : ridge) * total
      }
      Self.solve(matrix, weights, columns)
      guard round < rounds else { break }
      for index in longestLag..<count {
        fill(row, y, at: index, waves)
        misses[index - longestLag] = abs(y[index] - y[index - base] - dot(weights, row))
        trust[index - longestLag] = misses[index - longestLag]
      }
      let width = 1.5 * (1.48 * Quantile.median(misses, rows) + 1e-9)
      for index in 0..<rows { trust[index] = min(1, width / (trust[index] + 1e-12)) }
    }
    for step in 0..<steps {
      fill(row, y, at: count + step, waves)
      y[count + step] = min(max(y[count + step - base] + dot(weights, row), -20), 20)
      out[step] = y[count + step] * deviation + mean
    }
    return true
  }

  /// Adds a row to the normal equations: where a forecast's time goes.
  @_optimize(speed) @inline(never)
  private static func accumulate(
    _ row: UnsafeMutablePointer<Double>, _ columns: Int, weight: Double, _ target: Double,
    _ matrix: UnsafeMutablePointer<Double>, _ sums: UnsafeMutablePointer<Double>
  ) {
    var line = matrix
    for column in 0..<columns {
      let value = weight * row[column]
      sums[column] += value * target
      var other = 0
      while other <= column {
        line[other] += value * row[other]
        other &+= 1
      }
      line += columns
    }
  }

  private func fill(
    _ row: UnsafeMutablePointer<Double>, _ y: UnsafeMutablePointer<Double>, at index: Int,
    _ waves: UnsafeMutablePointer<Double>
  ) {
    let before = y[index - base]
    for lag in 0..<lagCount {
      row[lag] = lags[lag] == base ? before : y[index - lags[lag]] - before
    }
    row[lagCount] = 1
    var column = lagCount + 1
    guard harmonics > 0 else { return }
    for number in 0..<2 {
      let isLong = number == 1
      let season = isLong ? seasons.1 : seasons.0
      let table = isLong ? waves + 2 * seasons.0 : waves
      guard season > 1 else { continue }
      for harmonic in 1...harmonics {
        let place = harmonic * index % season * 2
        row[column] = table[place]
        row[column + 1] = table[place + 1]
        column += 2
      }
    }
  }

  private static func fillWaves(_ table: UnsafeMutablePointer<Double>, _ season: Int) {
    for place in 0..<season {
      let angle = 2 * Double.pi * Double(place) / Double(season)
      table[2 * place] = Math.sin(angle)
      table[2 * place + 1] = Math.cos(angle)
    }
  }

  private func dot(
    _ weights: UnsafeMutablePointer<Double>, _ row: UnsafeMutablePointer<Double>
  ) -> Double {
    var sum = 0.0
    for column in 0..<columns { sum += weights[column] * row[column] }
    return sum
  }

  /// Solves the normal equations in place, by Cholesky's method: the lower triangle counts.
  static func solve(
    _ a: UnsafeMutablePointer<Double>, _ x: UnsafeMutablePointer<Double>, _ n: Int
  ) {
    for i in 0..<n {
      for j in 0...i {
        var sum = a[i * n + j]
        for k in 0..<j { sum -= a[i * n + k] * a[j * n + k] }
        a[i * n + j] = i == j ? max(sum, 1e-12).squareRoot() : sum / a[j * n + j]
      }
      for k in 0..<i { x[i] -= a[i * n + k] * x[k] }
      x[i] /= a[i * n + i]
    }
    for i in (0..<n).reversed() {
      for k in i + 1..<n { x[i] -= a[k * n + i] * x[k] }
      x[i] /= a[i * n + i]
    }
  }
}
