// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import Recording

@Suite("Sampled blocks and mappings")
struct HeapSampleTests {
  private func sandbox(mean: UInt64) -> Sandbox {
    let sandbox = Sandbox(limit: 8 << 20, operations: 16, lanes: 2)
    #expect(sandbox.recording.prepareHeapSamples())
    #expect(sandbox.recording.prepareMappings())
    sandbox.recording.header.pointee.heapSampleBytes.set(mean)
    return sandbox
  }

  private func block(_ bytes: UInt64, doublings: UInt32 = 0) -> HeapBlock {
    HeapBlock(bytes: bytes, node: 64, site: 128, doublings: doublings)
  }

  private func live(_ recording: Recording) -> (bytes: Double, blocks: Int) {
    var found = (bytes: 0.0, blocks: 0)
    recording.forEachHeapSample { _, block in
      found.bytes +=
        Double(block.bytes)
        / recording.heapProbability(bytes: block.bytes, doublings: block.doublings)
      found.blocks += 1
    }
    return found
  }

  @Test("A block is found once, with what was kept of it, and is gone then")
  func takenOnce() throws {
    let sandbox = sandbox(mean: 1)
    defer { withExtendedLifetime(sandbox) {} }
    let recording = sandbox.recording
    #expect(!recording.maySample(address: 0x1_0000))
    #expect(recording.takeSample(address: 0x1_0000) == nil)
    #expect(recording.keepSample(address: 0x1_0000, block(100)))
    #expect(recording.maySample(address: 0x1_0000))
    #expect(recording.takeSample(address: 0x1_0010) == nil)
    let taken = try #require(recording.takeSample(address: 0x1_0000))
    #expect((taken.bytes, taken.node, taken.site) == (100, 64, 128))
    #expect(recording.takeSample(address: 0x1_0000) == nil)
    #expect(!recording.maySample(address: 0x1_0000))
    #expect(live(recording).blocks == 0)
  }

  @Test("Without a table no block is kept, and none is found")
  func noTable() {
    let sandbox = Sandbox(limit: 8 << 20, operations: 16, lanes: 2)
    defer { withExtendedLifetime(sandbox) {} }
    let recording = sandbox.recording
    #expect(recording.takeSample(address: 0x1000) == nil)
    #expect(live(recording).blocks == 0)
    #expect(recording.takeMappings(start: 0x1000, bytes: 0x1000).bytes == 0)
  }

  @Test("Nearly as many blocks as there are slots find room, and what does not is counted")
  func full() {
    let sandbox = sandbox(mean: 1)
    defer { withExtendedLifetime(sandbox) {} }
    let recording = sandbox.recording
    var random = SplitMix(state: 7)
    var kept: [UInt64] = []
    let capacity = Int(recording.heapSampleCapacity)
    for _ in 0..<2 * capacity {
      let address = random.next() & 0x7FFF_FFFF_FFF0
      if recording.keepSample(address: address, block(16)) { kept.append(address) }
    }
    #expect(kept.count > capacity / 10 * 9)
    #expect(recording.header.pointee.heapSamplesLost.value == UInt64(2 * capacity - kept.count))
    #expect(kept.allSatisfy { recording.takeSample(address: $0) != nil })
    #expect(recording.header.pointee.heapSampleCount.value == 0)
  }

  @Test(
    "Thinning keeps estimates without bias: small, middle and large blocks within a few percent")
  func thinning() {
    let mean: UInt64 = 4096
    let sandbox = sandbox(mean: mean)
    defer { withExtendedLifetime(sandbox) {} }
    let recording = sandbox.recording
    var random = SplitMix(state: 42)
    func uniform() -> Double { Double(random.next() >> 11) * 0x1p-53 }
    // As the writer does: sampled with the probability of the rate in force.
    var truth = 0.0
    var address: UInt64 = 0x10_0000
    for index in 0..<120_000 {
      let bytes: UInt64 = [64, 2048, 65_536][index % 3]
      truth += Double(bytes)
      address += 128
      let doublings = recording.header.pointee.heapSampleDoublings.value
      if uniform() < recording.heapProbability(bytes: bytes, doublings: doublings) {
        _ = recording.keepSample(address: address, block(bytes, doublings: doublings))
        recording.thinHeapSamples(random: uniform)
      }
    }
    #expect(recording.header.pointee.heapSampleDoublings.value > 0)
    // Now and then both sets of an address are full before the table is.
    #expect(recording.header.pointee.heapSamplesLost.value < 100)
    let found = live(recording)
    #expect(found.blocks <= Int(recording.heapSampleCapacity))
    #expect(abs(found.bytes / truth - 1) < 0.05)
  }

