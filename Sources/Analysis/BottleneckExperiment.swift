// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Recording

/// What a causal experiment measured takes the place of what the model says.
extension BottleneckVerdict {
  mutating func take(_ found: ExperimentResult) {
    modelled = gain50
    isMeasured = true
    measuredRounds = found.rounds
    gain10 = Self.within(found.at10.mean)
    gain50 = Self.within(found.at50.mean)
    gain100 = max(Self.within(found.at100.mean), gain50)
    low = max(found.at50.low, -1)
    high = min(found.at50.high, 100)
    share = min(gain10 * 10, 1)
  }

  private static func within(_ gain: Double) -> Double {
    gain.isFinite ? min(max(gain, 0), 100) : 0
  }

  /// Whether rounds agree so far that they say more than the model: an interval of less than half of the rate.
  static func isSharp(_ found: ExperimentResult) -> Bool {
    found.at50.high - found.at50.low < 0.5 * (1 + max(found.at50.mean, 0))
  }

  /// Whether the model and what was measured differ by more than chance and the model's own error explain.
  var isDisputed: Bool {
    isMeasured && (modelled < low - 0.1 || modelled > high + 0.1)
  }

  /// An experiment makes faster what a thread of this process does; not what it waits for from elsewhere.
  var isWithinReach: Bool {
    let reached = own.cpu + max(own.device, 0) + max(own.asleep, 0)
    return reached >= max(own.elsewhere, 0)
  }
}
