// SPDX-License-Identifier: Apache-2.0
import CShim

/// What became of the process that a recording is of.
public enum RecordingStatus {
  /// It is alive.
  case recording
  /// It stopped recording, or ended in order.
  case stopped
  /// It ended without having stopped.
  case died
  /// It runs in a container, or not any more: its number means nothing here, and its last sign of life is old.
  case unknown
}

extension RecordingFile {
  /// Asked of the system each time: some 20 us.
  public var status: RecordingStatus {
    let identity = recording.identity
    let state = identity.pointee.state.acquired
    if state == Identity.State.stopped || state == Identity.State.exited { return .stopped }
    guard isOfThisBoot else { return .died }
    if identity.pointee.processNamespace.value == shim_process_times(0).pid_namespace {
      let process = shim_process_times(recording.header.pointee.processID.value)
      let isSame = process.start_ticks == identity.pointee.processStart.value
      return isSame && process.start_ticks != 0 && process.state != 0x5A ? .recording : .died
    }
    let silence = Int64(
      bitPattern: shim_monotonic_ns() &- identity.pointee.beatMonotonic.value)
    return silence > -Self.longestSilence && silence < Self.longestSilence ? .recording : .unknown
  }

  /// Ten ticks of a collector with the standard interval.
  private static var longestSilence: Int64 { 10_000_000_000 }

  /// Whether the system has not been started anew since: the clocks of the recording go on.
  var isOfThisBoot: Bool {
    let theirs = recording.text(of: .bootID)
    let ours = [UInt8](unsafeUninitializedCapacity: 64) { buffer, count in
      let got = buffer.withMemoryRebound(to: CChar.self) {
        $0.baseAddress.map { shim_read_file("/proc/sys/kernel/random/boot_id", $0, 64) } ?? 0
      }
      count = max(got, 0)
    }
    return !theirs.isEmpty && theirs.elementsEqual(ours.prefix { $0 != 0x0A })
  }
}
