// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Glibc
import Testing

@testable import Prognos

/// Each in a process of its own, since a process starts once.
@Suite("Start and stop")
struct LifecycleTests {
  @Test("Recording works without a start")
  func withoutStart() async {
    await #expect(processExitsWith: .success) {
      let a = prognos_op_named("a")
      call(a)
      #expect(stats(of: a).count == 1)
      #expect(prognos_is_enabled())
    }
  }

  @Test("A start sets the sizes")
  func sizes() async {
    await #expect(processExitsWith: .success) {
      let started = start(
        options {
          $0.memory_limit_bytes = 2 << 20
          $0.max_ops = 100
          $0.max_threads = 10
        })
      #expect(started == PROGNOS_OK)
      #expect(capabilities().memory_limit_bytes == 2 << 20)
      #expect(capabilities().max_ops == 100)
      #expect(capabilities().max_threads == 10)
      #expect(lastError == "")
    }
  }

  @Test("A second start is harmless, and the first options stay")
  func twice() async {
    await #expect(processExitsWith: .success) {
      #expect(prognos_start(nil, 0) == PROGNOS_OK)
      #expect(start(options { $0.max_ops = 20 }) == PROGNOS_ALREADY_STARTED)
      #expect(
        lastError == "prognos_start: already started; the first options stay in force")
      #expect(capabilities().max_ops == 16_384)
    }
  }

  @Test("Started after the first call with the same sizes, or with NULL, all is well")
  func sameSizes() async {
    await #expect(processExitsWith: .success) {
      _ = prognos_op_named("a")
      #expect(start(defaults()) == PROGNOS_OK)
      #expect(prognos_stop() == PROGNOS_OK)
      #expect(prognos_start(nil, 0) == PROGNOS_OK)
    }
  }

  @Test("Started after the first call with other sizes, those of the recording stay")
  func otherSizes() async {
    await #expect(processExitsWith: .success) {
      _ = prognos_op_named("a")
      #expect(start(options { $0.max_ops = 20_000 }) == PROGNOS_LIMIT_REACHED)
      #expect(lastError.contains("50331648 bytes, 16384 operations, 1024 threads"))
      #expect(prognos_stop() == PROGNOS_OK)  // started all the same
      #expect(start(options { $0.memory_limit_bytes = 1 << 20 }) == PROGNOS_LIMIT_REACHED)
    }
  }

  @Test(
    "Sizes that the recording could not grant are not other sizes when they are asked for again")
  func sameWishes() async {
    await #expect(processExitsWith: .success) {
      setenv("PROGNOS_MAX_OPS", "1000000", 1)
      _ = prognos_op_named("a")
      #expect(capabilities().max_ops < 1_000_000)
      #expect(start(defaults()) == PROGNOS_OK)
    }
  }

  @Test("A bad option is named with its value and its range, and nothing is changed")
  func badOptions() async {
    await #expect(processExitsWith: .success) {
      #expect(start(options { $0.max_ops = 15 }) == PROGNOS_INVALID_ARGUMENT)
      #expect(lastError == "prognos_start: max_ops is 15; expected 16 to 1000000")
      #expect(start(options { $0.memory_limit_bytes = 1 << 32 }) == PROGNOS_INVALID_ARGUMENT)
      #expect(
        lastError
          == "prognos_start: memory_limit_bytes is 4294967296; expected 1048576 to 4294967295")
      #expect(start(options { $0.track = 128 }) == PROGNOS_INVALID_ARGUMENT)
      #expect(
        lastError
          == "prognos_start: track is 128; expected a sum of PROGNOS_TRACK_* bits, at most 127")
      var some = defaults()
      #expect(prognos_start(&some, 0) == PROGNOS_INVALID_ARGUMENT)
      #expect(lastError == "prognos_start: size is 0; expected sizeof(prognos_options)")
      // The sizes are still free to choose.
      #expect(start(options { $0.memory_limit_bytes = 1 << 20 }) == PROGNOS_OK)
      #expect(capabilities().memory_limit_bytes == 1 << 20)
      #expect(diagnostics().bad_arguments == 4)
    }
  }

  @Test("What this version does not have is unsupported, in the options and in the environment")
  func unsupported() async {
    await #expect(processExitsWith: .success) {
      "x".withCString { text in
        #expect(start(options { $0.serve = text }) == PROGNOS_UNSUPPORTED)
        #expect(
          lastError == "prognos_start: serve is not available in this version; leave it NULL, "
            + "and PROGNOS_SERVE unset")
      }
      setenv("PROGNOS_SERVE", "127.0.0.1:1", 1)
      #expect(prognos_start(nil, 0) == PROGNOS_UNSUPPORTED)
      unsetenv("PROGNOS_SERVE")
      #expect(prognos_start(nil, 0) == PROGNOS_OK)
    }
  }

  @Test("An old host's shorter options keep their defaults in what it does not know")
  func shorterOptions() async {
    await #expect(processExitsWith: .success) {
      var options = defaults()
      options.memory_limit_bytes = 2 << 20
      options.max_ops = 3  // not looked at
      let known = MemoryLayout<prognos_options>.offset(of: \.heap_sample_bytes)!
      #expect(prognos_start(&options, known) == PROGNOS_OK)
      #expect(capabilities().memory_limit_bytes == 2 << 20)
      #expect(capabilities().max_ops > 3)
    }
  }

  @Test("A stop ends recording, and a start begins it again with what was there")
  func stopAndStart() async {
    await #expect(processExitsWith: .success) {
      #expect(prognos_start(nil, 0) == PROGNOS_OK)
      let a = prognos_op_named("a")
      prognos_begin(a)
      #expect(prognos_stop() == PROGNOS_OK)
      #expect(!prognos_is_enabled())
      call(a)
      prognos_end(a)
      #expect(stats(of: a).count == 1)
      #expect(prognos_stop() == PROGNOS_NOT_STARTED)
      #expect(lastError == "prognos_stop: prognos_start was not called")
      #expect(prognos_start(nil, 0) == PROGNOS_OK)
      #expect(prognos_is_enabled())
      call(a)
      #expect(stats(of: a).count == 2)
    }
  }

  @Test("A start after a stop begins recording also when nothing was recorded before")
  func stopFirst() async {
    await #expect(processExitsWith: .success) {
      #expect(prognos_stop() == PROGNOS_NOT_STARTED)
      #expect(prognos_start(nil, 0) == PROGNOS_OK)
      #expect(prognos_is_enabled())
      let a = prognos_op_named("a")
      call(a)
      #expect(stats(of: a).count == 1)
    }
  }

  @Test("PROGNOS_ENABLED=0 keeps recording off through a start, whatever was called before it")
  func offByEnvironment() async {
    await #expect(processExitsWith: .success) {
      setenv("PROGNOS_ENABLED", "0", 1)
      #expect(!prognos_is_enabled())
      #expect(prognos_start(nil, 0) == PROGNOS_OK)
      #expect(!prognos_is_enabled())
      prognos_set_enabled(true)
      #expect(prognos_is_enabled())
    }
    await #expect(processExitsWith: .success) {
      setenv("PROGNOS_ENABLED", "0", 1)
      _ = prognos_op_named("a")
      #expect(prognos_start(nil, 0) == PROGNOS_OK)
      #expect(!prognos_is_enabled())
    }
  }

  @Test("The flag is off and on at once, before and after the recording is made")
  func flag() async {
    await #expect(processExitsWith: .success) {
      prognos_set_enabled(false)
      #expect(!prognos_is_enabled())
      let a = prognos_op_named("a")
      call(a)
      #expect(stats(of: a).count == 0)
      prognos_set_enabled(true)
      call(a)
      #expect(stats(of: a).count == 1)
    }
  }

  @Test(
    "Without memory for a recording every call says so, and none does harm",
    .disabled(if: isUnderThreadSanitizer, "it needs memory itself"))
  func noMemory() async {
    await #expect(processExitsWith: .success) {
      var limit = rlimit()
      getrlimit(__rlimit_resource_t(9), &limit)  // RLIMIT_AS
      let before = limit
      limit.rlim_cur = 1 << 20
      setrlimit(__rlimit_resource_t(9), &limit)
      let started = prognos_start(nil, 0)
      var some = prognos_capabilities()
      let read = prognos_capabilities_read(&some, 8)
      var others = prognos_diagnostics()
      let diagnosed = prognos_diagnostics_read(&others, 8)
      let a = prognos_op_named("a")
      call(1)
      var limits = before
      setrlimit(__rlimit_resource_t(9), &limits)
      #expect(started == PROGNOS_NO_MEMORY)
      #expect(read == PROGNOS_NO_MEMORY)
      #expect(diagnosed == PROGNOS_NO_MEMORY)
      #expect(a == 0)
      #expect(lastError.contains("no memory"))
      #expect(prognos_dump("/tmp/never-written", PROGNOS_JSON) == PROGNOS_NO_MEMORY)
      var process = prognos_process_stats()
      #expect(prognos_process_read(PROGNOS_TOTAL, &process, 8) == PROGNOS_NO_MEMORY)
      #expect(prognos_op_count() == 0)
      #expect(!prognos_is_enabled())
      #expect(prognos_stop() == PROGNOS_NOT_STARTED)
    }
  }
}
