// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import Recording

@Suite("Operation names")
struct NamesTests {
  @Test("Handles are 1, 2, 3 ... in the order of the names")
  func dense() throws {
    let sandbox = Sandbox()
    for number in 1...64 {
      #expect(try sandbox.name("operation \(number)") == UInt32(number))
      #expect(sandbox.recording.operationCount == UInt32(number))
    }
  }

  @Test("The same name gives the same handle, and its text back")
  func stable() throws {
    let sandbox = Sandbox()
    let first = try sandbox.name("parse")
    let second = try sandbox.name("store")
    #expect(try sandbox.name("parse") == first)
    #expect(sandbox.recording.findOperation(CleanText("store")) == second)
    #expect(sandbox.recording.findOperation(CleanText("stor")) == 0)
    let record = sandbox.recording.operation(second)
    #expect(String(cString: sandbox.recording.text(record.pointee.name.value)) == "store")
    #expect(record.pointee.nameBytes.value == 5)
  }

  @Test("Only handles that were given out are operations")
  func isOperation() throws {
    let sandbox = Sandbox()
    let one = try sandbox.name("one")
    #expect(sandbox.recording.isOperation(one))
    #expect(!sandbox.recording.isOperation(0))
    #expect(!sandbox.recording.isOperation(one + 1))
    #expect(!sandbox.recording.isOperation(.max))
  }

  @Test("Names with one and the same hash are told apart by their bytes")
  func collision() throws {
    let sandbox = Sandbox()
    let impostor = try sandbox.name("ab")
    let other = CleanText("cd")
    sandbox.recording.operation(impostor).pointee.hash.set(other.hash)
    sandbox.recording.index(impostor)
    #expect(sandbox.recording.findOperation(other) == 0)
    #expect(try sandbox.name("cd") == impostor + 1)
    #expect(sandbox.recording.findOperation(other) == impostor + 1)
  }

  @Test("A table that is full refuses new names and still finds those it has")
  func fullTable() throws {
    let sandbox = Sandbox(operations: 16)
    for number in 1...16 { _ = try sandbox.name("\(number)") }
    #expect(throws: NameFailure.tooManyOperations) { try sandbox.name("one more") }
    #expect(throws: NameFailure.tooManyOperations) { try sandbox.name("and again") }
    #expect(try sandbox.name("16") == 16)
    #expect(sandbox.recording.operationCount == 16)
  }

  @Test("A name space that is full refuses a long name and still takes a shorter one")
  func fullNameSpace() throws {
    let sandbox = Sandbox(operations: 1000)
    let room =
      Int(sandbox.header.pointee.namesEnd.value - sandbox.header.pointee.namesOffset.value) - 1
    for number in 0..<room / 256 {
      let prefix = "\(number) "
      _ = try sandbox.name(prefix + String(repeating: "x", count: 255 - prefix.utf8.count))
    }
    let count = sandbox.recording.operationCount
    #expect(throws: NameFailure.noRoomForNames) {
      try sandbox.name(String(repeating: "y", count: 255))
    }
    #expect(sandbox.recording.operationCount == count)
    #expect(try sandbox.name("y") == count + 1)
  }

  @Test("A thread that is adding a name already is told so instead of waiting for itself")
  func interrupted() throws {
    let sandbox = Sandbox()
    let known = try sandbox.name("known")
    sandbox.header.pointee.registrar.set(7)
    #expect(throws: NameFailure.interrupted) { try sandbox.name("new", thread: 7) }
    #expect(try sandbox.name("known", thread: 7) == known)
    #expect(sandbox.header.pointee.registrar.value == 7)
  }

  @Test("A thread waits while another one is adding a name, and finds it then")
  func waits() throws {
    let sandbox = Sandbox()
    sandbox.header.pointee.registrar.set(7)
    var pauses = 0
    let id = try sandbox.recording.nameOperation(CleanText("new"), threadID: 8) {
      pauses += 1
      if pauses == 3 {
        sandbox.header.pointee.registrar.set(0)
        #expect(throws: Never.self) { try sandbox.name("new", thread: 7) }
      }
    }
    #expect(pauses == 3)
    #expect(id == 1)
    #expect(sandbox.recording.operationCount == 1)
  }

  @Test("Threads that name the same operations at once agree on dense handles")
  func concurrent() {
    let sandbox = Sandbox(operations: 512)
    let names = (0..<300).map { "operation \($0)" }
    nonisolated(unsafe) var given = [[UInt32]](repeating: [], count: 8)
    let lock = NSLock()
    DispatchQueue.concurrentPerform(iterations: 8) { thread in
      var random = SplitMix(state: UInt64(thread))
      var mine = [UInt32](repeating: 0, count: names.count)
      for index in names.indices.shuffled(using: &random) {
        mine[index] = (try? sandbox.name(names[index], thread: UInt32(thread + 1))) ?? 0
      }
      lock.withLock { given[thread] = mine }
    }
    #expect(given.allSatisfy { $0 == given[0] })
    #expect(given[0].sorted() == Array(1...300))
    #expect(sandbox.recording.operationCount == 300)
  }
}
