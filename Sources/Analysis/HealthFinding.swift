// SPDX-License-Identifier: Apache-2.0

/// Where a part of a score comes from. The raw value is in recordings.
enum HealthCause: UInt32 {
  case none
  /// The value: how many times as long; the reference: what was usual, as a logarithm of ticks.
  case slower
  /// The same, of the slowest in twenty.
  case slowerTail
  /// The same, of the average, which a few very long calls move.
  case slowerAverage
  /// The value: the share of calls that are too slow, or failed; the reference: the budget.
  case slowObjective
  case failedObjective
  /// The value: the burn rate; the reference: the seconds it is taken over.
  case slowBurn
  case failedBurn
  /// The value: the share; the reference: the usual one.
  case failing
  /// The value: the used share; the reference: the resource's number.
  case resource
  /// The value: a share of the time.
  case throttled
  case memoryPressure
  case inputPressure
  case cpuPressure
  /// The value: what is leaked a second; the reference: `prognos_leak_kind`.
  case leak
  /// The value: the probability; the reference: minutes.
  case crash
  /// The value: seconds without a finished call; the reference: open calls.
  case stall
  /// The value: how many.
  case anomalies
}

/// A severity, how far it can be trusted, and its cause.
struct Finding: BitwiseCopyable {
  var severity = 0.0
  var confidence = 0.0
  var value = 0.0
  var reference = 0.0
  var operation: UInt32 = 0
  private var causeNumber: UInt32 = 0

  init() {}

  init(
    severity: Double, confidence: Double, cause: HealthCause, value: Double,
    reference: Double = 0, operation: UInt32 = 0
  ) {
    self.severity = severity > 0 ? min(severity, 1) : 0
    self.confidence = confidence > 0 ? min(confidence, 1) : 0
    self.value = value
    self.reference = reference
    self.operation = operation
    causeNumber = cause.rawValue
  }

  /// A recording may hold any number.
  var cause: HealthCause { HealthCause(rawValue: causeNumber) ?? .none }
  var weight: Double { severity * confidence }

  /// Keeps the worse one.
  mutating func meet(_ other: Finding) {
    if other.weight > weight { self = other }
  }
}

/// A part of a score: what is shown of it, and what it comes from.
struct Part: BitwiseCopyable {
  var shown = Shown()
  var finding = Finding()
  /// 1: the finding is over, and not yet forgotten.
  private var over: UInt64 = 0
  var isOver: Bool { over != 0 }

  mutating func follow(_ found: Finding, seconds: Double) {
    shown.follow(found.weight, seconds: seconds)
    over = found.weight < 0.5 * shown.value ? 1 : 0
    if !isOver { finding = found }
  }

  /// 100: nothing is wrong.
  var score: Double { 100 * (1 - shown.value) }
}
