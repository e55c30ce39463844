// SPDX-License-Identifier: Apache-2.0

/// Turns the lines of a screen into what a terminal takes (ECMA-48 and xterm's control sequences): of each
/// frame only the lines that differ from the one before, in one write.
struct Painter {
  let isColoured: Bool
  private var shown: [Line] = []

  init(isColoured: Bool) { self.isColoured = isColoured }

  /// The alternate screen, no cursor, no wrapping; and back.
  static let enter = "\u{1B}[?1049h\u{1B}[?25l\u{1B}[?7l\u{1B}[2J"
  static let leave = "\u{1B}[0m\u{1B}[?2026l\u{1B}[?7h\u{1B}[?25h\u{1B}[?1049l"

  /// The screen may show something else: the next frame is drawn whole.
  mutating func forget() { shown = [] }

  /// The bytes that change the frame before into this one; empty when there is nothing to change.
  mutating func frame(_ lines: [Line]) -> String {
    let isWhole = shown.count != lines.count
    var body = isWhole ? "\u{1B}[0m\u{1B}[2J" : ""
    for (index, line) in lines.enumerated() where isWhole || shown[index] != line {
      // Erased before it is written: after its last column the cursor still stands on that.
      body += "\u{1B}[\(index + 1);1H\u{1B}[0m\u{1B}[K" + text(line) + "\u{1B}[0m"
    }
    shown = lines
    // A synchronized update: terminals that know it show the frame at once, others ignore the marks.
    return body.isEmpty ? "" : "\u{1B}[?2026h\(body)\u{1B}[?2026l"
  }

  private func text(_ line: Line) -> String {
    var text = ""
    for piece in line.pieces {
      text += "\u{1B}[0\(code(piece.ink))\(line.isSelected ? ";7" : "")m" + piece.text
    }
    return text
  }

  /// Select graphic rendition: weights always, colours where they are wanted.
  private func code(_ ink: Ink) -> String {
    switch ink {
    case .plain: ""
    case .dim: isColoured ? ";90" : ""
    case .strong: ";1"
    case .title: ";7"
    case .heading: ";7;1"
    case .good: isColoured ? ";32" : ""
    case .warning: isColoured ? ";33" : ";1"
    case .bad: isColoured ? ";31;1" : ";1"
    case .graph: isColoured ? ";36" : ""
    }
  }
}
