// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import Recording

@Suite("Input and output of a node")
struct IORecordTests {
  @Test("A record fills whole words, in the order in which totals read them, within its bytes")
  func layout() {
    #expect(MemoryLayout<IORecord>.size == IORecord.words * 8)
    #expect(MemoryLayout<IORecord>.size <= Int(IORecord.bytes))
    #expect(IORecord.bytes % 64 == 0)
    #expect(
      IORecord.words == IOKind.count * 6 + IORecord.Wait.count * 2 + 6 + IORecord.sizeBuckets * 2)
  }

  @Test(
    "Sizes are counted by powers of two, nothing apart, and all that is large together",
    arguments: [
      (0, 0), (1, 1), (2, 2), (3, 2), (4, 3), (511, 9), (512, 10), (1 << 20 - 1, 20), (1 << 20, 21),
      (UInt64.max, 21),
    ] as [(UInt64, Int)])
  func buckets(bytes: UInt64, bucket: Int) {
    #expect(IORecord.sizeBucket(bytes) == bucket)
  }

  @Test("Every cell is found again under its name")
  func words() throws {
    let sandbox = Sandbox()
    let lane = sandbox.lane()
    let node = sandbox.at(sandbox.node([try sandbox.name("op")], on: lane))
    let record = try #require(sandbox.recording.ioRecord(of: node, in: lane))
    #expect(sandbox.recording.ioRecord(of: node, in: lane) == record)
    let cells = UnsafeMutableRawPointer(record).assumingMemoryBound(to: Cell64.self)
    for index in 0..<IORecord.words { (cells + index).pointee.set(UInt64(index + 1)) }
    let io = sandbox.profile().operation(1).io
    for kind in 0..<IOKind.count {
      for (writes, found) in [(0, io.reads(kind)), (1, io.writes(kind))] {
        let index = IORecord.transfers(kind, writes: writes)
        #expect(found.calls == record.pointee.transfers[index].calls.value)
        #expect(found.bytes == record.pointee.transfers[index].bytes.value)
        #expect(found.ticks == record.pointee.transfers[index].ticks.value)
      }
    }
    for wait in 0..<IORecord.Wait.count {
      #expect(io.waits(wait).calls == record.pointee.waits[wait].calls.value)
      #expect(io.waits(wait).ticks == record.pointee.waits[wait].ticks.value)
    }
    #expect(io.sequential == record.pointee.sequential.value)
    #expect(io.classified == record.pointee.classified.value)
    #expect(io.partialReads == record.pointee.partialReads.value)
    #expect(io.durableWrites == record.pointee.durableWrites.value)
    #expect(io.failed == record.pointee.failed.value)
    for bucket in 0..<IORecord.sizeBuckets {
      #expect(io.readSizes(bucket) == record.pointee.sizes[bucket].value)
      #expect(io.writeSizes(bucket) == record.pointee.sizes[IORecord.sizeBuckets + bucket].value)
    }
  }

  /// Counts so many reads of a file, of 10 bytes and 5 ticks each, in a path of operations.
  private func read(
    _ times: UInt64, in path: [UInt32], on lane: UnsafeMutablePointer<Lane>, _ sandbox: Sandbox
  ) {
    let node = sandbox.at(sandbox.node(path, on: lane))
    guard let record = sandbox.recording.ioRecord(of: node, in: lane) else { return }
    record.pointee.transfers[0].calls.add(times)
    record.pointee.transfers[0].bytes.add(times * 10)
    record.pointee.transfers[0].ticks.add(times * 5)
  }

  @Test(
    "An operation has its own input and that of all it called, on every thread, a recursion once")
  func inclusive() throws {
    let sandbox = Sandbox()
    let outer = try sandbox.name("outer")
    let inner = try sandbox.name("inner")
    let idle = try sandbox.name("idle")
    for lane in [sandbox.lane(), sandbox.lane()] {
      read(1, in: [outer], on: lane, sandbox)
      read(2, in: [outer, inner], on: lane, sandbox)
      read(4, in: [outer, inner, inner], on: lane, sandbox)
      read(8, in: [outer, inner, outer], on: lane, sandbox)
      read(16, in: [inner], on: lane, sandbox)
      read(32, in: [], on: lane, sandbox)
      _ = sandbox.node([idle], on: lane)
    }
    let profile = sandbox.profile()
    #expect(profile.operation(outer).io.calls == 2 * (1 + 2 + 4 + 8))
    #expect(profile.operation(inner).io.calls == 2 * (2 + 4 + 8 + 16))
    #expect(profile.operation(idle).io.isEmpty)
    #expect(profile.outsideIO.calls == 2 * 32)
    let path = try #require(profile.paths.first { $0.operation == outer && $0.parent == nil })
    #expect(path.selfIO.calls == 2)
    #expect(path.io.calls == 30)
    let stats = profile.statistics(of: outer)
    #expect(stats.read_bytes == 300)
    #expect(stats.written_bytes == 0)
    #expect(stats.io_calls == 30)
    #expect(stats.io_wait_ns == 150)
  }

  @Test("Waiting is all but sleeps and other threads; without requests of files the ratio is 0")
  func waiting() throws {
    let sandbox = Sandbox()
    let lane = sandbox.lane()
    let node = sandbox.at(sandbox.node([try sandbox.name("op")], on: lane))
    let record = try #require(sandbox.recording.ioRecord(of: node, in: lane))
    for wait in 0..<IORecord.Wait.count { record.pointee.waits[wait].ticks.set(1 << UInt64(wait)) }
    record.pointee.transfers[3].ticks.set(1000)
    #expect(sandbox.profile().statistics(of: 1).io_wait_ns == 1063)
    #expect(sandbox.profile().statistics(of: 1).sequential_ratio == 0)
    record.pointee.classified.set(8)
    record.pointee.sequential.set(6)
    #expect(sandbox.profile().statistics(of: 1).sequential_ratio == 0.75)
  }

  @Test("A full recording has no record to give, and what is shared begins again with it")
  func full() throws {
    let sandbox = Sandbox(limit: 1 << 20)
    let lane = sandbox.lane()
    #expect(sandbox.recording.sharedIO == nil)
    #expect(sandbox.recording.prepareIO(tableBytes: 4096))
    #expect(sandbox.recording.prepareIO(tableBytes: 4096))
    let shared = try #require(sandbox.recording.sharedIO)
    shared.pointee.failed.addShared(3)
    #expect(sandbox.profile().outsideIO.failed == 3)
    while sandbox.recording.allocate(4096, for: lane) != nil {}
    while sandbox.recording.allocate(64, for: lane) != nil {}
    let root: UnsafeMutablePointer<CallNode> = sandbox.recording.at(lane.pointee.root.value)
    #expect(sandbox.recording.ioRecord(of: root, in: lane) == nil)
    sandbox.header.pointee.unattributedIO.addShared(1)
    sandbox.recording.beginAgain(processID: 1)
    #expect(sandbox.recording.sharedIO == nil)
    #expect(sandbox.header.pointee.descriptorsOffset.value == 0)
    #expect(sandbox.header.pointee.unattributedIO.value == 0)
  }
}
