// SPDX-License-Identifier: Apache-2.0
import Analysis
import CPrognos
import Recording

/// What the collector concluded when it looked last, as a report tells it. It may come from a file that says
/// anything: counts are those of the tables, texts are made valid, and numbers are shown only if they are some.
package struct Assessment {
  package private(set) var health: prognos_health?
  package private(set) var crash: prognos_crash?
  package private(set) var peak: prognos_peak?
  package private(set) var scalability: prognos_scalability?
  package private(set) var productivity: prognos_productivity?
  package private(set) var resources: [prognos_resource] = []
  package private(set) var leaks: [prognos_leak] = []
  /// The newest first.
  package private(set) var anomalies: [prognos_anomaly] = []
  package private(set) var alerts: [prognos_alert] = []
  /// What is won if operations get faster, the most first.
  package private(set) var bottlenecks: [prognos_bottleneck] = []
  /// The health of operations, by handle, of those that are judged.
  package private(set) var operations: [(operation: UInt32, health: prognos_health)] = []

  /// nil when the recording has none.
  package init?(of recording: Recording, at moment: ReadingMoment) {
    guard recording.hasAssessment, let assessor = Assessor(recording) else { return nil }
    recording.readAssessment(at: moment) {
      health = Self.one(prognos_health(), recording, .health)
      crash = Self.one(prognos_crash(), recording, .crash)
      peak = Self.one(prognos_peak(), recording, .peak)
      scalability = Self.one(prognos_scalability(), recording, .scalability)
      productivity = Self.one(prognos_productivity(), recording, .productivity)
      resources = Self.list(prognos_resource(), recording, .resources, most: 32)
      leaks = Self.list(prognos_leak(), recording, .leaks, most: 64)
      anomalies = Self.list(prognos_anomaly(), recording, .anomalies, newest: true, most: 256)
      alerts = Self.list(prognos_alert(), recording, .alerts, newest: true, most: 256)
      bottlenecks = Self.list(prognos_bottleneck(), recording, .bottlenecks, most: 32)
      operations = []
      for operation in 0..<recording.operationCount {
        if let health = assessor.health(of: operation &+ 1).health {
          operations.append((operation &+ 1, health))
        }
      }
    }
    // Not within: names come from files.
    for index in leaks.indices { nameStack(of: &leaks[index], in: recording) }
  }

  private static func one<Answer: BitwiseCopyable>(
    _ zero: Answer, _ recording: Recording, _ zone: AssessmentZone
  ) -> Answer? {
    guard let table = AnswerTable<Answer>(recording, zone), table.written > 0 else { return nil }
    var answer = zero
    return table.read(0, into: &answer) ? answer : nil
  }

  private static func list<Answer: BitwiseCopyable>(
    _ zero: Answer, _ recording: Recording, _ zone: AssessmentZone, newest: Bool = false,
    most: Int
  ) -> [Answer] {
    guard let table = AnswerTable<Answer>(recording, zone) else { return [] }
    var found: [Answer] = []
    var answer = zero
    for index in 0..<min(table.count, most) {
      guard newest ? table.read(age: index, into: &answer) : table.read(index, into: &answer)
      else { break }
      found.append(answer)
    }
    return found
  }
}

/// The text of an array of bytes of a struct: valid UTF-8, up to its NUL or its end.
package func words<Array>(of array: Array) -> [UInt8] where Array: BitwiseCopyable {
  withUnsafeBytes(of: array) { words(in: $0[...]) }
}

/// The same of bytes.
func words(in bytes: Slice<UnsafeRawBufferPointer>) -> [UInt8] {
  cleaned([UInt8](bytes.prefix { $0 != 0 }))
}

/// Texts that are longer than a name are cleaned in parts, which end before a character begins.
private func cleaned(_ text: [UInt8]) -> [UInt8] {
  let most = 200
  var (found, start): ([UInt8], Int) = ([], 0)
  while start < text.count {
    var end = min(start + most, text.count)
    while end < text.count, end > start + 4, text[end] & 0xC0 == 0x80 { end -= 1 }
    found += validText([UInt8](text[start..<end]))
    start = end
  }
  return found
}

extension prognos_health {
  /// As words say it: `[OK]` from 80 on, `[ERROR]` below 50.
  package var severity: UInt32 { score >= 80 ? 0 : score >= 50 ? 1 : 2 }
}

/// A severity as a word.
package func word(ofSeverity severity: UInt32) -> StaticString {
  switch severity {
  case 0: "[OK]"
  case 1: "[WARN]"
  default: "[ERROR]"
  }
}
