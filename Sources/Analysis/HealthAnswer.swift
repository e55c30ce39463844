// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Recording

/// How well an operation is, as the recording keeps it; a reader makes a sentence of it.
struct OperationHealth: BitwiseCopyable {
  var latency = 100.0
  var errors = 100.0
  var memory = 100.0
  var stability = 100.0
  var confidence = 0.0
  var finished: UInt64 = 0
  var finding = Finding()

  var score: Double { latency * errors / 100 * memory / 100 * stability / 100 }

  mutating func set(_ state: OperationHealthState, _ worst: Finding) {
    latency = 100 * (1 - state.latency.value)
    errors = 100 * (1 - state.errors.value)
    finished = state.finished
    finding = worst
    confidence = max(
      worst.weight,
      Evidence.share(Double(finished), half: 30) * Evidence.share(state.seconds, half: 5))
  }

  mutating func meet(memory found: Finding) {
    memory = min(memory, 100 * (1 - found.weight))
    if found.weight > finding.weight { finding = found }
  }

  mutating func meet(stability found: Finding) {
    stability = min(stability, 100 * (1 - found.weight))
    if found.weight > finding.weight { finding = found }
  }
}

extension Finding {
  /// How strong it is of its kind, beyond where its severity no longer tells.
  var strength: Double {
    cause == .slower || cause == .slowerTail || cause == .slowerAverage
      ? value * confidence : weight
  }

  /// This one's severity, with the other's cause.
  func blaming(_ other: Finding) -> Finding {
    guard other.weight > 0 else { return self }
    var found = other
    found.severity = severity * confidence
    found.confidence = 1
    return found
  }
}

extension Assessor {
  /// The process's health as it is shown now.
  func answer(at now: UInt64) -> prognos_health {
    let state = process.pointee.health
    var answer = prognos_health()
    answer.latency = state.latency.score
    answer.errors = state.errors.score
    answer.saturation = state.saturation.score
    answer.memory = state.memory.score
    answer.stability = state.stability.score
    answer.score =
      answer.latency * answer.errors / 100 * answer.saturation / 100 * answer.memory / 100
      * answer.stability / 100
    let worst = state.worst
    answer.op = worst.shown.value >= 0.02 ? worst.finding.operation : 0
    let seconds = Double(now &- min(state.first, now)) / 1e9
    let calls = Double(state.finished)
    // An idle process may be well: nobody knows.
    let known = Evidence.share(seconds, half: 10) * (0.2 + 0.75 * Evidence.share(calls, half: 50))
    answer.confidence = max(known, worst.shown.value)
    answer.samples = state.finished
    Sentence.compose(in: &answer.reason) { text in
      if worst.shown.value >= 0.02 {
        put(worst.finding, isOver: worst.isOver, &text)
      } else {
        putWell(state, &text)
      }
    }
    return answer
  }

  /// The health of an operation; nil when it is not watched, or has not finished `Assessor.leastCalls`.
  public func health(of operation: UInt32) -> (finished: UInt64, health: prognos_health?) {
    guard let slot = operations.slot(of: operation),
      let table = AnswerTable<OperationHealth>(recording, .operationHealth)
    else { return (0, nil) }
    var found = OperationHealth()
    guard slot < table.count, table.read(slot, into: &found) else { return (0, nil) }
    guard found.finished >= Self.leastCalls else { return (found.finished, nil) }
    var answer = prognos_health()
    answer.score = found.score
    answer.latency = found.latency
    answer.errors = found.errors
    answer.saturation = 100
    answer.memory = found.memory
    answer.stability = found.stability
    answer.confidence = found.confidence
    answer.samples = found.finished
    answer.op = operation
    Sentence.compose(in: &answer.reason) { text in
      var finding = found.finding
      finding.operation = operation
      if found.score < 98 {
        put(finding, isOver: finding.weight == 0, &text)
      } else {
        text.put("as usual: ")
        text.put(found.finished)
        text.put(" calls so far")
        if let usual = usualNanoseconds(of: slot) {
          text.put(", usually ")
          text.put(seconds: usual / 1e9)
        }
      }
    }
    return (found.finished, answer)
  }

  /// How many calls an operation must have finished to be judged.
  public static var leastCalls: UInt64 { 5 }

  private func usualNanoseconds(of slot: Int) -> Double? {
    guard slot < operations.count else { return nil }
    let state = operations[slot].pointee.health
    return state.records > 0 ? Math.exp(min(state.usualMean, 60)) * nanosecondsPerTick : nil
  }
}

extension ProcessHealthState {
  /// The part that costs the most.
  var worst: Part {
    var worst = latency
    func meet(_ part: Part) { if part.shown.value > worst.shown.value { worst = part } }
    meet(errors)
    meet(saturation)
    meet(memory)
    meet(stability)
    return worst
  }
}
