// SPDX-License-Identifier: Apache-2.0
import Export
import Recording

/// One operation from near by, and the page of help.
extension Screen {
  func detail(_ model: Model, _ id: UInt32) -> [Line] {
    var lines = head(model)
    guard let row = model.rows.first(where: { $0.id == id }) else {
      lines.append(Line("This operation is not in the recording any more.", .warning))
      return lines
    }
    var title = Line(label(row.name), .title)
    title.fill(to: width, .title)
    lines.append(title)
    lines += numbers(row, model)
    guard let detail = model.reading.detail, detail.id == id else {
      lines.append(Line("Reading.", .dim))
      return lines
    }
    lines.append(quantiles(detail))
    if !detail.failures.isEmpty { lines.append(failures(detail)) }
    let parts: [(String, [Reading.Detail.Share])] = [
      ("CALLED FROM", detail.callers), ("CALLS", detail.callees),
      ("HOTTEST FUNCTIONS", detail.functions),
    ]
    let filled = parts.filter { !$0.1.isEmpty }
    let room = max((height - 1 - lines.count) / max(filled.count, 1) - 1, 1)
    for (title, shares) in filled { lines += part(title, shares, most: room) }
    return lines
  }

  private func numbers(_ row: Row, _ model: Model) -> [Line] {
    func pairs(_ pairs: [(String, String)]) -> Line {
      var line = Line()
      for (name, value) in pairs {
        line.put(name, .dim, columns: 9)
        line.put(value + " ", .strong, columns: max(width / pairs.count - 9, 8))
      }
      return line
    }
    var rate = Line()
    rate.put("rate/s", .dim, columns: 9)
    rate.put(text(style.rate(row.ratePerSecond)), .strong, columns: 11)
    rate.put(
      Sparkline.text(row.trail.values, columns: min(width - 22, Trail.most), unicode: isUnicode),
      .graph)
    return [
      rate,
      pairs([
        ("calls", text(style.count(row.calls))), ("failed", text(style.count(row.failed))),
        ("open", text(style.count(row.active))), ("CPU", percent(row.cpuShare) + " %"),
      ]),
      pairs([
        ("alloc/s", text(size(row.allocatedPerSecond))), ("live", text(style.size(row.liveBytes))),
        ("I/O/s", text(size(row.ioPerSecond))), ("wall", percent(row.wallShare) + " %"),
      ]),
    ]
  }

  private func quantiles(_ detail: Reading.Detail) -> Line {
    // Whatever the window is.
    var line = Line("in all  ", .dim)
    for (name, nanoseconds) in detail.quantiles {
      line.put(name + " ", .dim)
      line.put(text(style.duration(nanoseconds)) + "  ", .strong)
    }
    return line
  }

  private func failures(_ detail: Reading.Detail) -> Line {
    var line = Line("failed as ", .dim)
    for (kind, calls) in detail.failures {
      line.put(label(kind), .bad)
      line.put(" \(calls)  ")
    }
    return line
  }

  private func part(_ title: String, _ shares: [Reading.Detail.Share], most: Int) -> [Line] {
    var lines = [Line(title, .heading)]
    let all = shares.reduce(UInt64(0)) { $0 &+ $1.nanoseconds }
    for share in shares.prefix(most) {
      var line = Line("  ")
      let part = all > 0 ? Double(share.nanoseconds) / Double(all) : 0
      line.put(percent(part) + " %", columns: 8, .right)
      line.put("  ")
      line.put(text(style.duration(share.nanoseconds)), .dim, columns: 9, .right)
      line.put("  ")
      line.put(
        shortened(label(share.name), columns: max(width - 34, 10), unicode: isUnicode), .strong)
      if share.calls > 0 { line.put("  " + text(style.count(share.calls)) + " calls", .dim) }
      lines.append(line)
    }
    return lines
  }

  func help() -> [Line] {
    let keys: [(String, String)] = [
      ("up down j k", "choose an operation; PgUp PgDn Home End, g G"),
      ("Enter", "the operation from near by; Escape goes back"),
      ("s > <", "sort by the next column, by the one before; left and right, too"),
      ("r", "the other way round"),
      ("/", "only operations with these letters in their names; Escape: all"),
      ("w", "window: now, last minute, 5 minutes, hour, total"),
      ("p space", "pause, and go on"),
      ("+ -", "look half as often, twice as often"),
      ("q Ctrl-C", "quit; Ctrl-Z suspends, Ctrl-L draws anew"),
    ]
    let columns: [(String, String)] = [
      ("RATE/S", "calls that ended, a second"),
      ("CALLS FAILED", "in the window; now: since the recording began"),
      ("P50 P95", "half, and 95 in 100, of the calls took no longer"),
      ("CPU % WALL %", "of one CPU, one thread, without calls inside; with +, with them"),
      ("ALLOC/S LIVE", "memory that the operation itself took; what of it is not freed"),
      ("OPEN", "calls that have begun and not ended"),
    ]
    var lines = [Line("prognos top \(Version.text)", .strong), Line()]
    for (index, part) in [keys, columns].enumerated() {
      if index > 0 { lines.append(Line()) }
      for (name, meaning) in part {
        var line = Line("  ")
        line.put(name, .strong, columns: 14)
        line.put(meaning)
        lines.append(line)
      }
    }
    return lines
  }
}
