// SPDX-License-Identifier: Apache-2.0
import Recording

// The call stack of a call that took longer than 99 in 100 of its like, taken as it ends.

enum SlowCalls {
  /// A node's 99th percentile is computed from so many calls on, each time they have doubled, and each
  /// `checkEvery` calls, a power of two: so often at least a call leaves the fast path.
  static let least: UInt32 = 128
  static let checkEvery: UInt64 = 1024
  /// Ticks between two stacks of one thread, some 0.1 ms: operations of a few nanoseconds must not pay for a
  /// stack a hundred times as long in each hundredth call.
  static let restTicks: UInt64 = 1 << 18
}

/// After a call of `node` was added; `now` is its end.
func considerSlowCall(
  _ wallTicks: UInt64, of node: UnsafeMutablePointer<CallNode>, at now: UInt64,
  on lane: UnsafeMutablePointer<Lane>, of recording: Recording
) {
  if ~wallTicks < node.pointee.slowComplement.value,
    now &- lane.pointee.nextSlowStack.value < UInt64(1) &<< 63
  {
    lane.pointee.nextSlowStack.set(now &+ SlowCalls.restTicks)
    let stack = recordStack(of: lane, in: recording, context: nil)
    if let offset = recording.site(node: recording.offset(of: node), stack: stack) {
      let site: UnsafeMutablePointer<Site> = recording.at(offset)
      site.pointee.slowCalls.add(1)
      site.pointee.slowTicks.add(wallTicks)
    }
  }
  let calls = UInt32(truncatingIfNeeded: node.pointee.ended.value)
  let checked = node.pointee.slowCheckedCalls.value
  guard calls &- checked >= max(min(checked, UInt32(SlowCalls.checkEvery)), SlowCalls.least) else {
    return
  }
  node.pointee.slowCheckedCalls.set(calls)
  let slowest = recording.slowest(ofHundred: node.pointee.ended.value, of: node)
  node.pointee.slowComplement.set(~slowest)
}

extension Recording {
  /// The end of the bucket that the 99th percentile of a node's calls is in. Cost: looks at the slowest
  /// octaves, some hundred buckets.
  fileprivate func slowest(ofHundred calls: UInt64, of node: UnsafeMutablePointer<CallNode>)
    -> UInt64
  {
    var left = calls / 100
    var octave = Histogram.octaveCount
    while octave > 0 {
      octave &-= 1
      let buckets = node.pointee.histogram.octaves[unchecked: octave].value
      if buckets == 0 { continue }
      var within = Histogram.bucketsPerOctave
      while within > 0 {
        within &-= 1
        let cell: UnsafeMutablePointer<Cell32> = at(
          buckets &+ UInt32(truncatingIfNeeded: within) &* 4)
        let count = UInt64(cell.pointee.value)
        if count > left {
          let (lowest, width) = Histogram.range(
            ofBucket: octave &* Histogram.bucketsPerOctave &+ within)
          return lowest &+ width
        }
        left &-= count
      }
    }
    return .max
  }
}
