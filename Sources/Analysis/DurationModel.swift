// SPDX-License-Identifier: Apache-2.0
import Recording

/// The durations of an operation by its work: a curve of its complexity, what calls of a similar work deviate from it
/// (a local regression, robust as in LOWESS: Cleveland 1979), and how far the latest calls deviate from both. The
/// interval is made of the calls' own errors (split conformal prediction: Lei et al. 2018).
///
/// All numbers are in memory that the caller brings, `roomCount` Doubles.
public struct DurationModel {
  /// So many calls are looked at; fewer than the least say nothing.
  static var most: Int { 2048 }
  static var leastCalls: Int { 8 }
  /// Below a factor of 4 between the least and the most work, classes do not differ.
  private static var leastRange: Double { 1.38 }
  private static var places: Int { 33 }
  /// How many of the latest calls tell the present level, and how many of the nearest the interval.
  private static var latest: Int { 24 }
  private static var nearest: Int { 80 }
  public static var roomCount: Int { 11 * most }
  private static var octave: Double { 0.6931471805599453 }

  let count: Int
  /// The logarithm of the work; of the wall time in nanoseconds; and that itself.
  let x, y, time: UnsafeMutablePointer<Double>
  private let age: UnsafeMutablePointer<Double>
  /// The weight of a call in the fit of a curve: each octave of work counts the same, however many calls it has; the
  /// upper end of the range, where curves differ most and from where they are followed, three times the lower.
  let balance: UnsafeMutablePointer<Double>
  /// The median time of its octave of work.
  let typical: UnsafeMutablePointer<Double>
  /// log(time) less all that is explained.
  let rest: UnsafeMutablePointer<Double>
  /// On a grid over the range: the local deviation from the curve, and the share of a call in its own.
  private let deviation, leverage: UnsafeMutablePointer<Double>
  /// Two columns.
  let scratch: UnsafeMutablePointer<Double>
  private(set) var lowest = 0.0
  private(set) var highest = 0.0
  private(set) var curve = ComplexityCurve()
  /// Those that fit nearly as well, a bit each.
  private var rivals: UInt8 = 0
  /// How far the latest calls are off.
  private(set) var level = 0.0

  /// nil with too few calls.
  public init?(
    of operation: UInt32, in recording: Recording, at moment: ReadingMoment,
    room: UnsafeMutablePointer<Double>
  ) {
    func column(_ number: Int) -> UnsafeMutablePointer<Double> { room + number * Self.most }
    (x, time, age) = (column(0), column(1), column(2))
    (y, balance, typical, rest) = (column(3), column(4), column(5), column(6))
    (deviation, leverage, scratch) = (column(7), column(7) + 64, column(8))
    count = recording.readDurations(
      of: operation, at: moment, into: DurationColumns(room, capacity: Self.most))
    guard count >= Self.leastCalls else { return nil }
    (lowest, highest) = (.infinity, -.infinity)
    for index in 0..<count {
      time[index] = min(max(time[index] * moment.nanosecondsPerTick, 1), 0x1p64)
      x[index] = Math.log(x[index])
      y[index] = Math.log(time[index])
      lowest = min(lowest, x[index])
      highest = max(highest, x[index])
    }
    // What the machine did at some time is not to be taken for growth: once more, without the levels of the times.
    for _ in 0..<2 {
      weigh()
      choose()
      smooth()
      takeLevels()
    }
  }

  /// nil when the work varied too little to tell.
  var complexity: Complexity? {
    highest - lowest >= Self.leastRange ? curve.complexity : nil
  }

  /// How many octaves a work is beyond what was seen.
  func octavesBeyond(_ x: Double) -> Double { abs(x - inside(x)) / Self.octave }

  private func inside(_ x: Double) -> Double { min(max(x, lowest), highest) }

  /// Of a work of e^x: the logarithm of the nanoseconds, and how far the errors of the 90 % interval reach.
  func predict(_ x: Double) -> (middle: Double, low: Double, high: Double) {
    let (centre, errors) = centre(x)
    let middle = Quantile.select(scratch, errors, rank: errors / 2)
    // Of so many errors, a new one is below this rank with a probability of 5 %.
    let tail = max(Int(Double(errors + 1) * 0.05), 1) - 1
    let few = 1 + 3 / Double(errors)
    var low = (Quantile.select(scratch, errors, rank: tail) - middle) * few
    var high = (Quantile.select(scratch, errors, rank: errors - 1 - tail) - middle) * few
    let octaves = octavesBeyond(x)
    guard octaves > 0 else { return (centre + middle, low, high) }
    // Beyond the range, curves that fit nearly as well lead elsewhere.
    low -= 0.03 * octaves
    high += 0.03 * octaves
    for number in 0..<Complexity.count where rivals &>> UInt8(number) & 1 != 0 {
      let (rival, edge) = (fit(Complexity(rawValue: number) ?? .constant), inside(x))
      let other =
        rival.logarithm(x) - rival.logarithm(edge) - curve.logarithm(x) + curve.logarithm(edge)
      low = min(low, other * 0.7)
      high = max(high, other * 0.7)
    }
    return (centre + middle, low, high)
  }

  /// The logarithm of the nanoseconds before errors are looked at; leaves the errors of the calls whose work is
  /// nearest, without the levels of their times, in `scratch`.
  func centre(_ x: Double) -> (middle: Double, errors: Int) {
    let place = inside(x)
    let farthest = reach(place, of: Self.nearest)
    var errors = 0
    for index in 0..<count where abs(self.x[index] - place) <= farthest {
      scratch[errors] = rest[index]
      errors += 1
    }
    return (curve.logarithm(x) + at(place, deviation) + level, errors)
  }

  // MARK: Fitting

