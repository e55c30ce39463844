// SPDX-License-Identifier: Apache-2.0

/// A row of small bars, one column a value, the newest at the right.
enum Sparkline {
  private static let blocks: [Character] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"]
  private static let letters: [Character] = ["_", ".", ":", "-", "=", "+", "*", "#"]

  /// `values`: nil where nothing is known. The largest one fills its column; 0 is the lowest bar.
  static func text(_ values: [Double?], columns: Int, unicode: Bool) -> String {
    guard columns > 0 else { return "" }
    let shown = values.suffix(columns)
    let largest = shown.reduce(0.0) { max($0, $1 ?? 0) }
    let bars = unicode ? blocks : letters
    var text = String(repeating: " ", count: columns - shown.count)
    for value in shown {
      guard let value, value.isFinite else {
        text.append(" ")
        continue
      }
      let share = largest > 0 ? max(value, 0) / largest : 0
      // What is not nothing is seen to be more than nothing.
      let height = share > 0 ? max(Int((share * 7).rounded()), 1) : 0
      text.append(bars[min(height, 7)])
    }
    return text
  }
}

/// The latest values of a number, oldest first; nil where it was not known.
struct Trail: Equatable {
  private(set) var values: [Double?] = []
  /// As many as a wide screen shows.
  static let most = 120

  mutating func add(_ value: Double?) {
    if values.count == Self.most { values.removeFirst() }
    values.append(value)
  }
}
