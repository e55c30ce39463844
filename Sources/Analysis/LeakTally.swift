// SPDX-License-Identifier: Apache-2.0
import Recording

/// Of one operation: what it allocated or opened itself that is still there, by the quarter of its calls that it comes
/// from. Made anew from the tables of the recording at each judgement. All zeros to begin with.
struct LeakTally: BitwiseCopyable {
  /// The operation plus 1; 0 in a free slot.
  var key: UInt32 = 0
  /// Whether references to its blocks are to be looked for.
  var isSuspect: UInt32 = 0
  var calls: UInt64 = 0
  /// Of its own, exact: allocated less freed, whoever had allocated that.
  var netBytes: Int64 = 0
  /// Of sampled blocks: estimates of their bytes, and how many were sampled.
  var bytes = Quarters<Double>(repeating: 0)
  var blocks = Quarters<UInt32>(repeating: 0)
  /// Blocks that were looked for in memory, and those of them that nothing refers to.
  var examined: UInt32 = 0
  var orphans: UInt32 = 0
  /// Blocks of pools, which the exact sums lack.
  var pooled: UInt32 = 0
  var orphanBytes = 0.0
  /// How many calls ago the youngest of those that were looked for was allocated, the youngest of these, and their oldest.
  var youngestExamined: UInt64 = 0
  var youngestOrphan: UInt64 = 0
  var oldestOrphan: UInt64 = 0
  var maps = Quarters<UInt32>(repeating: 0)
  var mapBytes = 0.0
  var descriptors = Quarters<UInt32>(repeating: 0)
  var sockets: UInt32 = 0
  /// Stacks that blocks come from most often (Misra and Gries, 1982).
  var stacks = InlineArray<4, StackCount>(repeating: StackCount())

  typealias Quarters<Number> = InlineArray<4, Number>

  struct StackCount: BitwiseCopyable {
    var stack: UInt32 = 0
    var count: UInt32 = 0
  }

  var liveBytes: Double { bytes[0] + bytes[1] + bytes[2] + bytes[3] }
  var liveBlocks: UInt32 { Self.sum(blocks) }

  static func sum(_ quarters: Quarters<UInt32>) -> UInt32 {
    quarters[0] &+ quarters[1] &+ quarters[2] &+ quarters[3]
  }

  /// Whether every quarter of the calls left something behind, and none much less than the others: the smallest
  /// growth decides, not the last. What stopped growing, was dropped in between or keeps only the latest has an
  /// empty quarter.
  static func isSteady(_ quarters: Quarters<UInt32>) -> Bool {
    let least = min(quarters[0], quarters[1], quarters[2], quarters[3])
    return least > 0 && Double(least) >= 0.3 * Double(sum(quarters)) / 4
  }

  /// The same of blocks, which stand for different numbers of bytes.
  var isSteady: Bool {
    let least = min(bytes[0], bytes[1], bytes[2], bytes[3])
    return min(blocks[0], blocks[1], blocks[2], blocks[3]) > 0 && least >= 0.3 * liveBytes / 4
  }

  /// The stack that most blocks come from; 0 for none.
  var stack: UInt32 {
    var best = stacks[0]
    for index in 1..<4 where stacks[index].count > best.count { best = stacks[index] }
    return best.stack
  }

  mutating func note(stack: UInt32, weight: UInt32) {
    guard stack != 0 else { return }
    var free = -1
    for index in 0..<4 {
      if stacks[index].stack == stack {
        stacks[index].count &+= weight
        return
      }
      if stacks[index].count == 0 { free = index }
    }
    if free >= 0 {
      stacks[free] = StackCount(stack: stack, count: weight)
      return
    }
    for index in 0..<4 { stacks[index].count -= min(stacks[index].count, weight) }
  }
}

/// The tallies of the operations that hold anything: a hash table in a zone. When it is full, further operations are
/// left out.
struct LeakTallies {
  private let slots: UnsafeMutablePointer<LeakTally>
  let capacity: Int

  init?(_ recording: Recording) {
    guard let zone = recording.assessmentZone(.leakLedger) else { return nil }
    slots = zone.start.assumingMemoryBound(to: LeakTally.self)
    capacity = zone.bytes / MemoryLayout<LeakTally>.stride
    guard capacity > 0 else { return nil }
  }

  func clear() { slots.update(repeating: LeakTally(), count: capacity) }

  subscript(_ slot: Int) -> UnsafeMutablePointer<LeakTally> { slots + slot }

  /// The tally of an operation; nil when there is none, and none is to be made or there is no room.
  func tally(of operation: UInt32, making: Bool) -> UnsafeMutablePointer<LeakTally>? {
    let key = operation &+ 1
    var slot = Int(key &* 0x9E37_79B9 &>> 8) % capacity
    for _ in 0..<min(capacity, 64) {
      if slots[slot].key == key { return slots + slot }
      if slots[slot].key == 0 {
        guard making else { return nil }
        slots[slot].key = key
        return slots + slot
      }
      slot = slot + 1 == capacity ? 0 : slot + 1
    }
    return nil
  }
}

/// How old something is that a node's call left: in calls of that node.
struct LeakAge {
  /// Calls that finished since, and in all.
  let calls: UInt64
  let of: UInt64

