// SPDX-License-Identifier: Apache-2.0
import Recording

/// What is remembered of how time is used: sums over the last ten minutes or so. All zeros to begin with.
struct ProductivityState: BitwiseCopyable {
  // Time in nanoseconds, of calls without a caller.
  var wall = 0.0
  var onCPU = 0.0
  var io = 0.0
  var finished = 0.0
  var lost = 0.0
  // Of the process.
  var seconds = 0.0
  var cpu = 0.0
  var runQueue = 0.0
  var contextSwitches = 0.0
  /// Counters as they were last.
  var latestSwitches: UInt64 = 0
  var latestRunQueue: UInt64 = 0
  var latestCPU: UInt64 = 0
  var latestTaskSwitches: UInt64 = 0
  var taskSwitches: UInt64 = 0
  var samples: UInt64 = 0
  /// CPU time of a call against context switches and task switches of it.
  var costs = SwitchCosts()
  /// By hour of the day: time in calls, and the useful part.
  var hourWall = InlineArray<24, Double>(repeating: 0)
  var hourUseful = InlineArray<24, Double>(repeating: 0)
  /// What is done in each, against the average.
  var done = InlineArray<24, Double>(repeating: 0)
  var hours: UInt64 = 0

  /// Old seconds count less, with a time constant of ten minutes.
  mutating func fade(_ span: Double) {
    let keep = Math.exp(-span / 600)
    wall *= keep
    onCPU *= keep
    io *= keep
    finished *= keep
    lost *= keep
    seconds *= keep
    cpu *= keep
    runQueue *= keep
    contextSwitches *= keep
    costs.fade(keep)
  }

  /// Ranks the hours of the day. What was done in an hour, against the 24 hours around it: days that are busier, and
  /// weekends, do not count more. Means by hour of the day, shrunk towards the average by two days, smoothed around the
  /// clock with weights of 1, 2, 3, 2, 1. Hours are those of Unix time.
  mutating func rankHours(_ rates: LoadRates, scratch: UnsafeMutablePointer<Double>) {
    hours = UInt64(rates.count)
    guard rates.count >= 24 else { return }
    let (sums, counts) = (scratch, scratch + 24)
    for hour in 0..<48 { sums[hour] = 0 }
    var around = 0.0
    for index in 0..<24 { around += rates.start[index] }
    var first = 0
    for index in 0..<rates.count {
      let wanted = max(0, min(index - 12, rates.count - 24))
      if wanted > first {
        around += rates.start[first + 24] - rates.start[first]
        first = wanted
      }
      guard around > 0 else { continue }
      let ago = UInt64(rates.count - 1 - index) &* 3600 &+ 1800
      let hour = Int(truncatingIfNeeded: (rates.latestUnix / 1_000_000_000 &- ago) / 3600 % 24)
      sums[hour] += min(24 * rates.start[index] / around, 4)
      counts[hour] += 1
    }
    for hour in 0..<24 { sums[hour] = (sums[hour] + 2) / (counts[hour] + 2) }
    for hour in 0..<24 {
      var (sum, weight) = (0.0, 1.0)
      for offset in -2...2 {
        sum += weight / 9 * sums[(hour + offset + 24) % 24]
        weight += offset < 0 ? 1 : -1
      }
      done[hour] = sum
    }
  }
}

/// A regression by least squares, over seconds: CPU time of a call = a + b x context switches of a call + c x task
/// switches of a call. Everything in units of its mean, so that b and c are shares of the CPU time.
struct SwitchCosts: BitwiseCopyable {
  /// Sums of products of (1, context switches, task switches, CPU time), and of squares of weights.
  private var sums = InlineArray<16, Double>(repeating: 0)
  var count: Double { sums[0] }

  mutating func fade(_ keep: Double) {
    for index in 0..<16 { sums[index] *= keep }
  }

  mutating func add(contextSwitches: Double, taskSwitches: Double, cpu: Double) {
    for row in 0..<4 {
      for column in 0...row {
        sums[row * 4 + column] +=
          Self.pick(row, contextSwitches, taskSwitches, cpu)
          * Self.pick(column, contextSwitches, taskSwitches, cpu)
      }
    }
  }

  private static func pick(_ index: Int, _ a: Double, _ b: Double, _ c: Double) -> Double {
    index == 0 ? 1 : index == 1 ? a : index == 2 ? b : c
  }

  /// The shares of the CPU time that go with context switches and with task switches; 0 for what cannot be told from
  /// nothing by three standard errors. `scratch`: 40 numbers.
  func shares(_ scratch: UnsafeMutablePointer<Double>) -> (Double, Double) {
    let (matrix, beta, unit) = (scratch, scratch + 9, scratch + 12)
    let count = sums[0]
    guard count >= 20, sums[12] > 0 else { return (0, 0) }
    func mean(_ row: Int) -> Double { row == 0 ? 1 : max(sums[row * 4] / count, 1e-300) }
    func scaled(_ row: Int, _ column: Int) -> Double {
      sums[row * 4 + column] / count / mean(row) / mean(column)
    }
    func factor(_ ridge: Double) {
      for row in 0..<3 {
        for column in 0...row {
          matrix[row * 3 + column] = scaled(row, column) + (row == column && row > 0 ? ridge : 0)
        }
      }
    }
    for row in 0..<3 { beta[row] = scaled(3, row) }
    factor(1e-6)
    SeasonalRegression.solve(matrix, beta, 3)
    var rest = scaled(3, 3)
    for row in 0..<3 { rest -= beta[row] * scaled(3, row) }
    let noise = max(rest, 1e-9) / (count - 3)
    func share(_ row: Int) -> Double {
      for index in 0..<3 { unit[index] = index == row ? 1 : 0 }
      factor(1e-6)
      SeasonalRegression.solve(matrix, unit, 3)
      let error = (max(unit[row], 0) * noise).squareRoot()
      return beta[row] > 3 * error ? min(beta[row], 1) : 0
    }
    // All of the CPU time goes with switches where each piece of work has its own: they count the work then, and say
    // nothing of what they cost.
    guard share(0) > 0 else { return (0, 0) }
    return (share(1), share(2))
  }
}
