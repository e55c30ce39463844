// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Testing

@testable import Analysis
@testable import Recording

@Suite("What went before former crashes")
struct PrecursorTests {
  /// A life of a service with two operations: calls of the second fail from `fault` on, for as long.
  private func life(
    _ random: UInt64, seconds: Int = 90, fault: Int? = nil, lasting: Int = 20,
    after former: [(HealthHost, LifeEnd)] = [], watch: ((Int, prognos_crash) -> Void)? = nil
  ) throws -> HealthHost {
    let host = try HealthHost(operations: 3)
    host.random.state = random
    host.sample[.descriptors] = (20, 1000)
    host.point.rssBytes = 100 << 20
    host.point.threads = 8
    let lives = try #require(Lives(host.recording))
    for (number, one) in former.enumerated() {
      adopt(one.0, one.1, UInt32(number) + 1, into: lives)
    }
    lives.noteKnown(at: 1)
    for second in 1...seconds {
      let fails = fault.map { second > $0 && second <= $0 + lasting } ?? false
      host.calls(0, 40, milliseconds: 5, failing: 0.01)
      host.calls(1, 40, milliseconds: 5, failing: fails ? 0.14 : 0.01)
      if random % 7 == UInt64(second) % 7 { host.calls(2, 1, milliseconds: 20) }
      host.tick()
      var crash = prognos_crash()
      _ = AnswerTable<prognos_crash>(host.recording, .crash)?.read(0, into: &crash)
      watch?(second, crash)
    }
    return host
  }

  @discardableResult
  private func adopt(_ host: HealthHost, _ end: LifeEnd, _ number: UInt32, into lives: Lives)
    -> Bool
  {
    guard let zone = host.recording.assessmentZone(.precursors) else { return false }
    return lives.adopt(
      zone.start, Lives.ownBytes(ofZone: zone.bytes), of: told(end, number))
  }

  private func told(_ end: LifeEnd, _ number: UInt32) -> LifeHead {
    var told = LifeHead()
    told.processID = number
    told.startUnix = UInt64(number) * 1_000_000_000_000
    told.endUnix = 1_763_953_920_000_000_000  // 24 Nov 2025 03:12
    told.end = end
    if end == .signal {
      told.signal = 11
      for (index, byte) in "render".utf8.enumerated() { told.operation[index] = byte }
    }
    return told
  }

  /// The seconds with an alarm of a precursor, and the last one of these answers.
  private func alarms(
    _ random: UInt64, fault: Int?, lasting: Int = 20, after former: [(HealthHost, LifeEnd)]
  ) throws -> (seconds: [Int], last: prognos_crash) {
    var (seconds, last) = ([Int](), prognos_crash())
    _ = try life(random, fault: fault, lasting: lasting, after: former) { second, crash in
      guard crash.probability >= 0.5 else { return }
      seconds.append(second)
      last = crash
    }
    return (seconds, last)
  }

