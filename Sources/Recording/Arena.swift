// SPDX-License-Identifier: Apache-2.0
import CShim

/// Memory for lanes and what grows in them: pages claimed once and never given back.
extension Recording {
  /// Claims `count` pages in a row, without a lock; nil when the limit is reached. The reserve, an eighth
  /// of the arena, is for lanes: a thread that comes when call trees have filled the rest still gets
  /// one, and counts.
  public func claimPages(_ count: UInt32, fromReserve: Bool = false) -> UInt32? {
    let header = header
    let last = header.pointee.arenaPageEnd.value
    let reserve = (last &- header.pointee.arenaOffset.value / Layout.page) / 8
    let end = fromReserve ? last : last &- reserve
    while true {
      let first = header.pointee.arenaPage.value
      if first >= end || count > end &- first || !hasBlocks(upTo: first &+ count) { return nil }
      if header.pointee.arenaPage.exchange(first, for: first &+ count) {
        return first &* Layout.page
      }
    }
  }

  /// In a file, pages get their blocks in steps before they are claimed: a file system that is full is a
  /// recording that is full, and never a SIGBUS. 256 KiB take some 40 us.
  @inline(__always) func hasBlocks(upTo page: UInt32) -> Bool {
    let backed = identity.pointee.backedPage.value
    return backed == 0 || page <= backed || addBlocks(upTo: page, from: backed)
  }

  @_semantics("no_performance_analysis") @inline(never)
  public func addBlocks(upTo page: UInt32, from backed: UInt32) -> Bool {
    let end = min(max(page, backed &+ Self.stepPages), header.pointee.arenaPageEnd.value)
    let bytes = Int(end &- min(backed, end)) * Int(Layout.page)
    guard page <= end, shim_populate(base + Int(backed) * Int(Layout.page), bytes) else {
      return false
    }
    // Another thread may have been faster, and got further.
    var seen = backed
    while seen < end, !identity.pointee.backedPage.exchange(seen, for: end) {
      seen = identity.pointee.backedPage.value
    }
    return true
  }
  public static let stepPages: UInt32 = 64

  /// Memory of a lane's own, zeroed and aligned to 64 bytes; nil when the limit is reached.
  /// By the lane's owner alone.
  public func allocate(_ bytes: UInt32, for lane: UnsafeMutablePointer<Lane>) -> UInt32? {
    let rounded = (bytes &+ 63) & ~63
    let start = lane.pointee.freeBytes.value
    if rounded <= lane.pointee.freeEnd.value &- start {
      lane.pointee.freeBytes.set(start &+ rounded)
      return start
    }
    let pages = (rounded &+ Layout.page &- 1) / Layout.page
    guard let first = claimPages(pages) else { return nil }
    let rest = first &+ rounded
    let restBytes = pages &* Layout.page &- rounded
    // Go on from whichever remainder is larger.
    if restBytes > lane.pointee.freeEnd.value &- start {
      lane.pointee.freeBytes.set(rest)
      lane.pointee.freeEnd.set(rest &+ restBytes)
    }
    return first
  }

  /// So many pages are claimed at once for what many threads share.
  static let sharedPages: UInt32 = 4

  /// Memory for any thread, zeroed, of at most 16 KiB, without a lock; nil when `most` pages or the limit are
  /// reached. `room`: the free room in the newest pages: its start, and its end in the upper half.
  func room(
    _ bytes: UInt32, in room: borrowing Cell64, pages: borrowing Cell32, most: UInt32
  ) -> UInt32? {
    while true {
      let seen = room.value
      let start = UInt32(truncatingIfNeeded: seen)
      let end = UInt32(truncatingIfNeeded: seen &>> 32)
      if bytes <= end &- start {
        if room.exchange(seen, for: seen &+ UInt64(bytes)) { return start }
        continue
      }
      let taken = pages.value
      let next = taken &+ Self.sharedPages
      guard next <= most else { return nil }
      guard pages.exchange(taken, for: next) else { continue }
      guard let first = claimPages(Self.sharedPages) else { return nil }
      let rest = UInt64(first &+ Self.sharedPages &* Layout.page) &<< 32 | UInt64(first &+ bytes)
      // When another thread brought pages, too, the rest of these is left over: at most 16 KiB.
      _ = room.exchange(seen, for: rest)
      return first
    }
  }

  /// What is taken of the limit, in bytes: the tables in use and the arena's pages.
  public var bytesInUse: UInt64 {
    let header = header
    return UInt64(Layout.headerBytes)
      &+ UInt64(operationCount) &* UInt64(OperationRecord.bytes + 8)
      &+ UInt64(header.pointee.namesUsed.value)
      &+ UInt64(FailureKind.capacity + 1) &* UInt64(FailureKind.bytes)
      &+ UInt64(header.pointee.laneCapacity.value) &* 4
      &+ UInt64(moduleCount) &* UInt64(Module.bytes)
      &+ UInt64(header.pointee.arenaPage.value) &* UInt64(Layout.page)
      &- UInt64(header.pointee.arenaOffset.value)
  }
}
