// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Export

@Suite("How numbers look in a terminal")
struct TextStyleTests {
  private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

  @Test(
    "A duration has three significant digits and its unit",
    arguments: [
      (0, "0 ns"), (1, "1 ns"), (999, "999 ns"), (1000, "1.00 µs"), (1234, "1.23 µs"),
      (9994, "9.99 µs"), (9995, "10.0 µs"), (12_345, "12.3 µs"), (99_949, "99.9 µs"),
      (99_950, "100 µs"), (999_499, "999 µs"), (999_500, "1.00 ms"), (1_500_000, "1.50 ms"),
      (999_499_999, "999 ms"), (999_500_000, "1.00 s"), (59_900_000_000, "59.9 s"),
      (119_400_000_000, "119 s"), (120_000_000_000, "2 m 00 s"), (3_661_000_000_000, "61 m 01 s"),
      (7_199_999_999_999, "119 m 59 s"), (7_200_000_000_000, "2 h 00 m"),
      (90_000_000_000_000, "25 h 00 m"), (UInt64.max, "5124095 h 34 m"),
    ] as [(UInt64, String)])
  func duration(nanoseconds: UInt64, expected: String) {
    #expect(text(TextStyle.unicode.duration(nanoseconds)) == expected)
    #expect(
      text(TextStyle.ascii.duration(nanoseconds)) == expected.replacing("µ", with: "u"))
  }

  @Test("An unknown duration is a dash")
  func unknown() {
    #expect(text(TextStyle.unicode.duration(5, when: false)) == "-")
  }

  @Test(
    "A size has three significant digits and its unit",
    arguments: [
      (0, "0 B"), (1023, "1023 B"), (1024, "1.00 KiB"), (1536, "1.50 KiB"), (10_240, "10.0 KiB"),
      (102_400, "100 KiB"), (1_047_551, "1023 KiB"), (1_047_552, "1.00 MiB"),
      (48 << 20, "48.0 MiB"),
      (1_072_693_247, "1023 MiB"), (1_072_693_248, "1.00 GiB"), (5 << 40, "5120 GiB"),
    ] as [(UInt64, String)])
  func size(bytes: UInt64, expected: String) {
    #expect(text(TextStyle.unicode.size(bytes)) == expected)
  }

  @Test(
    "A count is whole up to a million, and shortened from there on",
    arguments: [
      (0, "0"), (12_345, "12345"), (999_999, "999999"), (1_000_000, "1.00 M"),
      (12_345_678, "12.3 M"), (999_499_999, "999 M"), (999_500_000, "1.00 G"),
      (UInt64.max, "18446744074 G"),
    ] as [(UInt64, String)])
  func count(number: UInt64, expected: String) {
    #expect(text(TextStyle.ascii.count(number)) == expected)
  }

  @Test(
    "A rate has two digits after the point when it is small",
    arguments: [
      (0, "0.00"), (0.123, "0.12"), (9.99, "9.99"), (12.34, "12.3"), (123.4, "123"),
      (999_998.4, "999998"), (999_999, "999999"), (1_500_000, "1.50 M"),
      (.infinity, "9000000000 G"),
      (.nan, "0"),
    ] as [(Double, String)])
  func rate(perSecond: Double, expected: String) {
    #expect(text(TextStyle.ascii.rate(perSecond)) == expected)
  }

  @Test("A bar is ten cells wide and filled by its share in eighths of a cell")
  func bar() {
    let style = TextStyle.unicode
    #expect(text(style.bar(0)) == "          ")
    #expect(text(style.bar(1)) == "██████████")
    #expect(text(style.bar(0.5)) == "█████     ")
    #expect(text(style.bar(0.0125)) == "▏         ")
    #expect(text(style.bar(0.55)) == "█████▌    ")
    #expect(text(style.bar(-1)) == text(style.bar(0)))
    #expect(text(style.bar(7)) == text(style.bar(1)))
    for eighths in 0...80 {
      #expect(displayWidth(style.bar(Double(eighths) / 80)) == 10)
    }
  }

  @Test("In ASCII a bar is filled by whole cells")
  func asciiBar() {
    let style = TextStyle.ascii
    #expect(text(style.bar(0)) == "          ")
    #expect(text(style.bar(0.34)) == "###       ")
    #expect(text(style.bar(0.36)) == "####      ")
    #expect(text(style.bar(1)) == "##########")
  }

  @Test(
    "A percentage has one digit after the point, and none from 99.95 on",
    arguments: [
      (0, "  0.0 %"), (0.0001, " <0.1 %"), (0.001, "  0.1 %"), (0.05, "  5.0 %"),
      (0.1, " 10.0 %"), (0.5, " 50.0 %"), (0.9994, " 99.9 %"), (0.9996, "  100 %"), (1, "  100 %"),
    ] as [(Double, String)])
  func percent(share: Double, expected: String) {
    #expect(text(TextStyle.unicode.percent(share)) == expected)
  }

  @Test("Percentages are all as wide as each other, so that a column of them is aligned")
  func percentWidth() {
    for share in stride(from: 0.0, through: 1.0, by: 0.0005) {
      #expect(
        TextStyle.unicode.percent(share).count == 7, "\(text(TextStyle.unicode.percent(share)))")
    }
  }

  @Test("A name is shown without control characters, and in ASCII without any others")
  func label() {
    let name = Array("a\tb\u{7F}größe 名🙂".utf8)
    #expect(text(TextStyle.unicode.label(name)) == "a?b?größe 名🙂")
    #expect(text(TextStyle.ascii.label(name)) == "a?b?gr??e ??")
  }

  @Test("Terminal controls beyond ASCII are not shown either")
  func c1Controls() {
    // U+009B begins a control sequence, as ESC [ does.
    let shown = text(TextStyle.unicode.label(Array("a\u{9B}31mb".utf8)))
    #expect(!shown.unicodeScalars.contains { (0x80...0x9F).contains($0.value) })
  }

  @Test("The lines of a tree are of one width in both styles")
  func tree() {
    for style in [TextStyle.unicode, .ascii] {
      for isLast in [true, false] {
        #expect(displayWidth(style.branch(isLast: isLast)) == 3)
        #expect(displayWidth(style.trunk(isLast: isLast)) == 3)
      }
    }
    #expect(text(TextStyle.unicode.recursion(12)) == " ↻12")
    #expect(text(TextStyle.ascii.recursion(2)) == " x2")
    #expect(TextStyle.ascii.branch(isLast: true).allSatisfy { $0 < 0x80 })
  }
}
