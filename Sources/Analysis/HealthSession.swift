// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Recording

/// A session's own calls against what is usual for all calls without a caller, computed at reading.
extension Assessor {
  public func health(of stats: prognos_session_stats) -> prognos_health {
    let usual = process.pointee.health.outermost
    let calls = Double(stats.count)
    let (failed, ratio) = (Double(stats.failed), usual.usualFailureRatio)
    let failures = Finding(
      severity: Severity.failures(
        Evidence.lowerBound(failed, of: calls) - 1.5 * ratio - 0.002, usual: ratio),
      confidence: Evidence.failures(failed), cause: .failing, value: failed / max(calls, 1),
      reference: ratio)
    var slowness = Finding()
    let usually = Math.exp(min(usual.usualMean, 60)) * nanosecondsPerTick
    if usual.records > 0, stats.wall_p50_ns > 0, usually > 0 {
      // Sessions differ in what they do: half as much again as calls vary is no sign.
      let times = Double(stats.wall_p50_ns) / usually
      let excess = Math.log(times) - 0.3 - 1.5 * min(usual.spread.squareRoot(), 1)
      slowness = Finding(
        severity: Severity.slowdown(excess),
        confidence: Evidence.share(calls, half: 5) * Evidence.share(usual.records, half: 4),
        cause: .slower, value: times, reference: usual.usualMean)
    }
    var answer = prognos_health()
    answer.latency = 100 * (1 - slowness.weight)
    answer.errors = 100 * (1 - failures.weight)
    (answer.saturation, answer.memory, answer.stability) = (100, 100, 100)
    answer.score = answer.latency * answer.errors / 100
    let worst = slowness.weight > failures.weight ? slowness : failures
    answer.confidence = max(worst.weight, Evidence.share(calls, half: 20))
    answer.samples = stats.count
    Sentence.compose(in: &answer.reason) { text in
      text.put("session ")
      text.put(stats.name)
      if answer.score > 98 {
        text.put(": as usual, ")
        text.put(stats.count)
        text.put(" calls, ")
        text.put(stats.failed)
        text.put(" failed")
      } else if worst.cause == .failing {
        text.put(": ")
        text.put(percentOf: worst.value)
        text.put(" of its calls fail, usually ")
        text.put(percentOf: worst.reference)
      } else {
        text.put(": its calls take ")
        text.put(worst.value)
        text.put(" times as long as usual (")
        text.put(seconds: usually * worst.value / 1e9)
        text.put(")")
      }
    }
    return answer
  }
}
