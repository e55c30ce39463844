// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Recording

/// An operation as the rules look at it, and how they estimate what a change saves.
struct SuggestionSubject {
  let profile: Profile
  let operation: UInt32
  let room: UnsafeMutablePointer<Double>

  // Costs in nanoseconds, as measured on the design seeds of benchmarks/suggestions.
  /// What a hook and the step into the kernel and back cost beside the time that the hook sees.
  private static var unseenByCall: Double { 60 }
  /// A byte or a call that goes through a buffer instead.
  private static var copyByByte: Double { 0.1 }
  private static var bufferedCall: Double { 8 }
  /// A place in a mapped file that is in no cache of the processor.
  private static var randomAccess: Double { 300 }
  /// open and close take this much more than their hooks see, which ask what a descriptor leads to.
  private static var unseenOfOpens: Double { 1.45 }
  private static var bigBuffer: Double { 65536 }
  /// malloc and free of a small block, with its hooks; of a large one, which the system maps, by page of it.
  private static var smallBlock: Double { 75 }
  private static var mappedBlock: Double { 4000 }
  private static var mappedPage: Double { 2000 }
  private static var mappedFrom: UInt64 { 32 << 20 }

  var own: Profile.Operation { profile.operations[Int(operation) - 1] }
  var io: IOTotals { own.selfIO }
  var totals: Totals { own.totals }
  var calls: UInt64 { totals.count &+ totals.active }
  var wallTicks: Double { Double(max(totals.wallTicks &+ totals.openTicks, 1)) }

  private func ticks(_ nanoseconds: Double) -> Double {
    nanoseconds / max(profile.moment.nanosecondsPerTick, 1e-3)
  }

  // MARK: Input and output

  /// Reads of files, unless most gave less than was asked for: larger ones would give no more.
  var wholeReads: IOTotals.Transfers? {
    let reads = io.reads(IOKind.file)
    return io.partialReads < reads.calls / 2 ? reads : nil
  }

  /// Transfers that are many and small: through a large buffer, each byte is copied once more, and one call in many
  /// remains.
  func small(
    _ found: IOTotals.Transfers?, below most: UInt64, ofFiles: Bool = true
  ) -> SuggestionEvidence? {
    guard let found, found.calls >= SuggestionRule.leastCalls, found.bytes / found.calls <= most
    else {
      return nil
    }
    let (calls, bytes) = (Double(found.calls), Double(found.bytes))
    let unseen = ticks(Self.unseenByCall) * calls
    let took = Double(found.ticks) + unseen
    let order: SuggestionEvidence.Order =
      !ofFiles || io.classified == 0 ? .none : io.sequentialRatio >= 0.75 ? .sequential : .random
    let each = order == .random ? Self.randomAccess : Self.bufferedCall
    let left =
      took * min(bytes / Self.bigBuffer / calls, 1)
      + ticks(bytes * Self.copyByByte + calls * each)
    let saved = max(1 - left / took, 0)
    return SuggestionEvidence(
      calls: found.calls, ticks: took, saved: saved, low: saved * 0.7,
      high: (1 + saved) / 2, confidence: 0.9, mean: found.bytes / found.calls, order: order)
  }

  /// One a call where a call makes several.
  var syncs: SuggestionEvidence? {
    let found = io.waits(IORecord.Wait.sync)
    guard found.calls >= SuggestionRule.leastWaits else { return nil }
    let each = Double(found.calls) / Double(max(calls, 1))
    guard each >= 2 else { return nil }
    let saved = 1 - 1 / each
    return SuggestionEvidence(
      calls: found.calls, ticks: Double(found.ticks), saved: saved, low: saved * 0.6,
      high: (1 + saved) / 2, confidence: 0.85)
  }

