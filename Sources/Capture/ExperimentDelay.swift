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

/// Begins a round: what was owed before is forgiven.
func beginRound(_ trial: ExperimentTrial) {
  trialWord.store(0, ordering: .relaxed)
  debtAtStart.store(shim_debt_now(), ordering: .relaxed)
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

// MARK: Calls that wait

/// Calls whose time is the operation's own work: files, sleeps. All others wait for other threads or processes.
private func isOwnWork(_ call: shim_io_call, _ fd: Int32) -> Bool {
  switch call {
  case shim_io_read, shim_io_write:
    if let entry = attachedRecording().descriptorEntry(fd) {
      let state = entry.pointee.state.value
      if Descriptor.isKnown(fd, by: state) {
        return Int(UInt32(truncatingIfNeeded: state) & Descriptor.Flag.kinds) == IOKind.file
      }
    }
    return shim_descriptor_read(fd).kind == shim_file
  case shim_io_sync, shim_io_open, shim_io_close, shim_io_pause: return true
  default: return false
  }
}

@c(shim_call_begins) @implementation
public func shim_call_begins(_ call: shim_io_call, _ descriptor: Int32) -> UInt64 {
  if call == shim_io_write || call == shim_io_send || call == shim_io_connect {
    let saved = shim_errno()
    if !isOwnWork(call, descriptor) { passBoundary() }
    shim_errno_set(saved)
  }
  return shim_debt_now()
}

@c(shim_call_ends) @implementation
public func shim_call_ends(
  _ call: shim_io_call, _ descriptor: Int32, _ ticks: UInt64, _ debt: UInt64
) {
  guard debt != 0, currentLane() != nil else { return }
  let saved = shim_errno()
  if !isOwnWork(call, descriptor) { credit(attachedRecording().nanoseconds(soFar: ticks)) }
  shim_errno_set(saved)
}

/// The thread waited for another one, which has paid all there is before it let this one go on: this one need not wait
/// for that again. On its own virtual clock it cannot have waited for less than no time.
func credit(_ blocked: UInt64) {
  guard isExperimentLive, let lane = currentLane() else { return }
  let recording = attachedRecording()
  guard let state = recording.experimentLane(of: lane) else { return }
  if state.pointee.round.value != roundNumber.load(ordering: .acquiring) { enterRound(state) }
  state.pointee.waited.add(blocked)
  let owed = Int64(
    bitPattern: shim_debt_now() &- state.pointee.paid.value &- state.pointee.excess.value)
  if owed > 0 { state.pointee.paid.add(min(UInt64(owed), blocked)) }
}

// MARK: The debt

extension Recording {
  /// The lane's state in experiments, made now if there is none; nil when memory is full.
  fileprivate func experimentLane(
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

private func enterRound(_ state: UnsafeMutablePointer<ExperimentLane>) {
  state.pointee.round.set(roundNumber.load(ordering: .acquiring))
  state.pointee.paid.set(debtAtStart.load(ordering: .relaxed))
  state.pointee.chargedUntil.set(shim_monotonic_ns())
  state.pointee.waited.set(0)
  state.pointee.excess.set(0)
}

/// Charges what the thread did since its last boundary, and did not wait for others, to the operation that it did it
/// for: on the CPU, ready for one, in files and in sleeps. nil when there is no memory for it.
private func charge(
  _ lane: UnsafeMutablePointer<Lane>, in recording: Recording
) -> UnsafeMutablePointer<ExperimentLane>? {
  guard let state = recording.experimentLane(of: lane) else { return nil }
  guard state.pointee.round.value == roundNumber.load(ordering: .acquiring) else {
    enterRound(state)
    return state
  }
  let trial = ExperimentTrial(word: trialWord.load(ordering: .acquiring))
  let now = shim_monotonic_ns()
  let passed = now &- state.pointee.chargedUntil.value
  let time = passed &- min(state.pointee.waited.value, passed)
  state.pointee.chargedUntil.set(now)
  state.pointee.waited.set(0)
  guard trial.operation != 0, time < 1 << 40 else { return state }
  let frame = recording.skippingLowest(recording.frame(top: lane.pointee.top.value))
  guard frame.pointee.operation == trial.operation else { return state }
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
  let (startTicks, start) = (ticks(in: recording), shim_monotonic_ns())
  // Where threads wait for CPUs, one that slept would give its own away, and nobody would be delayed.
  let maySleep = !trial.isCrowded
  let end = start &+ UInt64(owed)
  var now = start
  while now < end, isOwed(round) {
    if maySleep, end &- now > sleepMargin {
      shim_sleep_ns(min(end &- now &- sleepMargin, longestSleep))
    } else {
      for _ in 0..<16 { shim_relax() }
    }
    now = shim_monotonic_ns()
  }
  let all = state.pointee.excess.value &+ (now &- start)
  let due = min(debt &- state.pointee.paid.value, all)
  state.pointee.paid.add(due)
  state.pointee.excess.set(all &- due)
  state.pointee.delayed.add(now &- start)
  leaveOut(ticks(in: recording) &- startTicks, lane, in: recording)
  state.pointee.chargedUntil.set(shim_monotonic_ns())
  shim_errno_set(saved)
}

private func isOwed(_ round: UInt64) -> Bool {
  isExperimentLive && roundNumber.load(ordering: .relaxed) == round
}

private func synchronize(_ lane: UnsafeMutablePointer<Lane>, in recording: Recording) {
  let top = lane.pointee.top.value
  markBusy(lane, top: top)
  synchronizeCPUClock(
    of: lane, chargedTo: recording.skippingLowest(recording.frame(top: top)), in: recording)
  lane.pointee.top.publish(top)
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
