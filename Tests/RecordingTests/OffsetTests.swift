// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import Recording

/// The offsets that docs/recording.md states, measured on a recording of zeros.
@Suite("The offsets of the format")
struct OffsetTests {
  private func check(_ document: String, _ field: String, _ offset: UInt32) {
    let row = "| \(offset) | `\(field)` |"
    #expect(document.contains(row), "docs/recording.md lacks \(row)")
  }

  @Test("The header's and the identity's fields lie where the documentation says")
  func header() throws {
    let sandbox = Sandbox()
    let recording = sandbox.recording
    let header = recording.header
    let text = try document()
    // A field is where its value appears.
    func place(_ field: String, _ set: () -> Void, _ clear: () -> Void) {
      set()
      let found = (0..<Layout.headerBytes).first {
        let byte: UnsafeMutablePointer<UInt8> = recording.at($0)
        return byte.pointee == 0xA5
      }
      clear()
      check(text, field, found ?? .max)
    }
    func cell32(_ field: String, _ cell: borrowing Cell32) {
      let before = cell.value
      place(field, { cell.set(0xA5A5_A5A5) }, { cell.set(before) })
    }
    func cell64(_ field: String, _ cell: borrowing Cell64) {
      let before = cell.value
      place(field, { cell.set(0xA5A5_A5A5_A5A5_A5A5) }, { cell.set(before) })
    }
    cell32("mode", header.pointee.mode)
    cell32("operationCount", header.pointee.operationCount)
    cell64("magic", header.pointee.magic)
    cell32("version", header.pointee.version)
    cell32("byteOrder", header.pointee.byteOrder)
    cell32("processID", header.pointee.processID)
    cell64("bytes", header.pointee.bytes)
    cell32("operationCapacity", header.pointee.operationCapacity)
    cell32("laneCapacity", header.pointee.laneCapacity)
    cell32("operationsOffset", header.pointee.operationsOffset)
    cell32("indexOffset", header.pointee.indexOffset)
    cell32("indexCapacity", header.pointee.indexCapacity)
    cell32("namesOffset", header.pointee.namesOffset)
    cell32("namesEnd", header.pointee.namesEnd)
    cell32("kindsOffset", header.pointee.kindsOffset)
    cell32("lanesOffset", header.pointee.lanesOffset)
    cell32("arenaOffset", header.pointee.arenaOffset)
    cell32("namesUsed", header.pointee.namesUsed)
    cell32("laneCount", header.pointee.laneCount)
    cell32("arenaPage", header.pointee.arenaPage)
    cell32("arenaPageEnd", header.pointee.arenaPageEnd)
    cell64("startTicks", header.pointee.startTicks)
    cell64("startMonotonic", header.pointee.startMonotonic)
    cell64("startUnix", header.pointee.startUnix)
    cell64("nanosecondsPerTick", header.pointee.nanosecondsPerTick)
    cell64("calibratedAge", header.pointee.calibratedAge)
    cell32("usesCounter", header.pointee.usesCounter)
    cell32("cpuClock", header.pointee.cpuClock)
    cell32("wantedTracks", header.pointee.wantedTracks)
    cell64("laneless", header.pointee.laneless.allocatedBytes)
    cell32("liveTracks", header.pointee.liveTracks)
    cell32("sharedIO", header.pointee.sharedIO)
    cell32("spans", header.pointee.spans.table.directory)
    cell32("sessions", header.pointee.sessions.table.directory)
    cell64("sessionsOpened", header.pointee.sessions.opened)
    cell32("timelineWords", header.pointee.timeline.words)
    cell32("switchCount", header.pointee.timeline.switchCount)
    cell64("switches", header.pointee.timeline.switches[0])
    cell32("crashNotes", header.pointee.crash.notes)
    cell64("assessment", header.pointee.assessment.version)
    cell32("series", header.pointee.series.directory)
    cell32("waitEdges", header.pointee.waitEdges)
    cell32("experiment", header.pointee.experiment)
    let identity = recording.identity
    cell64("features", identity.pointee.features)
    cell32("parentID", identity.pointee.parentID)
    cell64("processStart", identity.pointee.processStart)
    cell64("processNamespace", identity.pointee.processNamespace)
    cell32("userID", identity.pointee.userID)
    cell32("cpus", identity.pointee.cpus)
    cell32("pageBytes", identity.pointee.pageBytes)
    cell32("clockTicksPerSecond", identity.pointee.clockTicksPerSecond)
    cell32("state", identity.pointee.state)
    cell32("modeWhenOn", identity.pointee.modeWhenOn)
    cell64("stoppedUnix", identity.pointee.stoppedUnix)
    cell64("beatTicks", identity.pointee.beatTicks)
    cell64("beatMonotonic", identity.pointee.beatMonotonic)
    cell64("beatUnix", identity.pointee.beatUnix)
    cell64("beats", identity.pointee.beats)
    cell32("backedPage", identity.pointee.backedPage)
    cell32("exitOperation", identity.pointee.exitOperation)
    cell64("inode", identity.pointee.inode)
    cell64("device", identity.pointee.device)
  }

