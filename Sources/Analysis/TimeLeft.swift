// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Recording

/// The open call of an operation that began first, and what is left of it.
public struct OpenCallForecast {
  public let call: OpenOperation

  /// nil when none is open.
  public init?(of operation: UInt32, in recording: Recording) {
    var first: OpenOperation?
    for call in recording.openOperations() where call.operation == operation {
      if first.map({ call.startTicks < $0.startTicks }) ?? true { first = call }
    }
    guard let first else { return nil }
    call = first
  }

  /// nil with too few finished calls.
  public func timeLeft(
    pairs: [DurationPair], wallTicks: Distribution, at moment: ReadingMoment
  ) -> prognos_time_left? {
    let ticks = moment.ticks > call.startTicks ? moment.ticks - call.startTicks : 0
    let elapsed = moment.nanoseconds(ticks)
    var finished: [(nanoseconds: Double, weight: Double)] = []
    var samples = wallTicks.total
    if call.work > 0,
      let model = DurationModel(pairs, nanosecondsPerTick: moment.nanosecondsPerTick)
    {
      let (middle, _, _) = model.predict(Math.log(Double(call.work)))
      var errors = model.errors(
        near: min(max(Math.log(Double(call.work)), model.calls.lowest), model.calls.highest))
      let centre = value(ofRank: errors.count / 2, in: &errors)
      for error in errors { finished.append((Math.exp(min(middle + error - centre, 45)), 1)) }
      samples = UInt64(errors.count)
    } else {
      wallTicks.forEachBucket { lowest, width, count in
        let nanoseconds =
          (Double(lowest) + Double(width) / 2) * moment.nanosecondsPerTick
        finished.append((nanoseconds, Double(count)))
      }
    }
    guard samples >= UInt64(DurationModel.leastCalls) else { return nil }
    return prognos_time_left(
      elapsed: elapsed, work: call.work, threadID: call.threadID, finished: finished,
      samples: samples)
  }
}
