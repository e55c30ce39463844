// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// When a tick is, on the clocks of the recorded process.
public struct HistoryMoment {
  public let monotonicNanoseconds: UInt64
  public let unixNanoseconds: UInt64

  public init(monotonicNanoseconds: UInt64, unixNanoseconds: UInt64) {
    self.monotonicNanoseconds = monotonicNanoseconds
    self.unixNanoseconds = unixNanoseconds
  }
}

/// The collector's tick. By one thread at a time.
extension Recording {
  public var hasHistory: Bool { header.pointee.history.isReady.acquired != 0 }

  /// Sets aside the memory of the history: records take 1/24, 1/12 and 1/24 of the limit (half of that below
  /// 16 MiB), points 950 KiB (from 32 MiB on; in proportion below). False when there is no room for it.
  public func prepareHistory() -> Bool {
    let header = header
    if hasHistory { return true }
    let limit = UInt32(truncatingIfNeeded: header.pointee.bytes.value)
    let share = limit < 16 << 20 ? limit / 48 : limit / 24
    let shares: InlineArray<3, UInt32> = [share, share &* 2, share]
    let entries = header.pointee.operationCapacity.value / CollectedOperation.perPage &+ 1
    func pages(_ bytes: UInt32) -> UInt32 { (bytes &+ Layout.page &- 1) / Layout.page }
    var total = pages(Workspace.bytes) &+ pages(entries &* 4)
    for tier in 0..<Tier.count {
      header.pointee.history.points[tier].capacity.set(pointCapacity(tier, limit))
      total &+= pages(pointCapacity(tier, limit) &* ProcessPoint.bytes) &+ pages(shares[tier])
    }
    guard let start = claimPages(total) else { return false }
    var next = start
    func take(_ bytes: UInt32) -> UInt32 {
      defer { next &+= pages(bytes) &* Layout.page }
      return next
    }
    header.pointee.history.workspace.set(take(Workspace.bytes))
    header.pointee.history.directory.set(take(entries &* 4))
    header.pointee.history.directoryCount.set(entries)
    for tier in 0..<Tier.count {
      header.pointee.history.points[tier].offset.set(
        take(pointCapacity(tier, limit) &* ProcessPoint.bytes))
      header.pointee.history.points[tier].lastEnd.set(header.pointee.startMonotonic.value)
      header.pointee.history.records[tier].offset.set(take(shares[tier]))
      header.pointee.history.records[tier].capacity.set(pages(shares[tier]) &* Layout.page)
      header.pointee.history.records[tier].step.set(1)
      header.pointee.history.records[tier].lastEnd.set(header.pointee.startMonotonic.value)
    }
    header.pointee.history.run.set(1)
    header.pointee.history.isReady.publish(1)
    return true
  }

  /// All below 32 MiB get a share of what there is from there on.
  private func pointCapacity(_ tier: Int, _ limit: UInt32) -> UInt32 {
    let most = UInt64(Tier.points(tier)) &* UInt64(min(limit, 32 << 20))
    return max(UInt32(truncatingIfNeeded: most &>> 25), 64)
  }

  /// For a recording that begins again: the arena is empty.
  func forgetHistory() {
    let header = header
    header.pointee.history.isReady.set(0)
    header.pointee.history.version.set(0)
    header.pointee.history.directory.set(0)
    header.pointee.history.directoryCount.set(0)
    header.pointee.history.freeBytes.set(0)
    header.pointee.history.freeEnd.set(0)
    header.pointee.history.linkPages.set(0)
    header.pointee.history.collectorCPUNanoseconds.set(0)
    header.pointee.history.collectorTicks.set(0)
    header.pointee.history.refused.set(0)
    for tier in 0..<Tier.count {
      header.pointee.history.points[tier].written.set(0)
      header.pointee.history.records[tier].first.set(0)
      header.pointee.history.records[tier].end.set(0)
      header.pointee.history.records[tier].folded.set(0)
      header.pointee.history.records[tier].bytesPerRecord.set(0)
    }
  }

