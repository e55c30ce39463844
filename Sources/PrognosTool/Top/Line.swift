// SPDX-License-Identifier: Apache-2.0
import Export

/// What a piece of text means, which a terminal shows by colour and weight.
enum Ink: Equatable {
  case plain, dim, strong, heading, title, good, warning, bad, graph
}

/// One line of a screen: pieces of text in their inks.
struct Line: Equatable {
  struct Piece: Equatable {
    var text: String
    var ink: Ink
  }

  enum Alignment { case left, right }

  private(set) var pieces: [Piece] = []
  private(set) var width = 0
  /// Shown as the one that keys act upon.
  var isSelected = false

  init() {}

  init(_ text: String, _ ink: Ink = .plain) { put(text, ink) }

  /// What is on it, without inks.
  var text: String { pieces.map(\.text).joined() }

  mutating func put(_ text: String, _ ink: Ink = .plain) {
    guard !text.isEmpty else { return }
    width += columns(of: text)
    if let last = pieces.indices.last, pieces[last].ink == ink {
      pieces[last].text += text
    } else {
      pieces.append(Piece(text: text, ink: ink))
    }
  }

  /// A text in a column of its own, cut when it is wider.
  mutating func put(
    _ text: String, _ ink: Ink = .plain, columns wide: Int, _ alignment: Alignment = .left
  ) {
    let shown = clipped(text, columns: wide)
    let spaces = String(repeating: " ", count: max(wide - columns(of: shown), 0))
    if alignment == .right { put(spaces, ink) }
    put(shown, ink)
    if alignment == .left { put(spaces, ink) }
  }

  /// Moves on to a column, when the line is not there yet.
  mutating func fill(to column: Int, _ ink: Ink = .plain) {
    if column > width { put(String(repeating: " ", count: column - width), ink) }
  }

  /// As much of it as fits.
  func cut(to columns: Int) -> Line {
    guard width > columns else { return self }
    var line = Line()
    line.isSelected = isSelected
    for piece in pieces {
      let left = columns - line.width
      if left <= 0 { break }
      line.put(clipped(piece.text, columns: left), piece.ink)
    }
    return line
  }
}

/// How many columns a terminal takes for a text.
func columns(of text: String) -> Int { displayWidth(Array(text.utf8)) }

/// The start of a text that fits into so many columns.
func clipped(_ text: String, columns wide: Int) -> String {
  if columns(of: text) <= wide { return text }
  return String(decoding: prefix(of: Array(text.utf8), columns: wide), as: UTF8.self)
}

/// A name that fits, with a mark where it was cut.
func shortened(_ name: String, columns wide: Int, unicode: Bool) -> String {
  if columns(of: name) <= wide { return name }
  let mark = unicode ? "…" : "~"
  return wide < 2 ? clipped(name, columns: wide) : clipped(name, columns: wide - 1) + mark
}
