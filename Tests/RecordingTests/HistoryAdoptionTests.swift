// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Recording

@Suite("A history that goes on after a restart")
struct HistoryAdoptionTests {
  /// All that a tier's records say of an operation's calls, by run.
  private func finished(_ recording: Recording, _ tier: Int, _ operation: UInt32) -> [UInt32:
    UInt64]
  {
    var found: [UInt32: UInt64] = [:]
    guard var records = RecordReader(recording, tier) else { return [:] }
    while let (head, reader) = records.next() {
      var entries = EntryReader(reader)
      while entries.next() {
        guard entries.operation == operation else { continue }
        found[head.run, default: 0] += entries.totals().finished
      }
    }
    return found
  }

  private func restarted(_ old: Past, operations: [String], ticksRate: Double = 1) throws -> Past {
    old.sandbox.header.pointee.nanosecondsPerTick.set(ticksRate.bitPattern)
    let new = try Past(operations: 0, history: false)
    new.now = old.now + 100 * Past.second
    new.sandbox.header.pointee.startMonotonic.set(new.now)
    for name in operations {
      new.nodes.append(new.sandbox.node([try new.sandbox.name(name)], on: new.lane))
    }
    #expect(
      new.sandbox.recording.adoptHistory(from: old.sandbox.recording, nanosecondsPerTick: 1))
    return new
  }

  @Test("Records go on under the handles that the names have now, points with their times")
  func adopted() throws {
    let old = try Past(operations: 3)
    for second in 0..<200 {
      old.call(1, ticks: 1_000)
      if second % 2 == 0 { old.call(2, ticks: 2_000) }
      old.tick()
    }
    // "operation 0" never ran, and is not taken over.
    let new = try restarted(old, operations: ["other", "operation 2"])
    let recording = new.sandbox.recording
    #expect(recording.operationCount == 3)
    #expect(
      string(CleanText(recording.text(recording.operation(3).pointee.name.value))) == "operation 1")
    #expect(finished(recording, Tier.seconds, 3) == [1: 200])
    #expect(finished(recording, Tier.seconds, 2) == [1: 100])
    // The old process's last seconds are in the minutes, too.
    #expect(finished(recording, Tier.minutes, 3) == [1: 200])
    #expect(finished(recording, Tier.hours, 3) == [1: 200])
    #expect(recording.pointCount(of: Tier.seconds).written == 200)
    #expect(try #require(recording.point(200, of: Tier.seconds)).endMonotonic == old.now)

    // Windows are of the new process alone.
    new.call(0, ticks: 10)
    new.call(1, ticks: 20)
    new.tick()
    new.call(1, ticks: 20)
    for seconds: UInt64 in [60, 300, 3_600] { try new.check(seconds: seconds, [0, 1]) }
    for _ in 0..<130 { new.tick() }
    try new.check(seconds: 60, [0, 1])
    try new.check(seconds: 3_600, [0, 1])
    #expect(finished(recording, Tier.minutes, 2) == [1: 100, 2: 2])
    let point = try #require(recording.point(201, of: Tier.seconds))
    #expect(point.run == 2)
    #expect(point.startMonotonic == old.now + 100 * Past.second)

    let third = try restarted(new, operations: [])
    #expect(finished(third.sandbox.recording, Tier.hours, 2).values.reduce(0, +) > 0)
    #expect(third.sandbox.header.pointee.history.run.value == 3)
  }

  @Test("Times are converted when the old process counted them otherwise")
  func converted() throws {
    let old = try Past(operations: 1)
    for _ in 0..<10 {
      old.call(0, ticks: 1_000)
      old.tick()
    }
    let new = try restarted(old, operations: [], ticksRate: 0.5)
    var records = try #require(RecordReader(new.sandbox.recording, Tier.seconds))
    var sum: UInt64 = 0
    while let (_, reader) = records.next() {
      var entries = EntryReader(reader)
      while entries.next() {
        let totals = entries.totals()
        guard entries.operation == 1 else { continue }
        sum += totals.wallTicks
        while let (bucket, _) = entries.nextBucket() {
          #expect(abs(Double(Histogram.middle(ofBucket: bucket)) - 500) < 10)
        }
      }
    }
    #expect(sum == 5_000)
  }

  @Test("Whatever the old recording says, it is taken over without a trap, or not at all")
  func hostile() throws {
    let old = try Past(limit: 1 << 20, operations: 4)
    for _ in 0..<150 {
      for operation in 0..<4 { old.call(operation, ticks: 1 + old.random.next() % 100_000) }
      old.tick()
    }
    let recording = old.sandbox.recording
    let header = old.sandbox.header
    let zones: [(UInt32, UInt32)] = [
      (header.pointee.history.records[0].offset.value, 21_000),
      (header.pointee.history.points[0].offset.value, 20_000),
      (header.pointee.operationsOffset.value, 640), (header.pointee.namesOffset.value, 64),
    ]
    for round in 0..<100 {
      for (start, bytes) in zones {
        for _ in 0..<8 {
          let at = Int(start) + Int(old.random.next() % UInt64(bytes))
          recording.base.storeBytes(
            of: UInt8(truncatingIfNeeded: old.random.next()), toByteOffset: at, as: UInt8.self)
        }
      }
      header.pointee.history.run.set(UInt32(truncatingIfNeeded: old.random.next()))
      if round % 3 == 0 { header.pointee.history.records[0].folded.set(old.random.next()) }
      if round % 4 == 0 { header.pointee.nanosecondsPerTick.set(old.random.next()) }
      if round == 90 { header.pointee.operationCount.set(.max) }
      if round == 95 { header.pointee.operationsOffset.set(.max - 7) }
      let new = Sandbox(limit: 1 << 20, operations: 16)
      _ = new.recording.adoptHistory(from: recording, nanosecondsPerTick: 1)
      #expect(new.recording.operationCount <= 16)
    }
  }
}
