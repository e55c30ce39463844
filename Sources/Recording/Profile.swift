// SPDX-License-Identifier: Apache-2.0

/// What was recorded so far, of all threads together: the call tree, and the operations.
public struct Profile {
  /// A path of operations from a thread's outermost call to this one.
  public struct Path {
    public let operation: UInt32
    /// The index of the caller's path in `paths`, which is lower than this one's; nil for a path of one.
    public let parent: Int?
    /// The number of callers.
    public let depth: Int
    /// Whether the operation occurs among its callers, too: then what it took is theirs already.
    let isRecursive: Bool
    public var totals = Totals()
    public var distribution = Distribution()
    /// Wall and off-CPU time of the calls made from here, open ones included.
    public var calleeTicks: UInt64 = 0
    public var calleeOffCPUNanoseconds: UInt64 = 0
    public var calleeSwitches: UInt64 = 0
    /// What was allocated in calls of this path itself, and with the calls made from it.
    public var ownMemory = MemoryTotals()
    public var memory = MemoryTotals()
    /// Input and output without that of the calls made from here, and with it.
    public var selfIO = IOTotals()
    public var io = IOTotals()

    /// Wall time, with what open calls took so far; never less than that of the calls made from here.
    public var wallTicksSoFar: UInt64 { max(totals.wallTicks &+ totals.openTicks, calleeTicks) }

    public var hasCalls: Bool { totals.count &+ totals.active > 0 }

    init(operation: UInt32, parent: Int?, depth: Int, isRecursive: Bool) {
      self.operation = operation
      self.parent = parent
      self.depth = depth
      self.isRecursive = isRecursive
    }
  }

  /// An operation: all its calls, from every path and without one.
  public struct Operation {
    public var totals = Totals()
    public var distribution = Distribution()
    public var selfNanoseconds: UInt64 = 0
    public var selfCPUNanoseconds: UInt64 = 0
    public var selfSwitches: UInt64 = 0
    public var ownMemory = MemoryTotals()
    /// With calls made from it. What a recursive operation allocates counts once.
    public var memory = MemoryTotals()
    public var selfIO = IOTotals()
    /// With that of the calls made from these; a call to itself counts once.
    public var io = IOTotals()
  }

  public let recording: Recording
  public let moment: ReadingMoment
  /// Callers before those they call.
  public internal(set) var paths: [Path] = []
  /// By handle - 1.
  public internal(set) var operations: [Operation] = []
  /// By handle - 1: calls that found no room for a path.
  public private(set) var pathless: [Totals]

  /// What was allocated while no operation was open.
  public private(set) var outsideMemory = MemoryTotals()
  public private(set) var sites: [SiteTotals] = []
  /// Input and output outside operations, and what found no place in them.
  public internal(set) var outsideIO = IOTotals()
  /// Spans that were begun and have not ended.
  public internal(set) var openSpans: UInt64 = 0

  private var indexOfChild: [UInt64: Int] = [:]
  private var pathOfNode: [UInt32: Int] = [:]

  /// Which histograms are read.
  public enum Distributions: Equatable {
    case none
    case of(operation: UInt32)
    case all
  }

  /// Reads a recording. Threads go on writing to it meanwhile.
  /// Cost: proportional to the call-tree nodes of all lanes, about a microsecond each.
  public init(of recording: Recording, at moment: ReadingMoment, distributions: Distributions) {
    self.recording = recording
    self.moment = moment
    pathless = (0..<recording.namedOperations(beyond: 0)).map {
      var totals = recording.readPathless(of: $0 + 1)
      totals.addSuspension(at: moment)
      return totals
    }
    var spans = OpenSpans(of: recording)
    var budget = ReadingBudget(of: recording)
    recording.forEachLane { lane in read(lane, distributions, &spans, &budget) }
    add(spans)
    readSamples(frames: budget.frames)
    for index in paths.indices {
      paths[index].calleeTicks &+= paths[index].totals.pathlessCalleeTicks
      paths[index].calleeOffCPUNanoseconds &+=
        paths[index].totals.pathlessCalleeOffCPUNanoseconds
      guard let parent = paths[index].parent else { continue }
      let totals = paths[index].totals
      let ticks = totals.wallTicks &+ totals.openTicks
      paths[parent].calleeTicks &+= ticks - min(totals.spanTicks, ticks)
      let offCPU = totals.offCPUNanoseconds &+ totals.openOffCPUNanoseconds
      paths[parent].calleeOffCPUNanoseconds &+= offCPU - min(totals.spanOffCPUNanoseconds, offCPU)
      // Of which spans had how many is not kept.
      if totals.spanTicks == 0 { paths[parent].calleeSwitches &+= totals.switches }
    }
    addUpOperations()
    addUpIO()
  }

