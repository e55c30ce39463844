// SPDX-License-Identifier: Apache-2.0
import Analysis
import CPrognos
import Capture
import Recording

@_cdecl("prognos_bottleneck_read") @implementation
public func prognos_bottleneck_read(
  _ out: UnsafeMutablePointer<prognos_bottleneck>!, _ size: Int, _ capacity: Int,
  _ count: UnsafeMutablePointer<Int>!
) -> prognos_status {
  var found = 0
  let status = withUnsafeMutablePointer(to: &found) {
    readAnswers(
      .bottlenecks, prognos_bottleneck(), newestFirst: false, out, size, capacity,
      count == nil ? nil : $0, "prognos_bottleneck_read")
  }
  guard status == PROGNOS_OK else { return status }
  guard found > 0 else {
    ErrorText.set {
      $0.put("prognos_bottleneck_read: no operation has finished enough work yet")
    }
    return PROGNOS_NOT_ENOUGH_DATA
  }
  count.pointee = found
  return status
}
