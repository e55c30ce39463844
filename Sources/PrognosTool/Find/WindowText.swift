// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Export
import Recording

/// The latest past as a table: what operations did in it, the one with the most time first.
struct WindowText {
  private let window: Report.Window
  private let report: Report
  private let style: TextStyle

  init(_ window: Report.Window, _ report: Report, _ style: TextStyle) {
    (self.window, self.report, self.style) = (window, report, style)
  }

  var bytes: [UInt8] {
    var bytes = line([
      "prognos \(report.libraryVersion)", "\(label(report.command)) (pid \(report.processID))",
      "\(window.name)".split(separator: "_").joined(separator: " ")
        + ": \(duration(window.operations.nanoseconds))",
    ])
    if let origin = report.origin {
      bytes += line(["recording: \(label(origin.path))", "\(origin.status.text)"])
    }
    bytes += line(process)
    if let death = report.profile.recording.fatalSignal(style) {
      bytes += [0x0A] + death + [0x0A]
    }
    return bytes + [0x0A] + operations
  }

  private var process: [String] {
    let process = window.process
    guard process.window_ns > 0 else {
      return ["process: no point of its history is in the window"]
    }
    return [
      "process: CPU \(text(style.percent(process.cpu_ratio)).drop { $0 == " " }) of all CPUs",
      "resident \(size(process.rss_bytes))",
      "\(process.threads) \(process.threads == 1 ? "thread" : "threads")",
      "\(process.open_fds) open files",
      "read \(size(process.read_bytes)), written \(size(process.written_bytes))",
    ]
  }

  private var operations: [UInt8] {
    var rows: [(id: UInt32, stats: prognos_op_stats)] = []
    for id in window.operations.totals.indices.dropFirst() {
      let stats = window.operations.statistics(of: UInt32(id), in: report.profile)
      if stats.count > 0 { rows.append((UInt32(id), stats)) }
    }
    rows.sort {
      $0.stats.wall_ns != $1.stats.wall_ns ? $0.stats.wall_ns > $1.stats.wall_ns : $0.id < $1.id
    }
    if rows.isEmpty { return Array("No call ended in it.\n".utf8) }
    var table = Table([
      .init("OPERATION", .left), .init("CALLS"), .init("RATE/S"), .init("FAILED"), .init("TOTAL"),
      .init("CPU"), .init("P50"), .init("P95"), .init("P99"), .init("ALLOCATED"), .init("READ"),
      .init("WRITTEN"),
    ])
    for (id, stats) in rows {
      table.add([
        style.label(report.profile.recording.name(ofOperation: id)), style.count(stats.count),
        style.rate(stats.rate_per_s), orNone(stats.failed, style.count),
        style.duration(stats.wall_ns), style.duration(stats.cpu_ns),
        style.duration(stats.wall_p50_ns), style.duration(stats.wall_p95_ns),
        style.duration(stats.wall_p99_ns), orNone(stats.allocated_bytes, style.size),
        orNone(stats.read_bytes, style.size), orNone(stats.written_bytes, style.size),
      ])
    }
    var output = Output()
    table.render(into: &output, style)
    return output.bytes
  }

  private func orNone(_ number: UInt64, _ shown: (UInt64) -> [UInt8]) -> [UInt8] {
    number == 0 ? style.none : shown(number)
  }

  private func line(_ parts: [String]) -> [UInt8] {
    Array((parts.joined(separator: "\(style.separator)") + "\n").utf8)
  }

  private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
  private func label(_ name: [UInt8]) -> String { text(style.wholeLabel(name)) }
  private func size(_ bytes: UInt64) -> String { text(style.size(bytes)) }
  private func duration(_ nanoseconds: UInt64) -> String {
    text(style.duration(nanoseconds, when: true))
  }
}
