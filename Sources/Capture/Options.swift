// SPDX-License-Identifier: Apache-2.0
import CPrognos
import CShim

/// The numeric options: one list that drives defaults, environment variables and checks.
public enum NumericOption: CaseIterable {
  case memoryLimitBytes, heapSampleBytes, collectIntervalMs, sampleHz, stackDepth, maxOps
  case recordingFlags, recordingCopyS, recordingKeep, onFork, recordingKeepBytes
  case maxThreads, timelineEvents, crashNotes

  /// The field of prognos_options.
  public var field: StaticString {
    switch self {
    case .memoryLimitBytes: "memory_limit_bytes"
    case .heapSampleBytes: "heap_sample_bytes"
    case .collectIntervalMs: "collect_interval_ms"
    case .sampleHz: "sample_hz"
    case .stackDepth: "stack_depth"
    case .maxOps: "max_ops"
    case .maxThreads: "max_threads"
    case .timelineEvents: "timeline_events"
    case .recordingFlags: "recording_flags"
    case .recordingCopyS: "recording_copy_s"
    case .recordingKeep: "recording_keep"
    case .onFork: "on_fork"
    case .recordingKeepBytes: "recording_keep_bytes"
    case .crashNotes: "crash_notes"
    }
  }

  public var variable: StaticString {
    switch self {
    case .memoryLimitBytes: "PROGNOS_MEMORY_LIMIT_BYTES"
    case .heapSampleBytes: "PROGNOS_HEAP_SAMPLE_BYTES"
    case .collectIntervalMs: "PROGNOS_COLLECT_INTERVAL_MS"
    case .sampleHz: "PROGNOS_SAMPLE_HZ"
    case .stackDepth: "PROGNOS_STACK_DEPTH"
    case .maxOps: "PROGNOS_MAX_OPS"
    case .maxThreads: "PROGNOS_MAX_THREADS"
    case .timelineEvents: "PROGNOS_TIMELINE_EVENTS"
    case .recordingFlags: "PROGNOS_RECORDING_FLAGS"
    case .recordingCopyS: "PROGNOS_RECORDING_COPY_S"
    case .recordingKeep: "PROGNOS_RECORDING_KEEP"
    case .onFork: "PROGNOS_ON_FORK"
    case .recordingKeepBytes: "PROGNOS_RECORDING_KEEP_BYTES"
    case .crashNotes: "PROGNOS_CRASH_NOTES"
    }
  }

  public var standard: UInt64 {
    switch self {
    case .memoryLimitBytes: 48 << 20
    case .heapSampleBytes: 512 << 10
    case .collectIntervalMs: 1000
    case .sampleHz: 99
    case .stackDepth: 64
    case .maxOps: 16_384
    case .maxThreads: 1024
    case .timelineEvents: 4096
    case .recordingFlags, .recordingCopyS, .onFork: 0
    case .recordingKeep: 5
    case .recordingKeepBytes: 512 << 20
    case .crashNotes: 0
    }
  }

  public var range: ClosedRange<UInt64> {
    switch self {
    case .memoryLimitBytes: 1 << 20...(1 << 32) - 1
    case .heapSampleBytes: 1...1 << 40
    case .collectIntervalMs: 10...3_600_000
    case .sampleHz: 1...10_000
    case .stackDepth: 1...1024
    case .maxOps: 16...1_000_000
    case .maxThreads: 1...65_536
    case .timelineEvents: 16...1 << 24
    case .recordingFlags, .onFork: 0...1
    case .recordingCopyS: 0...31_536_000
    case .recordingKeep: 0...1000
    case .recordingKeepBytes: 0...1 << 50
    case .crashNotes: 0...1
    }
  }

  public func value(in options: prognos_options) -> UInt64 {
    switch self {
    case .memoryLimitBytes: options.memory_limit_bytes
    case .heapSampleBytes: options.heap_sample_bytes
    case .collectIntervalMs: UInt64(options.collect_interval_ms)
    case .sampleHz: UInt64(options.sample_hz)
    case .stackDepth: UInt64(options.stack_depth)
    case .maxOps: UInt64(options.max_ops)
    case .maxThreads: UInt64(options.max_threads)
    case .timelineEvents: UInt64(options.timeline_events)
    case .recordingFlags: UInt64(options.recording_flags)
    case .recordingCopyS: UInt64(options.recording_copy_s)
    case .recordingKeep: UInt64(options.recording_keep)
    case .onFork: UInt64(options.on_fork)
    case .recordingKeepBytes: options.recording_keep_bytes
    case .crashNotes: UInt64(options.crash_notes)
    }
  }

