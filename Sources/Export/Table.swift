// SPDX-License-Identifier: Apache-2.0

/// Columns of text, aligned by how wide a terminal shows them.
package struct Table {
  package enum Alignment { case left, right }

  package struct Column {
    let title: StaticString
    let alignment: Alignment

    package init(_ title: StaticString, _ alignment: Alignment = .right) {
      self.title = title
      self.alignment = alignment
    }
  }

  private let columns: [Column]
  private var rows: [[[UInt8]]] = []

  package init(_ columns: [Column]) { self.columns = columns }

  var isEmpty: Bool { rows.isEmpty }
  var count: Int { rows.count }

  package mutating func add(_ row: [[UInt8]]) { rows.append(row) }

  package func render(into output: inout Output, _ style: TextStyle) {
    // A column without any content is left out, and with it its title.
    let shown = columns.indices.filter { column in rows.contains { !$0[column].isEmpty } }
    let widths = columns.indices.map { column in
      rows.reduce(columns[column].title.utf8CodeUnitCount) { max($0, displayWidth($1[column])) }
    }
    func put(_ cell: [UInt8], _ column: Int) {
      let space = widths[column] - displayWidth(cell)
      if columns[column].alignment == .right { output.put(space, times: 0x20) }
      output.put(cell)
      if columns[column].alignment == .left { output.put(space, times: 0x20) }
      output.put("  ")
      if column == shown.last { output.endLine() }
    }
    for column in shown {
      var title = Output()
      title.put(columns[column].title)
      put(title.bytes, column)
    }
    for row in rows {
      for column in shown { put(row[column], column) }
    }
  }
}

/// The first characters of a UTF-8 text, as many as fit into so many columns.
package func prefix(of text: [UInt8], columns: Int) -> [UInt8] {
  var end = 0
  var width = 0
  while end < text.count {
    var next = end + 1
    while next < text.count, text[next] & 0xC0 == 0x80 { next += 1 }
    width += displayWidth(Array(text[end..<next]))
    if width > columns { break }
    end = next
  }
  return Array(text[0..<end])
}

/// How many columns a terminal takes for a UTF-8 text: none for combining marks, two for East Asian wide
/// characters and emoji (the main blocks of Unicode's EastAsianWidth), one for the rest.
package func displayWidth(_ text: [UInt8]) -> Int {
  var width = 0
  var index = 0
  while index < text.count {
    let lead = text[index]
    let length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4
    var scalar = UInt32(length == 1 ? lead : lead & (0xFF >> UInt8(length + 1)))
    for byte in text[(index + 1)...].prefix(length - 1) {
      scalar = scalar << 6 | UInt32(byte & 0x3F)
    }
    width += columns(of: scalar)
    index += length
  }
  return width
}

private func columns(of scalar: UInt32) -> Int {
  switch scalar {
  case 0x300...0x36F, 0x200B...0x200F, 0xFE00...0xFE0F, 0x20D0...0x20FF: 0
  case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF,
    0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x1F300...0x1F64F, 0x1F680...0x1FAFF,
    0x231A...0x231B, 0x23E9...0x23F3,
    0x2614...0x2615, 0x2648...0x2653, 0x26A1, 0x26AA...0x26AB, 0x26BD...0x26BE, 0x26C4...0x26C5,
    0x26D4, 0x26EA, 0x26F2...0x26FD, 0x2705, 0x270A...0x270B, 0x2728, 0x274C...0x274E,
    0x2753...0x2757, 0x2795...0x2797, 0x27B0, 0x2B1B...0x2B1C, 0x2B50, 0x2B55,
    0x20000...0x3FFFD:
    2
  default: 1
  }
}
