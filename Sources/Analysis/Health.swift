// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Recording

/// How well the process, its operations and its sessions are: 100 times the product of what each part leaves. One
/// fatal fault dominates, which a weighted sum would hide. Within a part the worst finding counts alone: a thousand
/// operations would multiply their noise (docs/decisions/0027).
extension Assessor {
  /// Learns a record of an operation; of operation 0, which stands for all calls without a caller, too.
  func observeHealth(_ sample: OperationSample) {
    if sample.operation == 0 {
      _ = process.pointee.health.outermost.observe(sample)
      process.pointee.alerts.metrics.allocated &+= sample.totals.allocatedBytes
      return
    }
    guard let state = operations.state(of: sample.operation) else { return }
    guard let objective = recording.objective(of: sample.operation) else {
      _ = state.pointee.health.observe(sample)
      return
    }
    let ticks = Double(objective.latencyNanoseconds) / nanosecondsPerTick
    let isBounded = objective.latencyNanoseconds > 0
    let seen = state.pointee.health.observe(sample, slowTicks: isBounded ? whole(ticks) : .max)
    note(seen, objective, state, at: sample.endMonotonic)
  }

  var nanosecondsPerTick: Double {
    let sampled = process.pointee.nanosecondsPerTick
    let known =
      sampled > 0
      ? sampled : Double(bitPattern: recording.header.pointee.nanosecondsPerTick.value)
    return known >= 0.01 && known <= 1000 ? known : 1
  }

  /// Counts calls against an objective.
  private func note(
    _ seen: CallsObserved, _ objective: Objective, _ state: UnsafeMutablePointer<OperationState>,
    at monotonic: UInt64
  ) {
    guard let records = BurnRecords(recording) else { return }
    if state.pointee.health.burn == 0 {
      state.pointee.health.burn = records.make(for: state.pointee.operation) ?? 0
    }
    guard let record = records[Int(state.pointee.health.burn) - 1] else { return }
    if record.pointee.latencyNanoseconds != objective.latencyNanoseconds {
      record.pointee = BurnRecord()
      record.pointee.operation = state.pointee.operation
      record.pointee.latencyNanoseconds = objective.latencyNanoseconds
    }
    let slow = seen.calls > 0 ? seen.slow / seen.calls * seen.finished : 0
    record.pointee.add(
      BurnRecord.Slot(
        calls: UInt32(clamping: whole(seen.finished)), slow: UInt32(clamping: whole(slow)),
        failed: UInt32(clamping: whole(seen.failed))),
      at: monotonic)
  }

  func judgeHealth(_ sample: ResourceSample, at moment: AssessmentMoment) {
    let now = moment.monotonicNanoseconds
    if process.pointee.health.first == 0 { process.pointee.health.first = max(now, 1) }
    let before = process.pointee.health.latest
    process.pointee.health.latest = max(now, before)
    // What the first look finds shows at once.
    let seconds = before == 0 ? 1 : now > before ? Double(now &- before) / 1e9 : 0
    if let point = moment.point { observe(point) }
    let (latency, errors) = judgeOperations(at: now, seconds: seconds)
    let (saturation, memory) = judgeResources(sample)
    var leaks = memory
    meetLeaks(&leaks, resident: sample[.residentMemory].used)
    process.pointee.health.latency.follow(latency, seconds: seconds)
    process.pointee.health.errors.follow(errors, seconds: seconds)
    process.pointee.health.saturation.follow(saturation, seconds: seconds)
    process.pointee.health.memory.follow(leaks, seconds: seconds)
    process.pointee.health.stability.follow(judgeStability(at: moment), seconds: seconds)
    guard let table = AnswerTable<prognos_health>(recording, .health) else { return }
    table.set(answer(at: now), at: 0)
    table.setWritten(1)
  }

