// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Recording

@Suite("A distribution read out of a recording")
struct DistributionTests {
  private func distribution(of values: [UInt64]) -> Distribution {
    var distribution = Distribution()
    for value in values {
      let bucket = Int(Histogram.bucket(value))
      distribution.add(1, octave: bucket / 64, within: bucket % 64)
    }
    return distribution
  }

  /// The value of nearest rank, in whole numbers: the smallest that `per` of `of` do not exceed.
  private func nearestRank(_ sorted: [UInt64], _ per: Int, of whole: Int) -> UInt64 {
    sorted[max((per * sorted.count + whole - 1) / whole, 1) - 1]
  }

  private func middle(_ value: UInt64) -> UInt64 {
    let (lowest, width) = Histogram.range(ofBucket: Int(Histogram.bucket(value)))
    return lowest + (width - 1) / 2
  }

  private func random(_ seed: UInt64, _ count: Int) -> [UInt64] {
    var random = SplitMix(state: seed)
    return (0..<count).map { _ in random.next() >> UInt64.random(in: 20...63, using: &random) }
  }

  @Test("The quantiles of the ABI are those of nearest rank, found by sorting", arguments: 1...40)
  func bruteForce(seed: UInt64) {
    let values = random(seed, Int(seed) * Int(seed))
    let sorted = values.sorted()
    let distribution = distribution(of: values)
    for (q, percent) in [(0.5, 50), (0.95, 95), (0.99, 99), (0.25, 25), (1, 100)] {
      #expect(distribution.quantile(q) == middle(nearestRank(sorted, percent, of: 100)))
    }
    #expect(distribution.quantile(0) == middle(sorted[0]))
    #expect(distribution.total == UInt64(values.count))
  }

  @Test("Every percentile of 1 to 100 is itself")
  func percentiles() {
    let distribution = distribution(of: Array(1...100))
    for percent in 1...100 {
      #expect(distribution.quantile(Double(percent) / 100) == UInt64(percent))
    }
  }

  @Test("Quantiles never fall as their share grows")
  func monotone() {
    let distribution = distribution(of: random(7, 1000))
    let quantiles = (0...1000).compactMap { distribution.quantile(Double($0) / 1000) }
    #expect(quantiles.count == 1001)
    #expect(zip(quantiles, quantiles.dropFirst()).allSatisfy { $0 <= $1 })
  }

  @Test("Merging two distributions is the same as recording all values in one", arguments: 1...20)
  func merge(seed: UInt64) {
    let (some, others) = (random(seed, 50), random(seed + 100, 70))
    var merged = distribution(of: some)
    merged.add(distribution(of: others))
    #expect(buckets(merged) == buckets(distribution(of: some + others)))
    #expect(merged.total == 120)
  }

  @Test("Octaves below and above those there are can be added")
  func growsBothWays() {
    var merged = distribution(of: [1000])
    merged.add(distribution(of: [3]))
    merged.add(distribution(of: [1 << 40]))
    merged.add(Distribution())
    #expect(buckets(merged).map { $0[0] } == [3, 1000, 1 << 40])
    #expect(merged.total == 3)
    var empty = Distribution()
    empty.add(merged)
    #expect(buckets(empty) == buckets(merged))
  }

  @Test("Without values there is no quantile")
  func empty() {
    #expect(Distribution().quantile(0.5) == nil)
    #expect(buckets(Distribution()).isEmpty)
  }

  @Test("Counts beyond 32 bits weigh as much as they say")
  func large() {
    var distribution = Distribution()
    distribution.add(1 << 40, octave: 0, within: 5)
    distribution.add(1 << 39, octave: 0, within: 9)
    #expect(distribution.quantile(0.66) == 5)
    #expect(distribution.quantile(0.67) == 9)
  }

  private func buckets(_ distribution: Distribution) -> [[UInt64]] {
    var buckets: [[UInt64]] = []
    distribution.forEachBucket { buckets.append([$0, $1, $2]) }
    return buckets
  }

  @Test("What came since an earlier state, also where octaves were added before and behind")
  func since() {
    var earlier = Distribution()
    earlier.add(5, octave: 10, within: 3)
    var now = earlier
    now.add(2, octave: 10, within: 3)
    now.add(1, octave: 8, within: 0)
    now.add(4, octave: 12, within: 63)
    let later = now.since(earlier)
    #expect(later.total == 7)
    var buckets: [Int: UInt64] = [:]
    later.forEachCount { buckets[$0] = $1 }
    let per = Histogram.bucketsPerOctave
    #expect(buckets == [8 * per: 1, 10 * per + 3: 2, 12 * per + 63: 4])
    #expect(now.since(now).total == 0)
    #expect(now.since(now).quantile(0.5) == nil)
    // A recording that began again has less than before: nothing is new in what shrank.
    #expect(earlier.since(now).total == 0)
    #expect(now.since(Distribution()).total == now.total)
    #expect(Distribution().since(now).total == 0)
  }
}
