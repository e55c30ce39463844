// SPDX-License-Identifier: Apache-2.0

/// A span: an operation that leaves its thread. One that ended keeps nothing here: it is a call of its
/// path like any other (docs/decisions/0014).
public struct SpanRecord: ~Copyable {
  /// `State`, or the offset of the lane whose thread has entered the span.
  public let slot: Slot
  public let operation: Cell32
  /// The node of the path in the tree of the lane that began the span, with the bit `CallNode.pathless` when
  /// there was no memory for one; and that lane.
  public let node: Cell32
  public let lane: Cell32
  /// As a frame's: failed, and the kind.
  public let failure: Cell32
  public let start: Cell64
  /// What the times between enter and leave took that are over: in all, and off the CPU.
  public let enteredTicks: Cell64
  public let offCPUNanoseconds: Cell64
  public let voluntarySwitches: Cell32
  public let involuntarySwitches: Cell32
  public let pageFaults: Cell32
  let padding: Cell32
  public let work: Cell64
  /// The handle of the session that the span counts in; 0 for none.
  public let session: Cell64

  public static let bytes: UInt32 = 128

  public enum State {
    public static let free: UInt32 = 0
    /// Begun, and nobody runs it.
    public static let suspended: UInt32 = 1
    /// In the hands of one call that begins or ends it.
    public static let changing: UInt32 = 2
  }
}

/// What the header knows of spans, and what was out of place in calls of spans and sessions: any thread adds.
public struct SpanHeader: ~Copyable {
  public let table: SlotTable
  /// Leaves without an enter, enters and ends of what another thread has entered.
  public let misplacedCalls: Cell64
  /// Spans and sessions left by the end of an outer operation, of an outer span, or of their thread.
  public let forcedLeaves: Cell64
  public let unknownHandles: Cell64

  func beginAgain() {
    table.beginAgain()
    misplacedCalls.set(0)
    forcedLeaves.set(0)
    unknownHandles.set(0)
  }
}

/// Of a node's calls, the part that were spans. Time that a span did not run is no time of its caller's.
public struct SpanSums: ~Copyable {
  public let wallTicks: Cell64
  public let suspendedTicks: Cell64
  public let offCPUNanoseconds: Cell64
}

extension Recording {
  /// A span begun on `lane`, under the call that is open there. nil when the table is full.
  public func takeSpan(
    _ operation: UInt32, from caller: UInt32, on lane: UnsafeMutablePointer<Lane>
  ) -> (record: UnsafeMutablePointer<SpanRecord>, handle: SlotHandle)? {
    guard let index = takeRecord(of: header.pointee.spans.table, bytes: SpanRecord.bytes),
      let record = span(index: index)
    else {
      header.pointee.spans.table.refused.addShared(1)
      return nil
    }
    let generation = record.pointee.slot.generation
    record.pointee.slot.word.set(Slot.word(generation, SpanRecord.State.changing))
    let parent = isTooDeepForSpans(caller) ? lane.pointee.root.value : caller
    var node: UInt32?
    if parent & CallNode.pathless == 0 { node = child(operation, of: parent, in: lane) }
    record.pointee.operation.set(operation)
    record.pointee.node.set(node ?? parent | CallNode.pathless)
    record.pointee.lane.set(offset(of: lane))
    record.pointee.failure.set(0)
    record.pointee.enteredTicks.set(0)
    record.pointee.offCPUNanoseconds.set(0)
    record.pointee.voluntarySwitches.set(0)
    record.pointee.involuntarySwitches.set(0)
    record.pointee.pageFaults.set(0)
    record.pointee.work.set(0)
    record.pointee.session.set(0)
    return (record, SlotHandle(index: index, generation: generation))
  }

  /// Gives back the record of a span that is `changing`: its handle is stale from here on.
  public func giveBack(_ record: UnsafeMutablePointer<SpanRecord>, _ handle: SlotHandle) {
    record.pointee.slot.word.publish(Slot.word(handle.generation &+ 1, SpanRecord.State.free))
    giveBack(
      handle.index, UnsafeMutableRawPointer(record).assumingMemoryBound(to: Slot.self),
      to: header.pointee.spans.table)
  }

  public func span(index: UInt32) -> UnsafeMutablePointer<SpanRecord>? {
    record(index, of: header.pointee.spans.table, bytes: SpanRecord.bytes)
  }

  /// The span of a handle, and its state; nil when the handle is stale or was never given out.
  @inline(never)
  public func span(
    _ handle: SlotHandle
  ) -> (record: UnsafeMutablePointer<SpanRecord>, state: UInt32)? {
    guard let record = span(index: handle.index) else { return nil }
    let word = record.pointee.slot.word.acquired
    let state = UInt32(truncatingIfNeeded: word)
    guard UInt32(truncatingIfNeeded: word &>> 32) == handle.generation,
      state != SpanRecord.State.free
    else { return nil }
    return (record, state)
  }

  // MARK: Paths in other lanes' trees

  /// Spans that are begun deeper than this have no caller.
  public static var mostSpanDepth: Int { 128 }

  private func isTooDeepForSpans(_ node: UInt32) -> Bool {
    var at = node & ~CallNode.pathless
    var depth = 0
    while at != 0 && depth < Self.mostSpanDepth {
      let node: UnsafeMutablePointer<CallNode> = self.at(at)
      at = node.pointee.parent.value
      depth &+= 1
    }
    return at != 0
  }

  /// The node of a span's path in the tree of a lane that its thread owns: found or made by walking the path,
  /// whose nodes never change, in the tree of the lane that began it. As `Frame.node`: where memory is full, the
  /// nearest caller's, with the bit.
  @inline(never)
  public func node(
    of record: UnsafeMutablePointer<SpanRecord>, in lane: UnsafeMutablePointer<Lane>
  ) -> UInt32 {
    let home = record.pointee.node.value
    if record.pointee.lane.value == offset(of: lane) { return home }
    var operations = InlineArray<130, UInt32>(repeating: 0)
    var count = 0
    var at = home & ~CallNode.pathless
    while at != 0 && count < 130 {
      let node: UnsafeMutablePointer<CallNode> = self.at(at)
      operations[count] = node.pointee.operation.value
      count &+= 1
      at = node.pointee.parent.value
    }
    var here = lane.pointee.root.value
    count &-= 1  // without the root
    while count > 0 {
      count &-= 1
      guard let next = child(operations[count], of: here, in: lane) else {
        return here | CallNode.pathless
      }
      here = next
    }
    return here | home & CallNode.pathless
  }
}