  /// All operations; what the process makes of the worst.
  private func judgeOperations(at now: UInt64, seconds: Double) -> (Finding, Finding) {
    guard let table = AnswerTable<OperationHealth>(recording, .operationHealth) else {
      return (Finding(), Finding())
    }
    let share = OperationShares(self, at: now)
    var (latency, errors) = (Finding(), Finding())
    var (blamedLatency, blamedErrors) = (Finding(), Finding())
    for slot in 0..<min(operations.count, table.capacity) {
      let state = operations[slot]
      let objective = recording.objective(of: state.pointee.operation)
      var (slow, failed) = findings(state, objective, at: now)
      slow.operation = state.pointee.operation
      failed.operation = state.pointee.operation
      state.pointee.health.latency.follow(slow.weight, seconds: seconds)
      state.pointee.health.errors.follow(failed.weight, seconds: seconds)
      var answer = OperationHealth()
      answer.set(state.pointee.health, slow.weight >= failed.weight ? slow : failed)
      table.set(answer, at: slot)
      let weight = objective == nil ? share.weight(of: state.pointee.health) : 1
      Self.meet(slow, weight, &latency, &blamedLatency)
      Self.meet(failed, weight, &errors, &blamedErrors)
    }
    table.setWritten(UInt64(operations.count))
    return (latency.blaming(blamedLatency), errors.blaming(blamedErrors))
  }

  /// The part takes the worst of all, weighted; the blame goes to the operation that is worst by itself among those
  /// that cost nearly as much: what calls a slow operation is slow, too, but less so.
  private static func meet(
    _ found: Finding, _ weight: Double, _ worst: inout Finding, _ blamed: inout Finding
  ) {
    guard found.weight > 0 else { return }
    var weighted = found
    weighted.severity *= weight
    let isNear = weighted.weight >= 0.7 * worst.weight
    let isBlamedFar = blamed.weight * weight < 0.7 * weighted.weight
    if isNear, isBlamedFar || found.strength >= blamed.strength { blamed = found }
    worst.meet(weighted)
  }

  private func findings(
    _ state: UnsafeMutablePointer<OperationState>, _ objective: Objective?, at now: UInt64
  ) -> (slow: Finding, failed: Finding) {
    let own = state.pointee.health
    guard let objective else { return (own.slowdown(at: now), own.failures(at: now)) }
    var (slow, failed) = own.against(objective, at: now)
    if let record = BurnRecords(recording)?[Int(own.burn) - 1] {
      let burning = record.pointee.finding(objective, at: now)
      slow.meet(burning.slow)
      failed.meet(burning.failed)
    }
    return (slow, failed)
  }
}

extension OperationHealthState {
  /// The latest calls against an objective.
  func against(_ objective: Objective, at moment: UInt64) -> (slow: Finding, failed: Finding) {
    let fresh = freshness(at: moment)
    func finding(_ bad: Double, _ cause: HealthCause) -> Finding {
      let excess =
        Evidence.lowerBound(bad * fresh, of: ratioCalls * fresh) - 1.5 * objective.budget
      return Finding(
        severity: Severity.failures(excess, usual: objective.budget),
        confidence: Evidence.failures(bad * fresh), cause: cause,
        value: bad / max(ratioCalls, 1e-9), reference: objective.budget)
    }
    let slow =
      objective.latencyNanoseconds > 0 ? finding(ratioSlow, .slowObjective) : Finding()
    return (slow, finding(ratioFailed, .failedObjective))
  }
}

/// How much of all that is done an operation is.
struct OperationShares {
  private var calls = 0.0
  private var wall = 0.0

  /// Calls without a caller, and at least the greatest: where an outer one never ends, there are none.
  init(_ assessor: Assessor, at now: UInt64) {
    meet(assessor.process.pointee.health.outermost)
    for slot in 0..<assessor.operations.count { meet(assessor.operations[slot].pointee.health) }
  }

  private mutating func meet(_ state: OperationHealthState) {
    calls = max(calls, state.callRate)
    wall = max(wall, state.wallRate)
  }

  /// 1 from a quarter of the time or of the calls on; a hundredth still counts for a third.
  func weight(of state: OperationHealthState) -> Double {
    let share = max(
      calls > 0 ? state.callRate / calls : 0, wall > 0 ? state.wallRate / wall : 0)
    return share > 0 ? min(Math.pow(share * 4, 1.0 / 3), 1) : 0
  }
}
