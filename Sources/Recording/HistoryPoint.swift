// SPDX-License-Identifier: Apache-2.0

/// The process at the end of a span of time. Counters are those of the process, from its start on: what a span
/// took is the difference of two points. In the minutes and hours, gauges are the largest of the span.
/// What the system does not tell is 0; limits that are not set are 0, too.
public struct ProcessPoint {
  // When.
  public var startMonotonic: UInt64 = 0
  public var endMonotonic: UInt64 = 0
  public var endUnix: UInt64 = 0
  /// The process among those that have continued this history.
  public var run: UInt64 = 0

  // Operations. Counters, and of the calls without a caller the quantiles in this span, in ticks.
  public var finished: UInt64 = 0
  public var failed: UInt64 = 0
  public var p50Ticks: UInt64 = 0
  public var p95Ticks: UInt64 = 0
  public var p99Ticks: UInt64 = 0

  // Counters of the process.
  public var cpuNanoseconds: UInt64 = 0
  public var minorFaults: UInt64 = 0
  public var majorFaults: UInt64 = 0
  public var voluntarySwitches: UInt64 = 0
  public var involuntarySwitches: UInt64 = 0
  public var readBytes: UInt64 = 0
  public var writtenBytes: UInt64 = 0
  /// Time in which some task of the system waited (PSI, "some"), and of the process's control group.
  public var pressureCPUNanoseconds: UInt64 = 0
  public var pressureMemoryNanoseconds: UInt64 = 0
  public var pressureIONanoseconds: UInt64 = 0
  public var groupPressureCPUNanoseconds: UInt64 = 0
  public var groupPressureMemoryNanoseconds: UInt64 = 0
  public var groupPressureIONanoseconds: UInt64 = 0
  public var throttledNanoseconds: UInt64 = 0

  // Gauges.
  public var activeOperations: UInt64 = 0
  public var rssBytes: UInt64 = 0
  public var virtualBytes: UInt64 = 0
  public var heapBytes: UInt64 = 0
  public var openDescriptors: UInt64 = 0
  public var threads: UInt64 = 0
  public var groupMemoryBytes: UInt64 = 0
  public var groupProcesses: UInt64 = 0

  // Limits and room: the latest.
  public var groupMemoryLimit: UInt64 = 0
  /// CPU time a second, in nanoseconds.
  public var cpuQuota: UInt64 = 0
  public var groupProcessLimit: UInt64 = 0
  public var descriptorLimit: UInt64 = 0
  public var addressSpaceLimit: UInt64 = 0
  public var dataLimit: UInt64 = 0
  public var processLimit: UInt64 = 0
  public var fileSizeLimit: UInt64 = 0
  public var stackLimit: UInt64 = 0
  public var diskTotalBytes: UInt64 = 0
  public var diskFreeBytes: UInt64 = 0
  public var diskFreeInodes: UInt64 = 0

  public init() {}

  /// In the recording: its number from 1 on, then its words.
  static let words = 43
  static let bytes = UInt32(words + 1) * 8

  /// Makes this the sum of itself and a later one.
  mutating func absorb(_ later: ProcessPoint) {
    let before = self
    self = later
    startMonotonic = before.startMonotonic
    activeOperations = max(activeOperations, before.activeOperations)
    rssBytes = max(rssBytes, before.rssBytes)
    virtualBytes = max(virtualBytes, before.virtualBytes)
    heapBytes = max(heapBytes, before.heapBytes)
    openDescriptors = max(openDescriptors, before.openDescriptors)
    threads = max(threads, before.threads)
    groupMemoryBytes = max(groupMemoryBytes, before.groupMemoryBytes)
    groupProcesses = max(groupProcesses, before.groupProcesses)
  }
}

