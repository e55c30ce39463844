// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// What the collector keeps of an operation: what the records hold of it, and what the lanes hold now. The first of
/// all, with handle 0, stands for the calls that have no caller.
struct CollectedOperation: ~Copyable {
  /// Words as in `HistoryTotals`: all that was ever written to records.
  let recorded: InlineArray<19, Cell64>
  let now: InlineArray<19, Cell64>
  /// The list of `CollectedOctave`.
  let octaves: Cell32
  /// The list of the operation's nodes, in all lanes: offsets of `NodeLink`s.
  let nodes: Cell32
  /// The number of the walk from a node to its callers that has met this operation.
  let walk: Cell32
  let padding: Cell32

  static let bytes: UInt32 = 320
  static let perPage: UInt32 = 12
}

/// A node in the list of its operation. Made anew at each tick, in pages that stay; the first eight bytes of a page
/// are the offset of the next one.
struct NodeLink: ~Copyable {
  let node: Cell32
  let next: Cell32

  static let bytes: UInt32 = 8
  static let perPage: UInt32 = 511
}

/// Counts of an octave's buckets that were written to records, modulo 2^32.
struct CollectedOctave: ~Copyable {
  let number: Cell32
  let next: Cell32
  let counts: InlineArray<64, Cell32>

  static let bytes: UInt32 = 264
}

/// Adding up what all lanes hold. By the collector, or whoever else drives the ticks, alone.
extension Recording {
  /// An operation's sums, made now if there are none; nil when there is no memory for them.
  func collected(_ operation: UInt32) -> UnsafeMutablePointer<CollectedOperation>? {
    guard let slot = collectedPage(of: operation) else { return nil }
    if slot.pointee.value == 0 {
      guard let page = claimPages(1) else {
        header.pointee.history.refused.add(1)
        return nil
      }
      slot.pointee.publish(page)
    }
    return at(
      slot.pointee.value &+ operation % CollectedOperation.perPage &* CollectedOperation.bytes)
  }

  /// The same as a reader finds it, whatever the recording holds: nil when there is none.
  func existingCollected(_ operation: UInt32) -> UnsafeMutablePointer<CollectedOperation>? {
    guard header.pointee.history.isReady.acquired != 0, let slot = collectedPage(of: operation)
    else { return nil }
    let page = slot.pointee.acquired
    guard page != 0, page % 8 == 0, UInt64(page) + UInt64(Layout.page) <= UInt64(byteCount)
    else { return nil }
    return at(page &+ operation % CollectedOperation.perPage &* CollectedOperation.bytes)
  }

  private func collectedPage(of operation: UInt32) -> UnsafeMutablePointer<Cell32>? {
    let index = operation / CollectedOperation.perPage
    let directory = header.pointee.history.directory.value
    let end = UInt64(directory) + (UInt64(index) + 1) * 4
    guard index < header.pointee.history.directoryCount.value, directory % 4 == 0,
      end <= UInt64(byteCount)
    else { return nil }
    return at(directory &+ index &* 4)
  }

  /// Adds up all nodes of all lanes: afterwards `now` is what each operation has come to.
  func scan() {
    let operations = operationCount
    header.pointee.history.linkPage.set(0)
    header.pointee.history.linkCount.set(0)
    for operation in 0...operations {
      guard let sums = existingCollected(operation) else { continue }
      for word in 0..<HistoryTotals.count { sums.pointee.now[word].set(0) }
      sums.pointee.nodes.set(0)
    }
    forEachLane { lane in
      let root = lane.pointee.root.value
      var offset = lane.pointee.newestNode.acquired
      while offset != 0 {
        let node: UnsafeMutablePointer<CallNode> = at(offset)
        if offset != root { scan(node, at: offset, isOutermost: node.pointee.parent.value == root) }
        offset = node.pointee.older.value
      }
    }
    for operation in 0..<operations { scanPathless(operation &+ 1) }
    forEachHeapSample { _, block in
      spreadLive(Double(block.bytes) * heapWeight(of: block), from: block.node)
    }
    forEachMapping { bytes, node, _ in spreadLive(Double(bytes), from: node) }
  }

  private func scan(_ node: UnsafeMutablePointer<CallNode>, at offset: UInt32, isOutermost: Bool) {
    guard let sums = collected(node.pointee.operation.value) else { return }
    let numbers = numbers(of: node)
    sums.pointee.add(numbers)
    link(offset, to: sums)
    if isOutermost, let all = collected(0) {
      all.pointee.add(numbers)
      link(offset, to: all)
    }
    spread(memoryAndIO(of: node), from: node)
  }

  /// Puts a node in front of an operation's list. Without memory its histogram is left out.
  private func link(_ node: UInt32, to sums: UnsafeMutablePointer<CollectedOperation>) {
    guard let offset = nextLink() else { return header.pointee.history.refused.add(1) }
    let link: UnsafeMutablePointer<NodeLink> = at(offset)
    link.pointee.node.set(node)
    link.pointee.next.set(sums.pointee.nodes.value)
    sums.pointee.nodes.set(offset)
  }

  private func nextLink() -> UInt32? {
    let header = header
    var page = header.pointee.history.linkPage.value
    var count = header.pointee.history.linkCount.value
    if page == 0 || count == NodeLink.perPage {
      // The page after this one, or a new one behind it.
      let following: UnsafeMutablePointer<Cell32>? = page == 0 ? nil : at(page)
      page = following?.pointee.value ?? header.pointee.history.linkPages.value
      if page == 0 {
        guard let made = claimPages(1) else { return nil }
        page = made
        if let following {
          following.pointee.set(made)
        } else {
          header.pointee.history.linkPages.set(made)
        }
      }
      count = 0
      header.pointee.history.linkPage.set(page)
    }
    header.pointee.history.linkCount.set(count &+ 1)
    return page &+ (count &+ 1) &* NodeLink.bytes
  }

