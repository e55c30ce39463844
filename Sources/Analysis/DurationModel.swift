// SPDX-License-Identifier: Apache-2.0
import Recording

/// The durations of an operation by its work: a curve of its complexity, what calls of a similar work deviate from it
/// (a local regression, robust as in LOWESS: Cleveland 1979), and how far the latest calls deviate from both. The
/// interval is made of the calls' own errors (split conformal prediction: Lei et al. 2018).
struct DurationModel {
  /// Fewer calls say nothing.
  static var leastCalls: Int { 8 }
  /// Below a factor of 4 between the least and the most work, classes do not differ.
  private static var leastRange: Double { 1.38 }
  private static var places: Int { 33 }
  /// How many of the latest calls tell the present level, and how many of the nearest the interval.
  private static var latest: Int { 24 }
  private static var nearest: Int { 80 }

  let calls: DurationCalls
  private let fits: [ComplexityFit]
  private let best: Int
  /// On a grid over the range: the local deviation from the curve, and the share of a call in its own.
  private var deviation: [Double] = []
  private var leverage: [Double] = []
  /// The same for each call: log(time) less all that is explained.
  private var rest: [Double] = []
  /// How far the latest calls are off.
  private(set) var level = 0.0

  /// nil with too few calls.
  init?(_ pairs: [DurationPair], nanosecondsPerTick: Double) {
    let calls = DurationCalls(pairs, nanosecondsPerTick: nanosecondsPerTick)
    guard calls.count >= Self.leastCalls else { return nil }
    self.calls = calls
    let varies = calls.highest - calls.lowest > 1e-6
    let fits = Complexity.allCases.prefix(varies ? Complexity.allCases.count : 1).map {
      ComplexityFit($0, calls)
    }
    self.fits = fits
    let least = fits.reduce(Double.infinity) { min($0, $1.error) }
    best = fits.firstIndex { $0.error <= least * 1.03 + 0.002 } ?? 0
    smooth()
    takeLevels()
  }

  var curve: ComplexityFit { fits[best] }
  /// nil when the work varied too little to tell.
  var complexity: Complexity? {
    calls.highest - calls.lowest >= Self.leastRange ? curve.complexity : nil
  }

  /// Of a work of e^x: the logarithm of the nanoseconds, and how far the errors of the 90 % interval reach.
  func predict(_ x: Double) -> (middle: Double, low: Double, high: Double) {
    let inside = min(max(x, calls.lowest), calls.highest)
    let local = at(inside, deviation)
    let centre = curve.logarithm(x) + local + level
    var errors = errors(near: inside)
    let count = errors.count
    let middle = centre + value(ofRank: count / 2, in: &errors)
    // Of so many errors, a new one is below this rank with a probability of 5 %.
    let tail = max(Int(Double(count + 1) * 0.05), 1) - 1
    let few = 1 + 3 / Double(count)
    var low = (centre + value(ofRank: tail, in: &errors) - middle) * few
    var high = (centre + value(ofRank: count - 1 - tail, in: &errors) - middle) * few
    // Beyond the range, curves that fit nearly as well lead elsewhere.
    if x != inside {
      let octaves = abs(x - inside) / 0.6931471805599453
      var (up, down) = (0.03 * octaves, 0.03 * octaves)
      for fit in fits where fit.error <= curve.error * 1.5 + 0.01 {
        let other =
          fit.logarithm(x) - fit.logarithm(inside) - curve.logarithm(x) + curve.logarithm(inside)
        up = max(up, other * 0.7)
        down = max(down, -other * 0.7)
      }
      low -= down
      high += up
    }
    return (middle, min(low, 0), max(high, 0))
  }

  /// The errors of the calls whose work is nearest, without the levels of their times.
  func errors(near x: Double) -> [Double] {
    let count = calls.count
    let wanted = min(Self.nearest, count)
    var distances = (0..<count).map { abs(calls.x[$0] - x) }
    let farthest = value(ofRank: wanted - 1, in: &distances)
    var errors: [Double] = []
    for index in 0..<count where abs(calls.x[index] - x) <= farthest {
      errors.append(rest[index])
    }
    return errors
  }

