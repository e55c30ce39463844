// SPDX-License-Identifier: Apache-2.0
import CPrognos
import CShim
import Recording
import Testing

@testable import Capture

@Suite("CPU time")
struct CPUTimeTests {
  /// A lane of no thread, with an open operation, in memory of its own.
  private final class Stage {
    let recording: Recording
    let lane: UnsafeMutablePointer<Lane>
    let frame: UnsafeMutablePointer<Frame>
    let word = UnsafeMutablePointer<UInt64>.allocate(capacity: 1)
    static let mark: UInt64 = 0x1111

    init(rung: UInt32) {
      let layout = Layout(memoryLimit: 1 << 20, operations: 16, lanes: 1)
      recording = Recording(zeroed: shim_map(Int(layout.bytes))!, layout: layout)
      lane = recording.acquireLane()!
      frame = recording.slot(above: recording.frame(top: lane.pointee.top.value), in: lane)!
      frame.pointee.key.set(1)
      prepareCPUClock(of: lane, rung: rung, in: recording)
      if rung == CPUClock.rseq {
        // A word that no kernel looks at.
        word.pointee = 0
        lane.pointee.switchWord.set(UInt64(UInt(bitPattern: word)))
        lane.pointee.unswitched.set(Self.mark)
      }
    }

    deinit { word.deallocate() }

    func synchronize() { synchronizeCPUClock(of: lane, chargedTo: frame, in: recording) }

    /// As if this much more wall time than CPU time had gone by since the last synchronisation.
    func wait(_ nanoseconds: UInt64) {
      lane.pointee.syncedWall.set(lane.pointee.syncedWall.value &- nanoseconds)
    }

    var isSwitched: Bool { frame.pointee.state.value & Frame.State.switched != 0 }
    var offCPU: UInt64 { isSwitched ? frame.pointee.offCPUNanoseconds.value : 0 }
  }

  private static let day: UInt64 = 86_400_000_000_000

  @Test(
    "Time off the CPU is charged to the open operation, on every rung",
    arguments: [CPUClock.rseq, CPUClock.perf, CPUClock.threadClock])
  func charged(rung: UInt32) {
    let stage = Stage(rung: rung)
    stage.wait(Self.day)
    stage.synchronize()
    #expect(stage.isSwitched)
    // Whatever the test itself waited comes on top.
    #expect(stage.offCPU > Self.day - 1_000_000)
    #expect(stage.offCPU < 2 * Self.day)
    #expect(stage.lane.pointee.syncs.value == 1)
    stage.wait(Self.day)
    stage.synchronize()
    #expect(stage.offCPU > 2 * Self.day - 1_000_000)
    closePerfPage(of: stage.lane)
  }

  @Test("Time off the CPU while nothing is open is charged to nobody")
  func nothingOpen() {
    for rung in [CPUClock.rseq, CPUClock.threadClock] {
      let stage = Stage(rung: rung)
      let root = stage.recording.frame(top: stage.lane.pointee.top.value)
      stage.wait(Self.day)
      synchronizeCPUClock(of: stage.lane, chargedTo: root, in: stage.recording)
      #expect(root.pointee.state.value == 0)
      #expect(root.pointee.offCPUNanoseconds.value == 0)
      stage.synchronize()
      #expect(stage.offCPU < Self.day / 2)
    }
  }

  @Test("What two clock readings found too much CPU time is made up for later")
  func owed() {
    let stage = Stage(rung: CPUClock.threadClock)
    // An hour of CPU time in no wall time at all.
    let hour = Self.day / 24
    stage.lane.pointee.syncedWall.set(stage.lane.pointee.syncedWall.value &+ hour)
    stage.synchronize()
    #expect(!stage.isSwitched)
    #expect(Int64(bitPattern: stage.lane.pointee.owedOffCPU.value) < 0)
    stage.wait(Self.day)
    stage.synchronize()
    #expect(stage.offCPU > Self.day - hour - 1_000_000)
    #expect(stage.offCPU < Self.day)
    #expect(stage.lane.pointee.owedOffCPU.value == 0)
  }

