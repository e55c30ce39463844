// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Recording

/// What was concluded, in words: the verdict first, then what it comes from, then the time that is left.
extension Report {
  func putAssessment(_ output: inout Output, _ style: TextStyle) {
    guard let assessment, let health = assessment.health else { return }
    for (index, verdict) in assessment.verdicts(style).enumerated() {
      output.put(word(ofSeverity: verdict.severity))
      output.put(" ")
      output.put(verdict.text)
      output.put("\n")
      if index == 0, health.score < 98 { putParts(health, &output, style) }
    }
    for line in assessment.loadLines(style) {
      output.put("  ")
      output.put(line)
      output.put("\n")
    }
    putOperations(assessment, &output, style)
    putBottlenecks(assessment, &output, style)
    putAlerts(assessment, &output, style)
  }

  private func putParts(_ health: prognos_health, _ output: inout Output, _ style: TextStyle) {
    let parts: [(StaticString, Double)] = [
      ("latency", health.latency), ("errors", health.errors), ("saturation", health.saturation),
      ("memory", health.memory), ("stability", health.stability),
    ]
    output.put("  ")
    for (index, (name, score)) in parts.enumerated() {
      if index > 0 { output.put(style.separator) }
      output.put(name)
      output.put(" ")
      output.put(score, digits: 0)
    }
    output.put("\n")
  }

  /// The operations that are not well; the one that the headline names is among them.
  private func putOperations(
    _ assessment: Assessment, _ output: inout Output, _ style: TextStyle
  ) {
    let ill = assessment.operations.filter { $0.health.severity > 0 }
    let order = ranks(ill.map { rankKey(100 - $0.health.score) })
    for (operation, health) in order.prefix(5).map({ ill[$0] }) {
      output.put("  ")
      output.put(word(ofSeverity: health.severity))
      output.put(" ")
      output.put(style.label(name(of: operation)))
      output.put(" ")
      output.put(health.score, digits: 0)
      output.put(style.separator)
      output.put(style.wholeLabel(words(of: health.reason)))
      output.put("\n")
    }
    putRest(ill.count - 5, " more operations that are not well\n", &output)
  }

  /// The latest alerts: how long ago, and what they said.
  private func putAlerts(_ assessment: Assessment, _ output: inout Output, _ style: TextStyle) {
    guard !assessment.alerts.isEmpty || !assessment.anomalies.isEmpty else { return }
    for alert in assessment.alerts.prefix(5) {
      output.put("  ")
      output.put(ago(alert.at_unix_ns, style))
      output.put(" ")
      output.put(word(ofSeverity: alert.severity))
      output.put(" ")
      output.put(style.wholeLabel(words(of: alert.reason)))
      output.put("\n")
    }
    putRest(assessment.alerts.count - 5, " earlier alerts; PROGNOS_JSON has them all\n", &output)
    for anomaly in assessment.anomalies.prefix(3) {
      output.put("  ")
      output.put(ago(anomaly.at_unix_ns, style))
      output.put(" anomaly: ")
      output.put(style.wholeLabel(words(of: anomaly.reason)))
      output.put("\n")
    }
    putRest(
      assessment.anomalies.count - 3, " earlier anomalies; PROGNOS_JSON has them all\n", &output)
  }

  private func ago(_ unixNanoseconds: Int64, _ style: TextStyle) -> [UInt8] {
    let (since, isTooMuch) = endUnixNanoseconds.subtractingReportingOverflow(unixNanoseconds)
    guard !isTooMuch, since >= 0 else { return Array("just now:".utf8) }
    return style.duration(UInt64(since)) + Array(" ago:".utf8)
  }
}

