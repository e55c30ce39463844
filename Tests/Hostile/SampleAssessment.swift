// SPDX-License-Identifier: Apache-2.0
import Analysis
import CPrognos
import Recording

/// Small zones with an answer or more of each kind: what a whole assessment takes has no room in the sample.
func addAssessment(to recording: Recording, of first: UInt32, _ second: UInt32) {
  let isReady = recording.prepareAssessment { zone in
    switch zone {
    case .health: AnswerTable<prognos_health>.bytes(capacity: 1)
    case .crash: AnswerTable<prognos_crash>.bytes(capacity: 1)
    case .resources: AnswerTable<prognos_resource>.bytes(capacity: 3)
    case .anomalies: AnswerTable<prognos_anomaly>.bytes(capacity: 3)
    case .leaks: AnswerTable<prognos_leak>.bytes(capacity: 2)
    case .alerts: AnswerTable<prognos_alert>.bytes(capacity: 3)
    case .operationHealth: 512
    case .samples: AnswerTable<ResourceSample>.bytes(capacity: 2)
    case .objectives: 1024
    case .process: 16_384
    case .operations: 8192
    case .operationSlots: 4 * 101
    default: 0
    }
  }
  guard isReady, let assessor = Assessor(recording) else { return }
  let moment = AssessmentMoment(
    monotonicNanoseconds: 4_002_000_000, unixNanoseconds: 1_700_000_004_000_000_000,
    point: ProcessPoint())
  _ = recording.set(Objective(latencyNanoseconds: 1, successRatio: 0.9), of: first)
  var sample = ResourceSample()
  sample.monotonicNanoseconds = moment.monotonicNanoseconds
  sample.unixNanoseconds = moment.unixNanoseconds
  sample[.descriptors] = (980, 1000)
  recording.writeAssessment { assessor.step(sample, at: moment) }
  put(prognos_crash(), .crash) { crash in
    (crash.probability, crash.horizon_minutes, crash.minutes_to_failure) = (0.7, 12, 4)
    (crash.minutes_low, crash.minutes_high, crash.op) = (3, 7, first)
    write("file descriptors run out", into: &crash.reason)
  }
  put(prognos_resource(), .resources) { resource in
    (resource.used_ratio, resource.minutes_to_exhaustion) = (0.98, 4)
    (resource.minutes_low, resource.minutes_high) = (3, .infinity)
    write("file descriptors", into: &resource.resource)
    write("RLIMIT_NOFILE", into: &resource.limited_by)
  }
  put(prognos_leak(), .leaks) { leak in
    (leak.is_leak, leak.op, leak.score) = (1, second, 0.99)
    write("query größe leaks 80 B a call", into: &leak.reason)
    write("main;query;malloc", into: &leak.stack)
  }
  put(prognos_anomaly(), .anomalies) { anomaly in
    (anomaly.at_unix_ns, anomaly.value, anomaly.op) = (1_700_000_002_000_000_000, .nan, first)
    write("an unusual value", into: &anomaly.reason)
  }

  func put<Answer: BitwiseCopyable>(
    _ zero: Answer, _ zone: AssessmentZone, _ fill: (inout Answer) -> Void
  ) {
    guard let table = AnswerTable<Answer>(recording, zone) else { return }
    var answer = zero
    fill(&answer)
    table.set(answer, at: 0)
    table.setWritten(1)
  }

  func write<Array>(_ text: String, into array: inout Array) {
    withUnsafeMutableBytes(of: &array) { $0.copyBytes(from: text.utf8) }
  }
}
