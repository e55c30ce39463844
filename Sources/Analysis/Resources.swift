// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Recording

/// Resources and their limits: use, trend, and the time until they run out.
extension Assessor {
  func watchResources(_ sample: ResourceSample, at moment: AssessmentMoment) {
    guard let table = AnswerTable<prognos_resource>(recording, .resources) else { return }
    var count = 0
    for resource in Resource.allCases {
      var answer = prognos_resource()
      answer.used = Double(sample[resource].used) / resource.unit
      answer.limit = Double(sample[resource].limit) / resource.unit
      Sentence.compose(in: &answer.resource) { $0.put(resource.name) }
      Sentence.compose(in: &answer.limited_by) { $0.put(resource.limitedBy) }
      table.set(answer, at: count)
      count += 1
    }
    table.setWritten(UInt64(count))
  }

  func judgeCrash(_ sample: ResourceSample, at moment: AssessmentMoment) {}
}
