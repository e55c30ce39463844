// SPDX-License-Identifier: Apache-2.0
import CPrognos
import CShim
import Glibc

@testable import Analysis
@testable import Recording

/// A process that exists in a recording only, on a virtual clock on which one tick is one nanosecond.
final class HealthHost {
  static let second: UInt64 = 1_000_000_000
  let recording: Recording
  let assessor: Assessor
  private let memory: UnsafeMutableRawPointer
  private let bytes: Int
  private let lane: UnsafeMutablePointer<Lane>
  private var nodes: [UInt32] = []
  private(set) var now: UInt64 = 1_000 * second
  var point = ProcessPoint()
  var sample = ResourceSample()
  var random = Mixer(state: 1)
  private var answers: [() -> Void] = []
  private(set) var lowest = 100.0
  private(set) var lowestReason = ""

  init(limit: UInt64 = 16 << 20, operations: Int) throws {
    let layout = Layout(memoryLimit: limit, operations: 64, lanes: 4)
    bytes = Int(layout.bytes)
    memory = shim_map(bytes)!
    recording = Recording(zeroed: memory, layout: layout)
    recording.header.pointee.startMonotonic.set(now)
    recording.header.pointee.nanosecondsPerTick.set(Double(1).bitPattern)
    lane = recording.acquireLane()!
    guard recording.prepareHistory(), Assessor.prepare(recording) else { fatalError("no room") }
    assessor = Assessor(recording)!
    point.startMonotonic = now
    recording.beginPoints(
      at: HistoryMoment(monotonicNanoseconds: now, unixNanoseconds: now), process: point)
    for index in 0..<operations {
      let id = try recording.nameOperation(CleanText("operation \(index)"), threadID: 1) {}
      nodes.append(recording.child(id, of: lane.pointee.root.value, in: lane)!)
    }
  }

  deinit { munmap(memory, bytes) }

  func call(_ operation: Int, milliseconds: Double, failed: Bool = false) {
    let ticks = UInt64(milliseconds * 1e6)
    let node: UnsafeMutablePointer<CallNode> = recording.at(nodes[operation])
    node.pointee.begun.add(1)
    node.pointee.wallTicks.add(ticks)
    node.pointee.slowestTicks.set(max(node.pointee.slowestTicks.value, ticks))
    _ = recording.count(bucket: Histogram.bucket(ticks), of: node, in: lane)
    if failed { node.pointee.failed.add(1) }
    node.pointee.ended.publish(node.pointee.begun.value)
  }

  /// So many calls whose durations vary by a factor of about 1.3, some of which fail.
  func calls(
    _ operation: Int, _ count: Int, milliseconds: Double, failing: Double = 0, spread: Double = 0.25
  ) {
    for _ in 0..<count {
      call(
        operation, milliseconds: milliseconds * exp(spread * random.normal()),
        failed: failing > 0 && random.unit() < failing)
    }
  }

  /// So many calls at once, of which all took the same time and were off the CPU for a while.
  func many(
    _ operation: Int, _ count: UInt64, milliseconds: Double, offCPU: Double = 0,
    failed: UInt64 = 0
  ) {
    guard count > 0 else { return }
    let node: UnsafeMutablePointer<CallNode> = recording.at(nodes[operation])
    let ticks = UInt64(milliseconds * 1e6)
    node.pointee.begun.add(count)
    node.pointee.wallTicks.add(ticks * count)
    node.pointee.offCPUNanoseconds.add(UInt64(offCPU * 1e6) * count)
    node.pointee.slowestTicks.set(max(node.pointee.slowestTicks.value, ticks))
    _ = recording.count(bucket: Histogram.bucket(ticks), of: node, in: lane)
    node.pointee.failed.add(failed)
    node.pointee.ended.publish(node.pointee.begun.value)
  }

  func answer<Answer: BitwiseCopyable>(_ zero: Answer, _ zone: AssessmentZone) -> Answer? {
    var answer = zero
    guard let table = AnswerTable<Answer>(recording, zone), table.written > 0,
      table.read(0, into: &answer)
    else { return nil }
    return answer
  }

  func work(_ operation: Int, _ amount: UInt64) {
    let node: UnsafeMutablePointer<CallNode> = recording.at(nodes[operation])
    node.pointee.work.add(amount)
  }

  /// The next tick, a second later.
  func tick(seconds: Double = 1, unixOffset: Int64 = 0, isAssessed: Bool = true) {
    now += UInt64(seconds * 1e9)
    point.cpuNanoseconds += UInt64(seconds * 2e8)
    let moment = HistoryMoment(monotonicNanoseconds: now, unixNanoseconds: now)
    let isDue = recording.isDue(at: now, interval: Self.second)
    if isDue { recording.tick(at: moment, interval: Self.second, process: point) }
    guard isAssessed else { return }
    sample.monotonicNanoseconds = now
    sample.unixNanoseconds = now
    let assessed = AssessmentMoment(
      monotonicNanoseconds: now, unixNanoseconds: now, point: isDue ? recording.newestPoint : nil)
    assessor.forecastLoad(at: assessed)
    recording.writeAssessment {
      if answers.isEmpty { return assessor.step(sample, at: assessed) }
      // As a step does it, but for what it would predict itself.
      let end = recording.forEachOperationSample(from: recording.assessedRecords, until: now) {
        assessor.observeHealth($0)
      }
      for put in answers { put() }
      assessor.judgeHealth(sample, at: assessed)
      assessor.judgeAlerts(sample, at: assessed)
      recording.noteAssessment(at: now, records: end)
    }
    if health.score < lowest { (lowest, lowestReason) = (health.score, reason) }
  }

  func forgetLowest() { (lowest, lowestReason) = (100, "") }

  var health: prognos_health {
    var health = prognos_health()
    _ = AnswerTable<prognos_health>(recording, .health)?.read(0, into: &health)
    return health
  }

  var reason: String { text(health.reason) }

  /// Predictions that are made from now on, in place of what the library would predict.
  func set<Answer>(_ new: [Answer], _ zone: AssessmentZone) where Answer: BitwiseCopyable {
    let table = AnswerTable<Answer>(recording, zone)!
    answers.append {
      for (index, answer) in new.enumerated() { table.set(answer, at: index) }
      table.setWritten(UInt64(new.count))
    }
  }

  /// The alerts that are new.
  func alerts() -> [(severity: UInt32, subject: String, reason: String)] {
    var found: [(UInt32, String, String)] = []
    assessor.raiseAlerts { found.append(($0.severity, text($0.subject), text($0.reason))) }
    return found
  }
}

func text<Array>(_ array: Array) -> String {
  withUnsafeBytes(of: array) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
}

/// The same numbers in every run (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014).
struct Mixer {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }

  /// About normal: the sum of twelve uniform ones.
  mutating func normal() -> Double {
    var sum = -6.0
    for _ in 0..<12 { sum += unit() }
    return sum
  }
}
