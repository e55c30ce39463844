// SPDX-License-Identifier: Apache-2.0
import Recording

/// How rare values of one kind are: the tail of their distribution, learnt as they come.
///
/// Peaks over a threshold (Siffer et al., KDD 2017): what exceeds a high threshold is distributed as a generalised
/// Pareto, whatever the values are. The threshold follows the 0.9 quantile; the peaks are kept as counts of
/// logarithmic bins, 8 an octave, of which probability-weighted moments (Hosking & Wallis 1987) give the
/// distribution without a list and without sorting. All sizes scale with the values.
struct DetectorTail: BitwiseCopyable {
  private(set) var threshold = 0.0
  /// Of the generalised Pareto distribution: its shape, and its scale: 0 before any movement.
  private(set) var shape = 0.0
  private(set) var scale = 0.0
  /// The lower bound of bin `middle`.
  private var anchor = 0.0
  private var exceedances = 0.0
  private var total = 0.0
  private var leastScale = 0.0
  private var peaks: UInt16 = 0
  private var newPeaks: UInt16 = 0
  private var reserved: UInt32 = 0
  private var counts = InlineArray<64, UInt8>(repeating: 0)

  private static var bins: Int { 64 }
  private static var middle: Int { 32 }
  private static var quantile: Double { 0.9 }
  /// The share of the scale by which an exceedance moves the threshold.
  private static var step: Double { 0.02 }
  /// Peaks are thinned at so many, and the distribution fitted at every so many.
  private static var mostPeaks: UInt16 { 300 }
  private static var fitInterval: UInt16 { 20 }
  /// A shape above this has no variance; estimates beyond are errors of small samples.
  private static var mostShape: Double { 0.5 }
  /// Rarer than 1 in 10^5 is not learnt; rarer than 1 in 10^10 is all the same.
  private static var learnable: Double { 5 }
  static var most: Double { 10 }
  private static var rounding: Double { 1e-9 }

  /// Begins with the first `count` values, which rise; `sign` -1 looks at the other end of them.
  mutating func begin(with sorted: UnsafePointer<Double>, _ count: Int, sign: Double) {
    self = DetectorTail()
    func value(_ rank: Int) -> Double { sign > 0 ? sorted[rank] : -sorted[count - 1 - rank] }
    guard count > 1 else { return }
    // Nothing here may rest on the few largest: one enormous value among the first must not blind the detector.
    let range = value(count * 19 / 20) - value(count / 20)
    threshold = value(Int(Self.quantile * Double(count - 1)))
    anchor = threshold > 1e-9 * range ? threshold : range
    leastScale = 1e-3 * range
    total = Double(count)
    var first = count
    let equal = Self.rounding * (range + abs(threshold))
    while first > 0 && value(first - 1) > threshold + equal { first -= 1 }
    if first < count {
      if anchor <= 0 { anchor = value(first) }
      let most = threshold + 100 * (value((first + count - 1) / 2) - threshold)
      for rank in first..<count { keep(min(value(rank), most)) }
      exceedances = Double(count - first)
    }
    exceedances = max(exceedances, 1)
    if !fit() { scale = 0.01 * range }
  }

  /// How unlikely this value or a higher one was, as -log10 of the probability, 0 below the threshold; then
  /// learns from it.
  @inline(__always) mutating func add(_ value: Double) -> Double {
    total += 1
    // What is equal but for rounding is equal: the same must be found in a*x + b.
    if value > threshold + Self.rounding * scale { return exceed(value) }
    threshold -= Self.step * scale * (1 - Self.quantile)
    return 0
  }

  @inline(never) private mutating func exceed(_ value: Double) -> Double {
    let excess = value - threshold
    var rarity = Self.most
    if scale > 0 {
      rarity = min(
        -(Math.log(exceedances / total) + logSurvival(excess)) * 0.4342944819032518, Self.most)
    } else {
      // It never moved before: the first movement sets the scale.
      anchor = value > 0 ? value : excess
      scale = excess
    }
    exceedances += 1
    if rarity < Self.learnable {
      keep(value)
      newPeaks &+= 1
      if newPeaks >= Self.fitInterval || peaks < 60 && newPeaks >= 5 {
        newPeaks = 0
        _ = fit()
      }
    }
    threshold += Self.step * scale * Self.quantile
    return rarity
  }

