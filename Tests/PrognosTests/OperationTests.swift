// SPDX-License-Identifier: Apache-2.0
import CPrognos
import CShim
import Glibc
import Testing

@testable import Prognos

@Suite("Operations by name")
struct OperationTests {
  @Test("The same name gives the same handle, and the handle its name")
  func named() {
    let a = prognos_op_named("operations.named")
    #expect(a != 0)
    #expect(prognos_op_named("operations.named") == a)
    #expect(prognos_op_named("operations.other") != a)
    #expect(prognos_op_name(a).map { String(cString: $0) } == "operations.named")
    #expect(prognos_op_count() >= 2)
  }

  @Test("Handles are dense: 1, 2, 3 ... to the count")
  func dense() async {
    await #expect(processExitsWith: .success) {
      #expect(prognos_op_count() == 0)
      for number in 1...100 as ClosedRange<UInt32> {
        #expect(prognos_op_named("\(number)") == number)
        #expect(prognos_op_count() == Int(number))
      }
    }
  }

  @Test("NULL and the empty name are refused, with a sentence that says so")
  func badNames() {
    let before = diagnostics().bad_arguments
    #expect(prognos_op_named(nil) == 0)
    #expect(lastError == "prognos_op_named: the name is NULL; expected 1 to 255 bytes of UTF-8")
    #expect(prognos_op_named("") == 0)
    #expect(lastError == "prognos_op_named: the name is empty; expected 1 to 255 bytes of UTF-8")
    #expect(diagnostics().bad_arguments >= before + 2)
  }

  @Test("A name with invalid UTF-8, or over 255 bytes, is repaired and counted")
  func repaired() async {
    await #expect(processExitsWith: .success) {
      let invalid: [CChar] = [0x61, -1, 0x62, 0]
      let a = prognos_op_named(invalid)
      #expect(prognos_op_name(a).map { String(cString: $0) } == "a\u{FFFD}b")
      let b = prognos_op_named(String(repeating: "é", count: 200))
      #expect(prognos_op_name(b).map { String(cString: $0) } == String(repeating: "é", count: 127))
      #expect(diagnostics().repaired_names == 2)
      _ = prognos_op_named("fine")
      #expect(diagnostics().repaired_names == 2)
    }
  }

  @Test("A handle that was never given out has no name", arguments: [0, 900_000, .max] as [UInt32])
  func unknown(handle: UInt32) {
    #expect(prognos_op_name(handle) == nil)
    #expect(
      lastError.hasPrefix(
        "prognos_op_name: operation \(handle) was never given out; handles are 1 to "))
  }

  @Test("A full table refuses names, counts them, tells the host once, and goes on")
  func fullTable() async {
    await #expect(processExitsWith: .success) {
      let started = start(
        options {
          $0.max_ops = 16
          $0.log = { message, context in
            context!.assumingMemoryBound(to: Int.self).pointee +=
              String(cString: message!).contains("refused") ? 1 : 0
          }
          $0.log_context = UnsafeMutableRawPointer(Self.refusals)
        })
      #expect(started == PROGNOS_OK)
      for number in 1...16 { #expect(prognos_op_named("\(number)") != 0) }
      for number in 17...20 { #expect(prognos_op_named("\(number)") == 0) }
      #expect(
        lastError
          == "prognos_op_named: the operation table is full: 16 names (prognos_options.max_ops, PROGNOS_MAX_OPS)"
      )
      #expect(diagnostics().rejected_names == 4)
      #expect(Self.refusals.pointee == 1)
      #expect(prognos_op_named("16") == 16)
      call(0)
      #expect(diagnostics().unknown_operations == 2)
    }
  }

  private nonisolated(unsafe) static let refusals: UnsafeMutablePointer<Int> = {
    let counter = UnsafeMutablePointer<Int>.allocate(capacity: 1)
    counter.initialize(to: 0)
    return counter
  }()

  @Test("A full name space refuses a long name and says how many there are")
  func fullNameSpace() async {
    await #expect(processExitsWith: .success) {
      setenv("PROGNOS_MAX_OPS", "1000", 1)
      var number = 0
      repeat {
        number += 1
      } while prognos_op_named("\(number) " + String(repeating: "x", count: 240)) != 0
      #expect(
        lastError
          == "prognos_op_named: the space for names is full after \(number - 1) operations; use shorter names or raise max_ops"
      )
      #expect(prognos_op_named("short") == UInt32(number))
    }
  }

  @Test("A signal handler that interrupts the naming of an operation is refused")
  func interrupted() async {
    await #expect(processExitsWith: .success) {
      let a = prognos_op_named("a")
      let header = existingRecordingHeader()
      header.pointee.registrar.set(shim_thread_id())
      #expect(prognos_op_named("b") == 0)
      #expect(
        lastError
          == "prognos_op_named: called from a signal handler that interrupted another prognos_op_named"
      )
      #expect(prognos_op_named("a") == a)
    }
  }

  @Test("errno is what it was, whatever is called")
  func errnoIsKept() {
    let a = prognos_op_named("operations.errno")
    let calls: [() -> Void] = [
      { call(a) }, { _ = prognos_op_named("operations.errno.new") }, { _ = prognos_op_named(nil) },
      { _ = prognos_op_name(0) }, { _ = stats(of: a) }, { _ = diagnostics() },
      { _ = capabilities() }, { _ = render(PROGNOS_JSON) },
      { _ = prognos_dump("/no/such/file", PROGNOS_TEXT) },
      { _ = prognos_last_error() }, { _ = defaults() },
      {
        var process = prognos_process_stats()
        _ = prognos_process_read(PROGNOS_TOTAL, &process, MemoryLayout.size(ofValue: process))
      },
    ]
    for (index, call) in calls.enumerated() {
      errno = 4242
      call()
      let after = errno
      #expect(after == 4242, "call \(index)")
    }
  }
}
