// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Export

@Suite("Numbers as bytes")
struct OutputTests {
  @Test("Whole numbers are written digit by digit, to the extremes")
  func integers() {
    for number: UInt64 in [0, 1, 9, 10, 99, 100, 1_000_000, .max - 1, .max] {
      #expect(written { $0.put(number) } == "\(number)")
    }
    for number: Int64 in [0, 1, -1, 10, -10, .max, .min] {
      #expect(written { $0.put(number) } == "\(number)")
    }
  }

  @Test("A fixed number of digits is rounded to nearest, half away from zero")
  func rounding() {
    let cases: [(Double, Int, String)] = [
      (0, 0, "0"), (0, 2, "0.00"), (1.25, 1, "1.3"), (0.5, 0, "1"), (1.5, 0, "2"), (2.5, 0, "3"),
      (0.125, 2, "0.13"), (9.994, 2, "9.99"), (9.996, 2, "10.00"), (99.95, 0, "100"),
      (-1.5, 0, "-2"), (-0.004, 2, "0.00"), (-0.006, 2, "-0.01"), (1234.5678, 3, "1234.568"),
      (0.001, 3, "0.001"), (123_456_789.987, 1, "123456790.0"),
    ]
    for (number, digits, expected) in cases {
      #expect(written { $0.put(number, digits: digits) } == expected)
    }
  }

  @Test("What is no number is written as 0, since no form of ours has a word for it")
  func notFinite() {
    for number in [Double.nan, .infinity, -.infinity] {
      #expect(written { $0.put(number, digits: 2) } == "0")
      #expect(written { $0.put(shortest: number) } == "0")
    }
  }

  @Test("A number too large for digits after the point is written without them")
  func large() {
    #expect(written { $0.put(1e17, digits: 0) } == "100000000000000000")
    #expect(written { $0.put(1e18, digits: 0) } == "1000000000000000000")
    #expect(written { $0.put(1e17, digits: 2) } == "100000000000000000")
    #expect(written { $0.put(1e300, digits: 2) } == "9000000000000000000")
  }

  @Test("A number far below zero is written, too")
  func farBelowZero() async {
    #expect(written { $0.put(-1e17, digits: 2) } == "-100000000000000000")
    await #expect(processExitsWith: .success) {
      #expect(written { $0.put(-1e300, digits: 2) } == "-9000000000000000000")
    }
  }

  @Test("The shortest form reads back as the same number")
  func shortest() {
    for number: Double in [
      0, 1, 0.1, 1.0 / 3, 1e-300, .leastNonzeroMagnitude, 1e22, 1.7976931348623157e308, -2.5,
    ] {
      let text = written { $0.put(shortest: number) }
      #expect(Double(text) == number)
    }
    #expect(written { $0.put(shortest: 0.1) } == "0.1")
  }

  @Test("A line ends without the spaces at its end")
  func endLine() {
    #expect(
      written {
        $0.put("a  b   ")
        $0.endLine()
        $0.put("  ")
        $0.endLine()
      } == "a  b\n\n")
  }

  @Test("A byte is repeated as often as is said, and not at all below one")
  func times() {
    #expect(written { $0.put(3, times: 0x2A) } == "***")
    #expect(written { $0.put(0, times: 0x2A) } == "")
    #expect(written { $0.put(-5, times: 0x2A) } == "")
  }

  @Test("The bytes of a C string end before its NUL, and NULL has none")
  func cString() {
    #expect(bytes(of: "größe") == Array("größe".utf8))
    #expect(bytes(of: "") == [])
    #expect(bytes(of: nil) == [])
  }
}
