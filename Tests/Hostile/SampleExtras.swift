// SPDX-License-Identifier: Apache-2.0
import Recording

/// Waits for locks, an experiment whose rounds tell something, a series. Behind all else of the sample, so that
/// patches of it keep what they meant.
func addSampleExtras(
  to recording: Recording, of progress: UInt32, _ other: UInt32, _ more: [UInt32]
) {
  if recording.prepareWaitEdges() {
    recording.addWait(of: other, for: progress, ticks: 70_000)
    recording.addWait(of: progress, for: 0, ticks: 3_000)
    for operation in more { recording.addWait(of: operation, for: other, ticks: 100) }
  }
  addExperiment(to: recording, of: progress, [other] + more.prefix(3))
  for name in ["requests in flight", "größe"] {
    if let (_, record) = recording.openSeries(CleanText(name)) { recording.publish(record) }
  }
}

/// Twelve rounds without delays, each followed by one of each trial, and a round in which everybody is delayed.
private func addExperiment(to recording: Recording, of progress: UInt32, _ tried: [UInt32]) {
  guard recording.prepareExperiments(), let experiment = recording.experiment else { return }
  experiment.pointee.progress.set(progress)
  experiment.pointee.number.set(1)
  experiment.pointee.seconds.set(30)
  experiment.pointee.startedNanoseconds.set(2_000_000)
  experiment.pointee.endsNanoseconds.set(30_002_000_000)
  experiment.pointee.delayedNanoseconds.set(40_000_000)
  experiment.pointee.state.set(ExperimentHeader.State.running)
  var started: UInt64 = 2_000_000
  func add(_ operation: UInt32, _ percent: UInt16, gain: UInt64, isControl: Bool = false) {
    var round = ExperimentRound()
    round.startedNanoseconds = started
    round.completions = 100 + gain
    round.virtualNanoseconds = 50_000_000 + started % 1_000_003
    round.debtNanoseconds = UInt64(percent) * 100_000
    round.realNanoseconds = round.virtualNanoseconds + round.debtNanoseconds
    round.operation = operation
    round.progress = progress
    round.percent = percent
    round.isControl = isControl ? 1 : 0
    round.experiment = 1
    round.stretch = 300
    recording.add(round, to: experiment)
    started += 60_000_000
  }
  for turn in 0..<12 {
    add(0, 0, gain: UInt64(turn % 3))
    let operation = tried[turn % tried.count]
    for percent in [25, 50, 100] { add(operation, UInt16(percent), gain: UInt64(percent) / 4) }
  }
  add(progress, 50, gain: 1, isControl: true)
}
