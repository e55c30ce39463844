// SPDX-License-Identifier: Apache-2.0
import CShim
import Recording
import Synchronization

// Virtual speed-up (Curtsinger and Berger, "Coz: finding code that counts with causal profiling", SOSP 2015), at the
// boundaries of operations: what an operation would be worth were it faster shows when everybody else is delayed
// while it runs. Its own time, taken exactly, is added to a debt; a thread that ran it has paid that much, and every
// other one pays at its next boundary, and before it lets another thread go on. A thread that waited for another
// one need not pay what that one has paid. docs/methods.md, "Causal experiments".

/// What is tried now. All threads read it at their boundaries; the collector writes it between rounds.
struct ExperimentTrial {
  var operation: UInt32 = 0
  /// How much faster the operation becomes, in percent, at most 100.
  var percent: UInt32 = 0
  /// Nobody is spared: what the rate of progress does then has other reasons.
  var isControl = false
  /// There are more threads than CPUs for them.
  var isCrowded = false

  var word: UInt64 {
    UInt64(operation) << 32 | UInt64(isCrowded ? 1 : 0) << 16 | UInt64(isControl ? 1 : 0) << 8
      | UInt64(percent & 0xFF)
  }

  init() {}
  init(word: UInt64) {
    operation = UInt32(truncatingIfNeeded: word >> 32)
    isCrowded = word >> 16 & 1 != 0
    isControl = word >> 8 & 1 != 0
    percent = UInt32(truncatingIfNeeded: word) & 0xFF
  }
}

private let trialWord = Atomic<UInt64>(0)
private let roundNumber = Atomic<UInt64>(0)
private let debtAtStart = Atomic<UInt64>(0)
private let progressOperation = Atomic<UInt32>(0)

/// Completions of the progress operation in this round, and the first and last of them on the virtual clock of
/// their threads: time less the debt that they had paid.
struct ProgressCount {
  var completions: UInt64 = 0
  var first: (real: UInt64, paid: UInt64) = (0, 0)
  var last: (real: UInt64, paid: UInt64) = (0, 0)
}
private let completions = Atomic<UInt64>(0)
private let firstReal = Atomic<UInt64>(0)
private let firstPaid = Atomic<UInt64>(0)
private let lastReal = Atomic<UInt64>(0)
private let lastPaid = Atomic<UInt64>(0)

/// Debts below this wait until they are more, in nanoseconds.
private let leastDelay: UInt64 = 2_000
/// How much later than asked a sleep ends; the rest is spent turning.
private let sleepMargin: UInt64 = 70_000
/// A sleep's longest part: how long it takes until a delay notices that the experiment was stopped.
private let longestSleep: UInt64 = 1_000_000

// MARK: For the collector

/// Whether begins and ends must look.
var isExperimentLive: Bool { shim_debt_now() != 0 }

/// Lets experiments begin: from here on begins and ends come to the functions below.
func startDelays(progress: UInt32) {
  progressOperation.store(progress, ordering: .relaxed)
  trialWord.store(0, ordering: .relaxed)
  roundNumber.wrappingAdd(1, ordering: .relaxed)
  // Never 0, and never below what it was: who waits since an earlier experiment must not be credited.
  debtAtStart.store(max(debtAtStart.load(ordering: .relaxed), 1), ordering: .relaxed)
  shim_debt_set(debtAtStart.load(ordering: .relaxed))
}

/// Ends all delays at once.
func endDelays() {
  let debt = shim_debt_now()
  if debt != 0 { debtAtStart.store(debt, ordering: .relaxed) }
  trialWord.store(0, ordering: .relaxed)
  shim_debt_set(0)
}

/// Time by CPU time, added up in a round: by all threads, whatever they do, delays by turning included, and in the
/// operation that is tried. Where threads wait for CPUs, a slice of the scheduler is long against an operation: the
/// ratio of a while says more of how long its CPU time takes than what one call happened to wait.
private let allTime = Atomic<UInt64>(0)
private let allCPU = Atomic<UInt64>(0)
private let operationTime = Atomic<UInt64>(0)
private let operationCPU = Atomic<UInt64>(0)
/// What a round begins with counts as much as so much CPU time.
private let priorCPU: UInt64 = 20_000_000

private func ratio(_ time: borrowing Atomic<UInt64>, _ cpu: borrowing Atomic<UInt64>) -> Double {
  let used = Double(max(cpu.load(ordering: .relaxed), 1))
  return min(max(Double(time.load(ordering: .relaxed)) / used, 1), 64)
}

