// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Recording

@Suite("A name as it is kept")
struct CleanTextTests {
  private func clean(_ bytes: [UInt8]) -> (text: String, wasRepaired: Bool) {
    let text = CleanText((bytes + [0]).map { CChar(bitPattern: $0) })
    return (string(text), text.wasRepaired)
  }

  @Test(
    "Valid UTF-8 of every length is kept as it is",
    arguments: [
      "a", "parse", "GET /users/{id}", "größe", "名前", "🙂", "\u{7F}\u{80}\u{7FF}\u{800}",
      "\u{FFFF}\u{10000}\u{10FFFF}", "\u{D7FF}\u{E000}",
    ])
  func valid(text: String) {
    let (kept, wasRepaired) = clean(Array(text.utf8))
    #expect(kept == text)
    #expect(Array(kept.utf8) == Array(text.utf8))
    #expect(!wasRepaired)
  }

  @Test("Each maximal subpart of an ill-formed sequence becomes one U+FFFD, as Unicode 3.9 shows")
  func standardExamples() {
    // Tables 3-8 to 3-11 of the Unicode Standard, version 15.
    let examples: [([UInt8], String)] = [
      ([0xC0, 0xAF, 0xE0, 0x80, 0xBF, 0xF0, 0x81, 0x82, 0x41], "????????A"),
      ([0xED, 0xA0, 0x80, 0xED, 0xBF, 0xBF, 0xED, 0xAF, 0x41], "????????A"),
      ([0xF4, 0x91, 0x92, 0x93, 0xFF, 0x41, 0x80, 0xBF, 0x42], "?????A??B"),
      ([0xE1, 0x80, 0xE2, 0xF0, 0x91, 0x92, 0xF1, 0xBF, 0x41], "????A"),
    ]
    for (bytes, expected) in examples {
      let (kept, wasRepaired) = clean(bytes)
      #expect(kept == expected.replacing("?", with: "\u{FFFD}"))
      #expect(wasRepaired)
    }
  }

  @Test("Repair agrees with the standard library's decoder on 100,000 random byte strings")
  func randomBytes() {
    var random = SplitMix(state: 1)
    let likely: [UInt8] = [0x41, 0x80, 0xBF, 0xC2, 0xE0, 0xED, 0xEF, 0xF0, 0xF4, 0x9F, 0x90, 0xA0]
    for _ in 0..<100_000 {
      let bytes = (0..<Int.random(in: 1...8, using: &random)).map { _ in
        Bool.random(using: &random)
          ? likely.randomElement(using: &random)! : UInt8.random(in: 1...255, using: &random)
      }
      let expected = String(decoding: bytes, as: UTF8.self)
      let (kept, wasRepaired) = clean(bytes)
      guard Array(kept.utf8) == Array(expected.utf8), wasRepaired == (Array(expected.utf8) != bytes)
      else {
        Issue.record("\(bytes) became \(Array(kept.utf8)), repaired: \(wasRepaired)")
        return
      }
    }
  }

  @Test("255 bytes are kept, the 256th is cut")
  func cut() {
    let (whole, wholeWasRepaired) = clean([UInt8](repeating: 0x61, count: 255))
    #expect(whole.utf8.count == 255)
    #expect(!wholeWasRepaired)
    let (cut, wasCut) = clean([UInt8](repeating: 0x61, count: 256))
    #expect(cut.utf8.count == 255)
    #expect(wasCut)
  }

  @Test("A long name is cut before the character that does not fit", arguments: ["é", "名", "🙂"])
  func cutOnBoundary(character: String) {
    for padding in 0..<4 {
      let name = String(repeating: "x", count: padding) + String(repeating: character, count: 200)
      let (kept, wasRepaired) = clean(Array(name.utf8))
      #expect(name.hasPrefix(kept))
      #expect(kept.utf8.count <= 255)
      #expect(kept.utf8.count + character.utf8.count > 255)
      #expect(wasRepaired)
    }
  }

  @Test("A replacement character that does not fit is left out whole")
  func cutBeforeReplacement() {
    let (kept, _) = clean([UInt8](repeating: 0x61, count: 253) + [0xFF])
    #expect(kept == String(repeating: "a", count: 253))
  }

  @Test("The hash is FNV-1a of the kept bytes")
  func hash() {
    // The reference values of the FNV home page.
    #expect(CleanText("").hash == 0xcbf2_9ce4_8422_2325)
    #expect(CleanText("a").hash == 0xaf63_dc4c_8601_ec8c)
    #expect(CleanText("foobar").hash == 0x8594_4171_f739_67e8)
    let long = String(repeating: "a", count: 255)
    #expect(CleanText(long + "b").hash == CleanText(long).hash)
  }
}
