// SPDX-License-Identifier: Apache-2.0
import Recording

// An operation against what was usual for it. Of each record: the mean and the 95th percentile of the logarithms of
// durations, and failures; followed fast and slowly (Roberts 1959, exponentially weighted averages).

extension OperationHealthState {
  /// How long it takes to learn what is usual, once the first calls have been averaged.
  private static var usualSeconds: Double { 600 }

  /// Learns a record. `slowTicks`: from where on a call is too slow for its objective.
  mutating func observe(_ sample: OperationSample, slowTicks: UInt64 = .max) -> CallsObserved {
    let elapsed = Double(sample.endMonotonic &- sample.startMonotonic) / 1e9
    let seconds = elapsed > 0.001 ? min(elapsed, 3600) : 0.001
    var seen = CallsObserved(sample, slowTicks: slowTicks)
    let finished = Double(sample.totals.finished)
    seen.finished = finished
    seen.failed = min(Double(sample.totals.failed), finished)
    self.finished &+= sample.totals.finished
    latest = sample.endMonotonic
    step = Float(seconds)
    let share = 1 - Math.exp(-seconds / 0.5)
    let slowly = 1 - Math.exp(-seconds / 10)
    callRate += (finished / seconds - callRate) * slowly
    wallRate += (Double(sample.totals.wallTicks) / seconds - wallRate) * slowly
    guard finished > 0 else { return seen }
    let wasBad = max(latency.value, errors.value)
    let learning = max((1 - wasBad) * (1 - wasBad) * (1 - wasBad), 0.05)
    self.seconds += seconds
    observeFailures(sample, seen, share, seconds * learning)
    if seen.calls > 0 { observeDurations(sample, seen, share, seconds, learning) }
    return seen
  }

  private mutating func observeFailures(
    _ sample: OperationSample, _ seen: CallsObserved, _ share: Double, _ seconds: Double
  ) {
    let finished = Double(sample.totals.finished)
    let gain = min(share, finished / 10)
    ratioCalls += finished - ratioCalls * gain
    ratioFailed += seen.failed - ratioFailed * gain
    ratioSlow += (seen.calls > 0 ? seen.slow / seen.calls * finished : 0) - ratioSlow * gain
    // Failures that were there from the start are usual; what comes later is learnt slowly.
    let keep = Math.exp(-seconds / Self.usualSeconds)
    let learnt = self.seconds < 10 ? 1 : min(seconds / 10, 1)
    usualCalls = usualCalls * keep + finished * learnt
    usualFailed = usualFailed * keep + seen.failed * learnt
  }

  private mutating func observeDurations(
    _ sample: OperationSample, _ seen: CallsObserved, _ share: Double, _ seconds: Double,
    _ learning: Double
  ) {
    let work = Double(sample.totals.work) / max(Double(sample.totals.finished), 1)
    let logWork = work > 0 ? Math.log(work) : 0
    let isFirst = records == 0
    let gain = isFirst ? 1 : min(share, seen.calls / 4)
    let lasting = 1 - Math.exp(-seconds / 6)
    fastMean += (seen.mean - fastMean) * gain
    lastingMean += (seen.mean - lastingMean) * (isFirst ? 1 : min(lasting, seen.calls / 20))
    fastWork += (logWork - fastWork) * gain
    fastCalls += seen.calls - fastCalls * gain
    // A record of few calls counts for less, and so does one that is slower than usual: a fault is not to become
    // usual while it is too small to be sure of, or too new.
    let trust = records > 3 ? Self.trust(in: seen.mean - usualMean, drift) : 1
    let weight = seen.calls / (seen.calls + 2) * max(learning * trust, 0.05)
    records += weight
    func usual(_ count: Double) -> Double {
      min(max(weight / max(count, 1e-9), weight * seconds / Self.usualSeconds), 1)
    }
    let slow = usual(records)
    let away = seen.mean - usualMean
    usualMean += away * slow
    usualWork += (logWork - usualWork) * slow
    spread += (seen.variance - spread) * slow
    if !isFirst { drift += (cut(away * away, drift) - drift) * slow }
    guard seen.hasTail else { return }
    let isFirstTail = tails == 0
    tails += weight
    let slowTail = usual(tails)
    fastTail += (seen.tail - fastTail) * (isFirstTail ? 1 : share)
    lastingTail += (seen.tail - lastingTail) * (isFirstTail ? 1 : lasting)
    let average = Math.log(
      max(Double(sample.totals.wallTicks) / Double(max(sample.totals.finished, 1)), 1))
    lastingAverage += (average - lastingAverage) * (isFirstTail ? 1 : lasting)
    let (tailAway, averageAway) = (seen.tail - usualTail, average - usualAverage)
    // Beyond a tail that is all that moves, the mean knows nothing.
    let tailTrust = isFirstTail || tails < 4 ? 1 : Self.trust(in: tailAway * 0.6, tailDrift)
    usualTail += tailAway * slowTail * tailTrust
    let averageTrust =
      isFirstTail || tails < 4 ? 1 : Self.trust(in: averageAway * 0.6, averageDrift)
    usualAverage += averageAway * slowTail * averageTrust
    if !isFirstTail {
      tailDrift += (cut(tailAway * tailAway, tailDrift) - tailDrift) * slowTail * tailTrust
      averageDrift +=
        (cut(averageAway * averageAway, averageDrift) - averageDrift) * slowTail * averageTrust
    }
  }

