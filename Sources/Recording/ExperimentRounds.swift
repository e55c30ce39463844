// SPDX-License-Identifier: Apache-2.0

/// What a thread knows while an experiment runs. Written by the lane's owner.
public struct ExperimentLane: ~Copyable {
  /// The round that all of this belongs to.
  public let round: Cell64
  /// How much of the debt the thread has taken as a delay, or was credited, in nanoseconds.
  public let paid: Cell64
  /// Delays that took longer than they should have, and count in those to come.
  public let excess: Cell64
  /// When it was last charged to an operation, on the monotonic clock.
  public let chargedUntil: Cell64
  /// How long it has waited since then for other threads, and for files and in sleeps, which is its operation's own.
  public let waited: Cell64
  public let ownWait: Cell64
  /// The thread's CPU time then.
  public let cpuMark: Cell64
  /// Of what it owes, what grew while it slept: a longer sleep pays that, also where threads wait for CPUs.
  public let owedAsleep: Cell64
  /// All delays it ever took.
  public let delayed: Cell64
  /// The scheduler's count of the thread when it was last asked: time on a CPU, and time ready without one.
  public let scheduledRun: Cell64
  public let scheduledDelay: Cell64
  public let scheduledThread: Cell64

  public static let bytes: UInt32 = 128
}

/// One round of an experiment: a while in which everybody else was delayed when one operation ran.
public struct ExperimentRound: BitwiseCopyable {
  /// When it began, on the monotonic clock.
  public var startedNanoseconds: UInt64 = 0
  /// Completions of the progress operation from the first to the last one seen, the first not counted, and the
  /// time between them, less the delays: what it would have been without.
  public var completions: UInt64 = 0
  public var virtualNanoseconds: UInt64 = 0
  public var realNanoseconds: UInt64 = 0
  /// By how much the debt grew between them.
  public var debtNanoseconds: UInt64 = 0
  /// The virtually faster operation; 0 in a round without.
  public var operation: UInt32 = 0
  /// The one whose completions count.
  public var progress: UInt32 = 0
  /// How much faster, in percent.
  public var percent: UInt16 = 0
  /// 1 when the operation's own thread was delayed like all others: nobody gained.
  public var isControl: UInt16 = 0
  public var experiment: UInt32 = 0
  /// How much longer than its CPU time a thread took that wanted to run, in 1/256.
  public var stretch: UInt32 = 256
  public var padding: UInt32 = 0

  public init() {}
}

/// The rounds of all experiments, the newest over the oldest, and how the current one stands. By the collector.
public struct ExperimentHeader: ~Copyable {
  /// How many rounds were ever written.
  public let written: Cell64
  /// `State`.
  public let state: Cell32
  public let progress: Cell32
  /// Counts experiments, from 1 on.
  public let number: Cell32
  public let seconds: Cell32
  public let startedNanoseconds: Cell64
  public let endsNanoseconds: Cell64
  /// The longest that one thread was delayed.
  public let delayedNanoseconds: Cell64
  /// The share of the debt in the time so far may not go beyond a half.
  public let debtNanoseconds: Cell64
  let padding: Cell64

  public static let bytes: UInt32 = 64
  public static let pages: UInt32 = 8

  public enum State {
    public static let none: UInt32 = 0
    public static let running: UInt32 = 1
    public static let finished: UInt32 = 2
    public static let stopped: UInt32 = 3
  }
}

extension Recording {
  public static var experimentRoundCapacity: Int {
    Int((ExperimentHeader.pages &* Layout.page &- ExperimentHeader.bytes) / 64)
  }

  /// Makes room for the rounds; false when there is no memory for it. By one thread at a time.
  public func prepareExperiments() -> Bool {
    if header.pointee.experiment.value != 0 { return true }
    guard let first = claimPages(ExperimentHeader.pages) else { return false }
    header.pointee.experiment.publish(first)
    return true
  }

  /// nil before the first experiment.
  public var experiment: UnsafeMutablePointer<ExperimentHeader>? {
    let offset = zone(header.pointee.experiment.acquired)
    let bytes = UInt64(ExperimentHeader.pages &* Layout.page)
    guard offset != 0, UInt64(offset) &+ bytes <= UInt64(byteCount) else { return nil }
    return at(offset)
  }

  /// Adds a round over the oldest.
  public func add(
    _ round: ExperimentRound, to experiment: UnsafeMutablePointer<ExperimentHeader>
  ) {
    let number = experiment.pointee.written.value
    let index = Int(truncatingIfNeeded: number % UInt64(Self.experimentRoundCapacity))
    experimentRounds(experiment)[index] = round
    experiment.pointee.written.publish(number &+ 1)
  }

  /// Calls `body` with the rounds that are kept, the oldest first. One may be half written: they are checked
  /// by whoever uses them.
  public func forEachExperimentRound(_ body: (ExperimentRound) -> Void) {
    guard let experiment else { return }
    let written = experiment.pointee.written.acquired
    let capacity = UInt64(Self.experimentRoundCapacity)
    let count = min(written, capacity)
    for age in 0..<count {
      let index = (written &- count &+ age) % capacity
      body(experimentRounds(experiment)[Int(truncatingIfNeeded: index)])
    }
  }

  private func experimentRounds(
    _ experiment: UnsafeMutablePointer<ExperimentHeader>
  ) -> UnsafeMutablePointer<ExperimentRound> {
    (UnsafeMutableRawPointer(experiment) + Int(ExperimentHeader.bytes))
      .assumingMemoryBound(to: ExperimentRound.self)
  }
}
