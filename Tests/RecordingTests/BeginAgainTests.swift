// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Recording

@Suite("A recording that begins again in a forked child")
struct BeginAgainTests {
  @Test("Names and handles stay; lanes, numbers and drops are gone")
  func restart() throws {
    let sandbox = Sandbox()
    let kept = try sandbox.name("kept")
    _ = sandbox.lane()
    let header = sandbox.header
    header.pointee.registrar.set(99)
    let record = sandbox.recording.operation(kept)
    record.pointee.pathless.count.set(5)
    record.pointee.pathless.wallTicks.set(5)
    header.pointee.untrackedCalls.set(1)
    header.pointee.rejectedNames.set(1)
    header.pointee.repairedNames.set(1)
    header.pointee.badArguments.set(1)
    header.pointee.outsideOperation.set(1)

    sandbox.recording.beginAgain(processID: 4711)

    #expect(header.pointee.processID.value == 4711)
    #expect(header.pointee.laneCount.value == 0)
    #expect(sandbox.recording.laneSlot(0).pointee.value == 0)
    #expect(sandbox.profile().operation(kept).totals.count == 0)
    #expect(sandbox.profile().operation(kept).totals.wallTicks == 0)
    #expect(header.pointee.untrackedCalls.value == 0)
    #expect(header.pointee.rejectedNames.value == 0)
    #expect(header.pointee.repairedNames.value == 0)
    #expect(header.pointee.badArguments.value == 0)
    #expect(header.pointee.outsideOperation.value == 0)
    #expect(try sandbox.name("kept") == kept)
    #expect(try sandbox.name("new") == kept + 1)
  }

  @Test("Ends without a begin are counted from zero, too")
  func unbalancedEnds() {
    let sandbox = Sandbox()
    sandbox.header.pointee.unbalancedEnds.set(3)
    sandbox.recording.beginAgain(processID: 1)
    #expect(sandbox.header.pointee.unbalancedEnds.value == 0)
  }

  @Test("A name that the fork met half added is found under its handle")
  func halfAdded() throws {
    let sandbox = Sandbox()
    let first = try sandbox.name("first")
    let second = try sandbox.name("second")
    // As if the index had not been written yet.
    let slots: UnsafeMutablePointer<Cell32> = sandbox.recording.at(sandbox.layout.indexOffset)
    for slot in 0..<Int(sandbox.layout.indexCapacity)
    where (slots + slot).pointee.value == second { (slots + slot).pointee.set(0) }
    #expect(sandbox.recording.findOperation(CleanText("second")) == 0)
    sandbox.recording.beginAgain(processID: 1)
    #expect(try sandbox.name("second") == second)
    #expect(try sandbox.name("first") == first)
  }
}
