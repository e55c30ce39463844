// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Glibc
import Testing

@testable import Prognos

/// Each in a process of its own, whose environment it may change.
@Suite("Default options, capabilities and the log")
struct OptionsDefaultTests {
  @Test("A variable that is left out is named with its value and what is accepted")
  func leftOut() async {
    await #expect(processExitsWith: .success) {
      setenv("PROGNOS_MAX_OPS", "7", 1)
      #expect(defaults().max_ops == 16_384)
      #expect(
        lastError == "prognos_options_default: left out PROGNOS_MAX_OPS=7; expected 16 to 1000000")
      setenv("PROGNOS_MAX_OPS", "70", 1)
      setenv("PROGNOS_TRACK", "disk", 1)
      #expect(defaults().max_ops == 70)
      #expect(
        lastError
          == "prognos_options_default: left out PROGNOS_TRACK=disk; expected a number, or cpu, memory, io, kernel_io, stacks, samples, timeline joined by commas"
      )
      unsetenv("PROGNOS_TRACK")
      _ = defaults()
      #expect(lastError == "")
    }
  }

  @Test("Asking for the defaults makes no recording, not even when a variable is bad")
  func makesNothing() async {
    await #expect(processExitsWith: .success) {
      setenv("PROGNOS_SAMPLE_HZ", "many", 1)
      #expect(start(options { $0.memory_limit_bytes = 1 << 20 }) == PROGNOS_OK)
      #expect(capabilities().memory_limit_bytes == 1 << 20)
    }
  }

  @Test("NULL and a size of 0 are refused in the last error")
  func badOut() async {
    await #expect(processExitsWith: .success) {
      prognos_options_default(nil, 8)
      #expect(lastError == "prognos_options_default: out is NULL")
      var options = prognos_options()
      prognos_options_default(&options, 0)
      #expect(lastError == "prognos_options_default: size is 0; expected sizeof *out")
      #expect(options.max_ops == 0)
    }
  }

  @Test("Capabilities tell what is in force, with reasons")
  func capability() {
    let some = capabilities()
    #expect(["tsc", "cntvct", "clock_gettime"].contains(String(cString: some.time_source)))
    #expect(["rseq", "perf", "thread_clock", "off"].contains(String(cString: some.cpu_clock)))
    #expect(!String(cString: some.time_source_reason).isEmpty)
    #expect(!String(cString: some.cpu_clock_reason).isEmpty)
    #expect(some.ticks_per_s > 1e6)
    #expect(some.max_depth == 4004)
    #expect(some.reserved == 0)
    #expect(prognos_capabilities_read(nil, 8) == PROGNOS_INVALID_ARGUMENT)
    #expect(lastError == "prognos_capabilities_read: out is NULL")
    #expect(prognos_diagnostics_read(nil, 8) == PROGNOS_INVALID_ARGUMENT)
    #expect(lastError == "prognos_diagnostics_read: out is NULL")
  }

  @Test("What is tracked, and what was asked for in vain, whether by options or by the environment")
  func tracks() async {
    await #expect(processExitsWith: .success) {
      #expect(start(options { $0.track = 0x07 }) == PROGNOS_OK)
      #expect(capabilities().track == 0x01)
      #expect(capabilities().track_unavailable == 0x06)
    }
    await #expect(processExitsWith: .success) {
      setenv("PROGNOS_TRACK", "memory", 1)
      _ = prognos_op_named("a")
      #expect(capabilities().track == 0)
      #expect(capabilities().track_unavailable == 0x02)
      #expect(String(cString: capabilities().cpu_clock) == "off")
    }
  }

  @Test("Clocks that the environment asks for are named as the reason")
  func clocks() async {
    await #expect(processExitsWith: .success) {
      setenv("PROGNOS_TIME_SOURCE", "clock_gettime", 1)
      setenv("PROGNOS_CPU_CLOCK", "thread_clock", 1)
      let some = capabilities()
      #expect(String(cString: some.time_source) == "clock_gettime")
      #expect(String(cString: some.cpu_clock) == "thread_clock")
      #expect(String(cString: some.cpu_clock_reason) == "PROGNOS_CPU_CLOCK asks for it")
      #expect(some.ticks_per_s == 1e9)
    }
    await #expect(processExitsWith: .success) {
      setenv("PROGNOS_CPU_CLOCK", "perf", 1)
      #expect(["perf", "thread_clock"].contains(String(cString: capabilities().cpu_clock)))
    }
  }

  @Test("A start tells the host's log what runs, and what of its wishes does not")
  func log() async {
    await #expect(processExitsWith: .success) {
      let messages = Messages()
      let started = start(
        options {
          $0.track = 0x3F
          $0.max_ops = 1_000_000
          $0.log = { message, context in
            Unmanaged<Messages>.fromOpaque(context!).takeUnretainedValue()
              .all.append(String(cString: message!))
          }
          $0.log_context = Unmanaged.passRetained(messages).toOpaque()
        })
      #expect(started == PROGNOS_OK)
      #expect(messages.all.count == 3)
      #expect(messages.all[0].hasPrefix("prognos 1.0.0: recording up to 50331648 bytes; time by "))
      #expect(messages.all[1].contains("fewer than asked for"))
      #expect(messages.all[2].hasPrefix("prognos: asked for, and not tracked: "))
      #expect(messages.all[2].hasSuffix(" samples"))
      #expect(messages.all.allSatisfy { !$0.contains("\n") })
    }
  }

  @Test(
    "A recording that is smaller than was asked for is told to the host's log",
    .disabled(if: isUnderThreadSanitizer, "it needs memory itself"))
  func logSmaller() async {
    await #expect(processExitsWith: .success) {
      let messages = Messages()
      var limit = rlimit()
      getrlimit(__rlimit_resource_t(9), &limit)  // RLIMIT_AS
      let before = limit
      let pages = contents(of: "/proc/self/statm")?.split(separator: " ").first ?? ""
      limit.rlim_cur = (UInt(pages) ?? 0) * 4096 + 40 << 20
      setrlimit(__rlimit_resource_t(9), &limit)
      let started = start(
        options {
          $0.track = PROGNOS_TRACK_CPU
          $0.log = { message, context in
            Unmanaged<Messages>.fromOpaque(context!).takeUnretainedValue()
              .all.append(String(cString: message!))
          }
          $0.log_context = Unmanaged.passRetained(messages).toOpaque()
        })
      limit = before
      setrlimit(__rlimit_resource_t(9), &limit)
      #expect(started == PROGNOS_OK)
      #expect(capabilities().memory_limit_bytes == 24 << 20)
      #expect(
        messages.all.last
          == "prognos: the recording is smaller than the memory_limit_bytes of 50331648")
    }
  }

  private final class Messages {
    var all: [String] = []
  }

  @Test("Diagnostics count each drop by its cause")
  func diagnose() async {
    await #expect(processExitsWith: .success) {
      let a = prognos_op_named("a")
      call(a)
      prognos_end(a)
      prognos_begin(0)
      prognos_work(1)
      for _ in 0..<4005 { prognos_begin(a) }
      for _ in 0..<4005 { prognos_end(a) }
      onNewThread { call(a) }
      let counted = diagnostics()
      #expect(counted.unbalanced_ends == 1)
      #expect(counted.unknown_operations == 1)
      #expect(counted.outside_operation == 1)
      #expect(counted.too_deep == 1)
      #expect(counted.reentered == 0)
      #expect(counted.untracked_calls == 0)
      #expect(counted.threads == 2)
      #expect(counted.threads_now == 1)
      #expect(counted.call_paths == 4005)
      #expect(counted.recording_bytes > 4004 * 384)
      #expect(counted.recording_bytes <= 48 << 20)
      #expect((counted.self_cpu_ns > 0) == (counted.clock_syncs > 0))
    }
  }
}
