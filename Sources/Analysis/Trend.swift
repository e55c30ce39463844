// SPDX-License-Identifier: Apache-2.0
import Recording

/// Whether a stretch of values rises, falls, or neither.
///
/// A sequence whose values depend on each other wanders: what tests for trends take for one is often that. This one
/// fits the noise as an autoregression and lets it become a random walk (Perron & Yabu 2009): with the coefficient
/// estimated, corrected for its bias (Marriott & Pope 1954, Kendall 1954) and set to 1 when it is near, the slope by
/// generalised least squares is distributed nearly normally whatever the noise is. The critical value was raised by
/// simulation where few values do not tell strong dependence from a trend. docs/methods.md has the figures.
public struct Trend {
  /// In units a second, and over the whole stretch: Sen's slope (1968).
  public private(set) var slope = 0.0
  public private(set) var change = 0.0
  /// The level at the begin.
  public private(set) var start = 0.0
  /// Of so strong a movement without a trend.
  public private(set) var pValue = 1.0
  public private(set) var direction: Int32 = 0
  public private(set) var count = 0

  public static var leastValues: Int { 16 }
  public static var mostValues: Int { 256 }
  /// Sen's slope takes all pairs of so many blocks.
  private static var mostBlocks: Int { 64 }
  /// Room that the test needs for its numbers, in Doubles.
  public static var scratchCount: Int {
    3 * mostValues + mostBlocks * 2 + mostBlocks * mostBlocks / 2
  }

  /// nil with fewer than 16 values, or more than 256. All must be finite. `seconds` rise, or are all the same.
  public init?(
    values: UnsafePointer<Double>, seconds: UnsafePointer<Double>, count: Int,
    scratch: UnsafeMutablePointer<Double>
  ) {
    guard count >= Self.leastValues, count <= Self.mostValues else { return nil }
    self.count = count
    var scale = 0.0
    for index in 0..<count { scale = max(scale, abs(values[index])) }
    start = values[0]
    guard scale > 0 else { return }
    let clean = scratch
    let other = clean + Self.mostValues
    let blocks = Blocks(room: other + 2 * Self.mostValues, count: min(count, Self.mostBlocks))
    // In units of the largest value: no square overflows.
    for index in 0..<count {
      clean[index] = values[index] / scale
      other[index] = clean[index]
    }
    let middle = Quantile.median(other, count)
    for index in 0..<count { clean[index] -= middle }
    let byTime = blocks.slope(clean, seconds, count, scratch: other)
    let byNumber = blocks.slope(clean, nil, count, scratch: other)
    slope = byTime * scale
    change = byNumber * Double(count - 1) * scale
    for index in 0..<count { other[index] = clean[index] - byNumber * Double(index) }
    start = (Quantile.median(other, count) + middle) * scale
    Self.takeOutliers(clean, count, slope: byNumber, scratch: other)
    let (statistic, critical) = Self.test(clean, count, scratch: other)
    guard statistic != 0 else { return }
    let normal = min(abs(statistic) / critical * 1.96, 38)
    pValue = Math.erfc(normal / 2.0.squareRoot())
    // What rose and stays is no trend any more.
    let later = blocks.slopeOfSecondHalf()
    if pValue < 0.05 && byNumber * statistic > 0 && later * statistic > 0 {
      direction = statistic > 0 ? 1 : -1
    }
  }

  /// Pulls what lies beyond four standard deviations, by the median deviation, back to there.
  private static func takeOutliers(
    _ values: UnsafeMutablePointer<Double>, _ count: Int, slope: Double,
    scratch: UnsafeMutablePointer<Double>
  ) {
    func rest(_ index: Int) -> Double { values[index] - slope * Double(index) }
    for index in 0..<count { scratch[index] = rest(index) }
    let middle = Quantile.median(scratch, count)
    for index in 0..<count { scratch[index] = abs(rest(index) - middle) }
    let most = 4 * 1.4826 * Quantile.median(scratch, count)
    guard most > 0 else { return }
    for index in 0..<count {
      let distance = rest(index) - middle
      if abs(distance) > most { values[index] += (distance > 0 ? most : -most) - distance }
    }
  }

  /// The slope in units of its standard error, and what that must exceed once in 20 times.
  private static func test(
    _ values: UnsafePointer<Double>, _ count: Int, scratch: UnsafeMutablePointer<Double>
  ) -> (statistic: Double, critical: Double) {
    let n = Double(count)
    let line = Line(values, count)
    let rest = scratch
    for index in 0..<count { rest[index] = values[index] - line.at(index) }
    var (squares, products) = (0.0, 0.0)
    for index in 1..<count {
      squares += rest[index - 1] * rest[index - 1]
      products += rest[index] * rest[index - 1]
    }
    let few = 1.96 + 6 / n
    guard squares > 1e-24 * n else { return (line.slope == 0 ? 0 : line.slope * 1e12, few) }
    let estimate = products / squares
    let dependence = min(estimate + 1.7 * (2 + 4 * estimate) / n, 1)
    if 1 - dependence <= 0.85 / n.squareRoot() { return (walk(values, count), few) }
    let statistic = generalised(values, count, max(dependence, -0.9))
    let strength = max(dependence, 0) * max(dependence, 0)
    return (statistic, few + 60 / n * (1 + 1600 / (n * n)) * strength * strength)
  }