extension Recording {
  /// Writes a tier's next point. By the collector.
  func add(_ point: ProcessPoint, to tier: Int) {
    let header = header
    let capacity = header.pointee.history.points[tier].capacity.value
    guard capacity > 0 else { return }
    let number = header.pointee.history.points[tier].written.value &+ 1
    let cells = pointCells(number, of: tier, capacity)
    cells[0].set(0)
    withUnsafeBytes(of: point) { bytes in
      for word in 0..<ProcessPoint.words {
        cells[word + 1].publish(bytes.loadUnaligned(fromByteOffset: word * 8, as: UInt64.self))
      }
    }
    cells[0].publish(number)
    header.pointee.history.points[tier].lastEnd.set(point.endMonotonic)
    header.pointee.history.points[tier].written.publish(number)
  }

  private func pointCells(
    _ number: UInt64, of tier: Int, _ capacity: UInt32
  ) -> UnsafeMutablePointer<Cell64> {
    let slot = UInt32(truncatingIfNeeded: (number &- 1) % UInt64(capacity))
    return at(header.pointee.history.points[tier].offset.value &+ slot &* ProcessPoint.bytes)
  }

  /// A tier's ring of points, if it lies within the recording.
  private func pointCapacity(of tier: Int) -> UInt32? {
    let header = header
    let capacity = header.pointee.history.points[tier].capacity.value
    let end =
      UInt64(header.pointee.history.points[tier].offset.value) &+ UInt64(capacity)
      &* UInt64(ProcessPoint.bytes)
    let isWithin =
      capacity > 0 && end <= UInt64(byteCount)
      && header.pointee.history.points[tier].offset.value % 8 == 0
    return isWithin && header.pointee.history.isReady.acquired != 0 ? capacity : nil
  }

  /// How many points of a tier were ever written, and how many there are.
  public func pointCount(of tier: Int) -> (written: UInt64, kept: UInt64) {
    guard let capacity = pointCapacity(of: tier) else { return (0, 0) }
    let written = header.pointee.history.points[tier].written.acquired
    return (written, min(written, UInt64(capacity)))
  }

  /// The point of this number, from 1 on; nil when it was overwritten, or never written.
  public func point(_ number: UInt64, of tier: Int) -> ProcessPoint? {
    guard number > 0, let capacity = pointCapacity(of: tier) else { return nil }
    let cells = pointCells(number, of: tier, capacity)
    guard cells[0].acquired == number else { return nil }
    var point = ProcessPoint()
    withUnsafeMutableBytes(of: &point) { bytes in
      for word in 0..<ProcessPoint.words {
        bytes.storeBytes(
          of: cells[word + 1].acquired, toByteOffset: word * 8, as: UInt64.self)
      }
    }
    return cells[0].value == number ? point : nil
  }

  /// The newest point of the process.
  public var newestPoint: ProcessPoint? {
    point(pointCount(of: Tier.seconds).written, of: Tier.seconds)
  }

  /// A tier's points, the newest first, until `body` returns false.
  public func forEachPoint(newestFirst tier: Int, _ body: (ProcessPoint) -> Bool) {
    let (written, kept) = pointCount(of: tier)
    for age in 0..<kept {
      guard let point = point(written &- age, of: tier), body(point) else { return }
    }
  }

  /// The latest point of this process that is not younger than a moment of the monotonic clock; the oldest one
  /// where all are younger, and zeros without any.
  public func point(at moment: UInt64) -> ProcessPoint {
    let run = UInt64(header.pointee.history.run.value)
    var found: ProcessPoint?
    for tier in 0..<Tier.count {
      forEachPoint(newestFirst: tier) { point in
        guard point.run == run else { return false }
        // A coarser tier's newest may be younger than what is known.
        if let known = found, point.endMonotonic >= known.endMonotonic { return true }
        found = point
        return point.endMonotonic > moment
      }
      if let found, found.endMonotonic <= moment { return found }
    }
    return found ?? ProcessPoint()
  }

  /// How many operations are open now.
  public var activeOperations: UInt64 {
    var active: UInt64 = 0
    forEachLane { active &+= UInt64(depth(of: $0)) }
    return active
  }
}
