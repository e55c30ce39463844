// SPDX-License-Identifier: Apache-2.0

/// What one thread writes: its stack of open operations, its counters, its call tree.
///
/// A lane belongs to one thread at a time. When the thread ends, the lane keeps its numbers and waits
/// for the next thread, which goes on adding to them: nothing is folded, nothing is lost, and memory
/// grows with the threads alive at once, not with those ever started (docs/decisions/0001).
public struct Lane: ~Copyable {
  // Hot: read or written by every begin and end.
  /// The offset of the top frame; + `Frame.busyOffset` while a hot call is at work.
  public let top: Cell32
  /// `State`.
  public let state: Cell32
  /// The address, in the recorded process, of the word that tells whether the thread was switched
  /// out: it is `unswitched` as long as it was not.
  public let switchWord: Cell64
  public let unswitched: Cell64
  /// The buckets that the last two calls are still to be counted in, as offsets; a scratch bucket
  /// where there is none. Later ends count them: a store to an address that depends on a counter just
  /// read would hold up the next reading (6 ns on Zen 4, measured; docs/methods.md, "The hot path").
  public let pending: Cell32
  public let pendingBefore: Cell32

  /// Where the stack of the thread stood when it marked the lane busy: an address of the process. The
  /// second is written in vain by calls that find it busy, so that the first needs no branch.
  public let busyStack: InlineArray<2, Cell64>

  /// How much more this thread may allocate before a block is sampled, in bytes; below zero, the next is.
  public let bytesUntilSample: Cell64

  // The owner.
  public let threadID: Cell32
  /// `CPUClock`: the rung this thread stands on.
  public let cpuClock: Cell32
  /// Threads that have owned this lane.
  public let owners: Cell64
  /// The address of the owner's perf page; 0 without.
  public let perfPage: Cell64
  /// Foreign values seen in the switch word without one of ours between.
  public let foreignSwitchWords: Cell64

  // The last synchronisation of the CPU clock.
  public let syncedWall: Cell64
  public let syncedCPU: Cell64
  /// What synchronisations found negative, still to be made up for.
  public let owedOffCPU: Cell64
  public let syncedVoluntary: Cell64
  public let syncedInvoluntary: Cell64
  public let syncedPageFaults: Cell64
  public let syncs: Cell64

  // Drops.
  public let unbalancedEnds: Cell64
  public let unknownOperations: Cell64
  public let outsideOperation: Cell64
  public let tooDeep: Cell64
  public let reentered: Cell64
  public let untrackedPaths: Cell64

  // The call tree and the memory it grows in.
  public let root: Cell32
  public let newestNode: Cell32
  public let nodeCount: Cell32
  /// Segments of frames, the lane's own included.
  public let segmentCount: Cell32
  public let childIndex: Cell32
  public let childIndexCapacity: Cell32
  public let freeBytes: Cell32
  public let freeEnd: Cell32
  /// The lowest frame of the stack.
  public let firstFrame: Cell32
  /// How many operations were open when the thread forked last, twice, and 1 more when a hot call was at work.
  public let depthAtFork: Cell32
  /// Where this lane's random numbers stand.
  public let random: Cell64
  /// One more than the number of the thread's CPU timer; 0 without.
  public let timer: Cell32
  /// The doublings of the mean that `bytesUntilSample` was drawn with.
  public let sampleDoublings: Cell32
  /// Time waited since the last stack that was taken of a wait.
  public let waitedNanoseconds: Cell64
  /// What the kernel had counted of the thread's input and output at the last boundary: bytes read and
  /// written, calls that read and wrote.
  public let kernelIO: InlineArray<4, Cell64>
  /// The time stamp from which on a slow call is worth a stack again.
  public let nextSlowStack: Cell64

  // Call stacks: the bounds of the thread's own stack, addresses of the process, 0 where unknown; two
  // buffers of frames, and how many of them are in use.
  public let stackLow: Cell64
  public let stackHigh: Cell64
  public let frameBuffers: Cell32
  public let frameBufferDepth: Cell32
  public let frameBuffersInUse: Cell32
  /// The thread's `ExperimentLane`, as an offset; 0 before its first experiment.
  public let experiment: Cell32

  /// The last events, where a timeline is wanted.
  public let timeline: TimelineRing
  /// The alternative signal stack that the thread got with crash notes: an address of the process; 0
  /// without.
  public let signalStack: Cell64
  /// Calls without a caller that were of another operation than the one before.
  public let taskSwitches: Cell64

  public enum State {
    public static let free: UInt32 = 0
    public static let owned: UInt32 = 1
    /// Its thread died without giving it back; somebody is about to free it.
    public static let reclaimed: UInt32 = 2
  }

  /// One page. The last error's text, the root of the call tree and the frames follow the fields.
  public static let bytes: UInt32 = 4096
  /// A word that is always 0: the switch word of a thread that must ask the system each time.
  public static let zeroOffset: UInt32 = 504
  /// From the lane's start: a bucket that belongs to no histogram, for the pending ones.
  public static let scratchOffset: UInt32 = 496
  public static let errorTextOffset: UInt32 = 512
  public static let errorTextBytes: UInt32 = 512
  public static let rootOffset: UInt32 = 1024
  public static let framesOffset: UInt32 = rootOffset + CallNode.bytes
  /// Frames in the lane itself, the lowest and the two walls included.
  public static let frameCount: UInt32 = 42
  /// Frames in each further segment, its lowest and its two walls included.
  public static let segmentFrameCount: UInt32 = 64
  public static let maxSegmentCount: UInt32 = 66
  /// How deep operations may nest: 4,004.
  public static let maxDepth =
    frameCount - 3 + (maxSegmentCount - 1) * (segmentFrameCount - 3)
}

/// How a thread's CPU time is known, best first.
public enum CPUClock {
  /// Not at all: CPU time is not tracked.
  public static let off: UInt32 = 0
  /// From wall time, as long as the kernel has not cleared the mark in the thread's rseq area.
  public static let rseq: UInt32 = 1
  /// From the page of a perf task clock.
  public static let perf: UInt32 = 2
  /// By a system call at each begin and end.
  public static let threadClock: UInt32 = 3
}
