// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Recording

/// A profile as JSON: docs/profile.schema.json describes it.
extension Report {
  public func json() -> Output {
    var json = JSONWriter()
    json.object { json in
      json.member("format", "prognos-profile")
      json.member("format_version", .integer(1))
      json.key("library")
      json.object { $0.member("version", libraryVersion) }
      putProcess(&json)
      putCapabilities(&json)
      putObject("diagnostics", diagnostics, Shape.diagnostics, &json)
      putOrigin(&json)
      putAssessment(&json)
      putSuggestions(&json)
      putExperiment(&json)
      json.key("operations")
      json.array { json in
        for (index, operation) in profile.operations.enumerated() {
          putOperation(UInt32(index + 1), operation, &json)
        }
      }
      if !windows.isEmpty { putWindows(&json) }
      putDurations(&json)
      json.key("call_tree")
      let positions = putCallTree(&json)
      putOutsideMemory(&json)
      putModules(&json)
      putFrames(&json)
      putCallSites(positions, &json)
      putSessions(&json)
      putCrashes(&json)
      if !profile.outsideIO.isEmpty { putIO(profile.outsideIO, as: "outside_io", &json) }
    }
    json.output.put("\n")
    return json.output
  }

  private func putProcess(_ json: inout JSONWriter) {
    json.key("process")
    json.object { json in
      json.member("pid", .integer(UInt64(processID)))
      json.key("command")
      json.string(command)
      json.key("recording_started_unix_ns")
      json.signed(startUnixNanoseconds)
      json.key("rendered_unix_ns")
      json.signed(endUnixNanoseconds)
      json.member("recording_ns", .integer(profile.durationNanoseconds))
      put(process, Shape.process, &json)
    }
  }

  private func putCapabilities(_ json: inout JSONWriter) {
    json.key("capabilities")
    json.object { json in
      json.member("time_source", told(.timeSource, capabilities.time_source))
      json.member("time_source_reason", told(.timeSourceReason, capabilities.time_source_reason))
      json.member("cpu_clock", bytes(of: capabilities.cpu_clock))
      json.member("cpu_clock_reason", told(.cpuClockReason, capabilities.cpu_clock_reason))
      json.member("memory_reason", told(.memoryReason, capabilities.memory_reason))
      json.member("io_reason", told(.ioReason, capabilities.io_reason))
      json.member("stacks_reason", told(.stacksReason, capabilities.stacks_reason))
      json.member("samples_reason", told(.samplesReason, capabilities.samples_reason))
      json.member("ticks_per_s", .real(capabilities.ticks_per_s))
      json.member("memory_limit_bytes", .integer(capabilities.memory_limit_bytes))
      json.member("max_ops", .integer(UInt64(capabilities.max_ops)))
      json.member("max_threads", .integer(UInt64(capabilities.max_threads)))
      json.member("max_depth", .integer(UInt64(capabilities.max_depth)))
      json.member("track", .integer(UInt64(capabilities.track)))
      json.member("track_unavailable", .integer(UInt64(capabilities.track_unavailable)))
    }
  }

  /// What the recorded process said, if it is another one.
  private func told(_ text: Identity.Text, _ own: UnsafePointer<CChar>?) -> [UInt8] {
    let said = origin == nil ? [] : profile.recording.text(of: text)
    return said.isEmpty ? bytes(of: own) : said
  }

  private func putOperation(
    _ id: UInt32, _ operation: Profile.Operation, _ json: inout JSONWriter
  ) {
    json.object { json in
      json.member("id", .integer(UInt64(id)))
      json.key("name")
      json.string(name(of: id))
      put(profile.statistics(of: operation), Shape.operation, &json)
      putFailures(operation.totals, &json)
      if !operation.io.isEmpty { putIO(operation.io, as: "io", &json) }
      json.key("wall_histogram_ns")
      json.array { json in
        operation.distribution.forEachBucket { lowest, width, count in
          json.array { json in
            json.integer(profile.nanoseconds(lowest))
            json.integer(profile.nanoseconds(lowest &+ width))
            json.integer(count)
          }
        }
      }
    }
  }

  /// Flat, callers first: a host may nest thousands of operations, and JSON readers recurse.
  /// Returns where each path of the profile stands in it.
  private func putCallTree(_ json: inout JSONWriter) -> [Int?] {
    var positions = [Int?](repeating: nil, count: profile.paths.count)
    let (outermost, children) = childrenByTime()
    var ahead: [(path: Int, caller: Int?)] = outermost.reversed().map { ($0, nil) }
    var position = 0
    json.array { json in
      while let (index, caller) = ahead.popLast() {
        let path = profile.paths[index]
        positions[index] = position
        json.object { json in
          json.key("caller")
          if let caller { json.integer(UInt64(caller)) } else { json.null() }
          json.member("depth", .integer(UInt64(path.depth)))
          json.member("operation", .integer(UInt64(path.operation)))
          json.key("name")
          json.string(name(of: path.operation))
          put(profile.statistics(of: path), Shape.operation, &json)
          putFailures(path.totals, &json)
        }
        for child in children[index].reversed() { ahead.append((child, position)) }
        position += 1
      }
    }
    return positions
  }

