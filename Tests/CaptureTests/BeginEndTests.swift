// SPDX-License-Identifier: Apache-2.0
import CPrognos
import CShim
import Recording
import Testing

@testable import Capture

@Suite("Begin and end")
struct BeginEndTests {
  @Test("Each begin with its end is one call, with its wall time in the histogram")
  func counts() {
    let a = operation("begin-end.counts")
    onNewThread { call(a, times: 1000) }
    let all = profile().operations[Int(a) - 1]
    #expect(all.totals.count == 1000)
    #expect(all.distribution.total == 1000)
    #expect(all.totals.active == 0)
    #expect(all.totals.abandoned == 0)
    #expect(all.totals.fastestTicks <= all.totals.slowestTicks)
    #expect(all.totals.wallTicks >= all.totals.fastestTicks * 999 + all.totals.slowestTicks)
    #expect(all.totals.wallTicks <= all.totals.slowestTicks * 1000)
  }

  @Test("Wall time is at least the time that the host saw go by inside")
  func wallTime() {
    let a = operation("begin-end.wall")
    var seen: UInt64 = 0
    onNewThread {
      call(a) {
        let begun = monotonic()
        while monotonic() - begun < 1_000_000 {}
        seen = monotonic() - begun
      }
    }
    let profile = profile()
    let wall = profile.nanoseconds(profile.operations[Int(a) - 1].totals.wallTicks)
    // The cycle counter and the clock agree within a thousandth once calibrated.
    #expect(Double(wall) > Double(seen) * 0.99)
  }

  private func monotonic() -> UInt64 { shim_monotonic_ns() }

  @Test("An operation begun inside another one is recorded under it")
  func nesting() throws {
    let (a, b) = (operation("begin-end.outer"), operation("begin-end.inner"))
    onNewThread {
      for _ in 0..<100 { call(a) { call(b, times: 3) } }
      call(b, times: 5)
    }
    let profile = profile()
    let outer = try #require(profile.paths.firstIndex { $0.operation == a })
    let inner = profile.paths.filter { $0.operation == b }
    #expect(profile.paths[outer].parent == nil)
    #expect(inner.first { $0.parent == outer }?.totals.count == 300)
    #expect(inner.first { $0.parent == nil }?.totals.count == 5)
    #expect(profile.paths[outer].totals.wallTicks >= profile.paths[outer].calleeTicks)
  }

  @Test("Recursion is a path for each level")
  func recursion() {
    let a = operation("begin-end.recursion")
    func recurse(_ levels: Int) { call(a) { if levels > 1 { recurse(levels - 1) } } }
    onNewThread { for _ in 0..<10 { recurse(5) } }
    let paths = profile().paths.filter { $0.operation == a }
    #expect(paths.map(\.depth).sorted() == [0, 1, 2, 3, 4])
    #expect(paths.allSatisfy { $0.totals.count == 10 })
  }

  @Test("An outer end closes what is still open inside, as abandoned")
  func wrongOrder() {
    let (a, b, c) = (operation("order.a"), operation("order.b"), operation("order.c"))
    let (left, unbalanced) = onNewThread {
      prognos_begin(a)
      prognos_begin(b)
      prognos_begin(c)
      prognos_end(a)
      let left = depth
      let before = lane().pointee.unbalancedEnds.value
      prognos_end(c)
      prognos_end(b)
      return (left, lane().pointee.unbalancedEnds.value - before)
    }
    #expect(left == 0)
    #expect(unbalanced == 2)
    for (operation, abandoned) in [(a, UInt64(0)), (b, 1), (c, 1)] {
      #expect(totals(of: operation).count == 1)
      #expect(totals(of: operation).abandoned == abandoned)
    }
  }

  @Test("An end closes the innermost open call of its name")
  func innermost() {
    let (a, b) = (operation("innermost.a"), operation("innermost.b"))
    let depths = onNewThread {
      for op in [a, b, a, b] { prognos_begin(op) }
      prognos_end(a)
      let first = depth
      prognos_end(a)
      return [first, depth]
    }
    #expect(depths == [2, 0])
    #expect(totals(of: a).count == 2)
    #expect(totals(of: a).abandoned == 0)
    #expect(totals(of: b).abandoned == 2)
  }

  @Test("An end without a begin changes nothing and is counted")
  func unbalanced() {
    let (a, b) = (operation("unbalanced.a"), operation("unbalanced.b"))
    let counted = onNewThread {
      prognos_begin(a)
      let before = lane().pointee.unbalancedEnds.value
      prognos_end(b)
      #expect(depth == 1)
      prognos_end(a)
      prognos_end(a)
      return lane().pointee.unbalancedEnds.value - before
    }
    #expect(counted == 2)
    #expect(totals(of: a).count == 1)
    #expect(totals(of: b).count == 0)
  }

  @Test("An end on a thread that never began anything is counted without giving it a lane")
  func unbalancedWithoutLane() {
    let a = operation("unbalanced.lane")
    let before = recording().header.pointee.unbalancedEnds.value
    let hadLane = onNewThread {
      prognos_end(a)
      return currentLane() != nil
    }
    #expect(!hadLane)
    #expect(recording().header.pointee.unbalancedEnds.value > before)
  }

