// SPDX-License-Identifier: Apache-2.0

/// Memory that was handed out and given back: exact sums, and estimates of what is live.
public struct MemoryTotals {
  public var allocatedBytes: UInt64 = 0
  public var allocations: UInt64 = 0
  public var freedBytes: UInt64 = 0
  public var frees: UInt64 = 0
  /// Of blocks that were allocated here and not freed by anybody: from the samples, each weighted with the
  /// inverse of the probability that it was sampled (Horvitz and Thompson, 1952); mappings exactly.
  public var liveBytes: Double = 0
  public var liveBlocks: Double = 0

  public init() {}

  public mutating func add(_ other: MemoryTotals) {
    allocatedBytes &+= other.allocatedBytes
    allocations &+= other.allocations
    freedBytes &+= other.freedBytes
    frees &+= other.frees
    liveBytes += other.liveBytes
    liveBlocks += other.liveBlocks
  }

  mutating func add(_ counters: borrowing MemoryCounters) {
    allocatedBytes &+= counters.allocatedBytes.value
    allocations &+= counters.allocations.value
    freedBytes &+= counters.freedBytes.value
    frees &+= counters.frees.value
  }
}

/// What was sampled at a call site.
public struct SiteTotals {
  /// The index of the path in `Profile.paths`; nil outside of operations.
  public let path: Int?
  /// The stack's offset; 0 for those that could not be kept.
  public let stack: UInt32
  public var cpuNanoseconds: UInt64 = 0
  public var cpuSamples: UInt64 = 0
  public var waitNanoseconds: UInt64 = 0
  public var waits: UInt64 = 0
  public var slowCalls: UInt64 = 0
  public var slowTicks: UInt64 = 0
  public var memory = MemoryTotals()

  /// Time on and off the CPU.
  public var nanoseconds: UInt64 { cpuNanoseconds &+ waitNanoseconds }

  mutating func add(_ site: borrowing Site) {
    cpuNanoseconds &+= site.cpuNanoseconds.value
    cpuSamples &+= UInt64(site.cpuSamples.value)
    waitNanoseconds &+= site.waitNanoseconds.value
    waits &+= UInt64(site.waits.value)
    slowCalls &+= site.slowCalls.value
    slowTicks &+= site.slowTicks.value
    memory.allocatedBytes &+= site.allocatedBytes.value
    memory.allocations &+= site.allocations.value
  }
}

/// Reads what is kept by node: sites and live blocks.
struct SampleReader {
  private let recording: Recording
  /// By path and stack.
  private var indexOfSite: [UInt64: Int] = [:]
  private(set) var sites: [SiteTotals] = []
  /// What is live, by path; the last element is what no operation allocated.
  private(set) var live: [MemoryTotals]

  /// How many more frames its stacks may have: as many as have room, since no two true ones overlap.
  private var framesLeft: UInt32
  private var isKnownStack: [UInt32: Bool] = [0: false]

  init(_ recording: Recording, paths: Int, pathOfNode: [UInt32: Int], frames: UInt32) {
    self.recording = recording
    framesLeft = frames
    live = [MemoryTotals](repeating: MemoryTotals(), count: paths + 1)
    var indexOfOffset: [UInt32: Int] = [:]
    recording.forEachSite { offset, site in
      let stack = isStack(site.pointee.stack) ? site.pointee.stack : 0
      let index = index(of: pathOfNode[site.pointee.node], stack: stack)
      indexOfOffset[offset] = index
      sites[index].add(site.pointee)
    }
    recording.forEachHeapSample { _, block in
      let weight = recording.heapWeight(of: block)
      add(
        bytes: Double(block.bytes) * weight, blocks: weight, path: pathOfNode[block.node],
        site: indexOfOffset[block.site])
    }
    recording.forEachMapping { bytes, node, site in
      add(bytes: Double(bytes), blocks: 1, path: pathOfNode[node], site: indexOfOffset[site])
    }
  }

  /// Whether there may be a stack at an offset: an aligned one, with room for its frames.
  private mutating func isStack(_ stack: UInt32) -> Bool {
    if let known = isKnownStack[stack] { return known }
    let isStack =
      recording.zone(stack) == stack
      && ReadingBudget.take(
        &framesLeft, UInt32(truncatingIfNeeded: recording.depth(ofStack: stack)))
    isKnownStack[stack] = isStack
    return isStack
  }

  private mutating func index(of path: Int?, stack: UInt32) -> Int {
    let key = UInt64(path.map { $0 + 1 } ?? 0) << 32 | UInt64(stack)
    if let known = indexOfSite[key] { return known }
    sites.append(SiteTotals(path: path, stack: stack))
    indexOfSite[key] = sites.count - 1
    return sites.count - 1
  }

  private mutating func add(bytes: Double, blocks: Double, path: Int?, site: Int?) {
    guard bytes.isFinite, blocks.isFinite else { return }
    let slot = path ?? live.count - 1
    live[slot].liveBytes += bytes
    live[slot].liveBlocks += blocks
    if let site {
      sites[site].memory.liveBytes += bytes
      sites[site].memory.liveBlocks += blocks
    }
  }
}
