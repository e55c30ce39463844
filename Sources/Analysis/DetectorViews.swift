// SPDX-License-Identifier: Apache-2.0
import Recording

/// The latest values of a stream, and the numbers made of them that the detector looks at.
struct DetectorViews: BitwiseCopyable {
  /// What each view sees: see `add`.
  typealias Sight = InlineArray<7, Double>
  static var count: Int { 7 }
  /// The view of the distribution, which is never unusually low.
  static var ofDistribution: Int { 6 }

  private static var length: Int { 106 }
  private static var block: Int { 20 }

  /// The latest values, less the first one of all: differences of large numbers lose nothing.
  private var ring = InlineArray<106, Double>(repeating: 0)
  private var place = 0
  /// Sums of the latest 20, the latest 50, and the 100 before the latest 3.
  private var sum20 = 0.0
  private var sum50 = 0.0
  private var sum100 = 0.0
  /// Sums of whole blocks of 20 values, of these together, and of the block that is not whole yet.
  private var blocks = InlineArray<20, Double>(repeating: 0)
  private var blockSum = 0.0
  private var blocksSum = 0.0
  /// A slow mean, of some 100 values: what a season that knows nothing yet takes for usual.
  private var slow = 0.0
  private var season = DetectorSeason()
  private var longerSeason = DetectorSeason()
  private var distribution: DetectorDistribution

  init(_ distribution: DetectorDistribution) { self.distribution = distribution }

  // What only reads is `mutating` here, too: else the compiler copies whole arrays to read one of their elements.

  /// The value of so many values ago.
  @inline(__always) private mutating func value(_ age: Int) -> Double {
    let at = place - age
    return ring[at < 0 ? at + Self.length : at]
  }

  /// What the mean of the latest 50 expected before this value came, less the first value of all.
  func expected(_ number: Int) -> Double {
    number > 0 ? sum50 / Double(min(number, 50)) : 0
  }

  /// What the season expects, if it knows.
  mutating func expected(_ cycle: DetectorCycle, _ second: Int64) -> Double? {
    cycle.seconds > 0 ? season.expected(cycle.part(second)) : nil
  }

  /// Adds the next value and tells what is to be seen of it. `number` counts values from 0 on; `most` bounds what
  /// one value may teach the seasons.
  mutating func add(
    _ value: Double, _ second: Int64, _ cycle: DetectorCycle, _ number: Int, most: Double
  ) -> Sight {
    var sight = Sight(repeating: 0)
    let level = expected(number)
    // 0: the value against the 50 before it.
    sight[0] = number > 0 ? value - level : 0
    let old50 = number >= 50 ? self.value(49) : 0
    let old20 = number >= 20 ? self.value(19) : 0
    let entering100 = number >= 3 ? self.value(2) : 0
    let leaving100 = number >= 103 ? self.value(102) : 0
    place = place + 1 == Self.length ? 0 : place + 1
    ring[place] = value
    if place == 0 {
      // Anew from time to time: a sum that an enormous value passed through is not what it was.
      sum20 = sum(0, min(number + 1, 20))
      sum50 = sum(0, min(number + 1, 50))
      sum100 = sum(3, min(max(number - 2, 0), 100))
    } else {
      sum20 += value - old20
      sum50 += value - old50
      sum100 += entering100 - leaving100
    }
    // 1: the mean of 3 against the 100 before them.
    let few = min(number + 1, 3)
    if number >= 3 { sight[1] = sum(0, few) / Double(few) - sum100 / Double(min(number - 2, 100)) }
    // 2: the mean of 20 against some 400 before.
    let recent = min(number + 1, 20)
    let mean20 = sum20 / Double(recent)
    let whole = number / Self.block
    if whole > 0 { sight[2] = mean20 - blocksSum / Double(Self.block * min(whole, 20)) }
    addToBlock(value, number)
    // 3: the spread of the latest 20.
    var squares = 0.0
    for age in 0..<recent {
      let distance = self.value(age) - mean20
      squares += distance * distance
    }
    sight[3] = (squares / Double(recent)).squareRoot()
    // 4, 5: against what is usual at this time of the cycle, and of the longer one.
    if cycle.seconds > 0 {
      sight[4] = season.add(
        value, cycle.part(second), number, otherwise: slow, most: most)
      sight[5] = longerSeason.add(
        value, cycle.longerPart(second), number, otherwise: slow, most: most)
    }
    slow += 0.01 * (value - slow)
    // 6: the distribution of the latest 50 against that of all.
    sight[6] = distribution.add(value, leaving: old50, isFull: number >= 50)
    return sight
  }

  /// The sum of `count` values from one of this age on backwards.
  private mutating func sum(_ age: Int, _ count: Int) -> Double {
    var sum = 0.0
    for index in 0..<count { sum += value(age + index) }
    return sum
  }

  private mutating func addToBlock(_ value: Double, _ number: Int) {
    blockSum += value
    guard number % Self.block == Self.block - 1 else { return }
    blocks[number / Self.block % 20] = blockSum
    blockSum = 0
    blocksSum = 0
    for index in 0..<20 { blocksSum += blocks[index] }
  }
}

/// How far the latest 50 values are distributed otherwise than all: the square of Hellinger's distance over five
/// classes, a fifth of the first values in each.
struct DetectorDistribution: BitwiseCopyable {
  private var edges = InlineArray<4, Double>(repeating: 0)
  private var shares = InlineArray<5, Double>(repeating: 0.2)
  private var recent = InlineArray<5, UInt16>(repeating: 0)

  /// The share of a value in what all are like.
  private static var rate: Double { 0.001 }
  private static var rootOf50th: Double { 0.1414213562373095 }

  init() {}

  /// Of `count` values in rising order.
  init(_ sorted: UnsafePointer<Double>, _ count: Int) {
    for edge in 0..<4 { edges[edge] = sorted[(edge + 1) * count / 5] }
  }

  @inline(__always) private mutating func classOf(_ value: Double) -> Int {
    (value > edges[0] ? 1 : 0) + (value > edges[1] ? 1 : 0) + (value > edges[2] ? 1 : 0)
      + (value > edges[3] ? 1 : 0)
  }

  mutating func add(_ value: Double, leaving: Double, isFull: Bool) -> Double {
    recent[classOf(value)] &+= 1
    guard isFull else { return 0 }
    let left = classOf(leaving)
    recent[left] &-= 1
    shares[left] += Self.rate / (1 - Self.rate)
    var overlap = 0.0
    for index in 0..<5 {
      shares[index] *= 1 - Self.rate
      overlap += (shares[index] * Double(recent[index])).squareRoot()
    }
    return 1 - overlap * Self.rootOf50th
  }
}