  @Test(
    "What is unmapped of a mapping is taken: the whole, its head, its tail, its middle, parts of two"
  )
  func mappings() {
    let sandbox = sandbox(mean: 1)
    defer { withExtendedLifetime(sandbox) {} }
    let recording = sandbox.recording
    func mapped() -> UInt64 {
      var sum: UInt64 = 0
      recording.forEachMapping { bytes, _, _ in sum += bytes }
      return sum
    }
    recording.keepMapping(start: 0x10_000, bytes: 0x8000, node: 64, site: 0)
    recording.keepMapping(start: 0x18_000, bytes: 0x8000, node: 64, site: 0)
    #expect(recording.takeMappings(start: 0x8000, bytes: 0x1000).bytes == 0)
    #expect(recording.takeMappings(start: 0x10_000, bytes: 0x1000).bytes == 0x1000)
    #expect(recording.takeMappings(start: 0x1F_000, bytes: 0x10_000).bytes == 0x1000)
    #expect(recording.takeMappings(start: 0x12_000, bytes: 0x1000).bytes == 0x1000)
    #expect(mapped() == 0xD000)
    #expect(recording.takeMappings(start: 0x17_000, bytes: 0x2000).bytes == 0x2000)
    #expect(recording.takeMappings(start: 0, bytes: .max).bytes == 0xB000)
    #expect(mapped() == 0)
    #expect(recording.takeMappings(start: 0x1000, bytes: .max).bytes == 0)
  }
}

@Suite("Call sites")
struct SiteTableTests {
  @Test("A node and a stack have one site; a full table falls back to the node alone, then counts")
  func sites() throws {
    let sandbox = Sandbox(limit: 1 << 20, operations: 16, lanes: 2)
    defer { withExtendedLifetime(sandbox) {} }
    let recording = sandbox.recording
    #expect(recording.site(node: 64, stack: 64) == nil)
    #expect(recording.prepareSites())
    let first = try #require(recording.site(node: 64, stack: 128))
    #expect(recording.site(node: 64, stack: 128) == first)
    #expect(recording.site(node: 128, stack: 128) != first)
    for number: UInt32 in 1...5000 { _ = recording.site(node: number * 64, stack: number * 16) }
    #expect(recording.header.pointee.refusedSites.value > 0)
    #expect(recording.site(node: 64, stack: 128) == first)
    var seen = 0
    recording.forEachSite { _, site in
      seen += 1
      #expect(site.pointee.node % 64 == 0)
    }
    #expect(seen <= Int(recording.header.pointee.siteMask.value) + 1)
  }
}

@Suite("Frames of the host's own language")
struct HostFrameTests {
  private func name(
    _ function: String, _ file: String, _ line: UInt32, in recording: Recording
  ) throws -> UInt32 {
    try recording.nameHostFrame(
      function: CleanText(function), file: CleanText(file), line: line, threadID: 1
    ) {}
  }

  @Test("The same function, file and line are the same frame; others are not")
  func same() throws {
    let sandbox = Sandbox(limit: 1 << 20, operations: 16, lanes: 2)
    defer { withExtendedLifetime(sandbox) {} }
    let recording = sandbox.recording
    let first = try name("f", "a.py", 1, in: recording)
    #expect(first == 1)
    #expect(try name("f", "a.py", 1, in: recording) == first)
    #expect(try name("f", "a.py", 2, in: recording) == 2)
    #expect(try name("f", "b.py", 1, in: recording) == 3)
    #expect(try name("g", "", 0, in: recording) == 4)
    #expect(recording.hostFrameCount == 4)
    let frame = recording.hostFrame(3)
    #expect(String(cString: recording.text(frame.pointee.function.value)) == "f")
    #expect(String(cString: recording.text(frame.pointee.file.value)) == "b.py")
    #expect(recording.hostFrame(4).pointee.file.value == 0)
  }

  @Test("A full table refuses, and a recording that begins again keeps the frames")
  func full() throws {
    let sandbox = Sandbox(limit: 1 << 20, operations: 2000, lanes: 2)
    defer { withExtendedLifetime(sandbox) {} }
    let recording = sandbox.recording
    let capacity = recording.header.pointee.hostFrameCapacity.value
    for line in 1...capacity { #expect(try name("f", "a", line, in: recording) == line) }
    #expect(throws: NameFailure.tooManyOperations) {
      try name("f", "a", capacity + 1, in: recording)
    }
    recording.beginAgain(processID: 2)
    #expect(try name("f", "a", 7, in: recording) == 7)
  }
}
