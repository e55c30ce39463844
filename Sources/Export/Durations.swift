// SPDX-License-Identifier: Apache-2.0
import Analysis
import CPrognos
import Recording

/// How the time of operations depends on their work, and what is left of calls under way.
extension Report {
  /// In JSON: the prediction at some works of the range that was seen, and at twice the most.
  func putDurations(_ json: inout JSONWriter) {
    let operations = profile.recording.operationsWithDurations()
    guard !operations.isEmpty else { return }
    json.key("durations")
    json.array { json in
      forEachDuration(of: operations) { operation, model in
        let edge = prognos_duration(work: 1, model)
        json.object { json in
          json.member("id", .integer(UInt64(operation)))
          json.member("name", name(of: operation))
          json.member("complexity", words(of: edge.complexity))
          json.member("samples", .integer(edge.samples))
          json.member("work_low", .integer(edge.work_low))
          json.member("work_high", .integer(edge.work_high))
          json.key("predicted")
          json.array { json in
            for work in works(edge) {
              let found = prognos_duration(work: work, model)
              json.line { json in
                json.member("work", .integer(work))
                json.member("estimate_ns", .integer(found.estimate_ns))
                json.member("low_ns", .integer(found.low_ns))
                json.member("high_ns", .integer(found.high_ns))
                json.number("confidence", found.confidence)
              }
            }
          }
        }
      }
    }
  }

  /// In words: "parse: O(n log n), 1.2 us for a work of 10, 3 ms for 5,000, 6.5 ms (6 to 7 ms) for 10,000".
  func putDurations(_ output: inout Output, _ style: TextStyle) {
    let operations = profile.recording.operationsWithDurations()
    var left = 10
    forEachDuration(of: operations) { operation, model in
      let edge = prognos_duration(work: 1, model)
      // "unknown", where the work is always about the same: quantiles say it all.
      guard UInt8(bitPattern: edge.complexity.0) == 0x4F else { return }
      left -= 1
      guard left >= 0 else { return }
      if left == 9 { output.put("\ndurations by work:\n") }
      output.put("  ")
      output.put(style.label(name(of: operation)))
      output.put(": ")
      output.put(words(of: edge.complexity))
      for (index, work) in works(edge).enumerated() where index != 1 {
        let found = prognos_duration(work: work, model)
        output.put(", ")
        output.put(style.duration(found.estimate_ns))
        output.put(index == 0 ? " for a work of " : " for ")
        output.put(style.count(work))
      }
      output.put("\n")
    }
    putRest(-left, " more operations with work; PROGNOS_JSON has them all\n", &output)
    putTimesLeft(&output, style)
  }

  /// The least, the middle and the most, and twice that.
  private func works(_ range: prognos_duration) -> [UInt64] {
    let twice = range.work_high.multipliedReportingOverflow(by: 2)
    let most = twice.overflow ? range.work_high : twice.partialValue
    if range.work_low == range.work_high { return [range.work_low] }
    let middle = range.work_low + (range.work_high - range.work_low) / 2
    return [range.work_low, middle, range.work_high, most]
  }

  private func forEachDuration(
    of operations: [UInt32], _ body: (UInt32, DurationModel) -> Void
  ) {
    let room = UnsafeMutablePointer<Double>.allocate(capacity: DurationModel.roomCount)
    defer { room.deallocate() }
    for operation in operations {
      if let model = DurationModel(
        of: operation, in: profile.recording, at: profile.moment, room: room)
      {
        body(operation, model)
      }
    }
  }

  /// What is left of calls that take long and are under way.
  private func putTimesLeft(_ output: inout Output, _ style: TextStyle) {
    guard profile.moment.isLive else { return }
    let room = UnsafeMutablePointer<Double>.allocate(capacity: DurationModel.roomCount)
    defer { room.deallocate() }
    var shown = 0
    for (index, operation) in profile.operations.enumerated()
    where operation.totals.active > 0 && shown < 5 {
      guard
        let found = OpenCallForecast(
          of: UInt32(index + 1), in: profile.recording, at: profile.moment, room: room)?.answer,
        found.elapsed_ns >= 100_000_000, found.confidence >= 0.3
      else { continue }
      shown += 1
      output.put("\n  under way: ")
      output.put(style.label(name(of: UInt32(index + 1))))
      output.put(", ")
      output.put(style.duration(found.elapsed_ns))
      output.put(" so far, about ")
      output.put(style.duration(found.estimate_ns))
      output.put(" left (")
      output.put(style.duration(found.low_ns))
      output.put(" to ")
      output.put(style.duration(found.high_ns))
      output.put(")")
    }
    if shown > 0 { output.put("\n") }
  }
}
