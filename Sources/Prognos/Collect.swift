// SPDX-License-Identifier: Apache-2.0
import Analysis
import CPrognos
import CShim
import Capture
import Recording

// What the collector does at a tick (Capture/Collector.swift says when).

func startCollecting(_ options: prognos_options) {
  let interval = UInt64(options.collect_interval_ms) &* 1_000_000
  startCollector(every: interval, Ticks(prepare: { prepare($0) }, makeTick: { makeTick() }))
}

private func prepare(_ recording: Recording) -> Bool {
  guard recording.prepareHistory() else { return false }
  adoptPredecessor(into: recording)
  var probe = ProcessProbe()
  probe.read()
  recording.beginPoints(at: momentOfTick(), process: probe.point)
  _ = Assessor.prepare(recording)
  return true
}

private func makeTick() -> Ticks.Tick {
  var probe = ProcessProbe()
  var references = ReferenceSearch()
  return { tick($0, $1, isLast: $2, &probe, &references) }
}

private func tick(
  _ recording: Recording, _ interval: UInt64, isLast: Bool, _ probe: inout ProcessProbe,
  _ references: inout ReferenceSearch
) -> UInt64 {
  _ = recording.calibrateClock()
  recording.beatNow()
  learnFormerLives(of: recording)
  let now = shim_monotonic_ns()
  copyIfDue(recording, monotonicNanoseconds: now)
  let isDue = isLast || recording.isDue(at: now, interval: interval)
  probe.read(hurried: isLast)
  // It may have hung, and been left behind for another one.
  guard shim_collector_is_me() else { return 0 }
  freeLanesOfTheDead(in: recording)
  let moment = momentOfTick()
  if isDue {
    probe.note(activeOperations: recording.activeOperations)
    recording.relaxHeapRate(at: moment.monotonicNanoseconds)
    recording.tick(at: moment, interval: interval, process: probe.point, isLast: isLast)
  }
  let spent = references.spent
  assess(recording, probe, &references, at: moment, point: isDue ? recording.newestPoint : nil)
  return references.spent &- spent
}

private func momentOfTick() -> HistoryMoment {
  HistoryMoment(
    monotonicNanoseconds: shim_monotonic_ns(),
    unixNanoseconds: UInt64(bitPattern: shim_unix_ns()))
}

extension prognos_window {
  /// 0 for all that was recorded.
  var nanoseconds: UInt64 {
    switch self {
    case PROGNOS_LAST_MINUTE: 60_000_000_000
    case PROGNOS_LAST_5_MINUTES: 300_000_000_000
    case PROGNOS_LAST_HOUR: 3_600_000_000_000
    default: 0
    }
  }
}
