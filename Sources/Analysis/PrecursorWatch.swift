// SPDX-License-Identifier: Apache-2.0
import Recording

/// What is usual of a number, and whether it is not: the mean, and how far values lie from it on average. All zeros to begin
/// with. What is far off moves it by no more than what is at the edge would.
struct Usual: BitwiseCopyable {
  private(set) var mean: Float = 0
  private var spread: Float = 0
  private var count: Float = 0

  private static var leastCount: Float { 12 }
  /// Half an hour of ticks.
  private static var memory: Float { 1800 }

  init() {}

  /// Of what there was nothing, for so many ticks.
  init(mean: Double, count: Double) {
    self.mean = Float(mean)
    self.count = Float(count)
  }

  /// Learns a value. Returns how far off it is when that is more than `least` and five times the average; else 0.
  mutating func observe(_ value: Double, least: Double) -> Double {
    let off = Float(value) - mean
    let edge = max(3 * spread, Float(least))
    let isKnown = count >= Self.leastCount
    let step = count == 0 ? 0 : isKnown ? min(max(off, -edge), edge) : off
    let gain = max(1 / (count + 1), 1 / Self.memory)
    if count == 0 { mean = Float(value) } else { mean += step * gain }
    spread += (abs(step) - spread) * gain
    count += 1
    return isKnown && abs(off) > max(Float(least), 5 * spread) ? Double(off) : 0
  }
}

/// What is watched of an operation. Sums fade with `PrecursorProcess.fading`. All zeros to begin with.
struct PrecursorOperation: BitwiseCopyable {
  var calls: Float = 0
  var failed: Float = 0
  var wall: Float = 0
  var offCPU: Float = 0
  var allocated: Float = 0
  var transferred: Float = 0
  /// By `PrecursorKey.Kind`, less 1.
  var usual = InlineArray<7, Usual>(repeating: Usual())
  var isSeen: UInt32 = 0
  /// `PrecursorKey.operation`.
  var name: UInt32 = 0

  mutating func observe(_ sample: OperationSample, nanosecondsPerTick: Double) {
    let totals = sample.totals
    calls += Float(totals.finished)
    failed += Float(totals.failed)
    wall += Float(Double(totals.wallTicks) * nanosecondsPerTick)
    offCPU += Float(totals.offCPUNanoseconds)
    allocated += Float(totals.allocatedBytes)
    transferred += Float(totals.readBytes) + Float(totals.writtenBytes)
  }

  mutating func fade(_ factor: Float) {
    calls *= factor
    failed *= factor
    wall *= factor
    offCPU *= factor
    allocated *= factor
    transferred *= factor
  }
}

/// What is watched of the process. All zeros to begin with.
struct PrecursorProcess: BitwiseCopyable {
  /// Counters at the latest point, and their faded sums: calls, CPU time, faults, bytes, time in the run queue.
  var before = InlineArray<5, Double>(repeating: 0)
  var sums = InlineArray<5, Double>(repeating: 0)
  /// Seconds that the sums are of.
  var weight = 0.0
  var latest: UInt64 = 0
  /// From `PrecursorKey.Kind.allCalls` on.
  var usual = InlineArray<10, Usual>(repeating: Usual())
  /// The latest conclusion.
  var finding = PrecursorFinding()

  /// Sums are over some three seconds.
  static func fading(_ seconds: Double) -> Double { Math.exp(-seconds / 3) }
}

extension Assessor {
  /// How many operations are watched for precursors: those that did something first.
  private static var watchedForPrecursors: Int { 256 }
  /// Before this age, in tenths of a second, nothing counts as unusual.
  static var precursorWarmUp: UInt32 { 150 }

  private func precursorAge(at moment: UInt64) -> UInt32 {
    let age = moment &- recording.header.pointee.startMonotonic.value
    return UInt32(clamping: (age < 1 << 62 ? age : 0) / 100_000_000)
  }

  /// After the records of a moment were read: notes what is unusual in the own life.
  func watchPrecursors(_ point: ProcessPoint, _ sample: ResourceSample) {
    guard let lives = Lives(recording) else { return }
    let age = precursorAge(at: point.endMonotonic)
    let (own, state) = (lives.life(0), process)
    if own.pointee.format == 0 {
      own.pointee.processID = recording.header.pointee.processID.value
      own.pointee.startUnix = recording.header.pointee.startUnix.value
      own.pointee.format = LifeHead.format
    }
    let row = lives.openRow(at: age)
    defer {
      row.pointee.end = max(age, row.pointee.begin &+ 1)
      own.pointee.age = row.pointee.end
      own.pointee.endUnix = point.endUnix
    }
    putLevels(of: point, into: row)
    let span = Double(point.endMonotonic &- state.pointee.precursor.latest) * 1e-9
    let isFirst = state.pointee.precursor.latest == 0
    state.pointee.precursor.latest = point.endMonotonic
    let seconds = isFirst || !(span < 1e6) ? 1 : max(span, 1e-3)
    let isEarly = age < Self.precursorWarmUp
    func note(_ kind: UInt32, _ operation: UInt32, _ off: Double) {
      guard off != 0, !isEarly else { return }
      let key = PrecursorKey(kind, operation: operation, isLess: off < 0)
      row.pointee.meet(key.number, Float(min(abs(off), 90)))
    }
    watchProcess(point, sample, seconds, isFirst, note)
    let factor = Float(PrecursorProcess.fading(seconds))
    for slot in 0..<min(operations.count, Self.watchedForPrecursors) {
      watchOperation(operations[slot], state.pointee.precursor.weight, age, note)
      operations[slot].pointee.precursor.fade(factor)
    }
    state.pointee.precursor.weight *= Double(factor)
    for index in 0..<5 { state.pointee.precursor.sums[index] *= Double(factor) }
  }

