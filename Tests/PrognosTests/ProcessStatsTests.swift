// SPDX-License-Identifier: Apache-2.0
import CPrognos
import CShim
import Glibc
import Testing

@testable import Prognos

@Suite("Statistics of the process")
struct ProcessStatsTests {
  private func read() -> prognos_process_stats {
    var stats = prognos_process_stats()
    #expect(
      prognos_process_read(PROGNOS_TOTAL, &stats, MemoryLayout.size(ofValue: stats)) == PROGNOS_OK)
    return stats
  }

  @Test("What the kernel tells of every process is there and plausible")
  func plausible() {
    let stats = read()
    #expect(stats.rss_bytes > 1 << 20)
    #expect(stats.virtual_bytes >= stats.rss_bytes)
    #expect(stats.heap_bytes > 0 || isUnderThreadSanitizer)  // which brings a heap of its own
    #expect(stats.threads >= 1)
    #expect(stats.uptime_ns > 0)
    #expect((0...1).contains(stats.cpu_ratio))
    for pressure in [stats.pressure_cpu, stats.pressure_memory, stats.pressure_io] {
      #expect((0...1).contains(pressure))
    }
    #expect(stats.active_sessions == 0)
  }

  @Test("Open files, threads and bytes read are counted one by one")
  func exact() async {
    await #expect(processExitsWith: .success) {
      func read() -> prognos_process_stats {
        var stats = prognos_process_stats()
        _ = prognos_process_read(PROGNOS_TOTAL, &stats, MemoryLayout.size(ofValue: stats))
        return stats
      }
      let before = read()
      let files = (0..<7).map { _ in open("/dev/zero", O_RDONLY) }
      var buffer = [UInt8](repeating: 0, count: 1 << 20)
      _ = Glibc.read(files[0], &buffer, buffer.count)
      var during = prognos_process_stats()
      onNewThread { during = read() }
      #expect(during.open_fds == before.open_fds + 7)
      #expect(during.threads >= before.threads + 1)
      #expect(during.read_bytes >= before.read_bytes + 1 << 20 || before.read_bytes == 0)
      files.forEach { close($0) }
      #expect(read().open_fds == before.open_fds)
    }
  }

  @Test("Operations count as a whole: rates over all, quantiles over those without a caller")
  func operations() async {
    await #expect(processExitsWith: .success) {
      let (a, b) = (prognos_op_named("a"), prognos_op_named("b"))
      call(a, times: 10) {
        shim_sleep_ns(1_000_000)
        call(b, times: 100)
        prognos_fail("no")
      }
      prognos_begin(b)
      var stats = prognos_process_stats()
      _ = prognos_process_read(PROGNOS_TOTAL, &stats, MemoryLayout.size(ofValue: stats))
      #expect(stats.active_operations == 1)
      // Over all calls the median would be one of the short ones inside.
      #expect(stats.wall_p50_ns >= 1_000_000)
      #expect(stats.wall_p50_ns <= stats.wall_p99_ns)
      #expect(stats.errors_per_min > 0)
      #expect(stats.operations_per_s > stats.errors_per_min / 60 * 100)
    }
  }

  @Test("NULL and a size of 0 are refused")
  func badOut() {
    var stats = prognos_process_stats()
    #expect(prognos_process_read(PROGNOS_TOTAL, nil, 8) == PROGNOS_INVALID_ARGUMENT)
    #expect(lastError == "prognos_process_read: out is NULL")
    #expect(prognos_process_read(PROGNOS_TOTAL, &stats, 0) == PROGNOS_INVALID_ARGUMENT)
    #expect(lastError == "prognos_process_read: size is 0; expected sizeof *out")
    #expect(prognos_process_read(prognos_window(9), &stats, 8) == PROGNOS_INVALID_ARGUMENT)
  }

  @Test("The program's name is the kernel's")
  func command() {
    var text = [CChar](repeating: 0, count: 64)
    let count = shim_read_file("/proc/self/comm", &text, 64)
    #expect(commandName() == text.prefix(count - 1).map { UInt8(bitPattern: $0) })
  }
}
