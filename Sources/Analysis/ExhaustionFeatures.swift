// SPDX-License-Identifier: Apache-2.0
import Recording

/// What the past of a resource looks like, in numbers without a unit: rates are in "headroom used up per time watched".
///
/// Most are of two envelopes that need no period: the highest level so far, and the level that was never gone below
/// again. A leak, under noise or a sawtooth too, lifts both; periodic use, and a walk within bounds, neither; a
/// plateau stops both.
struct ExhaustionFeatures: BitwiseCopyable {
  static let count = 38
  private(set) var values = InlineArray<38, Double>(repeating: 0)
  /// ln of the seconds until the limit, going on as before.
  private(set) var logTime = 0.0
  /// The seconds that it rests on.
  private(set) var span = 0.0
  /// Seconds until the limit by the last quarter of a second to two: infinity without growth.
  private(set) var soon = Double.infinity
  /// The slope of the middle of the envelopes, over the later half of what was watched: in limits per second.
  private(set) var slope = 0.0

  /// Where features are worked out: too much for the stack of a small thread.
  struct Scratch: BitwiseCopyable {
    var times = InlineArray<49, Double>(repeating: 0)
    var maxima = InlineArray<49, Double>(repeating: 0)
    var means = InlineArray<49, Double>(repeating: 0)
    /// The highest level up to here; the lowest from here on; between the two.
    var high = InlineArray<49, Double>(repeating: 0)
    var low = InlineArray<49, Double>(repeating: 0)
    var middle = InlineArray<49, Double>(repeating: 0)
  }

