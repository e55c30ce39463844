// SPDX-License-Identifier: Apache-2.0
import Export
import Glibc
import Recording

/// Asks which of several recordings is meant.
struct Chooser {
  let rows: [ListRow]
  private(set) var selected = 0

  enum Action: Equatable {
    case none, quit
    case choose(Int)
  }

  init(_ rows: [ListRow]) { self.rows = rows }

  mutating func press(_ key: Key) -> Action {
    switch key {
    case .up, .character("k"): selected = max(selected - 1, 0)
    case .down, .character("j"): selected = min(selected + 1, max(rows.count - 1, 0))
    case .enter: return rows.isEmpty ? .none : .choose(selected)
    case .escape, .interrupt, .character("q"): return .quit
    default: break
    }
    return .none
  }

  func lines(_ width: Int, _ height: Int, unicode: Bool) -> [Line] {
    let style: TextStyle = unicode ? .unicode : .ascii
    var lines = [Line("prognos top: which process?", .strong), Line()]
    var title = Line()
    title.put("    PID  COMMAND          USER        OPS/S  STATUS     SINCE", .title)
    title.fill(to: width, .title)
    lines.append(title)
    let room = max(height - 5, 1)
    let first = max(selected - room + 1, 0)
    for (index, row) in rows.enumerated().dropFirst(first).prefix(room) {
      func shown(_ text: String, _ wide: Int) -> String {
        shortened(
          String(decoding: style.label(Array(text.utf8)), as: UTF8.self), columns: wide,
          unicode: unicode)
      }
      var line = Line()
      line.put("\(row.processID)", columns: 7, .right)
      line.put("  ")
      line.put(shown(row.command, 15), .strong, columns: 17)
      line.put(shown(row.user, 9), columns: 10)
      line.put(
        String(decoding: style.rate(row.operationsPerSecond), as: UTF8.self), columns: 7, .right)
      line.put("  ")
      line.put(row.status, row.status == "recording" ? .good : .warning, columns: 11)
      line.put(localTime(row.startUnixNanoseconds), .dim)
      line.isSelected = index == selected
      lines.append(line)
    }
    while lines.count < height - 1 { lines.append(Line()) }
    lines.append(Line("up, down: choose   Enter: watch it   q: quit", .dim))
    return lines.prefix(height).map { $0.cut(to: width) }
  }
}

struct ChooserLoop {
  /// The recording that was chosen; nil when none was, or a signal ended it.
  mutating func run(on terminal: Terminal, _ signal: inout Int32?) -> Recorded? {
    var painter = Painter(isColoured: Surroundings.isColoured(STDOUT_FILENO))
    var decoder = KeyDecoder()
    let found = Search.all().filter { $0.status == .recording }
    var chooser = Chooser(found.map(ListRow.init))
    while true {
      let size = terminal.size
      let frame = painter.frame(
        chooser.lines(size.width, size.height, unicode: Surroundings.isUnicode))
      if !frame.isEmpty { write(frame, to: STDOUT_FILENO) }
      var keys: [Key] = []
      switch terminal.wait(seconds: decoder.isWaiting ? 0.05 : 3600) {
      case .bytes(let bytes): keys = decoder.add(bytes)
      case .closed:
        signal = SIGHUP
        return nil
      case .nothing: if decoder.isWaiting { keys = decoder.flush() }
      }
      for number in Signals.take() {
        switch number {
        case SIGTSTP: keys.append(.suspend)
        case SIGCONT, SIGWINCH: painter.forget()
        default:
          signal = number
          return nil
        }
      }
      for key in keys {
        if key == .suspend {
          terminal.suspend()
          painter.forget()
        }
        switch chooser.press(key) {
        case .quit: return nil
        case .choose(let index): return found[index]
        case .none: break
        }
      }
    }
  }
}