  @Test("Switches and faults since the last look are charged with the time")
  func switches() {
    let stage = Stage(rung: CPUClock.rseq)
    let lane = stage.lane
    lane.pointee.syncedVoluntary.set(lane.pointee.syncedVoluntary.value &- 1000)
    lane.pointee.syncedInvoluntary.set(lane.pointee.syncedInvoluntary.value &- 2000)
    lane.pointee.syncedPageFaults.set(lane.pointee.syncedPageFaults.value &- 3000)
    stage.wait(Self.day)
    stage.synchronize()
    #expect((1000..<2000).contains(stage.frame.pointee.voluntarySwitches.value))
    #expect((2000..<3000).contains(stage.frame.pointee.involuntarySwitches.value))
    #expect(stage.frame.pointee.pageFaults.value >= 3000)
  }

  @Test("The mark is armed again by each synchronisation")
  func arms() {
    let stage = Stage(rung: CPUClock.rseq)
    #expect(!stayedOnCPU(stage.lane))
    stage.synchronize()
    #expect(stage.word.pointee == Stage.mark)
    #expect(stayedOnCPU(stage.lane))
  }

  @Test("A foreign value 64 times in a row sends the lane down to the system call")
  func foreign() {
    let stage = Stage(rung: CPUClock.rseq)
    for _ in 0..<63 {
      stage.word.pointee = 0xBAD
      stage.synchronize()
    }
    #expect(stage.lane.pointee.cpuClock.value == CPUClock.rseq)
    stage.word.pointee = 0xBAD
    stage.synchronize()
    #expect(stage.lane.pointee.cpuClock.value == CPUClock.threadClock)
    #expect(!stayedOnCPU(stage.lane))
    stage.word.pointee = 0xBAD
    stage.synchronize()
    #expect(stage.word.pointee == 0xBAD)
    #expect(!stayedOnCPU(stage.lane))
  }

  @Test("A switch between foreign values begins their count anew")
  func foreignNotInARow() {
    let stage = Stage(rung: CPUClock.rseq)
    for round in 0..<200 {
      stage.word.pointee = round % 50 == 49 ? 0 : 0xBAD
      stage.synchronize()
    }
    #expect(stage.lane.pointee.cpuClock.value == CPUClock.rseq)
  }

  @Test("A lane without CPU time counts as never switched out")
  func off() {
    let stage = Stage(rung: CPUClock.off)
    #expect(stayedOnCPU(stage.lane))
  }

  @Test("A lane on the system call counts as switched out at every call")
  func threadClock() {
    let stage = Stage(rung: CPUClock.threadClock)
    stage.synchronize()
    #expect(!stayedOnCPU(stage.lane))
  }

  @Test("An operation hands its time off the CPU to the one that contains it")
  func handedOut() {
    let stage = Stage(rung: CPUClock.threadClock)
    let inner = stage.frame + 1
    inner.addSwitches(offCPU: 5, voluntary: 1, involuntary: 2, faults: 3)
    inner.addSwitches(offCPU: 10, voluntary: 1, involuntary: 2, faults: 3)
    stage.frame.addSwitches(of: inner)
    stage.frame.addSwitches(of: inner)
    #expect(stage.offCPU == 30)
    #expect(stage.frame.pointee.voluntarySwitches.value == 4)
    #expect(stage.frame.pointee.involuntarySwitches.value == 8)
    #expect(stage.frame.pointee.pageFaults.value == 12)
  }

  @Test("An operation that sleeps was off its CPU, and so was its caller", .enabled(if: tracksCPU))
  func sleeping() throws {
    let (a, b) = (operation("cpu.caller"), operation("cpu.sleeper"))
    onNewThread { call(a) { call(b) { shim_sleep_ns(2_000_000) } } }
    for operation in [a, b] {
      let totals = totals(of: operation)
      // nanosleep sleeps no less than it is asked to.
      #expect(totals.offCPUNanoseconds >= 1_900_000)
      #expect(totals.voluntarySwitches >= 1)
    }
    let profile = profile()
    let caller = try #require(profile.paths.first { $0.operation == a })
    #expect(profile.cpuNanoseconds(caller.totals) <= profile.nanoseconds(caller.totals.wallTicks))
  }

  private static var tracksCPU: Bool { recording().header.pointee.cpuClock.value != CPUClock.off }
}
