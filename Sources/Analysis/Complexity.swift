// SPDX-License-Identifier: Apache-2.0
import Recording

/// How the time of an operation grows with its work.
public enum Complexity: UInt8, CaseIterable {
  // The simplest first: of two that fit alike, the first is taken.
  case constant, logarithmic, root, linear, linearithmic, quadratic, cubic

  var name: StaticString {
    switch self {
    case .constant: "O(1)"
    case .logarithmic: "O(log n)"
    case .root: "O(sqrt n)"
    case .linear: "O(n)"
    case .linearithmic: "O(n log n)"
    case .quadratic: "O(n^2)"
    case .cubic: "O(n^3)"
    }
  }

  /// The growing term at a work of e^x, divided by its value at e^reference, so that no power overflows.
  func term(_ x: Double, from reference: Double) -> Double {
    let ratio = Math.exp(min(max(x - reference, -60), 60))
    switch self {
    case .constant: return 0
    case .logarithmic: return logarithm(x) / logarithm(reference)
    case .root: return ratio.squareRoot()
    case .linear: return ratio
    case .linearithmic: return ratio * logarithm(x) / logarithm(reference)
    case .quadratic: return ratio * ratio
    case .cubic: return ratio * ratio * ratio
    }
  }

  /// log(1 + n): that of a work of 1 is not 0.
  private func logarithm(_ x: Double) -> Double { x > 30 ? x : Math.log(1 + Math.exp(x)) }
}

/// time = fixed + growing * term(work), both at least 0: fitted to relative errors, robustly.
struct ComplexityFit {
  let complexity: Complexity
  private let reference: Double
  private var fixed = 0.0
  private var growing = 0.0
  /// The mean of |log(time / fitted)|, each octave of the work weighing the same.
  private(set) var error = Double.infinity

  /// The logarithm of the time that this curve has.
  func logarithm(_ x: Double) -> Double {
    Math.log(max(fixed + growing * complexity.term(x, from: reference), 1e-9))
  }

  init(_ complexity: Complexity, _ calls: DurationCalls) {
    self.complexity = complexity
    reference = calls.highest
    let count = calls.count
    var terms = [Double](repeating: 0, count: count)
    var scales = [Double](repeating: 0, count: count)
    var trust = calls.balance
    var rest = [Double](repeating: 0, count: count)
    for index in 0..<count {
      terms[index] = complexity.term(calls.x[index], from: reference)
      scales[index] = calls.typical[index]
    }
    for _ in 0..<6 {
      solve(calls, terms, scales, trust)
      for index in 0..<count {
        scales[index] = max(fixed + growing * terms[index], 1e-9)
        rest[index] = abs(Math.log(calls.time[index] / scales[index]))
      }
      // Huber's weights: what is beyond 2 standard deviations counts less.
      let most = 2 * 1.4826 * median(rest) + 1e-6
      for index in 0..<count {
        let size = abs(Math.log(calls.time[index] / scales[index]))
        trust[index] = calls.balance[index] * (size > most ? most / size : 1)
      }
    }
    var (sum, weights) = (0.0, 0.0)
    for index in 0..<count {
      let size = abs(Math.log(calls.time[index] / scales[index]))
      sum += calls.balance[index] * min(size, 3)
      weights += calls.balance[index]
    }
    error = weights > 0 ? sum / weights : .infinity
  }

  /// Least squares of relative errors, with neither part below 0.
  private mutating func solve(
    _ calls: DurationCalls, _ terms: [Double], _ scales: [Double], _ trust: [Double]
  ) {
    var (w, wg, wgg, wt, wgt) = (0.0, 0.0, 0.0, 0.0, 0.0)
    for index in 0..<calls.count {
      let scale = max(scales[index], 1e-9)
      let weight = trust[index] / (scale * scale)
      let (term, time) = (terms[index], calls.time[index])
      w += weight
      wg += weight * term
      wgg += weight * term * term
      wt += weight * time
      wgt += weight * term * time
    }
    guard w > 0 else { return }
    let determinant = w * wgg - wg * wg
    if determinant > 1e-12 * w * wgg {
      fixed = (wgg * wt - wg * wgt) / determinant
      growing = (w * wgt - wg * wt) / determinant
    } else {
      (fixed, growing) = (wt / w, 0)
    }
    if growing < 0 || complexity == .constant { (fixed, growing) = (wt / w, 0) }
    if fixed < 0 { (fixed, growing) = (0, wgg > 0 ? wgt / wgg : 0) }
  }
}

/// Whose order changes.
func median(_ values: [Double]) -> Double {
  var values = values
  return values.withUnsafeMutableBufferPointer { buffer in
    guard let start = buffer.baseAddress else { return 0 }
    return Quantile.median(start, buffer.count)
  }
}

/// The value of a rank, from 0 on, of values whose order changes.
func value(ofRank rank: Int, in values: inout [Double]) -> Double {
  values.withUnsafeMutableBufferPointer { buffer in
    guard let start = buffer.baseAddress else { return 0 }
    return Quantile.select(start, buffer.count, rank: rank)
  }
}
