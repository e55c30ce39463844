// SPDX-License-Identifier: Apache-2.0
import Recording

/// When a resource runs out, if it does: it does with probability `certainty`, and then after a time that is
/// log-normal (a cure model: Boag 1949, Berkson and Gage 1952). All zeros: nothing points to it.
struct Outlook: BitwiseCopyable {
  var certainty = 0.0
  /// Of ln of the seconds.
  var mean = 0.0
  var deviation = 0.0
  /// The seconds that were watched.
  var span = 0.0
  var slope = 0.0

  /// The probability that it has run out within so many seconds.
  func probability(within seconds: Double) -> Double {
    guard deviation > 0, seconds > 0 else { return 0 }
    return certainty * Self.normal((Math.log(seconds) - mean) / deviation)
  }

  var median: Double { Math.exp(mean) }
  /// The bounds of the middle 80 %.
  var low: Double { Math.exp(mean - Self.quantile90 * deviation) }
  var high: Double { Math.exp(mean + Self.quantile90 * deviation) }

  static func normal(_ x: Double) -> Double { 0.5 * Math.erfc(-x * 0.5.squareRoot()) }
  private static let quantile90 = 1.2816
}

/// What is remembered of a resource with a limit. All zeros to begin with.
struct ExhaustionState: BitwiseCopyable {
  /// The same past, as far back as the latest 96 s, 26 minutes, 7 hours, and all of it: a leak of minutes is
  /// seen after weeks of calm, and the peak of last night is known when the next one comes.
  var histories = InlineArray<4, UsageHistory>(repeating: UsageHistory())
  var outlook = Outlook()
  /// Since when the probability has been that of an alarm; 0 while it is not.
  var overSince = 0.0
  var isAlarm = false
  /// The first sample's time in seconds.
  var begin = 0.0
  var probability = 0.0

  static let longestBlocks: InlineArray<4, Double> = [2, 32, 512, .infinity]

  /// Before it was watched for as long as the shortest horizon, a high probability is no alarm: what grows while a program
  /// starts mostly stops. Nor is it before it has lasted for so many seconds, or this share of the time watched.
  static let youngest = 12.0
  static let patience = 1.5
  static let patienceShare = 0.03

  /// Adds a sample, and looks ahead.
  mutating func observe(
    _ seconds: Double, used: Double, limit: Double, horizon: Double, scales: Int,
    scratch: UnsafeMutablePointer<ExhaustionFeatures.Scratch>
  ) {
    if begin == 0 { begin = seconds }
    outlook = Outlook()
    probability = 0
    for scale in 0..<min(max(scales, 1), 4) {
      let block = scale == min(scales, 4) - 1 ? Double.infinity : Self.longestBlocks[scale]
      histories[scale].add(seconds, used: used, limit: limit, longestBlock: block)
      // Until it forgets something, a shorter past is the same as the next longer one.
      guard block.isInfinite || histories[scale].hasForgotten else { continue }
      // Almost untouched, or hardly ever moved.
      guard used > 0.02 * limit, let features = ExhaustionFeatures(histories[scale], scratch)
      else { continue }
      let next = ExhaustionModel.outlook(features)
      let nextProbability = Self.hurried(
        next.probability(within: horizon), features, histories[scale])
      if nextProbability >= probability { (outlook, probability) = (next, nextProbability) }
    }
    settle(seconds)
  }

  /// A limit that is reached within seconds leaves no time to look at more.
  private static func hurried(
    _ probability: Double, _ features: ExhaustionFeatures, _ history: borrowing UsageHistory
  ) -> Double {
    let isNew = history.used >= features.values[1] - 1e-9
    guard isNew, history.used > 0.85, features.soon < 3 else { return probability }
    return max(probability, 0.6)
  }

  /// An alarm is a probability of a half that lasts, and ends when it is clearly less.
  private mutating func settle(_ seconds: Double) {
    if isAlarm {
      isAlarm = probability >= 0.3
      if isAlarm { probability = max(probability, 0.5) }
      if !isAlarm { overSince = 0 }
      return
    }
    guard probability >= 0.5 else {
      overSince = 0
      return
    }
    if overSince == 0 { overSince = seconds }
    let age = seconds - begin
    isAlarm =
      seconds - overSince >= max(Self.patience, Self.patienceShare * age) && age >= Self.youngest
    if !isAlarm { probability = 0.49 }
  }
}

/// The zone of the assessment that has it.
struct Exhaustion {
  /// The resources that can run out.
  static let count = Resource.residentMemory.rawValue
  private let scratchSpace: UnsafeMutablePointer<ExhaustionFeatures.Scratch>
  private let states: UnsafeMutablePointer<ExhaustionState>

  static var bytes: Int {
    MemoryLayout<ExhaustionFeatures.Scratch>.stride + count * MemoryLayout<ExhaustionState>.stride
  }

  init?(_ recording: Recording) {
    guard let zone = recording.assessmentZone(.exhaustion), zone.bytes >= Self.bytes else {
      return nil
    }
    scratchSpace = zone.start.assumingMemoryBound(to: ExhaustionFeatures.Scratch.self)
    states = (zone.start + MemoryLayout<ExhaustionFeatures.Scratch>.stride)
      .assumingMemoryBound(to: ExhaustionState.self)
  }

  var scratch: UnsafeMutablePointer<ExhaustionFeatures.Scratch> { scratchSpace }
  subscript(_ resource: Resource) -> UnsafeMutablePointer<ExhaustionState> {
    states + min(resource.rawValue, Self.count - 1)
  }
}
