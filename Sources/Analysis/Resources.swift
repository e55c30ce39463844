// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Recording

/// Resources and their limits: use, trend, and the time until they run out.
extension Assessor {
  func watchResources(_ sample: ResourceSample, at moment: AssessmentMoment) {
    let seconds = Double(moment.monotonicNanoseconds) * 1e-9
    if let exhaustion = Exhaustion(recording) {
      let horizon = crashHorizon(at: moment)
      for resource in Resource.allCases where resource.canRunOut && sample[resource].limit > 0 {
        exhaustion[resource].pointee.observe(
          seconds, used: Double(sample[resource].used), limit: Double(sample[resource].limit),
          horizon: horizon, scales: 4, scratch: exhaustion.scratch)
      }
    }
    answerResources(sample)
  }

  /// In seconds: at least 12 s, and 35 % of the time watched.
  func crashHorizon(at moment: AssessmentMoment) -> Double {
    let start = recording.header.pointee.startMonotonic.value
    let age = moment.monotonicNanoseconds &- start
    return max(12, age < 1 << 62 ? 0.35 * Double(age) * 1e-9 : 0)
  }

  /// The resources that have a limit, the nearest to it first; then those that have none.
  private func answerResources(_ sample: ResourceSample) {
    guard let table = AnswerTable<prognos_resource>(recording, .resources) else { return }
    let exhaustion = Exhaustion(recording)
    var ranks = InlineArray<24, Double>(repeating: -1)
    var count = 0
    for resource in Resource.allCases where sample[resource].used > 0 || sample[resource].limit > 0
    {
      let (used, limit) = sample[resource]
      let ratio = limit > 0 ? Double(used) / Double(limit) : 0
      let probability =
        resource.canRunOut ? exhaustion?[resource].pointee.outlook.certainty ?? 0 : 0
      ranks[resource.rawValue] = limit > 0 ? 1 + ratio + probability : 0
      count += 1
    }
    for place in 0..<count {
      var best = 0
      for index in 1..<24 where ranks[index] > ranks[best] { best = index }
      ranks[best] = -1
      guard let resource = Resource(rawValue: best) else { continue }
      table.set(
        answer(resource, sample, resource.canRunOut ? exhaustion?[resource].pointee : nil),
        at: place)
    }
    table.setWritten(UInt64(count))
  }

  private func answer(
    _ resource: Resource, _ sample: ResourceSample, _ state: ExhaustionState?
  ) -> prognos_resource {
    var answer = prognos_resource()
    let (used, limit) = sample[resource]
    answer.used = Double(used) / resource.unit
    answer.limit = Double(limit) / resource.unit
    answer.used_ratio = limit > 0 ? Double(used) / Double(limit) : 0
    answer.minutes_to_exhaustion = .infinity
    answer.minutes_low = .infinity
    answer.minutes_high = .infinity
    if let state, limit > 0 {
      let outlook = state.outlook
      answer.probability = outlook.certainty
      answer.slope_per_s = outlook.slope * answer.limit
      answer.samples = whole(state.histories[3].total)
      answer.confidence = answer.samples == 0 ? 0 : 1 - Math.exp(-Double(answer.samples) / 60)
      if outlook.isTelling {
        answer.minutes_to_exhaustion = outlook.median / 60
        answer.minutes_low = outlook.low / 60
        answer.minutes_high = outlook.high / 60
      }
    }
    Sentence.compose(in: &answer.resource) { $0.put(resource.name) }
    Sentence.compose(in: &answer.limited_by) { $0.put(resource.limitedBy) }
    return answer
  }
}

extension Resource {
  /// Whether it is used up by what adds up: time without a CPU is not.
  var canRunOut: Bool { rawValue < Exhaustion.count && self != .throttled }
}

extension Outlook {
  /// Whether a time can be told: it may well happen, and not beyond what a past so short can tell.
  var isTelling: Bool { deviation > 0 && certainty >= 0.2 && median < 20 * max(span, 1) }
}
