// SPDX-License-Identifier: Apache-2.0
import Recording

/// How well the process, its operations and its sessions are.
extension Assessor {
  func judgeHealth(at moment: AssessmentMoment) {}

  /// Compares with the limits, and calls `body` with every change. Not within `writeAssessment`.
  public func raiseAlerts(at moment: AssessmentMoment) {}
}
