// SPDX-License-Identifier: Apache-2.0
import Recording

/// How bad something is: 0 not at all, 1 as bad as can be. Each function is continuous and never falls as what it
/// measures grows, so that health is monotone in severity whatever the data (docs/methods.md, "Health").
enum Severity {
  /// `excess`: the natural logarithm of how many times as long calls take, less what is usual variation. Twice as
  /// long, on a steady operation: 0.4; three times: 0.7; ten times: 0.92.
  static func slowdown(_ excess: Double) -> Double {
    guard excess > 0 else { return 0 }
    let square = excess * excess
    return square.isFinite ? square / (square + 0.36) : 1
  }

  /// `excess`: the share of calls that fail beyond what is usual. 1 in 100: 0.15; 5: 0.6; 20: 0.96. Where failures
  /// are usual, such as a lookup that often finds nothing, it takes more of them.
  static func failures(_ excess: Double, usual: Double) -> Double {
    excess > 0 ? 1 - Math.exp(-min(excess, 1) / (0.06 + 0.3 * usual)) : 0
  }

  /// How full a resource is: nothing below 80 %; 90 %: 0.35; 95 %: 0.65; 99 %: 0.93.
  static func use(_ ratio: Double) -> Double {
    guard ratio > 0.8 else { return 0 }
    let part = min((ratio - 0.8) / 0.2, 1)
    return part * part.squareRoot()
  }

  /// `level`: burn rates over what they may be. At the bound 0.5, three times that 0.9.
  static func burn(_ level: Double) -> Double {
    guard level > 0 else { return 0 }
    let square = level * level
    return square.isFinite ? square / (square + 1) : 1
  }

  /// What is still far away is less bad: 1 within 3 minutes, 0.5 in two hours, 0.2 in a day and a half.
  static func urgency(minutes: Double) -> Double {
    guard minutes > 3 else { return minutes <= 3 ? 1 : 0 }
    guard minutes.isFinite else { return 0 }
    return 1 / (1 + 0.27 * Math.log(minutes / 3))
  }
}

/// How far evidence carries: 0 not at all, 1 wholly.
enum Evidence {
  /// Of durations: one call says little, five say nearly all.
  static func calls(_ count: Double) -> Double { share(count, half: 2) }

  /// Of failures: one failed call of two is little evidence.
  static func failures(_ count: Double) -> Double { share(count, half: 2.5) }

  /// Half at `half`; the square makes the first ones count for little.
  static func share(_ count: Double, half: Double) -> Double {
    guard count > 0 else { return 0 }
    let square = count * count
    return square.isFinite ? square / (square + half * half) : 1
  }

  /// The lower bound of a ratio of which `hits` of `count` were seen (Wilson 1927), one-sided 90 %.
  static func lowerBound(_ hits: Double, of count: Double) -> Double {
    guard count > 0, hits > 0 else { return 0 }
    let z = 1.2816
    let ratio = min(hits / count, 1)
    let centre = ratio + z * z / (2 * count)
    let half = z * (ratio * (1 - ratio) / count + z * z / (4 * count * count)).squareRoot()
    return max((centre - half) / (1 + z * z / count), 0)
  }
}

/// A severity as it is shown: the worse, the sooner; better only slowly, so that it does not flicker.
struct Shown: BitwiseCopyable {
  private(set) var value = 0.0

  /// A severity of 0.86 shows at once; half of that after some ten seconds: a blip is not worth an alarm. What was
  /// bad is forgotten by half in 5 s.
  mutating func follow(_ severity: Double, seconds: Double) {
    let target = severity > 0 ? min(severity, 1) : 0
    if target >= value {
      let quick = target / 0.86
      let gain = max(quick * quick * quick * quick * quick * quick, 0.15)
      value += (target - value) * (1 - Math.pow(1 - min(gain, 1), min(max(seconds, 0), 10)))
    } else {
      value = max(target, value * Math.exp(-max(seconds, 0) * 0.1386))
    }
  }
}