  /// 0 for the first quarter of the calls, 3 for the last.
  var quarter: Int {
    guard of > 0, calls < of else { return 0 }
    return 3 - Int(truncatingIfNeeded: calls &* 4 / of)
  }
}

extension Assessor {
  /// The operation of a node and the age of what was made there in a generation; nil for what cannot be a node.
  func ageOfLeak(
    node offset: UInt32, generation: UInt32, at moment: AssessmentMoment
  ) -> (operation: UInt32, age: LeakAge)? {
    let offset = recording.zone(offset & ~CallNode.pathless)
    guard offset != 0 else { return nil }
    let node: UnsafeMutablePointer<CallNode> = recording.at(offset)
    let operation = node.pointee.operation.value
    guard operation <= recording.operationCount else { return nil }
    let all = operation == 0 ? rootGeneration(at: moment) : node.pointee.ended.value
    let since = UInt32(truncatingIfNeeded: all) &- generation
    // One that is ahead of its node was read a moment later.
    let calls = since > 1 << 31 ? 0 : UInt64(since)
    return (operation, LeakAge(calls: calls, of: min(all, 1 << 32)))
  }

  /// The time in the steps that generations of a lane's root count (Capture/MemoryHooks.swift).
  private func rootGeneration(at moment: AssessmentMoment) -> UInt64 {
    let header = recording.header
    let age = moment.monotonicNanoseconds &- header.pointee.startMonotonic.value
    let perTick = Double(bitPattern: header.pointee.nanosecondsPerTick.value)
    return whole(Double(age) / max(perTick, 1e-3)) &>> 23
  }

  /// Tallies all that the recording's tables say is there.
  func tallyLeaks(_ tallies: LeakTallies, at moment: AssessmentMoment) {
    tallies.clear()
    recording.forEachHeapSample { _, block in
      guard
        let (operation, age) = ageOfLeak(
          node: block.node, generation: block.generation, at: moment), age.of > 0,
        let tally = tallies.tally(of: operation, making: true)
      else { return }
      add(block, age, to: tally)
    }
    recording.forEachMapping { mapping in
      guard
        let (operation, age) = ageOfLeak(
          node: mapping.node, generation: mapping.generation, at: moment), age.of > 0,
        let tally = tallies.tally(of: operation, making: true)
      else { return }
      tally.pointee.maps[age.quarter] &+= 1
      tally.pointee.mapBytes += Double(mapping.bytes)
      tally.pointee.note(stack: stack(ofSite: mapping.site), weight: 1)
    }
    recording.forEachOwnedDescriptor { isSocket, node, generation in
      guard let (operation, age) = ageOfLeak(node: node, generation: generation, at: moment),
        age.of > 0, let tally = tallies.tally(of: operation, making: true)
      else { return }
      tally.pointee.descriptors[age.quarter] &+= 1
      if isSocket { tally.pointee.sockets &+= 1 }
    }
    addCalls(to: tallies)
  }

  private func add(_ block: HeapBlock, _ age: LeakAge, to tally: UnsafeMutablePointer<LeakTally>) {
    let weight = recording.heapWeight(of: block)
    guard weight.isFinite else { return }
    let bytes = Double(block.bytes) * weight
    let quarter = age.quarter
    tally.pointee.bytes[quarter] += bytes
    tally.pointee.blocks[quarter] &+= 1
    if block.marks.isPooled { tally.pointee.pooled &+= 1 }
    let isOrphan = block.marks.unreferenced > 0 && age.calls >= Self.leastAge
    if block.marks.examined > 0 {
      let isFirst = tally.pointee.examined == 0
      tally.pointee.examined &+= 1
      tally.pointee.youngestExamined =
        isFirst ? age.calls : min(tally.pointee.youngestExamined, age.calls)
    }
    if isOrphan {
      let isFirst = tally.pointee.orphans == 0
      tally.pointee.orphans &+= 1
      tally.pointee.orphanBytes += bytes
      tally.pointee.oldestOrphan = max(tally.pointee.oldestOrphan, age.calls)
      tally.pointee.youngestOrphan =
        isFirst ? age.calls : min(tally.pointee.youngestOrphan, age.calls)
    }
    tally.pointee.note(stack: stack(ofSite: block.site), weight: isOrphan ? 8 : 1)
  }

  /// A block of the call before may still be on its way.
  static var leastAge: UInt64 { 2 }

  private func stack(ofSite site: UInt32) -> UInt32 {
    let offset = recording.zone(site)
    guard offset != 0 else { return 0 }
    let site: UnsafeMutablePointer<Site> = recording.at(offset)
    return site.pointee.stack
  }

  /// Adds the calls and the exact sums of all nodes of the operations that hold something.
  private func addCalls(to tallies: LeakTallies) {
    recording.forEachNode { node in
      guard let tally = tallies.tally(of: node.pointee.operation.value, making: false) else {
        return
      }
      tally.pointee.calls &+= node.pointee.ended.value
      let net = node.pointee.memory.allocatedBytes.value &- node.pointee.memory.freedBytes.value
      tally.pointee.netBytes &+= Int64(bitPattern: net)
    }
  }
}