  @Test("Begin and end of a handle that was never given out are counted and left out")
  func unknown() {
    let a = operation("unknown.a")
    let counted = onNewThread {
      prognos_begin(a)
      let before = lane().pointee.unknownOperations.value
      for handle: UInt32 in [0, 1_000_000, .max] {
        prognos_begin(handle)
        #expect(depth == 1)
        prognos_end(handle)
      }
      prognos_end(a)
      return lane().pointee.unknownOperations.value - before
    }
    #expect(counted == 6)
    #expect(totals(of: a).count == 1)
  }

  @Test("A call that interrupts another one on its thread is left out and counted; so is its end")
  func reentered() {
    let (a, b) = (operation("reentered.a"), operation("reentered.b"))
    let counted = onNewThread {
      call(a) { call(b) }  // the slot above now holds b, as the fast path likes it
      prognos_begin(a)
      let lane = lane()
      let before = lane.pointee.reentered.value
      let top = lane.pointee.top.value
      // As in the middle of a hot call, further up the stack.
      lane.pointee.busyStack[0].set(.max)
      lane.pointee.top.set(top + Frame.busyOffset)
      prognos_begin(b)
      prognos_end(b)
      prognos_end(a)
      prognos_work(1)
      prognos_fail("no")
      #expect(lane.pointee.top.value == top + Frame.busyOffset)
      lane.pointee.top.set(top)
      prognos_end(a)
      return lane.pointee.reentered.value - before
    }
    #expect(counted == 5)
    #expect(totals(of: a).count == 2)
    #expect(totals(of: b).count == 1)
    #expect(totals(of: a).failed == 0)
    #expect(totals(of: a).work == 0)
  }

  @Test("A hot call that a handler left by siglongjmp does not keep its lane busy for ever")
  func leftByLongjmp() {
    let (a, b) = (operation("left.a"), operation("left.b"))
    let counted = onNewThread {
      prognos_begin(a)
      let lane = lane()
      let before = lane.pointee.reentered.value
      // The call that marked it stood beyond where we are: that part of the stack is gone.
      lane.pointee.busyStack[0].set(1)
      lane.pointee.top.set(lane.pointee.top.value + Frame.busyOffset)
      call(b)
      prognos_end(a)
      return lane.pointee.reentered.value - before
    }
    #expect(counted == 0)
    #expect(totals(of: a).count == 1)
    #expect(totals(of: b).count == 1)
  }

  @Test("A counter that ran backwards gives a call of no time, not of centuries")
  func backwards() {
    let a = operation("begin-end.backwards")
    onNewThread {
      call(a)
      prognos_begin(a)
      let frame = recording().frame(top: lane().pointee.top.value)
      frame.pointee.start.add(1 << 40)
      prognos_end(a)
    }
    #expect(totals(of: a).count == 2)
    #expect(totals(of: a).fastestTicks == 0)
    #expect(totals(of: a).slowestTicks < Histogram.limit)
  }

  @Test("A call beyond the histogram's range counts in its last bucket")
  func longest() {
    let a = operation("begin-end.longest")
    onNewThread {
      prognos_begin(a)
      recording().frame(top: lane().pointee.top.value).pointee.start.add(0 &- (1 << 50))
      prognos_end(a)
    }
    var buckets: [UInt64] = []
    profile().operations[Int(a) - 1].distribution.forEachBucket { buckets = [$0 + $1, $2] }
    #expect(buckets == [Histogram.limit, 1])
    #expect(totals(of: a).slowestTicks > 1 << 50)
  }

  @Test("A bucket of 2^32 - 3 calls goes on the slow way without losing one")
  func nearlyFullBucket() {
    let a = operation("begin-end.full-bucket")
    onNewThread {
      call(a, times: 100)
      let node: UnsafeMutablePointer<CallNode> = recording().at(
        recording().child(a, of: lane().pointee.root.value, in: lane())!)
      recording().countPending(of: lane())
      for octave in 0..<Histogram.octaveCount {
        let buckets = node.pointee.histogram.octaves[octave].value
        for within in 0..<UInt32(64) where buckets != 0 {
          let cell: UnsafeMutablePointer<Cell32> = recording().at(buckets + within * 4)
          cell.pointee.set(.max - 2)
        }
      }
      let filled = recording().countedCalls(of: node)
      call(a, times: 500)
      recording().countPending(of: lane())
      #expect(recording().countedCalls(of: node) == filled + 500)
    }
    #expect(totals(of: a).count == 600)
  }
}

extension Recording {
  /// The sum of a node's histogram.
  fileprivate func countedCalls(of node: UnsafeMutablePointer<CallNode>) -> UInt64 {
    var sum: UInt64 = 0
    for octave in 0..<Histogram.octaveCount {
      let buckets = node.pointee.histogram.octaves[octave].value
      if buckets == 0 { continue }
      let isDouble = node.pointee.histogram.overflowed.value >> UInt64(octave) & 1 != 0
      for within in 0..<UInt32(64) {
        let low: UnsafeMutablePointer<Cell32> = at(buckets + within * 4)
        let high: UnsafeMutablePointer<Cell32> = at(buckets + 256 + within * 4)
        sum += UInt64(low.pointee.value) + (isDouble ? UInt64(high.pointee.value) << 32 : 0)
      }
    }
    return sum
  }
}