  /// One in each call may be another file each time.
  var opens: SuggestionEvidence? {
    let (found, closes) = (io.waits(IORecord.Wait.open), io.waits(IORecord.Wait.close))
    guard found.calls >= SuggestionRule.leastCalls, found.calls >= calls &* 2 else { return nil }
    let took = min(Double(found.ticks &+ closes.ticks) * Self.unseenOfOpens, wallTicks * 0.95)
    return SuggestionEvidence(
      calls: found.calls, ticks: took, saved: 0.97, low: 0.6, high: 1, confidence: 0.7)
  }

  // MARK: Memory

  /// Blocks that do not stay: what stays cannot come from the call before.
  var allocations: SuggestionEvidence? {
    let memory = own.ownMemory
    let mean = memory.allocatedBytes / max(memory.allocations, 1)
    let isLarge = mean >= Self.mappedFrom
    let least = isLarge ? SuggestionRule.leastWaits &* 10 : SuggestionRule.leastCalls
    // What a language makes by itself, most of it from pools of its own, nobody asked for.
    guard memory.allocations >= least, memory.allocations >= calls,
      UInt64(profile.recording.header.pointee.heapRate.hasPools.value) &* 16384 < mean,
      memory.frees >= memory.allocations / 2
    else { return nil }
    let each =
      isLarge
      ? Self.mappedBlock + Double(mean / 4096) * Self.mappedPage
      : Self.smallBlock + Double(mean) * 0.002
    let took = min(ticks(each) * Double(memory.allocations), wallTicks * 0.95)
    guard took >= wallTicks * 0.1 else { return nil }
    return SuggestionEvidence(
      calls: memory.allocations, ticks: took, saved: 0.95, low: 0.4, high: isLarge ? 3 : 1.6,
      confidence: 0.6,
      mean: mean, isEstimate: true)
  }

  // MARK: Locks

  /// - Parameter withIO: those whose holder waits for I/O for more than half of its time.
  func locks(withIO wanted: Bool) -> SuggestionEvidence? {
    let found = io.waits(IORecord.Wait.lock)
    guard found.calls >= SuggestionRule.leastWaits, Double(found.ticks) >= wallTicks * 0.1 else {
      return nil
    }
    let share = ioOfHolders
    guard (share > 0.5) == wanted else { return nil }
    // Who does not wait for the lock any more wants a CPU, of which there are so many.
    let cpus = Double(max(profile.recording.identity.pointee.cpus.value, 1))
    let elapsed = Double(
      max(profile.moment.ticks &- profile.recording.header.pointee.startTicks.value, 1))
    let atOnce = max(wallTicks / elapsed, 1)
    let cpu = ticks(Double(own.selfCPUNanoseconds)) * max(atOnce / cpus, 1)
    let most = max(wallTicks - cpu, 0)
    let took = Double(found.ticks)
    let saved = min(took * (wanted ? share : 1), most) / took * 0.95
    return SuggestionEvidence(
      calls: found.calls, ticks: took, saved: saved, low: saved * 0.5, high: saved * 1.3,
      confidence: wanted ? 0.8 : 0.75)
  }

  /// Of the time that this operation waited for others' locks: the share that these spent in I/O.
  private var ioOfHolders: Double {
    var (waited, within) = (0.0, 0.0)
    profile.recording.forEachWaitEdge { edge in
      guard edge.waiting == operation, edge.holding > 0,
        Int(edge.holding) <= profile.operations.count
      else { return }
      let holder = profile.operations[Int(edge.holding) - 1]
      let locked = holder.io.waits(IORecord.Wait.lock).ticks
      let wall = holder.totals.wallTicks &+ holder.totals.openTicks
      let rest = Double(wall - min(locked, wall))
      let io = holder.io.waitTicks &+ holder.io.waits(IORecord.Wait.pause).ticks
      waited += Double(edge.ticks)
      within += Double(edge.ticks) * min(Double(io) / max(rest, 1), 1)
    }
    return waited > 0 ? within / waited : 0
  }

  // MARK: Calls

