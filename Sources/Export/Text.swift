// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Recording

/// A profile as a table to read in a terminal: the call tree, then what to know about it.
extension Report {
  /// `unicode`: tree lines, bars and "us" as symbols; else plain ASCII.
  public func text(unicode: Bool) -> Output {
    let style: TextStyle = unicode ? .unicode : .ascii
    var output = Output()
    putHeadline(&output, style)
    putOrigin(&output, style)
    putAssessment(&output, style)
    putCrashes(&output, style)
    if profile.paths.isEmpty && profile.everything.count == 0 {
      let isOff = profile.recording.header.pointee.mode.value == Header.Mode.off
      output.put(isOff ? "\nNothing recorded: recording is off.\n" : "\nNothing recorded yet.\n")
    } else {
      putCallTree(&output, style)
      putHottest(&output, style)
      putFunctions(&output, style)
      putMemory(&output, style)
      putIO(&output, style)
      putExperiment(&output, style)
      putSessions(&output, style)
      putFailures(&output, style)
      putDurations(&output, style)
      putInShort(&output, style)
      putSuggestions(&output, style)
    }
    putDrops(&output)
    return output
  }

  private func putHeadline(_ output: inout Output, _ style: TextStyle) {
    let calls = profile.everything.count
    output.put("prognos ")
    output.put(libraryVersion)
    output.put(style.separator)
    output.put(command.isEmpty ? Array("process".utf8) : style.label(command))
    output.put(" (pid ")
    output.put(UInt64(processID))
    output.put(")")
    output.put(style.separator)
    output.put("recorded ")
    output.put(style.duration(profile.durationNanoseconds))
    output.put(style.separator)
    output.put(calls)
    output.put(calls == 1 ? " call of " : " calls of ")
    output.put(UInt64(profile.operations.count))
    output.put(profile.operations.count == 1 ? " operation in " : " operations in ")
    output.put(diagnostics.threads)
    output.put(diagnostics.threads == 1 ? " thread\n" : " threads\n")
    output.put("process: CPU ")
    output.put(process.cpu_ratio * 100, digits: 0)
    output.put(" % of all CPUs")
    output.put(style.separator)
    output.put("resident ")
    output.put(style.size(process.rss_bytes))
    output.put(style.separator)
    output.put(process.threads)
    output.put(process.threads == 1 ? " thread" : " threads")
    output.put(style.separator)
    output.put(process.open_fds)
    output.put(" open files")
    output.put(style.separator)
    output.put("read ")
    output.put(style.size(process.read_bytes))
    output.put(", written ")
    output.put(style.size(process.written_bytes))
    if process.open_spans > 0 {
      output.put(style.separator)
      output.put(process.open_spans)
      output.put(process.open_spans == 1 ? " open span" : " open spans")
    }
    output.put("\n")
  }

  private func putCallTree(_ output: inout Output, _ style: TextStyle) {
    let tree = TextTree(of: self)
    let everything = tree.outermost.reduce(UInt64(0)) { $0 &+ tree.rows[$1].totalTicks }
    var table = Table([
      .init("OPERATION", .left), .init("CALLS"), .init("TOTAL"), .init("SHARE", .left),
      .init("SELF"),
      .init("CPU"), .init("P50"), .init("P95"), .init("P99"), .init("FAILED"),
    ])
    // Without recursion: a host may nest thousands of operations.
    var ahead: [(row: Int, lines: [UInt8], isLast: Bool, level: Int)] = []
    let shown = tree.shown(most: Self.mostRows)
    for row in tree.outermost.reversed() where shown[row] { ahead.append((row, [], true, 0)) }
    while let (index, lines, isLast, level) = ahead.popLast() {
      let row = tree.rows[index]
      var label = lines
      if level > 0 { label += style.branch(isLast: isLast) }
      label += style.label(name(of: row.operation))
      if row.recursionDepth > 0 { label += style.recursion(row.recursionDepth + 1) }
      table.add(cells(row, label: label, share: share(row.totalTicks, of: everything), style))
      // What is nested very deep goes on at the same indentation.
      let isIndented = level > 0 && level < style.deepestIndentation
      let below = isIndented ? lines + style.trunk(isLast: isLast) : lines
      let children = row.children.filter { shown[$0] }
      for (position, child) in children.enumerated().reversed() {
        ahead.append((child, below, position == children.count - 1, level + 1))
      }
    }
    for (index, calls) in profile.pathless.enumerated()
    where calls.count > 0 && table.count < Self.mostRows {
      let label = style.label(name(of: UInt32(index + 1))) + Array(" (no path)".utf8)
      var row = TextTree.Row(operation: UInt32(index + 1))
      row.totals = calls
      row.totalTicks = calls.wallTicks
      row.cpuNanoseconds = profile.cpuNanosecondsSoFar(calls)
      row.selfNanoseconds = profile.selfNanoseconds(pathless: calls)
      table.add(cells(row, label: label, share: 0, style))
    }
    output.put("\n")
    table.render(into: &output, style)
    putRest(
      tree.rows.count - Self.mostRows, " more paths; PROGNOS_JSON has them all\n", &output)
  }

  /// A table that fills more than some screens is not read.
  private static var mostRows: Int { 200 }

