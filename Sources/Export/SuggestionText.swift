// SPDX-License-Identifier: Apache-2.0
import Analysis
import CPrognos
import Recording

/// What is worth changing, in a profile.
extension Report {
  /// "[high] op: 12000 reads of files of 512 B, sequential, took 400 ms: use a bigger buffer (saves 38 %, 30 to 41 %)".
  func putSuggestions(_ output: inout Output, _ style: TextStyle) {
    guard !suggestions.isEmpty else { return }
    output.put("\nsuggestions:\n")
    for suggestion in suggestions.prefix(5) {
      output.put("  ")
      output.put(suggestion.line(of: profile.recording, style))
      output.put("\n")
    }
    putRest(suggestions.count - 5, " more suggestions; PROGNOS_JSON has them all\n", &output)
  }

  func putSuggestions(_ json: inout JSONWriter) {
    guard !suggestions.isEmpty else { return }
    putObjects("suggestions", suggestions, Shape.suggestion, &json)
  }
}

extension prognos_suggestion {
  /// The suggestions of high impact, for a line each, as `verdicts`.
  package static func lines(of profile: Profile, _ style: TextStyle) -> [[UInt8]] {
    Suggestions(of: profile).found.filter { $0.impact == 2 && $0.gain_ratio > 0 }.prefix(2).map {
      $0.line(of: profile.recording, style)
    }
  }

  func line(of recording: Recording, _ style: TextStyle) -> [UInt8] {
    var line = Output()
    line.put(impact == 2 ? "[high] " : impact == 1 ? "[medium] " : "[low] ")
    if op > 0, op <= recording.operationCount {
      line.put(style.label(recording.name(ofOperation: op)))
      line.put(": ")
    }
    line.put(style.wholeLabel(words(of: reason)))
    line.put(": ")
    line.put(style.wholeLabel(words(of: text)))
    guard gain_ratio > 0 else { return line.bytes }
    line.put(" (saves ")
    line.put(gain_ratio * 100, digits: 0)
    line.put(" % of its time, ")
    line.put(gain_low * 100, digits: 0)
    line.put(" to ")
    line.put(gain_high * 100, digits: 0)
    line.put(")")
    return line.bytes
  }
}