/// How long CPU time took in this round, in the operation that was tried.
func stretchOfRound() -> Double { ratio(operationTime, operationCPU) }

/// Begins a round: what was owed before is forgiven. `stretch`: how long CPU time takes, in general and in the
/// operation, as far as it is known.
func beginRound(_ trial: ExperimentTrial, stretch: Double, stretchOfOperation: Double) {
  trialWord.store(0, ordering: .relaxed)
  debtAtStart.store(shim_debt_now(), ordering: .relaxed)
  allCPU.store(priorCPU, ordering: .relaxed)
  allTime.store(UInt64(Double(priorCPU) * stretch), ordering: .relaxed)
  operationCPU.store(priorCPU, ordering: .relaxed)
  operationTime.store(UInt64(Double(priorCPU) * stretchOfOperation), ordering: .relaxed)
  roundNumber.wrappingAdd(1, ordering: .releasing)
  trialWord.store(trial.word, ordering: .releasing)
}

/// Begins to count completions.
func beginCounting() {
  completions.store(0, ordering: .releasing)
}

func countedProgress() -> ProgressCount {
  var count = ProgressCount()
  count.completions = completions.load(ordering: .acquiring)
  count.first = (firstReal.load(ordering: .relaxed), firstPaid.load(ordering: .relaxed))
  count.last = (lastReal.load(ordering: .relaxed), lastPaid.load(ordering: .relaxed))
  return count
}

/// By how much the debt has grown in this round.
func debtOfRound() -> UInt64 {
  let debt = shim_debt_now()
  return debt == 0 ? 0 : debt &- debtAtStart.load(ordering: .relaxed)
}

// MARK: Begin and end

@_semantics("no_performance_analysis") @inline(never)
func beginInExperiment(_ op: UInt32, on lane: UnsafeMutablePointer<Lane>, of recording: Recording) {
  if lane.pointee.top.value % Frame.bytes == 0,
    let state = charge(lane, in: recording)
  {
    pay(state, on: lane, of: recording)
  }
  guard recording.canBeQuick else { return beginCarefully(op) }
  beginQuickly(op, on: lane, of: recording, isTimed: recording.isTimelineLive)
}

@_semantics("no_performance_analysis") @inline(never)
func endInExperiment(_ op: UInt32, on lane: UnsafeMutablePointer<Lane>, of recording: Recording) {
  let isFree = lane.pointee.top.value % Frame.bytes == 0
  let state = isFree ? charge(lane, in: recording) : nil
  if recording.canBeQuick {
    endQuickly(op, on: lane, of: recording, isTimed: recording.isTimelineLive)
  } else {
    endCarefully(op)
  }
  guard let state else { return }
  noteCompletion(of: op, by: state)
  pay(state, on: lane, of: recording)
}

/// Counts a completion of the progress operation. The first two stores of two threads may mix: an error of
/// microseconds in a round.
func noteCompletion(of op: UInt32, by state: UnsafeMutablePointer<ExperimentLane>) {
  guard op == progressOperation.load(ordering: .relaxed) else { return }
  let now = shim_monotonic_ns()
  let paid = state.pointee.paid.value &+ state.pointee.excess.value
  if completions.wrappingAdd(1, ordering: .acquiringAndReleasing).oldValue == 0 {
    firstReal.store(now, ordering: .relaxed)
    firstPaid.store(paid, ordering: .relaxed)
  }
  lastReal.store(now, ordering: .relaxed)
  lastPaid.store(paid, ordering: .relaxed)
}

/// A boundary that is no begin or end: a span that is entered, left or ended, a call that lets another thread go on.
@_semantics("no_performance_analysis") @inline(never)
func passBoundary(completing op: UInt32 = 0) {
  guard let lane = currentLane(), lane.pointee.top.value % Frame.bytes == 0 else { return }
  let recording = attachedRecording()
  guard let state = charge(lane, in: recording) else { return }
  if op != 0 { noteCompletion(of: op, by: state) }
  pay(state, on: lane, of: recording)
}

@c(shim_releasing) @implementation
public func shim_releasing() {
  if isExperimentLive { passBoundary() }
}

// MARK: The debt

extension Recording {
  /// The lane's state in experiments, made now if there is none; nil when memory is full.
  func experimentLane(
    of lane: UnsafeMutablePointer<Lane>
  ) -> UnsafeMutablePointer<ExperimentLane>? {
    let existing = lane.pointee.experiment.value
    if existing != 0 { return at(existing) }
    // Memory is the busy lane's.
    let top = lane.pointee.top.value
    if top % Frame.bytes != 0 { return nil }
    markBusy(lane, top: top)
    let made = allocate(ExperimentLane.bytes, for: lane)
    lane.pointee.top.publish(top)
    guard let made else { return nil }
    lane.pointee.experiment.publish(made)
    return at(made)
  }
}

