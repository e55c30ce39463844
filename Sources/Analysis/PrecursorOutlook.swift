// SPDX-License-Identifier: Apache-2.0
import Recording

// Whether what is unusual now was so before former lives ended: forecasting by analogs (Lorenz 1969). A condition is that
// something is at least so unusual; it is looked up in all lives how often it began, how often a death came after that and how
// long it took, and how often nothing came. docs/methods.md, "Precursors", has the formulas.

/// What was found of the condition that tells most.
struct PrecursorFinding: BitwiseCopyable {
  /// Of a death within the horizon.
  var probability = 0.0
  var key: UInt32 = 0
  var value = 0.0
  /// The deaths that came after it, of how many; how often none came.
  var deaths = 0.0
  var allDeaths = 0.0
  var survived = 0.0
  /// Seconds from its beginning to a death: the median of the former ones.
  var usualLead = 0.0
  // Seconds left: the 80 % interval.
  var low = 0.0
  var median = 0.0
  var high = 0.0
  /// The latest life that ended so.
  var life: UInt64 = 0
}

/// What there is of all lives, this one among them.
struct AllLives: BitwiseCopyable {
  var lives = 0.0
  var deaths = 0.0
  /// After the warm-up.
  var seconds = 0.0
  /// How often anything was unusual, and for long.
  var stretches = 0.0
  var longStretches = 0.0
}

/// How often a condition began in each life, and what came of it.
struct PrecursorTally: BitwiseCopyable {
  var threshold = 0.0
  /// Episodes that were over sooner do not count, in seconds.
  var least = 0.0
  // The life that is being read: where the latest episode began and ended, in seconds, and how many there were before.
  private(set) var begin = -1.0
  private var end = 0.0
  private(set) var earlier = 0.0
  private(set) var deaths = 0
  private(set) var survived = 0.0
  private(set) var leads = InlineArray<8, Double>(repeating: 0)
  private(set) var life = 0

  /// Within so many seconds it has not ended.
  static var gap: Double { 20 }

  mutating func meet(_ value: Double, from start: Double, to newEnd: Double) {
    guard value >= threshold else { return }
    if begin < 0 || start - end > Self.gap {
      if isEpisode { earlier += 1 }
      begin = start
    }
    end = newEnd
  }

  private var isEpisode: Bool { begin >= 0 && end - begin >= least }

  /// The end of a former life. Those that ended in death come first.
  @inline(never)
  mutating func finish(_ number: Int, after seconds: Double, died: Bool) {
    defer { (begin, end, earlier) = (-1, 0, 0) }
    survived += earlier
    guard isEpisode else { return }
    let lead = seconds - begin
    if died {
      // What was there for most of a life announced nothing.
      guard lead <= seconds / 2, deaths < 8 else { return survived += 1 }
      leads[deaths] = max(lead, 1)
      deaths += 1
      life = number
    } else if lead > longest {
      // Shorter ones: nobody knows what would have come.
      survived += 1
    }
  }

  /// The own life's episodes before the latest.
  mutating func finishOwn() { survived += earlier }

  private var longest: Double {
    var longest = 0.0
    for index in 0..<deaths { longest = max(longest, leads[index]) }
    return longest
  }

  /// The share of deaths that take longer than so many seconds: log-logistic around each that was seen.
  private func lasting(_ seconds: Double) -> Double {
    var sum = 0.0
    for index in 0..<deaths { sum += 1 / (1 + Math.pow(max(seconds, 0) / leads[index], 5)) }
    return sum / Double(max(deaths, 1))
  }

  /// When so large a share of those that last longer than `elapsed` has ended, from then on.
  private func left(_ share: Double, after elapsed: Double) -> Double {
    let goal = (1 - share) * lasting(elapsed)
    var (low, high) = (elapsed, elapsed + 20 * longest)
    for _ in 0..<30 {
      let middle = (low + high) / 2
      if lasting(middle) > goal { low = middle } else { high = middle }
    }
    return low - elapsed
  }

