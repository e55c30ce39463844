// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Testing

@testable import Recording

@Suite("The timeline of a lane")
struct TimelineTests {
  /// A lane with a ring of 512 words.
  private func lane(_ sandbox: Sandbox) -> UnsafeMutablePointer<Lane> {
    sandbox.header.pointee.timeline.words.set(512)
    let lane = sandbox.lane()
    sandbox.recording.prepareTimeline(of: lane)
    return lane
  }

  @Test("Events come back as they were written, with work and failures of any size")
  func roundTrip() {
    let sandbox = Sandbox()
    let lane = lane(sandbox)
    let recording = sandbox.recording
    recording.recordEvent(TimelineWord.begin, 1_000_000, at: 5, on: lane)
    recording.recordEnd(TimelineWord.end, 1_000_000, at: 7, work: .max, state: 0, on: lane)
    recording.recordEnd(
      TimelineWord.abandoned, 3, at: 8, work: 1 << 44 - 1,
      state: Frame.State.failed | 255 << Frame.State.kindShift, on: lane)
    recording.recordEnd(TimelineWord.end, 4, at: 9, work: 0, state: Frame.State.switched, on: lane)
    let events = recording.timeline(of: lane).events
    #expect(events.map(\.kind) == [1, 2, 3, 2])
    #expect(events.map(\.operation) == [1_000_000, 1_000_000, 3, 4])
    #expect(events.map(\.ticks) == [5, 7, 8, 9])
    #expect(events.map(\.work) == [0, .max, 1 << 44 - 1, 0])
    #expect(events.map(\.failure) == [nil, nil, 255, nil])
    #expect(lane.pointee.timeline.position.value == 7)
  }

  @Test("Times are whole over epochs, backwards too, whatever of them was written over")
  func epochs() {
    var random = SplitMix(state: 7)
    for _ in 0..<20 {
      let sandbox = Sandbox()
      let lane = lane(sandbox)
      var times: [UInt64] = []
      var now: UInt64 = .random(in: 0..<1 << 62, using: &random)
      for _ in 0..<Int.random(in: 1...1500, using: &random) {
        if Int.random(in: 0..<100, using: &random) == 0 {
          now = .random(in: 0..<1 << 63, using: &random)
        } else {
          now += .random(in: 0..<1 << 20, using: &random)
        }
        sandbox.recording.recordEvent(TimelineWord.begin, 1, at: now, on: lane)
        times.append(now)
      }
      let found = sandbox.recording.timeline(of: lane)
      #expect(found.events.map(\.ticks) == times.suffix(found.events.count))
      #expect(found.events.count >= min(times.count, 450))
      #expect(found.isCut == (found.events.count < times.count))
    }
  }

  @Test("The oldest events are dropped whole: more of an event without it is passed over")
  func wrapped() {
    let sandbox = Sandbox()
    let lane = lane(sandbox)
    for index in 0..<5000 as Range<UInt64> {
      sandbox.recording.recordEnd(
        TimelineWord.end, UInt32(index % 3 + 1), at: index, work: (index + 1) << 40, state: 1,
        on: lane)
    }
    let events = sandbox.recording.timeline(of: lane).events
    #expect(events.count >= 500 / 3)
    for event in events {
      #expect(event.work == (event.ticks + 1) << 40)
      #expect(event.operation == UInt32(event.ticks % 3 + 1))
    }
    #expect(events.last?.ticks == 4999)
  }

  @Test("Calls are put together, callers first, and what is missing is said")
  func calls() {
    let sandbox = Sandbox()
    let lane = lane(sandbox)
    let recording = sandbox.recording
    let events: [(UInt64, UInt32, UInt64)] = [
      (TimelineWord.end, 2, 10), (TimelineWord.end, 1, 20), (TimelineWord.begin, 1, 30),
      (TimelineWord.begin, 2, 40), (TimelineWord.begin, 3, 50), (TimelineWord.end, 2, 60),
      (TimelineWord.enter, 2, 70), (TimelineWord.leave, 2, 75), (TimelineWord.begin, 2, 80),
    ]
    for (kind, operation, ticks) in events {
      recording.recordEvent(kind, operation, at: ticks, on: lane)
    }
    lane.pointee.threadID.set(77)
    let found = TimelineCalls(
      recording.timeline(of: lane), of: lane, in: recording, until: 100)
    #expect(found.calls.map(\.operation) == [1, 2, 1, 2, 3, 2, 2])
    #expect(found.calls.map(\.start) == [10, 10, 30, 40, 50, 70, 80])
    #expect(found.calls.map(\.end) == [20, 10, 100, 60, 60, 75, 100])
    #expect(found.calls.map(\.beganBefore) == [true, true, false, false, false, false, false])
    #expect(found.calls.map(\.isOpen) == [false, false, true, false, false, false, true])
    #expect(found.calls.map(\.wasAbandoned) == [false, false, false, false, true, false, false])
    #expect(found.calls.map(\.isSpan) == [false, false, false, false, false, true, false])
    #expect(found.threads.map(\.id) == [77])
  }

