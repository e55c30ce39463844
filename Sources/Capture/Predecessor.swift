// SPDX-License-Identifier: Apache-2.0
import CShim
import Recording

/// Takes over the history of the recording that this process's file came in the place of, if that was the same
/// program's: a service that is restarted goes on with its past. Before the collector's first tick.
/// Cost: reads the older file into memory for the time being, unless that is another user's, or much larger than
/// this recording: somebody may have put it there.
public func adoptPredecessor(into recording: Recording) {
  guard let live = livePath(), !isForkedChild else { return }
  PathText.build { path in
    let target = recording.identityText(.targetPath)
    if target[0] == 0 {
      path.put(live)
      path.put(".1")  // just renamed, to make room
    } else {
      // The copy that is replaced at the end.
      path.put(UnsafeRawPointer(target).assumingMemoryBound(to: CChar.self))
    }
    guard let head = FileHead(of: path.chars, seenBy: recording), head.isRecording else { return }
    do throws(RecordingFailure) {
      let old = try RecordingFile(
        path: path.chars, copying: true, atMost: 2 * UInt64(recording.byteCount))
      if isSameProgram(old.recording, recording) {
        _ = recording.adoptHistory(
          from: old.recording, nanosecondsPerTick: recording.calibrateClock())
      }
      old.close()
    } catch {}
  }
}

/// By command and executable.
public func isSameProgram(_ old: Recording, _ new: Recording) -> Bool {
  old.hasSameText(.command, as: new) && old.hasSameText(.executable, as: new)
}
