// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Recording

// What the ABI answers of durations.

extension prognos_duration {
  /// Of a call with so much work, by calls whose work is known; nil with too few.
  public init?(work asked: UInt64, pairs: [DurationPair], nanosecondsPerTick: Double) {
    guard let model = DurationModel(pairs, nanosecondsPerTick: nanosecondsPerTick) else {
      return nil
    }
    self.init(work: asked, model)
  }

  init(work asked: UInt64, _ model: DurationModel) {
    self.init()
    let x = Math.log(Double(max(asked, 1)))
    let (middle, low, high) = model.predict(x)
    estimate_ns = whole(Math.exp(min(middle, 45)))
    low_ns = whole(Math.exp(min(middle + low, 45)))
    high_ns = whole(Math.exp(min(middle + high, 45)))
    work = asked
    work_low = whole(Math.exp(model.calls.lowest))
    work_high = whole(Math.exp(model.calls.highest))
    samples = UInt64(model.calls.count)
    // Half the log of high / low is the distance that half of the answer's errors stay within, more or less.
    let octaves = max(model.calls.lowest - x, x - model.calls.highest, 0) / 0.6931471805599453
    let known = Double(samples) / Double(samples + 8)
    confidence = known / (1 + (high - low) / 2) / (1 + octaves / 4)
    let growth = model.complexity
    Sentence.compose(in: &complexity) { $0.put(growth?.name ?? "unknown") }
    let isBeyond = octaves > 0.01
    Sentence.compose(in: &reason) {
      $0.put("from ")
      $0.put(samples)
      $0.put(" calls with a work of ")
      $0.put(work_low)
      if work_high != work_low {
        $0.put(" to ")
        $0.put(work_high)
      }
      if let growth {
        $0.put(isBeyond ? "; from there on as " : "; time grows as ")
        $0.put(growth.name)
      } else if isBeyond {
        $0.put(", which is too little of a range to tell how time grows")
      }
      $0.putLevel(Math.exp(model.level))
    }
  }

  /// Of a call of unknown work, by how long calls took. `level`: the latest ones against all.
  ///
  /// - Parameter caller: the operation that the calls were made under; nil when all count.
  public init?(
    work asked: UInt64, wallTicks: Distribution, nanosecondsPerTick: Double, level: Double,
    caller: UnsafePointer<CChar>?
  ) {
    guard wallTicks.total >= UInt64(DurationModel.leastCalls),
      let middle = wallTicks.quantile(0.5), let low = wallTicks.quantile(0.05),
      let high = wallTicks.quantile(0.95)
    else { return nil }
    self.init()
    let scale = nanosecondsPerTick * level
    estimate_ns = whole(Double(middle) * scale)
    // Of few calls, the next one is beyond the farthest more often than once in ten times.
    let few = 3 / Double(wallTicks.total)
    low_ns = whole(Double(low) * scale / (1 + few))
    high_ns = whole(Double(high) * scale * (1 + few))
    work = asked
    samples = wallTicks.total
    let width = Math.log(Double(max(high_ns, 1)) / Double(max(low_ns, 1)))
    confidence = Double(samples) / Double(samples + 8) / (1 + width / 2) * (asked == 0 ? 1 : 0.5)
    Sentence.compose(in: &complexity) { $0.put("unknown") }
    Sentence.compose(in: &reason) {
      $0.put("from ")
      $0.put(samples)
      $0.put(" calls")
      if let caller {
        $0.put(" under ")
        $0.put(caller)
      }
      $0.put(asked == 0 ? " of any work" : ", none of which told its work")
      $0.putLevel(level)
    }
  }
}

extension Sentence {
  fileprivate mutating func putLevel(_ level: Double) {
    guard level > 1.05 || level < 0.95 else { return }
    put("; the latest took ")
    put(level)
    put(" times as long")
  }
}

extension prognos_time_left {
  /// What is left of a call that has taken so many nanoseconds, by those that took longer.
  ///
  /// - Parameter finished: how long calls took, in nanoseconds; weights of any kind.
  public init(
    elapsed: UInt64, work: UInt64, threadID: UInt32,
    finished: [(nanoseconds: Double, weight: Double)],
    samples: UInt64
  ) {
    self.init()
    elapsed_ns = elapsed
    self.work = work
    thread_id = threadID
    let gone = Double(elapsed)
    var left: [(nanoseconds: Double, weight: Double)] = []
    var (longer, all) = (0.0, 0.0)
    for call in finished {
      all += call.weight
      guard call.nanoseconds > gone else { continue }
      longer += call.weight
      left.append((call.nanoseconds - gone, call.weight))
    }
    let share = all > 0 ? longer / all : 0
    let count = whole(share * Double(samples))
    self.samples = count
    if count >= 3, share > 0.005 {
      Self.order(&left)
      estimate_ns = whole(Self.quantile(0.5, of: left, longer))
      low_ns = whole(Self.quantile(0.05, of: left, longer))
      high_ns = whole(Self.quantile(0.95, of: left, longer))
      confidence = Double(count) / Double(count + 8) * 0.8
    } else {
      // Longer than nearly all before: a Pareto tail of index 1, in which what has lasted lasts as long again.
      estimate_ns = elapsed
      low_ns = elapsed / 19
      high_ns = whole(gone * 19)
      confidence = 0.1
    }
    Sentence.compose(in: &reason) {
      $0.put("it has taken ")
      $0.put(seconds: gone / 1e9)
      if count >= 3, share > 0.005 {
        $0.put("; of ")
        $0.put(samples)
        $0.put(work > 0 ? " calls, for this work, " : " calls ")
        $0.put(count)
        $0.put(" took longer")
      } else {
        $0.put(", longer than nearly all of ")
        $0.put(samples)
        $0.put(" calls")
      }
    }
  }

  private static func quantile(
    _ q: Double, of calls: [(nanoseconds: Double, weight: Double)], _ total: Double
  ) -> Double {
    var seen = 0.0
    for call in calls {
      seen += call.weight
      if seen >= total * q { return call.nanoseconds }
    }
    return calls.last?.nanoseconds ?? 0
  }

  /// By time. A shell sort: at most some thousand.
  private static func order(_ calls: inout [(nanoseconds: Double, weight: Double)]) {
    var gap = calls.count / 2
    while gap > 0 {
      for index in gap..<max(calls.count, gap) {
        var place = index
        while place >= gap, calls[place - gap].nanoseconds > calls[place].nanoseconds {
          calls.swapAt(place - gap, place)
          place -= gap
        }
      }
      gap /= 2
    }
  }
}
