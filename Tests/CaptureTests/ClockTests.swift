// SPDX-License-Identifier: Apache-2.0
import CPrognos
import CShim
import Glibc
import Recording
import Testing

@testable import Capture

@Suite("Clocks")
struct ClockTests {
  @Test("Ticks are calibrated against the monotonic clock")
  func calibration() {
    let ratio = recording().calibrateClock()
    #expect(ratio > 0.05 && ratio < 100)  // 10 MHz to 20 GHz
    #expect(Double(bitPattern: recording().header.pointee.nanosecondsPerTick.value) > 0)
    let moment = recording().readingMoment()
    let header = recording().header
    let byTicks = Double(moment.ticks - header.pointee.startTicks.value) * moment.nanosecondsPerTick
    let byClock = Double(moment.monotonicNanoseconds - header.pointee.startMonotonic.value)
    #expect(abs(byTicks / byClock - 1) < 0.01)
  }

  @Test("A reading moment knows the CPU time of threads that live, and of no others")
  func threads() {
    let moment = recording().readingMoment()
    #expect(moment.cpuNanoseconds(shim_thread_id()) ?? 0 > 0)
    #expect(moment.cpuNanoseconds(0) == nil)
    #expect(moment.cpuNanoseconds(4_194_305) == nil)
  }

  @Test("A synchronisation's cost is measured")
  func cost() {
    #expect(measureSync(in: recording()) > 0)
  }

  @Test("Every reason for a CPU clock is a sentence of its own")
  func reasons() {
    var texts: Set<String> = []
    var count = 0
    while let reason = CPUClockReason(rawValue: UInt32(count)) {
      texts.insert("\(reason.text)")
      count += 1
    }
    #expect(count == 10)
    #expect(texts.count == count)
    #expect(!texts.contains(""))
  }

  @Test("An untracked CPU needs no clock")
  func choice() {
    #expect(chooseCPUClock(tracked: false).rung == CPUClock.off)
    let (rung, reason) = chooseCPUClock(tracked: true)
    #expect(rung != CPUClock.off)
    #expect((reason == .works) == (rung == CPUClock.rseq))
  }

  /// A descriptor that the kernel accepts as it accepts ours: a copy of it.
  private static func foreignDescriptor() -> UInt64 {
    let copy = UnsafeMutableRawPointer.allocate(byteCount: 32, alignment: 32)  // for ever
    copy.copyMemory(
      from: UnsafeRawPointer(bitPattern: UInt(shim_rseq_descriptor()))!, byteCount: 32)
    return UInt64(UInt(bitPattern: copy))
  }

  private static var hasRseq: Bool { recording().header.pointee.cpuClock.value == CPUClock.rseq }

  @Test(
    "A thread whose rseq area somebody else uses asks the system, and loses no call",
    .enabled(if: hasRseq))
  func foreignInUse() {
    let a = operation("clock.foreign")
    let descriptor = Self.foreignDescriptor()
    let rungs = onNewThread {
      call(a)
      let lane = lane()
      let before = lane.pointee.cpuClock.value
      let field = UnsafeMutableRawPointer(shim_rseq_field()!)
      // The kernel clears the foreign value, too, whenever it switches the thread out.
      for _ in 0..<100_000 where lane.pointee.cpuClock.value == CPUClock.rseq {
        shim_store(field, descriptor)
        prognos_begin(a)
        shim_store(field, descriptor)
        prognos_end(a)
      }
      shim_store(field, 0)
      let counted = totals(of: a).count
      call(a, times: 10)
      #expect(totals(of: a).count == counted + 10)
      return [before, lane.pointee.cpuClock.value]
    }
    #expect(rungs == [CPUClock.rseq, CPUClock.threadClock])
    #expect(totals(of: a).active == 0)
    let next = onNewThread { () -> UInt32 in
      call(a)
      return lane().pointee.cpuClock.value
    }
    #expect(next == CPUClock.rseq)
  }

  @Test("A thread that stays on its CPU makes no system call to know it", .enabled(if: hasRseq))
  func noSyncWithoutSwitch() {
    let a = operation("clock.quiet")
    let (syncs, switches) = onNewThread {
      call(a, times: 10)
      var before = shim_thread_usage()
      shim_thread_usage_read(&before)
      let syncs = lane().pointee.syncs.value
      call(a, times: 10_000)
      var after = shim_thread_usage()
      shim_thread_usage_read(&after)
      return (
        lane().pointee.syncs.value - syncs,
        after.voluntary_switches + after.involuntary_switches
          - before.voluntary_switches - before.involuntary_switches
      )
    }
    // Signals and migrations clear the mark as well; 20,000 calls would each have made one.
    #expect(syncs < 100 + 10 * switches)
  }
}
