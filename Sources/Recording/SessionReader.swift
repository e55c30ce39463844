// SPDX-License-Identifier: Apache-2.0
import CPrognos

/// Sessions as a reader finds them.
public struct Sessions {
  public struct Session {
    public let handle: UInt64
    public let stats: prognos_session_stats
  }

  /// Those that are open, and those closed whose records were not used again.
  public var known: [Session] = []
  public var open: UInt64 = 0
  public var opened: UInt64 = 0
  /// Closed and forgotten: how many, and what their calls were together.
  public var forgotten: UInt64 = 0
  public var forgottenCalls: UInt64 = 0
  public var forgottenFailed: UInt64 = 0
  public var forgottenWallNanoseconds: UInt64 = 0
  public var forgottenCPUNanoseconds: UInt64 = 0

  public init() {}

  /// Cost: about a microsecond a session, and the stacks of all lanes.
  public init(of recording: Recording, at moment: ReadingMoment) {
    let active = recording.callsInSessions(nil)
    let used = min(
      recording.header.pointee.sessions.table.used.acquired,
      recording.byteCount / SessionRecord.bytes)
    for index in 0..<used {
      guard let record = recording.session(index: index) else { break }
      let handle = SlotHandle(index: index, generation: record.pointee.slot.generation)
      guard
        let stats = recording.readSession(handle, at: moment, active: active[index] ?? 0)
      else { continue }
      known.append(Session(handle: handle.value, stats: stats))
    }
    open = UInt64(recording.header.pointee.sessions.table.inUse.value)
    opened = recording.header.pointee.sessions.opened.value
    forgotten = recording.header.pointee.sessions.forgotten.value
    let calls = recording.readSums(recording.header.pointee.sessions.forgottenCalls)
    forgottenCalls = calls.count
    forgottenFailed = calls.failed
    forgottenWallNanoseconds = moment.nanoseconds(calls.wallTicks)
    forgottenCPUNanoseconds = recording.cpuNanoseconds(calls, at: moment)
  }
}

/// A session's sums as values.
private struct SessionTotals {
  let count, failed, wallTicks, enteredTicks, offCPUNanoseconds, work: UInt64
}

extension Recording {
  fileprivate func readSums(_ sums: borrowing SessionSums) -> SessionTotals {
    SessionTotals(
      count: sums.count.value, failed: sums.failed.value, wallTicks: sums.wallTicks.value,
      enteredTicks: sums.enteredTicks.value, offCPUNanoseconds: sums.offCPUNanoseconds.value,
      work: sums.work.value)
  }

  fileprivate func cpuNanoseconds(_ totals: SessionTotals, at moment: ReadingMoment) -> UInt64 {
    let entered = moment.nanoseconds(totals.enteredTicks)
    guard header.pointee.cpuClock.value != CPUClock.off else { return 0 }
    return entered - min(totals.offCPUNanoseconds, entered)
  }

  /// How many operations and spans are open in each session, by its index; of one session alone if one is given.
  func callsInSessions(_ wanted: UInt32?) -> [UInt32: UInt64] {
    var found: [UInt32: UInt64] = [:]
    forEachLane { lane in
      var isCall = false
      forEachFrame(of: lane) { _, frame in
        let isSession = frame.pointee.isSession
        let index = frame.pointee.parent.value
        if isSession && isCall && (wanted == nil || wanted == index) {
          found[index, default: 0] += 1
        }
        // What stands on a span belongs to that.
        isCall = !isSession && !frame.pointee.isSpan && frame.pointee.operation != 0
      }
    }
    for open in openSpans() {
      guard let session = span(index: open.index)?.pointee.session.value, session != 0 else {
        continue
      }
      let handle = SlotHandle(session)
      guard wanted == nil || wanted == handle.index,
        self.session(index: handle.index)?.pointee.slot.generation == handle.generation
      else { continue }
      found[handle.index, default: 0] += 1
    }
    return found
  }

