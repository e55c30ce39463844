// SPDX-License-Identifier: Apache-2.0
import Analysis
import CPrognos
import Capture
import Export
import Recording

@_cdecl("prognos_leaks_read") @implementation
public func prognos_leaks_read(
  _ out: UnsafeMutablePointer<prognos_leak>!, _ size: Int, _ capacity: Int,
  _ count: UnsafeMutablePointer<Int>!
) -> prognos_status {
  let status = readAnswers(
    .leaks, prognos_leak(), newestFirst: false, out, size, capacity, count, "prognos_leaks_read")
  // Names come from files: not while the collector waits for the reading to end.
  guard status == PROGNOS_OK, let out, size >= MemoryLayout<prognos_leak>.size,
    let recording = existingRecording()
  else { return status }
  undisturbed {
    for index in 0..<min(capacity, count.pointee) {
      let place = UnsafeMutableRawPointer(out) + index * size
      nameStack(of: place.assumingMemoryBound(to: prognos_leak.self), in: recording)
    }
  }
  return PROGNOS_OK
}
