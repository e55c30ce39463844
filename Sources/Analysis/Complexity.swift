// SPDX-License-Identifier: Apache-2.0
import Recording

/// How the time of an operation grows with its work. The simplest first: of two that fit alike, it is taken.
enum Complexity: Int {
  case constant, logarithmic, root, linear, linearithmic, quadratic, cubic

  static let count = 7

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
    if self == .constant { return 0 }
    let ratio = Math.exp(min(max(x - reference, -60), 60))
    // log(1 + n), as that of a work of 1 is not to be 0.
    let logarithms = Math.log(1 + Math.exp(min(x, 60))) / Math.log(1 + Math.exp(reference))
    switch self {
    case .constant: return 0
    case .logarithmic: return logarithms
    case .root: return ratio.squareRoot()
    case .linear: return ratio
    case .linearithmic: return ratio * logarithms
    case .quadratic: return ratio * ratio
    case .cubic: return ratio * ratio * ratio
    }
  }
}

/// time = fixed + growing * term(work), both at least 0.
struct ComplexityCurve {
  var complexity = Complexity.constant
  var fixed = 0.0
  var growing = 0.0
  /// The work at which the term is 1, as a logarithm.
  var reference = 0.0
  /// The mean of |log(time / fitted)|, each octave of the work weighing the same.
  var error = Double.infinity

  func time(_ x: Double) -> Double {
    max(fixed + growing * complexity.term(x, from: reference), 1e-9)
  }

  func logarithm(_ x: Double) -> Double { Math.log(time(x)) }
}

extension DurationModel {
  /// Fits a curve to the relative errors: to the medians of octaves first, then six times to all calls, with the
  /// bisquare function at six median deviations. Calls that were held up tell nothing of how time grows, and the
  /// longer a call, the likelier it is.
  func fit(_ complexity: Complexity) -> ComplexityCurve {
    var curve = ComplexityCurve()
    curve.complexity = complexity
    curve.reference = highest
    let (trust, sizes) = (scratch, scratch + Self.most)
    for index in 0..<count { trust[index] = balance[index] }
    for round in 0..<7 {
      solve(&curve, trust, isFirst: round == 0)
      for index in 0..<count {
        sizes[index] = abs(y[index] - curve.logarithm(x[index]))
        trust[index] = sizes[index]
      }
      let most = 6 * Quantile.median(trust, count) + 1e-6
      var (sum, weights) = (0.0, 0.0)
      for index in 0..<count {
        let size = sizes[index]
        sum += balance[index] * min(size, 0.5)
        weights += balance[index]
        let less = size < most ? 1 - size / most * (size / most) : 0
        trust[index] = balance[index] * less * less
      }
      curve.error = sum / max(weights, 1e-12)
    }
    return curve
  }

  /// Least squares with neither part below 0.
  private func solve(
    _ curve: inout ComplexityCurve, _ trust: UnsafeMutablePointer<Double>,
    isFirst: Bool
  ) {
    var (w, wg, wgg, wt, wgt) = (0.0, 0.0, 0.0, 0.0, 0.0)
    for index in 0..<count {
      let scale = isFirst ? typical[index] : curve.time(x[index])
      let time = isFirst ? typical[index] : time[index]
      let weight = trust[index] / (scale * scale)
      let term = curve.complexity.term(x[index], from: curve.reference)
      w += weight
      wg += weight * term
      wgg += weight * term * term
      wt += weight * time
      wgt += weight * term * time
    }
    guard w > 0 else { return }
    let determinant = w * wgg - wg * wg
    var (fixed, growing) = (wt / w, 0.0)
    if determinant > 1e-12 * w * wgg, w * wgt > wg * wt {
      fixed = (wgg * wt - wg * wgt) / determinant
      growing = (w * wgt - wg * wt) / determinant
      if fixed < 0 { (fixed, growing) = (0, wgt / wgg) }
    }
    (curve.fixed, curve.growing) = (fixed, growing)
  }
}