  /// Collects what came since the last tick: a point of the process, a record of the operations when one is due, and
  /// the same for minutes and hours that are over. `process` tells what the system knows of the process.
  ///
  /// - Parameter interval: the time between ticks. A tick that comes somewhat early counts as in time.
  /// Cost: the nodes of all lanes, some tens of nanoseconds each; the histograms of operations that changed.
  public func tick(
    at moment: HistoryMoment, interval: UInt64, process: borrowing ProcessPoint,
    isLast: Bool = false
  ) {
    guard hasHistory else { return }
    let header = header
    let now = moment.monotonicNanoseconds
    let slack = slack(interval)
    let pointStart = header.pointee.history.points[Tier.seconds].lastEnd.value
    guard isLast ? now > pointStart : isDue(at: now, interval: interval) else { return }
    scan()
    let (finished, failed) = countAll()
    header.pointee.history.version.set(header.pointee.history.version.value | 1)
    atomicMemoryFence(ordering: .releasing)
    let step = UInt64(header.pointee.history.records[Tier.seconds].step.value)
    let recordStart = header.pointee.history.records[Tier.seconds].lastEnd.value
    var point = copy process
    point.startMonotonic = pointStart
    point.endMonotonic = now
    point.endUnix = moment.unixNanoseconds
    point.run = UInt64(header.pointee.history.run.value)
    point.finished = finished
    point.failed = failed
    let isRecordDue = isLast || now &- recordStart &+ slack >= step &* Tier.span(Tier.seconds)
    gatherPending()
    setQuantiles(of: &point)
    add(point, to: Tier.seconds)
    if isRecordDue { recordChanges(from: recordStart, at: moment) }
    for tier in Tier.minutes..<Tier.count {
      // Not before the tier below has a record up to now: spans end together.
      let below = tier &- 1
      let start = header.pointee.history.records[tier].lastEnd.value
      let span = Tier.span(tier) &* UInt64(header.pointee.history.records[tier].step.value)
      if header.pointee.history.records[below].lastEnd.value == now,
        now &- start &+ slack >= span
      {
        fold(below)
      }
      if now &- header.pointee.history.points[tier].lastEnd.value &+ slack >= Tier.span(tier) {
        addSummedPoint(to: tier)
      }
    }
    header.pointee.history.version.publish((header.pointee.history.version.value | 1) &+ 1)
  }

  /// What the collector's thread has used so far.
  public func noteTick(cpuNanoseconds: UInt64) {
    header.pointee.history.collectorCPUNanoseconds.set(cpuNanoseconds)
    header.pointee.history.collectorTicks.add(1)
  }

  /// Whether a tick has anything to write.
  public func isDue(at now: UInt64, interval: UInt64) -> Bool {
    let last = header.pointee.history.points[Tier.seconds].lastEnd.value
    return now > last && now &- last &+ slack(interval) >= Tier.span(Tier.seconds)
  }

  private func slack(_ interval: UInt64) -> UInt64 { min(interval, Tier.span(Tier.seconds)) / 4 }

  /// Writes the point that windows of the process begin with while there is no older one.
  public func beginPoints(at moment: HistoryMoment, process: borrowing ProcessPoint) {
    guard hasHistory else { return }
    scan()
    var point = copy process
    point.startMonotonic = header.pointee.history.points[Tier.seconds].lastEnd.value
    point.endMonotonic = moment.monotonicNanoseconds
    point.endUnix = moment.unixNanoseconds
    point.run = UInt64(header.pointee.history.run.value)
    (point.finished, point.failed) = countAll()
    for tier in 0..<Tier.count { add(point, to: tier) }
  }

  /// Finished and failed calls of all operations.
  private func countAll() -> (finished: UInt64, failed: UInt64) {
    var (finished, failed) = (UInt64(0), UInt64(0))
    for operation in 0..<operationCount {
      guard let sums = existingCollected(operation &+ 1) else { continue }
      finished &+= sums.pointee.now[HistoryTotals.Word.finished].value
      failed &+= sums.pointee.now[HistoryTotals.Word.failed].value
    }
    return (finished, failed)
  }

  /// Sums up the points of the tier below since this one's last.
  private func addSummedPoint(to tier: Int) {
    let last = header.pointee.history.points[tier].lastEnd.value
    let run = UInt64(header.pointee.history.run.value)
    var sum: ProcessPoint?
    forEachPoint(newestFirst: tier &- 1) { point in
      guard point.run == run, point.startMonotonic >= last else { return false }
      var earlier = point
      if let later = sum { earlier.absorb(later) }
      sum = earlier
      return true
    }
    guard var point = sum else { return }
    sumOutermost(of: tier &- 1, since: last)
    setQuantilesOfSums(of: &point)
    add(point, to: tier)
  }
}