  private func putLevels(of point: ProcessPoint, into row: UnsafeMutablePointer<LifeRow>) {
    let levels: InlineArray<4, UInt64> = [
      point.rssBytes, point.heapBytes, point.threads, point.openDescriptors,
    ]
    for place in 0..<LifeRow.levels {
      let value = Float(Math.log(Double(levels[place]) + 1))
      guard value > row.pointee.entries[place].value else { continue }
      let key = PrecursorKey.Kind.memoryLevel.rawValue + UInt32(place)
      row.pointee.entries[place] = LifeEntry(key: key << 1, value: value)
    }
  }

  private func watchProcess(
    _ point: ProcessPoint, _ sample: ResourceSample, _ seconds: Double, _ isFirst: Bool,
    _ note: (UInt32, UInt32, Double) -> Void
  ) {
    let state = process
    let counters: InlineArray<5, UInt64> = [
      point.finished, point.cpuNanoseconds, point.majorFaults,
      point.readBytes &+ point.writtenBytes, sample.runQueueNanoseconds,
    ]
    for index in 0..<5 {
      let now = Double(counters[index])
      if !isFirst {
        state.pointee.precursor.sums[index] += max(now - state.pointee.precursor.before[index], 0)
      }
      state.pointee.precursor.before[index] = now
    }
    guard !isFirst else { return }
    state.pointee.precursor.weight += seconds
    let weight = state.pointee.precursor.weight
    // What is added is what makes no difference: half a call, 1 ms/s of CPU, a fault/s, 16 KiB/s, 10 ms/s.
    let small: InlineArray<5, Double> = [0.5 / weight, 1e6, 1, 16384, 1e7]
    let gauges: InlineArray<5, UInt64> = [
      point.activeOperations, point.threads, point.openDescriptors, point.rssBytes, point.heapBytes,
    ]
    for index in 0..<10 {
      let amount =
        index < 5
        ? state.pointee.precursor.sums[index] / weight + small[index]
        : Double(gauges[index - 5]) + 1
      let off = state.pointee.precursor.usual[index].observe(
        Math.log(amount), least: index < 5 ? 0.3 : 0.2)
      note(PrecursorKey.Kind.allCalls.rawValue + UInt32(index), 0, off)
    }
  }

  private func watchOperation(
    _ state: UnsafeMutablePointer<OperationState>, _ weight: Double, _ age: UInt32,
    _ note: (UInt32, UInt32, Double) -> Void
  ) {
    guard weight > 0 else { return }
    let calls = Double(state.pointee.precursor.calls)
    if state.pointee.precursor.isSeen == 0 {
      state.pointee.precursor.isSeen = 1
      state.pointee.precursor.name = PrecursorKey.operation(
        recording.operation(state.pointee.operation).pointee.hash.value)
      // One that comes late was not called all the time before.
      if age >= 2 * Self.precursorWarmUp {
        state.pointee.precursor.usual[0] = Usual(
          mean: Math.log(0.5 / weight), count: Double(age) / 10)
      }
    }
    let name = state.pointee.precursor.name
    func watch(_ kind: UInt32, _ value: Double) {
      note(kind, name, state.pointee.precursor.usual[Int(kind) - 1].observe(value, least: 0.3))
    }
    watch(PrecursorKey.Kind.calls.rawValue, Math.log((calls + 0.5) / weight))
    guard calls >= 1.5 else { return }
    let one = state.pointee.precursor
    let wall = Double(one.wall) / calls
    let off = Double(one.offCPU) / calls
    // What is added is what makes no difference: a microsecond, 0.1 ms of waiting, 256 bytes.
    let amounts: InlineArray<5, Double> = [
      wall + 1000, max(wall - off, 0) + 1000, off + 1e5, Double(one.allocated) / calls + 256,
      Double(one.transferred) / calls + 256,
    ]
    for index in 0..<5 {
      watch(PrecursorKey.Kind.time.rawValue + UInt32(index), Math.log(amounts[index]))
    }
    // One call in some that fails by chance is nothing.
    let failed = Double(one.failed)
    let index = Int(PrecursorKey.Kind.failures.rawValue) - 1
    let usual = Double(one.usual[index].mean)
    let share = (failed + 3 * usual) / (calls + 3)
    let isUnusual =
      state.pointee.precursor.usual[index].observe(share, least: 0.02) > 0 && failed >= 1.5
      && failed - calls * usual > 3 * (calls * usual * (1 - min(usual, 1)) + 0.3).squareRoot()
    if isUnusual {
      note(PrecursorKey.Kind.failures.rawValue, name, Math.log((share + 0.01) / (usual + 0.01)))
    }
  }
}
