// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Recording

/// A metric of the process or of an operation under watch.
struct Watched: BitwiseCopyable {
  var detector = Detector()
  /// 0: the process.
  var operation: UInt32 = 0
  var metric: UInt32 = 0
  var candidate = AnomalyCandidate()
  var level = ToldLevel()
}

/// An alarm of a detector that is not yet told, or that may turn out to be a new level.
struct AnomalyCandidate: BitwiseCopyable {
  var unixNanoseconds: Int64 = 0
  var value = 0.0
  var expected = 0.0
  var low = 0.0
  var high = 0.0
  var score = 0.0
  /// Values since the alarm, itself included, and how many of them lay outside of the range on its side; 0: none.
  var values: UInt16 = 0
  var outside: UInt16 = 0
  var isTold: UInt16 = 0
  var reserved: UInt16 = 0
}

/// The level that was told last: for a while it is not told again, though the detector still has to get used to it.
struct ToldLevel: BitwiseCopyable {
  var value = 0.0
  var tolerance = 0.0
  var valuesLeft: UInt64 = 0

  func has(_ other: Double) -> Bool { valuesLeft > 0 && abs(other - value) <= tolerance }
}

/// The detectors of a recording, given out one by one: 1 in 16 bytes of its memory.
struct WatchPool {
  private let used: UnsafeMutablePointer<UInt64>
  private let start: UnsafeMutablePointer<Watched>
  let capacity: Int

  init?(_ recording: Recording) {
    guard let zone = recording.assessmentZone(.detectors), zone.bytes > 64 else { return nil }
    used = zone.start.assumingMemoryBound(to: UInt64.self)
    start = (zone.start + 64).assumingMemoryBound(to: Watched.self)
    capacity = (zone.bytes - 64) / MemoryLayout<Watched>.stride
  }

  /// The number of a new one, from 1 on; nil when all are given out.
  func take(_ metric: prognos_metric, of operation: UInt32) -> UInt32? {
    let number = used.pointee
    guard number < UInt64(capacity) else { return nil }
    used.pointee = number + 1
    let place = start + Int(number)
    place.pointee = Watched()
    place.pointee.operation = operation
    place.pointee.metric = metric.rawValue
    return UInt32(truncatingIfNeeded: number + 1)
  }

  subscript(_ number: UInt32) -> UnsafeMutablePointer<Watched>? {
    number > 0 && UInt64(number) <= used.pointee && Int(number) <= capacity
      ? start + Int(number) - 1 : nil
  }
}

/// What the watch remembers of an operation: the numbers of its detectors.
struct WatchState: BitwiseCopyable {
  /// The metrics that are watched, in the order of `metrics`; 0 without a detector.
  var detectors = InlineArray<6, UInt32>(repeating: 0)
  /// How often it did something lately: up with each record, down with each second without.
  var busyness: UInt16 = 0
  var isRefused: UInt16 = 0
  /// Records without a failure, as far as they matter.
  var flawless: UInt32 = 0
  /// The end of the latest record, and how long its span was.
  var latest: UInt64 = 0
  var span: UInt64 = 0

  static func metric(_ index: Int) -> prognos_metric {
    switch index {
    case 0: PROGNOS_METRIC_RATE
    case 1: PROGNOS_METRIC_WALL_P95
    case 2: PROGNOS_METRIC_ERROR_RATIO
    case 3: PROGNOS_METRIC_CPU
    case 4: PROGNOS_METRIC_MEMORY
    default: PROGNOS_METRIC_IO
    }
  }
  static var count: Int { 6 }
}

/// What it remembers of the process.
struct WatchProcessState: BitwiseCopyable {
  var detectors = InlineArray<9, UInt32>(repeating: 0)
  var metrics = MetricState()

  static func metric(_ index: Int) -> prognos_metric {
    switch index {
    case 0...5: WatchState.metric(index)
    case 6: PROGNOS_METRIC_FDS
    case 7: PROGNOS_METRIC_THREADS
    default: PROGNOS_METRIC_SWITCHES
    }
  }
  static var count: Int { 9 }
}
