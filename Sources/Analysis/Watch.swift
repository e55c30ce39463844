// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Recording

/// The metrics of the process and its operations as series. A detector is given to a metric of an operation when
/// the operation has been busy for a while and the metric moves; when none is left, later ones go unwatched.
extension Assessor {
  /// So many of the latest seconds an operation must have been at work.
  private static var leastBusyness: UInt16 { 10 }
  private static var mostBusyness: UInt16 { 20 }

  /// What an operation did in a record's span.
  func watch(_ sample: OperationSample, _ state: UnsafeMutablePointer<OperationState>) {
    guard sample.operation != 0, let pool = WatchPool(recording),
      let metrics = OperationMetrics(sample, self)
    else { return }
    takeDetectorsOfProcess(pool)
    state.pointee.watch.latest = sample.endMonotonic
    state.pointee.watch.span = sample.endMonotonic &- sample.startMonotonic
    guard sample.totals.finished > 0 else { return }
    if state.pointee.watch.busyness < Self.mostBusyness { state.pointee.watch.busyness += 1 }
    guard state.pointee.watch.busyness >= Self.leastBusyness else { return }
    let isFlawless = sample.totals.failed == 0
    if isFlawless { state.pointee.watch.flawless &+= 1 }
    for index in 0..<WatchState.count {
      let metric = WatchState.metric(index)
      guard let value = watchedValue(metric, metrics) else { continue }
      if state.pointee.watch.detectors[index] == 0 {
        // What is 0 all the time needs no detector.
        guard value != 0, !takeDetector(index, state, pool) else { continue }
        if metric == PROGNOS_METRIC_ERROR_RATIO { learnFlawless(state, pool) }
      }
      learn(
        value, pool[state.pointee.watch.detectors[index]],
        unixNanoseconds: Int64(truncatingIfNeeded: sample.endUnix), weight: sample.totals.finished)
    }
  }

  /// As prognos_metric, but CPU time is that of a call: how much there is of it in all, the rate tells.
  private func watchedValue(_ metric: prognos_metric, _ metrics: OperationMetrics) -> Double? {
    guard metric == PROGNOS_METRIC_CPU else { return metrics.value(metric) }
    guard metrics.value(metric) != nil else { return nil }
    return metrics.cpu / Double(metrics.sample.totals.finished)
  }

  /// False when there is one now.
  private func takeDetector(
    _ index: Int, _ state: UnsafeMutablePointer<OperationState>, _ pool: WatchPool
  ) -> Bool {
    if let number = pool.take(WatchState.metric(index), of: state.pointee.operation) {
      state.pointee.watch.detectors[index] = number
      return false
    }
    if state.pointee.watch.isRefused == 0 {
      state.pointee.watch.isRefused = 1
      recording.header.pointee.assessment.unwatchedOperations.add(1)
    }
    return true
  }

  /// An operation that never failed has a history, too.
  private func learnFlawless(
    _ state: UnsafeMutablePointer<OperationState>, _ pool: WatchPool
  ) {
    guard state.pointee.watch.flawless >= UInt32(Detector.warmUp),
      let watched = pool[state.pointee.watch.detectors[2]]
    else { return }
    for _ in 0..<Detector.warmUp { _ = watched.pointee.detector.add(0, unixNanoseconds: 0) }
  }

  private func takeDetectorsOfProcess(_ pool: WatchPool) {
    guard process.pointee.watch.detectors[0] == 0 else { return }
    for index in 0..<WatchProcessState.count {
      process.pointee.watch.detectors[index] =
        pool.take(WatchProcessState.metric(index), of: 0) ?? 0
    }
  }

  /// A point of the process: its own metrics, and the operations that did nothing.
  func watchProcess(_ point: ProcessPoint, at moment: AssessmentMoment) {
    guard let pool = WatchPool(recording) else { return }
    takeDetectorsOfProcess(pool)
    let unix = Int64(truncatingIfNeeded: point.endUnix)
    let before = process.pointee.watch.metrics.finished
    process.pointee.watch.metrics.take(point, nanosecondsPerTick: nanosecondsPerTick)
    let calls = point.finished &- before
    for index in 0..<WatchProcessState.count {
      let metric = WatchProcessState.metric(index)
      let needsCalls = metric == PROGNOS_METRIC_WALL_P95 || metric == PROGNOS_METRIC_ERROR_RATIO
      if needsCalls && (calls == 0 || point.p50Ticks == 0) { continue }
      let value = process.pointee.watch.metrics[metric]
      if value.isNaN { continue }
      learn(
        value, pool[process.pointee.watch.detectors[index]], unixNanoseconds: unix, weight: calls)
    }
    watchIdle(point, pool)
  }

  /// Of an operation that finished nothing, the rate is 0; nothing else is known.
  private func watchIdle(_ point: ProcessPoint, _ pool: WatchPool) {
    for slot in 0..<operations.count {
      let state = operations[slot]
      // Records may be written every so many seconds only.
      let due = state.pointee.watch.latest &+ state.pointee.watch.span
      guard due < point.endMonotonic, state.pointee.watch.latest < point.startMonotonic else {
        continue
      }
      if state.pointee.watch.busyness > 0 { state.pointee.watch.busyness -= 1 }
      if let watched = pool[state.pointee.watch.detectors[0]] {
        learn(0, watched, unixNanoseconds: Int64(truncatingIfNeeded: point.endUnix), weight: 0)
      }
    }
  }
}
