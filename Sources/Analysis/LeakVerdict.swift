// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Recording

/// What is to be thought of what an operation left behind.
struct LeakVerdict {
  let kind: prognos_leak_kind
  var operation: UInt32 = 0
  var calls: UInt64 = 0
  /// Bytes, or how many.
  var live = 0.0
  var score = 0.0
  var isLeak = false
  var isGrowing = false
  /// Blocks, or whatever, that it rests on; those among them that were looked for, and those without a reference.
  var samples: UInt32 = 0
  var examined: UInt32 = 0
  var orphans: UInt32 = 0
  var evidence = Evidence.growth

  enum Evidence: UInt8 {
    case orphans
    /// The program holds what was looked for: a cache, or a list.
    case held
    /// As much as no cache has.
    case heldForLong
    /// Nobody looked, or could.
    case growth
  }

  /// Calls below which nothing is said.
  static var leastCalls: UInt64 { 16 }

  init(kind: prognos_leak_kind) { self.kind = kind }

  /// Memory: what nothing refers to any more is lost, as soon as there are a few such blocks of different calls. What
  /// is held may be a cache that fills: only much of it, after a long time of steady growth, counts as a leak.
  init?(memory tally: LeakTally, age: Double) {
    self.init(kind: PROGNOS_LEAK_MEMORY)
    let isRoot = tally.key == 1
    guard tally.calls >= Self.leastCalls || isRoot, tally.liveBlocks > 0 else { return nil }
    samples = tally.liveBlocks
    examined = tally.examined
    orphans = tally.orphans
    live = Self.liveBytes(tally)
    isGrowing = samples >= 12 && tally.isSteady
    let share = Double(orphans) / Double(max(examined, 1))
    let isShare = orphans >= 16 ? share >= 0.01 : orphans >= 3 && share >= 0.05
    if isShare, Self.isGoingOn(tally), !isRoot {
      evidence = .orphans
      if share < 0.5 && !isGrowing { live = tally.orphanBytes }
      // Scalene's score of a site with so many samples and no free (Berger et al., OSDI 2023).
      score = max(1 - 1 / Double(orphans + 2), 0.8)
      isLeak = true
      isGrowing = true
      return
    }
    guard isGrowing, live >= 65_536 else { return nil }
    score = min(0.5, 0.5 * (1 - 1 / Double(samples + 2)))
    if examined >= 8 {
      evidence = .held
      if live >= Self.muchHeld && age >= Self.longHeld {
        evidence = .heldForLong
        isLeak = true
        score = 0.8
      }
    } else if live >= Self.muchUnknown && tally.calls >= 1000 {
      isLeak = true
      score = 0.8
    }
  }

  /// Whether blocks were lost by different calls, also by the later ones of those that were looked at, and the latest
  /// calls leave blocks, too: what is lost once, or while everything is set up, is no leak.
  private static func isGoingOn(_ tally: LeakTally) -> Bool {
    let span = tally.oldestOrphan &- tally.youngestOrphan
    let silent = tally.youngestOrphan &- tally.youngestExamined
    return span >= 8 && silent <= span && tally.blocks[3] > 0
  }

  static var muchHeld: Double { 32 * 1_048_576 }
  /// Seconds.
  static var longHeld: Double { 600 }
  static var muchUnknown: Double { 8 * 1_048_576 }

  /// What is allocated less what is freed, where that agrees with the estimate by samples: it is exact. It does not
  /// where blocks are handed on between operations.
  private static func liveBytes(_ tally: LeakTally) -> Double {
    let (estimate, exact) = (tally.liveBytes, Double(tally.netBytes))
    let error = 3 / Double(max(tally.liveBlocks, 1)).squareRoot()
    return tally.pooled == 0 && abs(exact - estimate) <= error * estimate ? exact : estimate
  }

  /// Mappings of memory, which are few and large: an allocator's arenas, or what was never unmapped.
  init?(maps tally: LeakTally) {
    self.init(kind: PROGNOS_LEAK_MAPS)
    samples = LeakTally.sum(tally.maps)
    guard samples >= 8, tally.calls >= Self.leastCalls, LeakTally.isSteady(tally.maps) else {
      return nil
    }
    live = Double(samples)
    isGrowing = true
    isLeak = samples >= 48 || tally.mapBytes >= Self.muchUnknown
    score = isLeak ? 1 - 1 / Double(samples + 2) : 0.5
  }

  /// Descriptors that an operation opened and nobody closed. `open` is how many the process has.
  init?(descriptors tally: LeakTally, open: UInt64) {
    let count = LeakTally.sum(tally.descriptors)
    let isMostlySockets = tally.sockets &* 2 > count
    self.init(kind: isMostlySockets ? PROGNOS_LEAK_SOCKETS : PROGNOS_LEAK_DESCRIPTORS)
    guard count >= 8, tally.calls >= Self.leastCalls, LeakTally.isSteady(tally.descriptors),
      open == 0 || open >= UInt64(count)
    else { return nil }
    samples = count
    live = Double(count)
    isGrowing = true
    isLeak = count >= Self.leastDescriptors
    score = isLeak ? 1 - 1 / Double(count + 2) : 0.5
  }

  /// A pool of connections is seldom larger.
  static var leastDescriptors: UInt32 { 48 }

  func isWorse(than other: LeakVerdict) -> Bool {
    if isLeak != other.isLeak { return isLeak }
    let (mine, others) = (live * score * unit, other.live * other.score * other.unit)
    return mine != others ? mine > others : operation < other.operation
  }

  /// What one of it weighs, in bytes of memory: descriptors run out sooner.
  private var unit: Double { kind == PROGNOS_LEAK_MEMORY ? 1 : 1_048_576 }

  func explain(in text: inout Sentence) {
    let perCall = calls > 0 ? live / Double(calls) : 0
    if kind == PROGNOS_LEAK_MEMORY {
      text.put(bytes: live)
      if calls > 0 {
        text.put(" left by ")
        text.put(calls)
        text.put(" calls, ")
        text.put(bytes: perCall)
        text.put(" each: ")
      } else {
        text.put(" left outside operations: ")
      }
      explainMemory(in: &text)
      return
    }
    text.put(UInt64(live))
    let what: StaticString =
      switch kind {
      case PROGNOS_LEAK_MAPS: " memory maps"
      case PROGNOS_LEAK_THREADS: " threads"
      case PROGNOS_LEAK_SOCKETS: " sockets"
      default: " file descriptors"
      }
    text.put(what)
    if calls > 0 {
      text.put(" left by ")
      text.put(calls)
      text.put(" calls, from all quarters of them")
    } else {
      text.put(" more than at first, and still rising")
    }
    if !isLeak { text.put("; too few so far to be sure") }
  }

  private func explainMemory(in text: inout Sentence) {
    switch evidence {
    case .orphans:
      text.put("nothing in memory refers to ")
      text.put(UInt64(orphans))
      text.put(" of ")
      text.put(UInt64(examined))
      text.put(" sampled blocks any more")
    case .held:
      text.put("it grows, but the program still refers to ")
      text.put(UInt64(examined - min(orphans, examined)))
      text.put(" of ")
      text.put(UInt64(examined))
      text.put(" sampled blocks: a cache that fills, or a list; none so far")
    case .heldForLong:
      text.put("the program still refers to it, but it has grown steadily for over ten minutes")
    case .growth:
      text.put("each quarter of the calls left some of ")
      text.put(UInt64(samples))
      text.put(" sampled blocks")
      if !isLeak { text.put("; too little so far to be sure") }
    }
  }
}
