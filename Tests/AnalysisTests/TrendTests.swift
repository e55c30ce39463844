// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Testing

@testable import Analysis

@Suite("Trends")
struct TrendTests {
  private func trend(_ values: [Double], seconds: [Double]? = nil) -> Trend? {
    let scratch = UnsafeMutablePointer<Double>.allocate(capacity: Trend.scratchCount)
    defer { scratch.deallocate() }
    return Trend(
      values: values, seconds: seconds ?? values.indices.map { Double($0) }, count: values.count,
      scratch: scratch)
  }

  /// An autoregression of standard deviation 1.
  private func wandering(_ count: Int, _ dependence: Double, _ noise: inout Noise) -> [Double] {
    var value = noise.normal()
    return (0..<count).map { _ in
      value = dependence * value + (1 - dependence * dependence).squareRoot() * noise.normal()
      return value
    }
  }

  @Test(
    "Noise that wanders has no trend, in 95 of 100 cases", arguments: [0, 0.5, 0.9], [64, 256])
  func falseTrends(_ dependence: Double, _ count: Int) {
    var noise = Noise(UInt64(count))
    let found = (0..<600).count { _ in
      trend(wandering(count, dependence, &noise))?.direction != 0
    }
    // 30 are expected; 42 are 2.3 standard deviations more.
    #expect(found <= 42)
  }

  @Test(
    "A rise of three standard deviations is seen", arguments: [(0, 64), (0.5, 128), (0.8, 256)])
  func power(_ dependence: Double, _ count: Int) {
    var noise = Noise(9)
    let found = (0..<200).count { _ in
      let values = wandering(count, dependence, &noise)
      return trend(values.enumerated().map { $1 + 3 * Double($0) / Double(count) })?.direction == 1
    }
    #expect(found >= 180)
  }

  @Test("The slope and the change are those of the line, in the time's unit, outliers or not")
  func slope() throws {
    var noise = Noise(4)
    var values = (0..<200).map { 1000 + 3 * Double($0) + noise.normal() }
    for index in stride(from: 5, to: 200, by: 29) { values[index] = 1e6 }
    let found = try #require(trend(values, seconds: (0..<200).map { Double($0) * 10 }))
    #expect(abs(found.slope - 0.3) < 0.01)
    #expect(abs(found.change - 597) < 15)
    #expect(abs(found.start - 1000) < 10)
    #expect(found.direction == 1)
    let falling = try #require(trend(values.map { -$0 }))
    #expect(falling.direction == -1)
  }

  @Test("What rose and stays is stable: a step, a start that levels off")
  func saturating() throws {
    var noise = Noise(6)
    let step = (0..<120).map { ($0 < 60 ? 0.0 : 50) + noise.normal() }
    #expect(try #require(trend(step)).direction == 0)
    let warm = (0..<200).map { 100 * (1 - Math_exp(-Double($0) / 15)) + noise.normal() }
    #expect(try #require(trend(warm)).direction == 0)
  }

  @Test("Constant, straight, short and enormous series have their answers")
  func edges() throws {
    #expect(trend([Double](repeating: 1, count: 15)) == nil)
    #expect(trend([Double](repeating: 1, count: 257)) == nil)
    let constant = try #require(trend([Double](repeating: 7, count: 50)))
    #expect(constant.direction == 0 && constant.slope == 0 && constant.pValue == 1)
    let straight = try #require(trend((0..<50).map { Double($0) }))
    #expect(straight.direction == 1 && abs(straight.slope - 1) < 1e-9 && straight.pValue < 1e-6)
    let huge = try #require(trend((0..<50).map { Double($0) * 1e306 }))
    #expect(huge.direction == 1)
    let still = try #require(
      trend((0..<50).map { Double($0) }, seconds: [Double](repeating: 3, count: 50)))
    #expect(still.slope == 0)
  }

  @Test("The answer says what moved, by how much, and how sure that is")
  func answer() throws {
    let rising = try #require(trend((0..<60).map { Double(1 << 20) * (100 + Double($0)) }))
    let answer = rising.answer(metric: PROGNOS_METRIC_MEMORY.rawValue, seconds: 59)
    let reason = withUnsafeBytes(of: answer.reason) {
      String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
    }
    #expect(reason.hasPrefix("rises by 59 MiB, 59 %, within 59 s"))
    #expect(answer.direction == 1 && answer.samples == 60 && answer.confidence > 0.99)
  }
}

private func Math_exp(_ x: Double) -> Double {
  // Without Foundation: the limit of (1 + x/n)^n is near enough here.
  var power = 1 + x / 65536
  for _ in 0..<16 { power *= power }
  return power
}
