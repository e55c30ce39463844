// SPDX-License-Identifier: Apache-2.0

/// A node of a lane's call tree: an operation called from a certain path of operations.
///
/// Written by the lane's thread alone. `begun` and `ended` frame each change as the two counters of
/// a sequence lock (Boehm, "Can seqlocks get along with programming language memory models?", 2012):
/// a reader that finds them equal, before and after, has numbers of one moment. `ended` is at the
/// same time the number of finished calls.
public struct CallNode: ~Copyable {
  public let begun: Cell64
  public let ended: Cell64
  public let wallTicks: Cell64
  /// The fastest call, as its complement: so that the zeros of fresh memory mean "none yet".
  public let fastestComplement: Cell64
  public let slowestTicks: Cell64
  public let operation: Cell32
  /// The node of the caller; 0 in the root.
  public let parent: Cell32
  /// The next older node of this lane; 0 in the oldest.
  public let older: Cell32
  /// The first of the failure counters.
  public let failures: Cell32
  public let failed: Cell64
  public let abandoned: Cell64
  public let work: Cell64
  public let offCPUNanoseconds: Cell64
  public let voluntarySwitches: Cell64
  public let involuntarySwitches: Cell64
  public let pageFaults: Cell64
  public let histogram: Histogram
  /// Of the calls made from here that found no room for a node of their own.
  public let pathlessCallees: Callees
  /// A call that takes longer than this, kept as its complement, is worth a call stack; 0, never.
  public let slowComplement: Cell64
  /// What is allocated and freed while this is the innermost open operation.
  public let memory: MemoryCounters
  /// The input and output of the same, as an offset; 0 before the first.
  public let io: Cell32
  /// The number of calls, modulo 2^32, when `slowComplement` was computed last.
  public let slowCheckedCalls: Cell32
  /// Of its calls, those that were spans.
  public let spans: SpanSums

  public static let bytes: UInt32 = 384

  /// Whether a frame's node stands for calls that found no room for one of their own: then it is that of
  /// the nearest caller that has one, plus this bit.
  public static let pathless: UInt32 = 1
}

/// Memory that was handed out and given back, exact to the byte: what the allocator handed out
/// (`malloc_usable_size`), not what was asked for, so that sums of the two agree.
public struct MemoryCounters: ~Copyable {
  public let allocatedBytes: Cell64
  public let allocations: Cell64
  public let freedBytes: Cell64
  public let frees: Cell64

  /// By the lane's owner.
  @inline(__always) public func countAllocation(_ bytes: UInt64) {
    allocatedBytes.add(bytes)
    allocations.add(1)
  }

  @inline(__always) public func countFree(_ bytes: UInt64, blocks: UInt64 = 1) {
    freedBytes.add(bytes)
    frees.add(blocks)
  }

  /// By any thread.
  public func countAllocationShared(_ bytes: UInt64) {
    allocatedBytes.addShared(bytes)
    allocations.addShared(1)
  }

  public func countFreeShared(_ bytes: UInt64) {
    freedBytes.addShared(bytes)
    frees.addShared(1)
  }

  func clear() {
    allocatedBytes.set(0)
    allocations.set(0)
    freedBytes.set(0)
    frees.set(0)
  }
}

/// What calls made from here took: what self times are less by.
public struct Callees: ~Copyable {
  public let wallTicks: Cell64
  public let offCPUNanoseconds: Cell64
}

/// How often calls of one node failed in one way.
public struct FailureCounter: ~Copyable {
  public let count: Cell64
  public let kind: Cell32
  public let next: Cell32

  public static let bytes: UInt32 = 16
}