  /// Calls under a caller that makes more than one of them, most of which fail in one way.
  var retries: SuggestionEvidence? {
    let failed = totals.failed
    var most: UInt64 = 0
    for (_, count) in totals.failures { most = max(most, count) }
    guard failed >= 20, failed >= totals.count / 4, most >= failed / 5 * 4 else { return nil }
    var callers: UInt64 = 0
    for path in profile.paths where path.operation == operation {
      guard let parent = path.parent else { return nil }
      callers &+= profile.paths[parent].totals.count &+ profile.paths[parent].totals.active
    }
    let needless = min(failed, totals.count - min(callers, totals.count))
    guard callers > 0, Double(totals.count) >= 1.5 * Double(callers), needless > 0 else {
      return nil
    }
    let saved = Double(needless) / Double(max(totals.count, 1))
    return SuggestionEvidence(
      calls: needless, ticks: wallTicks, saved: saved, low: saved * 0.7,
      high: min(saved * 1.2, 1), confidence: 0.8)
  }

  /// Against a curve of n log n whose calls are as long at a work of 16.
  var growth: SuggestionEvidence? {
    guard
      let model = DurationModel(
        of: operation, in: profile.recording, at: profile.moment, room: room),
      let complexity = model.complexity, complexity == .quadratic || complexity == .cubic,
      model.count >= 30, model.highest - model.lowest >= 2.07
    else { return nil }
    let (curve, power) = (model.curve, complexity == .cubic ? 3.0 : 2.0)
    func left(_ x: Double, _ factor: Double) -> Double {
      let grown = curve.time(x) - curve.fixed
      let linear = Math.exp((x - 2.7726) * (1 - power)) * max(x / 2.7726, 0.1)
      return curve.fixed + grown * min(linear * factor, 1)
    }
    var (all, point, low, high) = (0.0, 0.0, 0.0, 0.0)
    for index in 0..<model.count {
      all += curve.time(model.x[index])
      point += left(model.x[index], 1)
      low += left(model.x[index], 8)
      high += left(model.x[index], 0.25)
    }
    guard all > 0, curve.growing > 2 * curve.fixed else { return nil }
    return SuggestionEvidence(
      calls: totals.count, ticks: wallTicks, saved: 1 - point / all, low: 1 - low / all,
      high: 1 - high / all, confidence: 0.7)
  }

  /// Calls whose works are few odd numbers, each many times: sizes of the same inputs, not of blocks or pages.
  /// They wait for nothing.
  var repetition: SuggestionEvidence? {
    guard totals.count >= 200, own.io.isEmpty || own.io.calls == 0 else { return nil }
    let waited =
      own.io.waitTicks &+ own.io.waits(IORecord.Wait.lock).ticks
      &+ own.io.waits(IORecord.Wait.pause).ticks
    guard Double(waited) < wallTicks / 5 else { return nil }
    let columns = DurationColumns(room, capacity: DurationModel.most)
    let pairs = profile.recording.readDurations(
      of: operation, at: profile.moment, into: columns)
    let works = room + 4 * DurationModel.most
    var (distinct, round) = (0, 0)
    for index in 0..<pairs {
      let work = columns.work[index]
      var known = 0
      while known < distinct, works[known] != work { known += 1 }
      if known < distinct { continue }
      guard distinct < 24, work < 0x1p24 else { return nil }
      works[distinct] = work
      distinct += 1
      let amount = UInt64(work)
      if amount < 64 || amount % 8 == 0 || amount % 10 == 0 { round += 1 }
    }
    guard pairs >= 40, distinct >= 2, pairs >= 8 * distinct, round * 2 < distinct else {
      return nil
    }
    let saved = 1 - Double(distinct) / Double(totals.count)
    return SuggestionEvidence(
      calls: totals.count, ticks: wallTicks, saved: saved * 0.98, low: saved * 0.6, high: 1,
      confidence: 0.5)
  }
}
