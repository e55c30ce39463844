// SPDX-License-Identifier: Apache-2.0
import Recording

/// Why an operation limits progress, or does not, in a sentence that names the number behind it.
extension Assessor {
  func explain(
    _ verdict: BottleneckVerdict, _ model: BottleneckModel, in sentence: inout Sentence
  ) {
    putName(verdict.operation, &sentence)
    if verdict.isMeasured { return explainMeasured(verdict, model, in: &sentence) }
    guard verdict.limit >= 0, verdict.share >= 0.01 else {
      sentence.put(" takes ")
      sentence.put(seconds: verdict.own.work / max(verdict.own.calls, 1))
      sentence.put(" a call, beside what ")
      return putProgress(model, " waits for", in: &sentence)
    }
    let limit = model.limits[Int(verdict.limit)]
    let part = model.part(of: verdict.operation, in: limit)
    switch limit.kind {
    case .threads:
      sentence.put(" is ")
      sentence.put(percentOf: part)
      sentence.put(" of the work of ")
      sentence.put(limit.threads.rounded())
      sentence.put(limit.threads < 1.5 ? " thread" : " threads")
      sentence.put(", at work ")
      sentence.put(percentOf: limit.use)
      sentence.put(" of the time")
    case .held:
      sentence.put(" holds a lock, or is where it is held, ")
      sentence.put(percentOf: limit.use * part)
      sentence.put(" of the time; others wait for it ")
      sentence.put(percentOf: limit.waited)
      sentence.put(" of theirs")
    case .pool:
      sentence.put(" runs in ")
      sentence.put(limit.threads)
      sentence.put(limit.threads < 1.5 ? " thread" : " threads")
      sentence.put(" at a time, as many as may, ")
      sentence.put(percentOf: limit.use)
      sentence.put(" of the time; others wait ")
      sentence.put(percentOf: limit.waited)
      sentence.put(" of theirs")
    case .cpu:
      sentence.put(" is ")
      sentence.put(percentOf: part)
      sentence.put(" of the CPU time of operations, which take ")
      sentence.put(percentOf: limit.use)
      sentence.put(" of all CPUs")
    }
    sentence.put(": half of it makes ")
    putProgress(model, "", in: &sentence)
    sentence.put(" ")
    sentence.put(percentOf: verdict.gain50)
    sentence.put(" faster")
  }

  private func explainMeasured(
    _ verdict: BottleneckVerdict, _ model: BottleneckModel, in sentence: inout Sentence
  ) {
    sentence.put(": half of it made ")
    putProgress(model, " ", in: &sentence)
    sentence.put(percentOf: verdict.gain50)
    sentence.put(" faster (")
    sentence.put(percentOf: verdict.low)
    sentence.put(" to ")
    sentence.put(percentOf: verdict.high)
    sentence.put(") in ")
    sentence.put(UInt64(verdict.measuredRounds))
    sentence.put(" rounds of an experiment")
    guard verdict.isDisputed else { return }
    sentence.put("; where time goes would have said ")
    sentence.put(percentOf: verdict.modelled)
  }

  private func putProgress(
    _ model: BottleneckModel, _ rest: StaticString, in sentence: inout Sentence
  ) {
    if model.progress == 0 {
      sentence.put("progress")
    } else {
      putName(model.progress, &sentence)
    }
    sentence.put(rest)
  }
}