  @Test("A call that is open since before the first event is found on the lane's stack")
  func openBefore() throws {
    let sandbox = Sandbox()
    let lane = lane(sandbox)
    let outer = try sandbox.name("outer")
    sandbox.open(outer, node: sandbox.node([outer], on: lane), start: 3, on: lane)
    for index in 0..<1000 as Range<UInt64> {
      sandbox.recording.recordEvent(index & 1 == 0 ? 1 : 2, outer, at: 10 + index, on: lane)
    }
    let found = TimelineCalls(
      sandbox.recording.timeline(of: lane), of: lane, in: sandbox.recording, until: 5000)
    #expect(found.calls.first?.start == 3)
    #expect(found.calls.first?.end == 5000)
    #expect(found.calls.first?.isOpen == true)
    #expect(found.calls.dropFirst(2).allSatisfy { !$0.isOpen })
  }

  @Test("Threads that share a lane keep their calls and names")
  func threads() {
    let sandbox = Sandbox()
    let lane = lane(sandbox)
    let recording = sandbox.recording
    recording.recordThread(100, name: "first", at: 1, on: lane)
    recording.recordEvent(TimelineWord.begin, 1, at: 2, on: lane)
    recording.recordThread(0, before: 100, name: "", at: 5, on: lane)
    recording.recordThread(200, name: "0123456789abcde", at: 6, on: lane)
    recording.recordEvent(TimelineWord.end, 1, at: 8, on: lane)
    let found = TimelineCalls(recording.timeline(of: lane), of: lane, in: recording, until: 9)
    #expect(found.calls.map(\.threadID) == [100, 200])
    #expect(found.calls.map(\.start) == [2, 6])
    #expect(found.calls.map(\.end) == [5, 8])
    #expect(found.calls.map(\.wasAbandoned) == [true, false])
    #expect(
      found.threads.map { String(decoding: $0.name, as: UTF8.self) } == [
        "first", "0123456789abcde",
      ]
    )
  }

  @Test("Damaged rings and places beyond the recording are read without harm")
  func hostile() {
    var random = SplitMix(state: 3)
    let sandbox = Sandbox(limit: 1 << 20)
    let lane = lane(sandbox)
    let place = lane.pointee.timeline.place.value
    for round in 0..<2000 {
      let wild: UInt64 = .random(in: 0 ... .max, using: &random)
      switch round % 4 {
      case 0: lane.pointee.timeline.place.set(wild)
      case 1: lane.pointee.timeline.place.set(place ^ 1 << (wild & 63))
      default:
        lane.pointee.timeline.place.set(place)
        for index in 0..<512 as Range<UInt64> {
          sandbox.recording.word(index, in: place).pointee.set(
            .random(in: 0 ... .max, using: &random))
        }
      }
      lane.pointee.timeline.position.set(round % 3 == 0 ? wild : wild & 1023)
      lane.pointee.timeline.epoch.set(wild)
      let found = sandbox.recording.timeline(of: lane)
      #expect(found.events.count <= 1 << 17)
      let calls = TimelineCalls(found, of: lane, in: sandbox.recording, until: wild)
      #expect(calls.calls.allSatisfy { $0.end >= $0.start })
    }
  }

  @Test("Rings take at most half of the arena, and get smaller towards that")
  func bounded() {
    let sandbox = Sandbox(limit: 1 << 20, lanes: 64)
    sandbox.header.pointee.timeline.words.set(8192)
    var sizes: [UInt64] = []
    for _ in 0..<24 {
      let lane = sandbox.lane()
      sandbox.recording.prepareTimeline(of: lane)
      let place = lane.pointee.timeline.place.value
      sizes.append(place == 0 ? 0 : (place >> 32 + 1) * 8)
    }
    let arena = UInt64(sandbox.layout.bytes - sandbox.layout.arenaOffset)
    #expect(sizes.reduce(0, +) <= arena / 2)
    #expect(sizes.reduce(0, +) > arena / 3)
    #expect(sizes == sizes.sorted(by: >))
    sandbox.recording.recordEvent(TimelineWord.begin, 1, at: 1, on: sandbox.lane())
  }

  @Test("Intervals without recording are known, the last sixteen switches")
  func gaps() {
    let sandbox = Sandbox()
    sandbox.recording.recordSwitch(on: false, at: 1)
    #expect(sandbox.recording.timelineGaps(until: 9).isEmpty)
    sandbox.header.pointee.timeline.words.set(512)
    for index in 0..<100 as Range<UInt64> {
      sandbox.recording.recordSwitch(on: index & 1 != 0, at: index * 10)
    }
    sandbox.recording.recordSwitch(on: false, at: 2000)
    let gaps = sandbox.recording.timelineGaps(until: 3000)
    #expect(gaps.map(\.start) == [860, 880, 900, 920, 940, 960, 980, 2000])
    #expect(gaps.map(\.end) == [870, 890, 910, 930, 950, 970, 990, 3000])
  }
}