  /// The odds that it tells of deaths.
  ///
  /// - Parameter isChosen: the threshold is where a life ended, wherever that was: that one death proves nothing.
  @inline(never)
  func odds(_ all: AllLives, isChosen: Bool) -> Double {
    let (died, lived) = (Double(deaths), survived)
    // Many unusual things happen before a death by chance. Of levels there are four.
    let others = isChosen ? 0 : least > 0 ? all.longStretches : all.stretches
    let few = died * died / (died * died + 2)
    var odds = Self.prior * few * died / all.deaths / (1 + max(others - died, 0) / all.lives)
    // Against that episodes fell by chance where they did: each that near to a death.
    var near = 0.0
    for index in 0..<deaths {
      let one = 1 - Math.exp(-all.deaths * leads[index] / max(all.seconds, 1))
      near += one / died
      if index > 0 || !isChosen { odds /= max(one, 1e-9) }
    }
    // Beta(died + 1, lived + 1) over the chance of as many that were not near.
    var (ways, step) = (died + lived + 1, 1.0)
    while step <= died {
      ways *= (lived + step) / step
      step += 1
    }
    return odds / (ways * Math.pow(max(1 - near, 1e-3), lived))
  }

  @inline(never)
  func finding(now: Double, horizon: Double, odds: Double) -> PrecursorFinding {
    var finding = PrecursorFinding()
    guard deaths > 0, isEpisode else { return finding }
    let (died, lived) = (Double(deaths), survived)
    let death = odds / (1 + odds) * (died + 0.5) / (died + lived + 1)
    // It has lasted for a while already.
    let elapsed = max(now - begin, 0)
    let still = lasting(elapsed)
    let due = death * still / (death * still + 1 - death)
    finding.probability = due * (1 - lasting(elapsed + horizon) / max(still, 1e-9))
    finding.deaths = died
    finding.survived = lived
    finding.usualLead = left(0.5, after: 0)
    finding.low = left(0.1, after: elapsed)
    finding.median = left(0.5, after: elapsed)
    finding.high = left(0.9, after: elapsed)
    finding.life = UInt64(life)
    return finding
  }

  /// The odds for what came before each of many deaths: few were announced at all.
  private static var prior: Double { 0.9 }
}

/// The search. A pure function of the lives in the zone.
struct PrecursorSearch {
  private let lives: Lives
  private let horizon: Double
  private let tallies: UnsafeMutablePointer<PrecursorTally>
  private var used = 0
  private var all = AllLives()

  /// The own rows that tell of now: four and a half minutes.
  private static var recentRows: Int { 90 }
  /// Conditions for each death.
  private static var variants: Int { 6 }
  private static var mostKeys: Int { 32 }
  /// What lasts for so many seconds is another thing than what passes at once.
  private static var long: Double { 10 }

  init(_ lives: Lives, horizon: Double) {
    self.lives = lives
    self.horizon = horizon
    tallies = lives.scratch
  }

  /// Cost: the rows of all lives, at most 3,456, for each thing that is unusual now, at most 32; nothing without a death.
  mutating func best() -> PrecursorFinding {
    var best = PrecursorFinding()
    for life in 0..<lives.count + 1 { count(life) }
    guard all.deaths > 0 else { return best }
    var keys = InlineArray<32, UInt32>(repeating: 0)
    var count = 0
    let own = lives.rowCount(of: 0)
    for number in (max(own - Self.recentRows, 0)..<own).reversed() {
      let row = lives.orderedRow(number, of: 0)
      for place in 0..<LifeRow.capacity {
        let entry = row.pointee.entries[place]
        guard entry.key != 0, count < Self.mostKeys else { continue }
        var isNew = true
        for index in 0..<count where keys[index] == entry.key { isNew = false }
        guard isNew else { continue }
        keys[count] = entry.key
        count += 1
        let found = judge(entry.key)
        if found.probability > best.probability {
          best = found
          best.value = Double(entry.value)
        }
      }
    }
    best.allDeaths = all.deaths
    return best
  }

