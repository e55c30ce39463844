// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Recording

/// From alarms of detectors to anomalies that are told. Thousands of detectors that each give an alarm in a thousand
/// values would cry wolf all day: an alarm is told when it matters and goes on for some seconds, or is enormous; and
/// once more when the new level stays.
extension Assessor {
  /// Values after which an alarm is told or dropped, and how many of them must lie outside.
  private static var soon: UInt16 { 5 }
  private static var leastOutside: UInt16 { 4 }
  /// And for a level.
  private static var late: UInt16 { 40 }
  private static var leastOutsideLate: UInt16 { 36 }
  /// Values within which a detector gets used to a new level.
  private static var accustomed: UInt64 { 600 }
  /// Told at once: so many times as far from the expected value as the range reaches.
  private static var enormous: Double { 6 }

  /// Adds a value to what is watched. `weight`: calls behind it.
  func learn(
    _ value: Double, _ watched: UnsafeMutablePointer<Watched>?, unixNanoseconds: Int64,
    weight: UInt64
  ) {
    guard let watched else { return }
    let verdict = watched.pointee.detector.add(value, unixNanoseconds: unixNanoseconds)
    if watched.pointee.candidate.values > 0 { follow(value, watched, unixNanoseconds) }
    if watched.pointee.level.valuesLeft > 0 { watched.pointee.level.valuesLeft -= 1 }
    guard verdict.isAnomaly, watched.pointee.candidate.values == 0,
      !watched.pointee.level.has(value),
      matters(value, verdict, prognos_metric(rawValue: watched.pointee.metric), weight)
    else { return }
    var candidate = AnomalyCandidate()
    candidate.unixNanoseconds = unixNanoseconds
    candidate.value = value
    candidate.expected = verdict.expected
    candidate.low = verdict.low
    candidate.high = verdict.high
    candidate.score = verdict.score
    candidate.values = 1
    candidate.outside = 1
    let reach = max(verdict.high - verdict.low, 0) / 2
    if verdict.score >= 0.6 && abs(value - verdict.expected) > Self.enormous * reach {
      candidate.isTold = 1
      tell(candidate, watched, isLevel: false)
    }
    watched.pointee.candidate = candidate
  }

  private func follow(
    _ value: Double, _ watched: UnsafeMutablePointer<Watched>, _ unixNanoseconds: Int64
  ) {
    var candidate = watched.pointee.candidate
    candidate.values += 1
    let isAbove = candidate.value > candidate.expected
    if isAbove ? value > candidate.high : value < candidate.low { candidate.outside += 1 }
    if candidate.values == Self.soon && candidate.isTold == 0 {
      if candidate.outside < Self.leastOutside {
        candidate = AnomalyCandidate()
      } else {
        candidate.isTold = 1
        tell(candidate, watched, isLevel: false)
      }
    }
    if candidate.values >= Self.late {
      if candidate.outside >= Self.leastOutsideLate {
        candidate.value = value
        candidate.unixNanoseconds = unixNanoseconds
        tell(candidate, watched, isLevel: true)
        watched.pointee.level = ToldLevel(
          value: value, tolerance: abs(value - candidate.expected) / 2,
          valuesLeft: Self.accustomed)
      }
      candidate = AnomalyCandidate()
    }
    watched.pointee.candidate = candidate
  }

  /// Whether anybody would care: a difference beyond the range, of a fifth of what is usual and of some size.
  private func matters(
    _ value: Double, _ verdict: DetectorVerdict, _ metric: prognos_metric, _ calls: UInt64
  ) -> Bool {
    guard value > verdict.high || value < verdict.low else { return false }
    let (ratio, least): (Double, Double) =
      switch metric {
      case PROGNOS_METRIC_RATE: (0.3, 2)
      case PROGNOS_METRIC_WALL_P95: (0.3, 50_000)
      case PROGNOS_METRIC_ERROR_RATIO: (0.2, calls >= 10 ? 0.05 : 0.5)
      case PROGNOS_METRIC_CPU: (0.3, 50e-6)
      case PROGNOS_METRIC_MEMORY: (0.1, 4_194_304)
      case PROGNOS_METRIC_IO: (0.3, 262_144)
      case PROGNOS_METRIC_FDS: (0.1, 8)
      case PROGNOS_METRIC_THREADS: (0.2, 4)
      case PROGNOS_METRIC_SWITCHES: (1, 1000)
      default: (0.2, 0)
      }
    let distance = abs(value - verdict.expected)
    return distance >= least && distance >= ratio * abs(verdict.expected)
  }

  private func tell(
    _ candidate: AnomalyCandidate, _ watched: UnsafeMutablePointer<Watched>, isLevel: Bool
  ) {
    guard let table = AnswerTable<prognos_anomaly>(recording, .anomalies) else { return }
    let metric = prognos_metric(rawValue: watched.pointee.metric)
    let operation = watched.pointee.operation
    let isAbove = candidate.value > candidate.expected
    var anomaly = prognos_anomaly()
    anomaly.at_unix_ns = candidate.unixNanoseconds
    anomaly.value = candidate.value
    anomaly.expected = candidate.expected
    anomaly.low = candidate.low
    anomaly.high = candidate.high
    anomaly.score = candidate.score
    anomaly.confidence = watched.pointee.detector.confidence
    anomaly.samples = watched.pointee.detector.count
    anomaly.metric = metric.rawValue
    anomaly.op = operation
    let kind =
      isLevel
      ? PROGNOS_ANOMALY_LEVEL
      : metric.isWorse(above: isAbove, ofProcess: operation == 0)
        ? PROGNOS_ANOMALY_DEGRADATION : PROGNOS_ANOMALY_UNUSUAL
    anomaly.kind = kind.rawValue
    Sentence.compose(in: &anomaly.reason) {
      $0.put(metric == PROGNOS_METRIC_CPU && operation != 0 ? "cpu time of a call" : metric.name)
      if operation != 0, recording.isOperation(operation) {
        $0.put(" of ")
        $0.put(recording.text(recording.operation(operation).pointee.name.value))
      }
      $0.put(isLevel ? " stays at " : " is ")
      put(candidate.value, metric, operation, &$0)
      $0.put(isLevel ? "; it was " : "; usual: ")
      put(candidate.expected, metric, operation, &$0)
      $0.put(isLevel ? ", within " : ", from ")
      put(metric.isNeverNegative ? max(candidate.low, 0) : candidate.low, metric, operation, &$0)
      $0.put(isLevel ? " and " : " to ")
      put(candidate.high, metric, operation, &$0)
    }
    table.append(anomaly)
  }

  private func put(
    _ value: Double, _ metric: prognos_metric, _ operation: UInt32, _ sentence: inout Sentence
  ) {
    if metric == PROGNOS_METRIC_CPU && operation != 0 {
      sentence.put(seconds: value)
    } else {
      metric.put(value, &sentence)
    }
  }
}

extension prognos_metric {
  /// Slower, more errors, more needed for a call, or less done.
  fileprivate func isWorse(above: Bool, ofProcess: Bool) -> Bool {
    switch self {
    case PROGNOS_METRIC_RATE: !above
    case PROGNOS_METRIC_WALL_P95, PROGNOS_METRIC_ERROR_RATIO: above
    case PROGNOS_METRIC_CPU: above && !ofProcess
    default: false
    }
  }

  fileprivate var isNeverNegative: Bool { self != PROGNOS_METRIC_HEALTH }
}