  // MARK: Fitting

  private var step: Double { (calls.highest - calls.lowest) / Double(Self.places - 1) }

  /// The value at x of what is known on the grid.
  private func at(_ x: Double, _ grid: [Double]) -> Double {
    guard grid.count > 1, step > 0 else { return grid.first ?? 0 }
    let place = min(max((x - calls.lowest) / step, 0), Double(grid.count - 1))
    let index = min(Int(place), grid.count - 2)
    let share = place - Double(index)
    return grid[index] * (1 - share) + grid[index + 1] * share
  }

  private mutating func smooth() {
    let raw = (0..<calls.count).map { calls.y[$0] - curve.logarithm(calls.x[$0]) }
    let places = step > 0 ? Self.places : 1
    for place in 0..<places {
      let (value, share) = local(calls.lowest + Double(place) * step, raw)
      deviation.append(value)
      leverage.append(share)
    }
    for index in 0..<calls.count {
      let x = calls.x[index]
      // What a call would be off had it not been there itself.
      let alone = 1 - min(at(x, leverage), 0.5)
      rest.append((raw[index] - at(x, deviation)) / alone)
    }
  }

  /// A line through the deviations of the calls near x, its slope held back towards 0: the curve knows the shape.
  private func local(_ x: Double, _ raw: [Double]) -> (value: Double, share: Double) {
    let count = calls.count
    let wanted = min(max(count / 5, 16), 64, count)
    var distances = (0..<count).map { abs(calls.x[$0] - x) }
    let reach = max(value(ofRank: wanted - 1, in: &distances) * 1.001, 0.1)
    var robust = [Double](repeating: 1, count: count)
    var (offset, share) = (0.0, 1.0)
    for _ in 0..<3 {
      var (w, wx, wxx, wr, wxr, most) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
      for index in 0..<count {
        let distance = calls.x[index] - x
        let relative = abs(distance) / reach
        guard relative < 1 else { continue }
        let cube = 1 - relative * relative * relative
        let weight = cube * cube * cube * robust[index]
        w += weight
        wx += weight * distance
        wxx += weight * distance * distance
        wr += weight * raw[index]
        wxr += weight * distance * raw[index]
        most = max(most, weight)
      }
      guard w > 0 else { break }
      let ridge = wxx + 0.02 * w * (reach * reach + 0.05)
      let slope = (wxr - wx * wr / w) / max(ridge - wx * wx / w, 1e-12)
      offset = (wr - slope * wx) / w
      share = most / w
      var sizes: [Double] = []
      for index in 0..<count where abs(calls.x[index] - x) < reach {
        sizes.append(abs(raw[index] - offset - slope * (calls.x[index] - x)))
      }
      let scale = 6 * median(sizes) + 1e-6
      for index in 0..<count {
        let size = abs(raw[index] - offset - slope * (calls.x[index] - x)) / scale
        let less = 1 - size * size
        robust[index] = size < 1 ? less * less : 0
      }
    }
    return (offset, share)
  }

  /// Calls of about the same time share a level: a machine that got slower, another tenant. That of the latest is
  /// the present one; all are taken out of the errors.
  private mutating func takeLevels() {
    let count = calls.count
    let size = max(min(Self.latest, count / 2), count / 16)
    var ages = calls.age
    var from = -1.0
    for group in 0..<(count + size - 1) / size {
      let to = value(ofRank: min((group + 1) * size, count) - 1, in: &ages)
      guard to > from else { continue }
      let members = (0..<count).filter { calls.age[$0] > from && calls.age[$0] <= to }
      let shift = Self.surely(members.map { rest[$0] })
      if from < 0 { level = shift }
      for index in members { rest[index] -= shift }
      from = to
    }
  }

  /// The median, as far as chance does not make as much of it.
  private static func surely(_ errors: [Double]) -> Double {
    let middle = median(errors)
    let spread = 1.4826 * median(errors.map { abs($0 - middle) })
    let chance = 2 * 1.25 * spread / Double(max(errors.count, 1)).squareRoot()
    guard abs(middle) > chance, middle != 0 else { return 0 }
    return middle * (1 - chance / middle * (chance / middle))
  }
}
