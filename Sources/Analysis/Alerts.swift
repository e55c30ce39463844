// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Recording

/// What the alerts of one subject remember. All zeros to begin with.
struct AlertState: BitwiseCopyable {
  /// `prognos_severity`: what was told last.
  var severity: UInt32 = 0
  var reserved: UInt32 = 0
  /// Since when it has been better than that; 0: it has not.
  var betterSince: UInt64 = 0

  /// How long something must be better before it is said to be well: nothing is told twice that only flickers.
  static var patience: UInt64 { 10_000_000_000 }

  /// What is to be told now, if anything: what gets worse at once, what gets better once it lasts.
  /// `calm`: the severity with the bounds moved by a margin, so that a value at a bound is not told again and again.
  mutating func change(to severity: UInt32, calm: UInt32, at now: UInt64) -> UInt32? {
    if severity > self.severity {
      betterSince = 0
      self.severity = severity
      return severity
    }
    guard calm < self.severity else {
      betterSince = 0
      return nil
    }
    if betterSince == 0 || now < betterSince { betterSince = max(now, 1) }
    guard now &- betterSince >= Self.patience else { return nil }
    betterSince = 0
    self.severity = calm
    return calm
  }
}

/// The states of all subjects but objectives, which are with their burn rates.
struct AlertStates: BitwiseCopyable {
  var health = AlertState()
  var crash = AlertState()
  var leaks = AlertState()
  var resources = InlineArray<20, AlertState>(repeating: AlertState())
  var limits = InlineArray<32, AlertState>(repeating: AlertState())
  /// How many alerts the host was told.
  var told: UInt64 = 0
  var metrics = MetricState()
}

/// A value and its bounds: upper ones, or lower ones where critical < warn.
struct Bounds {
  let warn: Double
  let critical: Double
  /// How far back behind a bound is well again.
  let margin: Double
  let isLower: Bool

  /// NaN for none.
  init(warn: Double, critical: Double, margin: Double? = nil, isLower: Bool? = nil) {
    self.warn = warn
    self.critical = critical
    self.isLower = isLower ?? (critical < warn)
    let bound = warn.isNaN ? critical : warn
    self.margin = margin ?? abs(bound) * 0.05
  }

  private func isPast(_ value: Double, _ bound: Double, by margin: Double) -> Bool {
    isLower ? value <= bound + margin : value >= bound - margin
  }

  /// 0 for a value that is none, and for bounds that are none.
  func severity(_ value: Double, calm: Bool = false) -> UInt32 {
    let margin = calm ? margin : 0
    if isPast(value, critical, by: margin) { return PROGNOS_SEVERITY_CRITICAL.rawValue }
    return isPast(value, warn, by: margin)
      ? PROGNOS_SEVERITY_WARN.rawValue : PROGNOS_SEVERITY_OK.rawValue
  }

  func threshold(of severity: UInt32) -> Double {
    if severity == PROGNOS_SEVERITY_CRITICAL.rawValue || warn.isNaN { return critical }
    return warn
  }
}

extension Assessor {
  /// Compares everything with its bounds, and notes what changed. The bounds that nobody set: health below 50 and
  /// 20; a crash with a probability of 0.5 and 0.8; resources used to 90 and 97 %; leaks; objectives whose budget is
  /// used up too fast.
  func judgeAlerts(_ sample: ResourceSample, at moment: AssessmentMoment) {
    judgeLimits(sample, at: moment)
    judgeResourceAlerts(sample, at: moment)
    judgeLeakAlerts(at: moment)
    judgeObjectives(at: moment)
    var crash = prognos_crash()
    if let table = AnswerTable<prognos_crash>(recording, .crash), table.written > 0,
      table.read(0, into: &crash)
    {
      let metric = PROGNOS_METRIC_CRASH
      judge(
        crash.probability, Bounds(warn: 0.5, critical: 0.8, margin: 0.1), metric, crash.op,
        "crash", &process.pointee.alerts.crash, at: moment
      ) { $0.put(crash.reason) }
    }
    var health = prognos_health()
    if let table = AnswerTable<prognos_health>(recording, .health), table.read(0, into: &health) {
      judge(
        health.score, Bounds(warn: 50, critical: 20, margin: 5), PROGNOS_METRIC_HEALTH, health.op,
        "health", &process.pointee.alerts.health, at: moment
      ) {
        $0.put("health ")
        $0.put(health.score)
        $0.put(": ")
        $0.put(health.reason)
      }
    }
  }

