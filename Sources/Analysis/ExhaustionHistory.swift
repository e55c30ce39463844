// SPDX-License-Identifier: Apache-2.0
import Recording

/// How much of a resource was used, as shares of its limit, over the whole life or its latest part: up to 48 blocks of
/// equal length, each with its least, greatest and mean value. When all are full, pairs become one and blocks twice
/// as long, so that 24 to 48 of them show all there was, whatever the time between samples; a block of the greatest
/// length makes the window slide instead. All zeros when empty.
struct UsageHistory: BitwiseCopyable {
  static let capacity = 48
  private static let firstBlock = 0.25

  /// Blocks that are over.
  private(set) var count = 0
  private(set) var blockSeconds = 0.0
  private(set) var times = InlineArray<48, Double>(repeating: 0)
  private(set) var minima = InlineArray<48, Double>(repeating: 0)
  private(set) var maxima = InlineArray<48, Double>(repeating: 0)
  private(set) var means = InlineArray<48, Double>(repeating: 0)
  // The block that is not over.
  private var begin = 0.0
  private(set) var minimum = 0.0
  private(set) var maximum = 0.0
  private var sum = 0.0
  private var timeSum = 0.0
  private var samples = 0.0
  private var limit = 0.0
  /// The latest sample: its time in seconds, and the share used.
  private(set) var latest = 0.0
  private(set) var used = 0.0
  /// What was used at most in blocks that are forgotten.
  private(set) var greatestBefore = 0.0
  /// Whether it does not reach back to the first sample any more.
  private(set) var hasForgotten = false
  /// How many samples there were.
  private(set) var total = 0.0

  var mean: Double { samples > 0 ? sum / samples : 0 }
  var meanTime: Double { samples > 0 ? timeSum / samples : 0 }

  /// Adds a sample. One that is older than the latest, or no number, is left out; a limit that moves rescales what is
  /// known.
  ///
  /// - Parameter longestBlock: in seconds; infinity for all of the life.
  mutating func add(
    _ seconds: Double, used newUse: Double, limit newLimit: Double, longestBlock: Double
  ) {
    guard newLimit > 0, newUse >= 0, newUse.isFinite, newLimit.isFinite, seconds.isFinite,
      total == 0 || seconds > latest
    else { return }
    if limit > 0, limit != newLimit { scale(by: limit / newLimit) }
    limit = newLimit
    if blockSeconds == 0 { blockSeconds = Self.firstBlock }
    let share = min(newUse / newLimit, 2)
    if samples > 0, seconds - begin >= blockSeconds { closeBlock(longestBlock) }
    if samples == 0 {
      begin = seconds
      (minimum, maximum, sum, timeSum) = (share, share, 0, 0)
    }
    samples += 1
    sum += share
    timeSum += seconds
    minimum = min(minimum, share)
    maximum = max(maximum, share)
    (latest, used) = (seconds, share)
    total += 1
  }

  private mutating func closeBlock(_ longestBlock: Double) {
    if count >= Self.capacity {
      if blockSeconds < longestBlock { mergePairs() } else { slide() }
    }
    times[count] = meanTime
    minima[count] = minimum
    maxima[count] = maximum
    means[count] = mean
    count += 1
    samples = 0
  }

  private mutating func mergePairs() {
    count = Self.capacity / 2
    blockSeconds *= 2
    for index in 0..<count {
      let (first, second) = (2 * index, 2 * index + 1)
      times[index] = 0.5 * (times[first] + times[second])
      means[index] = 0.5 * (means[first] + means[second])
      minima[index] = min(minima[first], minima[second])
      maxima[index] = max(maxima[first], maxima[second])
    }
  }

  private mutating func slide() {
    greatestBefore = max(greatestBefore, maxima[0])
    hasForgotten = true
    for index in 1..<Self.capacity {
      times[index - 1] = times[index]
      minima[index - 1] = minima[index]
      maxima[index - 1] = maxima[index]
      means[index - 1] = means[index]
    }
    count = Self.capacity - 1
  }

  private mutating func scale(by factor: Double) {
    for index in 0..<Self.capacity {
      minima[index] *= factor
      maxima[index] *= factor
      means[index] *= factor
    }
    minimum *= factor
    maximum *= factor
    sum *= factor
    used *= factor
    greatestBefore *= factor
  }
}
