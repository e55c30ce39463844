// SPDX-License-Identifier: Apache-2.0
import Recording

/// The call tree as a person wants to see it: an operation that calls itself is one row.
struct TextTree {
  struct Row {
    let operation: UInt32
    /// Levels of direct recursion below the first.
    var recursionDepth = 0
    var totals = Totals()
    var distribution = Distribution()
    /// Wall and CPU time of the outermost level, which contains the others.
    var totalTicks: UInt64 = 0
    var cpuNanoseconds: UInt64 = 0
    var selfNanoseconds: UInt64 = 0
    var children: [Int] = []

    init(operation: UInt32) { self.operation = operation }
  }

  private(set) var rows: [Row] = []
  private(set) var outermost: [Int] = []

  /// Which rows to show when there is room for `most`: those that took longest. A caller never took less
  /// than what it calls, so that the tree stays in one piece.
  func shown(most: Int) -> [Bool] {
    guard rows.count > most else { return [Bool](repeating: true, count: rows.count) }
    let byTime = ranks(rows.map { $0.totalTicks })
    var shown = [Bool](repeating: false, count: rows.count)
    for index in byTime.prefix(most) { shown[index] = true }
    return shown
  }

  init(of report: Report) {
    let profile = report.profile
    var rowOfPath = [Int](repeating: 0, count: profile.paths.count)
    var levelOfPath = rowOfPath
    let (firsts, children) = report.childrenByTime()
    // Callers before those they call, the longest first.
    var ahead = Array(firsts.reversed())
    while let index = ahead.popLast() {
      let path = profile.paths[index]
      let caller = path.parent.map { rowOfPath[$0] }
      if let parent = path.parent, let caller, rows[caller].operation == path.operation {
        rowOfPath[index] = caller
        levelOfPath[index] = levelOfPath[parent] + 1
        rows[caller].recursionDepth = max(rows[caller].recursionDepth, levelOfPath[index])
      } else {
        var row = Row(operation: path.operation)
        row.totalTicks = path.wallTicksSoFar
        row.cpuNanoseconds = profile.cpuNanosecondsSoFar(path.totals)
        rowOfPath[index] = rows.count
        if let caller {
          rows[caller].children.append(rows.count)
        } else {
          outermost.append(rows.count)
        }
        rows.append(row)
      }
      let row = rowOfPath[index]
      rows[row].totals.add(path.totals)
      rows[row].distribution.add(path.distribution)
      rows[row].selfNanoseconds &+= profile.nanoseconds(profile.selfTicks(path))
      ahead += children[index].reversed()
    }
  }
}
