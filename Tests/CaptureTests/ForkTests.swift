// SPDX-License-Identifier: Apache-2.0
import CPrognos
import CShim
import Glibc
import Recording
import Testing

@testable import Capture

@Suite("A forked child")
struct ForkTests {
  @Test("Begins a recording of its own: names stay, numbers start at zero, nothing is open")
  func numbers() async {
    await #expect(processExitsWith: .success) {
      let (a, b) = (operation("a"), operation("b"))
      prognos_begin(a)
      call(b, times: 5)
      prognos_end(b)  // unbalanced
      let parent = recording().header.pointee.processID.value
      let failures = inChild {
        [
          recording().header.pointee.processID.value != parent,
          recording().operationCount == 2,
          totals(of: a).active == 0,
          totals(of: b).count == 0,
          currentLane() == nil,
          operation("a") == a,
          operation("c") == 3,
        ]
      }
      #expect(failures == [])
      prognos_end(a)
      #expect(totals(of: a).count == 1)
      #expect(totals(of: b).count == 5)
      #expect(recording().operationCount == 2)
    }
  }

  @Test("Records as its parent does")
  func records() async {
    await #expect(processExitsWith: .success) {
      let a = operation("a")
      call(a, times: 7)
      let failures = inChild {
        call(a, times: 3) { prognos_work(2) }
        return [
          totals(of: a).count == 3,
          totals(of: a).work == 6,
          lane().pointee.threadID.value == shim_thread_id(),
          recording().header.pointee.laneCount.value == 1,
        ]
      }
      #expect(failures == [])
    }
  }

  @Test("An end of what the parent had open changes nothing; one more is an end without a begin")
  func parentsCalls() async {
    await #expect(processExitsWith: .success) {
      let (a, b) = (operation("a"), operation("b"))
      prognos_begin(a)
      prognos_begin(b)
      let failures = inChild {
        prognos_end(b)
        call(b)
        prognos_end(a)
        let before = unbalancedEnds()
        prognos_end(a)
        return [
          before == 0, unbalancedEnds() == 1, totals(of: a).count == 0, totals(of: b).count == 1,
          depth == 0,
        ]
      }
      #expect(failures == [])
      prognos_end(b)
      prognos_end(a)
      #expect(unbalancedEnds() == 0)
      #expect(totals(of: a).count == 1)
    }
  }

  @Test("Stays off when its parent was off")
  func off() async {
    await #expect(processExitsWith: .success) {
      let a = operation("a")
      setEnabled(false)
      let failures = inChild {
        call(a)
        return [!isEnabled(), totals(of: a).count == 0]
      }
      #expect(failures == [])
    }
  }

  @Test("May be forked before anything was recorded")
  func early() async {
    await #expect(processExitsWith: .success) {
      #expect(existingRecording() == nil)
      let failures = inChild {
        let a = operation("a")
        call(a)
        return [totals(of: a).count == 1]
      }
      #expect(failures == [])
      forked()
      #expect(existingRecording() == nil)
    }
  }

  @Test("Has none of its parent's memory in the arena")
  func arena() async {
    await #expect(processExitsWith: .success) {
      let a = operation("a")
      call(a, times: 10)
      forked()  // as the C library calls it in the child
      let header = recording().header
      let arena = UnsafeRawBufferPointer(
        start: recording().base + Int(header.pointee.arenaOffset.value), count: 1 << 20)
      #expect(arena.allSatisfy { $0 == 0 })
      #expect(currentLane() == nil)
      call(a, times: 2)
      #expect(totals(of: a).count == 2)
    }
  }
}

private func unbalancedEnds() -> UInt64 {
  var ends = recording().header.pointee.unbalancedEnds.value
  recording().forEachLane { ends += $0.pointee.unbalancedEnds.value }
  return ends
}

/// Forks; returns the numbers of the statements that were false in the child, or [-1] when it died.
private func inChild(_ statements: () -> [Bool]) -> [Int] {
  // Swift hides fork(), which is of no use to most.
  let fork = unsafeBitCast(
    dlsym(nil, "fork"), to: (@convention(c) () -> pid_t).self)
  let child = fork()
  if child == 0 {
    let wrong = statements().enumerated().filter { !$0.element }.map(\.offset)
    _exit(Int32(wrong.reduce(0) { $0 | 1 << $1 }))
  }
  var status: Int32 = 0
  waitpid(child, &status, 0)
  guard status & 0x7F == 0 else { return [-1] }
  let code = status >> 8 & 0xFF
  return (0..<8).filter { code >> Int32($0) & 1 != 0 }
}
