// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Recording

@Suite("Failure kinds")
struct FailureKindTests {
  private func number(_ kind: String, in sandbox: Sandbox) -> UInt32 {
    sandbox.recording.numberOfKind(CleanText(kind))
  }

  private func word(_ number: UInt32, in sandbox: Sandbox) -> String? {
    sandbox.recording.textOfKind(number).map { String(decoding: $0, as: UTF8.self) }
  }

  @Test("The same word has the same number, and its text back")
  func stable() {
    let sandbox = Sandbox()
    #expect(number("timeout", in: sandbox) == 1)
    #expect(number("refused", in: sandbox) == 2)
    #expect(number("timeout", in: sandbox) == 1)
    #expect(word(1, in: sandbox) == "timeout")
    #expect(word(2, in: sandbox) == "refused")
  }

  @Test("255 words are told apart; all further ones are the nameless \"other\"")
  func full() {
    let sandbox = Sandbox()
    for index in 1...255 { #expect(number("kind \(index)", in: sandbox) == UInt32(index)) }
    #expect(number("kind 256", in: sandbox) == FailureKind.other)
    #expect(number("kind 257", in: sandbox) == FailureKind.other)
    #expect(word(FailureKind.other, in: sandbox) == nil)
    #expect(number("kind 255", in: sandbox) == 255)
  }

  @Test("Words that collide in the hash's 32 bits are told apart by their bytes")
  func collision() {
    let sandbox = Sandbox()
    #expect(number("ab", in: sandbox) == 1)
    sandbox.recording.failureKind(1).pointee.hash.set(
      UInt32(truncatingIfNeeded: CleanText("cd").hash))
    #expect(number("cd", in: sandbox) == 2)
  }

  @Test("A word that another thread is adding at this moment gets a second number")
  func duplicate() {
    let sandbox = Sandbox()
    sandbox.recording.failureKind(1).pointee.state.set(1)
    #expect(number("timeout", in: sandbox) == 2)
    #expect(word(1, in: sandbox) == nil)
    #expect(word(2, in: sandbox) == "timeout")
  }

  @Test("Without room for its text a word is \"other\"")
  func fullNameSpace() {
    let sandbox = Sandbox()
    let header = sandbox.header
    header.pointee.namesUsed.set(
      header.pointee.namesEnd.value - header.pointee.namesOffset.value - 3)
    #expect(number("timeout", in: sandbox) == FailureKind.other)
    #expect(number("no", in: sandbox) == 2)
  }

  @Test("Numbers that stand for nothing have no word")
  func unknown() {
    let sandbox = Sandbox()
    #expect(word(0, in: sandbox) == nil)
    #expect(word(9, in: sandbox) == nil)
    #expect(word(.max, in: sandbox) == nil)
  }

  @Test("A node counts its failures by kind")
  func counters() throws {
    let sandbox = Sandbox()
    let lane = sandbox.lane()
    let node = sandbox.node([try sandbox.name("op")], on: lane)
    for kind: UInt32 in [1, 2, 1, 3, 1] {
      sandbox.recording.countFailure(kind, of: sandbox.at(node), in: lane)
    }
    let totals = sandbox.profile().paths[0].totals
    #expect(totals.failures == [1: 3, 2: 1, 3: 1])
  }

  @Test("A failure for whose kind there is no memory is left out of the kinds alone")
  func countersWithoutMemory() throws {
    let sandbox = Sandbox()
    let lane = sandbox.lane()
    let node = sandbox.node([try sandbox.name("op")], on: lane)
    sandbox.recording.countFailure(1, of: sandbox.at(node), in: lane)
    while sandbox.recording.allocate(64, for: lane) != nil {}
    sandbox.recording.countFailure(2, of: sandbox.at(node), in: lane)
    sandbox.recording.countFailure(1, of: sandbox.at(node), in: lane)
    #expect(sandbox.profile().paths[0].totals.failures == [1: 2])
  }
}
