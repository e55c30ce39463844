// SPDX-License-Identifier: Apache-2.0
import Recording

/// What is thought of one value.
struct DetectorVerdict: BitwiseCopyable {
  enum Kind: UInt32 { case none, unusual, level }

  /// 0..1; from 0.5 on an anomaly.
  var score = 0.0
  var expected = 0.0
  /// Of the range that would not have been one.
  var low = 0.0
  var high = 0.0
  var isAnomaly = false
  var kind = Kind.none
}

/// Tells unusual values of a stream from nothing but those before: in a fixed size, in a fraction of a microsecond,
/// with one setting for all. The same is found in a*x + b as in x.
///
/// Seven views are taken of each value (`DetectorViews`); of each view, the tails tell how rare that is
/// (`DetectorTail`); what is rare in many views is an anomaly. Each alarm raises the bar for the next one, and the
/// bar comes down again with time: a budget of alarms, whatever the stream is like. After an alarm there is silence
/// for a while, longer the more is known. docs/methods.md has the sources.
struct Detector: BitwiseCopyable {
  /// Values before the first verdict. Of these the views of the first 50 are not yet what they will be.
  static var warmUp: Int { 150 }
  private static var settling: Int { 50 }
  /// An alarm is due where the summed rarity over the root of the number of views is this much.
  private static var least: Double { 5.5 }
  private static var raise: Double { 1 }
  /// In values.
  private static var decay: Double { 800 }
  /// The silence after an alarm: this share of all values so far, within these bounds.
  private static var silence: Double { 0.04 }
  private static var leastSilence: Double { 20 }
  private static var mostSilence: Double { 300 }
  /// Far beyond what anything is measured in, and squares still have room.
  private static var largest: Double { 1e150 }

  /// Values that were learnt.
  private(set) var count: UInt64 = 0
  /// NaN and infinities.
  private(set) var missing: UInt64 = 0
  private var origin = 0.0
  private var bar = 0.0
  private var silent = 0.0
  private(set) var cycle = DetectorCycle()
  private var medians = InlineArray<7, Double>(repeating: 0)
  /// While warming up, a `DetectorWarmUp` lies here: they are never needed together.
  private var work = DetectorWork()

  /// How far verdicts can be trusted, 0..1: 0 while warming up.
  var confidence: Double {
    count <= UInt64(Self.warmUp) ? 0 : 1 - Double(Self.warmUp) / Double(count)
  }

  /// Adds the next value. Never looks at the future, and at no clock.
  mutating func add(_ value: Double, unixNanoseconds: Int64) -> DetectorVerdict {
    var verdict = DetectorVerdict()
    guard value.isFinite else {
      missing &+= 1
      return verdict
    }
    let value = min(max(value, -Self.largest), Self.largest)
    let number = Int(truncatingIfNeeded: count)
    count &+= 1
    if number < Self.warmUp {
      verdict.expected = value
      verdict.low = value
      verdict.high = value
      withWarmUp {
        $0.pointee.values[number] = value
        $0.pointee.nanoseconds[number] = unixNanoseconds
      }
      if number == Self.warmUp - 1 { begin() }
      return verdict
    }
    judge(value - origin, Self.second(unixNanoseconds), number, &verdict)
    return verdict
  }

  private static func second(_ nanoseconds: Int64) -> Int64 { nanoseconds / 1_000_000_000 }

  private mutating func judge(
    _ value: Double, _ second: Int64, _ number: Int, _ verdict: inout DetectorVerdict
  ) {
    var rarities = InlineArray<7, Double>(repeating: 0)
    let level = work.views.expected(number)
    let usual = work.views.expected(cycle, second) ?? level
    let sight = work.views.add(value, second, cycle, number, most: work.mostSeasonal)
    for view in 0..<DetectorViews.count {
      let distance = sight[view] - medians[view]
      rarities[view] = work.above[view].add(distance)
      if view != DetectorViews.ofDistribution {
        rarities[view] = max(rarities[view], work.below[view].add(-distance))
      }
    }
    if number & 15 == 0 { work.measureReach() }
    verdict.expected = origin + usual
    verdict.low = origin + level + medians[0] - work.reachBelow
    verdict.high = origin + level + medians[0] + work.reachAbove
    var sum = 0.0
    for view in 0..<DetectorViews.count { sum += rarities[view] }
    sum /= Double(DetectorViews.count).squareRoot()
    bar = max(0, bar - Self.raise / Self.decay)
    let due = Self.least + bar
    verdict.score = sum / (sum + due)
    if silent > 0 {
      silent -= 1
    } else if sum >= due {
      bar += Self.raise
      silent = min(
        max((Self.silence * Double(number)).rounded(.down), Self.leastSilence), Self.mostSilence)
      verdict.isAnomaly = true
      // Rarer as a level than as a value.
      let asLevel = max(rarities[2], rarities[DetectorViews.ofDistribution])
      verdict.kind = asLevel > max(rarities[0], rarities[3]) ? .level : .unusual
    }
  }

