// SPDX-License-Identifier: Apache-2.0

/// Input and output added up: the words of `IORecord`s, in their order.
public struct IOTotals {
  /// Empty while there is none: most paths have none.
  private var words: [UInt64] = []

  public init() {}

  public var isEmpty: Bool { words.isEmpty }

  public mutating func add(_ other: IOTotals) {
    if other.words.isEmpty { return }
    if words.isEmpty {
      words = other.words
    } else {
      for index in words.indices { words[index] &+= other.words[index] }
    }
  }

  /// Adds a record that others are writing.
  mutating func add(_ record: UnsafeMutablePointer<IORecord>) {
    if words.isEmpty { words = [UInt64](repeating: 0, count: IORecord.words) }
    let cells = UnsafeMutableRawPointer(record).assumingMemoryBound(to: Cell64.self)
    for index in 0..<IORecord.words { words[index] &+= (cells + index).pointee.value }
  }

  // MARK: What the words are

  private static let waits = IOKind.count * 2 * 3
  private static let counts = waits + IORecord.Wait.count * 2
  private static let readSizes = counts + 5
  private static let writeSizes = readSizes + IORecord.sizeBuckets

  private func word(_ index: Int) -> UInt64 { words.isEmpty ? 0 : words[index] }

  public struct Transfers {
    public var calls: UInt64 = 0
    public var bytes: UInt64 = 0
    public var ticks: UInt64 = 0

    mutating func add(_ other: Transfers) {
      calls &+= other.calls
      bytes &+= other.bytes
      ticks &+= other.ticks
    }
  }

  public func reads(_ kind: Int) -> Transfers { transfers(kind, writes: 0) }
  public func writes(_ kind: Int) -> Transfers { transfers(kind, writes: 1) }

  private func transfers(_ kind: Int, writes: Int) -> Transfers {
    let first = IORecord.transfers(kind, writes: writes) * 3
    return Transfers(calls: word(first), bytes: word(first + 1), ticks: word(first + 2))
  }

  public var allReads: Transfers { all(writes: 0) }
  public var allWrites: Transfers { all(writes: 1) }

  private func all(writes: Int) -> Transfers {
    var sum = Transfers()
    for kind in 0..<IOKind.count { sum.add(transfers(kind, writes: writes)) }
    return sum
  }

  public func waits(_ wait: Int) -> (calls: UInt64, ticks: UInt64) {
    (word(Self.waits + wait * 2), word(Self.waits + wait * 2 + 1))
  }

  public var sequential: UInt64 { word(Self.counts) }
  public var classified: UInt64 { word(Self.counts + 1) }
  public var partialReads: UInt64 { word(Self.counts + 2) }
  public var durableWrites: UInt64 { word(Self.counts + 3) }
  public var failed: UInt64 { word(Self.counts + 4) }

  public func readSizes(_ bucket: Int) -> UInt64 { word(Self.readSizes + bucket) }
  public func writeSizes(_ bucket: Int) -> UInt64 { word(Self.writeSizes + bucket) }

  // MARK: What follows from them

  /// Calls that transferred, or tried to.
  public var calls: UInt64 { allReads.calls &+ allWrites.calls }

  /// Time in all calls but sleeps and waits for other threads.
  public var waitTicks: UInt64 {
    var sum = allReads.ticks &+ allWrites.ticks
    for wait in 0..<IORecord.Wait.pause {
      sum &+= waits(wait).ticks
    }
    return sum
  }

  /// The share of the requests of files that went on where the one before had ended; 0 without any.
  public var sequentialRatio: Double {
    classified > 0 ? Double(min(sequential, classified)) / Double(classified) : 0
  }
}

extension Profile {
  /// The input and output of each path with that of all it called; of each operation, without adding
  /// that of a call to itself twice; and what belongs to no operation. Cost: the paths once.
  mutating func addUpIO() {
    recording.forEachLane { lane in
      let root: UnsafeMutablePointer<CallNode> = recording.at(
        recording.zone(lane.pointee.root.value))
      outsideIO.add(recording.io(of: root))
    }
    if let shared = recording.sharedIO { outsideIO.add(shared) }
    // Callers stand before those they call.
    for index in paths.indices.reversed() {
      paths[index].io.add(paths[index].selfIO)
      let io = paths[index].io
      if io.isEmpty { continue }
      if let parent = paths[index].parent { paths[parent].io.add(io) }
      let operation = Int(paths[index].operation) - 1
      operations[operation].selfIO.add(paths[index].selfIO)
      if !paths[index].isRecursive { operations[operation].io.add(io) }
    }
  }
}

extension Recording {
  /// The input and output while a node was innermost.
  func io(of node: UnsafeMutablePointer<CallNode>) -> IOTotals {
    var totals = IOTotals()
    let offset = node.pointee.io.acquired
    if offset != 0 { totals.add(at(zone(offset)) as UnsafeMutablePointer<IORecord>) }
    return totals
  }
}
