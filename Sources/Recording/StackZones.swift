// SPDX-License-Identifier: Apache-2.0

/// The tables that call stacks need: the unwinder's cache, the index of stacks. They lie in the
/// arena, so that a process without stacks pays nothing for them, and are touched page by page.
extension Recording {
  /// Whether stacks can be captured. A load and a compare.
  @inline(__always) public var stacksReady: Bool { header.pointee.stacksReady.acquired != 0 }

  /// Sets the tables aside, and limits the memory of stacks to `stackBytes`, index included; false when
  /// the arena has no room. In an arena of 4 MiB or more: 256 KiB for 16,384 cached rules; in a smaller
  /// one in proportion. By one thread at a time.
  public func prepareStackZones(stackBytes: UInt32) -> Bool {
    if stacksReady { return true }
    let header = header
    let arena = header.pointee.bytes.value &- UInt64(header.pointee.arenaOffset.value)
    let share = UInt32(truncatingIfNeeded: min(arena / 16, 256 << 10))
    let cacheEntries = powerOfTwo(atMost: max(share / UnwindCache.entryBytes, 256))
    // One slot of four bytes for every 64 bytes of records: half full with stacks of twelve frames.
    let indexSlots = powerOfTwo(atMost: max(stackBytes / 68, 256))
    let cachePages = pages(cacheEntries &* UnwindCache.entryBytes)
    let indexPages = pages(indexSlots &* 4)
    guard let start = claimPages(cachePages &+ indexPages) else { return false }
    header.pointee.unwindCache.set(start)
    header.pointee.unwindCacheMask.set(cacheEntries &- 1)
    header.pointee.stackIndex.set(start &+ cachePages &* Layout.page)
    header.pointee.stackIndexMask.set(indexSlots &- 1)
    let all = stackBytes / Layout.page
    header.pointee.stackPageLimit.set(all > indexPages ? all &- indexPages : 0)
    header.pointee.stacksReady.publish(1)
    return true
  }

  private func pages(_ bytes: UInt32) -> UInt32 { (bytes &+ Layout.page &- 1) / Layout.page }

  private func powerOfTwo(atMost limit: UInt32) -> UInt32 {
    0x8000_0000 &>> UInt32(truncatingIfNeeded: limit.leadingZeroBitCount)
  }

  /// What a forked child begins with: the arena that held the tables is zeros again. What is loaded is what
  /// was loaded in the parent: to ask the loader for it here could wait for a lock for ever that another
  /// thread of the parent held.
  func forgetStackZones() {
    let header = header
    header.pointee.stacksReady.set(0)
    header.pointee.moduleRefresher.set(0)
    header.pointee.unwindCache.set(0)
    header.pointee.unwindCacheMask.set(0)
    header.pointee.unwindCacheGeneration.set(0)
    header.pointee.unwindingPaused.set(0)
    header.pointee.unwindsInFlight.set(0)
    header.pointee.unwindsLost.set(0)
    header.pointee.stackIndex.set(0)
    header.pointee.stackIndexMask.set(0)
    header.pointee.stackPages.set(0)
    header.pointee.stackPageLimit.set(0)
    header.pointee.stackRoom.set(0)
    header.pointee.refusedStacks.set(0)
  }
}