  /// Ends the warm-up: learns from its values what is usual in each view.
  private mutating func begin() {
    var warmUp = DetectorWarmUp()
    withWarmUp { warmUp = $0.pointee }
    let count = Self.warmUp
    cycle = DetectorCycle(spacing: warmUp.spacing())
    origin = warmUp.center()
    work = DetectorWork()
    var values = warmUp.values
    let classes = withSorted(&values, count) { DetectorDistribution($0, count) }
    // One view after the other, from the beginning: their values together would be much for a stack.
    for view in 0..<DetectorViews.count {
      work.views = DetectorViews(classes)
      for index in 0..<count {
        let sight = work.views.add(
          warmUp.values[index], Self.second(warmUp.nanoseconds[index]), cycle, index,
          most: .greatestFiniteMagnitude)
        if index >= Self.settling { values[index - Self.settling] = sight[view] }
      }
      let settled = count - Self.settling
      medians[view] = withSorted(&values, settled) { sorted in
        let median = (sorted[(settled - 1) / 2] + sorted[settled / 2]) / 2
        for index in 0..<settled { sorted[index] -= median }
        work.above[view].begin(with: sorted, settled, sign: 1)
        if view != DetectorViews.ofDistribution {
          work.below[view].begin(with: sorted, settled, sign: -1)
        }
        return median
      }
    }
    work.measureReach()
  }

  @inline(__always) private mutating func withWarmUp(
    _ body: (UnsafeMutablePointer<DetectorWarmUp>) -> Void
  ) {
    withUnsafeMutablePointer(to: &work) {
      body(UnsafeMutableRawPointer($0).assumingMemoryBound(to: DetectorWarmUp.self))
    }
  }
}

/// The first values, as they came.
struct DetectorWarmUp: BitwiseCopyable {
  var values = InlineArray<150, Double>(repeating: 0)
  var nanoseconds = InlineArray<150, Int64>(repeating: 0)

  /// The usual distance of two values in time, in seconds.
  mutating func spacing() -> Double {
    let gaps = Detector.warmUp - 1
    var seconds = InlineArray<150, Double>(repeating: 0)
    for index in 0..<gaps {
      seconds[index] = Double(nanoseconds[index + 1] &- nanoseconds[index]) / 1e9
    }
    return withSorted(&seconds, gaps) { $0[gaps / 2] }
  }

  /// Subtracts the median from all values, and returns it: differences of large numbers lose nothing then. What lies
  /// far outside is pulled in: one enormous value must not set the scale of all views.
  mutating func center() -> Double {
    let count = Detector.warmUp
    var copy = values
    let (median, low, high) = withSorted(&copy, count) { sorted in
      let (low, high) = (sorted[count / 20], sorted[count - 1 - count / 20])
      let reach = 5 * (high - low)
      return reach > 0
        ? (sorted[count / 2], low - reach, high + reach)
        : (sorted[count / 2], sorted[0], sorted[count - 1])
    }
    for index in 0..<count { values[index] = min(max(values[index], low), high) - median }
    return median
  }
}

/// What a detector knows after its warm-up.
struct DetectorWork: BitwiseCopyable {
  var views = DetectorViews(DetectorDistribution())
  var above = InlineArray<7, DetectorTail>(repeating: DetectorTail())
  /// All but that of the distribution, which comes last.
  var below = InlineArray<6, DetectorTail>(repeating: DetectorTail())
  /// How far a single value may lie from the latest ones without being an anomaly.
  var reachAbove = 0.0
  var reachBelow = 0.0
  /// What one value may lie off in the eyes of the seasons.
  var mostSeasonal = 0.0

  /// 1 in 10^5.
  private static var reach: Double { 5 }

  mutating func measureReach() {
    reachAbove = above[0].value(ofRarity: Self.reach)
    reachBelow = below[0].value(ofRarity: Self.reach)
    let scale = abs(above[4].threshold) + abs(below[4].threshold) + above[4].scale + below[4].scale
    mostSeasonal = scale > 0 ? 1e6 * scale : .greatestFiniteMagnitude
  }
}

/// Calls `body` with the first `count` values, sorted (Shell 1959, with gaps close to those of Ciura 2001).
private func withSorted<Result>(
  _ values: inout InlineArray<150, Double>, _ count: Int,
  _ body: (UnsafeMutablePointer<Double>) -> Result
) -> Result {
  withUnsafeMutablePointer(to: &values) { array in
    let values = UnsafeMutableRawPointer(array).assumingMemoryBound(to: Double.self)
    var gap = 57
    while gap > 0 {
      var index = gap
      while index < count {
        let value = values[index]
        var at = index
        while at >= gap && values[at - gap] > value {
          values[at] = values[at - gap]
          at -= gap
        }
        values[at] = value
        index += 1
      }
      gap = gap == 1 ? 0 : gap * 10 / 23
    }
    return body(values)
  }
}
