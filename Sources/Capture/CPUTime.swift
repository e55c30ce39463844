// SPDX-License-Identifier: Apache-2.0
import CShim
import Recording

// The CPU clock. A thread that stayed on its CPU has used as much CPU time as wall time went by, so
// begin and end need no CPU clock at all: what is recorded is the time *off* the CPU, learnt from the
// system at the moments when the thread was found to have been switched out. CPU time is wall time
// less that. docs/methods.md, "The CPU clock".

/// A foreign value found in the switch word this often in a row means that somebody else uses it.
private let foreignLimit: UInt64 = 64

/// Time off the CPU below this is the jitter of two clock readings, not a switch: the lower rungs then
/// save themselves the call that counts switches.
private let switchedAtLeast: UInt64 = 1000

/// Learns how long the lane's thread was off its CPU since the last time, and adds it to an open call.
/// Returns the time stamp of the moment up to which it is known, which is when the call ends if it does.
/// Cost: a clock read and two system calls, about 1 us.
@discardableResult
func synchronizeCPUClock(
  of lane: UnsafeMutablePointer<Lane>, chargedTo frame: UnsafeMutablePointer<Frame>,
  in recording: Recording
) -> UInt64 {
  let (now, wall, cpu) = readClocks(of: lane, in: recording)
  let onCPU = cpu &- lane.pointee.syncedCPU.value
  // Signed: two clock readings jitter by some nanoseconds, which later readings make up for.
  let off = Int64(
    bitPattern: wall &- lane.pointee.syncedWall.value &- onCPU
      &+ lane.pointee.owedOffCPU.value)
  lane.pointee.syncedWall.set(wall)
  lane.pointee.syncedCPU.set(cpu)
  lane.pointee.owedOffCPU.set(UInt64(bitPattern: min(off, 0)))
  let offCPU = UInt64(bitPattern: max(off, 0))

  var usage = shim_thread_usage()
  if lane.pointee.cpuClock.value == CPUClock.rseq || offCPU >= switchedAtLeast {
    shim_thread_usage_read(&usage)
    let charged = frame.pointee.operation != 0
    if charged {
      frame.addSwitches(
        offCPU: offCPU,
        voluntary: usage.voluntary_switches &- lane.pointee.syncedVoluntary.value,
        involuntary: usage.involuntary_switches &- lane.pointee.syncedInvoluntary.value,
        faults: usage.page_faults &- lane.pointee.syncedPageFaults.value)
    }
    keep(usage, of: lane)
  } else if offCPU > 0, frame.pointee.operation != 0 {
    frame.addSwitches(offCPU: offCPU, voluntary: 0, involuntary: 0, faults: 0)
  }
  lane.pointee.syncs.add(1)
  return now
}

private func keep(_ usage: shim_thread_usage, of lane: UnsafeMutablePointer<Lane>) {
  lane.pointee.syncedVoluntary.set(usage.voluntary_switches)
  lane.pointee.syncedInvoluntary.set(usage.involuntary_switches)
  lane.pointee.syncedPageFaults.set(usage.page_faults)
}

/// A time stamp, the monotonic clock and the thread's CPU clock of one moment, with the mark armed for
/// the time from here on.
private func readClocks(
  of lane: UnsafeMutablePointer<Lane>, in recording: Recording
) -> (ticks: UInt64, wall: UInt64, cpu: UInt64) {
  switch lane.pointee.cpuClock.value {
  case CPUClock.rseq:
    let word = switchWord(lane)
    let mark = lane.pointee.unswitched.value
    stepDownIfForeign(shim_load(word), mark, lane)
    var moment: (UInt64, UInt64, UInt64)
    var attempts = 0
    repeat {
      shim_store(word, mark)
      moment = (ticks(in: recording), shim_monotonic_ns(), shim_thread_cpu_ns())
      attempts += 1
    } while shim_load(word) != mark && attempts < 4  // switched out between the readings
    return moment
  case CPUClock.perf:
    if let page = UnsafeRawPointer(bitPattern: UInt(lane.pointee.perfPage.value)) {
      return (ticks(in: recording), shim_monotonic_ns(), shim_perf_cpu_ns(page))
    }
    fallthrough
  default:
    return (ticks(in: recording), shim_monotonic_ns(), shim_thread_cpu_ns())
  }
}

