// SPDX-License-Identifier: Apache-2.0
import CShim
import Glibc
import Hostile
import Testing

@testable import Recording

@Suite("The memory that a hostile recording makes its reader take")
struct HostileMemoryTests {
  private func moment(_ now: UInt64 = 10_000_000_000) -> ReadingMoment {
    ReadingMoment(
      ticks: now, monotonicNanoseconds: now, nanosecondsPerTick: 1, isLive: false)
  }

  /// Nodes of operations of their own, without a gap, each with these octaves: all of them the same buckets.
  private func crowd(_ octaves: [Int], _ sandbox: Sandbox) throws -> Int {
    let recording = sandbox.recording
    let lane = sandbox.lane()
    let buckets = try #require(recording.claimPages(1))
    for bucket in 0..<UInt32(64) {
      let cell: UnsafeMutablePointer<Cell32> = recording.at(buckets + bucket * 4)
      cell.pointee.set(1)
    }
    var nodes = 0
    for operation in 1...recording.operationCount {
      guard let offset = recording.child(operation, of: lane.pointee.root.value, in: lane) else {
        break
      }
      let node = sandbox.at(offset)
      for octave in octaves { node.pointee.histogram.octaves[octave].set(buckets) }
      node.pointee.begun.set(UInt64(octaves.count * 64))
      node.pointee.ended.set(UInt64(octaves.count * 64))
      nodes += 1
    }
    return nodes
  }

  @Test("Octaves that many nodes share are read as often as they would have room, no more")
  func octaves() throws {
    let sandbox = Sandbox(limit: 4 << 20, operations: 4000)
    for number in 0..<4000 { _ = try? sandbox.name("operation \(number)") }
    let nodes = try crowd(Array(0..<Histogram.octaveCount), sandbox)
    let room = Int(sandbox.recording.byteCount / Histogram.octaveBytes)
    #expect(nodes * Histogram.octaveCount > 2 * room)
    let profile = Profile(of: sandbox.recording, at: moment(), distributions: .all)
    #expect(profile.paths.count == nodes)
    #expect(profile.paths.reduce(0) { $0 + $1.distribution.octaveCount } == room)
    #expect(profile.operations.reduce(0) { $0 + $1.distribution.octaveCount } <= room)
  }

  @Test("What lies between a first and a last octave takes no memory")
  func gaps() throws {
    let sandbox = Sandbox(operations: 50)
    for number in 0..<50 { _ = try sandbox.name("operation \(number)") }
    _ = try crowd([0, Histogram.octaveCount - 1], sandbox)
    let profile = Profile(of: sandbox.recording, at: moment(), distributions: .all)
    #expect(profile.paths.allSatisfy { $0.distribution.octaveCount == 2 })
    #expect(profile.paths.allSatisfy { $0.distribution.total == 128 })
  }

  @Test("Octaves that records name are no more than the lanes have room for")
  func records() throws {
    let sandbox = Sandbox(limit: 4 << 20, operations: 4000)
    let recording = sandbox.recording
    for number in 0..<2000 { _ = try sandbox.name("operation \(number)") }
    let isReady = recording.prepareHistory()
    #expect(isReady)
    let pages = try #require(recording.claimPages(300))
    sandbox.header.pointee.history.records[Tier.seconds].offset.set(pages)
    sandbox.header.pointee.history.records[Tier.seconds].capacity.set(300 * Layout.page)
    var pen = RecordPen(recording, Tier.seconds, from: 1, to: 9_000_000_000, unix: 0)
    var totals = HistoryTotals()
    totals[HistoryTotals.Word.finished] = 44
    for operation in 0...recording.operationCount {
      pen.putEntry(
        operation, totals, mask: HistoryEntry.hasBuckets | 1 << UInt64(HistoryTotals.Word.finished))
      for octave in 0..<Histogram.octaveCount { _ = pen.putBucket(octave * 64, 1) }
      pen.endBuckets()
    }
    pen.finish()
    let profile = Profile(of: recording, at: moment(), distributions: .all)
    let window = try #require(HistoryWindow(of: profile, nanoseconds: 60_000_000_000))
    #expect(window.totals.filter { $0.finished == 44 }.count == 2001)
    let room = Int(recording.byteCount / Histogram.octaveBytes) + Histogram.octaveCount
    #expect(2001 * Histogram.octaveCount > 2 * room)
    #expect(window.distributions.reduce(0) { $0 + $1.octaveCount } == room)
  }