  @Test(
    "What two former lives did before they died is an alarm, with a time, a reason and an operation"
  )
  func recognised() throws {
    let former = [
      (try life(3, seconds: 80, fault: 60), LifeEnd.signal),
      (try life(5, seconds: 70, fault: 50), LifeEnd.signal),
    ]
    let found = try alarms(9, fault: 50, after: former)
    let first = try #require(found.seconds.first)
    #expect(first > 50 && first <= 62)
    #expect(found.last.kind == PROGNOS_CRASH_PRECURSOR.rawValue)
    #expect(text(found.last.resource) == "former crash")
    #expect(found.last.op == 2)
    #expect(
      text(found.last.reason).hasPrefix(
        "as before the crash of 24 Nov 03:12 (SIGSEGV in render): failures of operation 1 "))
    #expect(
      text(found.last.reason).contains("in 2 of 2 former deaths, and it passed 0 times without one")
    )
    #expect(found.last.minutes_low <= found.last.minutes_to_failure)
    #expect(found.last.minutes_to_failure <= found.last.minutes_high)
    #expect(found.last.minutes_to_failure < 0.5)
    #expect(found.last.probability < 0.9)
  }

  @Test("A level at which two former lives were killed is one, whenever it comes")
  func level() throws {
    func grow(_ rate: Int, until level: Int, after former: [(HealthHost, LifeEnd)] = []) throws
      -> (host: HealthHost, alarm: Int?)
    {
      let host = try HealthHost(operations: 1)
      host.sample[.descriptors] = (20, 1000)
      let lives = try #require(Lives(host.recording))
      for (number, one) in former.enumerated() {
        adopt(one.0, one.1, UInt32(number) + 1, into: lives)
      }
      lives.noteKnown(at: 1)
      var alarm: Int?
      for second in 1...200 {
        let used = 20 + second * rate / 10
        host.point.rssBytes = UInt64(used) << 20
        host.calls(0, 20, milliseconds: 5)
        host.tick()
        let crash = host.answer(prognos_crash(), .crash)
        if let crash, crash.probability >= 0.5, alarm == nil {
          alarm = used
          #expect(text(crash.reason).contains("resident memory"))
        }
        if used >= level { break }
      }
      return (host, alarm)
    }
    let former = [
      (try grow(30, until: 200).host, LifeEnd.killed), (try grow(21, until: 201).host, .killed),
    ]
    let alarm = try grow(25, until: 200, after: former).alarm
    #expect((alarm ?? 0) > 150 && (alarm ?? 300) < 195)
    // Where they ended at other levels, it is none.
    let others = [
      (try grow(30, until: 140).host, LifeEnd.killed), (try grow(21, until: 201).host, .killed),
    ]
    #expect(try grow(25, until: 200, after: others).alarm == nil)
  }

  @Test("One former death is never near certainty, and a little one is no alarm")
  func one() throws {
    let former = [(try life(3, seconds: 80, fault: 60), LifeEnd.signal)]
    var most = 0.0
    _ = try life(9, fault: 50, after: former) { most = max(most, $1.probability) }
    #expect(most > 0.1 && most < 0.5)
  }

  @Test("What also passed without a death is no precursor", arguments: [LifeEnd.well, .unknown])
  func passes(_ end: LifeEnd) throws {
    var former = [
      (try life(3, seconds: 80, fault: 60), LifeEnd.signal),
      (try life(5, seconds: 70, fault: 50), LifeEnd.killed),
    ]
    for number in 0..<4 { former.append((try life(UInt64(11 + number), fault: 40), end)) }
    #expect(try alarms(9, fault: 50, after: former).seconds == [])
  }

  @Test("Lives that ended well, and none at all, announce nothing")
  func well() throws {
    let well = [
      (try life(3, seconds: 80, fault: 60), LifeEnd.well),
      (try life(5, seconds: 70, fault: 50), .well),
    ]
    #expect(try alarms(9, fault: 50, after: well).seconds == [])
    #expect(try alarms(9, fault: 50, after: []).seconds == [])
  }

  @Test("Deaths that nothing announces make no alarm", arguments: [UInt64(1), 2, 3, 4, 5, 6])
  func atRandom(_ random: UInt64) throws {
    let former = [
      (try life(random * 10, seconds: 60), LifeEnd.signal),
      (try life(random * 10 + 1, seconds: 83), .killed),
      (try life(random * 10 + 2, seconds: 71), .killed),
    ]
    #expect(try alarms(random * 10 + 3, fault: nil, after: former).seconds == [])
  }

  @Test("An alarm goes when what was to come did not")
  func overdue() throws {
    let former = [
      (try life(3, seconds: 80, fault: 60), LifeEnd.signal),
      (try life(5, seconds: 70, fault: 50), .signal),
    ]
    let found = try alarms(9, fault: 30, lasting: 60, after: former)
    #expect(!found.seconds.isEmpty)
    #expect((found.seconds.last ?? 90) < 75)
  }

  @Test("Another build is another program, and a copy is no second life")
  func who() throws {
    let host = try HealthHost(operations: 1)
    let lives = try #require(Lives(host.recording))
    let old = try life(3, seconds: 40)
    #expect(adopt(old, .signal, 1, into: lives))
    #expect(!adopt(old, .signal, 1, into: lives))
    #expect(lives.count == 1)
    lives.setBuild(7)
    #expect(!adopt(old, .signal, 2, into: lives))
    Lives(old.recording)?.setBuild(7)
    for number in 2...20 { #expect(adopt(old, .signal, UInt32(number), into: lives)) }
    #expect(lives.count == Lives.former)
    // The newest ones are kept.
    #expect((1...8).allSatisfy { lives.life($0).pointee.processID >= 13 })
    #expect(!adopt(old, .signal, 5, into: lives))
  }

  @Test("Whatever a former recording holds, a life goes on, and its numbers are numbers")
  func hostile() throws {
    let old = try life(3, seconds: 80, fault: 60)
    let zone = try #require(old.recording.assessmentZone(.precursors))
    let bytes = Lives.ownBytes(ofZone: zone.bytes)
    var random = Mixer(state: 42)
    let copy = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 16)
    defer { copy.deallocate() }
    for round in 0..<60 {
      copy.copyMemory(from: zone.start, byteCount: bytes)
      for _ in 0..<(1 << (round % 12)) {
        // Not the format: else nothing is read.
        let at = 24 + Int(random.next() % UInt64(bytes - 24))
        copy.storeBytes(
          of: UInt8(truncatingIfNeeded: random.next()), toByteOffset: at, as: UInt8.self)
      }
      copy.storeBytes(of: 0, toByteOffset: 32, as: UInt64.self)  // the build
      let host = try HealthHost(operations: 3)
      host.sample[.descriptors] = (20, 1000)
      let lives = try #require(Lives(host.recording))
      for number in 1...3 {
        // As much of it as there is.
        let end = round % 3 == 0 ? Int(random.next() % UInt64(bytes)) : bytes
        _ = lives.adopt(copy, end, of: told(.signal, UInt32(number)))
      }
      lives.noteKnown(at: 1)
      for second in 1...30 {
        host.calls(0, 40, milliseconds: 5)
        host.calls(1, 40, milliseconds: 5, failing: second > 20 ? 0.15 : 0.01)
        host.tick()
      }
      let crash = try #require(host.answer(prognos_crash(), .crash))
      #expect(crash.probability >= 0 && crash.probability <= 1)
      #expect(!crash.minutes_to_failure.isNaN && !crash.minutes_low.isNaN)
    }
  }

  @Test("A replay concludes the same from the lives that the recording holds, bit for bit")
  func replay() throws {
    let former = [
      (try life(3, seconds: 80, fault: 60), LifeEnd.signal),
      (try life(5, seconds: 70, fault: 50), .signal),
    ]
    let host = try life(9, seconds: 62, fault: 50, after: former)
    let bytes = try #require(Replay.bytes(of: host.recording))
    let memory = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 4096)
    memory.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
    defer { memory.deallocate() }
    let replay = try #require(Replay(of: host.recording, in: memory))
    #expect(replay.isWhole)
    for zone in [AssessmentZone.crash, .precursors, .health, .alerts] {
      #expect(replay.agrees(with: host.recording, in: zone), "\(zone)")
    }
    let crash = try #require(host.answer(prognos_crash(), .crash))
    #expect(crash.kind == PROGNOS_CRASH_PRECURSOR.rawValue)
  }

  @Test("A long life keeps its last minutes in detail, and hours before them")
  func long() throws {
    let host = try HealthHost(operations: 1)
    for _ in 0..<2000 {
      host.calls(0, 5, milliseconds: 5)
      host.tick(seconds: 5)
    }
    let lives = try #require(Lives(host.recording))
    let count = lives.rowCount(of: 0)
    #expect(count > 60 && count <= lives.rows)
    var last: UInt32 = 0
    for number in 0..<count {
      let row = lives.orderedRow(number, of: 0).pointee
      #expect(row.begin >= last && row.end > row.begin)
      last = row.end
    }
    #expect(last == 100_000)
    #expect(lives.orderedRow(0, of: 0).pointee.begin < 20_000)
  }
}
