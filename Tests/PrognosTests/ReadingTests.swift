// SPDX-License-Identifier: Apache-2.0
import CPrognos
import CShim
import Testing

@testable import Prognos

@Suite("Statistics of an operation")
struct ReadingTests {
  private let size = MemoryLayout<prognos_op_stats>.size

  @Test("An operation that never ran has zeros")
  func never() {
    let a = prognos_op_named("reading.never")
    var stats = prognos_op_stats()
    stats.count = 99
    #expect(prognos_op_read(a, PROGNOS_TOTAL, &stats, size) == PROGNOS_OK)
    #expect(stats.window_ns > 0)
    stats.window_ns = 0
    withUnsafeBytes(of: stats) { #expect($0.allSatisfy { $0 == 0 }) }
  }

  @Test("Finished calls are counted, with what they took, worked on and failed in")
  func finished() {
    let a = prognos_op_named("reading.finished")
    for number in 1...100 {
      call(a) {
        prognos_work(UInt64(number))
        if number % 10 == 0 { prognos_fail("tenth") }
      }
    }
    let stats = stats(of: a)
    #expect(stats.count == 100)
    #expect(stats.work == 5050)
    #expect(stats.failed == 10)
    #expect(stats.active == 0)
    #expect(stats.wall_min_ns <= stats.wall_p50_ns)
    #expect(stats.wall_p50_ns <= stats.wall_p95_ns)
    #expect(stats.wall_p95_ns <= stats.wall_p99_ns)
    #expect(stats.wall_p99_ns <= stats.wall_max_ns)
    #expect(stats.wall_ns >= stats.wall_max_ns)
    #expect(stats.cpu_ns <= stats.wall_ns)
    #expect(stats.blocked_ns == stats.wall_ns - stats.cpu_ns)
    #expect(stats.self_wall_ns == stats.wall_ns)
    #expect(stats.rate_per_s > 0)
    #expect(stats.errors_per_min > 0)
  }

  @Test("An operation that is open shows in active and, with its time so far, in the self times")
  func open() {
    let a = prognos_op_named("reading.open")
    prognos_begin(a)
    shim_sleep_ns(1_000_000)
    let open = stats(of: a)
    prognos_end(a)
    #expect(open.active == 1)
    #expect(open.count == 0)
    #expect(open.wall_ns == 0)
    #expect(open.self_wall_ns >= 1_000_000)
    #expect(open.self_cpu_ns < open.self_wall_ns)  // it slept
  }

  @Test("A caller that knows fewer fields gets those, and nothing behind them is touched")
  func smallerStruct() {
    let a = prognos_op_named("reading.small")
    call(a, times: 3)
    var stats = prognos_op_stats()
    stats.active = 99
    #expect(prognos_op_read(a, PROGNOS_TOTAL, &stats, 8) == PROGNOS_OK)
    #expect(stats.count == 3)
    #expect(stats.active == 99)
  }

  @Test("A caller that knows more fields finds zeros in them")
  func largerStruct() {
    let a = prognos_op_named("reading.large")
    call(a, times: 3)
    let larger = UnsafeMutableRawPointer.allocate(byteCount: size + 64, alignment: 8)
    defer { larger.deallocate() }
    larger.initializeMemory(as: UInt8.self, repeating: 0xFF, count: size + 64)
    let stats = larger.assumingMemoryBound(to: prognos_op_stats.self)
    #expect(prognos_op_read(a, PROGNOS_TOTAL, stats, size + 64) == PROGNOS_OK)
    #expect(stats.pointee.count == 3)
    #expect((0..<64).allSatisfy { larger.load(fromByteOffset: size + $0, as: UInt8.self) == 0 })
  }

  @Test("NULL and a size of 0 are refused")
  func badOut() {
    let a = prognos_op_named("reading.bad")
    var stats = prognos_op_stats()
    stats.count = 99
    #expect(prognos_op_read(a, PROGNOS_TOTAL, nil, size) == PROGNOS_INVALID_ARGUMENT)
    #expect(lastError == "prognos_op_read: out is NULL")
    #expect(prognos_op_read(a, PROGNOS_TOTAL, &stats, 0) == PROGNOS_INVALID_ARGUMENT)
    #expect(lastError == "prognos_op_read: size is 0; expected sizeof *out")
    #expect(stats.count == 99)
  }

  @Test(
    "A handle that was never given out is an error that names it",
    arguments: [0, 900_000, .max] as [UInt32])
  func unknownHandle(handle: UInt32) {
    var stats = prognos_op_stats()
    #expect(prognos_op_read(handle, PROGNOS_TOTAL, &stats, size) == PROGNOS_UNKNOWN_HANDLE)
    #expect(lastError.hasPrefix("prognos_op_read: operation \(handle) was never given out"))
    var wall: UInt64 = 99
    #expect(prognos_op_quantile(handle, PROGNOS_TOTAL, 0.5, &wall) == PROGNOS_UNKNOWN_HANDLE)
    #expect(wall == 99)
  }

  @Test("There are no windows without prognos_start, and others are none at all")
  func windows() {
    let a = prognos_op_named("reading.windows")
    var stats = prognos_op_stats()
    var process = prognos_process_stats()
    var wall: UInt64 = 0
    for window in [PROGNOS_LAST_MINUTE, PROGNOS_LAST_5_MINUTES, PROGNOS_LAST_HOUR] {
      #expect(prognos_op_read(a, window, &stats, size) == PROGNOS_NOT_ENOUGH_DATA)
      #expect(lastError.contains("prognos_op_read: there is no history"))
      #expect(lastError.contains("prognos_start was not called"))
      #expect(prognos_op_quantile(a, window, 0.5, &wall) == PROGNOS_NOT_ENOUGH_DATA)
      #expect(
        prognos_process_read(window, &process, MemoryLayout.size(ofValue: process))
          == PROGNOS_NOT_ENOUGH_DATA)
    }
    #expect(prognos_op_read(a, prognos_window(4), &stats, size) == PROGNOS_INVALID_ARGUMENT)
    #expect(
      lastError
        == "prognos_op_read: window is 4; expected PROGNOS_TOTAL (0) to PROGNOS_LAST_HOUR (3)")
  }

  @Test("A quantile lies within the calls that there were")
  func quantile() {
    let a = prognos_op_named("reading.quantile")
    call(a, times: 1000)
    let stats = stats(of: a)
    var quantiles: [UInt64] = []
    for q in [0, 0.5, 0.95, 0.99, 1] {
      var wall: UInt64 = 0
      #expect(prognos_op_quantile(a, PROGNOS_TOTAL, q, &wall) == PROGNOS_OK)
      quantiles.append(wall)
    }
    #expect(
      quantiles
        == [
          stats.wall_min_ns, stats.wall_p50_ns, stats.wall_p95_ns, stats.wall_p99_ns,
          stats.wall_max_ns,
        ])
  }

  @Test("A share outside of 0 to 1 is refused by its value")
  func badShare() {
    let a = prognos_op_named("reading.share")
    call(a)
    var wall: UInt64 = 99
    let cases: [(Double, String)] = [
      (-0.1, "-0.100"), (1.5, "1.500"), (.nan, "NaN"), (.infinity, "infinite"),
      (1e300, "1000000000000.000"),
    ]
    for (q, text) in cases {
      #expect(prognos_op_quantile(a, PROGNOS_TOTAL, q, &wall) == PROGNOS_INVALID_ARGUMENT)
      #expect(lastError == "prognos_op_quantile: q is \(text); expected 0 to 1")
    }
    #expect(wall == 99)
    #expect(prognos_op_quantile(a, PROGNOS_TOTAL, 0.5, nil) == PROGNOS_INVALID_ARGUMENT)
    #expect(lastError == "prognos_op_quantile: wall_ns is NULL")
  }

  @Test("Without a finished call there is no quantile")
  func notEnoughData() {
    let a = prognos_op_named("reading.nothing")
    var wall: UInt64 = 99
    #expect(prognos_op_quantile(a, PROGNOS_TOTAL, 0.5, &wall) == PROGNOS_NOT_ENOUGH_DATA)
    #expect(lastError == "prognos_op_quantile: no call of operation \(a) has finished; 1 is needed")
    #expect(wall == 99)
  }
}
