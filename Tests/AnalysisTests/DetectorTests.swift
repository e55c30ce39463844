// SPDX-License-Identifier: Apache-2.0
import Recording
import Testing

@testable import Analysis

/// Numbers that look random and are always the same.
struct Noise {
  private var state: UInt64
  init(_ seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }

  /// In 0..<1.
  mutating func uniform() -> Double {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    var bits = state ^ state >> 33
    bits = bits &* 0xff51_afd7_ed55_8ccd
    bits ^= bits >> 33
    return Double(bits >> 11) / 9_007_199_254_740_992
  }

  /// Of mean 0 and standard deviation 1.
  mutating func normal() -> Double {
    var sum = -6.0
    for _ in 0..<12 { sum += uniform() }
    return sum
  }
}

@Suite("Anomalies of a stream")
struct DetectorTests {
  private let second: Int64 = 1_000_000_000
  private let start: Int64 = 1_700_000_000_000_000_000

  private func verdicts(_ values: [Double], spacing: Int64 = 1_000_000_000) -> [DetectorVerdict] {
    var detector = Detector()
    return values.enumerated().map {
      detector.add($1, unixNanoseconds: start + Int64($0) * spacing)
    }
  }

  private func stream(_ count: Int, seed: UInt64 = 1) -> [Double] {
    var noise = Noise(seed)
    return (0..<count).map { _ in 100 + noise.normal() }
  }

  @Test("A detector has a fixed size, and fits with its values into a record of a series")
  func sizes() {
    #expect(MemoryLayout<Detector>.size <= 4000)
    #expect(MemoryLayout<DetectorWarmUp>.size <= MemoryLayout<DetectorWork>.size)
    #expect(
      MemoryLayout<Series>.size + SeriesRecord.headBytes <= Int(SeriesRecord.bytes))
    #expect(MemoryLayout<SeriesRecord>.size == SeriesRecord.headBytes)
    #expect(SlotTable.chunkBytes % SeriesRecord.bytes == 0)
  }

  @Test("Nothing is said of the first 150 values, whatever they are")
  func warmUp() {
    var values = stream(150)
    values[60] = 1e9
    #expect(verdicts(values).allSatisfy { $0.score == 0 && !$0.isAnomaly })
  }

  @Test("An enormous value among the first does not blind it")
  func badWarmUp() {
    for outlier in [1e4, 1e9, 1e300] {
      for index in [0, 20, 80, 149] {
        var values = stream(1000)
        values[index] = outlier
        for late in 900..<910 { values[late] += 30 }
        let found = verdicts(values)
        #expect(found[900..<910].contains { $0.isAnomaly }, "\(outlier) at \(index)")
      }
    }
  }

  @Test("Verdicts depend on nothing that comes later")
  func causal() {
    let values = stream(1200) + stream(200, seed: 2).map { $0 * 3 }
    let all = verdicts(values)
    let some = verdicts(Array(values.prefix(1300)))
    for index in 0..<1300 {
      #expect(all[index].score == some[index].score)
      #expect(all[index].isAnomaly == some[index].isAnomaly)
    }
  }

  @Test(
    "The same is found in a*x + b as in x", arguments: [(1e-9, 0.0), (1e9, 1e12), (3.7, -1e6)])
  func invariance(_ factor: Double, _ offset: Double) {
    var noise = Noise(7)
    var values = (0..<3000).map { 10 * Double($0 % 60) / 60 + noise.normal() }
    for index in stride(from: 500, to: 3000, by: 410) {
      for near in index..<index + 12 { values[near] += 12 }
    }
    let one = verdicts(values)
    let other = verdicts(values.map { $0 * factor + offset })
    #expect(one.contains { $0.isAnomaly })
    for index in values.indices {
      #expect(one[index].isAnomaly == other[index].isAnomaly)
      #expect(abs(one[index].score - other[index].score) < 1e-3)
    }
  }

  @Test("Noise gives few alarms, a storm of them one")
  func few() {
    for seed in 1...5 {
      let found = verdicts(stream(10_000, seed: UInt64(seed)))
      // The budget: about one in 800 values.
      #expect(found.count { $0.isAnomaly } <= 16)
    }
    var values = stream(1000)
    for index in 500..<520 { values[index] = 200 + Double(index % 7) }
    #expect(verdicts(values)[500..<520].count { $0.isAnomaly } == 1)
  }

  @Test("A cycle of a minute is no anomaly, a break in it is one")
  func season() {
    var noise = Noise(3)
    var values = (0..<4000).map { ($0 % 60 < 5 ? 50.0 : 10.0) + noise.normal() * 0.5 }
    let usual = verdicts(values)
    #expect(usual[1000...].count { $0.isAnomaly } <= 3)
    // The peak comes at another time, once.
    for index in 3000..<3005 { values[index] = 10 }
    for index in 3025..<3030 { values[index] = 50 }
    #expect(verdicts(values)[3000..<3040].contains { $0.isAnomaly })
  }

  @Test("A new level is told, and then is usual")
  func level() {
    let values = stream(2000) + stream(2000, seed: 2).map { $0 + 20 }
    let found = verdicts(values)
    #expect(found[2000..<2010].contains { $0.isAnomaly })
    #expect(found[2800...].count { $0.isAnomaly } <= 3)
    #expect(abs(found[3999].expected - 120) < 2)
    #expect(found[3999].low > 100)
  }

  @Test("Enormous values leave finite verdicts, and are forgotten")
  func enormous() {
    var values = stream(3000)
    values[1000] = 1e300
    values[1001] = -1e300
    for late in 2900..<2910 { values[late] += 30 }
    let found = verdicts(values)
    #expect(found.allSatisfy { $0.score.isFinite && $0.expected.isFinite })
    #expect(found[1000].score >= 0.5)
    #expect(found[2000...2899].count { $0.isAnomaly } <= 2)
    #expect(found[2900..<2910].contains { $0.isAnomaly })
  }

  @Test("A gap of days and times that stand still are no anomalies by themselves")
  func time() {
    var detector = Detector()
    var noise = Noise(5)
    var anomalies = 0
    for index in 0..<3000 {
      let gap: Int64 = index >= 1500 ? 5 * 86_400 : 0
      let at = index >= 2500 ? 2500 : Int64(index)
      let verdict = detector.add(
        100 + noise.normal(), unixNanoseconds: start + (at + gap) * second)
      if verdict.isAnomaly { anomalies += 1 }
    }
    #expect(anomalies <= 6)
  }
}
