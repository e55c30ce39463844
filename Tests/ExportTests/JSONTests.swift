// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import Export
@testable import Recording

@Suite("A profile as JSON")
struct JSONTests {
  private func parse(_ sample: Sample) throws -> [String: Any] {
    let json = try JSONSerialization.jsonObject(with: Data(sample.report.json().bytes))
    return try #require(json as? [String: Any])
  }

  private func written(_ body: (inout JSONWriter) -> Void) -> String {
    var writer = JSONWriter()
    body(&writer)
    return string(writer.output)
  }

  @Test("Every character that JSON wants escaped is, and all others are themselves")
  func escapes() throws {
    let text =
      String(String.UnicodeScalarView((1...0x7F).map { Unicode.Scalar($0)! })) + "ü名🙂\u{2028}"
    let json = written { writer in
      writer.array { $0.string(Array(text.utf8)) }
    }
    let back = try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String]
    #expect(back == [text])
    #expect(
      written { $0.string(Array("\"\\\n\t\u{1}\u{1F}/".utf8)) } == #""\"\\\n\t\u0001\u001f/""#)
  }

  @Test("Commas stand between values, and nowhere else")
  func commas() {
    let json = written { json in
      json.array { json in
        json.integer(1)
        json.signed(-2)
        json.null()
        json.array { _ in }
        json.object { json in
          json.member("a", .integer(.max))
          json.member("b", .real(0.5))
          json.member("c", "text")
          json.key(Array("d".utf8))
          json.array { $0.integer(3) }
        }
        json.string([])
      }
    }
    let compact = json.filter { !$0.isWhitespace }
    #expect(
      compact
        == #"[1,-2,null,[],{"a":18446744073709551615,"b":0.5,"c":"text","d":[3]},""]"#)
  }

  @Test("An empty recording is a whole document")
  func empty() throws {
    let json = try parse(Sample())
    #expect(json["format"] as? String == "prognos-profile")
    #expect(json["format_version"] as? Int == 1)
    #expect((json["library"] as? [String: Any])?["version"] as? String == "9.8.7")
    #expect((json["operations"] as? [Any])?.isEmpty == true)
    #expect((json["call_tree"] as? [Any])?.isEmpty == true)
  }

  @Test("The process, the capabilities and the diagnostics are told field by field")
  func head() throws {
    let sample = Sample()
    sample.process.rss_bytes = 12_345
    sample.process.cpu_ratio = 0.25
    sample.diagnostics.too_deep = 7
    let json = try parse(sample)
    let process = try #require(json["process"] as? [String: Any])
    #expect(process["pid"] as? Int == 4711)
    #expect(process["command"] as? String == "host")
    #expect(process["recording_started_unix_ns"] as? Int == 1_700_000_000_123_456_789)
    #expect(process["rendered_unix_ns"] as? Int == 1_700_000_002_123_456_789)
    #expect(process["recording_ns"] as? Int == 2_000_000_000)
    #expect(process["rss_bytes"] as? Int == 12_345)
    #expect(process["cpu_ratio"] as? Double == 0.25)
    #expect((json["diagnostics"] as? [String: Any])?["too_deep"] as? Int == 7)
    let capabilities = try #require(json["capabilities"] as? [String: Any])
    #expect(capabilities["time_source_reason"] as? String == "it is \"invariant\"")
    #expect(capabilities["max_depth"] as? Int == 4004)
  }

  @Test("An operation has its statistics, its failures by kind and its histogram")
  func operation() throws {
    let sample = Sample()
    let lane = sample.lane()
    let a = sample.operation("say \"hi\"")
    sample.finish([a], times: 3, ticks: 100, on: lane)
    sample.finish([a], ticks: 1000, on: lane)
    sample.fail([a], kind: sample.kind("timeout"), times: 2, on: lane)
    let operations = try #require(try parse(sample)["operations"] as? [[String: Any]])
    let operation = try #require(operations.first)
    #expect(operation["id"] as? Int == 1)
    #expect(operation["name"] as? String == "say \"hi\"")
    #expect(operation["count"] as? Int == 4)
    #expect(operation["wall_ns"] as? Int == 1300)
    #expect(operation["wall_max_ns"] as? Int == 1000)
    #expect(operation["rate_per_s"] as? Double == 2)
    #expect(operation["failures"] as? [String: Int] == ["timeout": 2])
    #expect(operation["wall_histogram_ns"] as? [[Int]] == [[100, 101, 3], [1000, 1008, 1]])
  }

  @Test("The call tree is flat: callers first, each path with the position of its caller")
  func callTree() throws {
    let sample = Sample()
    let lane = sample.lane()
    let (a, b, c) = (sample.operation("a"), sample.operation("b"), sample.operation("c"))
    sample.finish([a, b], ticks: 10, on: lane)
    sample.finish([a, c, b], ticks: 30, on: lane)
    sample.finish([a, c], ticks: 40, on: lane)
    sample.finish([a], ticks: 100, on: lane)
    sample.finish([b], ticks: 500, on: lane)
    let tree = try #require(try parse(sample)["call_tree"] as? [[String: Any]])
    #expect(tree.map { $0["name"] as? String } == ["b", "a", "c", "b", "b"])
    #expect(tree.map { $0["caller"] as? Int } == [nil, nil, 1, 2, 1])
    #expect(tree.map { $0["depth"] as? Int } == [0, 0, 1, 2, 1])
    #expect(tree.map { $0["self_wall_ns"] as? Int } == [500, 50, 10, 30, 10])
  }

  @Test("Failures of kinds that found no room are put together with a host's own \"other\"")
  func otherKinds() throws {
    let sample = Sample()
    let lane = sample.lane()
    let a = sample.operation("a")
    sample.finish([a], times: 9, ticks: 10, on: lane)
    sample.fail([a], kind: sample.kind("other"), times: 4, on: lane)
    sample.fail([a], kind: FailureKind.other, times: 3, on: lane)
    #expect(sample.json.components(separatedBy: "\"other\"").count == 3)  // operation, path
    let operations = try parse(sample)["operations"] as? [[String: Any]]
    #expect(operations?.first?["failures"] as? [String: Int] == ["other": 7])
  }

  @Test("A kind that two threads numbered at the same moment is told once")
  func doubledKind() throws {
    let sample = Sample()
    let lane = sample.lane()
    let a = sample.operation("a")
    sample.finish([a], times: 9, ticks: 10, on: lane)
    let first = sample.kind("timeout")
    sample.recording.failureKind(first).pointee.state.set(1)
    let second = sample.kind("timeout")
    sample.recording.failureKind(first).pointee.state.set(2)
    #expect(first != second)
    sample.fail([a], kind: first, on: lane)
    sample.fail([a], kind: second, times: 2, on: lane)
    sample.fail([a], kind: sample.kind("refused"), times: 3, on: lane)
    sample.fail([a], kind: sample.kind("again"), times: 3, on: lane)
    let words = sample.report.failures(sample.report.profile.operations[0].totals)
    #expect(
      words.map { String(decoding: $0.kind, as: UTF8.self) } == ["again", "refused", "timeout"])
    #expect(words.map(\.count) == [3, 3, 3])
  }

  @Test("4,000 nested operations are written without recursion")
  func deep() throws {
    let sample = Sample()
    sample.finish(sample.operation("a"), nested: 4000, ticks: 1, on: sample.lane())
    #expect((try parse(sample)["call_tree"] as? [Any])?.count == 4000)
    #expect(sample.text().contains("↻4000"))
  }

  @Test(
    "A call is in the tree also when only it, and none of its callers, is found finished or open")
  func callersBetween() throws {
    // As a reading finds it that meets the callers between open and finished.
    let sample = Sample()
    let (a, b, c) = (sample.operation("a"), sample.operation("b"), sample.operation("c"))
    sample.finish([a, b, c], ticks: 10, on: sample.lane())
    #expect((try parse(sample)["call_tree"] as? [Any])?.count == 3)
  }
}
