// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Hostile
import Testing

@testable import PrognosTool

@Suite("The command on damaged recordings")
struct HostileTests {
  @Test("A live view shows what it finds, in every window and of every operation")
  func top() throws {
    let file = HostileFile()
    for seed in 0..<400 {
      var flips = Flips(seed: UInt64(seed))
      _ = flips.apply(to: file)
      defer { file.restore() }
      guard let recorded = try? Recorded(path: file.path) else { continue }
      var source = LiveSource(recorded, interval: 1)
      var model = Model()
      for (look, window) in Window.allCases.enumerated() {
        model.window = window
        var reading = source.read(window: window, detail: UInt32(look + 1))
        // As if its process lived: rates are of the time between two looks.
        reading.status = .live
        reading.atNanoseconds = UInt64(look) * 1_000_000_000
        model.take(reading)
        for column in Column.allCases {
          model.sort = column
          _ = model.press(.character("r"))
        }
        model.view = .table
        check(screen(&model), seed)
        model.view = .detail(UInt32(look + 1))
        check(screen(&model, 200, 60, unicode: false), seed)
      }
    }
  }

  private func check(_ lines: [Line], _ seed: Int) {
    for line in lines {
      let isClean = line.text.unicodeScalars.allSatisfy {
        $0.value >= 0x20 && !(0x7F..<0xA0).contains($0.value)
      }
      #expect(isClean, "seed \(seed): \(line.text)")
    }
  }

  @Test("Lists and reports are made of them")
  func listed() throws {
    let file = HostileFile()
    for seed in 400..<800 {
      var flips = Flips(seed: UInt64(seed))
      _ = flips.apply(to: file)
      defer { file.restore() }
      guard let recorded = try? Recorded(path: file.path) else { continue }
      let rows = [ListRow(recorded)]
      #expect(!ListRow.table(rows, unicode: true).isEmpty)
      #expect(!ListRow.json(rows).isEmpty)
      #expect(!ReportFormat.json.bytes(recorded.report(), unicode: true).isEmpty)
    }
  }

  @Test("The largest numbers there are add up to a row")
  func largest() {
    var model = Model()
    for second in 1...3 {
      var busy = operation(1, "busy", calls: .max, failed: .max, active: .max, cpu: .max)
      busy.stats.self_allocated_bytes = .max
      busy.stats.read_bytes = .max
      busy.stats.written_bytes = .max
      busy.stats.self_wall_ns = .max
      model.take(reading(at: Double(second), [busy], cpu: second == 1 ? 0 : .max))
    }
    #expect(model.rows.count == 1)
    #expect(text(screen(&model)).contains { $0.contains("busy") })
  }
}
