// SPDX-License-Identifier: Apache-2.0
import CShim
import Synchronization

/// A sampled block of the heap, until it is freed. 32 bytes.
public struct HeapSample: ~Copyable {
  /// The block's address in the recorded process; 0 in a free slot, 1 in one that is being filled.
  public let address: Cell64
  public let bytes: Cell64
  /// The call-tree node that was innermost when it was allocated.
  public let node: Cell32
  /// The call site, as an offset; 0 without a call stack.
  public let site: Cell32
  /// The mean distance of samples that the block was kept by, as `Header.heapSampleDoublings`; and above its
  /// eight bits the collector's `HeapMarks`.
  public let doublings: Cell32
  /// How many calls of the node had finished when it was allocated, modulo 2^32; in a lane's root, which has no
  /// calls, a coarse time.
  public let generation: Cell32

  public static let bytes: UInt32 = 32
}

/// A sampled block, as a value.
public struct HeapBlock {
  public var bytes: UInt64
  public var node: UInt32
  public var site: UInt32
  public var doublings: UInt32
  public var generation: UInt32
  public var marks = HeapMarks()

  public init(
    bytes: UInt64, node: UInt32, site: UInt32, doublings: UInt32, generation: UInt32 = 0
  ) {
    self.bytes = bytes
    self.node = node
    self.site = site
    self.doublings = doublings & HeapMarks.doublings
    self.generation = generation
  }

  fileprivate init(_ sample: borrowing HeapSample) {
    let state = sample.doublings.value
    self.init(
      bytes: sample.bytes.value, node: sample.node.value, site: sample.site.value,
      doublings: state, generation: sample.generation.value)
    marks = HeapMarks(state: state)
  }
}

/// What the collector found when it looked for references to a block (Prognos/References.swift): how often it
/// looked, and how often in a row it found none.
public struct HeapMarks {
  /// Whether it is of a pool within an arena that counts by itself: such blocks are sampled for leaks alone.
  public var isPooled = false
  public var examined: UInt32 = 0
  public var unreferenced: UInt32 = 0

  static let doublings: UInt32 = 0xFF

  public init() {}

  init(state: UInt32) {
    unreferenced = state &>> 8 & 0xFF
    examined = state &>> 16 & 0xFF
    isPooled = state &>> 24 != 0
  }

  func state(doublings: UInt32) -> UInt32 {
    doublings & Self.doublings | unreferenced &<< 8 | examined &<< 16 | (isPooled ? 1 &<< 24 : 0)
  }

  mutating func note(isReferenced: Bool) {
    examined = min(examined &+ 1, 255)
    unreferenced = isReferenced ? 0 : min(unreferenced &+ 1, 255)
  }
}

/// The table of sampled blocks: sets of eight slots, a block in one of two sets; and a filter, which
/// tells a free in a few instructions that a block is not sampled. Without locks: a slot is claimed, filled, and
/// published by its address. The host's own order between the allocation and the free of a block is all
/// the order there needs to be.
extension Recording {
  public var heapSampleCapacity: UInt32 {
    min(header.pointee.heapSampleCapacity.value, Self.mostHeapSamples)
  }
  private static let mostHeapSamples: UInt32 = 16_384
  private static let slotsPerSet: UInt32 = 8
  /// Counters of a byte each, for the addresses that share bits 4 to 19.
  public static let heapFilterBytes: UInt32 = 65_536
  private static let beingFilled: UInt64 = 1

  /// Makes the table: for 16,384 blocks from 4 MiB of arena on, in a smaller one in proportion. False when
  /// there is no memory for it. By one thread at a time.
  public func prepareHeapSamples() -> Bool {
    let header = header
    if header.pointee.heapFilterOffset.value != 0 { return true }
    let arena = header.pointee.bytes.value &- UInt64(header.pointee.arenaOffset.value)
    let slots = UInt32(
      truncatingIfNeeded: min(arena / 8 / UInt64(HeapSample.bytes), UInt64(Self.mostHeapSamples)))
    let capacity = 0x8000_0000 &>> UInt32(truncatingIfNeeded: max(slots, 256).leadingZeroBitCount)
    let tableBytes = capacity &* HeapSample.bytes
    guard let table = claimPages((tableBytes &+ Self.heapFilterBytes) / Layout.page) else {
      return false
    }
    header.pointee.heapSampleCapacity.set(capacity)
    header.pointee.heapSamplesOffset.set(table)
    header.pointee.heapFilterOffset.publish(table &+ tableBytes)
    return true
  }

