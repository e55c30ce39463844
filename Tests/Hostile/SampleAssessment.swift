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
    case .peak: AnswerTable<prognos_peak>.bytes(capacity: 1)
    case .scalability: AnswerTable<prognos_scalability>.bytes(capacity: 1)
    case .productivity: AnswerTable<prognos_productivity>.bytes(capacity: 1)
    case .bottlenecks: AnswerTable<prognos_bottleneck>.bytes(capacity: 2)
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
  put(prognos_peak(), .peak) { peak in
    (peak.at_unix_ns, peak.rate_per_s, peak.low_per_s) = (1_700_000_600_000_000_000, 120, 90)
    (peak.high_per_s, peak.capacity_per_s, peak.latest_per_s) = (160, .infinity, 80)
    (peak.span_s, peak.season_s, peak.confidence, peak.samples) = (60, 3600, 0.6, 300)
    write("cpu quota", into: &peak.saturates)
    write("the load comes every hour", into: &peak.reason)
  }
  put(prognos_scalability(), .scalability) { scalability in
    (scalability.sigma, scalability.kappa, scalability.rate_per_s) = (0.1, 0.001, 50)
    (scalability.knee, scalability.knee_low, scalability.knee_high) = (30, 20, .infinity)
    (scalability.capacity_per_s, scalability.samples, scalability.loads) = (400, 200, 9)
    write("lock", into: &scalability.saturates)
    write("threads wait for each other", into: &scalability.reason)
  }
  put(prognos_productivity(), .productivity) { productivity in
    (productivity.efficiency, productivity.waiting_ratio, productivity.io_ratio) = (70, 0.2, 0.1)
    (productivity.best_hour, productivity.hours, productivity.samples) = (14, 48, 600)
    productivity.best_hours.14 = 1.4
    write("a fifth of the time waits", into: &productivity.reason)
  }
  put(prognos_bottleneck(), .bottlenecks) { bottleneck in
    (bottleneck.share, bottleneck.gain_ratio_10, bottleneck.gain_ratio_50) = (0.8, 0.08, 0.6)
    (bottleneck.gain_ratio_100, bottleneck.gain_low, bottleneck.gain_high) = (100, 0.4, 0.9)
    (bottleneck.lock_ratio, bottleneck.cpu_ratio, bottleneck.samples) = (0.7, 0.3, 90)
    (bottleneck.op, bottleneck.progress) = (second, first)
    write("lock", into: &bottleneck.bound_by)
    write("model", into: &bottleneck.method)
    write("query waits for walk", into: &bottleneck.reason)
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
