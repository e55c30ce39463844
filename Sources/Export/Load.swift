// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Recording

/// Load, scalability and productivity, in JSON and in words.
extension Report {
  func putLoad(_ assessment: Assessment, _ json: inout JSONWriter) {
    json.key("peak")
    if let peak = assessment.peak { put(peak, &json) } else { json.null() }
    json.key("scalability")
    if let scalability = assessment.scalability { put(scalability, &json) } else { json.null() }
    json.key("productivity")
    if let productivity = assessment.productivity { put(productivity, &json) } else { json.null() }
  }

  private func put(_ peak: prognos_peak, _ json: inout JSONWriter) {
    json.object { json in
      json.key("at_unix_ns")
      json.signed(peak.at_unix_ns)
      json.number("rate_per_s", peak.rate_per_s)
      json.number("low_per_s", peak.low_per_s)
      json.number("high_per_s", peak.high_per_s)
      json.number("capacity_per_s", peak.capacity_per_s)
      json.number("capacity_low_per_s", peak.capacity_low_per_s)
      json.number("capacity_high_per_s", peak.capacity_high_per_s)
      json.number("latest_per_s", peak.latest_per_s)
      json.number("span_s", peak.span_s)
      json.number("season_s", peak.season_s)
      json.number("confidence", peak.confidence)
      json.member("samples", .integer(UInt64(peak.samples)))
      json.key("exceeds")
      json.bool(peak.exceeds != 0)
      json.member("saturates", words(of: peak.saturates))
      json.member("reason", words(of: peak.reason))
    }
  }

  private func put(_ scalability: prognos_scalability, _ json: inout JSONWriter) {
    json.object { json in
      json.number("sigma", scalability.sigma)
      json.number("kappa", scalability.kappa)
      json.number("rate_per_s", scalability.rate_per_s)
      json.number("knee", scalability.knee)
      json.number("knee_low", scalability.knee_low)
      json.number("knee_high", scalability.knee_high)
      json.number("capacity_per_s", scalability.capacity_per_s)
      json.number("capacity_low_per_s", scalability.capacity_low_per_s)
      json.number("capacity_high_per_s", scalability.capacity_high_per_s)
      json.number("highest_concurrency", scalability.highest_concurrency)
      json.number("confidence", scalability.confidence)
      json.member("samples", .integer(UInt64(scalability.samples)))
      json.member("loads", .integer(UInt64(scalability.loads)))
      json.member("saturates", words(of: scalability.saturates))
      json.member("reason", words(of: scalability.reason))
    }
  }

  private func put(_ productivity: prognos_productivity, _ json: inout JSONWriter) {
    json.object { json in
      json.key("best_hours")
      json.array { json in
        withUnsafeBytes(of: productivity.best_hours) { bytes in
          for score in bytes.bindMemory(to: Double.self) { json.value(score) }
        }
      }
      json.number("efficiency", productivity.efficiency)
      json.number("waiting_ratio", productivity.waiting_ratio)
      json.number("io_ratio", productivity.io_ratio)
      json.number("failure_ratio", productivity.failure_ratio)
      json.member("task_switches", .integer(UInt64(productivity.task_switches)))
      json.number("task_switch_cost_ratio", productivity.task_switch_cost_ratio)
      json.number("context_switches_per_s", productivity.context_switches_per_s)
      json.number("context_switch_cost_ratio", productivity.context_switch_cost_ratio)
      json.number("slowdown_ratio", productivity.slowdown_ratio)
      json.number("confidence", productivity.confidence)
      json.member("samples", .integer(UInt64(productivity.samples)))
      json.member("best_hour", .integer(UInt64(productivity.best_hour)))
      json.member("hours", .integer(UInt64(productivity.hours)))
      json.member("reason", words(of: productivity.reason))
    }
  }
}

/// The lines of the text.
extension Assessment {
  package func loadLines(_ style: TextStyle) -> [[UInt8]] {
    var lines: [[UInt8]] = []
    func add(_ name: StaticString, _ reason: [UInt8]) {
      var line = Output()
      line.put(name)
      line.put(style.wholeLabel(reason))
      lines.append(line.bytes)
    }
    if let peak { add("next peak: ", words(of: peak.reason)) }
    if let scalability { add("scalability: ", words(of: scalability.reason)) }
    if let productivity { add("efficiency: ", words(of: productivity.reason)) }
    return lines
  }
}