  private mutating func weigh() {
    let octaves = min(Int((highest - lowest) / Self.octave) + 1, 65)
    func octave(_ index: Int) -> Int { min(Int((x[index] - lowest) / Self.octave), octaves - 1) }
    for number in 0..<octaves {
      var members = 0
      for index in 0..<count where octave(index) == number {
        scratch[members] = time[index]
        members += 1
      }
      guard members > 0 else { continue }
      let middle = Quantile.median(scratch, members)
      let position = (Double(number) + 0.5) / Double(octaves)
      for index in 0..<count where octave(index) == number {
        balance[index] = (1 + 2 * position) / Double(members)
        typical[index] = middle
      }
    }
  }

  private mutating func choose() {
    let classes = highest - lowest > 1e-6 ? Complexity.count : 1
    let errors = rest
    var least = Double.infinity
    for number in 0..<classes {
      errors[number] = fit(Complexity(rawValue: number) ?? .constant).error
      least = min(least, errors[number])
    }
    // Chance alone makes means of so many errors differ.
    let alike = least * (1.05 + 1 / Double(count).squareRoot()) + 0.002
    var chosen = -1
    rivals = 0
    for number in 0..<classes {
      if chosen < 0, errors[number] <= alike { chosen = number }
      if errors[number] <= least * 1.5 + 0.01 { rivals |= 1 &<< UInt8(number) }
    }
    curve = fit(Complexity(rawValue: chosen) ?? .constant)
  }

  private var step: Double { (highest - lowest) / Double(Self.places - 1) }

  /// The value at x of what is known on the grid.
  private func at(_ x: Double, _ grid: UnsafeMutablePointer<Double>) -> Double {
    guard step > 0 else { return grid[0] }
    let place = min(max((x - lowest) / step, 0), Double(Self.places - 1))
    let index = min(Int(place), Self.places - 2)
    let share = place - Double(index)
    return grid[index] * (1 - share) + grid[index + 1] * share
  }

  /// How far from x the nearest calls are.
  private func reach(_ x: Double, of nearest: Int) -> Double {
    for index in 0..<count { scratch[index] = abs(self.x[index] - x) }
    return Quantile.select(scratch, count, rank: min(nearest, count) - 1)
  }

  private func smooth() {
    for index in 0..<count { rest[index] = y[index] - curve.logarithm(x[index]) }
    for place in 0..<(step > 0 ? Self.places : 1) {
      (deviation[place], leverage[place]) = local(lowest + Double(place) * step)
    }
    for index in 0..<count {
      // What a call would be off had it not been there itself.
      rest[index] =
        (rest[index] - at(x[index], deviation)) / (1 - min(at(x[index], leverage), 0.5))
    }
  }

  /// A line through the deviations of the calls near x, its slope held back towards 0: the curve knows the shape.
  private func local(_ place: Double) -> (value: Double, share: Double) {
    let reach = max(reach(place, of: min(max(count / 5, 16), 64)) * 1.001, 0.1)
    var (offset, slope, share, scale) = (0.0, 0.0, 1.0, Double.infinity)
    for _ in 0..<3 {
      var (w, wx, wxx, wr, wxr, most) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
      for index in 0..<count where abs(x[index] - place) < reach {
        let distance = x[index] - place
        let relative = abs(distance) / reach
        let cube = 1 - relative * relative * relative
        let size = (rest[index] - offset - slope * distance) / scale
        let less = size * size < 1 ? 1 - size * size : 0
        let weight = cube * cube * cube * less * less
        w += weight
        wx += weight * distance
        wxx += weight * distance * distance
        wr += weight * rest[index]
        wxr += weight * distance * rest[index]
        most = max(most, weight)
      }
      guard w > 0 else { break }
      let held = wxx + 0.02 * w * (reach * reach + 0.05) - wx * wx / w
      slope = (wxr - wx * wr / w) / max(held, 1e-12)
      offset = (wr - slope * wx) / w
      share = most / w
      var near = 0
      for index in 0..<count where abs(x[index] - place) < reach {
        scratch[near] = abs(rest[index] - offset - slope * (x[index] - place))
        near += 1
      }
      scale = 6 * Quantile.median(scratch, near) + 1e-6
    }
    return (offset, share)
  }

  /// Calls of about the same time share a level: a machine that got slower, another tenant. That of the latest is
  /// the present one; all are taken out of the errors.
  private mutating func takeLevels() {
    let size = max(min(Self.latest, count / 2), count / 16)
    var from = -1.0
    for group in 1...(count + size - 1) / size {
      for index in 0..<count { scratch[index] = age[index] }
      let to = Quantile.select(scratch, count, rank: min(group * size, count) - 1)
      guard to > from else { continue }
      var members = 0
      for index in 0..<count where age[index] > from && age[index] <= to {
        scratch[members] = rest[index]
        members += 1
      }
      let shift = surely(members)
      if from < 0 { level += shift }
      for index in 0..<count where age[index] > from && age[index] <= to {
        rest[index] -= shift
        y[index] -= shift
        time[index] = Math.exp(y[index])
      }
      from = to
    }
  }

  /// The median of what is in `scratch`, as far as chance does not put as many on one side of 0 (sign test): the
  /// median alone says little where times have two modes.
  private func surely(_ members: Int) -> Double {
    let middle = Quantile.median(scratch, members)
    var same = 0
    for index in 0..<members where scratch[index] * middle > 0 { same += 1 }
    let share = Double(same) / Double(max(members, 1))
    let chance = 0.5 + 1 / Double(max(members, 1)).squareRoot()
    guard share > chance else { return 0 }
    return middle * min((share - chance) / max(1 - chance, 1e-9) * 1.5, 1)
  }
}
