// SPDX-License-Identifier: Apache-2.0
import Recording

/// Memory as a table: which operations allocate, and what they leave behind.
extension Report {
  func putMemory(_ output: inout Output, _ style: TextStyle) {
    var rows: [(label: [UInt8], memory: MemoryTotals)] = []
    for (index, operation) in profile.operations.enumerated()
    where operation.ownMemory.allocations &+ operation.ownMemory.frees > 0 {
      rows.append((style.label(name(of: UInt32(index + 1))), operation.ownMemory))
    }
    guard rows.contains(where: { $0.memory.allocations > 0 }) else { return }
    if profile.outsideMemory.allocations &+ profile.outsideMemory.frees > 0 {
      rows.append((Array("(outside operations)".utf8), profile.outsideMemory))
    }
    let all = rows.reduce(UInt64(0)) { $0 &+ $1.memory.allocatedBytes }
    let order = ranks(rows.map { $0.memory.allocatedBytes })
    var table = Table([
      .init("BY MEMORY", .left), .init("ALLOCATED"), .init("SHARE", .left), .init("BLOCKS"),
      .init("MEAN"), .init("FREED"), .init("LIVE, ABOUT"),
    ])
    let most = 12
    for index in order.prefix(most) {
      let memory = rows[index].memory
      let share = all > 0 ? Double(memory.allocatedBytes) / Double(all) : 0
      table.add([
        rows[index].label,
        style.size(memory.allocatedBytes),
        style.bar(share) + style.percent(share),
        style.count(memory.allocations),
        memory.allocations > 0 ? style.size(memory.allocatedBytes / memory.allocations) : [],
        style.size(memory.freedBytes),
        memory.liveBytes >= 1 ? style.size(wholePart(memory.liveBytes)) : style.none,
      ])
    }
    output.put("\n")
    table.render(into: &output, style)
    putRest(rows.count - most, " more operations\n", &output)
  }
}
