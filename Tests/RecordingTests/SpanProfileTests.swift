// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Recording

@Suite("Spans in a profile")
struct SpanProfileTests {
  /// A finished span of a node, of which so many ticks were entered.
  private func finish(
    _ node: UInt32, ticks: UInt64, entered: UInt64, offCPU: UInt64, in sandbox: Sandbox,
    on lane: UnsafeMutablePointer<Lane>
  ) {
    sandbox.finish(node, ticks: ticks, on: lane, offCPU: offCPU)
    sandbox.at(node).pointee.spans.wallTicks.add(ticks)
    sandbox.at(node).pointee.spans.suspendedTicks.add(ticks - entered)
    sandbox.at(node).pointee.spans.offCPUNanoseconds.add(offCPU)
  }

  @Test("Suspended time is off the CPU, and no time of the caller of its path")
  func selfTimes() throws {
    let sandbox = Sandbox()
    sandbox.header.pointee.cpuClock.set(CPUClock.rseq)
    let (a, b) = (try sandbox.name("a"), try sandbox.name("b"))
    let lane = sandbox.lane()
    let caller = sandbox.node([a], on: lane)
    sandbox.finish(caller, ticks: 1000, on: lane, offCPU: 150)
    let span = sandbox.node([a, b], on: lane)
    for _ in 0..<10 {
      finish(span, ticks: 900, entered: 50, offCPU: 20, in: sandbox, on: lane)
    }
    // Half of that was entered inside of a.
    sandbox.at(caller).pointee.pathlessCallees.wallTicks.add(250)
    sandbox.at(caller).pointee.pathlessCallees.offCPUNanoseconds.add(100)
    let profile = sandbox.profile()
    let spans = profile.statistics(of: b)
    #expect(spans.wall_ns == 9000)
    #expect(spans.cpu_ns == 300)
    #expect(spans.self_cpu_ns == 300)
    #expect(spans.blocked_ns == 8700)
    let around = profile.statistics(of: a)
    #expect(around.self_wall_ns == 750)
    #expect(around.self_cpu_ns == 700)
  }

  @Test("An open span is active with what it took so far, entered or not, and ended it is not")
  func open() throws {
    let sandbox = Sandbox()
    sandbox.header.pointee.cpuClock.set(CPUClock.rseq)
    let op = try sandbox.name("op")
    let (lane, other) = (sandbox.lane(), sandbox.lane())
    let (record, handle) = try #require(
      sandbox.recording.takeSpan(op, from: lane.pointee.root.value, on: lane))
    record.pointee.start.set(100)
    #expect(sandbox.profile(at: 1100).openSpans == 0)  // half begun
    record.pointee.slot.word.publish(Slot.word(handle.generation, SpanRecord.State.suspended))
    record.pointee.enteredTicks.set(300)
    record.pointee.offCPUNanoseconds.set(40)
    var profile = sandbox.profile(at: 1100)
    #expect(profile.openSpans == 1)
    #expect(profile.statistics(of: op).active == 1)
    #expect(profile.statistics(of: op).self_wall_ns == 1000)
    #expect(profile.statistics(of: op).self_cpu_ns == 260)

    // Entered by another thread for 200 ticks now.
    record.pointee.slot.word.publish(
      Slot.word(handle.generation, sandbox.recording.offset(of: other)))
    let frame = sandbox.open(
      op, node: sandbox.recording.node(of: record, in: other), start: 900, on: other)
    frame.pointee.key.set(Frame.Mark.span | UInt64(op))
    frame.pointee.parent.set(handle.index)
    profile = sandbox.profile(at: 1100)
    #expect(profile.statistics(of: op).active == 1)
    #expect(profile.statistics(of: op).self_cpu_ns == 460)
    #expect(profile.everything.active == 1)

    other.pointee.top.set(other.pointee.firstFrame.value)
    sandbox.recording.giveBack(record, handle)
    profile = sandbox.profile(at: 1100)
    #expect(profile.openSpans == 0)
    #expect(profile.everything.active == 0)
  }

  @Test("The operation around an entered span loses what that has taken so far")
  func around() throws {
    let sandbox = Sandbox()
    let (loop, op) = (try sandbox.name("loop"), try sandbox.name("op"))
    let lane = sandbox.lane()
    let (record, handle) = try #require(
      sandbox.recording.takeSpan(op, from: lane.pointee.root.value, on: lane))
    record.pointee.start.set(100)
    record.pointee.slot.word.publish(
      Slot.word(handle.generation, sandbox.recording.offset(of: lane)))
    sandbox.open(loop, node: sandbox.node([loop], on: lane), start: 100, on: lane)
    let frame = sandbox.open(op, node: record.pointee.node.value, start: 700, on: lane)
    frame.pointee.key.set(Frame.Mark.span | UInt64(op))
    frame.pointee.parent.set(handle.index)
    let profile = sandbox.profile(at: 1100)
    #expect(profile.statistics(of: loop).self_wall_ns == 600)
    #expect(profile.statistics(of: op).self_wall_ns == 1000)
    #expect(profile.everything.active == 2)
  }

  @Test("Frames of spans and sessions are no calls, and name the operation that they stand for")
  func marks() {
    let sandbox = Sandbox()
    let frame = sandbox.recording.frame(top: sandbox.lane().pointee.top.value)
    frame.pointee.key.set(Frame.Mark.span | 7)
    #expect(frame.pointee.operation == 7)
    #expect(frame.pointee.isSpan && !frame.pointee.isSession && !frame.pointee.isCall(of: 7))
    frame.pointee.key.set(Frame.Mark.session | 7)
    #expect(frame.pointee.operation == 7)
    #expect(!frame.pointee.isSpan && frame.pointee.isSession && !frame.pointee.isCall(of: 7))
    frame.pointee.key.set(Frame.Mark.careful | 7)
    #expect(!frame.pointee.isSpan && !frame.pointee.isSession && frame.pointee.isCall(of: 7))
  }
}
