// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Glibc
import Testing

@testable import Capture

/// Each in a process of its own, whose environment it may change.
@Suite("Options")
struct OptionsTests {
  @Test("Without variables every option has its documented default")
  func defaults() async {
    await #expect(processExitsWith: .success) {
      let (options, leftOut) = Options.fromEnvironment()
      #expect(leftOut == nil)
      #expect(options.memory_limit_bytes == 48 << 20)
      #expect(options.heap_sample_bytes == 524_288)
      #expect(options.collect_interval_ms == 1000)
      #expect(options.sample_hz == 99)
      #expect(options.stack_depth == 64)
      #expect(options.max_ops == 16_384)
      #expect(options.max_threads == 1024)
      #expect(options.timeline_events == 4096)
      #expect(options.crash_notes == 0)
      #expect(options.track == 0x1F)
      #expect(options.recording_path == nil)
      #expect(options.serve == nil)
      #expect(options.log == nil)
      #expect(options.reserved == 0)
    }
  }

  @Test("Each number has its variable, and takes the least and the greatest of its range")
  func numbers() async {
    await #expect(processExitsWith: .success) {
      for option in NumericOption.allCases {
        #expect(variable(option) == "PROGNOS_" + "\(option.field)".uppercased())
        #expect(option.range.contains(option.standard))
        for value in [option.range.lowerBound, option.range.upperBound] {
          setenv(variable(option), "\(value)", 1)
          #expect(option.value(in: Options.fromEnvironment().options) == value)
        }
        unsetenv(variable(option))
      }
    }
  }

  @Test("A number out of its range is left out and named, and the default stays")
  func outOfRange() async {
    await #expect(processExitsWith: .success) {
      for option in NumericOption.allCases {
        // Nothing is below 0.
        let below = option.range.lowerBound > 0 ? [option.range.lowerBound - 1] : []
        for value in below + [option.range.upperBound + 1] {
          setenv(variable(option), "\(value)", 1)
          let (options, leftOut) = Options.fromEnvironment()
          #expect(option.value(in: options) == option.standard)
          #expect(leftOut.map { "\($0.variable)" } == variable(option))
          #expect(leftOut?.option == option)
          #expect(leftOut.map { String(cString: $0.text) } == "\(value)")
        }
        unsetenv(variable(option))
      }
    }
  }

  @Test("Numbers are decimal, or hexadecimal after 0x")
  func notation() async {
    await #expect(processExitsWith: .success) {
      let accepted = [
        "100": 100, "0100": 100, "0x64": 100, "0xff": 255, "0xAbC": 2748, "20": 20,
      ]
      for (text, value) in accepted {
        setenv("PROGNOS_MAX_OPS", text, 1)
        #expect(Options.fromEnvironment().options.max_ops == UInt32(value))
        #expect(Options.fromEnvironment().leftOut == nil)
      }
      let refused = [
        "-1", "+100", "1e3", " 100", "100 ", "0x", "x64", "64h", "0xg", "ten", "1,000", "100.0",
        "18446744073709551616", "18446744073709551716", "99999999999999999999999999",
        "0x10000000000000064",
      ]
      for text in refused {
        setenv("PROGNOS_MAX_OPS", text, 1)
        let (options, leftOut) = Options.fromEnvironment()
        #expect(options.max_ops == 16_384, "\(text)")
        #expect(leftOut?.option == .maxOps, "\(text)")
      }
    }
  }

  @Test("An empty variable is as good as none")
  func empty() async {
    await #expect(processExitsWith: .success) {
      for name in ["PROGNOS_MAX_OPS", "PROGNOS_TRACK", "PROGNOS_SERVE", "PROGNOS_RECORDING_PATH"] {
        setenv(name, "", 1)
      }
      let (options, leftOut) = Options.fromEnvironment()
      #expect(leftOut == nil)
      #expect(options.max_ops == 16_384)
      #expect(options.serve == nil)
      #expect(options.recording_path == nil)
    }
  }

  @Test("What is tracked is a number, or words joined by commas")
  func track() async {
    await #expect(processExitsWith: .success) {
      let accepted: [String: UInt32] = [
        "0": 0, "1": 1, "0x7F": 0x7F, "63": 63, "kernel_io": 64, "cpu": 1, "memory": 2, "io": 4,
        "stacks": 8,
        "samples": 16, "timeline": 32, "cpu,memory": 3, "timeline,cpu,io": 37, "cpu,cpu": 1,
        "CPU,Memory": 3,
      ]
      for (text, bits) in accepted {
        setenv("PROGNOS_TRACK", text, 1)
        #expect(Options.fromEnvironment().options.track == bits, "\(text)")
        #expect(Options.fromEnvironment().leftOut == nil, "\(text)")
      }
      for text in ["128", "cpus", "cp", "cpu,", ",cpu", "cpu;io", "cpu, io", "all", "-1"] {
        setenv("PROGNOS_TRACK", text, 1)
        let (options, leftOut) = Options.fromEnvironment()
        #expect(options.track == Options.standardTracks, "\(text)")
        #expect(leftOut.map { "\($0.variable)" } == "PROGNOS_TRACK", "\(text)")
        #expect(leftOut?.option == nil)
      }
    }
  }

  @Test("The first variable that is left out is the one that is named, and the others still apply")
  func first() async {
    await #expect(processExitsWith: .success) {
      setenv("PROGNOS_MAX_OPS", "none", 1)
      setenv("PROGNOS_TRACK", "none", 1)
      setenv("PROGNOS_SAMPLE_HZ", "50", 1)
      let (options, leftOut) = Options.fromEnvironment()
      #expect(leftOut?.option == .maxOps)
      #expect(options.sample_hz == 50)
    }
  }

  @Test("Texts are taken as they are")
  func texts() async {
    await #expect(processExitsWith: .success) {
      setenv("PROGNOS_RECORDING_PATH", "/some/where", 1)
      setenv("PROGNOS_SERVE", "127.0.0.1:9090", 1)
      let options = Options.fromEnvironment().options
      #expect(options.recording_path.map { String(cString: $0) } == "/some/where")
      #expect(options.serve.map { String(cString: $0) } == "127.0.0.1:9090")
    }
  }

  @Test("Recording is off at start with PROGNOS_ENABLED=0, off, false or no, and with nothing else")
  func enabled() async {
    await #expect(processExitsWith: .success) {
      #expect(Options.isEnabledByEnvironment)
      for text in ["0", "off", "False", "NO", "1", "on", "yes", "", "00", "nope", "OFF"] {
        setenv("PROGNOS_ENABLED", text, 1)
        let isOff = ["0", "off", "false", "no"].contains(text.lowercased())
        #expect(Options.isEnabledByEnvironment == !isOff, "\(text)")
        let isUnknown = ["00", "nope"].contains(text)
        #expect((Options.fromEnvironment().leftOut != nil) == isUnknown, "\(text)")
      }
    }
  }

  @Test("Clocks below the best one can be asked for")
  func clocks() async {
    await #expect(processExitsWith: .success) {
      #expect(Options.wantedCPUClock == .best)
      #expect(Options.wantedTimeSource == .best)
      setenv("PROGNOS_CPU_CLOCK", "perf", 1)
      setenv("PROGNOS_TIME_SOURCE", "clock_gettime", 1)
      #expect(Options.wantedCPUClock == .perf)
      #expect(Options.wantedTimeSource == .clock)
      setenv("PROGNOS_CPU_CLOCK", "thread_clock", 1)
      #expect(Options.wantedCPUClock == .threadClock)
      setenv("PROGNOS_CPU_CLOCK", "thread", 1)
      setenv("PROGNOS_TIME_SOURCE", "tsc", 1)
      #expect(Options.wantedCPUClock == .best)
      #expect(Options.wantedTimeSource == .best)
    }
  }
}

private func variable(_ option: NumericOption) -> String { "\(option.variable)" }
