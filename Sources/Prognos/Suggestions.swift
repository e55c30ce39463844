// SPDX-License-Identifier: Apache-2.0
import Analysis
import CPrognos
import CShim
import Capture
import Recording

@_cdecl("prognos_suggestions_read") @implementation
public func prognos_suggestions_read(
  _ out: UnsafeMutablePointer<prognos_suggestion>!, _ size: Int, _ capacity: Int,
  _ count: UnsafeMutablePointer<Int>!
) -> prognos_status {
  let function: StaticString = "prognos_suggestions_read"
  guard let count, out != nil || capacity == 0, size > 0, capacity >= 0 else {
    return invalidArgument {
      $0.put(function)
      $0.put(": expected count, sizeof *out, and out unless capacity is 0")
    }
  }
  return undisturbed {
    guard let recording = existingRecording() else {
      ErrorText.set { $0.put("prognos_suggestions_read: nothing was recorded yet") }
      return PROGNOS_NOT_ENOUGH_DATA
    }
    guard hasMemory(toRead: recording), shim_has_memory(DurationModel.roomCount * 8) else {
      return noMemory(function)
    }
    let moment = recording.readingMoment()
    var found: [prognos_suggestion] = []
    recording.readAssessment(at: moment) {
      found = Suggestions(of: Profile(of: recording, at: moment, distributions: .none)).found
    }
    count.pointee = found.count
    guard let out else { return PROGNOS_OK }
    for index in 0..<min(capacity, found.count) {
      let place = UnsafeMutableRawPointer(out) + index * size
      _ = fill(
        place.assumingMemoryBound(to: prognos_suggestion.self), size, with: found[index], function)
    }
    return PROGNOS_OK
  }
}
