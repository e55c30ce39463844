// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Export
import Foundation
import Testing

/// The shapes of Shape.swift are the structs of the headers, field by field.
struct ShapeTests {
  static let all: [(String, StaticString, Int)] = [
    ("prognos_op_stats", Shape.operation, MemoryLayout<prognos_op_stats>.size),
    ("prognos_process_stats", Shape.process, MemoryLayout<prognos_process_stats>.size),
    ("prognos_diagnostics", Shape.diagnostics, MemoryLayout<prognos_diagnostics>.size),
    ("prognos_session_stats", Shape.session, MemoryLayout<prognos_session_stats>.size),
    ("prognos_health", Shape.health, MemoryLayout<prognos_health>.size),
    ("prognos_crash", Shape.crash, MemoryLayout<prognos_crash>.size),
    ("prognos_resource", Shape.resource, MemoryLayout<prognos_resource>.size),
    ("prognos_leak", Shape.leak, MemoryLayout<prognos_leak>.size),
    ("prognos_anomaly", Shape.anomaly, MemoryLayout<prognos_anomaly>.size),
    ("prognos_alert", Shape.alert, MemoryLayout<prognos_alert>.size),
    ("prognos_trend", Shape.trend, MemoryLayout<prognos_trend>.size),
    ("prognos_bottleneck", Shape.bottleneck, MemoryLayout<prognos_bottleneck>.size),
    ("prognos_experiment", Shape.experiment, MemoryLayout<prognos_experiment>.size),
    ("prognos_suggestion", Shape.suggestion, MemoryLayout<prognos_suggestion>.size),
    ("prognos_peak", Shape.peak, MemoryLayout<prognos_peak>.size),
    ("prognos_scalability", Shape.scalability, MemoryLayout<prognos_scalability>.size),
    ("prognos_productivity", Shape.productivity, MemoryLayout<prognos_productivity>.size),
  ]

  /// The types that a mark may stand for.
  static let types: [Character: Set<String>] = [
    " ": ["uint64_t"], "~": ["double"], "-": ["int64_t"], ":": ["uint32_t"], "+": ["int32_t"],
    "?": ["uint32_t"], "'": ["char"], "@": ["prognos_op"],
  ]

  /// (type, name, elements) of each field of a struct of the headers.
  static func fields(of name: String) throws -> [(type: String, name: String, count: Int)] {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("include/prognos")
    let files = try FileManager.default.contentsOfDirectory(
      at: folder, includingPropertiesForKeys: nil)
    let text = try files.map { try String(contentsOf: $0, encoding: .utf8) }.joined()
      .replacing(/\/\*(?:[^*]|\*(?!\/))*\*\//, with: "")
      .replacing("PROGNOS_SESSION_NAME_BYTES + 1", with: "64")
    let start = try #require(text.range(of: "typedef struct \(name) {"), "\(name) is in no header")
    let end = try #require(text.range(of: "}", range: start.upperBound..<text.endIndex))
    return try text[start.upperBound..<end.lowerBound].split(separator: ";").compactMap { line in
      let line = line.trimmingCharacters(in: .whitespacesAndNewlines)
      guard !line.isEmpty else { return nil }
      let match = try #require(line.wholeMatch(of: /(\w+)\s+(\w+)\s*(?:\[(\d+)\])?/), "\(line)")
      return (String(match.1), String(match.2), match.3.flatMap { Int($0) } ?? 1)
    }
  }

  @Test("What JSON tells of a struct are the fields of the header", arguments: all.indices)
  func header(index: Int) throws {
    let (name, shape, size) = Self.all[index]
    var expected = try Self.fields(of: name)[...]
    var end = 0
    forEachField(shape) { field in
      let offset = field.offset
      #expect(offset == end)
      end = offset + field.byteCount
      let mark = field.mark == 0 ? " " : Character(UnicodeScalar(field.mark))
      guard let next = expected.popFirst() else { return #expect(Bool(false), "\(name) is longer") }
      if mark == "_" {
        let isPadding = next.name.hasPrefix("reserved") || next.name == "window_ns"
        #expect(isPadding, "\(name).\(next.name) is not told")
        return
      }
      let own = String(decoding: field.name, as: UTF8.self)
      #expect(mark == "@" && next.name == "op" ? own == "" : own == next.name)
      #expect(Self.types[mark]?.contains(next.type) == true, "\(name).\(own) is \(next.type)")
      #expect(field.count == next.count, "\(name).\(own)")
    }
    #expect(expected.isEmpty, "\(name) has more: \(expected)")
    #expect(end == size)
  }
}
