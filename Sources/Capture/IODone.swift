// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Recording

// Input and output that the host tells of, because it goes past the C library.

@c(prognos_io_done) @implementation
public func prognos_io_done(_ kind: prognos_io_kind, _ bytes: UInt64, _ wait_ns: UInt64) {
  guard isEnabled() else { return }
  guard kind.rawValue <= PROGNOS_WAIT.rawValue else {
    _ = prepareRecording()?.header.pointee.badArguments.addShared(1)
    return
  }
  // As begin does: the first call of a thread gives it a lane.
  guard let recording = (currentLane() ?? attach()).map({ _ in attachedRecording() }) else {
    return countUntrackedCall()
  }
  let ticks = recording.ticks(nanoseconds: wait_ns)
  withIORecord(ticks: ticks) { record, _, shared in
    record.pointee.add(kind, bytes: bytes, ticks: ticks, shared: shared)
  }
}

extension IORecord {
  @inline(__always)
  fileprivate func add(_ kind: prognos_io_kind, bytes: UInt64, ticks: UInt64, shared: Bool) {
    func transfer(_ kind: Int, _ writes: Int) {
      addTransfer(kind, writes: writes, bytes: bytes, ticks: ticks, shared: shared)
    }
    switch kind {
    case PROGNOS_FILE_READ: transfer(IOKind.file, 0)
    case PROGNOS_FILE_WRITE: transfer(IOKind.file, 1)
    case PROGNOS_FILE_SYNC: addWait(Wait.sync, ticks: ticks, shared: shared)
    case PROGNOS_SOCKET_READ: transfer(IOKind.socket, 0)
    case PROGNOS_SOCKET_WRITE: transfer(IOKind.socket, 1)
    case PROGNOS_PIPE_READ: transfer(IOKind.pipe, 0)
    case PROGNOS_PIPE_WRITE: transfer(IOKind.pipe, 1)
    case PROGNOS_TERMINAL_READ: transfer(IOKind.terminal, 0)
    case PROGNOS_TERMINAL_WRITE: transfer(IOKind.terminal, 1)
    case PROGNOS_OTHER_READ: transfer(IOKind.other, 0)
    case PROGNOS_OTHER_WRITE: transfer(IOKind.other, 1)
    default: addWait(Wait.pause, ticks: ticks, shared: shared)
    }
  }
}

extension Recording {
  /// A time that the host measured, in the unit of time stamps.
  fileprivate func ticks(nanoseconds: UInt64) -> UInt64 {
    let ticks = (Double(nanoseconds) / nanosecondsPerTickSoFar).rounded()
    return ticks < 0x1p63 ? UInt64(ticks) : 1 << 63
  }
}
