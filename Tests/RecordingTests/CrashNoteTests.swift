// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Recording

@Suite("Notes of crashes")
struct CrashNoteTests {
  private func claim(_ sandbox: Sandbox, _ thread: UInt32, isLast: Bool = false) -> Bool {
    guard let note = sandbox.recording.claimCrashNote(for: thread, isLast: isLast) else {
      return false
    }
    note.pointee.threadID.set(thread)
    note.pointee.signal.set(11)
    note.pointee.ticks.set(UInt64(thread))
    note.pointee.state.set(isLast ? CrashNote.State.last : CrashNote.State.handedOn)
    return true
  }

  @Test("A note fills its bytes, four of them a page")
  func size() {
    #expect(MemoryLayout<CrashNote>.size <= Int(CrashNote.bytes))
    #expect(CrashNote.count * CrashNote.bytes <= Layout.page)
  }

  @Test("One note is kept for the crash that ends the process; survived ones are written over")
  func claims() {
    let sandbox = Sandbox()
    #expect(!claim(sandbox, 1))
    #expect(sandbox.recording.crashNotes.isEmpty)
    #expect(sandbox.recording.prepareCrashNotes())
    for thread in 1...3 as ClosedRange<UInt32> { #expect(claim(sandbox, thread)) }
    #expect(!claim(sandbox, 4))
    #expect(claim(sandbox, 2))
    #expect(claim(sandbox, 5, isLast: true))
    #expect(!claim(sandbox, 6, isLast: true))
    let found = sandbox.recording.crashNotes
    #expect(found.map(\.threadID) == [1, 2, 3, 5])
    #expect(found.map(\.state) == [2, 2, 2, 3])
    #expect(claim(sandbox, 1))
  }

  @Test("Damaged notes are read without harm")
  func hostile() {
    var random = SplitMix(state: 5)
    let sandbox = Sandbox()
    #expect(sandbox.recording.prepareCrashNotes())
    let page = sandbox.header.pointee.crash.notes.value
    for _ in 0..<500 {
      for index in 0..<Layout.page / 4 {
        let cell: UnsafeMutablePointer<Cell32> = sandbox.recording.at(page + index * 4)
        cell.pointee.set(.random(in: 0 ... .max, using: &random))
      }
      for crash in sandbox.recording.crashNotes {
        #expect(crash.operations.isEmpty)
        #expect(crash.frames.count <= CrashNote.maxFrames)
        #expect(crash.threadName.count <= 16)
      }
    }
    for _ in 0..<500 {
      sandbox.header.pointee.crash.notes.set(.random(in: 0 ... .max, using: &random))
      #expect(sandbox.recording.crashNotes.count <= 4)
    }
  }
}
