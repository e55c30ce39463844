// SPDX-License-Identifier: Apache-2.0
import Glibc
import Testing

@testable import Recording

@Suite("The history is bounded")
struct HistoryBoundedTests {
  /// A day of ticks, or some minutes of it: PROGNOS_SIMULATED_SECONDS=86400 with 10,000 operations on 1,024 lanes
  /// and 10,000 sessions is what docs/recording.md gives figures of (swift test -c release -Xswiftc -enable-testing).
  @Test("Memory stays as it is after the first minutes, and within the limit")
  func flat() throws {
    let seconds = getenv("PROGNOS_SIMULATED_SECONDS").flatMap { Int(String(cString: $0)) }
    let (operations, lanes, open, ticks) =
      seconds.map { (10_000, 1_024, 10_000, $0) } ?? (1_000, 48, 100, 400)
    let sandbox = Sandbox(
      limit: seconds == nil ? 8 << 20 : 48 << 20, operations: 16_384, lanes: UInt32(lanes))
    let recording = sandbox.recording
    #expect(recording.prepareHistory())
    var nodes: [(node: UInt32, lane: UnsafeMutablePointer<Lane>)] = []
    let all = (0..<lanes).map { _ in sandbox.lane() }
    for index in 0..<operations {
      let id = try sandbox.name("operation \(index)")
      nodes.append((sandbox.node([id], on: all[index % lanes]), all[index % lanes]))
    }
    let sessions = try (0..<open).map { number in
      let handle = recording.openSession(
        CleanText("session \(number)"), ticks: 1, unix: 1_000_000)
      let session = handle.flatMap { recording.session($0) }
      return try #require(session)
    }
    var random = SplitMix(state: 7)
    var (used, dearest, calls): (UInt64, UInt64, UInt64) = (0, 0, 0)
    var afterwards: UInt32 = 0
    for second in 1...ticks {
      // Each tenth operation each second, two calls, in four octaves by turns; all of them in the first.
      for index in 0..<operations where second == 1 || (index + second) % 10 == 0 {
        for round in 0..<2 {
          sandbox.finish(
            nodes[index].node, ticks: 1_100 << ((second / 10 + 2 * round) % 4) + random.next() % 90,
            on: nodes[index].lane)
          calls += 1
        }
        let call = SessionCall(
          wallTicks: 1_100 << (second / 10 % 4), enteredTicks: 1, offCPUNanoseconds: 0, work: 1,
          hasFailed: false)
        recording.count(call, in: sessions[index % open], at: UInt64(second) * Past.second)
      }
      let before = clock()
      recording.tick(
        at: HistoryMoment(
          monotonicNanoseconds: UInt64(second) * Past.second, unixNanoseconds: UInt64(second)),
        interval: Past.second, process: ProcessPoint())
      let took = UInt64(clock() - before) * 1_000
      used += took
      dearest = max(dearest, took)
      if second == ticks / 2 { afterwards = sandbox.header.pointee.arenaPage.value }
    }
    #expect(sandbox.header.pointee.arenaPage.value == afterwards)
    #expect(recording.bytesInUse <= sandbox.header.pointee.bytes.value)
    // A full day fills the memory: then the sums of some octaves find no room, and windows lack these calls' quantiles.
    let refused = sandbox.header.pointee.history.refused.value
    #expect(refused == 0 || seconds != nil)
    let profile = sandbox.profile(at: UInt64(ticks) * Past.second)
    #expect(profile.everything.count == calls)
    #expect(sessions.reduce(UInt64(0)) { $0 + $1.pointee.calls.count.value } * 2 == calls)
    let window = try #require(HistoryWindow(of: profile, nanoseconds: 3_600 * Past.second))
    let counted = window.totals.dropFirst().reduce(UInt64(0)) { $0 + $1.finished }
    let perSecond = UInt64(operations / 10 * 2)
    let covered = window.nanoseconds / Past.second
    #expect(counted == perSecond * covered || covered == UInt64(ticks))
    if seconds != nil {
      print(
        "bounded: \(recording.bytesInUse) bytes, \(used / UInt64(ticks)) ns a tick, at most \(dearest);",
        "the last hour is \(covered) s; steps",
        (0..<3).map { sandbox.header.pointee.history.records[$0].step.value }, "refused", refused)
    }
  }

  @Test("Below 32 MiB the process's past is as much shorter as the limit is smaller")
  func shares() {
    for (limit, seconds) in [(UInt64(32 << 20), UInt32(600)), (16 << 20, 300), (1 << 20, 64)] {
      let sandbox = Sandbox(limit: limit)
      #expect(sandbox.recording.prepareHistory())
      #expect(sandbox.header.pointee.history.points[Tier.seconds].capacity.value == seconds)
    }
  }
}
