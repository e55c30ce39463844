// SPDX-License-Identifier: Apache-2.0

/// A place at which something was sampled: a call-tree node, and the call stack inside it. 64 bytes.
///
/// Written by the thread that owns the node's lane, and by its signal handlers, with additions of a single
/// instruction.
public struct Site: ~Copyable {
  /// The node's offset in the upper half, the stack's in the lower; 0 in a free slot. A stack of 0
  /// stands for those that could not be kept.
  public let key: Cell64
  /// Time on a CPU, by the samples of the thread's CPU clock.
  public let cpuNanoseconds: Cell64
  public let cpuSamples: Cell32
  /// Stacks taken after long waits.
  public let waits: Cell32
  public let waitNanoseconds: Cell64
  /// Calls slower than the operation's 99th percentile that ended here.
  public let slowCalls: Cell64
  public let slowTicks: Cell64
  /// Estimates of all that was allocated here, from the sampled blocks.
  public let allocatedBytes: Cell64
  public let allocations: Cell64

  public static let bytes: UInt32 = 64

  public var node: UInt32 { UInt32(truncatingIfNeeded: key.value &>> 32) }
  public var stack: UInt32 { UInt32(truncatingIfNeeded: key.value) }
}

/// The table of sites: a hash table with linear probing, without locks and safe in signal handlers.
extension Recording {
  private static var probes: UInt32 { 64 }
  private static var mostSites: UInt32 { 16_384 }

  /// Sets the table aside: a sixteenth of the arena, at most 16,384 sites. False without room.
  public func prepareSites() -> Bool {
    let header = header
    if header.pointee.siteTable.value != 0 { return true }
    let arena = header.pointee.bytes.value &- UInt64(header.pointee.arenaOffset.value)
    let wanted = UInt32(
      truncatingIfNeeded: min(arena / 16 / UInt64(Site.bytes), UInt64(Self.mostSites)))
    let sites = UInt32(1) &<< UInt32(31 &- max(wanted, 64).leadingZeroBitCount)
    guard let table = claimPages(max(sites &* Site.bytes / Layout.page, 1)) else { return false }
    header.pointee.siteMask.set(sites &- 1)
    header.pointee.siteTable.publish(table)
    return true
  }

  /// The site of a node and a stack, made now if it is new; nil, and a drop is counted, when there is no room
  /// even without the stack.
  public func site(node: UInt32, stack: UInt32) -> UInt32? {
    guard header.pointee.siteTable.acquired != 0 else { return nil }
    if let site = findSite(UInt64(node) &<< 32 | UInt64(stack)) { return site }
    header.pointee.refusedSites.addShared(1)
    return stack == 0 ? nil : findSite(UInt64(node) &<< 32)
  }

  private func findSite(_ key: UInt64) -> UInt32? {
    let mask = header.pointee.siteMask.value
    var slot = UInt32(truncatingIfNeeded: (key &>> 4) &* 0x9E37_79B9_7F4A_7C15 &>> 40) & mask
    for _ in 0..<Self.probes {
      let offset = header.pointee.siteTable.value &+ slot &* Site.bytes
      let site: UnsafeMutablePointer<Site> = at(offset)
      let found = site.pointee.key.value
      if found == key || (found == 0 && site.pointee.key.exchange(0, for: key)) { return offset }
      if found == 0 && site.pointee.key.value == key { return offset }
      slot = (slot &+ 1) & mask
    }
    return nil
  }

  public func forEachSite(_ body: (UInt32, UnsafeMutablePointer<Site>) -> Void) {
    let table = zone(header.pointee.siteTable.acquired)
    guard table != 0 else { return }
    let slots = min(header.pointee.siteMask.value, Self.mostSites &- 1) &+ 1
    for slot in 0..<fitting(slots, of: Site.bytes, at: table) {
      let offset = table &+ slot &* Site.bytes
      let site: UnsafeMutablePointer<Site> = at(offset)
      if site.pointee.key.value != 0 { body(offset, site) }
    }
  }
}
