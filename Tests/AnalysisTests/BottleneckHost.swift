// SPDX-License-Identifier: Apache-2.0
import CPrognos
import CShim
import Glibc

@testable import Analysis
@testable import Recording

/// A process of some threads, 10 s long, that exists in a recording only: one tick is one nanosecond, times are in ms.
final class BottleneckHost {
  let recording: Recording
  let assessor: Assessor
  private let memory: UnsafeMutableRawPointer
  private let bytes: Int
  private let start: UInt64 = 1 << 33
  private(set) var names: [String: UInt32] = [:]

  final class Thread {
    fileprivate let lane: UnsafeMutablePointer<Lane>
    fileprivate init(_ lane: UnsafeMutablePointer<Lane>) { self.lane = lane }
  }

  init(cpus: UInt32 = 8) {
    let layout = Layout(memoryLimit: 16 << 20, operations: 64, lanes: 16)
    bytes = Int(layout.bytes)
    memory = shim_map(bytes)!
    recording = Recording(zeroed: memory, layout: layout)
    recording.header.pointee.startMonotonic.set(start)
    recording.header.pointee.nanosecondsPerTick.set(Double(1).bitPattern)
    recording.identity.pointee.cpus.set(cpus)
    guard recording.prepareHistory(), recording.prepareHeapSamples(), recording.prepareMappings(),
      recording.prepareIO(tableBytes: DescriptorOwner.count * DescriptorOwner.entryBytes),
      recording.prepareWaitEdges(), recording.prepareExperiments(), Assessor.prepare(recording)
    else { fatalError("no room") }
    assessor = Assessor(recording)!
  }

  deinit { munmap(memory, bytes) }

  func thread() -> Thread { Thread(recording.acquireLane()!) }

  func operation(_ name: String) -> UInt32 {
    if let known = names[name] { return known }
    let id = try! recording.nameOperation(CleanText(name), threadID: 1) {}
    names[name] = id
    return id
  }

  /// Calls of an operation at a path, "request/parse"; per call: its own CPU time, its sleep, and its waits.
  func calls(
    _ path: String, _ count: UInt64, cpu: Double = 0, sleep: Double = 0, lock: Double = 0,
    signal: Double = 0, on thread: Thread
  ) {
    let lane = thread.lane
    var nodes: [UnsafeMutablePointer<CallNode>] = []
    var offset = lane.pointee.root.value
    for name in path.split(separator: "/") {
      offset = recording.child(operation(String(name)), of: offset, in: lane)!
      nodes.append(recording.at(offset))
    }
    func total(_ each: Double) -> UInt64 { UInt64(each * 1e6 * Double(count)) }
    let off = total(sleep) + total(lock) + total(signal)
    nodes.last!.pointee.begun.add(count)
    nodes.last!.pointee.ended.add(count)
    for node in nodes {
      node.pointee.wallTicks.add(total(cpu) + off)
      node.pointee.offCPUNanoseconds.add(off)
    }
    let io = recording.ioRecord(of: nodes.last!, in: lane)!
    io.pointee.waits[IORecord.Wait.pause].ticks.add(total(sleep))
    if sleep > 0 { io.pointee.waits[IORecord.Wait.pause].calls.add(count) }
    io.pointee.waits[IORecord.Wait.lock].ticks.add(total(lock))
    io.pointee.waits[IORecord.Wait.signal].ticks.add(total(signal))
  }

  /// Waits outside of all operations, in ms.
  func waitsOutside(signal: Double = 0, on thread: Thread) {
    let lane = thread.lane
    let io = recording.ioRecord(of: recording.at(lane.pointee.root.value), in: lane)!
    io.pointee.waits[IORecord.Wait.signal].ticks.add(UInt64(signal * 1e6))
  }

  func wait(of waiting: String, for holding: String, milliseconds: Double) {
    recording.addWait(
      of: operation(waiting), for: operation(holding), ticks: UInt64(milliseconds * 1e6))
  }

  /// A round of an experiment: so many completions a second.
  func round(_ name: String?, percent: UInt16 = 0, rate: Double, progress: String) {
    var round = ExperimentRound()
    let number = recording.experiment!.pointee.written.value
    round.startedNanoseconds = start + number * 100_000_000
    round.completions = 1000
    round.virtualNanoseconds = UInt64(1000 / rate * 1e9)
    round.realNanoseconds = round.virtualNanoseconds
    round.operation = name.map { operation($0) } ?? 0
    round.progress = operation(progress)
    round.percent = percent
    round.experiment = 1
    recording.add(round, to: recording.experiment!)
  }

  /// Assesses after 10 s; the answers with their operations' names.
  func assess(after seconds: Double = 10) -> [(name: String, answer: prognos_bottleneck)] {
    let now = start + UInt64(seconds * 1e9)
    let moment = AssessmentMoment(monotonicNanoseconds: now, unixNanoseconds: now, point: nil)
    var sample = ResourceSample()
    sample.monotonicNanoseconds = now
    recording.writeAssessment { assessor.step(sample, at: moment) }
    guard let table = AnswerTable<prognos_bottleneck>(recording, .bottlenecks) else { return [] }
    return (0..<table.count).map { index in
      var answer = prognos_bottleneck()
      _ = table.read(index, into: &answer)
      return (names.first { $0.value == answer.op }?.key ?? "?", answer)
    }
  }
}

extension prognos_bottleneck {
  var reasonText: String { text(of: reason) }
  var methodText: String { text(of: method) }
  var boundByText: String { text(of: bound_by) }

  private func text<Array>(of array: Array) -> String {
    withUnsafeBytes(of: array) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }
}
