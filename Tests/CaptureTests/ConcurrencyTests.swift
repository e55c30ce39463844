// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Recording
import Synchronization
import Testing

@testable import Capture

private let pairs = 100_000

@Suite("Writers and readers at the same time")
struct ConcurrencyTests {
  @Test("Eight threads record 100,000 nested pairs each while another one reads; no call is lost")
  func nestedPairs() async {
    await #expect(processExitsWith: .success) {
      let (a, b) = (operation("outer"), operation("inner"))
      let writing = Counter(8)
      let writers = (0..<8).map { _ in
        TestThread {
          for number in 0..<pairs {
            prognos_begin(a)
            prognos_begin(b)
            prognos_work(1)
            if number % 1000 == 0 { prognos_fail(number % 2000 == 0 ? "even" : "odd") }
            prognos_end(b)
            prognos_end(a)
          }
          writing.decrement()
        }
      }
      let reader = TestThread { () -> [String] in
        var wrong: [String] = []
        var seen: [UInt64] = [0, 0]
        var readings = 0
        while writing.value > 0 || readings == 0 {
          let now = profile()
          for (index, id) in [a, b].enumerated() {
            let totals = now.operations[Int(id) - 1].totals
            if totals.count < seen[index] { wrong.append("count fell") }
            if totals.active > 8 { wrong.append("\(totals.active) active") }
            if totals.failed > totals.count { wrong.append("more failed than called") }
            seen[index] = totals.count
          }
          readings += 1
        }
        return wrong
      }
      writers.forEach { $0.join() }
      #expect(reader.join() == [])
      let end = profile()
      let (outer, inner) = (end.operations[Int(a) - 1], end.operations[Int(b) - 1])
      let all = UInt64(8 * pairs)
      #expect(outer.totals.count == all)
      #expect(inner.totals.count == all)
      #expect(outer.distribution.total == all)
      #expect(inner.distribution.total == all)
      #expect(inner.totals.work == all)
      #expect(inner.totals.failed == all / 1000)
      #expect(failures(of: b) == ["even": all / 2000, "odd": all / 2000])
      #expect(outer.totals.wallTicks >= inner.totals.wallTicks)
      #expect(outer.totals.abandoned == 0)
      #expect(end.paths.count == 2)
    }
  }

  @Test("Threads that come and go share lanes, and all that they recorded is there")
  func comeAndGo() async {
    await #expect(processExitsWith: .success) {
      let a = operation("a")
      for _ in 0..<20 {
        let threads = (0..<10).map { _ in TestThread { call(a, times: 100) } }
        threads.forEach { $0.join() }
      }
      #expect(totals(of: a).count == 20 * 10 * 100)
      #expect(recording().header.pointee.laneCount.value <= 10)
      var owners: UInt64 = 0
      recording().forEachLane { owners += $0.pointee.owners.value }
      #expect(owners >= 200)
    }
  }

  @Test("Names and kinds that threads bring at once are each kept, and found by their words")
  func names() async {
    await #expect(processExitsWith: .success) {
      let threads = (0..<8).map { thread in
        TestThread {
          for number in 0..<200 {
            call(operation("operation \((number + thread * 25) % 200)")) {
              prognos_fail("kind \((number + thread * 5) % 40)")
            }
          }
        }
      }
      threads.forEach { $0.join() }
      #expect(recording().operationCount == 200)
      var kinds: [String: UInt64] = [:]
      for id in 1...UInt32(200) {
        #expect(totals(of: id).count == 8)
        for (word, count) in failures(of: id) { kinds[word, default: 0] += count }
      }
      #expect(kinds.count == 40)
      #expect(kinds.values.allSatisfy { $0 == 40 })
    }
  }
}

private final class Counter: Sendable {
  private let number: Atomic<Int>
  init(_ number: Int) { self.number = Atomic(number) }
  var value: Int { number.load(ordering: .acquiring) }
  func decrement() { number.subtract(1, ordering: .releasing) }
}
