// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Recording

/// What the metrics of the ABI are, of an operation in the span of a record.
struct OperationMetrics {
  let sample: OperationSample
  let seconds: Double
  /// Of wall time in nanoseconds.
  private let scale: Double
  private let tracksCPU: Bool

  /// nil for a span of no length.
  init?(_ sample: OperationSample, _ assessor: Assessor) {
    self.init(
      sample, nanosecondsPerTick: assessor.nanosecondsPerTick,
      tracksCPU: assessor.recording.header.pointee.cpuClock.value != CPUClock.off)
  }

  init?(_ sample: OperationSample, nanosecondsPerTick: Double, tracksCPU: Bool) {
    guard sample.endMonotonic > sample.startMonotonic else { return nil }
    self.sample = sample
    seconds = Double(sample.endMonotonic &- sample.startMonotonic) / 1e9
    scale = nanosecondsPerTick
    self.tracksCPU = tracksCPU
  }

  /// CPU time in seconds.
  var cpu: Double {
    let totals = sample.totals
    let wall = Double(totals.wallTicks) * scale
    let off = Double(totals.offCPUNanoseconds) + Double(totals.suspendedTicks) * scale
    return max(wall - off, 0) / 1e9
  }

  /// nil where the span does not tell: durations without calls.
  func value(_ metric: prognos_metric) -> Double? {
    let totals = sample.totals
    switch metric {
    case PROGNOS_METRIC_RATE: return Double(totals.finished) / seconds
    case PROGNOS_METRIC_WALL_P50: return wall(sample.quantiles().p50)
    case PROGNOS_METRIC_WALL_P95: return wall(sample.quantiles().p95)
    case PROGNOS_METRIC_WALL_P99: return wall(sample.quantiles().p99)
    case PROGNOS_METRIC_ERROR_RATIO:
      return totals.finished > 0 ? Double(totals.failed) / Double(totals.finished) : nil
    case PROGNOS_METRIC_CPU: return tracksCPU ? cpu / seconds : nil
    case PROGNOS_METRIC_MEMORY: return sample.hasLiveBytes ? Double(totals.liveBytes) : nil
    case PROGNOS_METRIC_ALLOCATION: return Double(totals.allocatedBytes) / seconds
    case PROGNOS_METRIC_IO: return Double(totals.readBytes &+ totals.writtenBytes) / seconds
    default: return nil
    }
  }

  private func wall(_ ticks: UInt64) -> Double? {
    sample.totals.finished > 0 && ticks > 0 ? Double(ticks) * scale : nil
  }

  /// Of an operation that did nothing in the span.
  static func idle(_ metric: prognos_metric) -> Double? {
    switch metric {
    case PROGNOS_METRIC_RATE, PROGNOS_METRIC_CPU, PROGNOS_METRIC_ALLOCATION, PROGNOS_METRIC_IO: 0
    default: nil
    }
  }
}
