// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Recording

/// Whether, of what and when the process will die: the most likely of all causes.
extension Assessor {
  /// Before the records of a moment are read.
  func beginCrashRecord(_ sample: ResourceSample, at moment: AssessmentMoment) {
    guard let point = moment.point else { return }
    process.pointee.crash.beginRecord(sample)
    process.pointee.crash.observe(point)
    guard point.cpuQuota > 0, let exhaustion = Exhaustion(recording) else { return }
    exhaustion[.throttled].pointee.observe(
      Double(moment.monotonicNanoseconds) * 1e-9, used: process.pointee.crash.cpuRate * 1e9,
      limit: Double(point.cpuQuota), horizon: crashHorizon(at: moment), scales: 4,
      scratch: exhaustion.scratch)
  }

  /// What an operation did in a record's span.
  func watchCrash(_ sample: OperationSample, _ state: UnsafeMutablePointer<OperationState>) {
    state.pointee.crash.observe(
      sample, nanosecondsPerTick: nanosecondsPerTick, round: process.pointee.crash.round,
      growth: process.pointee.crash.growth)
  }

  func judgeCrash(_ sample: ResourceSample, at moment: AssessmentMoment) {
    guard let table = AnswerTable<prognos_crash>(recording, .crash) else { return }
    let seconds = Double(moment.monotonicNanoseconds) * 1e-9
    var answer = prognos_crash()
    answer.horizon_minutes = crashHorizon(at: moment) / 60
    answer.minutes_to_failure = .infinity
    answer.minutes_low = .infinity
    answer.minutes_high = .infinity
    var (rank, resource): (Double, Resource?) = (0.02, nil)
    if let exhaustion = Exhaustion(recording) {
      answer.samples = whole(exhaustion[.hostMemory].pointee.histories[3].total)
      for one in Resource.allCases where one.canRunOut && sample[one].limit > 0 {
        let state = exhaustion[one].pointee
        answer.samples = max(answer.samples, whole(state.histories[3].total))
        answer.probability_ever = max(answer.probability_ever, state.outlook.certainty)
        answer.probability = max(answer.probability, state.probability)
        // Which one to tell of is clear long before it is near.
        let next =
          state.probability + 0.3
          * state.outlook.probability(within: 4 * answer.horizon_minutes * 60)
        if next > rank { (rank, resource) = (next, one) }
      }
    }
    // The first seconds tell nothing.
    guard answer.samples >= 10 else { return }
    answer.confidence = 1 - Math.exp(-Double(answer.samples) / 60)
    var cause = stallCause(sample, at: seconds)
    cause.meet(queueCause())
    cause.meet(operationCauses(sample, at: seconds))
    cause.meet(precursorCause(at: moment))
    settle(&cause, seconds)
    if cause.probability > answer.probability {
      put(cause, into: &answer, sample, seconds)
    } else if let resource {
      put(resource, into: &answer, sample)
    } else {
      Sentence.compose(in: &answer.reason) {
        $0.put("nothing points to a crash within ")
        $0.put(seconds: answer.horizon_minutes * 60)
      }
    }
    answer.probability_ever = max(answer.probability_ever, answer.probability)
    table.set(answer, at: 0)
    table.setWritten(1)
  }

  /// As with resources: an alarm lasts before it is one, and until it is clearly none.
  private func settle(_ cause: inout CrashCause, _ seconds: Double) {
    let state = process.pointee.crash
    if state.isAlarm {
      process.pointee.crash.isAlarm = cause.probability >= 0.3
      if cause.probability >= 0.3 { cause.probability = max(cause.probability, 0.5) }
      return
    }
    guard cause.probability >= 0.5 else {
      process.pointee.crash.since = 0
      return
    }
    if state.since == 0 { process.pointee.crash.since = seconds }
    process.pointee.crash.isAlarm = seconds - process.pointee.crash.since >= 1
    if !process.pointee.crash.isAlarm { cause.probability = 0.49 }
  }