  /// Compares a value, and adds an alert if it is a change.
  func judge(
    _ value: Double, _ bounds: Bounds, _ metric: prognos_metric, _ operation: UInt32,
    _ subject: StaticString, _ state: inout AlertState, at moment: AssessmentMoment,
    _ reason: (inout Sentence) -> Void
  ) {
    let previous = state.severity
    guard
      let severity = state.change(
        to: bounds.severity(value), calm: bounds.severity(value, calm: true),
        at: moment.monotonicNanoseconds),
      let table = AnswerTable<prognos_alert>(recording, .alerts)
    else { return }
    var alert = prognos_alert()
    alert.at_unix_ns = Int64(clamping: moment.unixNanoseconds)
    alert.value = value
    alert.threshold = bounds.threshold(of: max(severity, previous))
    alert.number = table.written &+ 1
    alert.severity = severity
    alert.previous = previous
    alert.metric = metric.rawValue
    alert.op = operation
    Sentence.compose(in: &alert.subject) { $0.put(subject) }
    Sentence.compose(in: &alert.reason, reason)
    table.append(alert)
  }

  private func judgeResourceAlerts(_ sample: ResourceSample, at moment: AssessmentMoment) {
    for resource in Resource.allCases where sample[resource].limit > 0 {
      let (used, limit) = sample[resource]
      let ratio = Double(used) / Double(limit)
      // Time without a CPU comes and goes, and durations tell what it does.
      let bounds =
        resource == .throttled
        ? Bounds(warn: 0.5, critical: 0.9, margin: 0.1)
        : Bounds(warn: 0.9, critical: 0.97, margin: 0.02)
      judge(
        ratio, bounds, prognos_metric(0), 0, resource.name,
        &process.pointee.alerts.resources[resource.rawValue], at: moment
      ) {
        $0.put(resource.name)
        $0.put(": ")
        $0.put(percentOf: ratio)
        $0.put(" of the limit is used: ")
        Self.put(resource, used, &$0)
        $0.put(" of ")
        Self.put(resource, limit, &$0)
      }
    }
  }

  private static func put(_ resource: Resource, _ amount: UInt64, _ text: inout Sentence) {
    if resource.isBytes {
      text.put(bytes: Double(amount))
    } else {
      text.put(Double(amount) / resource.unit)
    }
  }

  private func judgeLeakAlerts(at moment: AssessmentMoment) {
    guard let table = AnswerTable<prognos_leak>(recording, .leaks) else { return }
    var (leak, worst) = (prognos_leak(), prognos_leak())
    var count = 0.0
    for index in 0..<table.count {
      guard table.read(index, into: &leak), leak.is_leak != 0 else { continue }
      if count == 0 { worst = leak }
      count += 1
    }
    judge(
      count, Bounds(warn: 1, critical: .nan, margin: 0, isLower: false), prognos_metric(0),
      worst.op, "leak", &process.pointee.alerts.leaks, at: moment
    ) {
      if count > 0 { $0.put(worst.reason) } else { $0.put("nothing leaks any more") }
    }
  }

  private func judgeObjectives(at moment: AssessmentMoment) {
    guard moment.hasPoint, let records = BurnRecords(recording) else { return }
    for index in 0..<records.used {
      guard let record = records[index],
        let objective = recording.objective(of: record.pointee.operation)
      else { continue }
      let burning = record.pointee.finding(objective, at: moment.monotonicNanoseconds)
      var worst = burning.slow
      worst.meet(burning.failed)
      worst.operation = record.pointee.operation
      // At its bound a burn rate has a severity of 0.5, at three times that 0.9.
      judge(
        worst.weight, Bounds(warn: 0.5, critical: 0.9, margin: 0.1), prognos_metric(0),
        worst.operation, "objective", &record.pointee.alert, at: moment
      ) {
        if worst.weight > 0 {
          put(worst, isOver: false, &$0)
        } else {
          putName(record.pointee.operation, &$0)
          $0.put(" meets its objective again")
        }
      }
    }
  }

  /// Calls `body` with each alert that the host was not told yet. Not within `writeAssessment`.
  public func raiseAlerts(_ body: (prognos_alert) -> Void) {
    guard let table = AnswerTable<prognos_alert>(recording, .alerts) else { return }
    let written = table.written
    let oldest = written &- UInt64(table.count)
    var next = max(process.pointee.alerts.told, oldest)
    process.pointee.alerts.told = written
    var alert = prognos_alert()
    while next < written {
      if table.read(age: Int(truncatingIfNeeded: written &- 1 &- next), into: &alert) {
        body(alert)
      }
      next &+= 1
    }
  }
}

extension Sentence {
  /// A text of a struct of the ABI.
  mutating func put<Text>(_ text: Text) where Text: BitwiseCopyable {
    withUnsafeBytes(of: text) { bytes in
      for byte in bytes {
        if byte == 0 { return }
        put(byte)
      }
    }
  }
}
