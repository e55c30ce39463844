// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Recording

extension Trend {
  /// The answer of the ABI. `metric`: 0 for a host's own numbers, which have no unit.
  public func answer(metric: UInt32, seconds span: Double) -> prognos_trend {
    var answer = prognos_trend()
    answer.slope_per_s = slope
    answer.change_ratio = start == 0 ? 0 : change / abs(start)
    answer.p_value = pValue
    answer.samples = UInt64(count)
    answer.direction = direction
    // A trend is as sure as its test; that there is none, as there were values to see one.
    answer.confidence = direction != 0 ? 1 - pValue : Double(count) / Double(count + 32)
    Sentence.compose(in: &answer.reason) {
      $0.put(direction > 0 ? "rises by " : direction < 0 ? "falls by " : "is stable: it moved by ")
      prognos_metric(rawValue: metric).put(abs(change), &$0)
      if answer.change_ratio != 0 {
        $0.put(", ")
        $0.put(percentOf: abs(answer.change_ratio))
        $0.put(",")
      }
      $0.put(" within ")
      $0.put(seconds: span)
      $0.put(
        direction != 0
          ? "; without a trend, so much has a probability of "
          : ", which without a trend has a probability of ")
      $0.put(percentOf: pValue)
    }
    return answer
  }
}
