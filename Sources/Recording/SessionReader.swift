// SPDX-License-Identifier: Apache-2.0
import CPrognos

/// Sessions as a reader finds them: those that are open, and those closed whose records were not used again.
public struct Sessions {
  private let recording: Recording
  private let moment: ReadingMoment
  public private(set) var handles: [UInt64] = []
  /// Of the same.
  private var wallTicks: [UInt64] = []
  /// By the index of a session's record.
  private let active: [UInt64]

  public var open: UInt64 { UInt64(recording.header.pointee.sessions.table.inUse.value) }
  public var opened: UInt64 { recording.header.pointee.sessions.opened.value }
  /// Closed, and their records used again.
  public var forgotten: UInt64 { recording.header.pointee.sessions.forgotten.value }
  /// What the calls of these were together.
  public var forgottenStats: prognos_session_stats {
    recording.stats(of: recording.header.pointee.sessions.forgottenCalls, at: moment)
  }

  /// Cost: some ten nanoseconds a session, and the stacks of all lanes.
  public init(of recording: Recording, at moment: ReadingMoment) {
    self.recording = recording
    self.moment = moment
    active = recording.callsInSessions()
    let used = min(
      recording.header.pointee.sessions.table.used.acquired,
      recording.byteCount / SessionRecord.bytes)
    for index in 0..<used {
      guard let record = recording.session(index: index) else { break }
      if record.pointee.openedTicks.value == 0 { continue }
      let generation = record.pointee.slot.generation
      handles.append(SlotHandle(index: index, generation: generation).value)
      wallTicks.append(record.pointee.calls.wallTicks.value)
    }
  }

  /// The numbers of one; nil when it was forgotten meanwhile, or never was.
  public func stats(_ handle: UInt64) -> prognos_session_stats? {
    let handle = SlotHandle(handle)
    let isCounted = Int(handle.index) < active.count
    return recording.readSession(
      handle, at: moment, active: isCounted ? active[Int(handle.index)] : 0)
  }

  /// The handles of at most `most` sessions, those with the most wall time first.
  public func byTime(most: Int) -> [UInt64] {
    var found: [UInt64] = []
    var left = wallTicks.map { $0 &+ 1 }  // 0: taken
    while found.count < min(most, handles.count) {
      var best = 0
      for index in left.indices where left[index] > left[best] { best = index }
      left[best] = 0
      found.append(handles[best])
    }
    return found
  }
}

extension Recording {
  fileprivate func stats(
    of sums: borrowing SessionSums, at moment: ReadingMoment
  ) -> prognos_session_stats {
    var stats = prognos_session_stats()
    stats.count = sums.count.value
    stats.failed = sums.failed.value
    stats.wall_ns = moment.nanoseconds(sums.wallTicks.value)
    if header.pointee.cpuClock.value != CPUClock.off {
      let entered = moment.nanoseconds(sums.enteredTicks.value)
      stats.cpu_ns = entered - min(sums.offCPUNanoseconds.value, entered)
    }
    stats.work = sums.work.value
    return stats
  }

  /// How many operations and spans are open in each session, by its index.
  fileprivate func callsInSessions() -> [UInt64] {
    let sessions = min(header.pointee.sessions.table.used.acquired, 1 << 16)
    var found = [UInt64](repeating: 0, count: Int(sessions))
    if sessions == 0 { return found }
    forEachLane { lane in
      var isCall = false
      forEachFrame(of: lane) { _, frame in
        let isSession = frame.pointee.isSession
        let index = Int(frame.pointee.parent.value)
        if isSession && isCall && index < found.count { found[index] &+= 1 }
        // What stands on a span belongs to that.
        isCall = !isSession && !frame.pointee.isSpan && frame.pointee.operation != 0
      }
    }
    for index in 0..<header.pointee.spans.table.used.acquired {
      guard let record = span(index: index) else { break }
      let handle = SlotHandle(record.pointee.session.value)
      if record.pointee.openWord != 0, Int(handle.index) < found.count,
        session(handle) != nil
      {
        found[Int(handle.index)] &+= 1
      }
    }
    return found
  }

  fileprivate func readSession(
    _ handle: SlotHandle, at moment: ReadingMoment, active: UInt64
  ) -> prognos_session_stats? {
    guard let record = session(handle) else { return nil }
    let state = UInt32(truncatingIfNeeded: record.pointee.slot.word.acquired)
    let distribution = readDistribution(of: record)
    var stats = stats(of: record.pointee.calls, at: moment)
    let slowest = record.pointee.slowestTicks.value
    let fastest = min(~record.pointee.fastestComplement.value, slowest)
    func quantile(_ q: Double) -> UInt64 {
      guard let ticks = distribution.quantile(q) else { return 0 }
      return moment.nanoseconds(max(min(ticks, slowest), fastest))
    }
    stats.active = active
    stats.wall_min_ns = moment.nanoseconds(fastest)
    stats.wall_max_ns = moment.nanoseconds(slowest)
    stats.wall_p50_ns = quantile(0.5)
    stats.wall_p95_ns = quantile(0.95)
    stats.wall_p99_ns = quantile(0.99)
    stats.threads_now = UInt64(state & SessionRecord.State.threads)
    stats.is_open = state & SessionRecord.State.open != 0 ? 1 : 0
    let opened = record.pointee.openedTicks.value
    let closed = record.pointee.closedTicks.value
    let end = closed != 0 ? closed : moment.ticks
    stats.opened_unix_ns = Int64(bitPattern: record.pointee.openedUnix.value)
    let last = record.pointee.lastTicks.value
    let sinceOpened = moment.nanoseconds(last > opened ? last &- opened : 0)
    if last != 0 {
      stats.last_unix_ns = stats.opened_unix_ns &+ Int64(truncatingIfNeeded: sinceOpened)
    }
    let seconds = Double(moment.nanoseconds(end > opened ? end &- opened : 0)) / 1e9
    if seconds > 0 {
      stats.rate_per_s = Double(stats.count) / seconds
      stats.errors_per_min = Double(stats.failed) / seconds * 60
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
