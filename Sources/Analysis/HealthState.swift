// SPDX-License-Identifier: Apache-2.0
import Recording

/// What health remembers of an operation. Durations are natural logarithms of ticks, times seconds.
struct OperationHealthState: BitwiseCopyable {
  // Lately: averages over a second or so, or over the latest calls where there are few.
  var fastMean = 0.0
  var fastTail = 0.0
  /// Over six seconds: what lasts needs less to be told from chance.
  var lastingMean = 0.0
  var lastingTail = 0.0
  var lastingAverage = 0.0
  var fastWork = 0.0
  var fastCalls = 0.0
  /// For failures, which need more calls to be told.
  var ratioCalls = 0.0
  var ratioFailed = 0.0
  /// Of those with a duration in their objective, too slow.
  var ratioSlow = 0.0

  // As usual: averages over ten minutes, which hardly learn while something is wrong.
  var usualMean = 0.0
  var usualTail = 0.0
  /// Of the logarithm of a record's average duration, which a few very long calls move.
  var usualAverage = 0.0
  var usualWork = 0.0
  /// The variance of calls within a record, and of a record's averages about the usual ones.
  var spread = 0.0
  var drift = 0.0
  var tailDrift = 0.0
  var averageDrift = 0.0
  var usualCalls = 0.0
  var usualFailed = 0.0
  /// How much was learnt: records with durations, those with a tail, seconds.
  var records = 0.0
  var tails = 0.0
  var seconds = 0.0

  /// Of all that is done: calls and ticks a second.
  var callRate = 0.0
  var wallRate = 0.0

  var finished: UInt64 = 0
  /// The end of the latest record, on the monotonic clock.
  var latest: UInt64 = 0
  /// The length of it, in seconds.
  var step: Float = 0
  /// The place of its burn rates, plus 1.
  var burn: UInt32 = 0

  var latency = Shown()
  var errors = Shown()
}

/// What health remembers of the process.
struct ProcessHealthState: BitwiseCopyable {
  /// All calls without a caller: what is usual for sessions.
  var outermost = OperationHealthState()

  // The latest point.
  var finished: UInt64 = 0
  var throttled: UInt64 = 0
  var majorFaults: UInt64 = 0
  /// A second, lately.
  var majorFaultRate = 0.0
  var cpu: UInt64 = 0
  var bytes: UInt64 = 0
  var groupPressureCPU: UInt64 = 0
  var groupPressureMemory: UInt64 = 0
  var groupPressureIO: UInt64 = 0
  var latestPoint: UInt64 = 0
  var latest: UInt64 = 0
  var first: UInt64 = 0

  // Stalls (HealthStall.swift).
  var stall = StallState()

  /// What the points say now.
  var throttledShare = 0.0
  var memoryPressure = 0.0
  var ioPressure = 0.0
  var cpuPressure = 0.0

  var latency = Part()
  var errors = Part()
  var saturation = Part()
  var memory = Part()
  var stability = Part()
}