  private func cells(
    _ row: TextTree.Row, label: [UInt8], share: Double, _ style: TextStyle
  ) -> [[UInt8]] {
    let totals = row.totals
    let total = profile.nanoseconds(row.totalTicks)
    let active = totals.active > 0 ? Array("+".utf8) + style.count(totals.active) : []
    func quantile(_ q: Double) -> [UInt8] {
      guard let value = profile.quantile(q, totals, row.distribution) else { return style.none }
      return style.duration(value)
    }
    return [
      label,
      style.count(totals.count) + active,
      style.duration(total),
      style.bar(share) + style.percent(share),
      style.percent(total > 0 ? Double(row.selfNanoseconds) / Double(total) : 0),
      cpuShare(row, of: total, style),
      quantile(0.5), quantile(0.95), quantile(0.99),
      totals.failed > 0 ? style.count(totals.failed) : [],
    ]
  }

  private func cpuShare(_ row: TextTree.Row, of total: UInt64, _ style: TextStyle) -> [UInt8] {
    guard profile.tracksCPU, total > 0 else { return style.none }
    return style.percent(min(Double(row.cpuNanoseconds) / Double(total), 1))
  }

  private func share(_ part: UInt64, of whole: UInt64) -> Double {
    whole > 0 ? Double(part) / Double(whole) : 0
  }

  /// The operations by their self time: where a program's time really goes.
  private func putHottest(_ output: inout Output, _ style: TextStyle) {
    var stats: [(id: UInt32, stats: prognos_op_stats, switches: UInt64)] = []
    for (index, operation) in profile.operations.enumerated()
    where operation.totals.count &+ operation.totals.active > 0 {
      stats.append(
        (UInt32(index + 1), profile.statistics(of: operation), operation.selfSwitches))
    }
    let order = ranks(stats.map { $0.stats.self_wall_ns })
    let all = stats.reduce(UInt64(0)) { $0 &+ $1.stats.self_wall_ns }
    var table = Table([
      .init("BY SELF TIME", .left), .init("SELF"), .init("SHARE", .left),
      .init("SELF CPU"),
      .init("WAITING"), .init("SLOWEST"), .init("CALLS/S"), .init("SWITCHES"), .init("WORK"),
    ])
    for (id, one, switches) in order.prefix(15).map({ stats[$0] }) {
      let share = share(one.self_wall_ns, of: all)
      table.add([
        style.label(name(of: id)),
        style.duration(one.self_wall_ns),
        style.bar(share) + style.percent(share),
        profile.tracksCPU ? style.duration(one.self_cpu_ns) : style.none,
        profile.tracksCPU
          ? style.duration(one.self_wall_ns - min(one.self_cpu_ns, one.self_wall_ns)) : style.none,
        style.duration(one.wall_max_ns, when: one.count > 0),
        style.rate(one.rate_per_s),
        style.count(switches),
        one.work > 0 ? style.count(one.work) : [],
      ])
    }
    output.put("\n")
    table.render(into: &output, style)
    putRest(stats.count - 15, " more operations\n", &output)
  }

  private func putFailures(_ output: inout Output, _ style: TextStyle) {
    let most = 20
    var kinds = 0
    var table = Table([
      .init("FAILED", .left), .init("KIND", .left), .init("CALLS"), .init("OF ITS CALLS"),
    ])
    for (index, operation) in profile.operations.enumerated() where operation.totals.failed > 0 {
      for (kind, count) in failures(operation.totals) {
        kinds += 1
        if kinds > most { continue }
        table.add([
          style.label(name(of: UInt32(index + 1))),
          style.label(kind),
          style.count(count),
          style.percent(share(count, of: operation.totals.count)),
        ])
      }
    }
    guard !table.isEmpty else { return }
    output.put("\n")
    table.render(into: &output, style)
    putRest(kinds - most, " more kinds; PROGNOS_JSON has them all\n", &output)
  }

  func putRest(_ count: Int, _ what: StaticString, _ output: inout Output) {
    guard count > 0 else { return }
    output.put("  and ")
    output.put(UInt64(count))
    output.put(what)
  }

  /// What was not recorded; nothing when all was.
  private func putDrops(_ output: inout Output) {
    let drops: [(UInt64, StaticString)] = [
      (diagnostics.unbalanced_ends, "x end without a begin"),
      (diagnostics.unknown_operations, "x begin or end of a handle that was never given out"),
      (diagnostics.outside_operation, "x work or fail outside any operation"),
      (diagnostics.too_deep, "x begin nested too deep"),
      (diagnostics.reentered, "x call from a signal handler left out"),
      (diagnostics.untracked_calls, "x call dropped: too many threads, or no memory"),
      (
        diagnostics.untracked_paths, "x call without path or histogram: the memory limit is reached"
      ),
      (diagnostics.unattributed_io, "x I/O counted in no operation"),
      (diagnostics.untracked_stacks, "x call stack or call site without room"),
      (diagnostics.untracked_blocks, "x sampled block without room: live bytes lack it"),
      (diagnostics.untracked_modules, "x loaded object without room: its functions have no names"),
      (diagnostics.untracked_spans, "x span not begun: too many are open"),
      (diagnostics.untracked_sessions, "x session not opened: too many are open"),
      (diagnostics.misplaced_calls, "x enter, leave or end of a span or session out of order"),
      (diagnostics.forced_leaves, "x span or session left by an outer end or leave"),
      (diagnostics.unknown_handles, "x call for a span or session with a stale handle"),
      (diagnostics.rejected_names, "x operation name refused: the table is full"),
      (diagnostics.repaired_names, "x name repaired or cut"),
    ]
    var isFirst = true
    for (count, what) in drops where count > 0 {
      if isFirst { output.put("\nnot as it should be:\n") }
      isFirst = false
      output.put("  ")
      output.put(count)
      output.put(" ")
      output.put(what)
      output.put("\n")
    }
  }
}