  /// Zeros to lay a record on.
  private func onZeros<Record: ~Copyable>(
    _ name: String, _ body: (UnsafeMutablePointer<Record>, Fields) -> Void
  ) throws {
    let zeros = UnsafeMutableRawPointer.allocate(byteCount: 4096, alignment: 64)
    zeros.initializeMemory(as: UInt8.self, repeating: 0, count: 4096)
    defer { zeros.deallocate() }
    let text = try document()
    body(
      zeros.assumingMemoryBound(to: Record.self),
      Fields(memory: zeros) { check(text, "\(name).\($0)", $1) })
  }

  /// A field is where its value appears.
  private struct Fields {
    let memory: UnsafeMutableRawPointer
    let check: (String, UInt32) -> Void

    private func place() -> UInt32 {
      (0..<4096).first { memory.load(fromByteOffset: $0, as: UInt8.self) == 0xA5 }.map {
        UInt32($0)
      } ?? .max
    }
    func callAsFunction(_ field: String, _ cell: borrowing Cell32) {
      cell.set(0xA5A5_A5A5)
      check(field, place())
      cell.set(0)
    }
    func callAsFunction(_ field: String, _ cell: borrowing Cell64) {
      cell.set(0xA5A5_A5A5_A5A5_A5A5)
      check(field, place())
      cell.set(0)
    }
  }

  @Test("The fields of lanes, nodes and frames lie where the documentation says")
  func trees() throws {
    try onZeros("Lane") { (lane: UnsafeMutablePointer<Lane>, at) in
      at("top", lane.pointee.top)
      at("state", lane.pointee.state)
      at("threadID", lane.pointee.threadID)
      at("owners", lane.pointee.owners)
      at("root", lane.pointee.root)
      at("newestNode", lane.pointee.newestNode)
      at("timeline.place", lane.pointee.timeline.place)
      at("timeline.position", lane.pointee.timeline.position)
      at("timeline.epoch", lane.pointee.timeline.epoch)
    }
    try onZeros("CallNode") { (node: UnsafeMutablePointer<CallNode>, at) in
      at("begun", node.pointee.begun)
      at("ended", node.pointee.ended)
      at("wallTicks", node.pointee.wallTicks)
      at("fastestComplement", node.pointee.fastestComplement)
      at("slowestTicks", node.pointee.slowestTicks)
      at("operation", node.pointee.operation)
      at("parent", node.pointee.parent)
      at("older", node.pointee.older)
      at("failures", node.pointee.failures)
      at("failed", node.pointee.failed)
      at("abandoned", node.pointee.abandoned)
      at("work", node.pointee.work)
      at("offCPUNanoseconds", node.pointee.offCPUNanoseconds)
      at("voluntarySwitches", node.pointee.voluntarySwitches)
      at("involuntarySwitches", node.pointee.involuntarySwitches)
      at("pageFaults", node.pointee.pageFaults)
      at("histogram", node.pointee.histogram.octaves[0])
      at("memory", node.pointee.memory.allocatedBytes)
      at("io", node.pointee.io)
      at("spans", node.pointee.spans.wallTicks)
    }
    try onZeros("IORecord") { (io: UnsafeMutablePointer<IORecord>, at) in
      at("transfers", io.pointee.transfers[0].calls)
      at("waits", io.pointee.waits[0].calls)
      at("failed", io.pointee.failed)
    }
    try onZeros("Frame") { (frame: UnsafeMutablePointer<Frame>, at) in
      at("key", frame.pointee.key)
      at("node", frame.pointee.node)
      at("parent", frame.pointee.parent)
      at("start", frame.pointee.start)
      at("state", frame.pointee.state)
      at("work", frame.pointee.work)
    }
  }

