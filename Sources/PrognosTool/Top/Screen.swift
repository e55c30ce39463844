// SPDX-License-Identifier: Apache-2.0
import Export

/// Draws what a model knows as the lines of a screen. It asks nothing of a terminal but its size.
struct Screen {
  let width: Int
  let height: Int
  let isUnicode: Bool

  static let least = (width: 40, height: 10)

  var style: TextStyle { isUnicode ? .unicode : .ascii }
  var separator: String { isUnicode ? " · " : " | " }

  /// `height` lines, none wider than `width`.
  func lines(_ model: inout Model) -> [Line] {
    guard width >= Self.least.width, height >= Self.least.height else {
      let sentence = "prognos top needs \(Self.least.width) x \(Self.least.height)"
      return fitted([Line(sentence, .warning)])
    }
    switch model.view {
    case .help: return fitted(help(), last: hints("any key goes back", "q quits"))
    case .detail(let id): return fitted(detail(model, id), last: detailHints(model))
    case .table: return fitted(table(&model), last: tableHints(model))
    }
  }

  /// So many lines, the last one at the bottom.
  private func fitted(_ lines: [Line], last: Line? = nil) -> [Line] {
    var all = lines.prefix(max(height - (last == nil ? 0 : 1), 0)).map { $0.cut(to: width) }
    while all.count < height - (last == nil ? 0 : 1) { all.append(Line()) }
    if let last { all.append(last.cut(to: width)) }
    return all
  }

  // MARK: The table

  private func table(_ model: inout Model) -> [Line] {
    var lines = head(model)
    let notes = noteLines(model)
    // A title, and a line between, beside what the rows leave.
    let left = height - 1 - lines.count - 1 - model.shown.count - notes.count - 2
    let below = openLines(model, most: max(left, height / 5 - 1, 2)) + notes
    let room = max(height - lines.count - 2 - below.count, 1)
    model.page = room
    let (columns, name, sparkline) = Column.fitting(width)
    var titles = Line()
    for column in columns {
      if column != .name { titles.put(" ", .title) }
      let isSort = column == model.sort
      let arrow = isUnicode ? (model.isReversed ? "▲" : "▼") : (model.isReversed ? "^" : "v")
      titles.put(
        column.title(in: model.window) + (isSort ? arrow : ""), isSort ? .heading : .title,
        columns: column == .name ? name : column.width, column == .name ? .left : .right)
    }
    if sparkline > 0 {
      titles.put(" ", .title)
      titles.put("RATE", .title, columns: sparkline)
    }
    titles.fill(to: width, .title)
    lines.append(titles)
    let shown = model.shown
    let selected = model.selectedIndex
    // The selected row stays in sight, with the page it is on.
    let first = max(min(selected - room / 2, shown.count - room), 0)
    for (index, row) in shown.enumerated().dropFirst(first).prefix(room) {
      var line = self.line(row, columns, name: name, sparkline: sparkline)
      line.isSelected = index == selected && model.selected != nil
      lines.append(line)
    }
    if shown.isEmpty { lines.append(Line(nothing(model), .dim)) }
    while lines.count < height - 1 - below.count { lines.append(Line()) }
    return lines + below
  }

  private func nothing(_ model: Model) -> String {
    if !model.hasReading { return "Reading." }
    if !model.filter.isEmpty { return "No operation has \"\(model.filter)\" in its name." }
    return model.reading.isEnabled ? "No operation yet." : "No operation: recording is off."
  }

  private func line(_ row: Row, _ columns: [Column], name: Int, sparkline: Int) -> Line {
    var line = Line()
    for column in columns {
      let cell = column.cell(row, style)
      if column == .name {
        line.put(
          shortened(label(cell.text), columns: name, unicode: isUnicode), cell.ink, columns: name)
      } else {
        line.put(" ")
        line.put(cell.text, cell.ink, columns: column.width, .right)
      }
    }
    if sparkline > 0 {
      line.put(" ")
      line.put(Sparkline.text(row.trail.values, columns: sparkline, unicode: isUnicode), .graph)
    }
    return line
  }

  /// A sentence in as many lines as it takes, broken between words.
  private func broken(_ sentence: String) -> [String] {
    var lines = [""]
    for word in sentence.split(separator: " ") {
      let last = lines[lines.count - 1]
      if last.isEmpty {
        lines[lines.count - 1] = String(word)
      } else if columns(of: last) + 1 + columns(of: String(word)) <= width {
        lines[lines.count - 1] = "\(last) \(word)"
      } else {
        lines.append(String(word))
      }
    }
    return lines
  }

  /// A sentence as the terminal can show it.
  func wholeLabel(_ text: String) -> String {
    String(decoding: style.wholeLabel(Array(text.utf8)), as: UTF8.self)
  }

  /// A name as the terminal can show it.
  func label(_ name: String) -> String {
    String(decoding: style.label(Array(name.utf8)), as: UTF8.self)
  }

  /// Calls that are open, the oldest first: a fifth of the screen, and what the table does not need.
  private func openLines(_ model: Model, most: Int) -> [Line] {
    let open = model.reading.open.sorted { $0.nanoseconds > $1.nanoseconds }
    guard !open.isEmpty else { return [] }
    let died = model.reading.status == .died
    var lines: [Line] = []
    var title = Line(died ? "OPEN WHEN IT DIED" : "OPEN", .title)
    title.fill(to: width, .title)
    lines.append(title)
    for call in open.prefix(open.count > most ? most - 1 : most) {
      var line = Line()
      let age = String(decoding: style.duration(call.nanoseconds), as: UTF8.self)
      line.put(age, call.nanoseconds >= 1_000_000_000 ? .warning : .plain, columns: 9, .right)
      line.put("  ")
      let path = call.names.map(label).joined(separator: isUnicode ? " › " : " > ")
      let room = width - 11 - columns(of: call.thread) - 2
      line.put(shortened(path, columns: max(room, 8), unicode: isUnicode), .strong)
      line.put("  " + call.thread, .dim)
      lines.append(line)
    }
    if open.count > most { lines.append(Line("          and \(open.count - most + 1) more", .dim)) }
    return lines
  }

  private func noteLines(_ model: Model) -> [Line] {
    let ink: Ink = model.reading.status == .died ? .bad : .warning
    return model.reading.notes.flatMap { broken(wholeLabel($0)) }.prefix(3).map { Line($0, ink) }
  }

  // MARK: The last line

  private func tableHints(_ model: Model) -> Line {
    if model.isTyping {
      var line = Line("filter: ", .strong)
      line.put(model.filter + (isUnicode ? "▏" : "_"))
      line.put("   Enter keeps it, Escape drops it", .dim)
      return line
    }
    return hints("q quit", "? help", "s sort", "/ filter", "p pause", "w window", "Enter detail")
  }

  private func detailHints(_ model: Model) -> Line {
    hints("q quit", "Escape back", "p pause", "w window", "? help")
  }

  private func hints(_ hints: String...) -> Line {
    Line(hints.joined(separator: "   "), .dim)
  }
}
