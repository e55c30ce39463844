// SPDX-License-Identifier: Apache-2.0
import Recording

/// Resources and their limits: use, trend, and the time until they run out.
extension Assessor {
  func watchResources(_ sample: ResourceSample, at moment: AssessmentMoment) {}

  func judgeCrash(_ sample: ResourceSample, at moment: AssessmentMoment) {}
}
