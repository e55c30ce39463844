// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import PrognosTool

@Suite("What a live view knows")
struct ModelTests {
  private func model() -> Model {
    var model = Model()
    model.take(
      reading(
        at: 10,
        [
          operation(1, "parse", calls: 100, cpu: 1_000_000_000), operation(2, "store", calls: 10),
          operation(3, "load", calls: 50), operation(4, "never", calls: 0),
        ]))
    model.take(
      reading(
        at: 12,
        [
          operation(1, "parse", calls: 300, cpu: 2_000_000_000),
          operation(2, "store", calls: 12, failed: 1), operation(3, "load", calls: 50),
          operation(5, "new", calls: 1000),
        ], cpu: 3_000_000_000))
    return model
  }

  @Test("Rates are differences between two readings, by the time between them")
  func rates() {
    let model = model()
    #expect(model.names == ["new", "parse", "store", "load"])
    #expect(model.rows.map(\.ratePerSecond) == [500, 100, 1, 0])
    #expect(model.rows[1].cpuShare == 0.5)
    #expect(model.gauges.cpu == 1.5)
    #expect(model.gauges.operationsPerSecond == 601)
    #expect(model.gauges.errorsPerMinute == 30)
    #expect(model.rows[1].trail.values == [100])
  }

  @Test("The first reading alone tells the rates since the recording began")
  func first() {
    var model = Model()
    model.take(reading(at: 10, [operation(1, "parse", calls: 100)]))
    #expect(model.rows[0].ratePerSecond == 10)
    #expect(model.gauges.cpu == nil)
  }

  @Test("A recording that began again has no rates below nothing")
  func beganAgain() {
    var model = model()
    model.take(reading(at: 14, [operation(1, "parse", calls: 3)], cpu: 1))
    #expect(model.rows[0].ratePerSecond == 0)
    #expect(model.gauges.cpu == 0)
  }

  @Test("What ended keeps the rates of its last moments")
  func ended() {
    var model = model()
    for second in 14..<17 {
      var last = reading(at: Double(second), [operation(1, "parse", calls: 500)])
      last.status = .died
      model.take(last)
    }
    #expect(model.rows[0].ratePerSecond == 100)
    #expect(model.reading.status == .died)
  }

  @Test("Two readings of the same moment divide by no time")
  func sameMoment() {
    var model = model()
    model.take(reading(at: 12, [operation(1, "parse", calls: 301)]))
    #expect(model.rows[0].ratePerSecond == 100.5)
  }

  @Test("Rates that are nearly alike keep their rows in place: the one named first comes first")
  func alike() {
    for (first, second) in [(1000, 1008), (1008, 1000)] as [(UInt64, UInt64)] {
      var model = Model()
      model.take(
        reading(at: 1, [operation(1, "outer", calls: 0), operation(2, "inner", calls: 0)]))
      model.take(
        reading(
          at: 2,
          [
            operation(1, "outer", calls: first), operation(2, "inner", calls: second),
            operation(3, "more", calls: 1200), operation(4, "none", calls: 0, active: 1),
          ]))
      #expect(model.names == ["more", "outer", "inner", "none"])
    }
  }

  @Test("s and > and < sort by another column, r the other way round")
  func sorting() {
    var model = model()
    model.press("s")
    #expect(model.sort == .failed)
    #expect(model.names.first == "store")
    model.press("<<")
    #expect(model.sort == .calls)
    #expect(model.names == ["new", "parse", "load", "store"])
    model.press("r")
    #expect(model.names == ["store", "load", "parse", "new"])
    model.press("<")
    #expect(model.names == ["load", "new", "parse", "store"])
    model.press("<")
    #expect(model.sort == .active)
  }

  @Test("The filter lets names through while it is typed; Escape gives the one before back")
  func filter() {
    var model = model()
    model.press("/")
    #expect(model.isTyping)
    model.press("Sq")  // letters while it is typed
    #expect(model.names == [])
    _ = model.press(.backspace)
    #expect(model.names == ["parse", "store"])
    _ = model.press(.enter)
    #expect(!model.isTyping)
    model.press("/e")
    #expect(model.names == ["parse"])
    _ = model.press(.escape)
    #expect(model.filter == "S")
    _ = model.press(.escape)
    #expect(model.names.count == 4)
  }

  @Test("Arrows choose an operation, which stays chosen when the order changes")
  func choosing() {
    var model = model()
    #expect(model.selected == nil)
    _ = model.press(.down)
    #expect(model.selected == 1)
    _ = model.press(.up)
    _ = model.press(.up)
    #expect(model.selected == 5)
    _ = model.press(.end)
    #expect(model.selected == 3)
    _ = model.press(.pageDown)
    #expect(model.selected == 3)
    model.press("r")
    #expect(model.selectedIndex == 0)
    _ = model.press(.home)
    #expect(model.selected == 3)
  }

  @Test("Enter asks for one operation from near by, Escape goes back")
  func detail() {
    var model = model()
    _ = model.press(.down)
    #expect(model.press(.enter) == .read)
    #expect(model.detailed == 1)
    #expect(model.press(.escape) == .none)
    #expect(model.view == .table)
    model.press("/zzz")
    _ = model.press(.enter)
    #expect(model.press(.enter) == .none)
  }

  @Test("Space pauses, w goes through the windows, + and - change how often it looks")
  func others() {
    var model = model()
    #expect(model.press(.character(" ")) == .none)
    #expect(model.isPaused)
    #expect(model.press(.character("p")) == .read)
    #expect(model.press(.character("w")) == .read)
    #expect(model.window == .lastMinute)
    model.press("wwww")
    #expect(model.window == .now)
    model.press("+")
    #expect(model.interval == 2)
    model.press("----------")
    #expect(model.interval == 0.1)
    model.press("++++++++++++")
    #expect(model.interval == 60)
  }

  @Test("q and Ctrl-C quit, wherever one is")
  func quitting() {
    var model = model()
    #expect(model.press(.character("q")) == .quit)
    model.press("?")
    #expect(model.view == .help)
    #expect(model.press(.character("q")) == .quit)
    #expect(model.press(.character("x")) == .none)
    #expect(model.view == .table)
    model.press("/")
    #expect(model.press(.character("q")) == .none)
    #expect(model.press(.interrupt) == .quit)
    #expect(model.press(.suspend) == .suspend)
    #expect(model.press(.redraw) == .redraw)
  }
}
