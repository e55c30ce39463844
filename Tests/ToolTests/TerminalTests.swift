// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import PrognosTool

@Suite("Keys and what is drawn")
struct TerminalTests {
  private func keys(_ text: String) -> [Key] {
    var decoder = KeyDecoder()
    return decoder.add(Array(text.utf8))
  }

  @Test("Letters, control keys and the sequences of the keys that have names")
  func sequences() {
    #expect(keys("aé日") == [.character("a"), .character("é"), .character("日")])
    #expect(keys("\u{1B}[A\u{1B}[B\u{1B}OC\u{1B}[D") == [.up, .down, .right, .left])
    #expect(keys("\u{1B}[5~\u{1B}[6~\u{1B}[H\u{1B}[4~") == [.pageUp, .pageDown, .home, .end])
    #expect(keys("\u{1B}[1;5A") == [.up])
    #expect(
      keys("\r\u{7F}\u{03}\u{1A}\u{0C}") == [.enter, .backspace, .interrupt, .suspend, .redraw])
    #expect(keys("\u{1B}[99~\u{1B}[?1;2cx") == [.character("x")])
  }

  @Test("A sequence may come in parts; Escape alone is a key when nothing follows")
  func parts() {
    var decoder = KeyDecoder()
    #expect(decoder.add([0x1B]) == [])
    #expect(decoder.add([0x5B]) == [])
    #expect(decoder.isWaiting)
    #expect(decoder.add([0x41]) == [.up])
    #expect(!decoder.isWaiting)
    #expect(decoder.add([0x1B]) == [])
    #expect(decoder.flush() == [.escape])
    #expect(decoder.add([0x1B, 0x1B, 0x5B, 0x42]) == [.escape, .down])
    #expect(decoder.add([0xC3]) == [])
    #expect(decoder.add([0xA9]) == [.character("é")])
  }

  @Test("Any bytes make some keys and an end")
  func anyBytes() {
    var state: UInt64 = 1
    var decoder = KeyDecoder()
    for _ in 0..<20_000 {
      state = state &* 6_364_136_223_846_793_005 &+ 1
      _ = decoder.add([UInt8(truncatingIfNeeded: state >> 33)])
    }
    _ = decoder.flush()
    #expect(!decoder.isWaiting)
  }

  @Test("Only lines that changed are drawn, and all of them in one update")
  func frames() {
    var painter = Painter(isColoured: true)
    let first = painter.frame([Line("a"), Line("b", .bad)])
    #expect(first.hasPrefix("\u{1B}[?2026h"))
    #expect(first.contains("\u{1B}[2J"))
    #expect(first.contains("\u{1B}[0;31;1mb"))
    #expect(first.hasSuffix("\u{1B}[?2026l"))
    #expect(painter.frame([Line("a"), Line("b", .bad)]) == "")
    let next = painter.frame([Line("a"), Line("c", .bad)])
    #expect(!next.contains("a\u{1B}[0m"))
    #expect(next.contains("\u{1B}[2;1H"))
    painter.forget()
    #expect(painter.frame([Line("a"), Line("c", .bad)]).contains("\u{1B}[1;1H"))
    #expect(painter.frame([Line("a")]).contains("\u{1B}[2J"))
  }

  @Test("Without colours weights are left")
  func colourless() {
    var painter = Painter(isColoured: false)
    var selected = Line("b", .bad)
    selected.isSelected = true
    let frame = painter.frame([Line("a", .graph), selected])
    #expect(!frame.contains(";3"))
    #expect(frame.contains("\u{1B}[0;1;7mb"))
  }

  @Test(
    "Sparklines: the largest fills its column, what is not nothing is seen, nothing known is blank")
  func sparklines() {
    #expect(Sparkline.text([0, 1, 100, nil, 50], columns: 7, unicode: true) == "  ▁▂█ ▅")
    #expect(Sparkline.text([1, 2, 3], columns: 2, unicode: false) == "+#")
    #expect(Sparkline.text([0, 0], columns: 2, unicode: true) == "▁▁")
    #expect(Sparkline.text([.nan, .infinity, -1], columns: 3, unicode: true) == "  ▁")
  }

  @Test("Texts are measured by the columns they take, and cut between characters")
  func widths() {
    #expect(columns(of: "日本") == 4)
    #expect(clipped("日本語", columns: 5) == "日本")
    #expect(shortened("日本語", columns: 5, unicode: true) == "日本…")
    #expect(shortened("abcdef", columns: 4, unicode: false) == "abc~")
    var line = Line()
    line.put("日本語", columns: 5, .right)
    #expect(line.text == " 日本")
    #expect(line.width == 5)
  }

  @Test("The locale says whether characters are UTF-8")
  func locale() {
    #expect(Surroundings.isUnicode { ["LANG": "de_DE.UTF-8"][$0] })
    #expect(Surroundings.isUnicode { ["LC_ALL": "C.utf8", "LANG": "C"][$0] })
    #expect(!Surroundings.isUnicode { ["LC_ALL": "C", "LANG": "de_DE.UTF-8"][$0] })
    #expect(!Surroundings.isUnicode { _ in nil })
  }

  @Test("Percents take at most six columns")
  func percents() {
    #expect(percent(0.001) == "0.1")
    #expect(percent(0.9994) == "99.9")
    #expect(percent(0.99999) == "100")
    #expect(percent(1.5) == "150")
    #expect(percent(.infinity).count <= 8)
  }
}
