// SPDX-License-Identifier: Apache-2.0
import Recording

/// The process in a second before the first look at it, by the recording's history.
struct PastSecond: Equatable {
  /// Nanoseconds before the look at which it began and ended.
  var beganBefore: UInt64
  var endedBefore: UInt64
  var operationsPerSecond: Double?
  var errorsPerMinute: Double?
  /// Of one CPU.
  var cpu: Double?
  var readPerSecond: Double?
  var writtenPerSecond: Double?
  var residentBytes: UInt64?

  /// Of the points from the latest one back, the newest first, not much further than `reach` in nanoseconds.
  static func all(
    of recording: Recording, at nanoseconds: UInt64, reach: UInt64
  ) -> [PastSecond] {
    var seconds: [PastSecond] = []
    var later: ProcessPoint?
    recording.forEachOwnPoint(newestFirst: Tier.seconds) { point in
      if let later, let second = PastSecond(later, since: point, at: nanoseconds) {
        seconds.append(second)
      }
      later = point
      return nanoseconds < reach || point.endMonotonic > nanoseconds - reach
    }
    return seconds
  }

  init?(_ point: ProcessPoint, since before: ProcessPoint, at nanoseconds: UInt64) {
    guard point.endMonotonic > before.endMonotonic, point.endMonotonic <= nanoseconds else {
      return nil
    }
    let seconds = Double(point.endMonotonic - before.endMonotonic) / 1e9
    func rate(_ now: UInt64, _ then: UInt64) -> Double { Double(now - min(then, now)) / seconds }
    beganBefore = nanoseconds - before.endMonotonic
    endedBefore = nanoseconds - point.endMonotonic
    operationsPerSecond = rate(point.finished, before.finished)
    errorsPerMinute = rate(point.failed, before.failed) * 60
    cpu = rate(point.cpuNanoseconds, before.cpuNanoseconds) / 1e9
    readPerSecond = rate(point.readBytes, before.readBytes)
    writtenPerSecond = rate(point.writtenBytes, before.writtenBytes)
    residentBytes = point.rssBytes
  }
}

/// The calls of an operation in a span of time before the first look, which may have several such.
struct PastCalls: Equatable {
  /// Nanoseconds before the look at which the span began and ended.
  let beganBefore: UInt64
  let endedBefore: UInt64
  var calls: UInt64

  /// By operation, the oldest first. Only of those that had any.
  static func all(
    of recording: Recording, at nanoseconds: UInt64, reach: UInt64
  ) -> [UInt32: [PastCalls]] {
    var past: [UInt32: [PastCalls]] = [:]
    let from = nanoseconds - min(reach, nanoseconds)
    let operations = recording.operationCount
    var left = most
    recording.forEachRecordedCalls(since: from) { operation, calls, start, end in
      guard operation > 0, operation <= operations, calls > 0, end <= nanoseconds, left > 0
      else { return }
      left -= 1
      past[operation, default: []].append(
        PastCalls(
          beganBefore: nanoseconds - start, endedBefore: nanoseconds - end, calls: calls))
    }
    return past
  }

  /// Whatever a recording claims: 10,000 operations in each of 120 seconds, and some more.
  private static let most = 2_000_000

  var ratePerSecond: Double { Double(calls) / (Double(beganBefore - endedBefore) / 1e9) }
}

/// The looks that there would have been in the past.
enum PastLooks {
  /// Their ages in nanoseconds, the oldest first: those within what is known.
  static func ages(interval: Double, newest: UInt64, oldest: UInt64) -> [UInt64] {
    let step = UInt64(interval * 1e9)
    return (0..<UInt64(Trail.most)).reversed().map { $0 * step + step / 2 }
      .filter { newest <= $0 && $0 < oldest }
  }
}

extension Trail {
  /// The rates of an operation at these looks: 0 where no record names it.
  init(_ past: [PastCalls], at ages: [UInt64]) {
    var index = 0
    for age in ages {
      while index < past.count && past[index].endedBefore > age { index += 1 }
      let isWithin = index < past.count && age < past[index].beganBefore
      add(isWithin ? past[index].ratePerSecond : 0)
    }
  }
}

extension Reading.Process {
  /// The process at the end of its recording, when nobody can ask the system any more.
  init?(_ point: ProcessPoint) {
    guard point.endMonotonic > 0 else { return nil }
    self.init()
    cpuNanoseconds = point.cpuNanoseconds
    residentBytes = point.rssBytes
    threads = point.threads
    openFiles = point.openDescriptors
    readBytes = point.readBytes
    writtenBytes = point.writtenBytes
  }
}
