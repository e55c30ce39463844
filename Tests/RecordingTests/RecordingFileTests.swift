// SPDX-License-Identifier: Apache-2.0
import CShim
import Foundation
import Hostile
import Synchronization
import Testing

@testable import Recording

@Suite("Reading a recording from a file")
struct RecordingFileTests {
  /// What is wrong with a file; nil when it opens.
  private func refusal(_ path: String) -> String? {
    do throws(RecordingFailure) {
      try RecordingFile(path: path).close()
      return nil
    } catch {
      return String(decoding: error.text, as: UTF8.self)
    }
  }

  private func refusal(_ change: (HostileFile) -> Void) -> String? {
    let file = HostileFile()
    change(file)
    return refusal(file.path)
  }

  @Test("A finished recording reads as it did in its process")
  func finished() throws {
    let file = HostileFile()
    guard case .answered(let text, let json, let folded) = file.examine(as: .died) else {
      Issue.record("refused")
      return
    }
    #expect(text.contains("query größe"))
    #expect(text.contains("timeout"))
    #expect(json.contains("\"format\": \"prognos-profile\""))
    #expect(folded.contains("serve;query größe;"))
    guard case .answered(let copied, _, _) = file.examine(as: .died, copying: true) else {
      Issue.record("refused as a copy")
      return
    }
    #expect(copied == text)
  }

  @Test("What is no recording is refused, and the reason says what it is")
  func refused() throws {
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("prognos-reader-\(getpid())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    func path(_ name: String) -> String { folder.appendingPathComponent(name).path }
    #expect(refusal(path("missing")) == "cannot be opened: No such file or directory")
    #expect(refusal(folder.path) == "is a directory; expected a recording's file")
    mkfifo(path("pipe"), 0o600)
    #expect(refusal(path("pipe")) == "is no regular file; expected a recording's file")
    #expect(refusal("/dev/null") == "is no regular file; expected a recording's file")
    try Data().write(to: URL(fileURLWithPath: path("empty")))
    #expect(
      refusal(path("empty")) == "is no recording: it has 0 bytes, and the header alone has 8192")
    try Data(repeating: 0x20, count: 10_000).write(to: URL(fileURLWithPath: path("text")))
    #expect(refusal(path("text")) == "is no recording: it does not begin as one")
    let file = HostileFile()
    symlink(file.path, path("good link"))
    #expect(refusal(path("good link")) == nil)
  }

