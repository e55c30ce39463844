// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Testing

@testable import Analysis

@Suite("Reasons as sentences")
struct SentenceTests {
  private func text(_ compose: (inout Sentence) -> Void) -> String {
    var health = prognos_health()
    Sentence.compose(in: &health.reason, compose)
    return withUnsafeBytes(of: health.reason) {
      String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
    }
  }

  @Test(
    "Numbers have three significant digits",
    arguments: [
      (0.0, "0"), (1, "1"), (-2.5, "-2.5"), (3.14159, "3.14"), (99.96, "100"), (12345.6, "12346"),
      (0.001234, "0.00123"), (.nan, "no number"), (.infinity, "infinity"),
      (1e300, "1000000000000000000"),
    ])
  func numbers(_ number: Double, _ expected: String) {
    #expect(text { $0.put(number) } == expected)
  }

  @Test("Sizes and times have their units")
  func units() {
    #expect(text { $0.put(bytes: 1536) } == "1.5 KiB")
    #expect(text { $0.put(bytes: 3e12) } == "2.73 TiB")
    #expect(text { $0.put(seconds: 0.25) } == "250 ms")
    #expect(text { $0.put(seconds: 90) } == "90 s")
    #expect(text { $0.put(seconds: 7000) } == "117 minutes")
    #expect(text { $0.put(seconds: 1e6) } == "11.6 days")
    #expect(text { $0.put(percentOf: 0.123) } == "12.3 %")
  }

  @Test("A text that is too long is cut on a character's boundary, and ends with a NUL")
  func cut() {
    let long = String(repeating: "é", count: 200)
    let text = text { $0.put(long) }
    #expect(text == String(repeating: "é", count: 119))
  }
}