extension Recording {
  func nanoseconds(soFar ticks: UInt64) -> UInt64 {
    UInt64(min(Double(ticks) * nanosecondsPerTickSoFar, 0x1p60))
  }
}

private func enterRound(
  _ state: UnsafeMutablePointer<ExperimentLane>, _ lane: UnsafeMutablePointer<Lane>,
  in recording: Recording
) {
  state.pointee.round.set(roundNumber.load(ordering: .acquiring))
  state.pointee.paid.set(debtAtStart.load(ordering: .relaxed))
  state.pointee.excess.set(0)
  state.pointee.owedAsleep.set(0)
  mark(state, lane, in: recording)
}

/// From here on time is charged anew.
private func mark(
  _ state: UnsafeMutablePointer<ExperimentLane>, _ lane: UnsafeMutablePointer<Lane>,
  in recording: Recording
) {
  state.pointee.cpuMark.set(cpuTime(lane, in: recording))
  state.pointee.chargedUntil.set(shim_monotonic_ns())
  state.pointee.waited.set(0)
  state.pointee.ownWait.set(0)
}

/// The lane's state in this round.
func stateInRound(
  of lane: UnsafeMutablePointer<Lane>, in recording: Recording
) -> UnsafeMutablePointer<ExperimentLane>? {
  guard let state = recording.experimentLane(of: lane) else { return nil }
  if state.pointee.round.value != roundNumber.load(ordering: .acquiring) {
    enterRound(state, lane, in: recording)
  }
  return state
}

/// Charges what the thread did since its last boundary, and did not wait for others, to the operation that it did it
/// for: its CPU time, as long as that takes, files and sleeps. nil when there is no memory for it.
private func charge(
  _ lane: UnsafeMutablePointer<Lane>, in recording: Recording
) -> UnsafeMutablePointer<ExperimentLane>? {
  guard let state = recording.experimentLane(of: lane) else { return nil }
  guard state.pointee.round.value == roundNumber.load(ordering: .acquiring) else {
    enterRound(state, lane, in: recording)
    return state
  }
  let trial = ExperimentTrial(word: trialWord.load(ordering: .acquiring))
  let (cpuBefore, before) = (state.pointee.cpuMark.value, state.pointee.chargedUntil.value)
  let (waited, ownWait) = (state.pointee.waited.value, state.pointee.ownWait.value)
  mark(state, lane, in: recording)
  let used = state.pointee.cpuMark.value &- cpuBefore
  let passed = state.pointee.chargedUntil.value &- before
  guard used < 1 << 40, passed < 1 << 40, waited < 1 << 40, ownWait < 1 << 40 else { return state }
  // Clocks that are read one after the other.
  let active = max(passed &- min(waited &+ ownWait, passed), used)
  allTime.wrappingAdd(active, ordering: .relaxed)
  allCPU.wrappingAdd(used, ordering: .relaxed)
  guard trial.operation != 0 else { return state }
  let frame = recording.skippingLowest(recording.frame(top: lane.pointee.top.value))
  guard frame.pointee.operation == trial.operation else { return state }
  operationTime.wrappingAdd(active, ordering: .relaxed)
  operationCPU.wrappingAdd(used, ordering: .relaxed)
  // That of one operation is noise above that of all, but truly less where a lock keeps others from running.
  let stretch =
    trial.isCrowded ? min(ratio(operationTime, operationCPU), ratio(allTime, allCPU)) : 1
  let time = UInt64(Double(used) * stretch) &+ ownWait
  let paid = state.pointee.paid.value &+ time &* UInt64(trial.percent) / 100
  if !trial.isControl { state.pointee.paid.set(paid) }
  shim_debt_raise(paid)
  return state
}

