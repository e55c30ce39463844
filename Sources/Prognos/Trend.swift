// SPDX-License-Identifier: Apache-2.0
import Analysis
import CPrognos
import CShim
import Capture
import Recording

@_cdecl("prognos_trend_read") @implementation
public func prognos_trend_read(
  _ metric: prognos_metric, _ op: prognos_op, _ window: prognos_window,
  _ out: UnsafeMutablePointer<prognos_trend>!, _ size: Int
) -> prognos_status {
  let function: StaticString = "prognos_trend_read"
  let ofOperations = PROGNOS_METRIC_RATE.rawValue...PROGNOS_METRIC_IO.rawValue
  let ofProcess = PROGNOS_METRIC_RATE.rawValue...PROGNOS_METRIC_CRASH.rawValue
  guard (op == 0 ? ofProcess : ofOperations).contains(metric.rawValue) else {
    return invalidArgument {
      $0.put("prognos_trend_read: metric is ")
      $0.put(UInt64(metric.rawValue))
      $0.put(
        op == 0
          ? "; expected PROGNOS_METRIC_RATE (1) to PROGNOS_METRIC_CRASH (19)"
          : "; expected one of an operation, PROGNOS_METRIC_RATE (1) to PROGNOS_METRIC_IO (9)")
    }
  }
  let status = check(window, function)
  guard status == PROGNOS_OK else { return status }
  guard let out, size > 0 else { return fill(out, size, with: prognos_trend(), function) }
  if op != 0 && existingRecording()?.isOperation(op) != true {
    return unknownOperation(op, function)
  }
  return undisturbed {
    resumeCollector()
    guard let recording = existingRecording(), recording.hasHistory else {
      return tooShort(0, function)
    }
    let bytes = (TrendHistory.roomCount + Trend.scratchCount) * 8
    guard shim_has_memory(bytes) else { return noMemory(function) }
    let room = UnsafeMutablePointer<Double>.allocate(capacity: bytes / 8)
    defer { room.deallocate() }
    let moment = recording.readingMoment()
    let now = moment.monotonicNanoseconds
    let span = window.nanoseconds
    let since = span == 0 || span > now ? 0 : now - span
    let tracksCPU = recording.header.pointee.cpuClock.value != CPUClock.off
    var history = TrendHistory(room: room)
    recording.betweenTicks(at: moment) {
      history = TrendHistory(room: room)
      if op == 0 && metric != PROGNOS_METRIC_ALLOCATION {
        history.read(
          metric, ofProcessIn: recording, since: since,
          nanosecondsPerTick: moment.nanosecondsPerTick)
      } else {
        history.read(
          metric, of: op, in: recording, since: since,
          nanosecondsPerTick: moment.nanosecondsPerTick, tracksCPU: tracksCPU)
      }
    }
    guard let trend = history.trend(of: metric, scratch: room + TrendHistory.roomCount) else {
      return tooShort(history.valueCount, function)
    }
    return fill(out, size, with: trend, function)
  }
}

private func tooShort(_ count: Int, _ function: StaticString) -> prognos_status {
  ErrorText.set {
    $0.put(function)
    $0.put(": the history has ")
    $0.put(UInt64(count))
    $0.put(" values of this metric in the window; ")
    $0.put(UInt64(Trend.leastValues))
    $0.put(" are needed")
  }
  return PROGNOS_NOT_ENOUGH_DATA
}