  /// For a recording that begins again: the arena is empty.
  func forgetHeapSamples() {
    let header = header
    header.pointee.heapFilterOffset.set(0)
    header.pointee.heapSamplesOffset.set(0)
    header.pointee.heapSampleCount.set(0)
    header.pointee.heapSampleDoublings.set(0)
    header.pointee.heapThinning.set(0)
    header.pointee.heapSamplesLost.set(0)
    forgetHeapRate()
    header.pointee.mappingsOffset.set(0)
    header.pointee.mappingsLost.set(0)
  }

  /// Whether a block may be sampled: false for nearly all that are not.
  @inline(__always) public func maySample(address: UInt64) -> Bool {
    let filter = header.pointee.heapFilterOffset.value
    let counter: UnsafeMutablePointer<Cell8> = at(
      filter &+ UInt32(truncatingIfNeeded: address &>> 4) & (Self.heapFilterBytes &- 1))
    return counter.pointee.value != 0
  }

  /// The mean distance between samples in bytes, after so many doublings.
  public func heapMean(doublings: UInt32) -> Double {
    Double(header.pointee.heapSampleBytes.value) * Double(UInt64(1) << UInt64(min(doublings, 62)))
  }

  /// The probability with which a block is sampled: that of a Poisson process of bytes to hit it.
  public func heapProbability(bytes: UInt64, doublings: UInt32) -> Double {
    -shim_expm1(-Double(bytes) / heapMean(doublings: doublings))
  }

  /// How many blocks of its size a sampled one stands for.
  public func heapWeight(of block: HeapBlock) -> Double {
    1 / heapProbability(bytes: block.bytes, doublings: block.doublings)
  }

  /// Keeps a sampled block. False when both of its sets are full, which is counted.
  public func keepSample(address: UInt64, _ block: HeapBlock) -> Bool {
    let sets = sets(of: address)
    for way in 0..<2 &* Self.slotsPerSet {
      let sample = sample(sets[Int(way & 1)] &+ way / 2)
      guard sample.pointee.address.value == 0,
        sample.pointee.address.exchange(0, for: Self.beingFilled)
      else { continue }
      sample.pointee.bytes.set(block.bytes)
      sample.pointee.node.set(block.node)
      sample.pointee.site.set(block.site)
      sample.pointee.doublings.set(block.marks.state(doublings: block.doublings))
      sample.pointee.generation.set(block.generation)
      filterCounter(of: address).pointee.increment()
      sample.pointee.address.publish(address)
      header.pointee.heapSampleCount.addShared(1)
      return true
    }
    header.pointee.heapSamplesLost.addShared(1)
    return false
  }

  /// Takes a block from the table, if it is in it: it is about to be freed.
  public func takeSample(address: UInt64) -> HeapBlock? {
    guard header.pointee.heapSamplesOffset.acquired != 0 else { return nil }
    let sets = sets(of: address)
    for way in 0..<2 &* Self.slotsPerSet {
      let sample = sample(sets[Int(way & 1)] &+ way / 2)
      guard sample.pointee.address.acquired == address else { continue }
      let block = HeapBlock(sample.pointee)
      return release(sample, address) ? block : nil
    }
    return nil
  }

  /// Forgets all samples: what became of their blocks is not known, and the mean distance of samples may
  /// be another one now.
  public func dropHeapSamples() {
    guard header.pointee.heapSamplesOffset.acquired != 0 else { return }
    for index in 0..<heapSampleCapacity {
      let address = sample(index).pointee.address.acquired
      if address > Self.beingFilled { _ = release(sample(index), address) }
    }
    header.pointee.heapSampleDoublings.publish(0)
  }

  private func release(_ sample: UnsafeMutablePointer<HeapSample>, _ address: UInt64) -> Bool {
    guard sample.pointee.address.exchange(address, for: 0) else { return false }
    filterCounter(of: address).pointee.decrement()
    header.pointee.heapSampleCount.subtractShared(1)
    return true
  }

