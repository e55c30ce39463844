// SPDX-License-Identifier: Apache-2.0
import Export

/// The top of the screen: what process this is, and how it is.
extension Screen {
  func head(_ model: Model) -> [Line] {
    [identity(model)] + verdicts(model) + [gauges(model, 0), gauges(model, 1), state(model)]
  }

  /// How it is: the verdict on its health, and the worst of what else is wrong.
  private func verdicts(_ model: Model) -> [Line] {
    model.reading.verdicts.prefix(height < 16 ? 1 : 3).map { verdict in
      var line = Line()
      let (word, ink): (String, Ink) =
        switch verdict.severity {
        case 0: ("[OK]", .good)
        case 1: ("[WARN]", .warning)
        default: ("[ERROR]", .bad)
        }
      line.put(word, ink)
      line.put(" " + wholeLabel(verdict.text), verdict.severity == 0 ? .plain : .strong)
      return line
    }
  }

  private func identity(_ model: Model) -> Line {
    let reading = model.reading
    var line = Line()
    line.put("prognos top", .dim)
    line.put("  ")
    let name = reading.command.isEmpty ? "process" : label(reading.command)
    line.put(shortened(name, columns: max(width - 45, 12), unicode: isUnicode), .strong)
    line.put("  pid \(reading.processID)")
    line.put("  ")
    switch reading.status {
    case .live where reading.isEnabled: line.put("live", .good)
    case .live: line.put("live, recording off", .warning)
    case .finished: line.put("finished", .warning)
    case .died: line.put("died", .bad)
    }
    if model.hasReading {
      line.put("  recorded " + text(style.duration(reading.recordedNanoseconds)))
    }
    if model.isPaused { line.put("  PAUSED", .warning) }
    return line
  }

  /// Four gauges in two lines, each with its past in what room there is.
  private func gauges(_ model: Model, _ index: Int) -> Line {
    let gauges = model.gauges
    let process = model.reading.process
    let half = width / 2
    var line = Line()
    if index == 0 {
      put("CPU", gauges.cpu.map { percent($0) + " %" }, gauges.cpuTrail, half, &line)
      line.fill(to: half)
      put(
        "resident", process?.residentBytes.map { text(style.size($0)) }, gauges.residentTrail,
        width - half, &line)
    } else {
      put(
        "operations", gauges.operationsPerSecond.map { text(style.rate($0)) + "/s" },
        gauges.operationTrail, half, &line)
      line.fill(to: half)
      let io = gauges.readPerSecond.map { read in
        text(size(read + (gauges.writtenPerSecond ?? 0))) + "/s"
      }
      put("I/O", io, gauges.ioTrail, width - half, &line)
    }
    return line
  }

  private func put(
    _ name: String, _ value: String?, _ trail: Trail, _ width: Int, _ line: inout Line
  ) {
    line.put(name, .dim, columns: 11)
    line.put(value ?? "-", value == nil ? .dim : .strong, columns: 11)
    line.put(
      Sparkline.text(trail.values, columns: min(max(width - 24, 0), 60), unicode: isUnicode), .graph
    )
  }

  /// What is shown, and the rest of the numbers.
  private func state(_ model: Model) -> Line {
    let gauges = model.gauges
    let process = model.reading.process
    var line = Line()
    func number(_ value: UInt64?, _ one: String, _ many: String) {
      guard let value else { return }
      line.put("\(value)", .strong)
      line.put(" " + (value == 1 ? one : many) + "  ", .dim)
    }
    number(process?.threads, "thread", "threads")
    number(process?.openFiles, "file", "files")
    if let errors = gauges.errorsPerMinute {
      line.put(text(style.rate(errors)), errors > 0 ? .bad : .strong)
      line.put(" errors/min  ", .dim)
    }
    if model.window != .now {
      line.put(model.window.name)
    } else if model.hasTwoLooks {
      line.put(model.window.name)
      line.put(" (\(seconds(model.interval)))", .dim)
    } else {
      line.put(Window.total.name)
    }
    if !model.filter.isEmpty {
      line.put("  filter ", .dim)
      line.put(label(model.filter))
    }
    let shown = model.shown.count
    line.put("  \(shown) of \(model.rows.count) operations", .dim)
    return line
  }

  private func seconds(_ value: Double) -> String {
    value >= 1 ? "\(Int(value)) s" : "\(Int((value * 1000).rounded())) ms"
  }

  func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

  func size(_ number: Double) -> [UInt8] { style.size(UInt64(min(max(number, 0), 0x1p62))) }
}
