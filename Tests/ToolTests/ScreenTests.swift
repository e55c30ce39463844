// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import PrognosTool

@Suite("The screen of top")
struct ScreenTests {
  private func model(_ count: UInt32 = 3) -> Model {
    var model = Model()
    for step in 0..<3 {
      let operations = (1...count).map {
        operation($0, "operation_\($0)", calls: UInt64(step + 1) * UInt64($0) * 10)
      }
      model.take(reading(at: 10 + Double(step), operations, cpu: UInt64(step) * 500_000_000))
    }
    return model
  }

  @Test(
    "Every line fits, at any size", arguments: [(80, 24), (120, 40), (40, 10), (57, 11), (250, 70)])
  func fits(_ width: Int, _ height: Int) {
    var model = model(30)
    var last = reading(at: 20, model.reading.operations)
    last.open = (0..<9).map {
      .init(
        thread: "thread \($0)", names: ["outer", "日本語の名前", "inner"], nanoseconds: 5_000_000_000)
    }
    last.notes = ["It was killed by signal 9."]
    last.operations.append(operation(99, String(repeating: "日本語", count: 40), calls: 1_000_000))
    model.take(last)
    for view in [Model.View.table, .help, .detail(99)] {
      model.view = view
      let lines = screen(&model, width, height)
      #expect(lines.count == height)
      for line in lines { #expect(line.width <= width, "\(line.text)") }
    }
  }

  @Test("A screen of 80 x 24 has the process, its gauges, the table and the keys")
  func small() {
    var model = model()
    let lines = text(screen(&model))
    #expect(lines[0] == "prognos top  ingest  pid 4711  live  recorded 12.0 s")
    #expect(lines[1].hasPrefix("CPU        50.0 %"))
    #expect(lines[1].contains("resident   64.0 MiB"))
    #expect(lines[2].hasPrefix("operations 60.0/s"))
    #expect(lines[3] == "3 threads  12 files  0.00 errors/min  now (1 s)  3 of 3 operations")
    #expect(lines[4].hasPrefix("OPERATION"))
    #expect(lines[4].contains("RATE/S▼"))
    #expect(lines[5].hasPrefix("operation_3"))
    #expect(lines[5].contains("30.0"))
    #expect(lines[5].hasSuffix("██"))
    #expect(lines[23].hasPrefix("q quit   ? help"))
  }

  @Test("A wider screen shows more columns, a narrow one the most important")
  func columns() {
    var model = model()
    let narrow = text(screen(&model, 60))[4]
    let usual = text(screen(&model))[4]
    let wide = text(screen(&model, 160))[4]
    #expect(narrow.contains("P95") && !narrow.contains("FAILED"))
    #expect(usual.contains("FAILED") && !usual.contains("ALLOC/S"))
    for column in Column.allCases { #expect(wide.contains(column.title)) }
  }

  @Test("In plain ASCII nothing else is sent")
  func ascii() {
    var model = model()
    var last = reading(at: 20, [operation(1, "größe", calls: 5)])
    last.open = [.init(thread: "thread 1", names: ["größe", "b"], nanoseconds: 1500)]
    model.take(last)
    for view in [Model.View.table, .help, .detail(1)] {
      model.view = view
      for line in screen(&model, unicode: false) {
        #expect(line.text.utf8.allSatisfy { (32..<127).contains($0) }, "\(line.text)")
      }
    }
  }

  @Test("The chosen row is in sight, wherever it is")
  func scrolling() {
    var model = model(100)
    for key in [Key.end, .home, .pageDown, .pageDown, .down, .up] {
      _ = model.press(key)
      let chosen = screen(&model).filter(\.isSelected)
      #expect(chosen.count == 1)
      #expect(chosen[0].text.hasPrefix("operation_\(model.selected ?? 0) "))
    }
  }

  @Test("Calls that are open stand below, the oldest first, and how many more")
  func open() {
    var model = model(100)
    var last = reading(at: 20, model.reading.operations)
    last.open = (1...9).map {
      .init(
        thread: "thread \($0)", names: ["outer", "inner"], nanoseconds: UInt64($0) * 1_000_000_000)
    }
    model.take(last)
    let lines = text(screen(&model))
    let start = lines.firstIndex { $0 == "OPEN" } ?? 0
    #expect(lines[start + 1] == "   9.00 s  outer › inner  thread 9")
    #expect(lines[start + 2].contains("8.00 s"))
    #expect(lines[start + 3] == "          and 7 more")
    #expect(lines[start + 4].hasPrefix("q quit"))
  }

  @Test(
    "Where the table leaves room, more of them do; what history tells with calls inside has a mark")
  func room() {
    var model = model()
    var last = reading(at: 20, model.reading.operations)
    last.open = (1...9).map { .init(thread: "thread \($0)", names: ["outer"], nanoseconds: $0) }
    model.take(last)
    let lines = text(screen(&model))
    let start = lines.firstIndex { $0 == "OPEN" } ?? 0
    #expect(lines[start - 1].isEmpty)
    #expect(lines[(start + 1)...].filter { $0.contains("outer") }.count == 9)
    #expect(lines[4].contains("CPU %") && !lines[4].contains("CPU+%"))
    _ = model.press(.character("w"))
    #expect(text(screen(&model))[4].contains("CPU+%"))
  }

  @Test("A process that died says so, and its open calls stay")
  func died() {
    var model = model()
    var last = reading(at: 20, model.reading.operations)
    last.status = .died
    last.notes = ["It was killed by signal 9."]
    last.open = [.init(thread: "thread 1", names: ["inner"], nanoseconds: 5)]
    model.take(last)
    let lines = text(screen(&model))
    #expect(lines[0].contains("  died  "))
    #expect(lines.contains("OPEN WHEN IT DIED"))
    #expect(lines.contains("It was killed by signal 9."))
  }

  @Test("Typing a filter, a pause and a filter without any match are said")
  func states() {
    var model = model()
    model.press("p/zzz")
    var lines = text(screen(&model))
    #expect(lines[0].hasSuffix("PAUSED"))
    #expect(lines[3].contains("filter zzz  0 of 3 operations"))
    #expect(lines[5] == "No operation has \"zzz\" in its name.")
    #expect(lines[23].hasPrefix("filter: zzz▏"))
    _ = model.press(.escape)
    lines = text(screen(&model))
    #expect(lines[3].contains("3 of 3 operations"))
  }

  @Test("Names with control characters cannot change the screen")
  func controls() {
    var model = Model()
    model.take(reading(at: 10, [operation(1, "a\u{1B}[2J\nb", calls: 1)]))
    #expect(text(screen(&model))[5].hasPrefix("a?[2J?b"))
  }

  @Test("The operation from near by: quantiles, callers, functions, failures")
  func detail() {
    var model = model()
    model.view = .detail(2)
    var last = reading(at: 20, model.reading.operations)
    var detail = Reading.Detail(id: 2)
    detail.quantiles = [("p50", 1_000_000), ("p99", 3_000_000)]
    detail.callers = [
      .init(name: "main", calls: 9, nanoseconds: 3_000_000),
      .init(name: "other", calls: 1, nanoseconds: 1_000_000),
    ]
    detail.functions = [.init(name: "memcpy", calls: 0, nanoseconds: 5_000_000)]
    detail.failures = [("timeout", 3)]
    last.detail = detail
    model.take(last)
    let lines = text(screen(&model))
    #expect(lines[4] == "operation_2")
    #expect(lines.contains("in all  p50 1.00 ms  p99 3.00 ms"))
    #expect(lines.contains("failed as timeout 3"))
    #expect(lines.contains { $0.contains("75.0 %") && $0.contains("main  9 calls") })
    #expect(lines.contains { $0.contains(" 100 %") && $0.hasSuffix("memcpy") })
  }

  @Test("A screen that is too small says how large it must be")
  func tooSmall() {
    var model = model()
    #expect(text(screen(&model, 39, 24))[0] == "prognos top needs 40 x 10")
    #expect(screen(&model, 3, 1).count == 1)
  }
}
