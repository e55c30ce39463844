// SPDX-License-Identifier: Apache-2.0

/// Anonymous memory that the host mapped by itself, until it unmaps it. Kept one by one, not sampled:
/// mappings are few and large.
public struct Mapping: ~Copyable {
  /// 0 in a free slot, 1 in one that is being filled.
  public let start: Cell64
  public let bytes: Cell64
  public let node: Cell32
  public let site: Cell32
  /// As `HeapSample.generation`.
  public let generation: Cell32
  let padding: Cell32
}

/// A mapping, or a part of one, as a value.
public struct TakenMapping {
  public var start: UInt64 = 0
  public var bytes: UInt64 = 0
  public var node: UInt32 = 0
  public var site: UInt32 = 0
  public var generation: UInt32 = 0
}

extension Recording {
  static var mappingCapacity: UInt32 { 1024 }
  private static var beingFilled: UInt64 { 1 }

  public func prepareMappings() -> Bool {
    if header.pointee.mappingsOffset.value != 0 { return true }
    let bytes = Self.mappingCapacity &* UInt32(MemoryLayout<Mapping>.stride)
    guard let table = claimPages((bytes &+ Layout.page &- 1) / Layout.page) else { return false }
    header.pointee.mappingsOffset.publish(table)
    return true
  }

  /// Remembers a mapping. Without a lock; when there are too many, counts it as lost.
  public func keepMapping(
    start: UInt64, bytes: UInt64, node: UInt32, site: UInt32, generation: UInt32 = 0
  ) {
    guard header.pointee.mappingsOffset.acquired != 0 else { return }
    for index in 0..<Self.mappingCapacity {
      let mapping = mapping(index)
      guard mapping.pointee.start.value == 0,
        mapping.pointee.start.exchange(0, for: Self.beingFilled)
      else { continue }
      mapping.pointee.bytes.set(bytes)
      mapping.pointee.node.set(node)
      mapping.pointee.site.set(site)
      mapping.pointee.generation.set(generation)
      mapping.pointee.start.publish(start)
      return
    }
    header.pointee.mappingsLost.addShared(1)
  }

  /// Takes the part of known mappings that lies in an address range, which is about to be unmapped or
  /// replaced. What remains of one in front of the range or behind it stays known. Returns the bytes, and
  /// where the first of them were.
  public func takeMappings(start: UInt64, bytes: UInt64) -> TakenMapping {
    var taken = TakenMapping()
    guard header.pointee.mappingsOffset.acquired != 0 else { return taken }
    let (end, overflow) = start.addingReportingOverflow(bytes)
    if overflow || start % UInt64(Layout.page) != 0 { return taken }
    for index in 0..<Self.mappingCapacity {
      let mapping = mapping(index)
      let from = mapping.pointee.start.acquired
      guard from > Self.beingFilled, from < end else { continue }
      let size = mapping.pointee.bytes.value
      let to = from &+ size
      guard to > start else { continue }
      let (node, site) = (mapping.pointee.node.value, mapping.pointee.site.value)
      let generation = mapping.pointee.generation.value
      guard mapping.pointee.start.exchange(from, for: 0) else { continue }
      if taken.bytes == 0 {
        taken = TakenMapping(
          start: max(from, start), bytes: 0, node: node, site: site, generation: generation)
      }
      taken.bytes &+= min(to, end) &- max(from, start)
      func keep(_ start: UInt64, _ end: UInt64) {
        keepMapping(
          start: start, bytes: end &- start, node: node, site: site, generation: generation)
      }
      if from < start { keep(from, start) }
      if to > end { keep(end, to) }
    }
    return taken
  }

  /// Forgets all mappings: what became of them is not known.
  public func dropMappings() {
    guard header.pointee.mappingsOffset.acquired != 0 else { return }
    for index in 0..<Self.mappingCapacity {
      let start = mapping(index).pointee.start.acquired
      if start > Self.beingFilled { _ = mapping(index).pointee.start.exchange(start, for: 0) }
    }
  }

  public func forEachMapping(_ body: (_ bytes: UInt64, _ node: UInt32, _ site: UInt32) -> Void) {
    guard header.pointee.mappingsOffset.acquired != 0 else { return }
    for index in 0..<Self.mappingCapacity {
      let mapping = mapping(index)
      let start = mapping.pointee.start.acquired
      guard start > Self.beingFilled else { continue }
      body(mapping.pointee.bytes.value, mapping.pointee.node.value, mapping.pointee.site.value)
    }
  }

  /// Calls `body` with every mapping that is live, and where it is.
  public func forEachMapping(_ body: (TakenMapping) -> Void) {
    guard header.pointee.mappingsOffset.acquired != 0 else { return }
    for index in 0..<Self.mappingCapacity {
      let mapping = mapping(index)
      let start = mapping.pointee.start.acquired
      guard start > Self.beingFilled else { continue }
      body(
        TakenMapping(
          start: start, bytes: mapping.pointee.bytes.value, node: mapping.pointee.node.value,
          site: mapping.pointee.site.value, generation: mapping.pointee.generation.value))
    }
  }

  private func mapping(_ index: UInt32) -> UnsafeMutablePointer<Mapping> {
    at(zone(header.pointee.mappingsOffset.value) &+ index &* UInt32(MemoryLayout<Mapping>.stride))
  }
}
