// SPDX-License-Identifier: Apache-2.0

/// A recording in memory: one bounded region in which everything is found by its offset.
///
/// A value of this type is the region's address, and for readers of a file what that has. The region is never
/// unmapped while the process lives, and all offsets in it were handed out by this module, so that writers need
/// no checks.
public struct Recording: @unchecked Sendable {
  public let base: UnsafeMutableRawPointer
  /// No more than these bytes can be anything but zeros, whatever the header says.
  let readableBytes: UInt32

  @inline(__always) public init(base: UnsafeMutableRawPointer, readableBytes: UInt32 = .max) {
    self.base = base
    self.readableBytes = readableBytes
  }

  /// The structure at an offset. The caller vouches for the offset's having been made for a `T`.
  @inline(__always) public func at<T: ~Copyable>(_ offset: UInt32) -> UnsafeMutablePointer<T> {
    (base + Int(offset)).assumingMemoryBound(to: T.self)
  }

  @inline(__always) public func offset(of pointer: UnsafeRawPointer) -> UInt32 {
    UInt32(truncatingIfNeeded: pointer - UnsafeRawPointer(base))
  }

  @inline(__always) public var header: UnsafeMutablePointer<Header> { at(0) }

  /// Makes a recording of zeroed memory of at least `layout.bytes`.
  public init(zeroed memory: UnsafeMutableRawPointer, layout: Layout) {
    self.init(base: memory)
    let header = header
    header.pointee.version.set(Header.version)
    header.pointee.byteOrder.set(Header.byteOrder)
    header.pointee.bytes.set(UInt64(layout.bytes))
    header.pointee.operationCapacity.set(layout.operationCapacity)
    header.pointee.laneCapacity.set(layout.laneCapacity)
    header.pointee.operationsOffset.set(layout.operationsOffset)
    header.pointee.indexOffset.set(layout.indexOffset)
    header.pointee.indexCapacity.set(layout.indexCapacity)
    header.pointee.namesOffset.set(layout.namesOffset)
    header.pointee.namesEnd.set(layout.kindsOffset)
    header.pointee.kindsOffset.set(layout.kindsOffset)
    header.pointee.lanesOffset.set(layout.lanesOffset)
    header.pointee.moduleTable.set(layout.modulesOffset)
    header.pointee.moduleCapacity.set(layout.moduleCapacity)
    header.pointee.moduleText.set(layout.modulesOffset &+ layout.moduleCapacity &* Module.bytes)
    header.pointee.moduleTextEnd.set(layout.hostFramesOffset)
    header.pointee.hostFramesOffset.set(layout.hostFramesOffset)
    header.pointee.wishes.set(layout.wishesOffset)
    header.pointee.hostFrameCapacity.set(layout.hostFrameCapacity)
    header.pointee.arenaOffset.set(layout.arenaOffset)
    // Byte 0 of the names is the end of no name, so that offset 0 within them means "none".
    header.pointee.namesUsed.set(1)
    header.pointee.arenaPage.set(layout.arenaOffset / Layout.page)
    header.pointee.arenaPageEnd.set(layout.bytes / Layout.page)
    // So that no handle of a span is one of a session.
    header.pointee.sessions.table.firstGeneration.set(1 << 31)
    header.pointee.magic.publish(Header.magic)
  }

  /// Empties the recording but for its names and modules: what a forked child begins with. No other thread may be
  /// using it. The caller has returned the arena's memory to zeros.
  public func beginAgain(processID: UInt32) {
    let header = header
    header.pointee.processID.set(processID)
    header.pointee.registrar.set(0)
    header.pointee.laneCount.set(0)
    header.pointee.arenaPage.set(header.pointee.arenaOffset.value / Layout.page)
    for lane in 0..<header.pointee.laneCapacity.value { laneSlot(lane).pointee.set(0) }
    let operations = operationCount
    for id in 0..<operations { operation(id + 1).pointee.pathless.clear() }
    // The fork may have met another thread adding the latest operation.
    if operations > 0 { index(operations) }
    header.pointee.untrackedCalls.set(0)
    header.pointee.rejectedNames.set(0)
    header.pointee.repairedNames.set(0)
    header.pointee.badArguments.set(0)
    header.pointee.outsideOperation.set(0)
    header.pointee.unbalancedEnds.set(0)
    forgetStackZones()
    header.pointee.siteTable.set(0)
    header.pointee.refusedSites.set(0)
    forgetHeapSamples()
    header.pointee.laneless.clear()
    header.pointee.sharedIO.set(0)
    header.pointee.descriptorsOffset.set(0)
    header.pointee.unattributedIO.set(0)
    header.pointee.spans.beginAgain()
    header.pointee.sessions.beginAgain()
    header.pointee.series.beginAgain()
    forgetHistory()
    forgetAssessment()
    header.pointee.durations.clear()
    header.pointee.timeline.clear()
    header.pointee.crash.clear()
    header.pointee.waitEdges.set(0)
    header.pointee.experiment.set(0)
  }

  // MARK: Operations

  /// Also the most that `operation` is asked for: no recording has more than `operationLimit`.
  public var operationCount: UInt32 {
    let count = min(header.pointee.operationCount.acquired, Self.operationLimit)
    return fitting(
      min(count, header.pointee.operationCapacity.value), of: OperationRecord.bytes,
      at: header.pointee.operationsOffset.value &+ OperationRecord.bytes)
  }
  private static var operationLimit: UInt32 { 1_000_000 }

  @inline(__always) public func operation(_ id: UInt32) -> UnsafeMutablePointer<OperationRecord> {
    at(zone(header.pointee.operationsOffset.value) &+ id &* OperationRecord.bytes)
  }

  /// Whether a handle was given out.
  @inline(__always) public func isOperation(_ id: UInt32) -> Bool {
    id != 0 && id <= header.pointee.operationCount.acquired
  }

  // MARK: Lanes

  public func laneSlot(_ index: UInt32) -> UnsafeMutablePointer<Cell32> {
    at(zone(header.pointee.lanesOffset.value) &+ index &* 4)
  }

  /// Calls `body` with every lane there is.
  public func forEachLane<E: Error>(
    _ body: (UnsafeMutablePointer<Lane>) throws(E) -> Void
  ) throws(E) {
    let count = min(header.pointee.laneCount.acquired, byteCount / Layout.page)
    for index in 0..<fitting(count, of: 4, at: header.pointee.lanesOffset.value) {
      let offset = laneSlot(index).pointee.acquired & ~(Layout.page &- 1)
      if offset != 0 { try body(at(offset)) }
    }
  }

  // MARK: The clock

  @inline(__always) public var usesCounter: Bool { header.pointee.usesCounter.value != 0 }

  // MARK: Text

  /// A NUL-terminated text of the names zone.
  public func text(_ name: UInt32) -> UnsafePointer<CChar> {
    UnsafePointer(
      (base + Int(header.pointee.namesOffset.value &+ name))
        .assumingMemoryBound(to: CChar.self))
  }
}

extension PathlessCalls {
  func clear() {
    count.set(0)
    failed.set(0)
    abandoned.set(0)
    wallTicks.set(0)
    fastestComplement.set(0)
    slowestTicks.set(0)
    work.set(0)
    offCPUNanoseconds.set(0)
    voluntarySwitches.set(0)
    involuntarySwitches.set(0)
    pageFaults.set(0)
    callees.wallTicks.set(0)
    callees.offCPUNanoseconds.set(0)
    suspendedTicks.set(0)
  }
}
