// SPDX-License-Identifier: Apache-2.0
import CShim

/// What became of the process that a recording is of.
public enum RecordingStatus {
  /// It writes to it.
  case recording
  /// It stopped recording, or ended in order.
  case stopped
  /// It ended without having stopped.
  case died
}

extension RecordingFile {
  public var status: RecordingStatus {
    shim_process_is_alive(recording.header.pointee.processID.value) ? .recording : .died
  }
}
