// SPDX-License-Identifier: Apache-2.0
import ArgumentParser

/// How a program that `prognos run` starts records: options of prognos_start(), handed over by its variables.
struct RecordingOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "What to track: cpu, memory, io, kernel_io, stacks, samples, timeline, joined by commas. "
        + "(default: cpu,memory,io,stacks,samples)",
      valueName: "words"))
  var track: String?

  @Flag(help: "Track the timeline, too: the last begins and ends of each thread.")
  var timeline = false

  @Flag(help: "Note where the program was when a fatal signal ends it.")
  var crashNotes = false

  @Option(
    help: ArgumentHelp(
      "Call stacks a second of CPU time, 1 to 10000. (default: 99)", valueName: "n"))
  var sampleHz: UInt64?

  @Option(
    help: ArgumentHelp(
      "Mean distance of sampled blocks, in bytes. (default: 512K)", valueName: "size"))
  var heapSampleBytes: ByteCount?

  @Option(
    help: ArgumentHelp("The most a recording may take. (default: 48M)", valueName: "size"))
  var memoryLimit: ByteCount?

  @Option(
    help: ArgumentHelp(
      "Frames of a call stack that are kept, 1 to 1024. (default: 64)", valueName: "n"))
  var stackDepth: UInt64?

  @Flag(
    inversion: .prefixedNo,
    help: "Record the processes that the program forks, each in a recording of its own.")
  var forkChildren = true

  func validate() throws {
    try check(sampleHz, 1...10_000, "--sample-hz")
    try check(heapSampleBytes?.bytes, 1...1 << 40, "--heap-sample-bytes")
    try check(memoryLimit?.bytes, 1 << 20...(1 << 32) - 1, "--memory-limit")
    try check(stackDepth, 1...1024, "--stack-depth")
    for word in words where !Self.known.contains(word) {
      throw ValidationError(
        "--track has \"\(word)\"; expected \(Self.known.joined(separator: ", ")), joined by commas."
      )
    }
  }

  private func check(_ value: UInt64?, _ range: ClosedRange<UInt64>, _ option: String) throws {
    guard let value, !range.contains(value) else { return }
    throw ValidationError(
      "\(option) is \(value); expected \(range.lowerBound) to \(range.upperBound).")
  }

  private static let known = ["cpu", "memory", "io", "kernel_io", "stacks", "samples", "timeline"]
  private static let standard = "cpu,memory,io,stacks,samples"

  private var words: [String] {
    (track ?? "").split(separator: ",", omittingEmptySubsequences: false).map(String.init)
      .filter { track != nil || !$0.isEmpty }
  }

  /// The variables that say it. What is not wished for is left to what the environment has already.
  func environment(withTimeline: Bool) -> [String: String] {
    let timeline = timeline || withTimeline
    var variables: [String: String] = [:]
    if track != nil || timeline {
      var tracks = track ?? Self.standard
      if timeline && !tracks.split(separator: ",").contains("timeline") { tracks += ",timeline" }
      variables["PROGNOS_TRACK"] = tracks
    }
    variables["PROGNOS_SAMPLE_HZ"] = sampleHz.map { "\($0)" }
    variables["PROGNOS_HEAP_SAMPLE_BYTES"] = heapSampleBytes.map { "\($0.bytes)" }
    variables["PROGNOS_MEMORY_LIMIT_BYTES"] = memoryLimit.map { "\($0.bytes)" }
    variables["PROGNOS_STACK_DEPTH"] = stackDepth.map { "\($0)" }
    if crashNotes { variables["PROGNOS_CRASH_NOTES"] = "1" }
    if !forkChildren { variables["PROGNOS_ON_FORK"] = "1" }
    return variables
  }
}

/// A number of bytes, with K, M or G for powers of 1024.
struct ByteCount: ExpressibleByArgument, Equatable {
  let bytes: UInt64

  init?(argument: String) {
    let units: [Character: UInt64] = ["K": 1 << 10, "M": 1 << 20, "G": 1 << 30]
    var digits = argument[...]
    if digits.hasSuffix("iB") { digits = digits.dropLast(2) }
    var unit: UInt64 = 1
    if let last = digits.last, let known = units[Character(last.uppercased())] {
      unit = known
      digits = digits.dropLast()
    }
    guard digits.allSatisfy(\.isNumber), let number = UInt64(digits) else { return nil }
    let (bytes, isTooLarge) = number.multipliedReportingOverflow(by: unit)
    guard !isTooLarge else { return nil }
    self.bytes = bytes
  }
}