  public func set(_ value: UInt64, in options: inout prognos_options) {
    let small = UInt32(clamping: value)
    switch self {
    case .memoryLimitBytes: options.memory_limit_bytes = value
    case .heapSampleBytes: options.heap_sample_bytes = value
    case .collectIntervalMs: options.collect_interval_ms = small
    case .sampleHz: options.sample_hz = small
    case .stackDepth: options.stack_depth = small
    case .maxOps: options.max_ops = small
    case .maxThreads: options.max_threads = small
    case .timelineEvents: options.timeline_events = small
    case .recordingFlags: options.recording_flags = small
    case .recordingCopyS: options.recording_copy_s = small
    case .recordingKeep: options.recording_keep = small
    case .onFork: options.on_fork = small
    case .recordingKeepBytes: options.recording_keep_bytes = value
    case .crashNotes: options.crash_notes = small
    }
  }
}

public enum Options {
  /// All bits of prognos_options.track.
  public static let allTracks: UInt32 = 0x7F
  /// The bits that this build acts on. Hooks and samples are for the library that ships: hosted code calls the
  /// Swift runtime, which allocates, where a hook or a signal handler must not.
  #if hasFeature(Embedded)
    static let availableTracks = standardTracks | PROGNOS_TRACK_KERNEL_IO | PROGNOS_TRACK_TIMELINE
  #else
    static let availableTracks =
      PROGNOS_TRACK_CPU | PROGNOS_TRACK_KERNEL_IO | PROGNOS_TRACK_TIMELINE
  #endif

  /// What is tracked when nobody says otherwise.
  public static let standardTracks =
    PROGNOS_TRACK_CPU | PROGNOS_TRACK_MEMORY | PROGNOS_TRACK_IO | PROGNOS_TRACK_STACKS
    | PROGNOS_TRACK_SAMPLES

  public static let trackWords: [(StaticString, UInt32)] = [
    ("cpu", PROGNOS_TRACK_CPU), ("memory", PROGNOS_TRACK_MEMORY), ("io", PROGNOS_TRACK_IO),
    ("stacks", PROGNOS_TRACK_STACKS), ("samples", PROGNOS_TRACK_SAMPLES),
    ("timeline", PROGNOS_TRACK_TIMELINE), ("kernel_io", PROGNOS_TRACK_KERNEL_IO),
  ]

  /// A variable of the environment that could not be applied.
  public struct LeftOut {
    public let variable: StaticString
    public let text: UnsafePointer<CChar>
    /// What would have been accepted: a number in a range, or these words.
    public let option: NumericOption?
    public let words: StaticString
  }

  /// The defaults with the environment's PROGNOS_* variables applied, and the first variable that had
  /// to be left out.
  public static func fromEnvironment() -> (options: prognos_options, leftOut: LeftOut?) {
    var options = prognos_options()
    var leftOut: LeftOut?
    options.track = standardTracks
    for option in NumericOption.allCases {
      option.set(option.standard, in: &options)
      guard let text = environment(option.variable) else { continue }
      if let value = number(text), option.range.contains(value) {
        option.set(value, in: &options)
      } else {
        leftOut =
          leftOut
          ?? LeftOut(
            variable: option.variable, text: text, option: option, words: "")
      }
    }
    if let text = environment("PROGNOS_TRACK") {
      if let track = trackBits(text) {
        options.track = track
      } else {
        leftOut =
          leftOut
          ?? LeftOut(
            variable: "PROGNOS_TRACK", text: text, option: nil,
            words:
              "a number, or cpu, memory, io, kernel_io, stacks, samples, timeline joined by commas")
      }
    }
    leftOut = leftOut ?? checkWords()
    options.recording_path =
      environment("PROGNOS_RECORDING_PATH") ?? environment("PROGNOS_RECORDING")
    options.serve = environment("PROGNOS_SERVE")
    return (options, leftOut)
  }

