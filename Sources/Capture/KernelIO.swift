// SPDX-License-Identifier: Apache-2.0
import CPrognos
import CShim
import Recording

// Input and output of hosts that do not go through the C library (Go, io_uring's own threads excepted): what
// the kernel counts for the thread, looked at on each boundary of an operation (proc(5), /proc/PID/io).

/// Takes what the kernel has counted of the calling thread so far for the beginning.
func prepareKernelIO(of lane: UnsafeMutablePointer<Lane>, in recording: Recording) {
  if recording.header.pointee.liveTracks.value & PROGNOS_TRACK_KERNEL_IO != 0 {
    _ = readKernelIO(of: lane)
  }
}

/// Charges what the thread has read and written since the last boundary to the call that was innermost, on
/// a busy lane. Cost: opens, reads and closes a file of /proc, about 3 us; a load where that is not wanted.
@inline(__always)
func chargeKernelIO(
  to frame: UnsafeMutablePointer<Frame>, on lane: UnsafeMutablePointer<Lane>,
  of recording: Recording
) {
  if recording.header.pointee.liveTracks.value & PROGNOS_TRACK_KERNEL_IO != 0 {
    chargeCounted(to: frame, on: lane, of: recording)
  }
}

@inline(never)
private func chargeCounted(
  to frame: UnsafeMutablePointer<Frame>, on lane: UnsafeMutablePointer<Lane>,
  of recording: Recording
) {
  let isFirst = lane.pointee.kernelIO[2].value == 0
  guard let counted = readKernelIO(of: lane), !isFirst, counted.reads &+ counted.writes > 0 else {
    return
  }
  let node: UnsafeMutablePointer<CallNode> = recording.at(
    frame.pointee.node.value & ~CallNode.pathless)
  guard let record = recording.ioRecord(of: node, in: lane) else {
    return recording.header.pointee.unattributedIO.addShared(counted.reads &+ counted.writes)
  }
  let reads = IORecord.transfers(IOKind.other, writes: 0)
  record.pointee.transfers[reads].calls.add(counted.reads)
  record.pointee.transfers[reads].bytes.add(counted.readBytes)
  record.pointee.transfers[reads &+ 1].calls.add(counted.writes)
  record.pointee.transfers[reads &+ 1].bytes.add(counted.writtenBytes)
}

private struct KernelIO {
  let readBytes: UInt64
  let writtenBytes: UInt64
  let reads: UInt64
  let writes: UInt64
}

/// What the kernel has counted since the last time, less what looking costs; nil when it does not tell.
private func readKernelIO(of lane: UnsafeMutablePointer<Lane>) -> KernelIO? {
  var now = shim_thread_io()
  guard shim_thread_io_read(&now) else { return nil }
  let counted = KernelIO(
    readBytes: now.read_bytes &- lane.pointee.kernelIO[0].value,
    writtenBytes: now.written_bytes &- lane.pointee.kernelIO[1].value,
    reads: now.reads &- lane.pointee.kernelIO[2].value,
    writes: now.writes &- lane.pointee.kernelIO[3].value)
  // This look is in the next one's numbers.
  lane.pointee.kernelIO[0].set(now.read_bytes &+ now.own_bytes)
  lane.pointee.kernelIO[1].set(now.written_bytes)
  lane.pointee.kernelIO[2].set(now.reads &+ 1)
  lane.pointee.kernelIO[3].set(now.writes)
  return counted
}
