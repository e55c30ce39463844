// SPDX-License-Identifier: Apache-2.0
import Recording

/// What grows and is not given back, by operation and by call stack.
extension Assessor {
  func judgeLeaks(at moment: AssessmentMoment) {}
}