  /// The logarithm of the share of peaks that exceed the threshold by more.
  private func logSurvival(_ excess: Double) -> Double {
    if abs(shape) <= 1e-6 { return -excess / scale }
    let base = 1 + shape * excess / scale
    return base > 0 ? -Math.log(base) / shape : -1000
  }

  /// The value that is exceeded with a probability of 10^-rarity.
  func value(ofRarity rarity: Double) -> Double {
    guard scale > 0, exceedances > 0 else { return threshold }
    let log = max(rarity * 2.302585092994046 + Math.log(exceedances / total), 0)
    return threshold + scale * (abs(shape) <= 1e-6 ? log : Math.expm1(shape * log) / shape)
  }

  /// Counts a peak.
  private mutating func keep(_ value: Double) {
    var bin = 0
    if value > 0 {
      bin = Self.bin(value / anchor)
      if bin >= Self.bins {
        shift(octaves: bin / 8 - Self.bins / 8 + 1)
        bin = Self.bin(value / anchor)
      }
      bin = max(min(bin, Self.bins - 1), 0)
    }
    if counts[bin] < 255 { counts[bin] &+= 1 }
    peaks &+= 1
    if peaks > Self.mostPeaks { thin() }
  }

  private static func bin(_ ratio: Double) -> Int {
    guard ratio.isFinite else { return bins - 1 }
    return Int((max(Math.log2(ratio), -1000) * 8 + rounding).rounded(.down)) + middle
  }

  private static func center(ofBin bin: Int) -> Double {
    centers[bin & 7] * Double(sign: .plus, exponent: (bin - middle) >> 3, significand: 1)
  }
  /// 2^((k + 1/2) / 8).
  private static let centers: [8 of Double] = [
    1.0442737824274138, 1.1387886347566916, 1.2418578120734840, 1.3542555469368927,
    1.4768261459394993, 1.6104903319492543, 1.7562521603732995, 1.9152065613971474,
  ]

  /// Makes room above: the lowest octaves fall into the lowest bin.
  private mutating func shift(octaves: Int) {
    let bins = Self.bins
    let places = min(max(octaves, 0), bins / 8) * 8
    var lowest = 0
    for bin in 0..<places { lowest += Int(counts[bin]) }
    for bin in 0..<bins {
      counts[bin] = bin + places < bins ? counts[bin + places] : 0
    }
    counts[0] = UInt8(truncatingIfNeeded: min(Int(counts[0]) + lowest, 255))
    for _ in 0..<min(max(octaves, 0), 2048) { anchor *= 2 }
  }

  /// Forgets a quarter, evenly over all peaks by size.
  private mutating func thin() {
    var due = 0
    peaks = 0
    for bin in 0..<Self.bins {
      due += Int(counts[bin])
      let forgotten = min(due / 4, Int(counts[bin]))
      due -= forgotten * 4
      counts[bin] = UInt8(truncatingIfNeeded: Int(counts[bin]) - forgotten)
      peaks &+= UInt16(counts[bin])
    }
  }

  /// Fits the distribution; false with too few peaks above the threshold.
  private mutating func fit() -> Bool {
    var count = 0.0
    var first = 0.0
    // The second moment weighs each peak with the share of peaks above it: from the highest bin down.
    var second = 0.0
    var bin = Self.bins - 1
    while bin >= 0 {
      let here = Double(counts[bin])
      let excess = anchor * Self.center(ofBin: bin) - threshold
      if excess <= 0 { break }
      if here > 0 {
        second += here * excess * (count + 0.5 * (here - 1))
        first += here * excess
        count += here
      }
      bin -= 1
    }
    guard count >= 6 else { return false }
    let mean = first / count
    second /= count * (count - 1)
    let spread = mean - 2 * second
    if spread > 1e-9 * mean {
      shape = min(max(2 - mean / spread, -0.5), Self.mostShape)
      scale = 2 * mean * second / spread
    } else {
      shape = 0
      scale = mean
    }
    scale = max(scale, leastScale)
    return true
  }
}
