// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Export

@Suite("Columns of text")
struct TableTests {
  private func render(_ rows: [[String]], _ columns: [Table.Column]) -> String {
    var table = Table(columns)
    for row in rows { table.add(row.map { Array($0.utf8) }) }
    #expect(table.count == rows.count)
    return written { table.render(into: &$0, .unicode) }
  }

  @Test("Cells are aligned left or right, and lines end without spaces")
  func alignment() {
    let text = render(
      [["a", "1", "x"], ["long name", "12345", ""]],
      [.init("NAME", .left), .init("N"), .init("WORD", .left)])
    #expect(
      text == """
        NAME           N  WORD
        a              1  x
        long name  12345

        """)
  }

  @Test("A column without any content is left out, and with it its title")
  func emptyColumn() {
    let text = render(
      [["a", "", "1"], ["b", "", "2"]], [.init("NAME", .left), .init("FAILED"), .init("N")])
    #expect(text == "NAME  N\na     1\nb     2\n")
  }

  @Test("Wide characters take two columns, combining marks none")
  func wide() {
    let text = render(
      [["名前", "1"], ["e\u{301}te\u{301}", "2"], ["🙂🙂", "3"], ["größe", "4"]],
      [.init("NAME", .left), .init("N")])
    #expect(
      text == """
        NAME   N
        名前   1
        e\u{301}te\u{301}    2
        🙂🙂   3
        größe  4

        """)
  }

  @Test(
    "A text is as wide as a terminal shows it",
    arguments: [
      ("", 0), ("abc", 3), ("größe", 5), ("名前", 4), ("한글", 4), ("ｆｕｌｌ", 8), ("ﾊﾝｶｸ", 4),
      ("e\u{301}", 1), ("🙂", 2), ("a\u{200B}b", 2), ("↻", 1), ("█", 1), ("\u{FE0F}", 0),
      ("\u{20000}", 2),
    ])
  func width(text: String, columns: Int) {
    #expect(displayWidth(Array(text.utf8)) == columns)
  }

  @Test("Emoji take two columns", arguments: ["🚀", "✅", "⚡", "🟢", "🪝"])
  func emoji(text: String) {
    #expect(displayWidth(Array(text.utf8)) == 2)
  }

  @Test("A text that breaks off within a character has a width all the same")
  func truncated() {
    #expect(displayWidth([0xE5, 0x90]) <= 2)
    #expect(displayWidth([0xF0]) <= 2)
  }

  @Test("A table without rows is empty, and shows nothing")
  func empty() {
    let table = Table([.init("NAME", .left)])
    #expect(table.isEmpty)
    #expect(written { table.render(into: &$0, .ascii) } == "")
  }
}
