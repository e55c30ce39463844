// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Recording

/// The naive forecasts: what any other has to beat. The next values are like the latest one, or, where the values
/// have a period, like those one period before.
public struct SeriesForecast {
  private let values: UnsafePointer<Double>
  private let count: Int
  /// In values; 1 without a period.
  public let period: Int
  /// The 80 % quantile of the errors that the same forecast made before, one step ahead.
  private let error: Double

  public static var leastValues: Int { 8 }

  /// - Parameter scratch: room for as many numbers as there are values.
  public init?(
    values: UnsafePointer<Double>, count: Int, scratch: UnsafeMutablePointer<Double>
  ) {
    guard count >= Self.leastValues else { return nil }
    self.values = values
    self.count = count
    period = Self.period(values, count)
    for index in period..<count {
      scratch[index - period] = abs(values[index] - values[index - period])
    }
    error = Quantile.select(scratch, count - period, rank: (count - period) * 4 / 5)
  }

  /// The forecast of a step from 1 on. Errors of steps that build on each other add up as those of a random walk.
  public subscript(_ step: Int) -> prognos_forecast {
    let step = max(step, 1)
    let value = values[count - period + (step - 1) % period]
    let rounds = Double((step - 1) / period + 1)
    var forecast = prognos_forecast()
    forecast.value = value
    forecast.low = value - error * rounds.squareRoot()
    forecast.high = value + error * rounds.squareRoot()
    forecast.confidence = Double(count) / Double(count + 32) / rounds.squareRoot()
    return forecast
  }

  /// The lag at which values are most alike, if it was seen three times and forecasts much better than the latest
  /// value does; else 1.
  private static func period(_ values: UnsafePointer<Double>, _ count: Int) -> Int {
    let naive = meanError(values, count, lag: 1)
    var (best, least) = (1, 0.7 * naive)
    var lag = 3
    while lag * 3 <= count {
      let error = meanError(values, count, lag: lag)
      // A multiple of the period fits as well: it must be clearly better.
      if error < (best == 1 ? least : least * 0.95) { (best, least) = (lag, error) }
      lag += 1
    }
    return best
  }

  private static func meanError(
    _ values: UnsafePointer<Double>, _ count: Int, lag: Int
  ) -> Double {
    var sum = 0.0
    for index in lag..<count {
      sum += abs(values[index] - values[index - lag]) / Double(count - lag)
    }
    return sum
  }
}

/// Order statistics without sorting: Hoare's selection.
enum Quantile {
  /// The value of this rank, from 0 on, among the first `count`, whose order changes.
  static func select(_ values: UnsafeMutablePointer<Double>, _ count: Int, rank: Int) -> Double {
    guard count > 0 else { return 0 }
    let rank = min(max(rank, 0), count - 1)
    var (low, high) = (0, count - 1)
    while low < high {
      let pivot = values[(low + high) / 2]
      var (left, right) = (low, high)
      while left <= right {
        while values[left] < pivot { left += 1 }
        while values[right] > pivot { right -= 1 }
        guard left <= right else { break }
        (values[left], values[right]) = (values[right], values[left])
        left += 1
        right -= 1
      }
      if rank <= right { high = right } else if rank >= left { low = left } else { break }
    }
    return values[rank]
  }

  static func median(_ values: UnsafeMutablePointer<Double>, _ count: Int) -> Double {
    let upper = select(values, count, rank: count / 2)
    return count % 2 == 1 || count == 0
      ? upper : (upper + select(values, count, rank: count / 2 - 1)) / 2
  }
}
