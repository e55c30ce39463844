// SPDX-License-Identifier: Apache-2.0
import CPrognos
import CShim
import Glibc

@testable import Export
@testable import Recording

/// A small recording with fixed times, and the report on it.
final class Sample {
  let recording: Recording
  private let memory: UnsafeMutableRawPointer
  private let bytes: Int
  var process = prognos_process_stats()
  var diagnostics = prognos_diagnostics()
  var command = Array("host".utf8)
  /// The moment of the reading: 2 s after the start, in ticks of a nanosecond.
  var now: UInt64 = 2_000_000_000

  init() {
    let layout = Layout(memoryLimit: 4 << 20, operations: 1000, lanes: 8)
    bytes = Int(layout.bytes)
    memory = shim_map(bytes)!
    recording = Recording(zeroed: memory, layout: layout)
    recording.header.pointee.cpuClock.set(CPUClock.rseq)
    recording.header.pointee.mode.set(Header.Mode.counter)
  }

  deinit { munmap(memory, bytes) }

  func operation(_ name: String) -> UInt32 {
    (try? recording.nameOperation(CleanText(name), threadID: 1) {}) ?? 0
  }

  func lane() -> UnsafeMutablePointer<Lane> { recording.acquireLane()! }

  func node(
    _ path: [UInt32], on lane: UnsafeMutablePointer<Lane>
  ) -> UnsafeMutablePointer<CallNode> {
    recording.at(path.reduce(lane.pointee.root.value) { recording.child($1, of: $0, in: lane)! })
  }

  /// Adds finished calls, each of the same time.
  @discardableResult
  func finish(
    _ path: [UInt32], times: UInt64 = 1, ticks: UInt64, offCPU: UInt64 = 0,
    on lane: UnsafeMutablePointer<Lane>
  ) -> UnsafeMutablePointer<CallNode> {
    let node = node(path, on: lane)
    for _ in 0..<times { add(ticks, offCPU: offCPU, to: node, on: lane) }
    return node
  }

  /// Adds a finished call at each level of an operation that calls itself.
  func finish(
    _ operation: UInt32, nested levels: Int, ticks: UInt64, on lane: UnsafeMutablePointer<Lane>
  ) {
    var offset = lane.pointee.root.value
    for level in 0..<levels {
      offset = recording.child(operation, of: offset, in: lane)!
      add(ticks + UInt64(levels - level), offCPU: 0, to: recording.at(offset), on: lane)
    }
  }

  private func add(
    _ ticks: UInt64, offCPU: UInt64, to node: UnsafeMutablePointer<CallNode>,
    on lane: UnsafeMutablePointer<Lane>
  ) {
    node.pointee.wallTicks.add(ticks)
    node.pointee.offCPUNanoseconds.add(offCPU)
    node.pointee.slowestTicks.set(max(node.pointee.slowestTicks.value, ticks))
    node.pointee.fastestComplement.set(max(node.pointee.fastestComplement.value, ~ticks))
    _ = recording.count(bucket: Histogram.bucket(ticks), of: node, in: lane)
    node.pointee.begun.add(1)
    node.pointee.ended.add(1)
  }

  func fail(_ path: [UInt32], kind: UInt32, times: Int = 1, on lane: UnsafeMutablePointer<Lane>) {
    let node = node(path, on: lane)
    for _ in 0..<times {
      node.pointee.failed.add(1)
      recording.countFailure(kind, of: node, in: lane)
    }
  }

  func kind(_ word: String) -> UInt32 { recording.numberOfKind(CleanText(word)) }

  func open(_ path: [UInt32], start: UInt64, on lane: UnsafeMutablePointer<Lane>) {
    let top = recording.frame(top: lane.pointee.top.value)
    let slot = recording.slot(above: top, in: lane)!
    slot.pointee.key.set(UInt64(path.last!))
    slot.pointee.node.set(recording.offset(of: node(path, on: lane)))
    slot.pointee.start.set(start)
    lane.pointee.top.set(recording.offset(of: slot))
  }

  /// Calls that found no room for a path.
  func pathless(_ operation: UInt32, count: UInt64, ticks: UInt64) {
    let calls = recording.operation(operation)
    calls.pointee.pathless.count.add(count)
    calls.pointee.pathless.wallTicks.add(count * ticks)
    calls.pointee.pathless.slowestTicks.set(ticks)
    calls.pointee.pathless.fastestComplement.set(~ticks)
  }

  var report: Report { report(frames: FrameNames()) }

  func report(frames: FrameNames) -> Report {
    let moment = ReadingMoment(
      ticks: now, monotonicNanoseconds: now, nanosecondsPerTick: 1, cpuNanoseconds: { _ in nil })
    return Report(
      profile: Profile(of: recording, at: moment, distributions: .all), process: process,
      capabilities: Self.capabilities, diagnostics: diagnostics, libraryVersion: "9.8.7",
      processID: 4711, command: command, startUnixNanoseconds: 1_700_000_000_123_456_789,
      endUnixNanoseconds: 1_700_000_002_123_456_789, frames: frames,
      sessions: Sessions(of: recording, at: moment))
  }

  func text(unicode: Bool = true) -> String { string(report.text(unicode: unicode)) }
  var json: String { string(report.json()) }
  var folded: String { string(report.folded()) }

  private static var capabilities: prognos_capabilities {
    func characters(_ text: StaticString) -> UnsafePointer<CChar> {
      UnsafeRawPointer(text.utf8Start).assumingMemoryBound(to: CChar.self)
    }
    var capabilities = prognos_capabilities()
    capabilities.time_source = characters("tsc")
    capabilities.time_source_reason = characters("it is \"invariant\"")
    capabilities.cpu_clock = characters("rseq")
    capabilities.cpu_clock_reason = characters("it works")
    capabilities.ticks_per_s = 1e9
    capabilities.memory_limit_bytes = 4 << 20
    capabilities.max_ops = 1000
    capabilities.max_threads = 8
    capabilities.max_depth = 4004
    capabilities.track = 1
    return capabilities
  }
}

func string(_ output: Output) -> String { String(decoding: output.bytes, as: UTF8.self) }

/// What `body` writes.
func written(_ body: (inout Output) -> Void) -> String {
  var output = Output()
  body(&output)
  return string(output)
}