  @Test("Another version and another byte order are refused, and named")
  func otherFormats() {
    #expect(
      refusal { $0.writer.header.pointee.version.set(7) }
        == "has format version 7; this version of prognos reads \(Header.version)")
    let otherOrder =
      "was recorded on a machine with the other byte order, which this version cannot read"
    #expect(
      refusal { $0.writer.header.pointee.magic.set(Header.magic.byteSwapped) } == otherOrder)
    #expect(refusal { $0.writer.header.pointee.byteOrder.set(0x0403_0201) } == otherOrder)
  }

  @Test("A header that cannot be is refused by the field, its value and what is accepted")
  func damagedHeaders() {
    #expect(
      refusal { $0.writer.header.pointee.bytes.set(5) }
        == "is damaged: bytes is 5; expected 1048576 to 4294967295")
    #expect(
      refusal { $0.writer.header.pointee.indexCapacity.set(100) }
        == "is damaged: index_capacity is 100; expected a power of two")
    #expect(
      refusal { $0.writer.header.pointee.operationCapacity.set(0) }
        == "is damaged: operation_capacity is 0; expected 1 to 1000000")
    #expect(
      refusal { $0.writer.header.pointee.operationsOffset.set(16) }
        == "is damaged: operations_offset is 16; expected 8192 to 1048576")
    #expect(
      refusal { $0.writer.header.pointee.arenaOffset.set(.max) }?
        .hasPrefix("is damaged: arena_offset is 4294967295; expected ") == true)
    #expect(
      refusal { $0.writer.header.pointee.lanesOffset.add(4) }?
        .hasPrefix("is damaged: lanes_offset is ") == true)
  }

  @Test("Cut at any page and anywhere else, it tells what is there, and that it was cut")
  func truncated() throws {
    let file = HostileFile()
    var random = SplitMix(state: 1)
    let sizes =
      stride(from: 0, to: file.bytes, by: 4096)
      + (0..<64).map { _ in Int.random(in: 0..<file.bytes, using: &random) }
    for size in sizes {
      file.resize(size)
      switch file.examine(as: .died) {
      // Header and identity are needed, a page each.
      case .refused(let why): #expect(size < 8192, "\(size): \(why)")
      case .answered(let text, let json, _):
        #expect(size >= 8192)
        #expect(text.contains("cut short"), "\(size)")
        #expect(json.contains("\"truncated\": true"), "\(size)")
      case .spoilt(let why): Issue.record("\(size): \(why)")
      }
      file.restore()
    }
    #expect(file.examine(as: .died).text?.contains("cut short") == false)
  }

  @Test("What was open when its process died is named: the operation, its thread, how long")
  func openAtDeath() throws {
    let file = HostileFile()
    let text = try #require(file.examine(as: .died).text)
    #expect(text.contains("open when it died:\n  thread 100: query größe for "), "\(text)")
    #expect(text.contains(", in serve for "))
    #expect(text.contains("  thread 101: walk for "))
    #expect(text.contains(", in 55 more"))
    let open = file.sample.openOperations()
    // Of two threads, and a span that nobody runs.
    #expect(open.map(\.depth) == Array(0..<2) + Array(0..<60) + [0])
    #expect(open.last?.threadID == 0)
    #expect(open.last?.startTicks == 1_500_000)
    #expect(try #require(file.examine(as: .recording).text).contains("open when it died") == false)
  }

  @Test("The last moment of a dead recording is no earlier than any time stamp in it")
  func lastMoment() throws {
    let file = HostileFile()
    let recording = try RecordingFile(path: file.path)
    defer { recording.close() }
    let moment = recording.moment(status: .died)
    let latest = try #require(recording.recording.openOperations().map(\.startTicks).max())
    #expect(moment.ticks >= latest)
    #expect(moment.nanosecondsPerTick == 0.5)
    #expect(!moment.isLive)
    // A lane that looked at its clocks later than that: 3 ms on the monotonic clock, 2 of them since the start.
    file.writer.forEachLane { $0.pointee.syncedWall.set(3_500_000) }
    #expect(recording.moment(status: .died).ticks == 1_000_000 + 3_000_000)
    // Stamps that cannot be do not become the moment: then it is the last sign of life.
    file.writer.forEachLane { $0.pointee.syncedWall.set(.max) }
    #expect(recording.moment(status: .died).ticks == 2_500_000)
    file.writer.identity.pointee.beatTicks.set(.max)
    #expect(recording.moment(status: .died).ticks == latest)
  }

  @Test(
    "A change that a death left half done is not waited for, and its finished calls are counted")
  func halfDone() throws {
    let file = HostileFile()
    file.writer.forEachLane { lane in
      let node: UnsafeMutablePointer<CallNode> = file.writer.at(lane.pointee.newestNode.value)
      node.pointee.begun.add(1)
    }
    let recording = try RecordingFile(path: file.path)
    defer { recording.close() }
    let dead = recording.moment(status: .died)
    var waits = 0
    let moment = ReadingMoment(
      ticks: dead.ticks, monotonicNanoseconds: dead.monotonicNanoseconds,
      nanosecondsPerTick: dead.nanosecondsPerTick, waitForWriter: { waits += 1 }, isLive: false)
    let profile = Profile(of: recording.recording, at: moment, distributions: .all)
    #expect(waits == 0)
    let before = Profile(of: file.sample, at: moment, distributions: .all)
    #expect(profile.operations.map(\.totals.count) == before.operations.map(\.totals.count))
  }

  @Test("A recording that is being written gives the counts of some moment")
  func live() throws {
    let file = HostileFile()
    let writer = file.writer
    let recording = try RecordingFile(path: file.path)
    defer { recording.close() }
    let calls: UInt64 = 200_000
    var node: UnsafeMutablePointer<CallNode> = writer.at(0)
    writer.forEachLane { node = writer.at($0.pointee.newestNode.value) }
    let (before, operation) = (node.pointee.ended.value, node.pointee.operation.value)
    nonisolated(unsafe) let written = node
    let thread = Thread {
      for _ in 0..<calls {
        written.pointee.begun.set(written.pointee.begun.value &+ 1)
        atomicMemoryFence(ordering: .releasing)
        written.pointee.wallTicks.add(8)
        written.pointee.ended.publish(written.pointee.begun.value)
      }
    }
    let ticksBefore = node.pointee.wallTicks.value
    thread.start()
    var last: UInt64 = 0
    repeat {
      let profile = Profile(
        of: recording.recording, at: recording.moment(status: .recording), distributions: .none)
      let path = try #require(profile.paths.last { $0.operation == operation })
      _ = path
      var totals = Totals()
      recording.recording.forEachLane { lane in
        let found: UnsafeMutablePointer<CallNode> = recording.recording.at(
          lane.pointee.newestNode.value)
        var budget = ReadingBudget(of: recording.recording)
        totals =
          recording.recording.read(
            found, of: lane, at: recording.moment(status: .recording), withDistribution: false,
            &budget
          ).totals
      }
      #expect(totals.count >= last)
      #expect(totals.wallTicks == ticksBefore + 8 * (totals.count - before))
      last = totals.count
    } while last < before + calls
  }

  @Test("Loops and links to everywhere end")
  func loops() throws {
    let file = HostileFile()
    let writer = file.writer
    var lanes: [UnsafeMutablePointer<Lane>] = []
    writer.forEachLane { lanes.append($0) }
    for lane in lanes {
      let offset = lane.pointee.newestNode.value
      let node: UnsafeMutablePointer<CallNode> = writer.at(offset)
      // A node that is its own elder, parent and failure; frames whose segments lead to themselves.
      node.pointee.older.set(offset)
      node.pointee.parent.set(offset)
      node.pointee.failures.set(offset)
      let failure: UnsafeMutablePointer<FailureCounter> = writer.at(offset)
      failure.pointee.next.set(offset)
      let top = writer.frame(top: lane.pointee.top.value)
      top.pointee.key.set(Frame.Mark.segment)
      top.pointee.start.set(UInt64(lane.pointee.top.value))
    }
    // All lanes there can be are the same one.
    writer.header.pointee.laneCount.set(.max)
    for index in 0..<writer.header.pointee.laneCapacity.value {
      writer.laneSlot(index).pointee.set(writer.offset(of: lanes[0]))
    }
    #expect(file.examine(as: .recording).text != nil)
    #expect(file.examine(as: .died).text != nil)
  }

  @Test("Counts that cannot be are cut to what there is room for")
  func counts() throws {
    let file = HostileFile()
    let header = file.writer.header
    header.pointee.operationCount.set(.max)
    header.pointee.laneCount.set(.max)
    header.pointee.moduleCount.set(.max)
    header.pointee.hostFrameCount.set(.max)
    header.pointee.siteMask.set(.max)
    header.pointee.heapSampleCapacity.set(.max)
    header.pointee.stackIndexMask.set(.max)
    let stacks = file.sample
    stacks.forEachStack { stack in
      let record: UnsafeMutablePointer<Stack> = file.writer.at(stack)
      record.pointee.depth.set(.max)
    }
    #expect(file.examine(as: .died).text != nil)
    #expect(file.writer.operationCount == header.pointee.operationCapacity.value)
  }

  @Test("Names without an end, without meaning and with escapes are shown as harmless text")
  func names() throws {
    let file = HostileFile()
    let writer = file.writer
    // The names zone is full of bytes without a NUL, and so is what follows.
    let from = Int(writer.header.pointee.namesOffset.value)
    let to = Int(writer.header.pointee.lanesOffset.value)
    let hostile: [UInt8] = [0x1B, 0x5B, 0x32, 0x4A, 0xFF, 0xC2, 0x9B, 0xED, 0xA0, 0x80, 0x7F, 0x0D]
    file.put((from..<to).map { hostile[$0 % hostile.count] }, at: from)
    switch file.examine(as: .died) {
    case .answered(let text, let json, _):
      #expect(text.contains("\u{FFFD}"))
      #expect(json.contains("\\u001b[2J"))
      #expect(json.contains("\\u009b"))
    case .refused(let why), .spoilt(let why): Issue.record("\(why)")
    }
  }

  @Test("A file that is cut while it is mapped goes on as zeros")
  func cutMeanwhile() throws {
    #expect(shim_recording_survive_cuts())
    let file = HostileFile()
    let recording = try RecordingFile(path: file.path)
    defer { recording.close() }
    #expect(!recording.isTruncated)
    file.resize(8192)
    let profile = Profile(
      of: recording.recording, at: recording.moment(status: .died), distributions: .all)
    #expect(profile.paths.isEmpty)
    #expect(recording.wasCutMeanwhile)
    #expect(recording.isTruncated)
  }

  @Test("Thousands of damaged recordings give an answer or a reason, in a process of their own")
  func flips() throws {
    let count = ProcessInfo.processInfo.environment["PROGNOS_FLIPS"].flatMap { Int($0) } ?? 300
    let reader = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
    let candidates = [reader, reader.appendingPathComponent(".."), Self.products]
    let found = try #require(
      candidates.map { $0.appendingPathComponent("HostileReader") }.first {
        FileManager.default.isExecutableFile(atPath: $0.path)
      })
    let process = Process()
    process.executableURL = found
    process.arguments = ["0", String(count), "attended"]
    let output = Pipe()
    // It ends when this closes, and so when this process does, however that ends.
    process.standardInput = Pipe()
    process.standardOutput = output
    try process.run()
    let said = String(
      decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    #expect(process.terminationStatus == 0, "\(said)")
    #expect(said.contains("answered"), "\(said)")
  }

  @Test("Inputs that once were findings of the fuzzer give an answer or a reason")
  func regressions() throws {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().appendingPathComponent("Fuzz/regressions")
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
    #expect(!names.isEmpty)
    let file = HostileFile()
    for name in names {
      let input = [UInt8](try Data(contentsOf: folder.appendingPathComponent(name)))
      let status = input.withUnsafeBufferPointer { Patches.apply($0, to: file) }
      if case .spoilt(let why) = file.examine(as: status) { Issue.record("\(name): \(why)") }
      file.restore()
    }
  }

  /// The folder of what was built: that of the file that holds this code.
  private static var products: URL {
    let bundle = ProcessInfo.processInfo.arguments.first { $0.hasSuffix(".xctest") }
    return URL(fileURLWithPath: bundle ?? ".").deletingLastPathComponent()
  }
}

extension Examination {
  var text: String? {
    if case .answered(let text, _, _) = self { return text }
    return nil
  }
}
