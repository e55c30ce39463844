// SPDX-License-Identifier: Apache-2.0
import Recording

/// The metrics of the process and its operations as series, and their anomalies.
extension Assessor {
  /// What an operation did in a record's span.
  func watch(_ sample: OperationSample, _ state: UnsafeMutablePointer<OperationState>) {}

  /// The newest point of the process.
  func watchProcess(_ point: ProcessPoint, at moment: AssessmentMoment) {}
}