  @Test("A record's handles rise: it has no more entries than there are operations")
  func entries() throws {
    let sandbox = Sandbox(limit: 4 << 20)
    let isReady = sandbox.recording.prepareHistory()
    #expect(isReady)
    var pen = RecordPen(sandbox.recording, Tier.seconds, from: 1, to: 2, unix: 0)
    for step in 0..<1000 { pen.putEntry(UInt32(step) &* ((1 << 24) - 1), HistoryTotals(), mask: 0) }
    pen.finish()
    var records = try #require(RecordReader(sandbox.recording, Tier.seconds))
    let next = records.next()
    let (_, reader) = try #require(next)
    var entries = EntryReader(reader)
    var found: [UInt32] = []
    while entries.next() { found.append(entries.operation) }
    #expect(found == [0, (1 << 24) - 1])
  }

  @Test("A copy of a recording that claims gigabytes takes memory for what there is")
  func copies() throws {
    let sandbox = Sandbox(limit: 1 << 30, operations: 100)
    _ = try sandbox.name("work")
    let bytes = sandbox.recording.copyBytes(1 << 20)
    let memory = try #require(shim_map(bytes))
    defer { munmap(memory, bytes) }
    let copy = Recording(copyOf: sandbox.recording, in: memory, extraBytes: 1 << 20)
    #expect(copy.name(ofOperation: 1) == Array("work".utf8))
    var pages = [UInt8](repeating: 0, count: bytes / 4096)
    #expect(mincore(memory, bytes, &pages) == 0)
    #expect(pages.count { $0 & 1 != 0 } < 1000)
  }

  @Test("A short file that claims to be large, and one that is large and empty, have no operations")
  func claims() throws {
    let file = HostileFile()
    let large = Layout(memoryLimit: 1 << 30, operations: 1_000_000, lanes: 65_536)
    let memory = try #require(shim_map(Int(large.bytes)))
    defer { munmap(memory, Int(large.bytes)) }
    let claimed = Recording(zeroed: memory, layout: large)
    claimed.header.pointee.operationCount.set(.max)
    claimed.header.pointee.laneCount.set(.max)
    let head = [UInt8](UnsafeRawBufferPointer(start: memory, count: 8192))
    file.put(head, at: 0)
    for bytes in [8192, 1 << 30] {
      file.resize(8192)
      file.resize(bytes)
      let opened = try RecordingFile(path: file.path)
      defer { opened.close() }
      #expect(opened.recording.byteCount == bytes)
      let profile = Profile(of: opened.recording, at: moment(), distributions: .all)
      #expect(profile.operations.isEmpty)
      #expect(opened.recording.openOperations().isEmpty)
    }
  }

  @Test("A host reads no file that is much larger than its own, nor takes over rings of any size")
  func inHosts() throws {
    let file = HostileFile()
    do throws(RecordingFailure) {
      try RecordingFile(path: file.path, copying: true, atMost: UInt64(file.bytes) - 1).close()
      Issue.record("it was read")
    } catch {
      #expect(
        String(decoding: error.text, as: UTF8.self)
          == "has 1048576 bytes, which is more than was to be read")
    }
    let old = Sandbox(limit: 4 << 20)
    let new = Sandbox(limit: 4 << 20)
    let isReady = old.recording.prepareHistory()
    #expect(isReady)
    old.header.pointee.history.records[Tier.hours].capacity.set(3 << 20)
    let isAdopted = new.recording.adoptHistory(from: old.recording, nanosecondsPerTick: 1)
    #expect(!isAdopted)
  }
}
