// SPDX-License-Identifier: Apache-2.0
import Recording

/// How numbers, bars and trees look in a terminal: in UTF-8 or in plain ASCII.
package enum TextStyle {
  case unicode, ascii

  /// Deeper levels of the call tree are not indented any further.
  var deepestIndentation: Int { 24 }

  package var separator: StaticString { self == .unicode ? " · " : " | " }
  package var none: [UInt8] { Array("-".utf8) }

  func branch(isLast: Bool) -> [UInt8] {
    switch self {
    case .unicode: Array((isLast ? "└─ " : "├─ ").utf8)
    case .ascii: Array((isLast ? "`- " : "|- ").utf8)
    }
  }

  /// Longer names are cut: one of them must not push a whole table off the screen.
  private var widestLabel: Int { 60 }

  /// Says that a row stands for an operation that calls itself, this many levels deep.
  func recursion(_ levels: Int) -> [UInt8] {
    var output = Output()
    output.put(self == .unicode ? " ↻" : " x")
    output.put(UInt64(levels))
    return output.bytes
  }

  func trunk(isLast: Bool) -> [UInt8] {
    if isLast { return Array("   ".utf8) }
    return Array((self == .unicode ? "│  " : "|  ").utf8)
  }

  /// A share of 0...1 as a bar of ten cells.
  func bar(_ share: Double) -> [UInt8] {
    let cells = 10
    let eighths = Int(whole(min(max(share, 0), 1) * Double(cells * 8)))
    var bar: [UInt8] = []
    switch self {
    case .unicode:
      for cell in 0..<cells {
        let filled = min(max(eighths - cell * 8, 0), 8)
        // U+2588 is the full block, U+258F the left eighth.
        if filled > 0 { bar += [0xE2, 0x96, UInt8(0x90 - filled)] } else { bar.append(0x20) }
      }
    case .ascii:
      let filled = (eighths + 4) / 8
      bar += [UInt8](repeating: 0x23, count: filled)
      bar += [UInt8](repeating: 0x20, count: cells - filled)
    }
    return bar
  }

  package func percent(_ share: Double) -> [UInt8] {
    var output = Output()
    let percent = share * 100
    if percent > 0 && percent < 0.1 {
      output.put(" <0.1")
    } else {
      let digits = percent < 99.95 ? 1 : 0
      output.put(percent < 9.95 ? 2 : percent < 99.95 ? 1 : 2, times: 0x20)
      output.put(percent, digits: digits)
    }
    output.put(" %")
    return output.bytes
  }

  /// Three significant digits and a unit: 950 ns, 1.23 ms, 45.6 s, 2 h 05 m.
  package func duration(_ nanoseconds: UInt64, when known: Bool = true) -> [UInt8] {
    guard known else { return none }
    var output = Output()
    let micro: StaticString = self == .unicode ? " µs" : " us"
    let value = Double(nanoseconds)
    switch nanoseconds {
    case 0..<1000:
      output.put(nanoseconds)
      output.put(" ns")
    case 0..<999_500: put(value / 1e3, micro, &output)
    case 0..<999_500_000: put(value / 1e6, " ms", &output)
    case 0..<120_000_000_000: put(value / 1e9, " s", &output)
    case 0..<7_200_000_000_000: pair(nanoseconds / 1_000_000_000, " m ", 60, " s", &output)
    default: pair(nanoseconds / 60_000_000_000, " h ", 60, " m", &output)
    }
    return output.bytes
  }

  package func size(_ bytes: UInt64) -> [UInt8] {
    var output = Output()
    let value = Double(bytes)
    switch bytes {
    case 0..<1024:
      output.put(bytes)
      output.put(" B")
    case 0..<1_047_552: put(value / 1024, " KiB", &output)
    case 0..<1_072_693_248: put(value / 1_048_576, " MiB", &output)
    default: put(value / 1_073_741_824, " GiB", &output)
    }
    return output.bytes
  }

  /// A whole number, shortened from a million on: 12345, 1.23 M.
  package func count(_ number: UInt64) -> [UInt8] {
    var output = Output()
    switch number {
    case 0..<1_000_000: output.put(number)
    case 0..<999_500_000: put(Double(number) / 1e6, " M", &output)
    default: put(Double(number) / 1e9, " G", &output)
    }
    return output.bytes
  }

  package func rate(_ perSecond: Double) -> [UInt8] {
    if perSecond >= 999_999 { return count(UInt64(clamping: Int64(min(perSecond, 9e18)))) }
    var output = Output()
    output.put(perSecond, digits: perSecond < 10 ? 2 : perSecond < 100 ? 1 : 0)
    return output.bytes
  }

  /// A name as it is shown: control characters would spoil the table, and ASCII shows others as "?".
  package func label(_ name: [UInt8]) -> [UInt8] {
    let shown = wholeLabel(name)
    guard displayWidth(shown) > widestLabel else { return shown }
    return prefix(of: shown, columns: widestLabel - 3)
      + Array((self == .unicode ? "…" : "...").utf8)
  }

  /// The same of any length.
  package func wholeLabel(_ name: [UInt8]) -> [UInt8] {
    var shown: [UInt8] = []
    for (index, byte) in name.enumerated() {
      switch byte {
      case 0..<0x20, 0x7F: shown.append(0x3F)
      // U+0080 to U+009F are controls, too: C2 80 to C2 9F.
      case 0xC2 where index + 1 < name.count && name[index + 1] < 0xA0: shown.append(0x3F)
      case 0x80..<0xA0 where index > 0 && name[index - 1] == 0xC2: break
      case 0x80..<0xC0 where self == .ascii: break
      case 0x80... where self == .ascii: shown.append(0x3F)
      default: shown.append(byte)
      }
    }
    return shown
  }

  private func put(_ value: Double, _ unit: StaticString, _ output: inout Output) {
    output.put(value, digits: value < 9.995 ? 2 : value < 99.95 ? 1 : 0)
    output.put(unit)
  }

  private func pair(
    _ whole: UInt64, _ first: StaticString, _ per: UInt64, _ second: StaticString,
    _ output: inout Output
  ) {
    output.put(whole / per)
    output.put(first)
    if whole % per < 10 { output.put("0") }
    output.put(whole % per)
    output.put(second)
  }
}