  private mutating func read(
    _ lane: UnsafeMutablePointer<Lane>, _ distributions: Distributions,
    _ spans: inout OpenSpans, _ budget: inout ReadingBudget
  ) {
    // From the newest node to the oldest; callers are older than what they call. Older ones lie lower: an arena
    // only grows.
    var offsets: [UInt32] = []
    var offset = recording.zone(lane.pointee.newestNode.acquired)
    while offset != 0, ReadingBudget.take(&budget.nodes) {
      offsets.append(offset)
      let node: UnsafeMutablePointer<CallNode> = recording.at(offset)
      let older = recording.zone(node.pointee.older.value)
      offset = older < offset ? older : 0
    }
    // Of an operation that was named before its node was found.
    let operationCount = recording.namedOperations(
      beyond: UInt32(truncatingIfNeeded: pathless.count))
    let open = recording.withOpenCalls(of: lane, at: moment) {
      for offset in offsets.reversed() {
        let node: UnsafeMutablePointer<CallNode> = recording.at(offset)
        let operation = node.pointee.operation.value
        if operation == 0 {  // the root
          outsideMemory.add(node.pointee.memory)
          continue
        }
        guard operation <= operationCount else { continue }
        let path = path(operation, from: pathOfNode[node.pointee.parent.value])
        pathOfNode[offset] = path
        let wanted =
          distributions == .all || distributions == .of(operation: operation)
        var (totals, distribution) = recording.read(
          node, of: lane, at: moment, withDistribution: wanted, &budget)
        totals.addSuspension(at: moment)
        paths[path].totals.add(totals)
        paths[path].distribution.add(distribution)
        paths[path].ownMemory.add(node.pointee.memory)
        if ReadingBudget.take(&budget.ioRecords) { paths[path].selfIO.add(recording.io(of: node)) }
      }
    }
    var caller: OpenCall?
    for call in open where ReadingBudget.take(&budget.openCalls) {
      var totals = Totals()
      let ticks = moment.ticks > call.start ? moment.ticks - call.start : 0
      if let span = call.span {
        spans.enter(span, ticks: ticks, offCPUNanoseconds: call.offCPUNanoseconds)
        // What an entered span takes is not the caller's own.
        totals.pathlessCalleeTicks = ticks
        totals.pathlessCalleeOffCPUNanoseconds = call.offCPUNanoseconds
        if let caller { add(open: totals, at: caller.node, of: caller.operation) }
      } else {
        totals.active = 1
        totals.openTicks = ticks
        totals.openOffCPUNanoseconds = call.offCPUNanoseconds
        add(open: totals, at: call.node, of: call.operation)
      }
      caller = call
    }
  }

  /// Adds what an open call has taken so far to its path.
  mutating func add(open totals: Totals, at node: UInt32, of operation: UInt32) {
    if let path = pathOfNode[node] {
      paths[path].totals.add(totals)
    } else if node & CallNode.pathless != 0, operation > 0, Int(operation) <= pathless.count {
      pathless[Int(operation) - 1].add(totals)
    }
  }

  /// The index of the path of an operation called from another path.
  private mutating func path(_ operation: UInt32, from parent: Int?) -> Int {
    // Where it is deeper than any stack of operations, it begins anew.
    let parent = parent.flatMap { paths[$0].depth < Int(Lane.maxDepth) ? $0 : nil }
    let key = UInt64(parent.map { $0 + 1 } ?? 0) << 32 | UInt64(operation)
    if let known = indexOfChild[key] { return known }
    paths.append(
      Path(
        operation: operation, parent: parent, depth: parent.map { paths[$0].depth + 1 } ?? 0,
        isRecursive: calls(operation, within: parent)))
    indexOfChild[key] = paths.count - 1
    return paths.count - 1
  }

  private mutating func readSamples(frames: UInt32) {
    outsideMemory.add(recording.header.pointee.laneless)
    let reader = SampleReader(recording, paths: paths.count, pathOfNode: pathOfNode, frames: frames)
    sites = reader.sites
    for index in paths.indices { paths[index].ownMemory.add(reader.live[index]) }
    if let outside = reader.live.last { outsideMemory.add(outside) }
    for index in paths.indices { paths[index].memory = paths[index].ownMemory }
    for index in paths.indices.reversed() {
      if let parent = paths[index].parent { paths[parent].memory.add(paths[index].memory) }
    }
  }

  /// Whether a path, or a caller of it, is of this operation.
  private func calls(_ operation: UInt32, within path: Int?) -> Bool {
    var caller = path
    while let index = caller {
      if paths[index].operation == operation { return true }
      caller = paths[index].parent
    }
    return false
  }

  // MARK: Sums

