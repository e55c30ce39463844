// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Recording

/// The open call of an operation that began first, and what is left of it: what calls took that took longer than it
/// has taken.
public struct OpenCallForecast {
  private let call: OpenOperation
  /// What such calls took in nanoseconds, less what this one has, and how many each stands for.
  private let left, weights: UnsafeMutablePointer<Double>
  private var count = 0
  private var longer = 0.0
  private var all = 0.0
  private let elapsed: UInt64

  /// nil when none is open.
  /// - Parameter room: `DurationModel.roomCount` Doubles.
  public init?(
    of operation: UInt32, in recording: Recording, at moment: ReadingMoment,
    room: UnsafeMutablePointer<Double>
  ) {
    var first: OpenOperation?
    for call in recording.openOperations() where call.operation == operation {
      if first.map({ call.startTicks < $0.startTicks }) ?? true { first = call }
    }
    guard let first else { return nil }
    call = first
    elapsed = moment.nanoseconds(
      moment.ticks > first.startTicks ? moment.ticks - first.startTicks : 0)
    let half = DurationModel.roomCount / 2
    (left, weights) = (room, room + half)
    if first.work > 0,
      let model = DurationModel(of: operation, in: recording, at: moment, room: room)
    {
      let (centre, errors) = model.centre(Math.log(Double(first.work)))
      // The room is the model's, which is not needed any more.
      for index in 0..<errors { left[index] = model.scratch[index] }
      for index in 0..<errors { meet(Math.exp(min(centre + left[index], 45)), 1) }
      return
    }
    let profile = Profile(of: recording, at: moment, distributions: .of(operation: operation))
    guard Int(operation) <= profile.operations.count else { return }
    profile.operations[Int(operation) - 1].distribution.forEachBucket { lowest, width, number in
      meet(
        (Double(lowest) + Double(width) / 2) * moment.nanosecondsPerTick, Double(number))
    }
  }

  private mutating func meet(_ nanoseconds: Double, _ weight: Double) {
    all += weight
    guard nanoseconds > Double(elapsed), count < DurationModel.roomCount / 2 else { return }
    longer += weight
    left[count] = nanoseconds - Double(elapsed)
    weights[count] = weight
    count += 1
  }

  /// How many finished calls it would rest on.
  public var samples: UInt64 { whole(all) }

  /// nil with too few finished calls.
  public var answer: prognos_time_left? {
    guard all >= Double(DurationModel.leastCalls) else { return nil }
    var answer = prognos_time_left()
    answer.elapsed_ns = elapsed
    answer.work = call.work
    answer.thread_id = call.threadID
    answer.samples = whole(longer)
    let isUsual = longer >= 3 && longer >= all / 200
    if isUsual {
      answer.estimate_ns = whole(quantile(0.5))
      answer.low_ns = whole(quantile(0.05))
      answer.high_ns = whole(quantile(0.95))
      answer.confidence = longer / (longer + 8) * 0.8
    } else {
      // Longer than nearly all before: a Pareto tail of index 1, in which what has lasted lasts as long again.
      answer.estimate_ns = elapsed
      answer.low_ns = elapsed / 19
      answer.high_ns = whole(Double(elapsed) * 19)
      answer.confidence = 0.1
    }
    Sentence.compose(in: &answer.reason) {
      $0.put("it has taken ")
      $0.put(seconds: Double(elapsed) / 1e9)
      $0.put(isUsual ? "; " : ", longer than nearly all: ")
      $0.put(answer.samples)
      $0.put(" of ")
      $0.put(samples)
      $0.put(call.work > 0 ? " calls would have taken longer for this work" : " calls took longer")
    }
    return answer
  }

  /// The least value that a share of the weight does not exceed: by halving, as nothing is sorted.
  private func quantile(_ share: Double) -> Double {
    var (low, high) = (0.0, 0.0)
    for index in 0..<count { high = max(high, left[index]) }
    for _ in 0..<60 {
      let middle = (low + high) / 2
      var below = 0.0
      for index in 0..<count where left[index] <= middle { below += weights[index] }
      if below >= share * longer { high = middle } else { low = middle }
    }
    return high
  }
}
