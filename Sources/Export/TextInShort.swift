// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Recording

/// A profile in a few sentences: where to look first.
extension Report {
  func putInShort(_ output: inout Output, _ style: TextStyle) {
    var lines: [[UInt8]] = []
    if let line = mostCPU(style) { lines.append(line) }
    if let line = mostMemory(style) { lines.append(line) }
    if let line = mostLive(style) { lines.append(line) }
    if let line = mostIO(style) { lines.append(line) }
    guard !lines.isEmpty else { return }
    output.put("\nin short:\n")
    for line in lines {
      output.put("  ")
      output.put(line)
      output.put("\n")
    }
  }

  /// Below these, nothing stands out that is worth a sentence.
  private var leastNanoseconds: UInt64 { 1_000_000 }
  private var leastBytes: Double { 0x1p20 }

  /// The operation for which a number is greatest.
  private func greatest<N: Comparable>(_ number: (Profile.Operation) -> N) -> Int? {
    let all = profile.operations.map(number)
    return all.indices.max { all[$0] != all[$1] ? all[$0] < all[$1] : $0 > $1 }
  }

  private func label(_ operation: Int, _ style: TextStyle) -> [UInt8] {
    style.label(name(of: UInt32(operation + 1)))
  }

  private func mostCPU(_ style: TextStyle) -> [UInt8]? {
    guard let operation = greatest({ $0.selfCPUNanoseconds }) else { return nil }
    let time = profile.operations[operation].selfCPUNanoseconds
    guard time >= leastNanoseconds else { return nil }
    var line = Output()
    line.put("most CPU time: ")
    line.put(label(operation, style))
    line.put(", ")
    line.put(style.duration(time))
    let functions = functions(of: sitesByOperation()[operation])
    let sampled = functions.reduce(UInt64(0)) { $0 &+ $1.cpuNanoseconds }
    let hottest = functions.max {
      $0.cpuNanoseconds != $1.cpuNanoseconds
        ? $0.cpuNanoseconds < $1.cpuNanoseconds : $1.label.lexicographicallyPrecedes($0.label)
    }
    if let hottest, hottest.cpuNanoseconds > 0 {
      line.put("; ")
      line.put(whole(Double(hottest.cpuNanoseconds) / Double(sampled) * 100))
      line.put(" % of it in ")
      line.put(style.label(hottest.label))
    }
    return line.bytes
  }

  private func mostMemory(_ style: TextStyle) -> [UInt8]? {
    guard let operation = greatest({ $0.ownMemory.allocatedBytes }) else { return nil }
    let memory = profile.operations[operation].ownMemory
    guard Double(memory.allocatedBytes) >= leastBytes else { return nil }
    var line = Output()
    line.put("allocates most: ")
    line.put(label(operation, style))
    line.put(", ")
    line.put(style.size(memory.allocatedBytes))
    line.put(" in ")
    line.put(style.count(memory.allocations))
    line.put(memory.allocations == 1 ? " block" : " blocks")
    return line.bytes
  }

  private func mostLive(_ style: TextStyle) -> [UInt8]? {
    guard let operation = greatest({ $0.ownMemory.liveBytes }) else { return nil }
    let memory = profile.operations[operation].ownMemory
    guard memory.liveBytes >= leastBytes else { return nil }
    var line = Output()
    line.put("holds most memory: ")
    line.put(label(operation, style))
    line.put(", about ")
    line.put(style.size(wholePart(memory.liveBytes)))
    line.put(" are not freed")
    return line.bytes
  }

  private func mostIO(_ style: TextStyle) -> [UInt8]? {
    guard let operation = greatest({ $0.selfIO.waitTicks }) else { return nil }
    let io = profile.operations[operation].selfIO
    guard profile.nanoseconds(io.waitTicks) >= leastNanoseconds else { return nil }
    var line = Output()
    line.put("waits for I/O most: ")
    line.put(label(operation, style))
    line.put(", ")
    line.put(style.duration(profile.nanoseconds(io.waitTicks)))
    if let cause = IOCause.greatest(of: io) {
      line.put(", of it ")
      line.put(style.duration(profile.nanoseconds(cause.ticks)))
      line.put(" in ")
      line.put(style.count(cause.calls))
      line.put(" ")
      line.put(cause.what)
      if cause.bytes > 0 {
        line.put(" of ")
        line.put(style.size(cause.bytes / max(cause.calls, 1)))
      }
    }
    return line.bytes
  }
}

/// What an operation's input and output waited for.
private struct IOCause {
  let what: StaticString
  let calls: UInt64
  let bytes: UInt64
  let ticks: UInt64

  static func greatest(of io: IOTotals) -> IOCause? {
    var causes: [IOCause] = []
    func transfers(_ what: StaticString, _ found: IOTotals.Transfers) {
      causes.append(IOCause(what: what, calls: found.calls, bytes: found.bytes, ticks: found.ticks))
    }
    func waits(_ what: StaticString, _ wait: Int) {
      let found = io.waits(wait)
      causes.append(IOCause(what: what, calls: found.calls, bytes: 0, ticks: found.ticks))
    }
    transfers("reads of files", io.reads(IOKind.file))
    transfers("writes of files", io.writes(IOKind.file))
    transfers("reads of sockets", io.reads(IOKind.socket))
    transfers("writes of sockets", io.writes(IOKind.socket))
    transfers("reads of pipes", io.reads(IOKind.pipe))
    transfers("writes of pipes", io.writes(IOKind.pipe))
    transfers("reads of the terminal", io.reads(IOKind.terminal))
    transfers("writes of the terminal", io.writes(IOKind.terminal))
    waits("syncs", IORecord.Wait.sync)
    waits("opens", IORecord.Wait.open)
    waits("connects", IORecord.Wait.connect)
    waits("accepts", IORecord.Wait.accept)
    waits("polls", IORecord.Wait.poll)
    let index = causes.indices.max {
      causes[$0].ticks != causes[$1].ticks ? causes[$0].ticks < causes[$1].ticks : $0 > $1
    }
    return index.flatMap { causes[$0].ticks > 0 ? causes[$0] : nil }
  }
}
