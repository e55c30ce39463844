// SPDX-License-Identifier: Apache-2.0
import CShim
import Recording
import Synchronization

// Causal experiments: which operation is made virtually faster when. A cycle of rounds tries all candidates at several
// speed-ups, in an order that is new each time, with rounds of no speed-up between them, which the others are compared
// with, and one in which nobody is spared. Rounds are steps of the collector's thread, and stay in the recording,
// where the analysis finds what follows from them.

/// What came of a call for an experiment.
public enum ExperimentOutcome {
  case done
  case running
  case noMemory
  case noLocks
}

private nonisolated(unsafe) var current: Experiment?
private let changing = Atomic<Bool>(false)
/// When the collector has to look next; `.max` while there is none.
private let due = Atomic<UInt64>(.max)

/// The speed-ups that are tried, in percent.
private func percents() -> InlineArray<3, UInt32> { [25, 50, 100] }

private func withCurrent<R>(_ body: (inout Experiment?) -> R) -> R {
  while changing.exchange(true, ordering: .acquiringAndReleasing) { shim_yield() }
  defer { changing.store(false, ordering: .releasing) }
  return undisturbed { body(&current) }
}

/// Begins an experiment, which the collector goes on with.
public func startExperiment(
  progress: UInt32, seconds: UInt32, in recording: Recording
) -> ExperimentOutcome {
  withCurrent { experiment in
    if experiment != nil { return .running }
    guard recording.prepareExperiments(), let header = recording.experiment else {
      return .noMemory
    }
    guard recording.header.pointee.waitEdges.value != 0 else { return .noLocks }
    let now = shim_monotonic_ns()
    header.pointee.progress.set(progress)
    header.pointee.seconds.set(seconds)
    header.pointee.number.add(1)
    header.pointee.startedNanoseconds.set(now)
    header.pointee.endsNanoseconds.set(now &+ UInt64(seconds) &* 1_000_000_000)
    header.pointee.delayedNanoseconds.set(0)
    header.pointee.debtNanoseconds.set(0)
    header.pointee.state.publish(ExperimentHeader.State.running)
    recording.forgetDelays()
    startDelays(progress: progress)
    shim_releases_patch(true)
    recording.setEnabled(recording.header.pointee.mode.value != Header.Mode.off)
    experiment = Experiment(header, progress: progress, seconds: seconds, at: now)
    due.store(now, ordering: .releasing)
    return .done
  }
}

/// Ends it at once: no thread is delayed for more than a millisecond from here on. False when there is none.
public func stopExperiment(_ state: UInt32 = ExperimentHeader.State.stopped) -> Bool {
  guard let recording = existingRecording() else { return false }
  return withCurrent { experiment in
    guard experiment != nil else { return false }
    finish(&experiment, state, in: recording)
    return true
  }
}

private func finish(_ experiment: inout Experiment?, _ state: UInt32, in recording: Recording) {
  due.store(.max, ordering: .relaxed)
  endDelays()
  shim_releases_patch(false)
  recording.setEnabled(recording.header.pointee.mode.value != Header.Mode.off)
  experiment?.header.pointee.delayedNanoseconds.set(recording.longestDelay())
  experiment?.header.pointee.state.publish(state)
  experiment = nil
}

/// In a forked child: nothing is delayed there, and nobody holds the lock. Its parent's hooks stay, which then do
/// nothing: another thread of the parent may have held the loader's lock, which to take them out would wait for.
func forgetExperiment() {
  changing.store(false, ordering: .relaxed)
  current = nil
  due.store(.max, ordering: .relaxed)
  endDelays()
}

/// When the collector has to go on with it.
func experimentIsDue() -> UInt64 { due.load(ordering: .acquiring) }

/// The collector's step.
func continueExperiment(in recording: Recording) {
  let now = shim_monotonic_ns()
  guard now >= experimentIsDue() else { return }
  withCurrent { experiment in
    guard experiment != nil else { return }
    if now >= experiment?.header.pointee.endsNanoseconds.value ?? 0 {
      experiment?.measure(in: recording)
      finish(&experiment, ExperimentHeader.State.finished, in: recording)
    } else if let next = experiment?.step(at: now, in: recording) {
      due.store(next, ordering: .relaxed)
    }
  }
}

/// An experiment that runs.
private struct Experiment {
  let header: UnsafeMutablePointer<ExperimentHeader>
  private let progress: UInt32
  private let seconds: UInt32
  private var random: UInt64
  /// What the current cycle has still to try, the next one last.
  private var trials = InlineArray<64, UInt64>(repeating: 0)
  private var left = 0
  private var round = ExperimentRound()
  private var trial = ExperimentTrial()
  private var isCounting = false
  /// Completions a second as they were seen last; 0 before.
  private var rate = 0.0
  private var clocks = SchedulerClocks()
  /// How long CPU time took when a trial was made last: by speed-up and, modulo 16, operation.
  private var stretches = InlineArray<64, Double>(repeating: 1)