  private func put(
    _ resource: Resource, into answer: inout prognos_crash, _ sample: ResourceSample
  ) {
    guard let state = Exhaustion(recording)?[resource].pointee else { return }
    let outlook = state.outlook
    answer.kind = PROGNOS_CRASH_EXHAUSTION.rawValue
    answer.used = Double(sample[resource].used) / resource.unit
    answer.limit = Double(sample[resource].limit) / resource.unit
    if outlook.isTelling {
      answer.minutes_to_failure = outlook.median / 60
      answer.minutes_low = outlook.low / 60
      answer.minutes_high = outlook.high / 60
    }
    let operation = outlook.certainty >= 0.2 ? operationToBlame(for: resource) : 0
    answer.op = operation
    Sentence.compose(in: &answer.resource) { $0.put(resource.name) }
    let (used, limit) = (answer.used, answer.limit)
    Sentence.compose(in: &answer.reason) {
      $0.put(resource.name)
      $0.put(": ")
      resource.put(used, &$0)
      $0.put(" of ")
      resource.put(limit, &$0)
      $0.put(" (")
      $0.put(resource.limitedBy)
      $0.put(") used, growing by ")
      resource.put(outlook.slope * limit, &$0)
      $0.put("/s")
      if outlook.isTelling {
        $0.put("; it lasts another ")
        $0.put(seconds: outlook.low)
        $0.put(" to ")
        $0.put(seconds: outlook.high)
      }
      if operation != 0 {
        $0.put("; it grows with ")
        $0.put(recording.text(recording.operation(operation).pointee.name.value))
      }
    }
  }

  private func put(
    _ cause: CrashCause, into answer: inout prognos_crash, _ sample: ResourceSample,
    _ seconds: Double
  ) {
    let state = process.pointee.crash
    let quota = Exhaustion(recording)?[.throttled].pointee
    // Of its quota, if that is what there is too little of.
    let quotaShare =
      state.throttled > 0.05 || (quota?.probability ?? 0) > 0.3 ? quota?.histories[3].used ?? 0 : 0
    answer.probability = cause.probability
    answer.kind = cause.kind.rawValue
    answer.op = cause.operation
    let subject: StaticString =
      switch cause.kind {
      case PROGNOS_CRASH_DEADLOCK: "deadlock"
      case PROGNOS_CRASH_STALL: "stall"
      case PROGNOS_CRASH_QUEUE: "queue"
      case PROGNOS_CRASH_ERRORS: "errors"
      case PROGNOS_CRASH_PRECURSOR: "former crash"
      default: quotaShare > 0 ? "CPU quota" : "latency"
      }
    Sentence.compose(in: &answer.resource) { $0.put(subject) }
    if cause.kind == PROGNOS_CRASH_PRECURSOR { return putPrecursor(into: &answer) }
    Sentence.compose(in: &answer.reason) {
      if cause.operation != 0 {
        $0.put(recording.text(recording.operation(cause.operation).pointee.name.value))
        $0.put(": ")
      }
      switch cause.kind {
      case PROGNOS_CRASH_DEADLOCK, PROGNOS_CRASH_STALL:
        $0.put("a call is open for ")
        $0.put(seconds: cause.value)
        $0.put(", the longest so far took ")
        $0.put(seconds: cause.reference)
        if cause.kind == PROGNOS_CRASH_DEADLOCK { $0.put("; others wait as long") }
        $0.put("; the process finishes ")
        $0.put(state.rate)
        $0.put(" calls/s, usually ")
        $0.put(state.usualRate)
      case PROGNOS_CRASH_QUEUE:
        $0.put(cause.value)
        $0.put(" calls are open, usually ")
        $0.put(cause.reference)
        $0.put(", and no more is done than before")
      case PROGNOS_CRASH_ERRORS:
        $0.put(percentOf: cause.value)
        $0.put(" of its calls fail, usually ")
        $0.put(percentOf: cause.reference)
      default:
        $0.put("half of its calls take longer than ")
        $0.put(seconds: cause.value)
        $0.put(", usually ")
        $0.put(seconds: cause.reference)
        if quotaShare > 0 {
          $0.put("; of the CPU quota ")
          $0.put(percentOf: quotaShare)
          $0.put(" is used, and ")
          $0.put(percentOf: state.throttled)
          $0.put(" of the time waited for")
        }
      }
    }
  }
}

extension Resource {
  /// An amount in the unit of answers.
  func put(_ amount: Double, _ text: inout Sentence) {
    if isBytes { text.put(bytes: amount) } else { text.put(amount) }
  }
}
