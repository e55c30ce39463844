// SPDX-License-Identifier: Apache-2.0

/// The first page of a recording: what it is, where its zones lie, and what belongs to no thread.
public struct Header: ~Copyable {
  // What begin reads: one cache line that seldom changes.
  /// `Mode`: whether and how begin records.
  public let mode: Cell32
  public let operationCount: Cell32
  /// What free looks at first (HeapSamples.swift); 0 while no heap is sampled.
  public let heapFilterOffset: Cell32

  let padding: Cell32

  // What it is; whose it is, says `Identity`.
  public let magic: Cell64
  public let version: Cell32
  public let byteOrder: Cell32
  public let processID: Cell32
  /// 0 free, else the thread that is adding an operation.
  public let registrar: Cell32
  public let bytes: Cell64

  // Limits and zones, set once.
  public let operationCapacity: Cell32
  public let laneCapacity: Cell32
  public let operationsOffset: Cell32
  public let indexOffset: Cell32
  public let indexCapacity: Cell32
  public let namesOffset: Cell32
  public let namesEnd: Cell32
  public let kindsOffset: Cell32
  public let lanesOffset: Cell32
  public let arenaOffset: Cell32

  // What grows.
  public let namesUsed: Cell32
  public let laneCount: Cell32
  /// The offset of the first free byte of the arena, in pages.
  public let arenaPage: Cell32
  public let arenaPageEnd: Cell32

  // The clock: the same moment in ticks, on the monotonic clock and in Unix time.
  public let startTicks: Cell64
  public let startMonotonic: Cell64
  public let startUnix: Cell64
  /// The bit pattern of a Double.
  public let nanosecondsPerTick: Cell64
  /// The age of the recording at which that was measured; 0 before.
  public let calibratedAge: Cell64

  // Drops that belong to no lane: any thread adds.
  public let untrackedCalls: Cell64
  public let rejectedNames: Cell64
  public let repairedNames: Cell64
  public let badArguments: Cell64
  public let outsideOperation: Cell64
  public let unbalancedEnds: Cell64
  /// `CPUClock`: the rung that threads begin with, and why not a better one.
  public let cpuClock: Cell32
  public let cpuClockReason: Cell32
  /// What was asked for when the recording was made, of which less may be in force.
  public let wantedTracks: Cell32
  public let wantedOperations: Cell32
  public let wantedLanes: Cell32
  public let wantedBytes: Cell64
  /// What one synchronisation of the CPU clock costs, measured when the recording began.
  public let syncCostTicks: Cell64
  /// 1 when time stamps are the cycle counter, 0 when they are the monotonic clock.
  public let usesCounter: Cell32

  // Sampled blocks of the heap.
  public let heapSamplesOffset: Cell32
  public let heapSampleCapacity: Cell32
  public let heapSampleCount: Cell32
  public let heapSampleBytes: Cell64
  /// The mean distance between samples is `heapSampleBytes` doubled this often.
  public let heapSampleDoublings: Cell32
  /// 1 while a thread is thinning them out.
  public let heapThinning: Cell32
  public let heapSamplesLost: Cell64
  public let mappingsOffset: Cell32
  public let mappingsLost: Cell32

  /// Of threads that have no lane: any of them adds.
  public let laneless: MemoryCounters

  // Call stacks (StackZones.swift). Their tables are in the arena; 0 before they are prepared.
  /// 1 once everything below is set.
  public let stacksReady: Cell32
  public let moduleTable: Cell32
  public let moduleCapacity: Cell32
  public let moduleCount: Cell32
  /// Where the texts of modules go on, and the end of their page.
  public let moduleText: Cell32
  public let moduleTextEnd: Cell32
  /// 0 free, else the thread that is refreshing the modules.
  public let moduleRefresher: Cell32
  /// `UnwindCache`: how many entries less one, and how often it was emptied.
  public let unwindCache: Cell32
  public let unwindCacheMask: Cell32
  public let unwindCacheGeneration: Cell32
  /// How many callers want no unwinding now, how many threads are unwinding, and how many of these
  /// never came back.
  public let unwindingPaused: Cell32
  public let unwindsInFlight: Cell32
  public let unwindsLost: Cell32
  public let stackIndex: Cell32
  public let stackIndexMask: Cell32
  public let stackPages: Cell32
  public let stackPageLimit: Cell32
  /// The free room in the newest pages of stacks: its start, and its end in the upper half.
  public let stackRoom: Cell64
  /// What the loader said of all it ever loaded, when the modules were refreshed last.
  public let loadedObjects: Cell64
  /// Objects that found the table of modules full.
  public let refusedModules: Cell64
  /// Stacks that found no room.
  public let refusedStacks: Cell64

  /// The number of this library's own module; 0 before it is known.
  public let ownModule: Cell32
  public let hostFramesOffset: Cell32
  public let hostFrameCapacity: Cell32
  public let hostFrameCount: Cell32

  // Sites (Sites.swift), and how often the thread's CPU clock is sampled.
  public let siteTable: Cell32
  public let siteMask: Cell32
  public let refusedSites: Cell64
  /// In nanoseconds of CPU time, or of waiting; 0 when nothing is sampled.
  public let samplePeriod: Cell64
  public let stackDepth: Cell32
  /// PROGNOS_TRACK_* bits that are live now.
  public let liveTracks: Cell32
  /// An `IORecord` of what found no place in a node: any thread adds. 0 before it was prepared.
  public let sharedIO: Cell32
  /// The table of descriptors, which is the writers' alone.
  public let descriptorsOffset: Cell32
  /// What the host asked for (HostWishes.swift).
  let wishes: Cell32
  /// Calls counted in `sharedIO` because memory was full, or a hot call was interrupted.
  public let unattributedIO: Cell64

  public let spans: SpanHeader
  public let sessions: SessionHeader
  /// The collector's (History.swift).
  public let history: HistoryHeader
  public let timeline: TimelineHeader
  public let crash: CrashHeader
  /// The collector's (AssessmentZones.swift).
  public let assessment: AssessmentHeader
  /// The table of series (SeriesRecord.swift).
  public let series: SlotTable
  /// How finely the heap is sampled (HeapRate.swift).
  public let heapRate: HeapRateHeader
  /// What durations take (DurationTable.swift).
  public let durations: DurationHeader
  /// Who waited for whom (WaitEdges.swift); 0 before the hooks of locks.
  public let waitEdges: Cell32
  /// The rounds of causal experiments (ExperimentRounds.swift); 0 before the first.
  public let experiment: Cell32

  public enum Mode {
    public static let off: UInt32 = 0
    /// Begin may take the fast path: time stamps are the cycle counter.
    public static let counter: UInt32 = 1
    /// Begin must not: time stamps are the monotonic clock, or there is more to do.
    public static let careful: UInt32 = 2
    /// As `counter`, and each begin and end is an event of the timeline.
    public static let timeline: UInt32 = 3
    /// An experiment runs: begin and end may have to delay their thread.
    public static let experiment: UInt32 = 4
  }

  /// "PROGNOS" and a NUL, in the byte order of the writer.
  public static let magic: UInt64 = 0x0053_4F4E_474F_5250
  public static let version: UInt32 = 3
  public static let byteOrder: UInt32 = 0x0102_0304
}
