// SPDX-License-Identifier: Apache-2.0
import Analysis
import CPrognos
import Recording

/// What the latest causal experiment found, in JSON and in words. Nothing where there was none.
extension Report {
  private var experiment: (answer: prognos_experiment, findings: ExperimentFindings?)? {
    let recording = profile.recording
    let findings = ExperimentFindings(recording)
    return experimentAnswer(recording, findings, at: profile.moment.monotonicNanoseconds)
      .map { ($0, findings) }
  }

  func putExperiment(_ json: inout JSONWriter) {
    guard let (answer, findings) = experiment else { return }
    json.key("experiment")
    json.object { json in
      put(answer, Shape.experiment, &json)
      json.key("gains")
      json.array { json in
        for result in ranked(findings) {
          json.object { json in
            putOperation(result.operation, as: "operation", &json)
            json.member("rounds", .integer(UInt64(result.rounds)))
            put(result.at10, "gain_ratio_10", "gain_low_10", "gain_high_10", &json)
            put(result.at50, "gain_ratio_50", "gain_low_50", "gain_high_50", &json)
            put(result.at100, "gain_ratio_100", "gain_low_100", "gain_high_100", &json)
          }
        }
      }
    }
  }

  private func put(
    _ gain: ExperimentGain, _ mean: StaticString, _ low: StaticString, _ high: StaticString,
    _ json: inout JSONWriter
  ) {
    json.number(mean, gain.mean)
    json.number(low, gain.low)
    json.number(high, gain.high)
  }

  private func ranked(_ findings: ExperimentFindings?) -> [ExperimentResult] {
    guard let findings else { return [] }
    let known = (0..<findings.count).map { findings[$0] }.filter { isKnown($0.operation) }
    return ranks(known.map { rankKey($0.at50.mean + 1) }).map { known[$0] }
  }

  /// "If it took half its time: ...", the best first.
  func putExperiment(_ output: inout Output, _ style: TextStyle) {
    guard let (answer, findings) = experiment, isKnown(answer.progress) else { return }
    output.put("\nexperiment for more of ")
    output.put(style.label(name(of: answer.progress)))
    output.put(style.separator)
    output.put(style.wholeLabel(words(of: answer.reason)))
    output.put("\n")
    for result in ranked(findings) {
      output.put("  ")
      output.put(style.label(name(of: result.operation)))
      output.put(" in half the time: ")
      putGain(result.at50, &output)
      output.put(style.separator)
      output.put("in none: ")
      putGain(result.at100, &output)
      output.put("\n")
    }
  }

  /// "+49 % (47 to 52)".
  private func putGain(_ gain: ExperimentGain, _ output: inout Output) {
    output.put(gain.mean < 0 ? "-" : "+")
    output.put(abs(gain.mean) * 100, digits: 0)
    output.put(" % (")
    output.put(gain.low * 100, digits: 0)
    output.put(" to ")
    output.put(gain.high * 100, digits: 0)
    output.put(")")
  }
}