  /// The mean step of a random walk.
  private static func walk(_ values: UnsafePointer<Double>, _ count: Int) -> Double {
    let steps = Double(count - 1)
    let mean = (values[count - 1] - values[0]) / steps
    var squares = 0.0
    for index in 1..<count {
      let distance = values[index] - values[index - 1] - mean
      squares += distance * distance
    }
    let error = (squares / (steps - 1) / steps).squareRoot()
    return error > 0 ? mean / error : mean == 0 ? 0 : mean * 1e12
  }

  /// The slope by least squares of what is left of each value after the one before it.
  private static func generalised(
    _ values: UnsafePointer<Double>, _ count: Int, _ dependence: Double
  ) -> Double {
    let center = Double(count - 1) / 2
    // Of the first value there is none before it.
    let first = (1 - dependence * dependence).squareRoot()
    func row(_ index: Int) -> (one: Double, time: Double, value: Double) {
      let time = Double(index) - center
      if index == 0 { return (first, first * time, first * values[0]) }
      return (
        1 - dependence, time - dependence * (time - 1),
        values[index] - dependence * values[index - 1]
      )
    }
    var (oneOne, oneTime, timeTime, oneValue, timeValue) = (0.0, 0.0, 0.0, 0.0, 0.0)
    for index in 0..<count {
      let row = row(index)
      oneOne += row.one * row.one
      oneTime += row.one * row.time
      timeTime += row.time * row.time
      oneValue += row.one * row.value
      timeValue += row.time * row.value
    }
    let determinant = oneOne * timeTime - oneTime * oneTime
    let slope = (oneOne * timeValue - oneTime * oneValue) / determinant
    let level = (oneValue - slope * oneTime) / oneOne
    var squares = 0.0
    for index in 0..<count {
      let row = row(index)
      let distance = row.value - level * row.one - slope * row.time
      squares += distance * distance
    }
    let error = (squares / Double(count - 3) * oneOne / determinant).squareRoot()
    return error > 0 ? slope / error : slope == 0 ? 0 : slope * 1e12
  }
}

/// A line by least squares.
private struct Line {
  let slope: Double
  private let mean: Double
  private let center: Double

  init(_ values: UnsafePointer<Double>, _ count: Int) {
    var (sum, product, squares) = (0.0, 0.0, 0.0)
    let center = Double(count - 1) / 2
    for index in 0..<count {
      let time = Double(index) - center
      sum += values[index]
      product += values[index] * time
      squares += time * time
    }
    slope = product / squares
    mean = sum / Double(count)
    self.center = center
  }

  func at(_ index: Int) -> Double { mean + slope * (Double(index) - center) }
}

/// Medians of blocks of values, and Sen's slope over all pairs of them.
private struct Blocks {
  let count: Int
  private let medians: UnsafeMutablePointer<Double>
  private let times: UnsafeMutablePointer<Double>
  private let slopes: UnsafeMutablePointer<Double>

  init(room: UnsafeMutablePointer<Double>, count: Int) {
    self.count = count
    medians = room
    times = room + count
    slopes = room + 2 * count
  }

  /// By time, or by number where there is none; 0 where all times are the same.
  func slope(
    _ values: UnsafePointer<Double>, _ seconds: UnsafePointer<Double>?, _ valueCount: Int,
    scratch: UnsafeMutablePointer<Double>
  ) -> Double {
    for block in 0..<count {
      let (from, to) = (block * valueCount / count, (block + 1) * valueCount / count)
      var time = 0.0
      for index in from..<to {
        scratch[index - from] = values[index]
        time += (seconds?[index] ?? Double(index)) / Double(to - from)
      }
      medians[block] = Quantile.median(scratch, to - from)
      times[block] = time
    }
    return slope(from: 0)
  }

  /// After `slope`.
  func slopeOfSecondHalf() -> Double {
    slope(from: count / 2)
  }

  private func slope(from first: Int) -> Double {
    var pairs = 0
    for later in first..<count {
      for earlier in first..<later where times[later] > times[earlier] {
        slopes[pairs] = (medians[later] - medians[earlier]) / (times[later] - times[earlier])
        pairs += 1
      }
    }
    return Quantile.median(slopes, pairs)
  }
}