  /// Halves the rate of sampling when the table is three quarters full, or one quarter while blocks are sampled more
  /// often than was asked for, and takes out what the lower rate would not have kept: each block stays with the ratio of the two probabilities, so that estimates stay
  /// unbiased and the memory bounded. `random` gives numbers in 0..<1.
  public func thinHeapSamples(random: () -> Double) {
    let header = header
    let isFine =
      header.pointee.heapSampleDoublings.value < header.pointee.heapRate.mostDoublings.value
    guard header.pointee.heapSampleCount.value > heapSampleCapacity / 4 * (isFine ? 1 : 3),
      header.pointee.heapThinning.exchange(0, for: 1)
    else { return }
    let doublings = header.pointee.heapSampleDoublings.value &+ 1
    header.pointee.heapSampleDoublings.publish(doublings)
    for index in 0..<heapSampleCapacity {
      let sample = sample(index)
      let address = sample.pointee.address.acquired
      let state = sample.pointee.doublings.value
      let kept = state & HeapMarks.doublings
      guard address > Self.beingFilled, kept < doublings else { continue }
      let bytes = sample.pointee.bytes.value
      let stays =
        heapProbability(bytes: bytes, doublings: doublings)
        / heapProbability(bytes: bytes, doublings: kept)
      if random() < stays {
        // A block that took the slot meanwhile was kept by the new rate already.
        sample.pointee.doublings.set(state & ~HeapMarks.doublings | doublings)
      } else {
        _ = release(sample, address)
      }
    }
    header.pointee.heapThinning.publish(0)
  }

  /// Calls `body` with every sampled block that is live.
  public func forEachHeapSample(_ body: (_ address: UInt64, HeapBlock) -> Void) {
    guard header.pointee.heapSamplesOffset.acquired != 0 else { return }
    for index in 0..<heapSampleCapacity {
      let sample = sample(index)
      let address = sample.pointee.address.acquired
      guard address > Self.beingFilled else { continue }
      let block = HeapBlock(sample.pointee)
      atomicMemoryFence(ordering: .acquiring)
      guard sample.pointee.address.value == address else { continue }
      body(address, block)
    }
  }

  /// Calls `body` with the block in a slot, if there is one.
  public func heapSample(in slot: UInt32) -> (address: UInt64, block: HeapBlock)? {
    guard header.pointee.heapSamplesOffset.acquired != 0, slot < heapSampleCapacity else {
      return nil
    }
    let sample = sample(slot)
    let address = sample.pointee.address.acquired
    guard address > Self.beingFilled else { return nil }
    let block = HeapBlock(sample.pointee)
    atomicMemoryFence(ordering: .acquiring)
    return sample.pointee.address.value == address ? (address, block) : nil
  }

  /// Notes whether a block that was found in a slot is referenced. By the collector.
  public func markHeapSample(in slot: UInt32, address: UInt64, isReferenced: Bool) {
    guard slot < heapSampleCapacity else { return }
    let sample = sample(slot)
    let state = sample.pointee.doublings.value
    guard sample.pointee.address.acquired == address else { return }
    var marks = HeapMarks(state: state)
    marks.note(isReferenced: isReferenced)
    // Fails when the block was freed, and another one has the slot, unless that was kept by the same state.
    _ = sample.pointee.doublings.exchange(state, for: marks.state(doublings: state))
  }

  private func sample(_ index: UInt32) -> UnsafeMutablePointer<HeapSample> {
    at(zone(header.pointee.heapSamplesOffset.value) &+ index &* HeapSample.bytes)
  }

  private func filterCounter(of address: UInt64) -> UnsafeMutablePointer<Cell8> {
    at(
      header.pointee.heapFilterOffset.value
        &+ UInt32(truncatingIfNeeded: address &>> 4) & (Self.heapFilterBytes &- 1))
  }

  /// The first slots of the two sets that a block may be in, by two Fibonacci hashes.
  private func sets(of address: UInt64) -> InlineArray<2, UInt32> {
    let first = (address &>> 4) &* 0x9E37_79B9_7F4A_7C15
    let second = (address &>> 4) &* 0xD6E8_FEB8_6659_FD93
    let mask = (heapSampleCapacity &- 1) & ~(Self.slotsPerSet &- 1)
    return [
      UInt32(truncatingIfNeeded: first &>> 40) & mask,
      UInt32(truncatingIfNeeded: second &>> 40) & mask,
    ]
  }
}
