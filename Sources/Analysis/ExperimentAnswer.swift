// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Recording

/// How the latest experiment stands; nil when there was none.
public func experimentAnswer(
  _ recording: Recording, _ findings: ExperimentFindings?, at monotonicNanoseconds: UInt64
) -> prognos_experiment? {
  guard let header = recording.experiment,
    header.pointee.state.value != ExperimentHeader.State.none
  else { return nil }
  var answer = prognos_experiment()
  answer.progress = header.pointee.progress.value
  answer.state = header.pointee.state.value
  answer.delayed_ns = header.pointee.delayedNanoseconds.value
  let ends = header.pointee.endsNanoseconds.value
  if answer.state == ExperimentHeader.State.running, ends > monotonicNanoseconds {
    answer.seconds_left = Double(ends &- monotonicNanoseconds) / 1e9
  }
  answer.cpu_stretch = 1
  if let findings {
    answer.rate_per_s = findings.rate
    answer.paced_ratio = findings.paced
    answer.cpu_stretch = findings.stretch
    answer.rounds = UInt64(findings.rounds)
    answer.samples = findings.completions
    answer.confidence = Double(findings.rounds) / Double(findings.rounds + 20)
  }
  Sentence.compose(in: &answer.reason) {
    guard let findings else {
      return $0.put("too few rounds so far in which the operation of progress completed twice")
    }
    $0.put(UInt64(findings.rounds))
    $0.put(" rounds, ")
    $0.put(findings.rate)
    $0.put(" completions a second without delays")
    if findings.paced > 0.5 {
      $0.put("; the rate is given from outside: no faster operation would raise it")
    } else if findings.stretch > 1 {
      $0.put("; threads wait for a CPU: CPU time takes ")
      $0.put(findings.stretch)
      $0.put(" times as long")
    }
  }
  return answer
}
