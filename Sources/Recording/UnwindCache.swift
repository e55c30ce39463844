// SPDX-License-Identifier: Apache-2.0

/// What the unwinder found out about an address of code: how to get from there to the caller.
///
/// One direct-mapped table for all threads, without a lock: an entry is two words, the rule and the rule
/// XOR the key, so that two halves of different entries are a miss. The key is the address below a
/// generation in its upper 16 bits: one more generation empties the cache.
public struct UnwindCache {
  public static let entryBytes: UInt32 = 16
}

extension Recording {
  /// The rule for an address; 0 when there is none.
  @inline(__always) public func cachedRule(_ address: UInt64) -> UInt64 {
    let key = cacheKey(address)
    let entry = cacheEntry(key)
    let rule = entry.pointee.value
    return (entry + 1).pointee.value ^ rule == key ? rule : 0
  }

  /// Keeps a rule, which is not 0, for an address below 2^48.
  @inline(__always) public func cacheRule(
    _ rule: UInt64, for address: UInt64, generation: UInt32
  ) {
    if address &>> 48 != 0 { return }
    let key = address | UInt64(generation) &<< 48
    let entry = cacheEntry(key)
    entry.pointee.set(rule)
    (entry + 1).pointee.set(rule ^ key)
  }

  /// What a rule must be kept with: read before the rule is looked for.
  @inline(__always) public var cacheGeneration: UInt32 {
    header.pointee.unwindCacheGeneration.value
  }

  /// Forgets all rules, since code was unmapped. By one thread at a time, while nobody unwinds.
  public func emptyUnwindCache() {
    let header = header
    let generation = (header.pointee.unwindCacheGeneration.value &+ 1) & 0xFFFF
    if generation == 0 {
      // The generations begin again, and must not find what they left.
      let cells = (Int(header.pointee.unwindCacheMask.value) + 1) * 2
      let first: UnsafeMutablePointer<Cell64> = at(header.pointee.unwindCache.value)
      for index in 0..<cells { (first + index).pointee.set(0) }
    }
    header.pointee.unwindCacheGeneration.publish(generation)
  }

  @inline(__always) private func cacheKey(_ address: UInt64) -> UInt64 {
    address | UInt64(cacheGeneration) &<< 48
  }

  @inline(__always) private func cacheEntry(_ key: UInt64) -> UnsafeMutablePointer<Cell64> {
    // Fibonacci hashing: neighbouring return addresses spread.
    let hash = UInt32(truncatingIfNeeded: (key &* 0x9E37_79B9_7F4A_7C15) &>> 40)
    let slot = hash & header.pointee.unwindCacheMask.value
    return at(header.pointee.unwindCache.value &+ slot &* UnwindCache.entryBytes)
  }
}
