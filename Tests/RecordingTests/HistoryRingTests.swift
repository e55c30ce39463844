// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Recording

@Suite("The rings of the history")
struct HistoryRingTests {
  private func totals(_ value: UInt64) -> HistoryTotals {
    var totals = HistoryTotals()
    for word in 0..<HistoryTotals.count { totals[word] = value &+ UInt64(word) }
    return totals
  }

  private func write(_ recording: Recording, _ number: UInt64, operations: UInt32, buckets: Int) {
    var pen = RecordPen(recording, Tier.hours, from: number, to: number + 1, unix: number)
    for operation in 0..<operations {
      pen.putEntry(operation * 3, totals(number), mask: HistoryEntry.hasBuckets * 2 - 1)
      for bucket in 0..<buckets { _ = pen.putBucket(bucket * 7, number) }
      pen.endBuckets()
    }
    pen.finish()
  }

  @Test("What was written is read again, for as long as it is not overwritten")
  func roundTrip() throws {
    let past = try Past(limit: 1 << 20, operations: 1)
    let recording = past.sandbox.recording
    for number: UInt64 in 1...800 {
      write(recording, number, operations: 5, buckets: 12)
      var records = try #require(RecordReader(recording, Tier.hours))
      var seen: [UInt64] = []
      while let (head, reader) = records.next() {
        seen.append(head.startMonotonic)
        #expect(head.endMonotonic == head.startMonotonic + 1)
        guard number % 100 == 0 else { continue }
        var entries = EntryReader(reader)
        for operation: UInt32 in 0..<5 {
          let isThere = entries.next()
          #expect(isThere)
          #expect(entries.operation == operation * 3)
          let totals = entries.totals()
          for word in 0..<HistoryTotals.count {
            #expect(totals[word] == head.startMonotonic + UInt64(word))
          }
          for bucket in 0..<12 {
            let next = entries.nextBucket()
            #expect(next?.bucket == bucket * 7)
            #expect(next?.count == head.startMonotonic)
          }
          let isAtEnd = entries.nextBucket() == nil
          #expect(isAtEnd)
        }
        let isAtEnd = !entries.next()
        #expect(isAtEnd)
      }
      #expect(seen.last == number)
      #expect(seen == Array(seen[0]...number))
      #expect(number < 20 || seen.count > 10)
    }
  }

  @Test("Whatever the bytes of a ring say, reading it ends within it")
  func hostile() throws {
    let past = try Past(limit: 1 << 20, operations: 4)
    let recording = past.sandbox.recording
    for _ in 0..<200 {
      for operation in 0..<4 { past.call(operation, ticks: 1 + past.random.next() % 100_000) }
      past.tick()
    }
    let header = past.sandbox.header
    let offset = Int(header.pointee.history.records[Tier.seconds].offset.value)
    let bytes = Int(header.pointee.history.records[Tier.seconds].capacity.value)
    for round in 0..<200 {
      for _ in 0..<(round % 40 + 1) {
        let at = offset + Int(past.random.next() % UInt64(bytes))
        recording.base.storeBytes(
          of: UInt8(truncatingIfNeeded: past.random.next()), toByteOffset: at, as: UInt8.self)
      }
      let end = header.pointee.history.records[Tier.seconds].end.value
      if round % 3 == 1 {
        header.pointee.history.records[Tier.seconds].first.set(past.random.next() % (2 * end))
      }
      if round % 5 == 1 { header.pointee.history.records[Tier.seconds].first.set(0) }
      if round % 7 == 1 {
        header.pointee.history.records[Tier.seconds].folded.set(past.random.next())
      }
      for seconds: UInt64 in [60, 3_600] { _ = try past.window(seconds: seconds) }
    }
    header.pointee.history.records[Tier.seconds].end.set(.max)
    _ = try past.window(seconds: 60)
    header.pointee.history.records[Tier.seconds].capacity.set(.max)
    _ = try past.window(seconds: 60)
    header.pointee.history.directory.set(.max - 3)
    header.pointee.history.directoryCount.set(.max)
    _ = try past.window(seconds: 60)
    header.pointee.history.points[0].offset.set(.max - 7)
    #expect(recording.pointCount(of: 0).kept == 0)
  }

