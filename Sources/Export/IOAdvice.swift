// SPDX-License-Identifier: Apache-2.0
import Recording

/// What an operation might do to wait less for input and output. Said only with evidence: so many calls, and
/// so large a share of the operation's time.
struct IOAdvice {
  /// What is looked at: calls, what they moved and how long they took.
  struct Evidence {
    let calls: UInt64
    let bytes: UInt64
    let ticks: UInt64
    var mean: UInt64 { calls > 0 ? bytes / calls : 0 }

    init(_ transfers: IOTotals.Transfers) {
      (calls, bytes, ticks) = (transfers.calls, transfers.bytes, transfers.ticks)
    }

    init(_ waits: (calls: UInt64, ticks: UInt64)) {
      (calls, bytes, ticks) = (waits.calls, 0, waits.ticks)
    }
  }

  struct Rule {
    /// The calls, as the sentence names them.
    let calls: StaticString
    let what: (IOTotals) -> Evidence
    var leastCalls = IOAdvice.leastCalls
    /// Calls that move more than this on average are well made already; nil when bytes do not matter.
    let mostMeanBytes: UInt64?
    /// What else must hold; `operationCalls` is how often the operation ran.
    var holds: (_ io: IOTotals, _ operationCalls: UInt64) -> Bool = { _, _ in true }
    var saysOrder = false
    let advice: StaticString
  }

  /// Below so many calls nothing is worth changing: 1,000 system calls are a millisecond.
  static var leastCalls: UInt64 { 1000 }
  /// The least share of the operation's wall time that the calls take. Waits for the disk count with far
  /// fewer calls (`leastSyncs`), since each takes milliseconds.
  static var leastShare: Double { 0.05 }
  static var leastSyncs: UInt64 { 10 }
  /// Half of 8 KiB, the buffer that most languages' streams have: what goes through one has requests above it.
  static var small: UInt64 { 4096 }
  /// A segment of Ethernet holds 1,460 bytes: writes that are smaller may each go out in a packet of their own.
  static var smallPacket: UInt64 { 1024 }
  static var most: Int { 5 }

  static var rules: [Rule] {
    [
      Rule(
        calls: "reads of files", what: { Evidence($0.reads(IOKind.file)) }, mostMeanBytes: small,
        holds: { io, _ in io.sequentialRatio >= 0.75 && isMostlyWhole(io) }, saysOrder: true,
        advice: "use a bigger buffer"),
      Rule(
        calls: "reads of files", what: { Evidence($0.reads(IOKind.file)) }, mostMeanBytes: small,
        holds: { io, _ in io.classified > 0 && io.sequentialRatio < 0.75 && isMostlyWhole(io) },
        saysOrder: true, advice: "sort the requests, cache what is read, or map the file (mmap)"),
      Rule(
        calls: "writes of files", what: { Evidence($0.writes(IOKind.file)) },
        mostMeanBytes: small, saysOrder: true, advice: "collect them in a buffer"),
      Rule(
        calls: "syncs", what: { Evidence($0.waits(IORecord.Wait.sync)) },
        leastCalls: leastSyncs, mostMeanBytes: nil,
        saysOrder: false, advice: "sync once for several changes"),
      Rule(
        calls: "writes of sockets", what: { Evidence($0.writes(IOKind.socket)) },
        mostMeanBytes: smallPacket,
        advice: "send them together (writev, or TCP_CORK)"),
      Rule(
        calls: "writes of pipes", what: { Evidence($0.writes(IOKind.pipe)) },
        mostMeanBytes: smallPacket, advice: "collect them in a buffer"),
      Rule(
        calls: "writes of terminals", what: { Evidence($0.writes(IOKind.terminal)) },
        mostMeanBytes: smallPacket, advice: "collect them in a buffer"),
      Rule(
        calls: "opens", what: { opensAndCloses($0) }, mostMeanBytes: nil,
        // One in each call may be another file each time.
        holds: { io, calls in io.waits(IORecord.Wait.open).calls >= calls &* 2 },
        advice: "keep the files open"),
    ]
  }

  /// Whether reads gave what was asked for, so that larger ones would give more.
  private static func isMostlyWhole(_ io: IOTotals) -> Bool {
    io.partialReads < io.reads(IOKind.file).calls / 2
  }

  /// As many as the opens, with the time of both.
  private static func opensAndCloses(_ io: IOTotals) -> Evidence {
    let opens = io.waits(IORecord.Wait.open)
    return Evidence((opens.calls, opens.ticks &+ io.waits(IORecord.Wait.close).ticks))
  }

  let operation: UInt32
  let rule: Rule
  let evidence: Evidence
  let sequentialRatio: Double

  /// The advice for an operation that took `wallTicks` in all, as far as its own requests go: what its callees do
  /// is said of them.
  static func of(
    _ operation: UInt32, io: IOTotals, calls: UInt64, wallTicks: UInt64
  ) -> [IOAdvice] {
    rules.compactMap { rule in
      let evidence = rule.what(io)
      guard evidence.calls >= rule.leastCalls,
        rule.mostMeanBytes.map({ evidence.mean <= $0 }) ?? true,
        Double(evidence.ticks) >= Double(wallTicks) * leastShare, evidence.ticks > 0,
        rule.holds(io, calls)
      else { return nil }
      return IOAdvice(
        operation: operation, rule: rule, evidence: evidence, sequentialRatio: io.sequentialRatio)
    }
  }
}

extension Report {
  /// The costliest first, at most a handful.
  func ioAdvice() -> [IOAdvice] {
    var found: [IOAdvice] = []
    for (index, operation) in profile.operations.enumerated() where !operation.selfIO.isEmpty {
      let totals = operation.totals
      found += IOAdvice.of(
        UInt32(index + 1), io: operation.selfIO, calls: totals.count &+ totals.active,
        wallTicks: totals.wallTicks &+ totals.openTicks)
    }
    let order = found.indices.sorted {
      let (first, second) = (found[$0].evidence.ticks, found[$1].evidence.ticks)
      return first != second ? first > second : $0 < $1
    }
    return order.prefix(IOAdvice.most).map { found[$0] }
  }

  func putIOAdvice(_ output: inout Output, _ style: TextStyle) {
    for (index, advice) in ioAdvice().enumerated() {
      if index == 0 { output.put("\n") }
      output.put("  ")
      output.put(style.label(name(of: advice.operation)))
      output.put(": ")
      output.put(style.count(advice.evidence.calls))
      output.put(" ")
      output.put(advice.rule.calls)
      if advice.rule.mostMeanBytes != nil {
        output.put(" of ")
        output.put(style.size(advice.evidence.mean))
      }
      if advice.rule.saysOrder {
        output.put(advice.sequentialRatio >= 0.75 ? ", sequential" : ", in random order")
      }
      output.put(", waited ")
      output.put(style.duration(profile.nanoseconds(advice.evidence.ticks)))
      output.put(": ")
      output.put(advice.rule.advice)
      output.put("\n")
    }
  }
}
