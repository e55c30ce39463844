// SPDX-License-Identifier: Apache-2.0
@preconcurrency import CPrognos
import CShim
import Glibc
import Recording
import Testing

@testable import Capture

/// What belongs to the process as a whole: its clocks, its feature flag, its memory. Each in a process
/// of its own.
@Suite("The recording of a process")
struct ProcessTests {
  @Test("Is made by the first call that records, with the sizes of the environment")
  func made() async {
    await #expect(processExitsWith: .success) {
      setenv("PROGNOS_MEMORY_LIMIT_BYTES", "2097152", 1)
      setenv("PROGNOS_MAX_OPS", "20", 1)
      setenv("PROGNOS_MAX_THREADS", "3", 1)
      #expect(existingRecording() == nil)
      prognos_begin(1)
      let header = existingRecording()?.header
      #expect(header?.pointee.bytes.value == 2_097_152)
      #expect(header?.pointee.operationCapacity.value == 20)
      #expect(header?.pointee.laneCapacity.value == 3)
      #expect(header?.pointee.processID.value == shim_process_id())
    }
  }

  @Test("Is one and the same for threads that begin at the same moment")
  func once() async {
    await #expect(processExitsWith: .success) {
      let threads = (0..<16).map { _ in TestThread { prepareRecording()?.base } }
      let bases = Set(threads.map { $0.join() })
      #expect(bases.count == 1)
      #expect(bases.first != nil)
    }
  }

  @Test("Counts on the monotonic clock when PROGNOS_TIME_SOURCE asks for it")
  func monotonicClock() async {
    await #expect(processExitsWith: .success) {
      setenv("PROGNOS_TIME_SOURCE", "clock_gettime", 1)
      let (a, b) = (operation("a"), operation("b"))
      #expect(!recording().usesCounter)
      #expect(recording().header.pointee.mode.value == Header.Mode.careful)
      #expect(recording().calibrateClock() == 1)
      let before = shim_monotonic_ns()
      call(a, times: 100) { call(b) { prognos_work(1) } }
      let after = shim_monotonic_ns()
      #expect(totals(of: a).count == 100)
      #expect(totals(of: b).work == 100)
      #expect(totals(of: a).wallTicks <= after - before)
      #expect(totals(of: a).wallTicks >= totals(of: b).wallTicks)
    }
  }

  @Test(
    "Knows CPU time on the rung that PROGNOS_CPU_CLOCK asks for, or says why not",
    arguments: ["perf", "thread_clock", "best"])
  func rungs(wanted: String) async {
    let result: ExitTest.Result? =
      switch wanted {
      case "perf":
        await #expect(processExitsWith: .success) { tryRung("perf") }
      case "thread_clock":
        await #expect(processExitsWith: .success) { tryRung("thread_clock") }
      default: await #expect(processExitsWith: .success) { tryRung("best") }
      }
    #expect(result != nil)
  }

  @Test("Knows no CPU time when it is not tracked")
  func untracked() async {
    await #expect(processExitsWith: .success) {
      setenv("PROGNOS_TRACK", "memory", 1)
      let a = operation("a")
      call(a, times: 10) { shim_sleep_ns(1000) }
      #expect(recording().header.pointee.cpuClock.value == CPUClock.off)
      #expect(
        recording().header.pointee.cpuClockReason.value == CPUClockReason.notTracked.rawValue)
      #expect(totals(of: a).count == 10)
      #expect(totals(of: a).offCPUNanoseconds == 0)
      #expect(lane().pointee.syncs.value == 0)
      #expect(!profile().tracksCPU)
    }
  }

  @Test("While the flag is off, begin does nothing, and an end closes only what was begun before")
  func flag() async {
    await #expect(processExitsWith: .success) {
      let (a, b) = (operation("a"), operation("b"))
      prognos_begin(a)
      setEnabled(false)
      #expect(!isEnabled())
      #expect(prognos_recording_flag.pointee == 0)
      let before = lane().pointee.unbalancedEnds.value
      call(b)
      prognos_end(a)
      call(b)
      prognos_end(b)
      prognos_work(1)
      prognos_fail("no")
      #expect(lane().pointee.unbalancedEnds.value == before)
      #expect(lane().pointee.outsideOperation.value == 0)
      setEnabled(true)
      #expect(prognos_recording_flag.pointee != 0)
      #expect(totals(of: a).count == 1)
      #expect(totals(of: b).count == 0)
      call(b)
      #expect(totals(of: b).count == 1)
    }
  }

  @Test("While the flag is off, a thread without a lane gets none and counts nothing")
  func flagWithoutLane() async {
    await #expect(processExitsWith: .success) {
      setEnabled(false)
      #expect(!isEnabled())
      prognos_begin(1)
      prognos_end(1)
      prognos_work(1)
      #expect(existingRecording() == nil)
      let a = operation("a")
      call(a)
      #expect(currentLane() == nil)
      #expect(!isEnabled())
      #expect(recording().header.pointee.unbalancedEnds.value == 0)
    }
  }

  @Test("Is smaller where the system gives less memory than the limit")
  func lessMemory() async {
    await #expect(processExitsWith: .success) {
      let limit = limitAddressSpace(above: 40 << 20)
      let made = prepareRecording()
      limit.lift()
      #expect(made?.header.pointee.bytes.value == 24 << 20)
    }
  }

  @Test("Is not made where the system gives no memory, and then nothing is recorded or harmed")
  func noMemory() async {
    await #expect(processExitsWith: .success) {
      let limit = limitAddressSpace(above: 512 << 10)
      let made = prepareRecording()
      call(1)
      prognos_work(1)
      prognos_fail("no")
      let isOn = isEnabled()
      limit.lift()
      #expect(made == nil)
      #expect(!isOn)
      #expect(prepareRecording() == nil)
      #expect(currentLane() == nil)
    }
  }

  @Test("Keeps counts and sums of calls for whose paths there is no memory")
  func pathless() async {
    await #expect(processExitsWith: .success) {
      setenv("PROGNOS_MEMORY_LIMIT_BYTES", "1048576", 1)
      let (a, b) = (operation("a"), operation("b"))
      let lane = lane()
      while recording().allocate(64, for: lane) != nil {}
      call(a, times: 10) {
        call(b)
        prognos_work(4)
        prognos_fail("no")
      }
      prognos_begin(a)
      prognos_begin(b)
      prognos_end(a)
      #expect(totals(of: a).count == 11)
      #expect(totals(of: a).work == 40)
      #expect(totals(of: a).failed == 10)
      #expect(totals(of: b).count == 11)
      #expect(totals(of: b).abandoned == 1)
      #expect(totals(of: a).wallTicks >= totals(of: b).wallTicks)
      #expect(totals(of: a).fastestTicks <= totals(of: a).slowestTicks)
      #expect(lane.pointee.untrackedPaths.value == 22)
      #expect(profile().paths.isEmpty)
    }
  }

  @Test("Counts a call whose octave finds no memory without its histogram, and says so")
  func noOctave() async {
    await #expect(processExitsWith: .success) {
      setenv("PROGNOS_MEMORY_LIMIT_BYTES", "1048576", 1)
      let a = operation("a")
      prognos_begin(a)
      while recording().allocate(64, for: lane()) != nil {}
      prognos_end(a)
      #expect(totals(of: a).count == 1)
      #expect(profile().operations[0].distribution.total == 0)
      #expect(lane().pointee.untrackedPaths.value == 1)
    }
  }
}

