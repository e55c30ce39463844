// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Recording

/// Where the time goes, and what is won if an operation gets faster.
extension Assessor {
  /// Judges all operations that work, and keeps the answers, the most first. Cost: the call-tree nodes of all lanes, and
  /// some microseconds an operation.
  func judgeBottlenecks(at moment: AssessmentMoment) {
    guard let state = BottleneckState(recording),
      let answers = AnswerTable<prognos_bottleneck>(recording, .bottlenecks)
    else { return }
    let start = recording.header.pointee.startMonotonic.value
    let now = moment.monotonicNanoseconds
    addUpThreads(state)
    let base = state.head.pointee.baseNanoseconds
    let seconds = Double(now &- (base == 0 ? start : base)) * 1e-9
    // Threads that ended took theirs with them.
    let ready = latestSample.runQueueNanoseconds
    let waited = Double(ready &- min(state.head.pointee.baseReady, ready)) * 1e-9
    state.turn(at: now, since: start, ready: ready)
    guard seconds > 0.05, seconds < 1e9 else { return }
    if base != 0 { state.subtractBase() }
    let findings = ExperimentFindings(recording)
    let model = model(state.now, seconds: seconds, progress: findings?.progress ?? 0, ready: waited)
    var ranking = BottleneckRanking()
    for slot in 0..<state.now.capacity {
      let own = state.now.slots[slot]
      guard own.key != 0, own.operation != 0, isFirst(slot, in: state.now) else { continue }
      let total = model.total(of: own.operation)
      guard total.calls >= 1, total.wall > 5e-4 * seconds else { continue }
      var verdict = BottleneckVerdict(model, total, own.operation)
      if let findings, let found = findings.result(of: own.operation), verdict.isWithinReach,
        BottleneckVerdict.isSharp(found)
      {
        verdict.take(found)
      }
      ranking.add(verdict)
    }
    for rank in 0..<ranking.count {
      answers.set(answer(ranking[rank], model), at: rank)
    }
    answers.setWritten(UInt64(ranking.count))
  }

  /// Whether no slot before is of the same operation.
  private func isFirst(_ slot: Int, in times: OwnTimes) -> Bool {
    let operation = times.slots[slot].operation
    for before in 0..<slot
    where times.slots[before].key != 0 && times.slots[before].operation == operation {
      return false
    }
    return true
  }

  private func model(_ times: OwnTimes, seconds: Double, progress: UInt32, ready: Double)
    -> BottleneckModel
  {
    let cpus = Double(max(recording.identity.pointee.cpus.value, 1))
    var model = BottleneckModel(
      times, seconds: seconds, cpus: cpus,
      progress: recording.isOperation(progress) ? progress : progressOperation(times))
    model.addUpKinds(ready: ready)
    model.couple()
    model.addThreadLimits()
    model.addLocks(recording)
    model.addPool { mostAtOnce($0) }
    model.addCPULimit()
    model.solveSharpness()
    return model
  }

  /// In how many threads an operation was seen at once in the latest minute's samples.
  private func mostAtOnce(_ operation: UInt32) -> Int {
    var (most, sample) = (0, ResourceSample())
    for age in 0..<min(samples.count, 60) where samples.read(age: age, into: &sample) {
      most = max(most, sample.threads(in: operation))
    }
    return most
  }

  /// The operation whose rate is meant: the one with most calls that nothing is around, of those that call others if
  /// there are any.
  private func progressOperation(_ times: OwnTimes) -> UInt32 {
    var (best, mostCalls, bestCalls) = (UInt32(0), 0.0, false)
    for slot in 0..<times.capacity {
      let own = times.slots[slot]
      guard own.key != 0, own.operation != 0, isFirst(slot, in: times) else { continue }
      var (outermost, callees) = (0.0, 0.0)
      for other in slot..<times.capacity
      where times.slots[other].key != 0 && times.slots[other].operation == own.operation {
        outermost += times.slots[other].outermost
        callees += times.slots[other].callees
      }
      let calls = callees >= 1
      guard outermost >= 1, calls == bestCalls ? outermost > mostCalls : calls else { continue }
      (best, mostCalls, bestCalls) = (own.operation, outermost, calls)
    }
    return best
  }

