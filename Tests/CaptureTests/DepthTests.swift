// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Recording
import Testing

@testable import Capture

private let limit = Int(Lane.maxDepth)

/// In processes of their own: thousands of open calls slow down whoever reads a profile meanwhile.
@Suite("Operations nested too deep")
struct DepthTests {
  @Test("Up to the depth that the ABI tells, every call is recorded")
  func toTheLimit() async {
    await #expect(processExitsWith: .success) {
      let a = operation("depth.limit")
      let (deepest, tooDeep) = onNewThread {
        let before = lane().pointee.tooDeep.value
        for _ in 0..<limit { prognos_begin(a) }
        let deepest = depth
        for _ in 0..<limit { prognos_end(a) }
        return (deepest, lane().pointee.tooDeep.value - before)
      }
      #expect(deepest == limit)
      #expect(tooDeep == 0)
      #expect(totals(of: a).count == UInt64(limit))
    }
  }

  @Test("Deeper calls are counted as too deep, and their ends close nothing")
  func beyond() async {
    await #expect(processExitsWith: .success) {
      let a = operation("depth.beyond")
      let (tooDeep, depths) = onNewThread {
        let before = lane().pointee.tooDeep.value
        for _ in 0..<limit + 10 { prognos_begin(a) }
        var depths = [depth]
        for _ in 0..<10 { prognos_end(a) }
        depths.append(depth)
        for _ in 0..<limit { prognos_end(a) }
        depths.append(depth)
        return (lane().pointee.tooDeep.value - before, depths)
      }
      #expect(tooDeep == 10)
      #expect(depths == [limit, limit, 0])
      #expect(totals(of: a).count == UInt64(limit))
      #expect(totals(of: a).abandoned == 0)
    }
  }

  @Test("Different operations that are too deep end in any order")
  func several() async {
    await #expect(processExitsWith: .success) {
      let (a, b, c) = (operation("depth.a"), operation("depth.b"), operation("depth.c"))
      let depths = onNewThread {
        for _ in 0..<limit { prognos_begin(a) }
        prognos_begin(b)
        prognos_begin(c)
        prognos_end(c)
        prognos_end(b)
        let full = depth
        prognos_end(a)
        let less = depth
        for _ in 0..<limit { prognos_end(a) }
        return [full, less, depth]
      }
      #expect(depths == [limit, limit - 1, 0])
      #expect(totals(of: b).count == 0)
      #expect(totals(of: c).count == 0)
    }
  }

  @Test("The end of an operation further down ends all that were too deep with it")
  func outerEnd() async {
    await #expect(processExitsWith: .success) {
      let (a, b) = (operation("depth.outer"), operation("depth.inner"))
      let depths = onNewThread {
        prognos_begin(a)
        for _ in 0..<limit + 4 { prognos_begin(b) }
        let full = depth
        prognos_end(a)
        let none = depth
        call(b)  // and the stack is as good as new
        return [full, none, depth]
      }
      #expect(depths == [limit, 0, 0])
      #expect(totals(of: a).count == 1)
      #expect(totals(of: b).count == UInt64(limit))
      #expect(totals(of: b).abandoned == UInt64(limit - 1))
    }
  }

  @Test("What is said of a call that is too deep is said of nobody")
  func marks() async {
    await #expect(processExitsWith: .success) {
      let a = operation("depth.marks")
      let outside = onNewThread {
        for _ in 0..<limit + 1 { prognos_begin(a) }
        let before = lane().pointee.outsideOperation.value
        prognos_work(1)
        prognos_fail("deep")
        let outside = lane().pointee.outsideOperation.value - before
        for _ in 0..<limit + 1 { prognos_end(a) }
        return outside
      }
      #expect(outside == 2)
      #expect(totals(of: a).work == 0)
      #expect(totals(of: a).failed == 0)
    }
  }

  @Test("A thread that ends too deep leaves its calls abandoned, and its lane as good as new")
  func threadEnds() async {
    await #expect(processExitsWith: .success) {
      let (a, b) = (operation("depth.thread"), operation("depth.after"))
      onNewThread { for _ in 0..<limit + 3 { prognos_begin(a) } }
      onNewThread { call(b) }
      #expect(totals(of: a).count == UInt64(limit))
      #expect(totals(of: a).abandoned == UInt64(limit))
      #expect(totals(of: a).active == 0)
      #expect(totals(of: b).count == 1)
    }
  }

  @Test("Work reaches the operation below the border of two segments")
  func workAtBorder() async {
    await #expect(processExitsWith: .success) {
      let a = operation("depth.border")
      let inLane = Int(Lane.frameCount) - 3
      let timesAtBorder = onNewThread { () -> UInt64 in
        for _ in 0..<inLane { prognos_begin(a) }
        // Begin and end cross the border each time; a fast end leaves the border itself as the top.
        var timesAtBorder: UInt64 = 0
        for _ in 0..<1000 {
          call(a) { prognos_work(100) }
          let top = recording().frame(top: lane().pointee.top.value)
          if top.pointee.key.value == Frame.Mark.segment { timesAtBorder += 1 }
          prognos_work(1)
        }
        for _ in 0..<inLane { prognos_end(a) }
        return timesAtBorder
      }
      #expect(timesAtBorder > 0 || recording().header.pointee.cpuClock.value != CPUClock.rseq)
      let inner = profile().paths.last { $0.operation == a }
      #expect(inner?.depth == inLane)
      #expect(inner?.totals.work == 100_000)
      #expect(totals(of: a).work == 101_000)
      #expect(totals(of: a).count == UInt64(inLane + 1000))
      #expect(totals(of: a).abandoned == 0)
    }
  }
}