/// Records on a rung, and checks what it says of a call that slept.
private func tryRung(_ wanted: String) {
  if wanted != "best" { setenv("PROGNOS_CPU_CLOCK", wanted, 1) }
  let a = operation("a")
  let header = recording().header
  let rung = header.pointee.cpuClock.value
  let reason = CPUClockReason(rawValue: header.pointee.cpuClockReason.value)
  switch wanted {
  case "perf":
    #expect(
      rung == CPUClock.perf && reason == .wantedByEnvironment
        || rung == CPUClock.threadClock && reason == .wantedPerfByEnvironment)
  case "thread_clock":
    #expect(rung == CPUClock.threadClock && reason == .wantedByEnvironment)
  default:
    #expect((reason == .works) == (rung == CPUClock.rseq))
  }
  call(a, times: 3) { shim_sleep_ns(1_000_000) }
  #expect(totals(of: a).count == 3)
  #expect(totals(of: a).offCPUNanoseconds >= 2_900_000)
  #expect(totals(of: a).voluntarySwitches >= 3)
  #expect(header.pointee.syncCostTicks.value > 0)
}

/// Leaves the process only this much more address space.
private func limitAddressSpace(above bytes: UInt) -> (old: rlimit, lift: () -> Void) {
  var text = [CChar](repeating: 0, count: 256)
  let count = shim_read_file("/proc/self/statm", &text, 256)
  let digits = text.prefix(count).prefix { $0 != 0x20 }.map { UInt8(bitPattern: $0) }
  let pages = UInt(String(decoding: digits, as: UTF8.self)) ?? 0
  var old = rlimit()
  getrlimit(__rlimit_resource_t(9), &old)  // RLIMIT_AS
  var new = old
  new.rlim_cur = pages * 4096 + bytes
  setrlimit(__rlimit_resource_t(9), &new)
  return (
    old,
    {
      var old = old
      setrlimit(__rlimit_resource_t(9), &old)
    }
  )
}