  @Test("The fields of records in tables lie where the documentation says")
  func records() throws {
    try onZeros("OperationRecord") { (record: UnsafeMutablePointer<OperationRecord>, at) in
      at("name", record.pointee.name)
      at("nameBytes", record.pointee.nameBytes)
      at("pathless.count", record.pointee.pathless.count)
      at("pathless.failed", record.pointee.pathless.failed)
      at("pathless.wallTicks", record.pointee.pathless.wallTicks)
    }
    try onZeros("SlotTable") { (table: UnsafeMutablePointer<SlotTable>, at) in
      at("directory", table.pointee.directory)
      at("used", table.pointee.used)
      at("inUse", table.pointee.inUse)
    }
    try onZeros("SpanRecord") { (span: UnsafeMutablePointer<SpanRecord>, at) in
      at("slot", span.pointee.slot.word)
      at("operation", span.pointee.operation)
      at("node", span.pointee.node)
      at("start", span.pointee.start)
      at("enteredTicks", span.pointee.enteredTicks)
      at("offCPUNanoseconds", span.pointee.offCPUNanoseconds)
      at("work", span.pointee.work)
    }
    try onZeros("SessionRecord") { (session: UnsafeMutablePointer<SessionRecord>, at) in
      at("slot", session.pointee.slot.word)
      at("name", session.pointee.name[0])
      at("openedUnix", session.pointee.openedUnix)
      at("openedTicks", session.pointee.openedTicks)
      at("closedTicks", session.pointee.closedTicks)
      at("lastTicks", session.pointee.lastTicks)
      at("calls.count", session.pointee.calls.count)
      at("calls.failed", session.pointee.calls.failed)
      at("calls.wallTicks", session.pointee.calls.wallTicks)
    }
    try onZeros("CrashNote") { (note: UnsafeMutablePointer<CrashNote>, at) in
      at("state", note.pointee.state)
      at("signal", note.pointee.signal)
      at("code", note.pointee.code)
      at("threadID", note.pointee.threadID)
      at("address", note.pointee.address)
      at("ticks", note.pointee.ticks)
      at("unixNanoseconds", note.pointee.unixNanoseconds)
      at("threadName", note.pointee.threadName[0])
      at("depth", note.pointee.depth)
      at("operationCount", note.pointee.operationCount)
      at("frameCount", note.pointee.frameCount)
      at("registerCount", note.pointee.registerCount)
      at("isWhole", note.pointee.isWhole)
      at("registers", note.pointee.registers[0])
      at("operations", note.pointee.operations[0])
      at("frames", note.pointee.frames[0])
    }
  }

  @Test("The zones of the assessment have the numbers that the documentation gives")
  func zones() throws {
    let text = try document()
    for zone in AssessmentZone.allCases {
      let row = "| \(zone.rawValue) | `\(zone)` |"
      #expect(text.contains(row), "docs/recording.md lacks \(row)")
    }
  }

  @Test("The texts of the identity lie where the documentation says")
  func texts() throws {
    let document = try document()
    for text in Identity.Text.allCases {
      let row = "| \(Layout.identityOffset + text.offset) | `\(text)` | \(text.bytes) |"
      #expect(document.contains(row), "docs/recording.md lacks \(row)")
    }
  }

  private func document() throws -> String {
    let root = URL(fileURLWithPath: #filePath)
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    return try String(contentsOf: root.appendingPathComponent("docs/recording.md"), encoding: .utf8)
  }
}