  /// 1 for what is within usual variation, or quicker; less and less beyond.
  private static func trust(in away: Double, _ variance: Double) -> Double {
    let usual = max(variance.squareRoot(), 0.1)
    let beyond = max(away - 0.15 - usual, 0) / (2 * usual)
    return max(1 / (1 + beyond * beyond), 0.05)
  }

  /// One outlier does not make everything usual.
  private func cut(_ square: Double, _ variance: Double) -> Double {
    records > 10 ? min(square, 6 * max(variance, 0.01)) : min(square, 1)
  }

  /// How far what was seen lately still says something, at a moment: calls fade when none follow.
  func freshness(at moment: UInt64) -> Double {
    let age = Double(moment &- min(latest, moment)) / 1e9 - 1.5 * Double(step) - 1
    return age > 0 ? Math.exp(-age / 10) : 1
  }

  /// Durations against what was usual.
  func slowdown(at moment: UInt64) -> Finding {
    let calls = fastCalls * freshness(at: moment)
    let learnt = Evidence.share(records, half: 2) * Evidence.share(seconds, half: 2)
    guard calls > 0, learnt > 0 else { return Finding() }
    // More work a call explains longer ones.
    let more = usualWork > 0 || fastWork > 0 ? max(fastWork - usualWork, 0) : 0
    let error = (spread / max(calls, 1)).squareRoot()
    let usual = max(drift.squareRoot(), error)
    let confidence = Evidence.calls(calls) * learnt
    var finding = Finding(
      severity: Severity.slowdown(fastMean - usualMean - more - 0.2 - min(2.5 * usual, 1.2)),
      confidence: confidence, cause: .slower, value: Math.exp(min(fastMean - usualMean, 700)),
      reference: usualMean)
    // What lasts is not chance; but it must still go on.
    let lasting = min(lastingMean, fastMean + 0.3) - usualMean
    finding.meet(
      Finding(
        severity: Severity.slowdown(lasting - more - 0.15 - min(1.2 * usual, 0.6)),
        confidence: confidence, cause: .slower, value: Math.exp(min(lasting, 700)),
        reference: usualMean))
    guard tails >= 3 else { return finding }
    let tail = min(lastingTail, fastTail + 0.3) - usualTail
    let tailExcess = tail - more - 0.35 - min(1.5 * tailDrift.squareRoot(), 1)
    finding.meet(
      Finding(
        severity: Severity.slowdown(tailExcess * 0.6),
        confidence: Evidence.calls(calls / 20) * learnt, cause: .slowerTail,
        value: Math.exp(min(tail, 700)), reference: usualTail))
    let average = lastingAverage - usualAverage
    let averageExcess = average - more - 0.35 - min(1.5 * averageDrift.squareRoot(), 1)
    finding.meet(
      Finding(
        severity: Severity.slowdown(averageExcess * 0.6),
        confidence: Evidence.calls(calls / 20) * learnt, cause: .slowerAverage,
        value: Math.exp(min(average, 700)), reference: usualAverage))
    return finding
  }

  /// What share fails as a rule. More than half is never as it should be.
  var usualFailureRatio: Double { min((usualFailed + 0.1) / (usualCalls + 20), 0.5) }

  func failures(at moment: UInt64) -> Finding {
    let fresh = freshness(at: moment)
    let usual = usualFailureRatio
    let excess =
      Evidence.lowerBound(ratioFailed * fresh, of: ratioCalls * fresh) - 1.5 * usual - 0.002
    return Finding(
      severity: Severity.failures(excess, usual: usual),
      confidence: Evidence.failures(ratioFailed * fresh), cause: .failing,
      value: ratioFailed / max(ratioCalls, 1e-9), reference: usual)
  }
}

/// The calls of a record.
struct CallsObserved {
  /// With a duration in the histogram.
  var calls = 0.0
  var finished = 0.0
  var failed = 0.0
  var slow = 0.0
  var mean = 0.0
  var variance = 0.0
  var tail = 0.0
  /// Below 20 calls a 95th percentile is just the slowest.
  var hasTail: Bool { calls >= 20 }

  init(_ sample: OperationSample, slowTicks: UInt64) {
    var (count, sum, squares, slow) = (0.0, 0.0, 0.0, 0.0)
    sample.forEachBucket { ticks, calls in
      let length = Math.log(Double(max(ticks, 1)))
      let calls = Double(calls)
      count += calls
      sum += length * calls
      squares += length * length * calls
      if ticks > slowTicks { slow += calls }
    }
    guard count > 0 else { return }
    (self.calls, self.slow) = (count, slow)
    mean = sum / count
    variance = max(squares / count - mean * mean, 0)
    guard hasTail else { return }
    let rank = count * 0.95
    var (seen, found) = (0.0, UInt64(1))
    sample.forEachBucket { ticks, calls in
      if seen < rank { found = ticks }
      seen += Double(calls)
    }
    tail = Math.log(Double(max(found, 1)))
  }
}