  private mutating func addUpOperations() {
    operations = pathless.map { calls in
      Operation(
        totals: calls, selfNanoseconds: selfNanoseconds(pathless: calls),
        selfCPUNanoseconds: selfCPUNanoseconds(pathless: calls), selfSwitches: calls.switches)
    }
    for path in paths {
      // An operation that was named while this was read.
      let index = Int(path.operation) - 1
      while operations.count <= index {
        operations.append(Operation())
        pathless.append(Totals())
      }
      operations[index].totals.add(path.totals)
      operations[index].distribution.add(path.distribution)
      operations[index].selfNanoseconds &+= nanoseconds(selfTicks(path))
      operations[index].selfCPUNanoseconds &+= selfCPUNanoseconds(path)
      operations[index].selfSwitches &+= selfSwitches(path)
      operations[index].ownMemory.add(path.ownMemory)
      if !path.isRecursive { operations[index].memory.add(path.memory) }
    }
  }

  /// Wall time of a path's calls less that of the calls made from it; with what open calls took so far.
  public func selfTicks(_ path: Path) -> UInt64 {
    let total = path.totals.wallTicks &+ path.totals.openTicks
    return total > path.calleeTicks ? total - path.calleeTicks : 0
  }

  /// CPU time of a path's calls less that of the calls made from it, in nanoseconds.
  public func selfCPUNanoseconds(_ path: Path) -> UInt64 {
    let off = path.totals.offCPUNanoseconds &+ path.totals.openOffCPUNanoseconds
    let selfOff = off > path.calleeOffCPUNanoseconds ? off - path.calleeOffCPUNanoseconds : 0
    let wall = nanoseconds(selfTicks(path))
    return tracksCPU && wall > selfOff ? wall - selfOff : 0
  }

  /// Wall time of calls without a path less that of the calls made from them.
  public func selfNanoseconds(pathless calls: Totals) -> UInt64 {
    let total = calls.wallTicks &+ calls.openTicks
    return nanoseconds(total - min(calls.pathlessCalleeTicks, total))
  }

  private func selfCPUNanoseconds(pathless calls: Totals) -> UInt64 {
    let off = calls.offCPUNanoseconds &+ calls.openOffCPUNanoseconds
    let selfOff = off - min(calls.pathlessCalleeOffCPUNanoseconds, off)
    let wall = selfNanoseconds(pathless: calls)
    return tracksCPU ? wall - min(selfOff, wall) : 0
  }

  /// Switches during a path's calls less those during the calls made from it.
  public func selfSwitches(_ path: Path) -> UInt64 {
    let all = path.totals.switches
    return all > path.calleeSwitches ? all - path.calleeSwitches : 0
  }

  /// CPU time of finished calls, in nanoseconds.
  public func cpuNanoseconds(_ totals: Totals) -> UInt64 {
    let wall = nanoseconds(totals.wallTicks)
    return tracksCPU && wall > totals.offCPUNanoseconds ? wall - totals.offCPUNanoseconds : 0
  }

  /// CPU time of finished and open calls, in nanoseconds.
  public func cpuNanosecondsSoFar(_ totals: Totals) -> UInt64 {
    let wall = nanoseconds(totals.wallTicks &+ totals.openTicks)
    let off = totals.offCPUNanoseconds &+ totals.openOffCPUNanoseconds
    return tracksCPU && wall > off ? wall - off : 0
  }

  public var tracksCPU: Bool { recording.header.pointee.cpuClock.value != CPUClock.off }

  public func nanoseconds(_ ticks: UInt64) -> UInt64 { moment.nanoseconds(ticks) }

  /// Since the recording began.
  public var durationNanoseconds: UInt64 {
    nanoseconds(moment.ticks &- recording.header.pointee.startTicks.value)
  }
}

extension Recording {
  func readPathless(of operation: UInt32) -> Totals {
    let record = self.operation(operation)
    var totals = Totals()
    totals.count = record.pointee.pathless.count.acquired
    totals.failed = record.pointee.pathless.failed.value
    totals.abandoned = record.pointee.pathless.abandoned.value
    totals.wallTicks = record.pointee.pathless.wallTicks.value
    totals.fastestTicks = ~record.pointee.pathless.fastestComplement.value
    totals.slowestTicks = record.pointee.pathless.slowestTicks.value
    totals.work = record.pointee.pathless.work.value
    totals.offCPUNanoseconds = record.pointee.pathless.offCPUNanoseconds.value
    totals.voluntarySwitches = record.pointee.pathless.voluntarySwitches.value
    totals.involuntarySwitches = record.pointee.pathless.involuntarySwitches.value
    totals.pageFaults = record.pointee.pathless.pageFaults.value
    totals.pathlessCalleeTicks = record.pointee.pathless.callees.wallTicks.value
    totals.pathlessCalleeOffCPUNanoseconds =
      record.pointee.pathless.callees.offCPUNanoseconds.value
    return totals
  }
}