  /// The numbers of a session; nil when its handle is stale.
  public func readSession(_ handle: SlotHandle, at moment: ReadingMoment) -> prognos_session_stats?
  {
    readSession(
      handle, at: moment, active: callsInSessions(handle.index)[handle.index] ?? 0)
  }

  fileprivate func readSession(
    _ handle: SlotHandle, at moment: ReadingMoment, active: UInt64
  ) -> prognos_session_stats? {
    guard let record = session(handle) else { return nil }
    let state = UInt32(truncatingIfNeeded: record.pointee.slot.word.acquired)
    let distribution = readDistribution(of: record)
    let totals = readSums(record.pointee.calls)
    let fastest = ~record.pointee.fastestComplement.value
    let slowest = record.pointee.slowestTicks.value
    func quantile(_ q: Double) -> UInt64 {
      guard let ticks = distribution.quantile(q) else { return 0 }
      return moment.nanoseconds(max(min(ticks, slowest), min(fastest, slowest)))
    }
    var stats = prognos_session_stats()
    stats.count = totals.count
    stats.active = active
    stats.failed = totals.failed
    stats.wall_ns = moment.nanoseconds(totals.wallTicks)
    stats.wall_min_ns = totals.count > 0 ? moment.nanoseconds(fastest) : 0
    stats.wall_max_ns = moment.nanoseconds(slowest)
    stats.wall_p50_ns = quantile(0.5)
    stats.wall_p95_ns = quantile(0.95)
    stats.wall_p99_ns = quantile(0.99)
    stats.cpu_ns = cpuNanoseconds(totals, at: moment)
    stats.work = totals.work
    stats.threads_now = UInt64(state & SessionRecord.State.threads)
    stats.is_open = state & SessionRecord.State.open != 0 ? 1 : 0
    let opened = record.pointee.openedTicks.value
    let closed = record.pointee.closedTicks.value
    let end = closed != 0 ? closed : moment.ticks
    stats.opened_unix_ns = Int64(bitPattern: record.pointee.openedUnix.value)
    let last = record.pointee.lastTicks.value
    let sinceOpened = moment.nanoseconds(last > opened ? last &- opened : 0)
    stats.last_unix_ns =
      last == 0 ? 0 : stats.opened_unix_ns &+ Int64(truncatingIfNeeded: sinceOpened)
    let seconds = Double(moment.nanoseconds(end > opened ? end &- opened : 0)) / 1e9
    if seconds > 0 {
      stats.rate_per_s = Double(totals.count) / seconds
      stats.errors_per_min = Double(totals.failed) / seconds * 60
    }
    copyName(of: record, to: &stats)
    // Closed and used for another one meanwhile.
    return session(handle) == nil ? nil : stats
  }

  private func copyName(
    of record: UnsafeMutablePointer<SessionRecord>, to stats: inout prognos_session_stats
  ) {
    withUnsafeMutableBytes(of: &stats.name) { bytes in
      for word in 0..<SessionRecord.nameBytes / 8 {
        let value = record.pointee.name[word].value.littleEndian
        for byte in 0..<8 {
          bytes[word * 8 + byte] = UInt8(truncatingIfNeeded: value &>> UInt64(byte * 8))
        }
      }
      bytes[SessionRecord.nameBytes - 1] = 0
    }
  }

  /// In the buckets of a node's histogram: all of a bucket of a session in the middle one of four.
  private func readDistribution(of record: UnsafeMutablePointer<SessionRecord>) -> Distribution {
    var distribution = Distribution()
    for octave in 0..<Histogram.octaveCount {
      let buckets = zone(record.pointee.octaves[octave].acquired)
      if buckets == 0 { continue }
      for within in 0..<Int(SessionRecord.bucketsPerOctave) {
        let cell: UnsafeMutablePointer<Cell32> = at(buckets &+ UInt32(within) &* 4)
        let count = UInt64(cell.pointee.value)
        if count > 0 { distribution.add(count, octave: octave, within: within * 4 + 2) }
      }
    }
    return distribution
  }
}
