// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Recording

/// A way in which the process may fail, and how likely it is within the horizon.
struct CrashCause: BitwiseCopyable {
  var probability = 0.0
  var kind = PROGNOS_CRASH_NONE
  var operation: UInt32 = 0
  /// What the reason tells: by kind.
  var value = 0.0
  var reference = 0.0

  mutating func meet(_ other: CrashCause) {
    if other.probability > probability { self = other }
  }
}

/// What is no limit that is reached: calls that no longer move, threads that wait for each other, more work than is
/// done, failures, and slowness without end.
extension Assessor {
  /// A call stands still when it is open for far longer than any of its operation ever was. It counts as much as the process
  /// gets less done: a thread that is lost among many is no crash yet.
  func stallCause(_ sample: ResourceSample, at seconds: Double) -> CrashCause {
    var (stuck, first, firstOpen, usualLongest) = (0.0, UInt32(0), 0.0, 0.0)
    for place in 0..<4 {
      let call = sample.longestOpen[place]
      let operation = UInt32(truncatingIfNeeded: call.operation)
      guard operation > 0, let slot = operations.slot(of: operation) else { continue }
      let known = operations[slot].pointee.crash
      let open = Double(call.nanoseconds) * 1e-9
      guard known.finished >= 20, open > max(10 * known.longest, 50 * known.usual, 2) else {
        continue
      }
      stuck += 1
      if open > firstOpen { (first, firstOpen, usualLongest) = (operation, open, known.longest) }
    }
    guard stuck > 0 else { return CrashCause() }
    let state = process.pointee.crash
    let lost = state.usualRate > 0 ? 1 - min(state.rate / (0.5 * state.usualRate), 1) : 0
    let share = stuck / max(min(Double(sample.openThreads), 4), 1)
    var cause = CrashCause()
    // Standing still for as long as it ever worked is as bad as it gets.
    let lasting = 1 - Math.exp(-(firstOpen - 1) / 1.5)
    cause.probability = (0.25 + 0.7 * lost * share) * lasting
    cause.kind = stuck >= 2 && lost > 0.7 ? PROGNOS_CRASH_DEADLOCK : PROGNOS_CRASH_STALL
    (cause.operation, cause.value, cause.reference) = (first, firstOpen, usualLongest)
    return cause
  }

  /// Open calls that grow without end while no more is done than before.
  func queueCause() -> CrashCause {
    let state = process.pointee.crash
    guard state.points >= 20, state.activeRises >= 6, state.active > 16,
      state.rate < 1.3 * state.usualRate
    else { return CrashCause() }
    let growth = state.active / max(state.usualActive, 1)
    var cause = CrashCause()
    cause.probability =
      0.85 * Self.rise(growth, from: 1.5, half: 4) * min(state.activeRises / 12, 1)
    cause.kind = PROGNOS_CRASH_QUEUE
    (cause.value, cause.reference) = (state.active, state.usualActive)
    return cause
  }

  /// Calls that fail, which hardly ever did; calls that take ever longer than usual and make up most of the time.
  func operationCauses(_ sample: ResourceSample, at seconds: Double) -> CrashCause {
    var cause = CrashCause()
    var allWall = 0.0
    for slot in 0..<operations.count {
      let known = operations[slot].pointee.crash
      if seconds - known.latest < 5 { allWall += known.wallSeconds }
    }
    let state = process.pointee.crash
    let quota = Exhaustion(recording)?[.throttled].pointee.probability ?? 0
    // Where calls wait for CPUs that other processes have, a part of their time is explained by it, and what waits for
    // them, at a lock, is, too. For CPUs that the quota forbids, or its own threads have, it is no excuse.
    let isOwn =
      state.throttled > 0.02 || state.cpuRate > 0.8 * Double(max(sample.processors, 1))
    let explained = isOwn ? 0 : min(max((state.waiting / max(allWall, 1e-3) - 0.1) / 0.2, 0), 1)
    let excuse = Math.exp(-explained * max(state.stretch - state.usualStretch, 0))
    for slot in 0..<operations.count {
      let known = operations[slot].pointee.crash
      guard known.records >= 10, seconds - known.latest < 30 else { continue }
      let share = seconds - known.latest < 5 ? known.wallSeconds / max(allWall, 1e-9) : 0
      let failures = known.recentFailures
      if failures > 0.2, failures > 5 * known.usualFailures {
        var next = CrashCause()
        next.probability = 0.75 * Self.rise(failures, from: 0.2, half: 0.5)
        next.kind = PROGNOS_CRASH_ERRORS
        (next.operation, next.value, next.reference) = (
          operations[slot].pointee.operation, failures, known.usualFailures
        )
        cause.meet(next)
      }
      guard share > 0.3 else { continue }
      let slower = known.recent / max(known.usual, 1e-4) * excuse
      var next = CrashCause()
      // A quota that will be used up, by calls that need ever more, is one that they will wait for.
      next.probability = quota * (0.3 + 0.6 * Self.rise(slower, from: 1.5, half: 4))
      // A time slice of the scheduler, or a few, is what a busy machine costs anybody.
      if known.recent > 0.03 {
        let isThrottled = state.throttled > 0.1 ? 1.5 : 1
        let lessDone = state.usualRate > 0 ? 1 - min(state.rate / state.usualRate, 1) : 0
        next.probability = max(
          next.probability,
          0.9 * Self.rise(slower * isThrottled, from: 3, half: 15)
            * (0.6 + 0.4 * min(lessDone * 2, 1)))
      }
      next.kind = PROGNOS_CRASH_OVERLOAD
      (next.operation, next.value, next.reference) = (
        operations[slot].pointee.operation, known.recent, known.usual
      )
      cause.meet(next)
    }
    return cause
  }

  /// 0 up to a point, a half at another one, towards 1 beyond: by ratios.
  private static func rise(_ value: Double, from: Double, half: Double) -> Double {
    guard value > from, value.isFinite else { return value > from ? 1 : 0 }
    let steps = Math.log(value / from) / Math.log(half / from)
    return 1 - Math.exp(-0.6931 * steps * steps)
  }
}
