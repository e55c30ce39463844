// SPDX-License-Identifier: Apache-2.0
import CPrognos
import CShim
import Glibc

@testable import Analysis
@testable import Recording

/// A process that exists in a recording only: each of its blocks is sampled, one tick is one nanosecond.
final class LeakHost {
  let recording: Recording
  let assessor: Assessor
  private let memory: UnsafeMutableRawPointer
  private let bytes: Int
  private let lane: UnsafeMutablePointer<Lane>
  private(set) var now: UInt64 = 1 << 33
  private var nextAddress: UInt64 = 0x10_0000
  /// Blocks that something still refers to.
  var held: Set<UInt64> = []
  var sample = ResourceSample()

  init() {
    let layout = Layout(memoryLimit: 16 << 20, operations: 64, lanes: 4)
    bytes = Int(layout.bytes)
    memory = shim_map(bytes)!
    recording = Recording(zeroed: memory, layout: layout)
    recording.header.pointee.startMonotonic.set(now)
    recording.header.pointee.nanosecondsPerTick.set(Double(1).bitPattern)
    recording.header.pointee.heapSampleBytes.set(1)
    lane = recording.acquireLane()!
    guard recording.prepareHistory(), recording.prepareHeapSamples(), recording.prepareMappings(),
      recording.prepareIO(tableBytes: DescriptorOwner.count * DescriptorOwner.entryBytes),
      Assessor.prepare(recording)
    else { fatalError("no room") }
    assessor = Assessor(recording)!
  }

  deinit { munmap(memory, bytes) }

  func operation(_ name: String) throws -> UInt32 {
    let id = try recording.nameOperation(CleanText(name), threadID: 1) {}
    return recording.child(id, of: lane.pointee.root.value, in: lane)!
  }

  func node(_ offset: UInt32) -> UnsafeMutablePointer<CallNode> { recording.at(offset) }

  /// A call of an operation's node, and what it does.
  func call(_ offset: UInt32, _ body: () -> Void = {}) {
    node(offset).pointee.begun.add(1)
    body()
    node(offset).pointee.ended.add(1)
    now += 1_000_000
  }

  func allocate(_ bytes: UInt64, in offset: UInt32, held isHeld: Bool) -> UInt64 {
    nextAddress += (bytes + 31) & ~15
    node(offset).pointee.memory.countAllocation(bytes)
    let generation = UInt32(truncatingIfNeeded: node(offset).pointee.ended.value)
    let block = HeapBlock(
      bytes: bytes, node: offset, site: 0, doublings: 0, generation: generation)
    _ = recording.keepSample(address: nextAddress, block)
    if isHeld { held.insert(nextAddress) }
    return nextAddress
  }

  func free(_ address: UInt64, in offset: UInt32) {
    if let block = recording.takeSample(address: address) {
      node(offset).pointee.memory.countFree(block.bytes)
    }
    held.remove(address)
  }

  func open(_ fd: Int32, in offset: UInt32) {
    recording.ownerCell(ofDescriptor: fd)?.pointee.set(
      DescriptorOwner.make(
        node: offset, isSocket: false,
        generation: UInt32(truncatingIfNeeded: node(offset).pointee.ended.value)))
  }

  func pass(seconds: Double) { now += UInt64(seconds * 1e9) }

  /// Looks for references as the collector does, and assesses; the answers.
  func assess(looking: Bool = true) -> [prognos_leak] {
    let moment = AssessmentMoment(
      monotonicNanoseconds: now, unixNanoseconds: now, point: nil)
    if looking {
      assessor.forEachSuspectBlock(at: moment) { block in
        recording.markHeapSample(
          in: block.slot, address: block.address, isReferenced: held.contains(block.address))
        return true
      }
    }
    sample.monotonicNanoseconds = now
    recording.writeAssessment { assessor.step(sample, at: moment) }
    guard let table = AnswerTable<prognos_leak>(recording, .leaks) else { return [] }
    return (0..<table.count).map { index in
      var leak = prognos_leak()
      _ = table.read(index, into: &leak)
      return leak
    }
  }

  func operationID(of offset: UInt32) -> UInt32 { node(offset).pointee.operation.value }
}

extension prognos_leak {
  var reasonText: String { text(of: reason) }
  var resourceText: String { text(of: resource) }

  private func text<Array>(of array: Array) -> String {
    withUnsafeBytes(of: array) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }
}