/// Notices that somebody else uses the thread's rseq area.
private func stepDownIfForeign(_ found: UInt64, _ mark: UInt64, _ lane: UnsafeMutablePointer<Lane>)
{
  guard found != 0 && found != mark else { return lane.pointee.foreignSwitchWords.set(0) }
  lane.pointee.foreignSwitchWords.add(1)
  if lane.pointee.foreignSwitchWords.value >= foreignLimit { askEachTime(lane) }
}

/// Steps a lane down to the system call.
private func askEachTime(_ lane: UnsafeMutablePointer<Lane>) {
  lane.pointee.cpuClock.set(CPUClock.threadClock)
  lane.pointee.unswitched.set(1)
  lane.pointee.switchWord.set(zeroAddress(of: lane))
}

/// Prepares a lane for the calling thread's CPU time, on the process's rung or below it.
func prepareCPUClock(
  of lane: UnsafeMutablePointer<Lane>, rung: UInt32, in recording: Recording
) {
  lane.pointee.foreignSwitchWords.set(0)
  lane.pointee.owedOffCPU.set(0)
  closePerfPage(of: lane)
  lane.pointee.cpuClock.set(rung)
  switch rung {
  case CPUClock.off:
    // The word that it is compared with: always unswitched.
    lane.pointee.unswitched.set(0)
    lane.pointee.switchWord.set(zeroAddress(of: lane))
    return
  case CPUClock.rseq:
    guard let field = shim_rseq_field() else {
      askEachTime(lane)
      break
    }
    lane.pointee.unswitched.set(shim_rseq_descriptor())
    lane.pointee.switchWord.set(UInt64(UInt(bitPattern: field)))
  case CPUClock.perf:
    askEachTime(lane)
    if let page = shim_perf_open() {
      lane.pointee.cpuClock.set(CPUClock.perf)
      lane.pointee.perfPage.set(UInt64(UInt(bitPattern: page)))
    }
  default:
    askEachTime(lane)
  }
  restartCPUClock(of: lane, in: recording)
}

/// Forgets the time since the last synchronisation: it counts nowhere.
func restartCPUClock(of lane: UnsafeMutablePointer<Lane>, in recording: Recording) {
  if lane.pointee.cpuClock.value == CPUClock.off { return }
  var usage = shim_thread_usage()
  shim_thread_usage_read(&usage)
  keep(usage, of: lane)
  let (_, wall, cpu) = readClocks(of: lane, in: recording)
  lane.pointee.syncedWall.set(wall)
  lane.pointee.syncedCPU.set(cpu)
}

/// Gives back what a thread's CPU clock held.
func closePerfPage(of lane: UnsafeMutablePointer<Lane>) {
  if let page = UnsafeMutableRawPointer(bitPattern: UInt(lane.pointee.perfPage.value)) {
    shim_perf_close(page)
    lane.pointee.perfPage.set(0)
  }
}

private func zeroAddress(of lane: UnsafeMutablePointer<Lane>) -> UInt64 {
  UInt64(UInt(bitPattern: UnsafeRawPointer(lane) + Int(Lane.zeroOffset)))
}

/// What a synchronisation costs: the fastest of a few, in ticks.
func measureSync(in recording: Recording) -> UInt64 {
  var fastest = UInt64.max
  var usage = shim_thread_usage()
  for _ in 0..<5 {
    let begun = ticks(in: recording)
    _ = shim_monotonic_ns() &+ shim_thread_cpu_ns()
    shim_thread_usage_read(&usage)
    fastest = min(fastest, ticks(in: recording) &- begun)
  }
  return fastest
}
