// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import Export
@testable import Recording

@Suite("Suggestions from input and output")
struct SuggestionTests {
  /// An operation called once that took a second, with what `fill` counts.
  private func text(
    operation: String = "op", calls: UInt64 = 1,
    _ fill: (UnsafeMutablePointer<IORecord>) -> Void
  ) -> String {
    let sample = Sample()
    add(operation, calls: calls, to: sample, fill)
    return sample.text()
  }

  private func add(
    _ operation: String, calls: UInt64 = 1, to sample: Sample,
    _ fill: (UnsafeMutablePointer<IORecord>) -> Void
  ) {
    let lane = sample.lane()
    let node = sample.finish(
      [sample.operation(operation)], times: calls, ticks: 1_000_000_000 / calls, on: lane)
    if let record = sample.recording.ioRecord(of: node, in: lane) { fill(record) }
  }

  private func set(
    _ record: UnsafeMutablePointer<IORecord>, _ kind: Int, writes: Int, calls: UInt64,
    mean: UInt64, ticks: UInt64
  ) {
    let index = IORecord.transfers(kind, writes: writes)
    record.pointee.transfers[index].calls.set(calls)
    record.pointee.transfers[index].bytes.set(calls * mean)
    record.pointee.transfers[index].ticks.set(ticks)
  }

  private func reads(
    calls: UInt64 = 12_000, mean: UInt64 = 512, ticks: UInt64 = 400_000_000,
    sequential: UInt64 = 100, partial: UInt64 = 0
  ) -> String {
    text {
      set($0, IOKind.file, writes: 0, calls: calls, mean: mean, ticks: ticks)
      $0.pointee.classified.set(100)
      $0.pointee.sequential.set(sequential)
      $0.pointee.partialReads.set(partial)
    }
  }

  @Test("Small reads in order want a bigger buffer, in random order a cache")
  func smallReads() {
    #expect(
      reads().contains(
        "  [high] op: 12000 reads of files of 512 B, sequential, took 401 ms: use a bigger buffer (saves "
      ))
    #expect(
      reads(sequential: 10).contains(
        "in random order, took 401 ms: sort the requests, cache what is read, or map the file"))
  }

  @Test(
    "Few reads, large ones, those that cost little, and those of small files are fine as they are")
  func noEvidence() {
    for text in [
      reads(calls: 999), reads(mean: 4097), reads(ticks: 40_000_000), reads(partial: 6000),
    ] {
      #expect(text.contains("BY I/O"))
      #expect(!text.contains(": use a bigger buffer"))
    }
  }

  @Test(
    "Small writes are to be collected, whatever they are written to",
    arguments: [
      (IOKind.file, "writes of files of 100 B, in random order, took 100 ms: collect"),
      (IOKind.socket, "writes of sockets of 100 B, took 100 ms: send them together"),
      (IOKind.pipe, "writes of pipes of 100 B, took 100 ms: collect"),
      (IOKind.terminal, "writes of terminals of 100 B, took 100 ms: collect"),
    ])
  func smallWrites(kind: Int, sentence: String) {
    let text = text {
      set($0, kind, writes: 1, calls: 5000, mean: 100, ticks: 100_000_000)
      $0.pointee.classified.set(100)
    }
    #expect(text.contains("op: 5000 " + sentence))
  }

  @Test("Syncs that take the time are to be made for several changes")
  func syncs() {
    func text(_ calls: UInt64) -> String {
      self.text {
        set($0, IOKind.file, writes: 1, calls: 1, mean: 100, ticks: 1)
        $0.pointee.waits[IORecord.Wait.sync].calls.set(calls)
        $0.pointee.waits[IORecord.Wait.sync].ticks.set(600_000_000)
      }
    }
    #expect(
      text(10).contains("op: 10 syncs, took 600 ms: sync once for several changes (saves 54 %"))
    #expect(!text(9).contains("several changes"))
  }

  @Test("Files opened anew by each call are to be kept open")
  func opens() {
    func text(calls: UInt64) -> String {
      self.text(calls: calls) {
        set($0, IOKind.file, writes: 0, calls: 1, mean: 100, ticks: 1)
        $0.pointee.waits[IORecord.Wait.open].calls.set(1000)
        $0.pointee.waits[IORecord.Wait.open].ticks.set(50_000_000)
        $0.pointee.waits[IORecord.Wait.close].ticks.set(50_000_000)
      }
    }
    #expect(
      text(calls: 500).contains("op: 1000 opens, took 145 ms: keep the files open (saves 14 %"))
    #expect(!text(calls: 501).contains("keep the files open"))
  }

  @Test("What brings the most comes first")
  func order() {
    let sample = Sample()
    for number in UInt64(1)...7 {
      add("op \(number)", to: sample) {
        set($0, IOKind.file, writes: 1, calls: 5000, mean: 10, ticks: number * 100_000_000)
      }
    }
    #expect(sample.report.suggestions.map { $0.op } == [7, 6, 5, 4, 3, 2, 1])
  }

  @Test("What a callee does is not said of its caller again")
  func callees() {
    let sample = Sample()
    let lane = sample.lane()
    let outer = sample.operation("outer")
    sample.finish([outer], ticks: 1_000_000_000, on: lane)
    let node = sample.finish([outer, sample.operation("inner")], ticks: 900_000_000, on: lane)
    if let record = sample.recording.ioRecord(of: node, in: lane) {
      set(record, IOKind.file, writes: 1, calls: 5000, mean: 10, ticks: 500_000_000)
    }
    #expect(sample.report.suggestions.map { $0.op } == [2])
  }

  @Test("The table shows who waited longest first, what was synced, and what belongs to nobody")
  func table() {
    let sample = Sample()
    add("a", to: sample) { set($0, IOKind.file, writes: 0, calls: 2, mean: 1024, ticks: 5_000_000) }
    add("b", to: sample) {
      set($0, IOKind.socket, writes: 1, calls: 4, mean: 100, ticks: 6_000_000)
      $0.pointee.waits[IORecord.Wait.sync].calls.set(1)
      $0.pointee.waits[IORecord.Wait.sync].ticks.set(1_000_000)
    }
    let lane = sample.lane()
    let root: UnsafeMutablePointer<CallNode> = sample.recording.at(lane.pointee.root.value)
    if let record = sample.recording.ioRecord(of: root, in: lane) {
      set(record, IOKind.pipe, writes: 0, calls: 1, mean: 3, ticks: 9_000_000)
    }
    let part = sample.text().components(separatedBy: "\n\n").first { $0.hasPrefix("BY I/O") } ?? ""
    let rows = part.split(separator: "\n").map {
      $0.split(separator: " ", omittingEmptySubsequences: true).joined(separator: " ")
    }
    #expect(
      rows == [
        "BY I/O READS READ WRITES WRITTEN WAITED OF THAT SYNC MEAN REQUEST",
        "b 0 0 B 4 400 B 7.00 ms 1.00 ms 100 B",
        "a 2 2.00 KiB 0 0 B 5.00 ms 1.00 KiB",
        "(outside operations) 1 3 B 0 0 B 9.00 ms 3 B",
      ])
  }
}