  private func putFailures(_ totals: Totals, _ json: inout JSONWriter) {
    json.key("failures")
    json.object { json in
      for (kind, count) in failures(totals) {
        json.key(kind)
        json.integer(count)
      }
    }
  }
}

/// A number of JSON.
package enum FieldValue {
  case integer(UInt64)
  case real(Double)
}

/// Writes JSON: commas, indentation and escapes.
package struct JSONWriter {
  package var output = Output()
  private var needsComma = false
  private var depth = 0
  private var isOneLine = false

  package init() {}

  private mutating func separate() {
    if needsComma { output.put(",") }
    needsComma = true
  }

  private mutating func newLine() {
    if isOneLine { return output.bytes.last == 0x7B ? () : output.put(" ") }
    output.put("\n")
    output.put(min(depth, 40), times: 32)
  }

  private mutating func open(_ bracket: StaticString) {
    separate()
    output.put(bracket)
    needsComma = false
    depth += 1
  }

  private mutating func close(_ bracket: StaticString) {
    depth -= 1
    output.put(bracket)
    needsComma = true
  }

  package mutating func object(_ body: (inout JSONWriter) -> Void) {
    open("{")
    body(&self)
    close("}")
  }

  /// An object on a line of its own.
  mutating func line(_ body: (inout JSONWriter) -> Void) {
    separate()
    newLine()
    needsComma = false
    isOneLine = true
    object(body)
    isOneLine = false
  }

  package mutating func array(_ body: (inout JSONWriter) -> Void) {
    open("[")
    body(&self)
    close("]")
  }

  package mutating func key(_ name: StaticString) {
    key(UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
  }

  /// A name that needs no escapes.
  mutating func key(_ name: UnsafeBufferPointer<UInt8>) {
    separate()
    newLine()
    output.put("\"")
    output.put(name)
    output.put("\": ")
    needsComma = false
  }

  package mutating func key(_ name: [UInt8]) {
    separate()
    newLine()
    quote(name)
    output.put(": ")
    needsComma = false
  }

  package mutating func member(_ name: StaticString, _ value: FieldValue) {
    key(name)
    switch value {
    case .integer(let number): output.put(number)
    case .real(let number): output.put(shortest: number)
    }
    needsComma = true
  }

  package mutating func member(_ name: StaticString, _ value: StaticString) {
    key(name)
    output.put("\"")
    output.put(value)
    output.put("\"")
    needsComma = true
  }

  package mutating func member(_ name: StaticString, _ text: [UInt8]) {
    key(name)
    string(text)
  }

  package mutating func string(_ text: [UInt8]) {
    separate()
    quote(text)
  }

  package mutating func null() { literal("null") }

  mutating func literal(_ word: StaticString) {
    separate()
    output.put(word)
  }

  package mutating func bool(_ value: Bool) {
    separate()
    output.put(value ? "true" : "false")
  }

  package mutating func signed(_ number: Int64) {
    separate()
    output.put(number)
  }

  package mutating func integer(_ number: UInt64) {
    separate()
    output.put(number)
  }

  /// RFC 8259, section 7. The text is valid UTF-8: names were repaired when they came in. The controls above ASCII
  /// (U+0080 to U+009F: C2 80 to C2 9F) are escaped, too, since a terminal may obey them.
  private mutating func quote(_ text: [UInt8]) {
    output.put("\"")
    for (index, byte) in text.enumerated() {
      switch byte {
      case 0x22: output.put("\\\"")
      case 0x5C: output.put("\\\\")
      case 0x0A: output.put("\\n")
      case 0x09: output.put("\\t")
      case 0..<0x20, 0x7F: put(escape: byte)
      case 0xC2 where index + 1 < text.count && text[index + 1] < 0xA0: break
      case 0x80..<0xA0 where index > 0 && text[index - 1] == 0xC2: put(escape: byte)
      default: output.put(byte)
      }
    }
    output.put("\"")
  }

  private mutating func put(escape byte: UInt8) {
    output.put("\\u00")
    output.put(hexadecimalDigit(byte >> 4))
    output.put(hexadecimalDigit(byte & 15))
  }
}