/// The verdicts: a severity, and a line without its word.
extension Assessment {
  package func verdicts(_ style: TextStyle) -> [(severity: UInt32, text: [UInt8])] {
    guard let health else { return [] }
    var found = [(severity: health.severity, text: line(of: health, style))]
    if let crash, crash.probability >= 0.2 || crash.probability_ever >= 0.5 {
      found.append((crash.probability >= 0.5 ? 2 : 1, line(of: crash, style)))
    }
    if let peak, peak.exceeds != 0, peak.confidence >= 0.3 {
      var line = Output()
      line.put("load: ")
      line.put(style.wholeLabel(words(of: peak.reason)))
      found.append((1, line.bytes))
    }
    for resource in resources.prefix(3) {
      // What is nearly used up, or will be within a day.
      let isNear = resource.used_ratio >= 0.8
      let isComing = resource.minutes_to_exhaustion < 1440 && resource.probability >= 0.5
      guard isNear || isComing else { continue }
      found.append((resource.used_ratio >= 0.97 ? 2 : 1, line(of: resource, style)))
    }
    for leak in leaks.filter({ $0.is_leak != 0 }).prefix(5) {
      found.append((1, line(of: leak, style)))
    }
    return found
  }

  /// "health 62 · serve takes 3.1 times as long as usual (12 ms, usually 4 ms)".
  private func line(of health: prognos_health, _ style: TextStyle) -> [UInt8] {
    var line = Output()
    line.put("health ")
    line.put(health.score, digits: 0)
    line.put(style.separator)
    line.put(style.wholeLabel(words(of: health.reason)))
    if health.confidence < 0.3 {
      line.put(style.separator)
      line.put("little is known yet")
    }
    return line.bytes
  }

  private func line(of crash: prognos_crash, _ style: TextStyle) -> [UInt8] {
    var line = Output()
    line.put("failure: probability ")
    line.put(percent(crash.probability, style))
    if crash.horizon_minutes > 0, crash.horizon_minutes.isFinite {
      line.put(" within ")
      line.put(minutes(crash.horizon_minutes, style))
    }
    putTimeLeft(crash.minutes_to_failure, crash.minutes_low, crash.minutes_high, &line, style)
    line.put(": ")
    line.put(style.wholeLabel(words(of: crash.reason)))
    return line.bytes
  }

  private func line(of resource: prognos_resource, _ style: TextStyle) -> [UInt8] {
    var line = Output()
    line.put(style.wholeLabel(words(of: resource.resource)))
    line.put(": ")
    line.put(percent(resource.used_ratio, style))
    line.put(" of ")
    line.put(style.wholeLabel(words(of: resource.limited_by)))
    putTimeLeft(
      resource.minutes_to_exhaustion, resource.minutes_low, resource.minutes_high, &line, style)
    return line.bytes
  }

  private func line(of leak: prognos_leak, _ style: TextStyle) -> [UInt8] {
    var line = Output()
    line.put("leak: ")
    line.put(style.wholeLabel(words(of: leak.reason)))
    let stack = words(of: leak.stack)
    if !stack.isEmpty {
      line.put("; allocated in ")
      line.put(style.wholeLabel(stack))
    }
    return line.bytes
  }

  /// ", in about 4 m 10 s (3 m 00 s to 7 m 00 s)".
  private func putTimeLeft(
    _ middle: Double, _ low: Double, _ high: Double, _ output: inout Output, _ style: TextStyle
  ) {
    guard middle.isFinite, middle >= 0 else { return }
    output.put(", in about ")
    output.put(minutes(middle, style))
    guard low.isFinite, high.isFinite, low <= high, high > 0 else { return }
    output.put(" (")
    output.put(minutes(low, style))
    output.put(" to ")
    output.put(minutes(high, style))
    output.put(")")
  }

  private func minutes(_ minutes: Double, _ style: TextStyle) -> [UInt8] {
    style.duration(whole(min(max(minutes, 0), 1e7) * 60e9))
  }

  private func percent(_ ratio: Double, _ style: TextStyle) -> [UInt8] {
    [UInt8](style.percent(ratio > 0 ? min(ratio, 9.99) : 0).drop { $0 == 0x20 })
  }
}