  /// nil with less than six blocks.
  init?(_ history: borrowing UsageHistory, _ scratch: UnsafeMutablePointer<Scratch>) {
    let closed = min(max(history.count, 0), UsageHistory.capacity)
    guard closed >= 5 else { return nil }
    let n = closed + 1
    for index in 0..<closed {
      scratch.pointee.times[index] = history.times[index]
      scratch.pointee.low[index] = history.minima[index]
      scratch.pointee.maxima[index] = history.maxima[index]
      scratch.pointee.means[index] = history.means[index]
    }
    scratch.pointee.times[closed] = history.meanTime
    scratch.pointee.low[closed] = history.minimum
    scratch.pointee.maxima[closed] = history.maximum
    scratch.pointee.means[closed] = history.mean

    let half = n / 2
    let lastQuarter = n - max(n / 4, 3)
    let envelope = Envelope(scratch, n, half: half, lastQuarter: lastQuarter)
    let first = scratch.pointee.times[0]
    let watched = max(
      history.latest - first + 0.5 * (scratch.pointee.times[1] - first), 1e-9)
    let high = scratch.pointee.high[n - 1]
    let low = scratch.pointee.low[n - 1]
    let head = max(1 - high, 0.004)
    let (highHalf, highQuarter) = (scratch.pointee.high[half], scratch.pointee.high[lastQuarter])
    let highFirst = scratch.pointee.high[0]

    func line(_ series: Series, _ from: Int, _ to: Int) -> Line {
      Line(scratch, series, from, to)
    }
    /// ln of headroom fractions per time watched.
    func rate(_ slope: Double) -> Double {
      Math.log(min(max(slope * watched / head, 0.02), 50))
    }
    let all = line(.means, 0, n)
    let late = line(.means, half, n)
    let quarter = line(.means, lastQuarter, n)
    let eighth = line(.means, n - max(n / 8, 4), n)
    let middleAll = line(.middle, 0, n)
    let middleLate = line(.middle, half, n)
    let middleEarly = line(.middle, 0, half)
    let middleQuarter = line(.middle, lastQuarter, n)
    let middleThird =
      lastQuarter - half >= 3 ? line(.middle, half, lastQuarter).slope : middleLate.slope
    let highLate = line(.high, half, n)
    let highAll = line(.high, 0, n)

    values[0] = history.used
    values[1] = high
    values[2] = max(history.used - 0.6, 0) * 2.5
    values[3] = rate(all.slope)
    values[4] = rate(late.slope)
    values[5] = rate(quarter.slope)
    values[6] = rate(middleLate.slope)
    values[7] = rate(highLate.slope)
    values[8] = rate(eighth.slope)
    values[9] = late.significance / (abs(late.significance) + 6)
    values[10] = quarter.significance / (abs(quarter.significance) + 4)
    values[11] = Math.log(late.residual / head + 1e-3)
    values[12] = (high - highQuarter) / (high - highHalf + 2e-3)
    values[13] = (high - highHalf) / (high - highFirst + 2e-3)
    let (lowHalf, lowQuarter, lowFirst) = (
      scratch.pointee.low[half], scratch.pointee.low[lastQuarter], scratch.pointee.low[0]
    )
    values[14] = (low - lowQuarter) / (low - lowHalf + 2e-3)
    values[15] = (low - lowHalf) / (low - lowFirst + 2e-3)
    values[16] = (history.latest - envelope.lastRecord) / watched
    values[17] = envelope.recordsLate / Double(n - half)
    values[18] = envelope.recordsQuarter / Double(n - lastQuarter)
    values[19] = envelope.deepest / (high - envelope.lowest + 0.01)
    values[20] = envelope.jump / (high - highFirst + 2e-3)
    let (cq, cm, ch, c1) = (
      middleQuarter.slope, middleThird, middleLate.slope, middleEarly.slope
    )
    values[21] = (cq - cm) / (abs(cq) + abs(cm) + 1e-3 / watched)
    values[22] = (ch - c1) / (abs(ch) + abs(c1) + 1e-3 / watched)
    values[23] = Double(min(n, 24)) / 24
    values[24] = Self.asymptote(
      high, high - highHalf, (high - highHalf) / (highHalf - highFirst + 2e-3))
    values[25] = Self.asymptote(
      high, high - highQuarter, (high - highQuarter) / (highQuarter - highHalf + 2e-3))
    values[26] = min((high - envelope.recentPeak) / head, 1)
    values[27] = Self.leastGrowth(scratch, n)
    values[28] = min(high - envelope.firstLow, 1)
    // Accelerating evenly.
    let acceleration = (cq - cm) / (watched * 0.25)
    let squared = cq * cq + 2 * acceleration * head
    let accelerated =
      acceleration > 1e-12 && squared > 0
      ? (squared.squareRoot() - cq) / acceleration : head / max(cq, 1e-9)
    values[29] = min(max(Math.log(watched / max(accelerated, 1e-3)), -4), 4)
    values[30] = rate(highAll.slope)
    values[31] = min(middleAll.residual / (high - envelope.lowest + 0.01), 0.5) * 2
    values[32] = Math.log(1 + envelope.falls)
    values[33] = Math.log(1 + envelope.jumps) * 0.5
    values[34] = min(
      (history.latest - envelope.lastRecord) * max(envelope.jumps, 1) / watched, 4)
    let change = (cq - cm) * watched * 0.25 / (1.5 * quarter.residual + 1e-3)
    values[35] = change / (abs(change) + 3)
    // Above everything that was forgotten: growth into what was never used before.
    values[36] = min(max((history.used - history.greatestBefore) / head, -1), 1)
    let lineFit = late.residual / (abs(late.slope) * watched * 0.5 + 1e-3)
    values[37] = Math.log(1 + min(lineFit, 20))

    let base = max(
      0.4 * max(highLate.slope, 0) + 0.3 * max(ch, 0) + 0.3 * max(quarter.slope, 0),
      0.02 * head / watched)
    logTime = Math.log(max(head / base, 1e-3))
    span = watched
    slope = ch
    let latest = line(.means, n - 4, n)
    if latest.slope > 0, latest.significance > 4 {
      soon = max(1 - history.used, 0) / latest.slope
    }
  }

  /// Growths of equal times going on geometrically: the level they lead to, less the limit; 1 for no end.
  private static func asymptote(_ level: Double, _ growth: Double, _ quotient: Double) -> Double {
    if quotient >= 0.97 { return 1 }
    let q = max(quotient, 0)
    return min(max(level + growth * q / (1 - q) - 1, -1), 1)
  }

