// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Recording

/// What grows and is not given back, by operation and by call stack.
extension Assessor {
  /// Judges all operations that hold anything, and keeps the worst answers. Cost: the table of sampled blocks and the
  /// call-tree nodes, some nanoseconds each.
  func judgeLeaks(at moment: AssessmentMoment) {
    guard let tallies = LeakTallies(recording),
      let answers = AnswerTable<prognos_leak>(recording, .leaks)
    else { return }
    tallyLeaks(tallies, at: moment)
    var ranking = LeakRanking()
    for slot in 0..<tallies.capacity {
      let tally = tallies[slot]
      if tally.pointee.key == 0 { continue }
      let (memory, maps) = (PROGNOS_LEAK_MEMORY, PROGNOS_LEAK_MAPS)
      if let verdict = verdict(tally.pointee, memory, at: moment) { ranking.add(verdict, slot) }
      if let verdict = verdict(tally.pointee, maps, at: moment) { ranking.add(verdict, slot) }
      if let verdict = verdict(tally.pointee, PROGNOS_LEAK_DESCRIPTORS, at: moment) {
        ranking.add(verdict, slot)
      }
    }
    if let verdict = threadVerdict(at: moment) { ranking.add(verdict, -1) }
    let count = min(ranking.count, answers.capacity)
    for rank in 0..<count {
      let (verdict, slot) = ranking[rank]
      let stack = slot < 0 ? 0 : tallies[slot].pointee.stack
      answers.set(answer(verdict, stack: stack, at: moment), at: rank)
    }
    answers.setWritten(UInt64(count))
  }

  private func verdict(
    _ tally: LeakTally, _ kind: prognos_leak_kind, at moment: AssessmentMoment
  ) -> LeakVerdict? {
    let verdict: LeakVerdict? =
      switch kind {
      case PROGNOS_LEAK_MEMORY: LeakVerdict(memory: tally, age: age(at: moment))
      case PROGNOS_LEAK_MAPS: LeakVerdict(maps: tally)
      default: LeakVerdict(descriptors: tally, open: latestSample[.descriptors].used)
      }
    guard var verdict else { return nil }
    verdict.operation = tally.key &- 1
    verdict.calls = tally.calls
    return verdict
  }

  private func age(at moment: AssessmentMoment) -> Double {
    Double(moment.monotonicNanoseconds &- recording.header.pointee.startMonotonic.value) / 1e9
  }

  var latestSample: ResourceSample {
    var sample = ResourceSample()
    _ = samples.read(age: 0, into: &sample)
    return sample
  }

  private func answer(
    _ verdict: LeakVerdict, stack: UInt32, at moment: AssessmentMoment
  ) -> prognos_leak {
    var answer = prognos_leak()
    answer.op = verdict.operation
    answer.kind = verdict.kind.rawValue
    answer.is_leak = verdict.isLeak ? 1 : 0
    answer.score = verdict.score
    answer.live_bytes = verdict.live
    answer.bytes_per_call = verdict.calls > 0 ? verdict.live / Double(verdict.calls) : 0
    answer.bytes_per_s = verdict.live / max(age(at: moment), 1e-3)
    answer.samples = UInt64(verdict.samples)
    answer.confidence = Double(verdict.samples) / Double(verdict.samples + 8)
    answer.direction = verdict.isGrowing ? 1 : 0
    let resource: StaticString =
      switch verdict.kind {
      case PROGNOS_LEAK_MEMORY: "memory"
      case PROGNOS_LEAK_MAPS: "memory maps"
      case PROGNOS_LEAK_THREADS: "threads"
      case PROGNOS_LEAK_SOCKETS: "sockets"
      default: "file descriptors"
      }
    Sentence.compose(in: &answer.resource) { $0.put(resource) }
    Sentence.compose(in: &answer.reason) { verdict.explain(in: &$0) }
    LeakStack.store(stack, in: &answer)
    return answer
  }
}

/// Names of functions cost memory and files: an answer in the recording has the stack's offset, behind a text that is
/// empty, and whoever reads it for people puts the names in (Export/LeakStackText.swift).
public enum LeakStack {
  private static let at = 4

  static func store(_ stack: UInt32, in answer: inout prognos_leak) {
    withUnsafeMutableBytes(of: &answer.stack) {
      $0.storeBytes(of: stack, toByteOffset: at, as: UInt32.self)
    }
  }

  /// The offset of the stack; 0 for none.
  public static func offset(in answer: prognos_leak) -> UInt32 {
    withUnsafeBytes(of: answer.stack) { $0.loadUnaligned(fromByteOffset: at, as: UInt32.self) }
  }
}

/// The worst verdicts, the worst first.
struct LeakRanking {
  private var entries = InlineArray<32, Entry>(repeating: Entry())
  private(set) var count = 0

  private struct Entry {
    var verdict = LeakVerdict(kind: PROGNOS_LEAK_MEMORY)
    var slot: Int32 = -1
  }

  subscript(_ rank: Int) -> (verdict: LeakVerdict, slot: Int) {
    (entries[rank].verdict, Int(entries[rank].slot))
  }

  mutating func add(_ verdict: LeakVerdict, _ slot: Int) {
    var place = min(count, 31)
    if count == 32 && !verdict.isWorse(than: entries[31].verdict) { return }
    while place > 0 && verdict.isWorse(than: entries[place - 1].verdict) {
      entries[place] = entries[place - 1]
      place -= 1
    }
    entries[place] = Entry(verdict: verdict, slot: Int32(truncatingIfNeeded: slot))
    count = min(count + 1, 32)
  }
}
