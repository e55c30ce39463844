// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Testing

@testable import Export
@testable import Recording

@Suite("The timeline for trace viewers")
struct ChromeTraceTests {
  private func record(on sample: Sample) {
    let recording = sample.recording
    recording.header.pointee.timeline.words.set(512)
    recording.header.pointee.liveTracks.set(PROGNOS_TRACK_TIMELINE)
    let (serve, query) = (sample.operation("serve"), sample.operation("query \"größe\""))
    let lane = sample.lane()
    recording.prepareTimeline(of: lane)
    lane.pointee.threadID.set(4712)
    recording.recordThread(4712, name: "worker", at: 1, on: lane)
    recording.recordEvent(TimelineWord.begin, serve, at: 1_000, on: lane)
    recording.recordEvent(TimelineWord.begin, query, at: 1_500, on: lane)
    let timeout = sample.kind("timeout") << Frame.State.kindShift
    recording.recordEnd(
      TimelineWord.end, query, at: 2_750_001, work: 12, state: timeout | Frame.State.failed,
      on: lane)
    recording.recordEvent(TimelineWord.abandoned, serve, at: 3_000_000, on: lane)
    recording.recordEvent(TimelineWord.begin, serve, at: 1_999_000_000, on: lane)
    recording.recordSwitch(on: false, at: 4_000_000)
    recording.recordSwitch(on: true, at: 5_000_000)
  }

  private func trace(of sample: Sample) -> String {
    withExtendedLifetime(sample) { string(sample.report.chromeTrace()) }
  }

  @Test("It is the Trace Event Format, times in microseconds")
  func golden() {
    let sample = Sample()
    record(on: sample)
    #expect(trace(of: sample) == Self.golden)
  }

  @Test("Without a timeline it is empty and says why")
  func without() {
    let text = trace(of: Sample())
    #expect(text.contains("\"note\": \"no timeline: it is recorded with PROGNOS_TRACK_TIMELINE"))
    #expect(!text.contains("\"X\""))
  }

  @Test("After a stop, calls without an end last until then")
  func stopped() {
    let sample = Sample()
    record(on: sample)
    sample.recording.recordSwitch(on: false, at: 1_999_500_000)
    sample.recording.header.pointee.liveTracks.set(0)
    let text = trace(of: sample)
    #expect(text.contains("\"ts\": 1999000, \"dur\": 500, \"args\": {\"open\": true}"))
  }

  private static let golden = """
    {
     "displayTimeUnit": "ns",
     "otherData": {
      "library": "prognos",
      "version": "9.8.7",
      "recording_started_unix_ns": 1700000000123456789},
     "traceEvents": [
      {"ph": "M", "pid": 4711, "name": "process_name", "args": {"name": "host"}},
      {"ph": "M", "pid": 4711, "tid": 4712, "name": "thread_name", "args": {"name": "worker"}},
      {"ph": "X", "pid": 4711, "tid": 4712, "cat": "operation", "name": "serve", "ts": 1, "dur": 2999, "args": {"abandoned": true}},
      {"ph": "X", "pid": 4711, "tid": 4712, "cat": "operation", "name": "query \\"größe\\"", "ts": 1.500, "dur": 2748.501, "args": {"work": 12, "failure": "timeout"}},
      {"ph": "X", "pid": 4711, "tid": 4712, "cat": "operation", "name": "serve", "ts": 1999000, "dur": 1000, "args": {"open": true}},
      {"ph": "X", "pid": 4711, "tid": 0, "cat": "prognos", "name": "recording off", "ts": 4000, "dur": 1000, "args": {}}]}

    """
}
