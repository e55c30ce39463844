// SPDX-License-Identifier: Apache-2.0
import CPrognos
import CShim
import Glibc

@testable import Recording

/// A recording in memory of its own, which a test fills as a thread would.
final class Sandbox: @unchecked Sendable {
  let layout: Layout
  let recording: Recording
  private let memory: UnsafeMutableRawPointer

  init(limit: UInt64 = 4 << 20, operations: UInt32 = 64, lanes: UInt32 = 8) {
    layout = Layout(memoryLimit: limit, operations: operations, lanes: lanes)
    memory = shim_map(Int(layout.bytes))!
    recording = Recording(zeroed: memory, layout: layout)
  }

  deinit { munmap(memory, Int(layout.bytes)) }

  var header: UnsafeMutablePointer<Header> { recording.header }

  func name(_ text: String, thread: UInt32 = 1) throws -> UInt32 {
    try recording.nameOperation(CleanText(text), threadID: thread) { sched_yield() }
  }

  func lane() -> UnsafeMutablePointer<Lane> { recording.acquireLane()! }

  /// The node of a path of operations on a lane.
  func node(_ path: [UInt32], on lane: UnsafeMutablePointer<Lane>) -> UInt32 {
    path.reduce(lane.pointee.root.value) { recording.child($1, of: $0, in: lane)! }
  }

  func at(_ node: UInt32) -> UnsafeMutablePointer<CallNode> { recording.at(node) }

  /// Adds a finished call to a node.
  func finish(
    _ node: UInt32, ticks: UInt64, on lane: UnsafeMutablePointer<Lane>, offCPU: UInt64 = 0
  ) {
    let node = at(node)
    let calls = node.pointee.ended.value + 1
    node.pointee.begun.set(calls)
    node.pointee.wallTicks.add(ticks)
    node.pointee.slowestTicks.set(max(node.pointee.slowestTicks.value, ticks))
    node.pointee.fastestComplement.set(max(node.pointee.fastestComplement.value, ~ticks))
    node.pointee.offCPUNanoseconds.add(offCPU)
    _ = recording.count(bucket: Histogram.bucket(ticks), of: node, in: lane)
    node.pointee.ended.publish(calls)
  }

  /// Opens a call of a node (or, with `CallNode.pathless`, of none) on the lane's stack.
  @discardableResult
  func open(
    _ operation: UInt32, node: UInt32, start: UInt64, on lane: UnsafeMutablePointer<Lane>
  ) -> UnsafeMutablePointer<Frame> {
    let top = recording.frame(top: lane.pointee.top.value)
    let slot = recording.slot(above: top, in: lane)!
    slot.pointee.key.set(UInt64(operation))
    slot.pointee.parent.set(top.pointee.node.value)
    slot.pointee.node.set(node)
    slot.pointee.state.set(0)
    slot.pointee.start.set(start)
    lane.pointee.top.set(recording.offset(of: slot))
    return slot
  }

  /// Reads it at a moment at which one tick is one nanosecond.
  func profile(
    at ticks: UInt64 = 1_000_000, distributions: Profile.Distributions = .all,
    cpu: @escaping (UInt32) -> UInt64? = { _ in nil }
  ) -> Profile {
    let moment = ReadingMoment(
      ticks: ticks, monotonicNanoseconds: ticks, nanosecondsPerTick: 1, cpuNanoseconds: cpu)
    return Profile(of: recording, at: moment, distributions: distributions)
  }
}

/// The bytes of a clean text, as a string.
func string(_ text: borrowing CleanText) -> String {
  String(decoding: (0..<text.count).map { text.bytes[$0] }, as: UTF8.self)
}

/// The same numbers in every run (Steele, Lea, Flood: "Fast splittable pseudorandom number
/// generators", 2014).
struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

extension Profile {
  func operation(_ id: UInt32) -> Operation { operations[Int(id) - 1] }

  func statistics(of id: UInt32) -> prognos_op_stats { statistics(of: operation(id)) }
}
