// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Testing

@testable import Recording

@Suite("The records of sessions")
struct SessionRecordTests {
  private func open(_ sandbox: Sandbox, _ name: String = "name", at ticks: UInt64 = 1)
    -> SlotHandle?
  {
    sandbox.recording.openSession(CleanText(name), ticks: ticks, unix: 1_000_000)
  }

  private func call(
    _ ticks: UInt64, in handle: SlotHandle, of sandbox: Sandbox, failed: Bool = false
  ) {
    let record = sandbox.recording.session(handle)!
    sandbox.recording.count(
      SessionCall(
        wallTicks: ticks, enteredTicks: ticks, offCPUNanoseconds: ticks / 4, work: 2,
        hasFailed: failed), in: record, at: 500)
  }

  private func stats(_ handle: SlotHandle, of sandbox: Sandbox) -> prognos_session_stats? {
    sandbox.header.pointee.cpuClock.set(CPUClock.rseq)
    let moment = ReadingMoment(
      ticks: 1_000_000_001, monotonicNanoseconds: 0, nanosecondsPerTick: 1)
    return Sessions(of: sandbox.recording, at: moment).stats(handle.value)
  }

  @Test("Calls add up: sums, extremes, rates, the latest")
  func sums() throws {
    let sandbox = Sandbox()
    let session = try #require(open(sandbox))
    for ticks in [100, 400, 1000] as [UInt64] {
      call(ticks, in: session, of: sandbox, failed: ticks == 400)
    }
    let found = try #require(stats(session, of: sandbox))
    #expect(found.count == 3)
    #expect(found.failed == 1)
    #expect(found.wall_ns == 1500)
    #expect(found.wall_min_ns == 100)
    #expect(found.wall_max_ns == 1000)
    #expect(found.cpu_ns == 1500 - 375)
    #expect(found.work == 6)
    #expect(found.is_open == 1)
    #expect(found.opened_unix_ns == 1_000_000)
    #expect(found.last_unix_ns == 1_000_000 + 499)
    #expect(abs(found.rate_per_s - 3) < 1e-6)
    #expect(abs(found.errors_per_min - 60) < 1e-6)
  }

  @Test("A quantile is within 3.2 % of the value at its rank, over all octaves")
  func quantiles() throws {
    var random = SplitMix(state: 7)
    for octave in stride(from: 3, to: 48, by: 5) {
      let sandbox = Sandbox()
      let session = try #require(open(sandbox))
      var values = (0..<200).map { _ in (1 << UInt64(octave)) + random.next() % (1 << octave) }
      for value in values { call(value, in: session, of: sandbox) }
      values.sort()
      let found = try #require(stats(session, of: sandbox))
      for (quantile, rank) in [
        (found.wall_p50_ns, 99), (found.wall_p95_ns, 189), (found.wall_p99_ns, 197),
      ] {
        let error = abs(Double(quantile) - Double(values[rank])) / Double(values[rank])
        #expect(error <= 0.032 + 2 / Double(values[rank]), "octave \(octave)")
      }
    }
  }

  @Test("A closed session stays readable until its record is used again, the oldest first")
  func reuse() throws {
    let sandbox = Sandbox()
    var closed: [SlotHandle] = []
    for number in 0..<600 {
      let session = try #require(open(sandbox, "session \(number)"))
      call(100, in: session, of: sandbox)
      let done = sandbox.recording.closeSession(session, ticks: 600)
      #expect(done)
      let again = sandbox.recording.closeSession(session, ticks: 600)
      #expect(!again)
      closed.append(session)
    }
    let readable = closed.map { stats($0, of: sandbox) != nil }
    let firstReadable = try #require(readable.firstIndex(of: true))
    #expect(readable[firstReadable...].allSatisfy { $0 })
    #expect(600 - firstReadable >= 256)
    #expect(sandbox.header.pointee.sessions.forgotten.value == UInt64(firstReadable))
    #expect(sandbox.header.pointee.sessions.forgottenCalls.count.value == UInt64(firstReadable))
    #expect(sandbox.header.pointee.sessions.table.inUse.value == 0)
    let last = try #require(stats(closed[599], of: sandbox))
    #expect(last.count == 1)
    #expect(last.wall_p50_ns == 100)
  }

  @Test("A record is not used again while a thread is in the session")
  func entered() throws {
    let sandbox = Sandbox()
    let first = try #require(open(sandbox))
    let record = try #require(sandbox.recording.session(first))
    #expect(sandbox.recording.enterSession(record, first))
    #expect(sandbox.recording.closeSession(first, ticks: 2))
    #expect(!sandbox.recording.enterSession(record, first))
    for _ in 0..<1000 {
      let next = try #require(open(sandbox))
      #expect(next.index != first.index)
      _ = sandbox.recording.closeSession(next, ticks: 3)
    }
    #expect(stats(first, of: sandbox)?.threads_now == 1)
    sandbox.recording.leaveSession(index: first.index)
    for _ in 0..<1000 {
      let next = try #require(open(sandbox))
      _ = sandbox.recording.closeSession(next, ticks: 3)
    }
    #expect(sandbox.recording.session(first) == nil)
  }

  @Test("When all are open there is no more room, and one that closes makes some")
  func limit() throws {
    let sandbox = Sandbox()
    var sessions: [SlotHandle] = []
    while let next = open(sandbox) { sessions.append(next) }
    #expect(sessions.count == (512 << 10) / Int(SessionRecord.bytes))
    #expect(sandbox.header.pointee.sessions.table.refused.value == 1)
    let done = sandbox.recording.closeSession(sessions[3], ticks: 2)
    #expect(done)
    #expect(open(sandbox)?.index == sessions[3].index)
  }

  @Test("Without memory for its histogram a call counts all the same")
  func full() throws {
    let sandbox = Sandbox()
    let session = try #require(open(sandbox))
    while sandbox.recording.claimPages(1) != nil {}
    call(100, in: session, of: sandbox)
    let found = try #require(stats(session, of: sandbox))
    #expect(found.count == 1)
    #expect(found.wall_p50_ns == 0)
  }

  @Test("The sessions with the most time come first")
  func order() throws {
    let sandbox = Sandbox()
    let sessions = try (0..<5).map { _ in try #require(open(sandbox)) }
    for (index, ticks) in [30, 50, 10, 50, 0].enumerated() where ticks > 0 {
      call(UInt64(ticks), in: sessions[index], of: sandbox)
    }
    let moment = ReadingMoment(ticks: 1000, monotonicNanoseconds: 0, nanosecondsPerTick: 1)
    let found = Sessions(of: sandbox.recording, at: moment)
    #expect(found.byTime(most: 3) == [1, 3, 0].map { sessions[$0].value })
    #expect(found.byTime(most: 10) == [1, 3, 0, 2, 4].map { sessions[$0].value })
  }
}
