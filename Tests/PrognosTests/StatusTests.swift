// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Testing

@testable import Prognos

@Suite("Versions, status codes and the last error")
struct StatusTests {
  private static let all: [prognos_status] = [
    PROGNOS_OK, PROGNOS_ALREADY_STARTED, PROGNOS_NOT_STARTED, PROGNOS_INVALID_ARGUMENT,
    PROGNOS_UNKNOWN_HANDLE, PROGNOS_LIMIT_REACHED, PROGNOS_NO_MEMORY, PROGNOS_IO_ERROR,
    PROGNOS_NOT_ENOUGH_DATA, PROGNOS_UNSUPPORTED, PROGNOS_INVALID_STATE,
  ]

  @Test("The library's version is that of its header")
  func version() {
    #expect(
      String(cString: prognos_version())
        == "\(PROGNOS_VERSION_MAJOR).\(PROGNOS_VERSION_MINOR).\(PROGNOS_VERSION_PATCH)")
  }

  @Test("Success is 0, and the errors are -1 to -10")
  func codes() {
    #expect(Self.all.map(\.rawValue) == Array((-10...0).reversed()))
  }

  @Test("Every status has a text of its own")
  func texts() {
    let texts = Self.all.map { String(cString: prognos_status_text($0)) }
    #expect(Set(texts).count == texts.count)
    #expect(!texts.contains("unknown status"))
    #expect(texts.allSatisfy { !$0.isEmpty })
    #expect(texts[0] == "success")
  }

  @Test(
    "A value that is no status is \"unknown status\"", arguments: [1, -11, .min, .max] as [Int32])
  func unknown(value: Int32) {
    #expect(String(cString: prognos_status_text(prognos_status(value))) == "unknown status")
  }

  @Test("A thread without an error has an empty last error, and another thread's is its own")
  func perThread() async {
    await #expect(processExitsWith: .success) {
      _ = prognos_op_named("a")
      call(1)
      #expect(lastError == "")
      _ = prognos_op_named(nil)
      let mine = lastError
      #expect(mine != "")
      onNewThread {
        #expect(lastError == "")
        call(1)
        #expect(lastError == "")
        _ = prognos_op_name(77)
        #expect(lastError.contains("77"))
      }
      #expect(lastError == mine)
    }
  }

  @Test("A thread keeps its last error also when another one has one before anything was recorded")
  func perThreadEarly() async {
    await #expect(processExitsWith: .success) {
      _ = prognos_op_name(77)
      onNewThread {
        #expect(lastError == "")
        _ = prognos_op_name(78)
        #expect(lastError.contains("78"))
      }
      #expect(lastError.contains("77"))
    }
  }

  @Test("A thread does not find the last error of the one whose lane it goes on with")
  func adopted() async {
    await #expect(processExitsWith: .success) {
      let a = prognos_op_named("a")
      onNewThread { _ = prognos_op_name(77) }
      onNewThread {
        call(a)
        #expect(lastError == "")
      }
    }
  }

  @Test("A long text in an error is cut where there is no more room")
  func longText() {
    let path = "/no/such/" + String(repeating: "x", count: 1000)
    #expect(prognos_dump(path, PROGNOS_JSON) == PROGNOS_IO_ERROR)
    #expect(lastError.utf8.count == 511)
    #expect(lastError.hasPrefix("prognos_dump: cannot write /no/such/xxx"))
  }

  @Test("A text that is cut in an error ends on a character's boundary")
  func longUnicodeText() {
    for padding in 0..<2 {
      let path =
        "/no/such/" + String(repeating: "x", count: padding) + String(repeating: "é", count: 500)
      #expect(prognos_dump(path, PROGNOS_JSON) == PROGNOS_IO_ERROR)
      #expect(String(validatingCString: prognos_last_error()) != nil)
    }
  }
}
