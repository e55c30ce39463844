// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Recording

@Suite("Whose recording it is")
struct IdentityTests {
  @Test("The texts follow each other behind the numbers, within the page, without overlap")
  func texts() {
    #expect(MemoryLayout<Identity>.size <= Int(Identity.Text.start))
    var end = Identity.Text.start
    for text in Identity.Text.allCases {
      #expect(text.offset >= end, "\(text)")
      end = text.offset + text.bytes
    }
    #expect(end == Identity.bytes)
    #expect(Layout.identityOffset + Identity.bytes <= Layout.headerBytes)
  }

  @Test("A text that is too long is cut, one that is shorter leaves nothing of what stood there")
  func cut() {
    let sandbox = Sandbox()
    let long = [UInt8](repeating: 65, count: 40)
    sandbox.recording.setIdentityText(.command, long, 40)
    let room = sandbox.recording.identityText(.command)
    #expect((0..<16).map { room[$0] } == [UInt8](repeating: 65, count: 15) + [0])
    sandbox.recording.setIdentityText(.command, "ab")
    #expect((0..<16).map { room[$0] } == [97, 98] + [UInt8](repeating: 0, count: 14))
    #expect(sandbox.recording.identityText(.timeSource)[0] == 0)
  }

  @Test("A beat says when; a state other than recording, when it came")
  func beat() {
    let sandbox = Sandbox()
    let identity = sandbox.recording.identity
    sandbox.recording.beat(ticks: 1, monotonicNanoseconds: 2, unixNanoseconds: 3)
    sandbox.recording.beat(ticks: 4, monotonicNanoseconds: 5, unixNanoseconds: 6)
    #expect(identity.pointee.beats.value == 2)
    #expect(identity.pointee.beatTicks.value == 4)
    #expect(identity.pointee.beatMonotonic.value == 5)
    #expect(identity.pointee.beatUnix.value == 6)
    sandbox.recording.setState(Identity.State.stopped, unixNanoseconds: 7)
    #expect(identity.pointee.state.value == 2)
    #expect(identity.pointee.stoppedUnix.value == 7)
    sandbox.recording.setState(Identity.State.recording, unixNanoseconds: 8)
    #expect(identity.pointee.stoppedUnix.value == 0)
  }
}
