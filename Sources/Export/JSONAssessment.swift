// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Recording

/// What was concluded, in JSON: the fields of the structs of the ABI under their names. What is no number, such as
/// the time left when nothing runs out, is null.
extension Report {
  func putAssessment(_ json: inout JSONWriter) {
    guard let assessment else { return }
    json.key("assessment")
    json.object { json in
      json.key("health")
      if let health = assessment.health { putObject(health, &json) } else { json.null() }
      json.key("crash")
      if let crash = assessment.crash { putObject(crash, &json) } else { json.null() }
      putLoad(assessment, &json)
      json.key("resources")
      json.array { json in for one in assessment.resources { putObject(one, &json) } }
      json.key("leaks")
      json.array { json in for one in assessment.leaks { putObject(one, &json) } }
      json.key("anomalies")
      json.array { json in for one in assessment.anomalies { putObject(one, &json) } }
      json.key("alerts")
      json.array { json in for one in assessment.alerts { putObject(one, &json) } }
      putBottlenecks(assessment, &json)
      json.key("operations")
      json.array { json in
        for (operation, health) in assessment.operations {
          json.object { json in
            json.member("id", .integer(UInt64(operation)))
            json.member("name", name(of: operation))
            put(health, &json)
          }
        }
      }
    }
  }

  private func putObject(_ health: prognos_health, _ json: inout JSONWriter) {
    json.object { json in
      put(health, &json)
      putOperation(health.op, &json)
    }
  }

  private func put(_ health: prognos_health, _ json: inout JSONWriter) {
    json.number("score", health.score)
    json.number("latency", health.latency)
    json.number("errors", health.errors)
    json.number("saturation", health.saturation)
    json.number("memory", health.memory)
    json.number("stability", health.stability)
    json.number("confidence", health.confidence)
    json.member("samples", .integer(health.samples))
    json.member("reason", words(of: health.reason))
  }

  private func putObject(_ crash: prognos_crash, _ json: inout JSONWriter) {
    json.object { json in
      json.number("probability", crash.probability)
      json.number("probability_ever", crash.probability_ever)
      json.number("horizon_minutes", crash.horizon_minutes)
      json.number("minutes_to_failure", crash.minutes_to_failure)
      json.number("minutes_low", crash.minutes_low)
      json.number("minutes_high", crash.minutes_high)
      json.member("kind", .integer(UInt64(crash.kind)))
      json.member("resource", words(of: crash.resource))
      json.number("used", crash.used)
      json.number("limit", crash.limit)
      json.number("confidence", crash.confidence)
      json.member("samples", .integer(crash.samples))
      json.member("reason", words(of: crash.reason))
      putOperation(crash.op, &json)
    }
  }

  private func putObject(_ resource: prognos_resource, _ json: inout JSONWriter) {
    json.object { json in
      json.member("resource", words(of: resource.resource))
      json.member("limited_by", words(of: resource.limited_by))
      json.number("used", resource.used)
      json.number("limit", resource.limit)
      json.number("used_ratio", resource.used_ratio)
      json.number("slope_per_s", resource.slope_per_s)
      json.number("minutes_to_exhaustion", resource.minutes_to_exhaustion)
      json.number("minutes_low", resource.minutes_low)
      json.number("minutes_high", resource.minutes_high)
      json.number("probability", resource.probability)
      json.number("confidence", resource.confidence)
      json.member("samples", .integer(resource.samples))
    }
  }

  private func putObject(_ leak: prognos_leak, _ json: inout JSONWriter) {
    json.object { json in
      json.key("is_leak")
      json.bool(leak.is_leak != 0)
      json.member("resource", words(of: leak.resource))
      json.member("kind", .integer(UInt64(leak.kind)))
      json.number("bytes_per_call", leak.bytes_per_call)
      json.number("bytes_per_s", leak.bytes_per_s)
      json.number("live_bytes", leak.live_bytes)
      json.key("direction")
      json.signed(Int64(leak.direction))
      json.number("score", leak.score)
      json.number("confidence", leak.confidence)
      json.member("samples", .integer(leak.samples))
      json.member("reason", words(of: leak.reason))
      json.member("stack", words(of: leak.stack))
      putOperation(leak.op, &json)
    }
  }

  private func putObject(_ anomaly: prognos_anomaly, _ json: inout JSONWriter) {
    json.object { json in
      json.key("at_unix_ns")
      json.signed(anomaly.at_unix_ns)
      json.member("metric", .integer(UInt64(anomaly.metric)))
      json.member("kind", .integer(UInt64(anomaly.kind)))
      json.number("value", anomaly.value)
      json.number("expected", anomaly.expected)
      json.number("low", anomaly.low)
      json.number("high", anomaly.high)
      json.number("score", anomaly.score)
      json.number("confidence", anomaly.confidence)
      json.member("samples", .integer(anomaly.samples))
      json.member("reason", words(of: anomaly.reason))
      putOperation(anomaly.op, &json)
    }
  }

  private func putObject(_ alert: prognos_alert, _ json: inout JSONWriter) {
    json.object { json in
      json.member("number", .integer(alert.number))
      json.key("at_unix_ns")
      json.signed(alert.at_unix_ns)
      json.member("severity", .integer(UInt64(alert.severity)))
      json.member("previous", .integer(UInt64(alert.previous)))
      json.member("subject", words(of: alert.subject))
      json.member("metric", .integer(UInt64(alert.metric)))
      json.number("value", alert.value)
      json.number("threshold", alert.threshold)
      json.member("reason", words(of: alert.reason))
      putOperation(alert.op, &json)
    }
  }

  /// The operation that an answer is about: null for the process.
  func putOperation(_ operation: UInt32, _ json: inout JSONWriter) {
    json.key("operation")
    if isKnown(operation) { json.integer(UInt64(operation)) } else { json.null() }
    json.key("name")
    if isKnown(operation) { json.string(name(of: operation)) } else { json.null() }
  }

  func isKnown(_ operation: UInt32) -> Bool {
    operation > 0 && operation <= profile.recording.operationCount
  }
}

extension JSONWriter {
  /// null for what is none.
  mutating func number(_ name: StaticString, _ value: Double) {
    key(name)
    if value.isFinite { real(value) } else { null() }
  }

  /// An element of an array.
  mutating func value(_ value: Double) {
    if value.isFinite { real(value) } else { null() }
  }

  private mutating func real(_ value: Double) {
    literal("")
    output.put(shortest: value)
  }
}