  private mutating func count(_ life: Int) {
    let one = lives.life(life)
    all.lives += 1
    if life > 0, one.pointee.end.isDeath { all.deaths += 1 }
    all.seconds += max(one.pointee.seconds - Double(Assessor.precursorWarmUp) / 10, 0)
    var (begin, end) = (-1.0, 0.0)
    func finish() {
      if begin >= 0 { all.stretches += 1 }
      if begin >= 0, end - begin >= Self.long { all.longStretches += 1 }
    }
    for number in 0..<lives.rowCount(of: life) {
      let row = lives.orderedRow(number, of: life)
      guard row.pointee.entries[LifeRow.levels].key != 0 else { continue }
      let start = Double(row.pointee.begin) / 10
      if begin < 0 || start > end {
        finish()
        begin = start
      }
      end = Double(row.pointee.end) / 10
    }
    finish()
  }

  private mutating func judge(_ key: UInt32) -> PrecursorFinding {
    used = 0
    for life in 1..<lives.count + 1 where lives.life(life).pointee.end.isDeath {
      putThresholds(key, life)
    }
    guard used > 0 else { return PrecursorFinding() }
    for pass in 0..<2 {
      for life in 1..<lives.count + 1 {
        let one = lives.life(life)
        let died = one.pointee.end.isDeath
        guard died == (pass == 0) else { continue }
        read(key, life)
        for index in 0..<used {
          tallies[index].finish(life, after: one.pointee.seconds, died: died)
        }
      }
    }
    read(key, 0)
    var best = PrecursorFinding()
    let isLevel = PrecursorKey(key).isLevel
    for index in 0..<used { tallies[index].finishOwn() }
    for index in 0..<used {
      // How near to each other deaths came at a level tells whether it is one; a warning comes further off.
      let telling = isLevel ? index / Self.variants * Self.variants + Self.variants - 1 : index
      guard index != telling || !isLevel, tallies[telling].deaths > 0 else { continue }
      let found = tallies[index].finding(
        now: lives.life(0).pointee.seconds, horizon: horizon,
        odds: tallies[telling].odds(all, isChosen: isLevel))
      if found.probability > best.probability { best = found }
    }
    best.key = key
    return best
  }

  /// How unusual it became in the last third of a life, and somewhat less.
  private mutating func putThresholds(_ key: UInt32, _ life: Int) {
    let end = lives.life(life).pointee.age
    let from = end - min(end / 3, Lives.coarseSpan)
    var most = 0.0
    for number in (0..<lives.rowCount(of: life)).reversed() {
      let row = lives.orderedRow(number, of: life)
      if row.pointee.end < from { break }
      most = max(most, row.pointee.value(of: key))
    }
    guard most > 0 else { return }
    for part in 0..<Self.variants {
      let isLong = part >= Self.variants / 2
      let (place, share) = (used, Double(part % 3))
      tallies[place] = PrecursorTally()
      if PrecursorKey(key).isLevel {
        tallies[place].threshold = most - 0.2 + 0.036 * Double(part)
      } else {
        tallies[place].threshold = most * (0.5 + 0.2 * share)
        tallies[place].least = isLong ? Self.long : 0
      }
      used += 1
    }
  }

  private mutating func read(_ key: UInt32, _ life: Int) {
    for number in 0..<lives.rowCount(of: life) {
      let row = lives.orderedRow(number, of: life)
      let value = row.pointee.value(of: key)
      guard value > 0 else { continue }
      let (begin, end) = (Double(row.pointee.begin) / 10, Double(row.pointee.end) / 10)
      for index in 0..<used { tallies[index].meet(value, from: begin, to: end) }
    }
  }
}