  /// The numbers of finished calls, of one moment unless the writer was stopped in the midst of a change: then
  /// the next tick has the rest.
  private func numbers(of node: UnsafeMutablePointer<CallNode>) -> HistoryTotals {
    typealias Word = HistoryTotals.Word
    var totals = HistoryTotals()
    for _ in 0..<4 {
      let ended = node.pointee.ended.acquired
      totals[Word.finished] = ended
      totals[Word.failed] = node.pointee.failed.value
      totals[Word.abandoned] = node.pointee.abandoned.value
      totals[Word.wallTicks] = node.pointee.wallTicks.value
      totals[Word.offCPUNanoseconds] = node.pointee.offCPUNanoseconds.value
      totals[Word.work] = node.pointee.work.value
      totals[Word.voluntarySwitches] = node.pointee.voluntarySwitches.value
      totals[Word.involuntarySwitches] = node.pointee.involuntarySwitches.value
      totals[Word.pageFaults] = node.pointee.pageFaults.value
      totals[Word.suspendedTicks] = node.pointee.spans.suspendedTicks.value
      atomicMemoryFence(ordering: .acquiring)
      if node.pointee.begun.value == ended { break }
    }
    return totals
  }

  private func memoryAndIO(of node: UnsafeMutablePointer<CallNode>) -> HistoryTotals? {
    typealias Word = HistoryTotals.Word
    let offset = node.pointee.io.acquired
    let allocations = node.pointee.memory.allocations.value
    let frees = node.pointee.memory.frees.value
    if offset == 0 && allocations | frees == 0 { return nil }
    var totals = HistoryTotals()
    totals[Word.allocations] = allocations
    totals[Word.frees] = frees
    totals[Word.allocatedBytes] = node.pointee.memory.allocatedBytes.value
    totals[Word.freedBytes] = node.pointee.memory.freedBytes.value
    guard offset != 0 else { return totals }
    let io: UnsafeMutablePointer<IORecord> = at(offset)
    for kind in 0..<IOKind.count {
      for writes in 0..<2 {
        let index = IORecord.transfers(kind, writes: writes)
        totals[Word.readBytes + writes] &+= io.pointee.transfers[index].bytes.value
        totals[Word.ioCalls] &+= io.pointee.transfers[index].calls.value
        totals[Word.ioWaitTicks] &+= io.pointee.transfers[index].ticks.value
      }
    }
    for wait in 0..<IORecord.Wait.pause {
      totals[Word.ioWaitTicks] &+= io.pointee.waits[wait].ticks.value
    }
    return totals
  }

  /// Adds memory, input and output of a node to its operation and to those around it, to each once.
  private func spread(_ totals: HistoryTotals?, from node: UnsafeMutablePointer<CallNode>) {
    guard let totals else { return }
    forEachOperation(from: node) { sums in
      for word in HistoryTotals.Word.allocatedBytes..<HistoryTotals.counters {
        sums.pointee.now[word].add(totals[word])
      }
    }
    // Of all calls without a caller, what they waited for.
    collected(0)?.pointee.now[HistoryTotals.Word.ioWaitTicks].add(
      totals[HistoryTotals.Word.ioWaitTicks])
  }

  private func spreadLive(_ bytes: Double, from offset: UInt32) {
    guard offset != 0 else { return }
    let amount = UInt64(min(max(bytes.rounded(), 0), 0x1p62))
    forEachOperation(from: at(offset & ~CallNode.pathless)) {
      $0.pointee.now[HistoryTotals.Word.liveBytes].add(amount)
    }
  }

  private func forEachOperation(
    from node: UnsafeMutablePointer<CallNode>,
    _ body: (UnsafeMutablePointer<CollectedOperation>) -> Void
  ) {
    let walk = header.pointee.history.walk.value &+ 1
    header.pointee.history.walk.set(walk)
    var node = node
    while node.pointee.operation.value != 0 {
      if let sums = collected(node.pointee.operation.value), sums.pointee.walk.value != walk {
        sums.pointee.walk.set(walk)
        body(sums)
      }
      node = at(node.pointee.parent.value)
    }
  }

  private func scanPathless(_ operation: UInt32) {
    typealias Word = HistoryTotals.Word
    let calls = self.operation(operation)
    let count = calls.pointee.pathless.count.acquired
    guard count > 0, let sums = collected(operation) else { return }
    var totals = HistoryTotals()
    totals[Word.finished] = count
    totals[Word.failed] = calls.pointee.pathless.failed.value
    totals[Word.abandoned] = calls.pointee.pathless.abandoned.value
    totals[Word.wallTicks] = calls.pointee.pathless.wallTicks.value
    totals[Word.offCPUNanoseconds] = calls.pointee.pathless.offCPUNanoseconds.value
    totals[Word.work] = calls.pointee.pathless.work.value
    totals[Word.voluntarySwitches] = calls.pointee.pathless.voluntarySwitches.value
    totals[Word.involuntarySwitches] = calls.pointee.pathless.involuntarySwitches.value
    totals[Word.pageFaults] = calls.pointee.pathless.pageFaults.value
    totals[Word.suspendedTicks] = calls.pointee.pathless.suspendedTicks.value
    sums.pointee.add(totals)
  }
}

extension CollectedOperation {
  /// Adds the numbers of calls, which are the words before those of memory.
  func add(_ totals: HistoryTotals) {
    for word in 0..<HistoryTotals.Word.allocatedBytes { now[word].add(totals[word]) }
  }
}
