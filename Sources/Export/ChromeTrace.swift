// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Recording

/// The timeline in the Trace Event Format ("Trace Event Format", Google, 2016): an object with one event a
/// line. Complete events, callers before those they call, so that viewers nest them also where times are
/// alike. Of each lane in turn: no more than one ring is held at a time.
extension Report {
  public func chromeTrace() -> Output {
    var json = JSONWriter()
    let recording = profile.recording
    let until = profile.moment.ticks
    // After prognos_stop the ends of what was open are in no timeline.
    let isLive = recording.header.pointee.liveTracks.value & PROGNOS_TRACK_TIMELINE != 0
    let gaps = recording.timelineGaps(until: until)
    let last = isLive ? until : gaps.last?.start ?? until
    json.object { json in
      json.member("displayTimeUnit", "ns")
      json.key("otherData")
      json.object { json in
        json.member("library", "prognos")
        json.member("version", libraryVersion)
        json.key("recording_started_unix_ns")
        json.signed(startUnixNanoseconds)
        if recording.header.pointee.timeline.words.value == 0 {
          json.member(
            "note",
            "no timeline: it is recorded with PROGNOS_TRACK_TIMELINE in prognos_options.track")
        }
      }
      json.key("traceEvents")
      json.array { json in
        putName("process_name", command, thread: nil, &json)
        // Rings do not overlap, nor do the frames of calls without a begin: so many there may be.
        var left = Int(recording.byteCount / 8)
        recording.forEachLane { lane in
          guard left > 0 else { return }
          let timeline = recording.timeline(of: lane)
          if timeline.events.isEmpty { return }
          let found = TimelineCalls(timeline, of: lane, in: recording, until: last)
          left -= max(timeline.events.count, found.calls.count)
          for thread in found.threads {
            let isMain = thread.id == processID && thread.name.isEmpty
            putName("thread_name", isMain ? command : thread.name, thread: thread.id, &json)
          }
          for call in found.calls where recording.isOperation(call.operation) { put(call, &json) }
        }
        for gap in gaps {
          putEvent("prognos", Array("recording off".utf8), gap.start, gap.end, thread: 0, &json) {
            _ in
          }
        }
      }
    }
    json.output.put("\n")
    return json.output
  }

  private func putName(
    _ what: StaticString, _ name: [UInt8], thread: UInt32?, _ json: inout JSONWriter
  ) {
    if name.isEmpty { return }
    json.line { json in
      json.member("ph", "M")
      json.member("pid", .integer(UInt64(processID)))
      if let thread { json.member("tid", .integer(UInt64(thread))) }
      json.member("name", what)
      json.key("args")
      json.object { $0.member("name", validText(name)) }
    }
  }

  private func put(_ call: TimelineCall, _ json: inout JSONWriter) {
    putEvent(
      call.isSpan ? "span" : "operation", name(of: call.operation), call.start, call.end,
      thread: call.threadID, &json
    ) { json in
      if call.work != 0 { json.member("work", .integer(call.work)) }
      if let kind = call.failure {
        json.member("failure", profile.recording.textOfKind(kind) ?? Array("other".utf8))
      }
      let marks: [(Bool, StaticString)] = [
        (call.wasAbandoned, "abandoned"), (call.isOpen, "open"), (call.beganBefore, "began_before"),
      ]
      for (isSo, mark) in marks where isSo { json.member(mark, true) }
    }
  }

  private func putEvent(
    _ category: StaticString, _ name: [UInt8], _ start: UInt64, _ end: UInt64, thread: UInt32,
    _ json: inout JSONWriter, _ arguments: (inout JSONWriter) -> Void
  ) {
    let from = sinceStart(start)
    json.line { json in
      json.member("ph", "X")
      json.member("pid", .integer(UInt64(processID)))
      json.member("tid", .integer(UInt64(thread)))
      json.member("cat", category)
      json.member("name", name)
      json.member("ts", microseconds: from)
      json.member("dur", microseconds: max(sinceStart(end), from) - from)
      json.key("args")
      json.object { arguments(&$0) }
    }
  }

  /// Nanoseconds since the recording began; 0 for what is before it.
  private func sinceStart(_ ticks: UInt64) -> UInt64 {
    let start = profile.recording.header.pointee.startTicks.value
    return ticks > start ? profile.nanoseconds(ticks - start) : 0
  }
}

extension JSONWriter {
  fileprivate mutating func member(_ name: StaticString, _ value: Bool) {
    key(name)
    literal(value ? "true" : "false")
  }

  /// A time in microseconds, to the nanosecond.
  fileprivate mutating func member(_ name: StaticString, microseconds nanoseconds: UInt64) {
    key(name)
    literal("")
    output.put(nanoseconds / 1000)
    let rest = nanoseconds % 1000
    if rest == 0 { return }
    output.put(".")
    for digit in [rest / 100, rest / 10 % 10, rest % 10] {
      output.put(UInt8(truncatingIfNeeded: 48 + digit))
    }
  }
}
