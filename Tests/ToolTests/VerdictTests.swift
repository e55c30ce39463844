// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Foundation
import Hostile
import Testing

@testable import PrognosTool

@Suite("What was concluded, as it is shown")
struct VerdictTests {
  private func shown(_ change: (HostileFile) -> Void = { _ in }) throws -> (
    text: String, json: String
  ) {
    let file = HostileFile()
    change(file)
    guard case .answered(let text, let json, _) = file.examine(as: .recording) else {
      throw Missing()
    }
    return (text, json)
  }

  private struct Missing: Error {}

  @Test("A report begins with how it is, what will fail, what runs out, and what leaks")
  func text() throws {
    let lines = try shown().text.split(separator: "\n").map(String.init)
    let first = try #require(lines.firstIndex { $0.hasPrefix("[ERROR] health ") })
    #expect(first <= 3)
    #expect(lines[first].contains("serve: 100 % of its calls are slower than its objective"))
    #expect(lines[first + 1].hasPrefix("  latency "))
    let rest = lines[(first + 2)...].joined(separator: "\n")
    #expect(
      rest.contains(
        "[ERROR] failure: probability 70.0 % within 12 m 00 s, in about 4 m 00 s (3 m 00 s to 7 m 00 s): "
          + "file descriptors run out"))
    #expect(rest.contains("[ERROR] file descriptors: 98.0 % of RLIMIT_NOFILE, in about 4 m 00 s\n"))
    #expect(
      rest.contains("[WARN] leak: query größe leaks 80 B a call; allocated in main;query;malloc"))
    #expect(rest.contains("[ERROR] file descriptors: 98 % of the limit is used: 980 of 1000"))
    #expect(rest.contains("anomaly: an unusual value"))
    #expect(rest.contains("  next peak: the load comes every hour\n"))
    #expect(rest.contains("  scalability: threads wait for each other\n"))
    #expect(rest.contains("  efficiency: a fifth of the time waits\n"))
    #expect(rest.contains("  bottleneck: query waits for walk\n"))
    #expect(rest.contains("\nexperiment for more of serve"))
  }

  @Test("In JSON what is no number is null, and what is about nobody has no name")
  func json() throws {
    let data = Data(try shown().json.utf8)
    let profile = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    let found = try #require(profile["assessment"] as? [String: Any])
    let anomalies = try #require(found["anomalies"] as? [[String: Any]])
    #expect(anomalies.count == 1)
    #expect(anomalies[0]["value"] is NSNull)
    #expect(anomalies[0]["name"] as? String == "serve")
    let resources = try #require(found["resources"] as? [[String: Any]])
    #expect(resources[0]["minutes_high"] is NSNull)
    #expect(resources[0]["minutes_low"] as? Double == 3)
    let health = try #require(found["health"] as? [String: Any])
    #expect(health["name"] as? String == "serve")
    #expect((health["score"] as? Double).map { $0 < 20 } == true)
  }

  @Test("The screen of top shows it under the name, as much as there is room for")
  func top() throws {
    var model = Model()
    var look = reading(at: 10, [operation(1, "serve", calls: 10)])
    look.verdicts = [
      .init(severity: 2, text: "health 12 · serve takes 10 times as long as usual"),
      .init(severity: 1, text: "leak: serve leaks 80 B a call"),
    ]
    model.take(look)
    var lines = screen(&model)
    #expect(lines[1].text == "[ERROR] health 12 · serve takes 10 times as long as usual")
    #expect(lines[1].pieces[0].ink == .bad)
    #expect(lines[2].text == "[WARN] leak: serve leaks 80 B a call")
    #expect(lines[3].text.hasPrefix("CPU"))
    lines = screen(&model, 80, 12)
    #expect(lines[2].text.hasPrefix("CPU"))
  }
}
