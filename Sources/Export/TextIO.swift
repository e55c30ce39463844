// SPDX-License-Identifier: Apache-2.0
import Recording

/// Input and output in a profile's text: who waited for it, and what would help.
extension Report {
  func putIO(_ output: inout Output, _ style: TextStyle) {
    var rows: [(label: [UInt8], io: IOTotals)] = []
    for (index, operation) in profile.operations.enumerated() where operation.selfIO.calls > 0 {
      rows.append((style.label(name(of: UInt32(index + 1))), operation.selfIO))
    }
    guard !rows.isEmpty else { return }
    let order = ranks(rows.map { $0.io.waitTicks })
    var table = Table([
      .init("BY I/O", .left), .init("READS"), .init("READ"), .init("WRITES"), .init("WRITTEN"),
      .init("WAITED"), .init("OF THAT SYNC"), .init("SEQUENTIAL"), .init("MEAN REQUEST"),
    ])
    for index in order.prefix(Self.mostIORows) { table.add(cells(rows[index], style)) }
    if profile.outsideIO.calls > 0 {
      table.add(cells((Array("(outside operations)".utf8), profile.outsideIO), style))
    }
    output.put("\n")
    table.render(into: &output, style)
    putRest(rows.count - Self.mostIORows, " more operations\n", &output)
  }

  private static var mostIORows: Int { 15 }

  private func cells(_ row: (label: [UInt8], io: IOTotals), _ style: TextStyle) -> [[UInt8]] {
    let (reads, writes) = (row.io.allReads, row.io.allWrites)
    let sync = row.io.waits(IORecord.Wait.sync)
    return [
      row.label,
      style.count(reads.calls), style.size(reads.bytes),
      style.count(writes.calls), style.size(writes.bytes),
      style.duration(profile.nanoseconds(row.io.waitTicks)),
      sync.calls > 0 ? style.duration(profile.nanoseconds(sync.ticks)) : [],
      row.io.classified > 0 ? style.percent(row.io.sequentialRatio) : [],
      style.size((reads.bytes &+ writes.bytes) / max(reads.calls &+ writes.calls, 1)),
    ]
  }
}