  @Test("Points: each tier keeps its last ones, minutes sum up seconds and hours minutes")
  func points() throws {
    let past = try Past(operations: 1)
    let recording = past.sandbox.recording
    for second in 1...7_300 {
      past.call(0, ticks: second % 60 == 0 ? 5_000 : 1_000)
      past.now += Past.second
      var process = ProcessPoint()
      process.rssBytes = second % 60 == 30 ? 9_000 : 100
      process.cpuNanoseconds = UInt64(second)
      recording.tick(
        at: HistoryMoment(monotonicNanoseconds: past.now, unixNanoseconds: 77),
        interval: Past.second,
        process: process)
    }
    #expect(recording.pointCount(of: Tier.seconds) == (7_300, 600))
    #expect(recording.pointCount(of: Tier.minutes) == (121, 121))
    #expect(recording.pointCount(of: Tier.hours) == (2, 2))
    #expect(recording.point(6_700, of: Tier.seconds) == nil)
    let second = try #require(recording.point(7_300, of: Tier.seconds))
    #expect(second.finished == 7_300)
    #expect(second.endUnix == 77)
    #expect(second.p50Ticks >= 992 && second.p50Ticks <= 1_008)
    let minute = try #require(recording.point(121, of: Tier.minutes))
    #expect(minute.rssBytes == 9_000)
    #expect(minute.cpuNanoseconds == 7_260)
    #expect(minute.endMonotonic - minute.startMonotonic == 60 * Past.second)
    #expect(minute.p50Ticks >= 992 && minute.p50Ticks <= 1_008)
    #expect(minute.p99Ticks >= 4_960 && minute.p99Ticks <= 5_040)
    let hour = try #require(recording.point(2, of: Tier.hours))
    #expect(hour.finished == 7_200)
    #expect(hour.endMonotonic - hour.startMonotonic == 3_600 * Past.second)
    #expect(hour.p50Ticks >= 992 && hour.p50Ticks <= 1_008)
    let latest = recording.point(at: past.now - 60 * Past.second)
    #expect(latest.endMonotonic == past.now - 60 * Past.second)
    #expect(recording.point(at: past.now - 3_600 * Past.second).finished == 3_660)
    #expect(recording.point(at: 0).finished == 60)
  }

  @Test("The collector's memory holds what is kept in it")
  func sizes() {
    #expect(MemoryLayout<EntryReader>.stride <= 96)
    #expect(MemoryLayout<CollectedOperation>.size == Int(CollectedOperation.bytes))
    #expect(CollectedOperation.perPage * CollectedOperation.bytes <= Layout.page)
    #expect(MemoryLayout<CollectedOctave>.size == Int(CollectedOctave.bytes))
    #expect(MemoryLayout<ProcessPoint>.size == ProcessPoint.words * 8)
  }

  @Test("Numbers are sorted in place")
  func sorting() {
    var random = SplitMix(state: 3)
    for count in [0, 1, 2, 3, 10, 1_000] {
      var numbers = (0..<count).map { _ in random.next() % 500 }
      let expected = numbers.sorted()
      numbers.withUnsafeMutableBufferPointer {
        if let start = $0.baseAddress { heapSort(start, $0.count) }
      }
      #expect(numbers == expected)
    }
  }

  @Test("A forked child begins without a history")
  func fork() throws {
    let past = try Past(operations: 1)
    past.call(0, ticks: 100)
    past.tick()
    past.sandbox.recording.beginAgain(processID: 1)
    #expect(!past.sandbox.recording.hasHistory)
    #expect(past.sandbox.header.pointee.history.records[0].end.value == 0)
    #expect(past.sandbox.header.pointee.history.points[0].written.value == 0)
  }
}
