// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Recording
import Testing

@testable import Capture

@Suite("Work and failure")
struct MarkTests {
  @Test("Work adds up within a call and over calls")
  func work() {
    let a = operation("work.sum")
    onNewThread {
      call(a) {
        prognos_work(3)
        prognos_work(4)
      }
      call(a)
      call(a) { prognos_work(1 << 40) }
    }
    #expect(totals(of: a).work == 7 + 1 << 40)
    #expect(totals(of: a).count == 3)
  }

  @Test("Work belongs to the innermost open operation alone")
  func innermost() {
    let (a, b) = (operation("work.outer"), operation("work.inner"))
    onNewThread {
      call(a) {
        prognos_work(1)
        call(b) { prognos_work(10) }
        prognos_work(2)
      }
    }
    #expect(totals(of: a).work == 3)
    #expect(totals(of: b).work == 10)
  }

  @Test("One call is one failure however often it is marked, and the last kind wins")
  func failOnce() {
    let a = operation("fail.once")
    onNewThread {
      call(a) {
        prognos_fail("timeout")
        prognos_fail("refused")
      }
      call(a) { prognos_fail("timeout") }
      call(a)
    }
    #expect(totals(of: a).failed == 2)
    #expect(totals(of: a).count == 3)
    #expect(failures(of: a) == ["refused": 1, "timeout": 1])
  }

  @Test("A failure without a kind, or with an empty one, is \"unspecified\"")
  func unspecified() {
    let a = operation("fail.null")
    onNewThread {
      call(a) { prognos_fail(nil) }
      call(a) { prognos_fail("") }
    }
    #expect(failures(of: a) == ["unspecified": 2])
  }

  @Test("A call that fails keeps its work, and one that works keeps its failure")
  func both() {
    let a = operation("mark.both")
    onNewThread {
      call(a) {
        prognos_work(5)
        prognos_fail("bad")
        prognos_work(6)
      }
    }
    #expect(totals(of: a).work == 11)
    #expect(failures(of: a) == ["bad": 1])
  }

  @Test("An abandoned call keeps what was said of it")
  func abandoned() {
    let (a, b) = (operation("mark.abandoned.outer"), operation("mark.abandoned.inner"))
    onNewThread {
      prognos_begin(a)
      prognos_begin(b)
      prognos_work(9)
      prognos_fail("lost")
      prognos_end(a)
    }
    #expect(totals(of: b).work == 9)
    #expect(totals(of: b).abandoned == 1)
    #expect(failures(of: b) == ["lost": 1])
    #expect(totals(of: a).failed == 0)
  }

  @Test("Without an open operation, work and failure are counted as outside of one")
  func outside() {
    let counted = onNewThread {
      let before = lane().pointee.outsideOperation.value
      prognos_work(1)
      prognos_fail("nobody")
      return lane().pointee.outsideOperation.value - before
    }
    #expect(counted == 2)
  }

  @Test("On a thread that never began anything, too, and it gets no lane for it")
  func outsideWithoutLane() {
    let before = recording().header.pointee.outsideOperation.value
    let hadLane = onNewThread {
      prognos_work(1)
      prognos_fail("nobody")
      return currentLane() != nil
    }
    #expect(!hadLane)
    #expect(recording().header.pointee.outsideOperation.value >= before + 2)
  }
}
