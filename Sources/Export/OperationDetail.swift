// SPDX-License-Identifier: Apache-2.0
import Recording

/// What the command `prognos` shows of one operation.
extension Report {
  /// Its failed calls by kind, the most frequent first.
  package func failures(ofOperation id: UInt32) -> [(kind: [UInt8], count: UInt64)] {
    guard id > 0, Int(id) <= profile.operations.count else { return [] }
    return failures(profile.operations[Int(id) - 1].totals)
  }

  /// The innermost functions that its samples met, the one with the most time first.
  package func hottestFunctions(
    ofOperation id: UInt32
  ) -> [(name: [UInt8], nanoseconds: UInt64)] {
    let sites = sitesByOperation()
    guard id > 0, Int(id) <= sites.count else { return [] }
    return functions(of: sites[Int(id) - 1]).map { ($0.label, $0.nanoseconds) }
  }
}
