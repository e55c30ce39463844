// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Recording

@Suite("The histogram of wall times")
struct HistogramTests {
  private static let bucketCount = Histogram.octaveCount * Histogram.bucketsPerOctave

  @Test("Every bucket holds exactly the values of its range")
  func inverse() {
    for bucket in 0..<Self.bucketCount {
      let (lowest, width) = Histogram.range(ofBucket: bucket)
      #expect(Histogram.bucket(lowest) == UInt64(bucket))
      #expect(Histogram.bucket(lowest + width - 1) == UInt64(bucket))
    }
  }

  @Test("The buckets follow each other without a gap from 0 to the limit")
  func gapless() {
    var next: UInt64 = 0
    for bucket in 0..<Self.bucketCount {
      let (lowest, width) = Histogram.range(ofBucket: bucket)
      #expect(lowest == next)
      next = lowest + width
    }
    #expect(next == Histogram.limit)
  }

  @Test("Values below 128 have a bucket each")
  func exact() {
    for value: UInt64 in 0..<128 { #expect(Histogram.range(ofBucket: Int(value)) == (value, 1)) }
  }

  @Test("A value is found in a bucket whose middle is within 0.8 % of it")
  func relativeError() {
    var random = SplitMix(state: 2)
    for _ in 0..<100_000 {
      let value = random.next() >> UInt64.random(in: 15...63, using: &random)
      var distribution = Distribution()
      let bucket = Int(Histogram.bucket(value))
      distribution.add(1, octave: bucket / 64, within: bucket % 64)
      let middle = distribution.quantile(0.5)!
      let error = abs(Double(middle) - Double(value))
      if error > 0.008 * Double(value) {
        Issue.record("\(value) is found as \(middle)")
        return
      }
    }
  }

  @Test("A node takes the buckets of an octave when its first value arrives, and only then")
  func octavesOnDemand() throws {
    let sandbox = Sandbox()
    let lane = sandbox.lane()
    let node = sandbox.at(sandbox.node([try sandbox.name("op")], on: lane))
    let free = lane.pointee.freeBytes.value
    #expect(sandbox.recording.count(bucket: Histogram.bucket(1000), of: node, in: lane))
    #expect(lane.pointee.freeBytes.value == free + Histogram.octaveBytes)
    #expect(sandbox.recording.count(bucket: Histogram.bucket(1001), of: node, in: lane))
    #expect(lane.pointee.freeBytes.value == free + Histogram.octaveBytes)
  }

  @Test("A bucket whose 32 bits are full counts on, and its neighbours keep their counts")
  func overflow() throws {
    let sandbox = Sandbox()
    let lane = sandbox.lane()
    let node = sandbox.at(sandbox.node([try sandbox.name("op")], on: lane))
    let full = Histogram.bucket(1000)
    let neighbour = Histogram.bucket(1020)
    #expect(full >> 6 == neighbour >> 6)
    for bucket in [full, neighbour, neighbour] {
      #expect(sandbox.recording.count(bucket: bucket, of: node, in: lane))
    }
    func fill() {
      let buckets = node.pointee.histogram.octaves[Int(full >> 6)].value
      let cell: UnsafeMutablePointer<Cell32> = sandbox.recording.at(buckets + UInt32(full & 63) * 4)
      cell.pointee.set(.max)
    }
    fill()
    for _ in 0..<5 { #expect(sandbox.recording.count(bucket: full, of: node, in: lane)) }
    #expect(counts(of: node, on: lane, in: sandbox) == [1 << 32 + 4, 2])
    fill()
    #expect(sandbox.recording.count(bucket: full, of: node, in: lane))
    #expect(counts(of: node, on: lane, in: sandbox) == [2 << 32, 2])
  }

  @Test("A full bucket for whose overflows there is no memory says so and keeps its count")
  func overflowWithoutMemory() throws {
    let sandbox = Sandbox()
    let lane = sandbox.lane()
    let node = sandbox.at(sandbox.node([try sandbox.name("op")], on: lane))
    #expect(sandbox.recording.count(bucket: 5, of: node, in: lane))
    let cell: UnsafeMutablePointer<Cell32> = sandbox.recording.at(
      node.pointee.histogram.octaves[0].value + 20)
    cell.pointee.set(.max)
    while sandbox.recording.allocate(64, for: lane) != nil {}
    #expect(!sandbox.recording.count(bucket: 5, of: node, in: lane))
    #expect(!sandbox.recording.count(bucket: 500, of: node, in: lane))
    #expect(counts(of: node, on: lane, in: sandbox) == [UInt64(UInt32.max)])
  }

  @Test("Calls that wait to be counted are in every reading, once")
  func pending() throws {
    let sandbox = Sandbox()
    let lane = sandbox.lane()
    let node = sandbox.at(sandbox.node([try sandbox.name("op")], on: lane))
    #expect(sandbox.recording.count(bucket: 7, of: node, in: lane))
    let offset = node.pointee.histogram.octaves[0].value + 28
    lane.pointee.pending.set(offset)
    #expect(counts(of: node, on: lane, in: sandbox) == [2])
    lane.pointee.pendingBefore.set(offset)
    #expect(counts(of: node, on: lane, in: sandbox) == [3])
    sandbox.recording.countPending(of: lane)
    #expect(counts(of: node, on: lane, in: sandbox) == [3])
    #expect(lane.pointee.pending.value == sandbox.recording.nothingPending(in: lane))
    sandbox.recording.countPending(of: lane)
    #expect(counts(of: node, on: lane, in: sandbox) == [3])
  }

  private func counts(
    of node: UnsafeMutablePointer<CallNode>, on lane: UnsafeMutablePointer<Lane>,
    in sandbox: Sandbox
  ) -> [UInt64] {
    let moment = ReadingMoment(ticks: 0, monotonicNanoseconds: 0, nanosecondsPerTick: 1)
    var counts: [UInt64] = []
    var budget = ReadingBudget(of: sandbox.recording)
    sandbox.recording.read(node, of: lane, at: moment, withDistribution: true, &budget).distribution
      .forEachBucket { counts.append($2) }
    return counts
  }
}