  private func slot(of trial: ExperimentTrial) -> Int {
    let level = trial.isControl ? 0 : trial.percent == 25 ? 1 : trial.percent == 50 ? 2 : 3
    return level * 16 + Int(trial.operation % 16)
  }

  init(
    _ header: UnsafeMutablePointer<ExperimentHeader>, progress: UInt32, seconds: UInt32,
    at now: UInt64
  ) {
    self.header = header
    self.progress = progress
    self.seconds = seconds
    random = now | 1
  }

  /// Goes on; returns when to come again.
  mutating func step(at now: UInt64, in recording: Recording) -> UInt64 {
    if round.startedNanoseconds != 0 && !isCounting {
      isCounting = true
      beginCounting()
      return now &+ roundLength
    }
    measure(in: recording)
    isCounting = false
    trial = nextTrial(at: now, in: recording)
    round = ExperimentRound()
    round.startedNanoseconds = now
    round.operation = trial.operation
    round.percent = UInt16(truncatingIfNeeded: trial.percent)
    round.isControl = trial.isControl ? 1 : 0
    round.progress = progress
    round.experiment = header.pointee.number.value
    round.stretch = clocks.stretch
    beginRound(
      trial, stretch: Double(clocks.stretch) / 256, stretchOfOperation: stretches[slot(of: trial)])
    return now &+ settlingTime
  }

  /// Keeps what the round that ends has shown.
  mutating func measure(in recording: Recording) {
    guard isCounting else { return }
    let count = countedProgress()
    let real = count.last.real &- count.first.real
    let debt = count.last.paid &- count.first.paid
    header.pointee.debtNanoseconds.add(debtOfRound())
    guard count.completions > 1, real > 0, real < 1 << 40 else {
      // The next one is twice as long.
      rate = 15e9 / Double(roundLength)
      return
    }
    round.completions = count.completions &- 1
    round.realNanoseconds = real
    round.debtNanoseconds = Int64(bitPattern: debt) > 0 ? debt : 0
    round.virtualNanoseconds = real &- min(round.debtNanoseconds, real)
    recording.add(round, to: header)
    header.pointee.delayedNanoseconds.set(recording.longestDelay())
    rate = Double(round.completions) * 1e9 / Double(real)
    if round.operation != 0 { stretches[slot(of: trial)] = stretchOfRound() }
    if round.operation == 0 { clocks.read(in: recording) } else { clocks.skip(in: recording) }
  }

  /// A round: a fourth of a second in an experiment of 20 s, and thirty completions, but never more than 2 s.
  private var roundLength: UInt64 {
    let bySeconds = min(max(Double(seconds) / 80, 0.1), 0.5)
    let byRate = rate > 0 ? 30 / rate : bySeconds
    return UInt64(max(bySeconds, min(byRate, 2)) * 1e9)
  }

  /// Until threads and queues are as they are with the new trial.
  private var settlingTime: UInt64 {
    let byRate = rate > 0 ? 5 / rate : 0
    return UInt64(min(max(byRate, 0.02, Double(roundLength) / 1e9 / 6), 0.5) * 1e9)
  }

  private mutating func nextTrial(at now: UInt64, in recording: Recording) -> ExperimentTrial {
    let elapsed = now &- header.pointee.startedNanoseconds.value
    // Half of the time at most is delay: the host goes on.
    if header.pointee.debtNanoseconds.value > elapsed / 2 { return ExperimentTrial() }
    if left == 0 { planCycle(in: recording) }
    guard left > 0 else { return ExperimentTrial() }
    left -= 1
    var trial = ExperimentTrial(word: trials[left])
    trial.isCrowded = clocks.stretch > 256
    return trial
  }

  /// Lists what there is to try, shuffled.
  private mutating func planCycle(in recording: Recording) {
    var candidates = InlineArray<12, UInt32>(repeating: 0)
    let most = min(12, max(Int(Double(seconds) * 1e9 / Double(roundLength + settlingTime) / 8), 1))
    let found = recording.ownWork(of: &candidates, atMost: most)
    let speedUps = percents()
    for candidate in 0..<found {
      for percent in 0..<3 {
        var trial = ExperimentTrial()
        trial.operation = candidates[candidate]
        trial.percent = speedUps[percent]
        add(trial)
      }
    }
    if found > 0 {
      var control = ExperimentTrial()
      control.operation = candidates[0]
      control.percent = 50
      control.isControl = true
      add(control)
    }
    // One in four, two at least.
    for _ in 0..<max(left / 3, 2) { add(ExperimentTrial()) }
    var last = left
    while last > 1 {
      let other = Int(truncatingIfNeeded: nextRandom() % UInt64(last))
      last -= 1
      (trials[last], trials[other]) = (trials[other], trials[last])
    }
  }

