// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Foundation
import Testing

@testable import Prognos

@Suite("A profile as a file or as text")
struct DumpTests {
  @Test("Rendering has snprintf's contract")
  func snprintfContract() async {
    await #expect(processExitsWith: .success) {
      call(prognos_op_named("dump.render"))
      var needed = 0
      #expect(prognos_render(PROGNOS_FOLDED, nil, 0, &needed) == PROGNOS_OK)
      #expect(needed > "dump.render ".utf8.count)
      var buffer = [CChar](repeating: 0x58, count: needed + 10)
      var again = 0
      #expect(prognos_render(PROGNOS_FOLDED, &buffer, needed + 10, &again) == PROGNOS_OK)
      let whole = buffer.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
      #expect(whole.utf8.count == again)
      #expect(whole.hasPrefix("dump.render "))
      #expect(whole.hasSuffix("\n"))
      var short = [CChar](repeating: 0x58, count: 10)
      #expect(prognos_render(PROGNOS_FOLDED, &short, 5, &again) == PROGNOS_OK)
      #expect(again >= whole.utf8.count - 3)
      #expect(short == "dump\0XXXXX".utf8CString.dropLast())
      #expect(prognos_render(PROGNOS_FOLDED, &short, 1, nil) == PROGNOS_OK)
      #expect(short[0] == 0)
      #expect(short[1] == CChar(UInt8(ascii: "u")))
    }
  }

  @Test("A buffer that is NULL is refused unless its capacity is 0")
  func nullBuffer() {
    var needed = 77
    #expect(prognos_render(PROGNOS_TEXT, nil, 10, &needed) == PROGNOS_INVALID_ARGUMENT)
    #expect(
      lastError == "prognos_render: buffer is NULL with a capacity of 10; NULL is allowed with 0")
    #expect(needed == 77)
    #expect(prognos_render(PROGNOS_TEXT, nil, 0, nil) == PROGNOS_OK)
  }

  @Test("A capacity of SIZE_MAX is absurd but no error")
  func hugeCapacity() {
    var needed = 0
    #expect(prognos_render(PROGNOS_FOLDED, nil, 0, &needed) == PROGNOS_OK)
    var buffer = [CChar](repeating: 1, count: needed + (1 << 20))
    #expect(prognos_render(PROGNOS_FOLDED, &buffer, -1, &needed) == PROGNOS_OK)
    #expect(buffer[needed] == 0)
  }

  @Test("Forms of a later version are unsupported, and others are no forms")
  func formats() {
    for raw in [3, 5, 6, 7, 8] as [UInt32] {
      #expect(prognos_render(prognos_format(raw), nil, 0, nil) == PROGNOS_UNSUPPORTED)
      #expect(lastError.hasPrefix("prognos_render: this version writes PROGNOS_JSON"))
      #expect(prognos_dump("/tmp/never-written", prognos_format(raw)) == PROGNOS_UNSUPPORTED)
    }
    for raw in [10, UInt32.max] {
      #expect(prognos_render(prognos_format(raw), nil, 0, nil) == PROGNOS_INVALID_ARGUMENT)
      #expect(
        lastError
          == "prognos_render: format is \(raw); expected PROGNOS_JSON (0) to PROGNOS_TEXT_ASCII (9)"
      )
    }
  }

  @Test("JSON parses, text is UTF-8, and ASCII text is ASCII")
  func forms() throws {
    call(prognos_op_named("dump.größe"))
    let json = try JSONSerialization.jsonObject(with: Data(render(PROGNOS_JSON).utf8))
    let operations = try #require((json as? [String: Any])?["operations"] as? [[String: Any]])
    #expect(operations.contains { $0["name"] as? String == "dump.größe" })
    #expect(render(PROGNOS_TEXT).hasPrefix("prognos 1.0.0 · "))
    let ascii = render(PROGNOS_TEXT_ASCII)
    #expect(ascii.hasPrefix("prognos 1.0.0 | "))
    #expect(ascii.utf8.allSatisfy { $0 < 0x80 })
  }

  @Test("A program's name that the kernel cut within a character leaves the JSON valid")
  func cutCommand() async {
    await #expect(processExitsWith: .success) {
      write("ein-größe-größe", to: "/proc/self/comm")  // 19 bytes, of which 15 are kept
      let directory = temporaryDirectory()
      #expect(prognos_dump(directory + "/p.json", PROGNOS_JSON) == PROGNOS_OK)
      let data = FileManager.default.contents(atPath: directory + "/p.json") ?? Data()
      try? FileManager.default.removeItem(atPath: directory)
      #expect(String(validating: data, as: UTF8.self) != nil)
      let json = (try? JSONSerialization.jsonObject(with: data)) as? [String: Any]
      let command = (json?["process"] as? [String: Any])?["command"] as? String
      #expect(command?.hasPrefix("ein-größe-gr") == true)
    }
  }

  @Test("A dump writes the whole profile to a new file, and leaves nothing beside it")
  func newFile() throws {
    let directory = temporaryDirectory()
    defer { try? FileManager.default.removeItem(atPath: directory) }
    #expect(prognos_dump(directory + "/p.json", PROGNOS_JSON) == PROGNOS_OK)
    let text = try #require(contents(of: directory + "/p.json"))
    #expect(try JSONSerialization.jsonObject(with: Data(text.utf8)) is [String: Any])
    #expect(try FileManager.default.contentsOfDirectory(atPath: directory) == ["p.json"])
    #expect(try mode(of: directory + "/p.json") == 0o644 & ~currentMask())
  }

  @Test("A dump replaces an older file, keeps its mode and follows links to it")
  func olderFile() throws {
    let directory = temporaryDirectory()
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let (file, link) = (directory + "/old.txt", directory + "/link.txt")
    write("old", to: file)
    chmod(file, 0o600)
    symlink(file, link)
    #expect(prognos_dump(link, PROGNOS_TEXT) == PROGNOS_OK)
    #expect(contents(of: file)?.hasPrefix("prognos 1.0.0") == true)
    #expect(try mode(of: file) == 0o600)
    #expect(try FileManager.default.destinationOfSymbolicLink(atPath: link) == file)
    #expect(try FileManager.default.contentsOfDirectory(atPath: directory).count == 2)
  }

  @Test("A device is written to in place, and \"-\" is standard output")
  func devices() async {
    #expect(prognos_dump("/dev/null", PROGNOS_TEXT) == PROGNOS_OK)
    #expect(prognos_dump("/dev/full", PROGNOS_TEXT) == PROGNOS_IO_ERROR)
    #expect(lastError == "prognos_dump: cannot write /dev/full: No space left on device")
    let result = await #expect(
      processExitsWith: .success, observing: [\.standardOutputContent]
    ) {
      call(prognos_op_named("a;b"))
      #expect(prognos_dump("-", PROGNOS_FOLDED) == PROGNOS_OK)
    }
    let output = String(decoding: result?.standardOutputContent ?? [], as: UTF8.self)
    #expect(output.contains("a,b "))
  }

  @Test("An empty profile has no folded stacks, and that is a file, too")
  func emptyFolded() async {
    await #expect(processExitsWith: .success) {
      let directory = temporaryDirectory()
      #expect(prognos_dump(directory + "/p.folded", PROGNOS_FOLDED) == PROGNOS_OK)
      #expect(contents(of: directory + "/p.folded") == "")
      try? FileManager.default.removeItem(atPath: directory)
    }
  }

  @Test("What cannot be written is named with the system's reason, and an older file stays")
  func failures() throws {
    let directory = temporaryDirectory()
    defer { try? FileManager.default.removeItem(atPath: directory) }
    #expect(prognos_dump(directory + "/no/file", PROGNOS_TEXT) == PROGNOS_IO_ERROR)
    #expect(
      lastError == "prognos_dump: cannot write \(directory)/no/file: No such file or directory")
    #expect(prognos_dump(directory, PROGNOS_TEXT) == PROGNOS_IO_ERROR)
    #expect(lastError == "prognos_dump: cannot write \(directory): Is a directory")
    let tooLong = directory + "/" + String(repeating: "x", count: 256)
    #expect(prognos_dump(tooLong, PROGNOS_TEXT) == PROGNOS_IO_ERROR)
    #expect(lastError.hasSuffix("File name too long"))
    #expect(try FileManager.default.contentsOfDirectory(atPath: directory).isEmpty)
  }

  @Test("A file name as long as the system allows can be written to")
  func longName() throws {
    let directory = temporaryDirectory()
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let long = directory + "/" + String(repeating: "x", count: 255)
    write("old", to: long)
    #expect(prognos_dump(long, PROGNOS_TEXT) == PROGNOS_OK)
    #expect(contents(of: long)?.hasPrefix("prognos") == true)
    #expect(try FileManager.default.contentsOfDirectory(atPath: directory).count == 1)
  }

  @Test("NULL and the empty path are refused")
  func badPaths() {
    #expect(prognos_dump(nil, PROGNOS_JSON) == PROGNOS_INVALID_ARGUMENT)
    #expect(
      lastError
        == "prognos_dump: the path is NULL; expected a file name, or \"-\" for standard output")
    #expect(prognos_dump("", PROGNOS_JSON) == PROGNOS_INVALID_ARGUMENT)
    #expect(lastError.hasPrefix("prognos_dump: the path is empty"))
    #expect(prognos_dump("x", prognos_format(99)) == PROGNOS_INVALID_ARGUMENT)
  }

  private func mode(of path: String) throws -> UInt32 {
    var status = stat()
    try #require(stat(path, &status) == 0)
    return status.st_mode & 0o777
  }

  private func currentMask() -> UInt32 {
    let mask = umask(0o022)
    umask(mask)
    return mask
  }
}
