// SPDX-License-Identifier: Apache-2.0
import CShim

extension RecordingFile {
  /// The moment at which this recording is read: now while it is written to, else the last that is known of it.
  public func moment() -> ReadingMoment { moment(status: status) }

  /// The same, for a status that was asked for before.
  public func moment(status: RecordingStatus) -> ReadingMoment {
    status == .recording
      ? recording.presentMoment() : recording.lastMoment(clocksGoOn: isOfThisBoot)
  }
}

extension Recording {
  /// Both clocks, as the recorded process reads them: the machine is the same.
  private func clocks() -> (ticks: UInt64, monotonic: UInt64) {
    let monotonic = shim_monotonic_ns()
    return (usesCounter ? shim_counter() : monotonic, monotonic)
  }

  /// Now, of a process that is alive on this machine.
  func presentMoment() -> ReadingMoment {
    let now = clocks()
    let processID = header.pointee.processID.value
    // As long in all as one node may take: a change that was left half done, by a siglongjmp or to annoy, is not
    // waited for again and again.
    let patience = Patience(500)
    return ReadingMoment(
      ticks: max(now.ticks, header.pointee.startTicks.value), monotonicNanoseconds: now.monotonic,
      nanosecondsPerTick: nanosecondsPerTick(at: now),
      cpuNanoseconds: { thread in
        let cpu = shim_cpu_of_foreign_thread_ns(processID, thread)
        return cpu == 0 ? nil : cpu
      },
      waitForWriter: { if patience.take() { shim_sleep_ns(100_000) } })
  }

  /// The latest time stamp that there is: of a recording that nobody writes to.
  func lastMoment(clocksGoOn: Bool) -> ReadingMoment {
    let scale = nanosecondsPerTick(at: clocksGoOn ? clocks() : nil)
    let start = header.pointee.startTicks.value
    let startMonotonic = header.pointee.startMonotonic.value
    var age: UInt64 = 0
    func meet(ticks: UInt64) {
      guard ticks > start, Double(ticks &- start) * scale < Double(Self.longest) else { return }
      age = max(age, ticks &- start)
    }
    meet(ticks: identity.pointee.beatTicks.value)
    forEachLane { lane in
      let synced = lane.pointee.syncedWall.value
      if synced > startMonotonic, synced &- startMonotonic < Self.longest {
        age = max(age, wholePart(Double(synced &- startMonotonic) / scale))
      }
      for call in openCalls(of: lane) { meet(ticks: call.start) }
    }
    return ReadingMoment(
      ticks: start &+ age,
      monotonicNanoseconds: startMonotonic &+ whole(Double(age) * scale),
      nanosecondsPerTick: scale, isLive: false)
  }

  /// Ten years. What claims to be later is damaged.
  private static var longest: UInt64 { 315_576_000_000_000_000 }

  /// Nanoseconds a tick: as measured since the recording's start where both clocks go on, unless it is much else
  /// than the process measured; then that; then what its last sign of life says.
  private func nanosecondsPerTick(at now: (ticks: UInt64, monotonic: UInt64)?) -> Double {
    guard usesCounter else { return 1 }
    let kept = Double(bitPattern: header.pointee.nanosecondsPerTick.value)
    let isMeasured = header.pointee.calibratedAge.acquired != 0 && isPlausible(kept)
    // The recorded process measures over a longer and longer time, a reader over all of it.
    if let now {
      let elapsed = now.monotonic &- header.pointee.startMonotonic.value
      let elapsedTicks = now.ticks &- header.pointee.startTicks.value
      let ratio = Double(elapsed) / Double(max(elapsedTicks, 1))
      // Unless the clocks are not the same: another time namespace.
      if isPlausible(ratio), elapsed >= 5_000_000, !isMeasured || abs(ratio / kept - 1) < 0.001 {
        return ratio
      }
    }
    if isMeasured { return kept }
    let elapsed = identity.pointee.beatMonotonic.value &- header.pointee.startMonotonic.value
    let elapsedTicks = identity.pointee.beatTicks.value &- header.pointee.startTicks.value
    let ratio = Double(elapsed) / Double(max(elapsedTicks, 1))
    return isPlausible(ratio) ? ratio : 1
  }

  /// Counters run at 1 MHz to 100 GHz.
  private func isPlausible(_ nanosecondsPerTick: Double) -> Bool {
    nanosecondsPerTick >= 0.01 && nanosecondsPerTick <= 1000
  }
}

/// How often a reader may still wait.
private final class Patience {
  private var left: Int

  init(_ times: Int) { left = times }

  func take() -> Bool {
    left -= 1
    return left >= 0
  }
}
