// SPDX-License-Identifier: Apache-2.0
import CShim
import Recording

// Time stamps, and how they become nanoseconds.

/// A time stamp: the cycle counter, or the monotonic clock where the counter is not invariant.
@inline(__always)
func ticks(in recording: Recording) -> UInt64 {
  recording.usesCounter ? counterTicks() : shim_monotonic_ns()
}

/// A moment on both clocks. The counter is read on both sides of the clock, and the attempt with the
/// least time between them is kept: within some tens of nanoseconds.
private func moment(in recording: Recording) -> (ticks: UInt64, monotonic: UInt64) {
  var best = (ticks: UInt64(0), monotonic: UInt64(0))
  var least = UInt64.max
  for _ in 0..<8 {
    let before = ticks(in: recording)
    let monotonic = shim_monotonic_ns()
    let between = ticks(in: recording) &- before
    if between < least {
      least = between
      best = (before &+ between / 2, monotonic)
    }
  }
  return best
}

/// The least age of a recording for a ratio: 50 ns of error in 5 ms are 10 ppm.
private let calibrationNanoseconds: UInt64 = 5_000_000

extension Recording {
  /// Takes this moment for the recording's start.
  func startClock() {
    let now = moment(in: self)
    header.pointee.startTicks.set(now.ticks)
    header.pointee.startMonotonic.set(now.monotonic)
    header.pointee.startUnix.set(UInt64(bitPattern: shim_unix_ns()))
    header.pointee.nanosecondsPerTick.set(Double(1).bitPattern)
    header.pointee.calibratedAge.set(0)
  }

  /// Nanoseconds a tick, over the time since the start: the longer, the more exact. Measured anew when
  /// the recording is ten times older than at the last time, so that readings in a row agree with each
  /// other. Waits for up to 5 ms when the recording is younger than that.
  public func calibrateClock() -> Double {
    guard usesCounter else { return 1 }
    let age = shim_monotonic_ns() &- header.pointee.startMonotonic.value
    let measuredAt = header.pointee.calibratedAge.acquired
    if measuredAt != 0 && age < measuredAt &* 10 {
      return Double(bitPattern: header.pointee.nanosecondsPerTick.value)
    }
    if age < calibrationNanoseconds { shim_sleep_ns(calibrationNanoseconds - age) }
    let now = moment(in: self)
    let elapsedTicks = now.ticks &- header.pointee.startTicks.value
    let elapsed = now.monotonic &- header.pointee.startMonotonic.value
    let ratio = Double(elapsed) / Double(max(elapsedTicks, 1))
    header.pointee.nanosecondsPerTick.set(ratio.bitPattern)
    header.pointee.calibratedAge.publish(elapsed)
    return ratio
  }

  /// The same without waiting: of a very young recording less exact, 0.1 % after 50 us.
  var nanosecondsPerTickSoFar: Double {
    guard usesCounter else { return 1 }
    if header.pointee.calibratedAge.acquired != 0 {
      return Double(bitPattern: header.pointee.nanosecondsPerTick.value)
    }
    let now = moment(in: self)
    let elapsed = now.monotonic &- header.pointee.startMonotonic.value
    return Double(elapsed) / Double(max(now.ticks &- header.pointee.startTicks.value, 1))
  }

  /// This moment, as a reader of this process's own recording needs it.
  public func readingMoment() -> ReadingMoment {
    let nanosecondsPerTick = calibrateClock()
    let now = moment(in: self)
    return ReadingMoment(
      ticks: now.ticks, monotonicNanoseconds: now.monotonic,
      nanosecondsPerTick: nanosecondsPerTick,
      cpuNanoseconds: { thread in
        let cpu = thread == 0 ? 0 : shim_cpu_of_thread_ns(thread)
        return cpu == 0 ? nil : cpu
      },
      waitForWriter: { shim_sleep_ns(100_000) })
  }
}
