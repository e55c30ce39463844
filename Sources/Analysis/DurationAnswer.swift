// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Recording

// What the ABI answers of durations.

extension prognos_duration {
  /// Of a call with so much work, by calls whose work is known.
  public init(work asked: UInt64, _ model: DurationModel) {
    self.init()
    let x = Math.log(Double(max(asked, 1)))
    let (middle, low, high) = model.predict(x)
    estimate_ns = whole(Math.exp(min(middle, 45)))
    low_ns = whole(Math.exp(min(middle + low, 45)))
    high_ns = whole(Math.exp(min(middle + high, 45)))
    work = asked
    work_low = whole(Math.exp(model.lowest))
    work_high = whole(Math.exp(model.highest))
    samples = UInt64(model.count)
    let octaves = model.octavesBeyond(x)
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
    guard wallTicks.total >= UInt64(DurationModel.leastCalls) else { return nil }
    self.init()
    let scale = nanosecondsPerTick * level
    estimate_ns = whole(ticks(0.5, wallTicks) * scale)
    // Of few calls, the next one is beyond the farthest more often than once in ten times.
    let few = 1 + 3 / Double(wallTicks.total)
    low_ns = whole(ticks(0.05, wallTicks) * scale / few)
    high_ns = whole(ticks(0.95, wallTicks) * scale * few)
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
      $0.put(asked == 0 ? " of any work" : ", too few of which told their work")
      $0.putLevel(level)
    }
  }
}

/// A quantile of times, at least 1 tick.
@inline(never) public func ticks(_ quantile: Double, _ times: borrowing Distribution) -> Double {
  Double(max(times.quantile(quantile) ?? 0, 1))
}

extension Sentence {
  fileprivate mutating func putLevel(_ level: Double) {
    guard level > 1.05 || level < 0.95 else { return }
    put("; the latest took ")
    put(level)
    put(" times as long")
  }
}
