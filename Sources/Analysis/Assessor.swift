// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Recording

// What the library concludes from what was recorded. Nothing here knows a clock, a thread or a file: the same code
// runs live on the collector, in the tool on a saved recording, in tests and in benchmarks. All it remembers is in
// the zones of the recording's assessment, so that it needs no memory but those.

/// One moment to assess.
public struct AssessmentMoment {
  public let monotonicNanoseconds: UInt64
  public let unixNanoseconds: UInt64
  /// The point of the process that ends now, if one does; then records of operations may be new, too.
  public let point: ProcessPoint?

  public var hasPoint: Bool { point != nil }

  public init(monotonicNanoseconds: UInt64, unixNanoseconds: UInt64, point: ProcessPoint?) {
    self.monotonicNanoseconds = monotonicNanoseconds
    self.unixNanoseconds = unixNanoseconds
    self.point = point
  }
}

/// The assessment of one recording. A value of this type is where its zones lie.
public struct Assessor {
  let recording: Recording
  let process: UnsafeMutablePointer<ProcessState>
  let operations: OperationStates
  let samples: AnswerTable<ResourceSample>

  /// nil when the recording has no assessment.
  public init?(_ recording: Recording) {
    guard recording.hasAssessment,
      let process = recording.assessmentZone(.process),
      process.bytes >= MemoryLayout<ProcessState>.size,
      let operations = OperationStates(recording),
      let samples = AnswerTable<ResourceSample>(recording, .samples)
    else { return nil }
    self.recording = recording
    self.process = process.start.assumingMemoryBound(to: ProcessState.self)
    self.operations = operations
    self.samples = samples
  }

  /// Sets aside the memory of an assessment; false when there is no room for it.
  ///
  /// - Parameter limit: the memory limit of the recording, of which it takes a share.
  public static func prepare(_ recording: Recording, limit: Int? = nil) -> Bool {
    let limit = limit ?? Int(clamping: recording.header.pointee.bytes.value)
    let capacity = Int(recording.header.pointee.operationCapacity.value)
    let slots = min(capacity, max(limit / 24 / OperationStates.bytesPerOperation, 64))
    return recording.prepareAssessment { zone in
      switch zone {
      case .health: AnswerTable<prognos_health>.bytes(capacity: 1)
      case .crash: AnswerTable<prognos_crash>.bytes(capacity: 1)
      case .resources: AnswerTable<prognos_resource>.bytes(capacity: Resource.allCases.count)
      case .anomalies: AnswerTable<prognos_anomaly>.bytes(capacity: 256)
      case .leaks: AnswerTable<prognos_leak>.bytes(capacity: 32)
      case .alerts: AnswerTable<prognos_alert>.bytes(capacity: 256)
      case .operationHealth: AnswerTable<OperationHealth>.bytes(capacity: slots)
      case .samples:
        AnswerTable<ResourceSample>.bytes(
          capacity: limit < 16 << 20 ? 128 : limit < 64 << 20 ? 640 : 2560)
      case .objectives: BurnRecords.bytes(capacity: min(max(limit >> 18, 8), 256))
      case .process: UInt32(MemoryLayout<ProcessState>.size)
      case .operations: UInt32(slots * MemoryLayout<OperationState>.stride)
      case .operationSlots: UInt32((capacity + 1) * 4)
      case .detectors: UInt32(limit / 16)
      case .exhaustion: limit < 4 << 20 ? 0 : UInt32(Exhaustion.bytes)
      case .leakLedger: UInt32(limit / 256)
      case .references: limit < 16 << 20 ? 0 : 112 << 10
      case .peak: AnswerTable<prognos_peak>.bytes(capacity: 1)
      case .scalability: AnswerTable<prognos_scalability>.bytes(capacity: 1)
      case .productivity: AnswerTable<prognos_productivity>.bytes(capacity: 1)
      case .load: UInt32(MemoryLayout<LoadState>.size)
      case .forecast: limit < 8 << 20 ? 0 : UInt32(Self.forecastBytes)
      case .bottlenecks: AnswerTable<prognos_bottleneck>.bytes(capacity: 32)
      case .bottleneckSums: BottleneckState.bytes(entries: min(max(limit >> 16, 32), 384))
      case .precursors: Lives.bytes(limit: limit)
      }
    }
  }

  /// Assesses a moment: the samples that came with it, and all records that are new. By the collector.
  public func step(_ sample: ResourceSample, at moment: AssessmentMoment) {
    samples.append(sample)
    process.pointee.nanosecondsPerTick = sample.nanosecondsPerTick
    watchResources(sample, at: moment)
    var position = recording.assessedRecords
    if let point = moment.point {
      let now = moment.monotonicNanoseconds
      beginCrashRecord(sample, at: moment)
      var calls: OperationSample?
      position = recording.forEachOperationSample(from: position, until: now) { operation in
        if operation.operation == 0 { calls = operation }
        observeHealth(operation)
        guard let state = operations.state(of: operation.operation) else { return }
        watch(operation, state)
        watchCrash(operation, state)
        state.pointee.precursor.observe(operation, nanosecondsPerTick: nanosecondsPerTick)
      }
      watchProcess(point, at: moment)
      watchPrecursors(point, sample)
      observeLoad(point, calls, sample)
      observeProductivity(point, calls, sample)
    }
    judgeLeaks(at: moment)
    judgeBottlenecks(at: moment)
    judgeCrash(sample, at: moment)
    judgeHealth(sample, at: moment)
    judgeAlerts(sample, at: moment)
    judgeLoad(at: moment)
    if moment.hasPoint { judgeProductivity() }
    recording.noteAssessment(at: moment.monotonicNanoseconds, records: position)
  }
}