  /// The first of the variables that are no options which says something unknown.
  private static func checkWords() -> LeftOut? {
    func check(
      _ variable: StaticString, _ expected: StaticString, _ known: [StaticString]
    ) -> LeftOut? {
      guard let text = environment(variable), !known.contains(where: { equal(text, $0) }) else {
        return nil
      }
      return LeftOut(variable: variable, text: text, option: nil, words: expected)
    }
    return check(
      "PROGNOS_ENABLED", "1, on, true or yes; 0, off, false or no",
      ["1", "on", "true", "yes", "0", "off", "false", "no"])
      ?? check("PROGNOS_CPU_CLOCK", "perf or thread_clock", ["perf", "thread_clock"])
      ?? check("PROGNOS_TIME_SOURCE", "clock_gettime", ["clock_gettime"])
  }

  /// PROGNOS_ENABLED: off with "0", "off", "false" and "no".
  static var isEnabledByEnvironment: Bool {
    guard let text = environment("PROGNOS_ENABLED") else { return true }
    let words: [StaticString] = ["0", "off", "false", "no"]
    return !words.contains { equal(text, $0) }
  }

  enum WantedCPUClock { case best, perf, threadClock }

  /// PROGNOS_CPU_CLOCK=perf or =thread_clock: a lower rung than the best, to compare or to rule out.
  static var wantedCPUClock: WantedCPUClock {
    guard let text = environment("PROGNOS_CPU_CLOCK") else { return .best }
    if equal(text, "perf") { return .perf }
    return equal(text, "thread_clock") ? .threadClock : .best
  }

  enum WantedTimeSource { case best, clock }

  /// PROGNOS_TIME_SOURCE=clock_gettime: not the cycle counter even where it is invariant.
  static var wantedTimeSource: WantedTimeSource {
    guard let text = environment("PROGNOS_TIME_SOURCE") else { return .best }
    return equal(text, "clock_gettime") ? .clock : .best
  }

  // MARK: Parsing

  private static func environment(_ name: StaticString) -> UnsafePointer<CChar>? {
    let text = shim_environment(
      UnsafeRawPointer(name.utf8Start).assumingMemoryBound(to: CChar.self))
    guard let text, text[0] != 0 else { return nil }
    return text
  }

  private static func equal(_ text: UnsafePointer<CChar>, _ word: StaticString) -> Bool {
    matches(text, word) && text[word.utf8CodeUnitCount] == 0
  }

  /// Whether the text begins with the word, in capitals or not.
  private static func matches(_ text: UnsafePointer<CChar>, _ word: StaticString) -> Bool {
    for index in 0..<word.utf8CodeUnitCount {
      let byte = UInt8(bitPattern: text[index])
      let small = (65...90).contains(byte) ? byte | 0x20 : byte
      if small != word.utf8Start[index] { return false }
    }
    return true
  }

  /// A decimal number, or a hexadecimal one after "0x".
  private static func number(_ text: UnsafePointer<CChar>) -> UInt64? {
    let isHexadecimal = matches(text, "0x")
    let radix: UInt64 = isHexadecimal ? 16 : 10
    var at = isHexadecimal ? 2 : 0
    guard text[at] != 0 else { return nil }
    var value: UInt64 = 0
    while text[at] != 0 {
      let digit: UInt64
      switch UInt8(bitPattern: text[at]) {
      case let c where (48...57).contains(c): digit = UInt64(c - 48)
      case let c where isHexadecimal && (97...102).contains(c | 32): digit = UInt64((c | 32) - 87)
      default: return nil
      }
      let (scaled, tooLarge) = value.multipliedReportingOverflow(by: radix)
      let (sum, carried) = scaled.addingReportingOverflow(digit)
      if tooLarge || carried { return nil }
      value = sum
      at += 1
    }
    return value
  }

  /// A number, or words joined by commas.
  private static func trackBits(_ text: UnsafePointer<CChar>) -> UInt32? {
    if let bits = number(text) { return bits <= UInt64(allTracks) ? UInt32(bits) : nil }
    var bits: UInt32 = 0
    var at = text
    while true {
      guard
        let (word, bit) = trackWords.first(where: {
          matches(at, $0.0) && (at[$0.0.utf8CodeUnitCount] == 0 || at[$0.0.utf8CodeUnitCount] == 44)
        })
      else { return nil }
      bits |= bit
      at += word.utf8CodeUnitCount
      if at[0] == 0 { return bits }
      at += 1
    }
  }
}
