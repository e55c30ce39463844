// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Recording

/// What is worth changing in what was recorded, what brings the most first.
public struct Suggestions {
  public private(set) var found: [prognos_suggestion] = []
  public static var most: Int { 32 }
  /// What takes less in all is noise.
  private static var leastNanoseconds: Double { 2e6 }
  /// Shares of the time of all operations.
  private static var leastOfAll: Double { 0.01 }
  private static var medium: Double { 0.05 }
  private static var high: Double { 0.2 }

  public init(of profile: Profile) {
    let room = UnsafeMutablePointer<Double>.allocate(capacity: DurationModel.roomCount)
    defer { room.deallocate() }
    addLeaks(profile.recording)
    var all: UInt64 = 0
    for path in profile.paths where path.parent == nil {
      all &+= path.totals.wallTicks &+ path.totals.openTicks
    }
    let rules = SuggestionRule.table
    for index in profile.operations.indices {
      let subject = SuggestionSubject(
        profile: profile, operation: UInt32(index + 1), room: room)
      guard subject.calls > 0, subject.wallTicks >= Double(all) * Self.leastOfAll else { continue }
      for rule in rules {
        if let evidence = rule.evidence(subject) { add(rule, evidence, subject, Double(all)) }
      }
    }
    rank()
  }

  private mutating func add(
    _ rule: SuggestionRule, _ evidence: SuggestionEvidence, _ subject: SuggestionSubject,
    _ all: Double
  ) {
    let saved = evidence.ticks * evidence.saved
    let ratio = saved / subject.wallTicks
    let scale = subject.profile.moment.nanosecondsPerTick
    guard ratio >= SuggestionRule.leastShare, saved * scale >= Self.leastNanoseconds,
      saved >= all * Self.leastOfAll, found.count < 4 * Self.most
    else { return }
    var one = prognos_suggestion()
    one.gain_ratio = min(ratio, 1)
    one.gain_low = min(evidence.ticks * evidence.low / subject.wallTicks, one.gain_ratio)
    one.gain_high = max(
      min(evidence.ticks * evidence.high / subject.wallTicks, 1), one.gain_ratio)
    one.confidence = evidence.confidence
    one.samples = evidence.calls
    one.saved_ns = whole(saved * scale)
    one.op = subject.operation
    one.kind = UInt32(truncatingIfNeeded: rule.kind.rawValue)
    let share = saved / max(all, 1)
    one.impact = share >= Self.high ? 2 : share >= Self.medium ? 1 : 0
    Sentence.compose(in: &one.text) { $0.put(rule.advice) }
    Sentence.compose(in: &one.reason) {
      $0.put(evidence.calls)
      $0.put(" ")
      $0.put(rule.what)
      if evidence.mean > 0 {
        $0.put(" of ")
        $0.put(bytes: Double(evidence.mean))
      }
      if evidence.order != .none {
        $0.put(evidence.order == .sequential ? ", sequential" : ", in random order")
      }
      $0.put(evidence.isEstimate ? ", took about " : ", took ")
      $0.put(seconds: evidence.ticks * scale / 1e9)
    }
    found.append(one)
  }

  private mutating func addLeaks(_ recording: Recording) {
    guard let table = AnswerTable<prognos_leak>(recording, .leaks) else { return }
    var leak = prognos_leak()
    for index in 0..<min(table.count, 8) {
      guard table.read(index, into: &leak), leak.is_leak != 0 else { continue }
      var one = prognos_suggestion()
      one.confidence = min(max(leak.confidence, 0), 1)
      one.samples = leak.samples
      one.op = leak.op
      one.kind = UInt32(truncatingIfNeeded: PROGNOS_SUGGEST_FIX_LEAK.rawValue)
      one.impact = 2
      Sentence.compose(in: &one.text) {
        $0.put("give back what each call leaves behind: the leak tells from where")
      }
      one.reason = leak.reason
      found.append(one)
    }
  }

  /// By impact, then by the time that is saved; a list of some dozen.
  private mutating func rank() {
    for index in found.indices.dropFirst() {
      var place = index
      while place > 0, precedes(found[place], found[place - 1]) {
        found.swapAt(place, place - 1)
        place -= 1
      }
    }
    if found.count > Self.most { found.removeLast(found.count - Self.most) }
  }

  private func precedes(_ a: prognos_suggestion, _ b: prognos_suggestion) -> Bool {
    if a.impact != b.impact { return a.impact > b.impact }
    return a.saved_ns > b.saved_ns
  }
}