  /// What really leaks grows in every part: the smallest growth of five parts to the mean of them.
  private static func leastGrowth(_ scratch: UnsafeMutablePointer<Scratch>, _ n: Int) -> Double {
    let width = max((n - n / 4) / 5, 2)
    var (least, total, parts, end) = (1e9, 0.0, 0.0, n - 1)
    while end - width >= 0, parts < 5 {
      let growth = scratch.pointee.middle[end] - scratch.pointee.middle[end - width]
      least = min(least, growth)
      total += growth
      parts += 1
      end -= width
    }
    return parts > 0 ? min(max(least * parts / (max(total, 0) + 5e-3), -5), 5) : 0
  }

  enum Series { case means, middle, high }

  /// The line of least squares through some blocks, and how far it stands out of what is around it.
  private struct Line {
    var slope = 0.0
    var residual = 0.0
    var significance = 0.0

    init(_ scratch: UnsafeMutablePointer<Scratch>, _ series: Series, _ from: Int, _ to: Int) {
      func value(_ index: Int) -> Double {
        switch series {
        case .means: scratch.pointee.means[index]
        case .middle: scratch.pointee.middle[index]
        case .high: scratch.pointee.high[index]
        }
      }
      let count = Double(to - from)
      var (time, level) = (0.0, 0.0)
      for index in from..<to {
        time += scratch.pointee.times[index]
        level += value(index)
      }
      time /= count
      level /= count
      var (xx, xy, yy) = (1e-12, 0.0, 0.0)
      for index in from..<to {
        let (x, y) = (scratch.pointee.times[index] - time, value(index) - level)
        xx += x * x
        xy += x * y
        yy += y * y
      }
      slope = xy / xx
      let square = max(yy - slope * xy, 0) / max(count - 2, 1)
      residual = square.squareRoot()
      significance = slope / (square / xx + 1e-14 / xx).squareRoot()
    }
  }

  /// The two envelopes, and what happens to the upper one.
  private struct Envelope {
    var lastRecord = 0.0
    var recordsLate = 0.0
    var recordsQuarter = 0.0
    var jump = 0.0
    var jumps = 0.0
    var falls = 0.0
    var deepest = 0.0
    var lowest = 0.0
    var recentPeak = 0.0
    var firstLow = 0.0

    init(_ scratch: UnsafeMutablePointer<Scratch>, _ n: Int, half: Int, lastQuarter: Int) {
      lowest = scratch.pointee.low[0]
      firstLow = lowest
      scratch.pointee.high[0] = scratch.pointee.maxima[0]
      lastRecord = scratch.pointee.times[0]
      var peak = scratch.pointee.maxima[0]
      for index in 1..<n {
        let (before, greatest, least) = (
          scratch.pointee.high[index - 1], scratch.pointee.maxima[index],
          scratch.pointee.low[index]
        )
        let high = max(before, greatest)
        scratch.pointee.high[index] = high
        lowest = min(lowest, least)
        if high > before {
          if index >= half { recordsLate += 1 }
          if index >= lastQuarter { recordsQuarter += 1 }
          jump = max(jump, high - before)
          if high - before > 0.003 {
            lastRecord = scratch.pointee.times[index]
            jumps += 1
          }
        }
        deepest = max(deepest, high - least)
        peak = max(peak, greatest)
        // A fall by a quarter of the range.
        if peak - least > 0.25 * (high - lowest) + 0.02 {
          falls += 1
          peak = greatest < peak ? greatest : least
        }
        if index >= lastQuarter { recentPeak = max(recentPeak, greatest) }
      }
      for index in (0..<n - 1).reversed() {
        scratch.pointee.low[index] = min(scratch.pointee.low[index], scratch.pointee.low[index + 1])
      }
      for index in 0..<n {
        scratch.pointee.middle[index] =
          0.5 * (scratch.pointee.high[index] + scratch.pointee.low[index])
      }
    }
  }
}
