// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Recording

/// The Universal Scalability Law (Gunther 2007), fitted to the mean time of calls at each concurrency that was seen:
///
///     n / throughput(n) = (1 + sigma (n - 1) + kappa n (n - 1)) / rate
///
/// On a grid of (sigma, kappa), the rate being that of the smallest squares of logarithms; each has a weight by its
/// likelihood, and knee and capacity are quantiles of these. So there is an interval always, and a knee far beyond
/// what was seen is not made up.
struct ScalabilityFit {
  private(set) var sigma = 0.0
  private(set) var kappa = 0.0
  private(set) var rate = 0.0
  /// The quantiles 0.1, 0.5, 0.9.
  private(set) var knee = (0.0, 0.0, 0.0)
  private(set) var capacity = (0.0, 0.0, 0.0)
  private(set) var loads = 0
  private(set) var seconds = 0.0
  /// The bin of the highest throughput, and the highest concurrency.
  private(set) var top = LoadBin()
  private(set) var highest = 0.0

  static var leastLoads: Int { 6 }
  private static var sigmas: Int { 24 }
  private static var kappas: Int { 60 }
  /// Up to four times what was seen: what is farther away is not in sight.
  private static var classes: Int { 16 * 6 + 1 }

  /// nil with too few loads. `scratch`: 3 numbers for each bin, and 2 x 97.
  init?(_ state: UnsafeMutablePointer<LoadState>, scratch: UnsafeMutablePointer<Double>) {
    let (extra, times, weights) = (scratch, scratch + 48, scratch + 96)
    for index in 0..<LoadState.bins {
      let bin = state.pointee.bin(at: index).pointee
      guard bin.seconds >= 2 else { continue }
      let mean = bin.mean
      guard mean.throughput > 0, mean.concurrency > 0 else { continue }
      extra[loads] = max(mean.concurrency - 1, 0)
      times[loads] = Math.log(mean.concurrency / mean.throughput)
      weights[loads] = bin.seconds / (bin.seconds + 4)
      loads += 1
      seconds += bin.seconds
      highest = max(highest, mean.concurrency)
      if mean.throughput > top.throughput { top = mean }
    }
    guard loads >= Self.leastLoads else { return nil }
    var (least, logRate) = (Double.infinity, 0.0)
    let (knees, capacities) = (scratch + 144, scratch + 144 + Self.classes)
    for index in 0..<2 * Self.classes { knees[index] = 0 }
    var noise = 0.0
    for pass in 0..<2 {
      for s in 0...Self.sigmas {
        for k in 0...Self.kappas {
          let part = Double(s) / Double(Self.sigmas)
          let (sigma, kappa) = (
            part * part, k == 0 ? 0 : Math.exp(-13.8 + 0.2 * Double(k))
          )
          var (sum, mean, total) = (0.0, 0.0, 0.0)
          for index in 0..<loads {
            let n = extra[index]
            let miss = times[index] - Math.log(1 + sigma * n + kappa * n * (n + 1))
            mean += weights[index] * miss
            sum += weights[index] * miss * miss
            total += weights[index]
          }
          mean /= total
          let error = max(sum - total * mean * mean, 0)
          if pass == 0 {
            if error < least {
              (least, self.sigma, self.kappa, logRate) = (error, sigma, kappa, -mean)
            }
            continue
          }
          let weight = Math.exp(-(error - least) / (2 * noise))
          let (n, most) = Self.knee(sigma, kappa, Math.exp(-mean))
          knees[Self.place(n / highest)] += weight
          capacities[Self.place(most / top.throughput)] += weight
        }
      }
      // Means of seconds are at best as exact as 3 %.
      noise = max(least / Double(max(loads - 3, 1)), 0.0009)
    }
    rate = Math.exp(logRate)
    knee = Self.quantiles(knees, highest)
    capacity = Self.quantiles(capacities, top.throughput)
  }

  private static func knee(_ sigma: Double, _ kappa: Double, _ rate: Double) -> (Double, Double) {
    guard kappa > 0 else { return (.infinity, sigma > 0 ? rate / sigma : .infinity) }
    let n = max(((1 - sigma) / kappa).squareRoot(), 1)
    return (n, rate * n / (1 + sigma * (n - 1) + kappa * n * (n - 1)))
  }

  /// Classes of ratios, 16 to an octave from 1/16 on.
  private static func place(_ ratio: Double) -> Int {
    min(max(Int(16 * (Math.log2(min(max(ratio, 1e-3), 1e9)) + 4)), 0), classes - 1)
  }

  /// What lies in the last class is not in sight.
  private static func quantiles(
    _ classes: UnsafeMutablePointer<Double>, _ unit: Double
  ) -> (Double, Double, Double) {
    var total = 0.0
    for index in 0..<Self.classes { total += classes[index] }
    var (low, middle, high, sum) = (Double.infinity, Double.infinity, Double.infinity, 0.0)
    for index in 0..<Self.classes - 1 {
      sum += classes[index] / total
      let value = unit * Math.exp(((Double(index) + 0.5) / 16 - 4) * 0.6931471805599453)
      if sum >= 0.1 { low = min(low, value) }
      if sum >= 0.5 { middle = min(middle, value) }
      if sum >= 0.9 { high = min(high, value) }
    }
    return (low, middle, high)
  }
}

/// What is used up first, and what that lets the process do.
struct Saturation {
  private(set) var resource: StaticString = ""
  /// Calls without a caller per second: the quantiles 0.1, 0.5, 0.9.
  private(set) var capacity: (Double, Double, Double)

  init(_ fit: ScalabilityFit, cpuLimit: Double) {
    capacity = fit.capacity
    let (top, middle) = (fit.top, fit.capacity.1)
    // As much as the capacity would take of each, in proportion.
    let factor = middle.isFinite ? middle / max(top.throughput, 1e-9) : 1
    if cpuLimit > 0, top.cpus > 0 {
      let most = top.throughput * cpuLimit / top.cpus
      // A CPU cannot be used by more than one; other limits come sooner.
      if most <= middle * 1.15 {
        resource = top.throttled > 0.05 ? "cpu quota" : "cpu"
        capacity = (min(capacity.0, most * 0.85), min(middle, most), min(capacity.2, most * 1.1))
        return
      }
    }
    guard middle.isFinite else { return }
    if top.throttled > 0.05 {
      resource = "cpu quota"
    } else if top.pressure > 0.3 {
      resource = "run queue"
    } else if top.descriptors * factor > 0.95 {
      resource = "file descriptors"
    } else if fit.kappa * fit.knee.1 > fit.sigma {
      resource = "interference"
    } else {
      resource = "lock or queue"
    }
  }
}