  private func answer(_ verdict: BottleneckVerdict, _ model: BottleneckModel)
    -> prognos_bottleneck
  {
    var answer = prognos_bottleneck()
    let own = verdict.own
    answer.op = verdict.operation
    answer.progress = model.progress
    answer.share = verdict.share
    answer.gain_ratio_10 = verdict.gain10
    answer.gain_ratio_50 = verdict.gain50
    answer.gain_ratio_100 = verdict.gain100
    answer.gain_low = verdict.low
    answer.gain_high = verdict.high
    let wall = max(own.wall, 1e-12)
    answer.cpu_ratio = min((own.cpu - own.memory) / wall, 1)
    answer.memory_ratio = min(own.memory / wall, 1)
    answer.io_ratio = min(own.io / wall, 1)
    answer.lock_ratio = min(own.waits / wall, 1)
    answer.scheduler_ratio = min(own.ready / wall, 1)
    answer.samples = UInt64(min(own.calls, 1e15))
    let rounds = Double(verdict.measuredRounds)
    answer.confidence =
      verdict.isMeasured
      ? rounds / (rounds + 4) : own.calls / (own.calls + 30) * 0.8 * (1 - model.unknown)
    Sentence.compose(in: &answer.bound_by) { $0.put(verdict.boundBy) }
    Sentence.compose(in: &answer.method) { $0.put(verdict.isMeasured ? "experiment" : "model") }
    Sentence.compose(in: &answer.reason) { explain(verdict, model, in: &$0) }
    return answer
  }
}

/// What the model says of an operation.
struct BottleneckVerdict: BitwiseCopyable {
  var operation: UInt32 = 0
  /// The limit in which it weighs most; -1 for none.
  var limit: Int32 = -1
  var own = OwnTime()
  var share = 0.0
  var gain10 = 0.0
  var gain50 = 0.0
  var gain100 = 0.0
  var low = 0.0
  var high = 0.0
  /// From an experiment; then what the model had said of half of its time.
  var isMeasured = false
  var measuredRounds: UInt32 = 0
  var modelled = 0.0

  init() {}

  init(_ model: BottleneckModel, _ total: OwnTime, _ operation: UInt32) {
    self.operation = operation
    own = total
    let parts = model.parts(of: operation)
    let (share, limit) = model.share(parts)
    self.share = min(share, 1)
    self.limit = Int32(limit)
    func gain(_ less: Double) -> Double {
      min(model.speed(parts, less: less).likely - 1, 100)
    }
    (gain10, gain50, gain100) = (gain(0.1), gain(0.5), gain(1))
    // As far as the design half of benchmarks/bottlenecks was off, in seven of eight cases.
    let bound = min(model.speed(parts, less: 0.5).most - 1, gain50 * 2)
    low = min(gain50 * 0.6, gain50 - 0.03)
    high = max(gain50 * 1.4, bound, gain50 + 0.06)
  }

  var boundBy: StaticString {
    let parts: [5 of (Double, StaticString)] = [
      (own.cpu - own.memory, "cpu"), (own.memory, "memory"), (own.io, "io"), (own.waits, "lock"),
      (own.ready, "scheduler"),
    ]
    var best = 0
    for index in 1..<5 where parts[index].0 > parts[best].0 { best = index }
    return parts[best].1
  }

  func isWorth(moreThan other: BottleneckVerdict) -> Bool {
    gain50 != other.gain50 ? gain50 > other.gain50 : own.work > other.own.work
  }
}

/// The operations that most is won by, the most first.
struct BottleneckRanking {
  private var verdicts = InlineArray<32, BottleneckVerdict>(repeating: BottleneckVerdict())
  private(set) var count = 0

  subscript(_ rank: Int) -> BottleneckVerdict { verdicts[rank] }

  mutating func add(_ verdict: BottleneckVerdict) {
    if count == 32 && !verdict.isWorth(moreThan: verdicts[31]) { return }
    var place = min(count, 31)
    while place > 0 && verdict.isWorth(moreThan: verdicts[place - 1]) {
      verdicts[place] = verdicts[place - 1]
      place -= 1
    }
    verdicts[place] = verdict
    count = min(count + 1, 32)
  }
}