/// Delays the thread by what it owes. The delay counts in no call that is open.
private func pay(
  _ state: UnsafeMutablePointer<ExperimentLane>, on lane: UnsafeMutablePointer<Lane>,
  of recording: Recording
) {
  let debt = shim_debt_now()
  let owed = Int64(bitPattern: debt &- state.pointee.paid.value &- state.pointee.excess.value)
  guard debt != 0, owed >= Int64(leastDelay), lane.pointee.top.value % Frame.bytes == 0 else {
    return
  }
  let round = state.pointee.round.value
  let trial = ExperimentTrial(word: trialWord.load(ordering: .relaxed))
  let saved = shim_errno()
  // What was off the CPU before this counts in the call that is open; the delay will not.
  if !stayedOnCPU(lane) { synchronize(lane, in: recording) }
  let startTicks = ticks(in: recording)
  let asleep = trial.isCrowded ? min(state.pointee.owedAsleep.value, UInt64(owed)) : UInt64(owed)
  var took = sleep(asleep, in: round)
  if trial.isCrowded, took < UInt64(owed) { took &+= turn(UInt64(owed) &- took, in: round) }
  state.pointee.owedAsleep.set(0)
  let all = state.pointee.excess.value &+ took
  let due = min(debt &- state.pointee.paid.value, all)
  state.pointee.paid.add(due)
  state.pointee.excess.set(all &- due)
  state.pointee.delayed.add(took)
  leaveOut(ticks(in: recording) &- startTicks, lane, in: recording)
  mark(state, lane, in: recording)
  shim_errno_set(saved)
}

/// Lets time pass; returns how much did.
private func sleep(_ delay: UInt64, in round: UInt64) -> UInt64 {
  let start = shim_monotonic_ns()
  var now = start
  while now &- start < delay, isOwed(round) {
    let left = delay &- (now &- start)
    if left > sleepMargin {
      shim_sleep_ns(min(left &- sleepMargin, longestSleep))
    } else {
      for _ in 0..<16 { shim_relax() }
    }
    now = shim_monotonic_ns()
  }
  return now &- start
}

/// Uses up the CPU time that takes so long where threads wait for CPUs: one that slept would give its CPU away, and
/// nobody would be delayed. Returns how long it takes.
private func turn(_ delay: UInt64, in round: UInt64) -> UInt64 {
  let (start, cpu) = (shim_monotonic_ns(), shim_thread_cpu_ns())
  let stretch = ratio(allTime, allCPU)
  var used: UInt64 = 0
  while Double(used) * stretch < Double(delay), isOwed(round) {
    for _ in 0..<16 { shim_relax() }
    used = shim_thread_cpu_ns() &- cpu
  }
  allTime.wrappingAdd(shim_monotonic_ns() &- start, ordering: .relaxed)
  allCPU.wrappingAdd(used, ordering: .relaxed)
  return UInt64(Double(used) * stretch)
}

private func isOwed(_ round: UInt64) -> Bool {
  isExperimentLive && roundNumber.load(ordering: .relaxed) == round
}

/// Charges the time off the CPU to the innermost open call, and returns how much it was, in nanoseconds.
@discardableResult
func synchronize(_ lane: UnsafeMutablePointer<Lane>, in recording: Recording) -> UInt64 {
  let top = lane.pointee.top.value
  markBusy(lane, top: top)
  let (wall, cpu) = (lane.pointee.syncedWall.value, lane.pointee.syncedCPU.value)
  synchronizeCPUClock(
    of: lane, chargedTo: recording.skippingLowest(recording.frame(top: top)), in: recording)
  lane.pointee.top.publish(top)
  let off = Int64(
    bitPattern: lane.pointee.syncedWall.value &- wall &- (lane.pointee.syncedCPU.value &- cpu))
  return UInt64(max(off, 0))
}

/// The CPU time of the thread, whose lane is free.
private func cpuTime(_ lane: UnsafeMutablePointer<Lane>, in recording: Recording) -> UInt64 {
  if lane.pointee.cpuClock.value == CPUClock.off { return shim_thread_cpu_ns() }
  if !stayedOnCPU(lane) { synchronize(lane, in: recording) }
  return lane.pointee.syncedCPU.value &+ (shim_monotonic_ns() &- lane.pointee.syncedWall.value)
}

/// Lets the calls that are open begin later by a delay that just ended.
private func leaveOut(
  _ delay: UInt64, _ lane: UnsafeMutablePointer<Lane>, in recording: Recording
) {
  let top = lane.pointee.top.value
  markBusy(lane, top: top)
  var frame = recording.frame(top: top)
  if frame.pointee.key.value == Frame.Mark.wall { frame -= 1 }
  frame = recording.skippingLowest(frame)
  while frame.pointee.key.value != Frame.Mark.root {
    frame.pointee.start.add(delay)
    frame = recording.skippingLowest(frame - 1)
  }
  restartCPUClock(of: lane, in: recording)
  lane.pointee.top.publish(top)
}