  private mutating func add(_ trial: ExperimentTrial) {
    guard left < trials.count else { return }
    trials[left] = trial.word
    left += 1
  }

  private mutating func nextRandom() -> UInt64 {
    random ^= random << 13
    random ^= random >> 7
    random ^= random << 17
    return random &* 0x2545_F491_4F6C_DD1D >> 16
  }
}

/// How much longer than its CPU time a thread takes that wants to run: 1 plus the time that threads were ready without
/// a CPU by the time that they had one, as the scheduler counts both (/proc/PID/task/TID/schedstat).
private struct SchedulerClocks {
  private var run: UInt64 = 0
  private var delay: UInt64 = 0

  /// In 1/256; short queues are the noise of waking up, and none is longer than 64 CPUs' worth.
  var stretch: UInt32 {
    guard run > 10_000_000 else { return 256 }
    let ratio = 1 + Double(delay) / Double(run)
    return ratio < 1.1 ? 256 : UInt32(min(ratio, 64) * 256)
  }

  /// Adds what passed since the last time.
  mutating func read(in recording: Recording) { read(in: recording, adding: true) }
  mutating func skip(in recording: Recording) { read(in: recording, adding: false) }

  private mutating func read(in recording: Recording, adding: Bool) {
    var (newRun, newDelay): (UInt64, UInt64) = (0, 0)
    recording.forEachExperimentLane { lane, state in
      let thread = lane.pointee.threadID.value
      var (ran, waited): (UInt64, UInt64) = (0, 0)
      guard thread != 0, shim_schedule_read(thread, &ran, &waited) else { return }
      if adding, state.pointee.scheduledThread.value == UInt64(thread) {
        newRun &+= ran &- state.pointee.scheduledRun.value
        newDelay &+= waited &- state.pointee.scheduledDelay.value
      }
      state.pointee.scheduledThread.set(UInt64(thread))
      state.pointee.scheduledRun.set(ran)
      state.pointee.scheduledDelay.set(waited)
    }
    guard adding else { return }
    run = run / 2 &+ newRun
    delay = delay / 2 &+ newDelay
  }
}

extension Recording {
  /// Calls `body` with the lanes whose threads took part in an experiment, and what they know of it.
  fileprivate func forEachExperimentLane(
    _ body: (UnsafeMutablePointer<Lane>, UnsafeMutablePointer<ExperimentLane>) -> Void
  ) {
    forEachLane { lane in
      let offset = lane.pointee.experiment.acquired
      if offset != 0 { body(lane, at(offset)) }
    }
  }

  /// The longest delay of a thread in the current experiment.
  fileprivate func longestDelay() -> UInt64 {
    var longest: UInt64 = 0
    forEachExperimentLane { longest = max(longest, $1.pointee.delayed.value) }
    return longest
  }

  /// A thread that is late by an earlier experiment may still add to its own.
  fileprivate func forgetDelays() { forEachExperimentLane { $1.pointee.delayed.set(0) } }

  /// The operations that did the most by themselves, without what they called and without waits for other threads, the
  /// first one most; how many there are.
  fileprivate func ownWork(of found: inout InlineArray<12, UInt32>, atMost most: Int) -> Int {
    let profile = Profile(of: self, at: readingMoment(), distributions: .none)
    var works = InlineArray<12, UInt64>(repeating: 0)
    var (count, total): (Int, UInt64) = (0, 0)
    for (index, operation) in profile.operations.enumerated() {
      var waits = operation.selfIO.waits(IORecord.Wait.lock).ticks
      for wait in [IORecord.Wait.signal, IORecord.Wait.poll, IORecord.Wait.accept] {
        waits &+= operation.selfIO.waits(wait).ticks
      }
      let waited = profile.nanoseconds(waits)
      let work = operation.selfNanoseconds &- min(waited, operation.selfNanoseconds)
      total &+= work
      var place = count
      while place > 0, works[place - 1] < work { place -= 1 }
      guard place < most, work > 0 else { continue }
      if count < most { count += 1 }
      var at = count - 1
      while at > place {
        (works[at], found[at]) = (works[at - 1], found[at - 1])
        at -= 1
      }
      (works[place], found[place]) = (work, UInt32(truncatingIfNeeded: index + 1))
    }
    // A hundredth of all is not worth a round.
    while count > 0, works[count - 1] < total / 100 { count -= 1 }
    return count
  }
}
