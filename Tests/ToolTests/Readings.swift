// SPDX-License-Identifier: Apache-2.0
import CPrognos

@testable import PrognosTool

/// Readings as a recording would give them.
func reading(
  at seconds: Double, _ operations: [Reading.Operation] = [], cpu: UInt64 = 0
) -> Reading {
  var reading = Reading()
  reading.command = "ingest"
  reading.processID = 4711
  reading.atNanoseconds = UInt64(seconds * 1e9)
  reading.recordedNanoseconds = UInt64(seconds * 1e9)
  reading.windowNanoseconds = UInt64(seconds * 1e9)
  reading.operations = operations
  reading.process = Reading.Process(
    cpuNanoseconds: cpu, residentBytes: 64 << 20, threads: 3, openFiles: 12, readBytes: 0,
    writtenBytes: 0)
  return reading
}

func operation(
  _ id: UInt32, _ name: String, calls: UInt64, failed: UInt64 = 0, active: UInt64 = 0,
  cpu: UInt64 = 0, p95: UInt64 = 1_000_000
) -> Reading.Operation {
  var stats = prognos_op_stats()
  stats.count = calls
  stats.failed = failed
  stats.active = active
  stats.self_cpu_ns = cpu
  stats.wall_p50_ns = p95 / 2
  stats.wall_p95_ns = p95
  return Reading.Operation(
    id: id, name: name, stats: stats, totalCalls: calls, totalFailed: failed)
}

extension Model {
  mutating func press(_ keys: String) {
    for key in keys { _ = press(.character(key)) }
  }

  var names: [String] { shown.map(\.name) }
}

func screen(_ model: inout Model, _ width: Int = 80, _ height: Int = 24, unicode: Bool = true)
  -> [Line]
{
  Screen(width: width, height: height, isUnicode: unicode).lines(&model)
}

/// The screen's text, line by line, without spaces at the ends.
func text(_ lines: [Line]) -> [String] {
  lines.map { line in
    var text = line.text
    while text.last == " " { text.removeLast() }
    return text
  }
}
