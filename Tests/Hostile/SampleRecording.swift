// SPDX-License-Identifier: Apache-2.0
import CShim
import Glibc
import Recording

/// A small recording with something of everything in it: two threads, nested operations, one deep enough for a
/// further segment of frames, failures, memory, input and output, stacks of native code and of a host's language,
/// spans, sessions, series, timelines, durations, waits for locks, an experiment, a crash, an assessment.
/// The same bytes each time.
public func fillSample(_ memory: UnsafeMutableRawPointer, bytes: UInt64 = Layout.minimumBytes) {
  let layout = Layout(memoryLimit: bytes, operations: 100, lanes: 8)
  let recording = Recording(zeroed: memory, layout: layout)
  let header = recording.header
  header.pointee.processID.set(1)
  header.pointee.mode.set(Header.Mode.counter)
  header.pointee.cpuClock.set(CPUClock.rseq)
  header.pointee.usesCounter.set(1)
  header.pointee.startTicks.set(1_000_000)
  header.pointee.startMonotonic.set(2_000_000)
  header.pointee.startUnix.set(1_700_000_000_000_000_000)
  header.pointee.nanosecondsPerTick.set(Double(0.5).bitPattern)
  header.pointee.calibratedAge.set(1_000_000_000)
  header.pointee.heapSampleBytes.set(4096)
  header.pointee.wantedTracks.set(0x1F)
  header.pointee.liveTracks.set(0x1F)
  recording.setIdentityText(.command, "sample")
  recording.setIdentityText(.bootID, "00000000-0000-0000-0000-000000000000")
  recording.beat(ticks: 2_500_000, monotonicNanoseconds: 2_750_000, unixNanoseconds: 0)
  recording.setState(Identity.State.recording, unixNanoseconds: 0)
  let builder = SampleBuilder(recording: recording)
  builder.fill()
}

private struct SampleBuilder {
  let recording: Recording

  func operation(_ name: String) -> UInt32 {
    (try? recording.nameOperation(CleanText(name), threadID: 1) {}) ?? 0
  }

  func fill() {
    _ = recording.prepareStackZones(stackBytes: 64 << 10)
    _ = recording.prepareSites()
    _ = recording.prepareHeapSamples()
    _ = recording.prepareMappings()
    _ = recording.prepareIO(tableBytes: 4096)
    _ = recording.prepareHistory()
    recording.header.pointee.timeline.words.set(512)
    let serve = operation("serve")
    let query = operation("query größe")
    let walk = operation("walk")
    let names = (0..<20).map { operation("operation \($0)") }
    guard let first = recording.acquireLane(), let second = recording.acquireLane() else { return }
    for (lane, thread) in [(first, UInt32(100)), (second, 101)] {
      lane.pointee.threadID.set(thread)
      recording.prepareTimeline(of: lane)
      addEvents(of: serve, query, on: lane)
      lane.pointee.owners.set(1)
      lane.pointee.cpuClock.set(CPUClock.rseq)
      lane.pointee.syncedWall.set(3_000_000)
      finish([serve], on: lane, times: 50, ticks: 40_000)
      finish([serve, query], on: lane, times: 30, ticks: 9_000)
      finish([serve, query, walk, walk, walk], on: lane, times: 5, ticks: 700)
      for name in names { finish([serve, name], on: lane, times: 3, ticks: UInt64(name) * 1_000) }
    }
    addDurations(of: [serve, query], on: first)
    fail([serve], on: first)
    addSamples(to: [serve, query], on: first)
    addSpan(of: query, on: first)
    addSessions()
    for second in UInt64(1)...3 {
      finish([serve, query], on: first, times: 2, ticks: 9_000)
      recording.tick(
        at: HistoryMoment(
          monotonicNanoseconds: 2_000_000 + second * 1_000_000_000,
          unixNanoseconds: 1_700_000_000_000_000_000 + second * 1_000_000_000),
        interval: 1_000_000_000, process: ProcessPoint())
    }
    addAssessment(to: recording, of: serve, query)
    addCrash(in: serve, query)
    open([serve, query], on: first)
    // Deeper than a lane's own frames.
    open([UInt32](repeating: walk, count: 60), on: second)
    addSampleExtras(to: recording, of: serve, query, names)
  }

  func node(
    _ path: [UInt32], on lane: UnsafeMutablePointer<Lane>
  ) -> UInt32 {
    path.reduce(lane.pointee.root.value) { recording.child($1, of: $0, in: lane) ?? $0 }
  }

  func finish(
    _ path: [UInt32], on lane: UnsafeMutablePointer<Lane>, times: UInt64, ticks: UInt64
  ) {
    let node: UnsafeMutablePointer<CallNode> = recording.at(node(path, on: lane))
    for call in 0..<times {
      let took = ticks + call * ticks / 4
      node.pointee.begun.add(1)
      node.pointee.wallTicks.add(took)
      node.pointee.slowestTicks.set(max(node.pointee.slowestTicks.value, took))
      node.pointee.fastestComplement.set(max(node.pointee.fastestComplement.value, ~took))
      node.pointee.offCPUNanoseconds.add(took / 8)
      _ = recording.count(bucket: Histogram.bucket(took), of: node, in: lane)
      node.pointee.ended.add(1)
    }
  }

  func addDurations(of path: [UInt32], on lane: UnsafeMutablePointer<Lane>) {
    for call in UInt64(1)...60 {
      recording.noteDuration(
        work: call * call, wallTicks: call * call * 90, at: 1_000_000 + call << 21,
        of: recording.at(node(path, on: lane)), in: lane)
    }
  }

  func fail(_ path: [UInt32], on lane: UnsafeMutablePointer<Lane>) {
    let node: UnsafeMutablePointer<CallNode> = recording.at(node(path, on: lane))
    for (kind, times) in [("timeout", 4), ("refused", 2), ("other", 1)] {
      let number = recording.numberOfKind(CleanText(kind))
      for _ in 0..<times {
        node.pointee.failed.add(1)
        recording.countFailure(number, of: node, in: lane)
      }
    }
  }

  func open(_ path: [UInt32], on lane: UnsafeMutablePointer<Lane>) {
    for depth in path.indices {
      let top = recording.frame(top: lane.pointee.top.value)
      guard let slot = recording.slot(above: top, in: lane) else { return }
      slot.pointee.key.set(UInt64(path[depth]))
      slot.pointee.node.set(node(Array(path[...depth]), on: lane))
      slot.pointee.start.set(2_000_000 + UInt64(depth) * 1_000)
      lane.pointee.top.set(recording.offset(of: slot))
    }
  }

  func addEvents(of outer: UInt32, _ inner: UInt32, on lane: UnsafeMutablePointer<Lane>) {
    for call in UInt64(0)..<20 {
      let at = 1_000_000 + call * 10_000
      recording.recordEvent(TimelineWord.begin, outer, at: at, on: lane)
      recording.recordEvent(TimelineWord.begin, inner, at: at + 100, on: lane)
      recording.recordEnd(TimelineWord.end, inner, at: at + 200, work: call, state: 1, on: lane)
      recording.recordEvent(TimelineWord.end, outer, at: at + 300, on: lane)
    }
  }

  func addSpan(of operation: UInt32, on lane: UnsafeMutablePointer<Lane>) {
    guard
      let (span, handle) = recording.takeSpan(operation, from: lane.pointee.root.value, on: lane)
    else { return }
    span.pointee.start.set(1_500_000)
    span.pointee.enteredTicks.set(10_000)
    span.pointee.slot.word.set(Slot.word(handle.generation, SpanRecord.State.suspended))
  }

  func addSessions() {
    for name in ["first user", "second user"] {
      guard let handle = recording.openSession(CleanText(name), ticks: 1_100_000, unix: 1) else {
        return
      }
      recording.session(handle)?.pointee.calls.count.add(3)
      recording.session(handle)?.pointee.calls.wallTicks.add(30_000)
    }
  }

  func addCrash(in outer: UInt32, _ inner: UInt32) {
    guard recording.prepareCrashNotes(),
      let note = recording.claimCrashNote(for: 100, isLast: true)
    else { return }
    note.pointee.signal.set(11)
    note.pointee.code.set(1)
    note.pointee.threadID.set(100)
    note.pointee.address.set(0xDEAD_BEEF)
    note.pointee.ticks.set(1_900_000)
    note.pointee.unixNanoseconds.set(1_700_000_001_000_000_000)
    note.pointee.threadName[0].set(0x72_656B_726F77)  // "worker"
    note.pointee.lane.set(1)
    note.pointee.depth.set(2)
    note.pointee.operationCount.set(2)
    note.pointee.operations[0].set(inner)
    note.pointee.operations[1].set(outer)
    note.pointee.registerCount.set(17)
    for index in 0..<17 { note.pointee.registers[index].set(UInt64(index) << 32) }
    note.pointee.frameCount.set(3)
    for index in 0..<3 {
      note.pointee.frames[index].set(
        FrameCode.make(module: UInt64(index % 2), address: 0x1000 + UInt64(index) * 16))
    }
    note.pointee.isWhole.set(1)
    note.pointee.state.publish(CrashNote.State.last)
    recording.header.pointee.crash.signals.set(1)
  }

  func addSamples(to path: [UInt32], on lane: UnsafeMutablePointer<Lane>) {
    let offset = node(path, on: lane)
    let node: UnsafeMutablePointer<CallNode> = recording.at(offset)
    let id: [UInt8] = (1...20).map { $0 }
    let module =
      recording.numberOfModule(path: "/nowhere/libsample.so", buildID: id, buildIDBytes: 20) ?? 0
    let named =
      (try? recording.nameHostFrame(
        function: CleanText("handle"), file: CleanText("server.py"), line: 7, threadID: 1
      ) {}) ?? 0
    for turn in 0..<UInt64(4) {
      let frames = [
        FrameCode.make(module: UInt64(module), address: 0x1000 + turn * 16),
        FrameCode.make(module: UInt64(module), address: 0x2000),
        FrameCode.make(module: FrameCode.hostLanguage, address: UInt64(named)),
        FrameCode.make(module: 0, address: 0x7f00_0000_1000),
      ]
      guard let stack = recording.intern(frames, frames.count),
        let site = recording.site(node: offset, stack: stack)
      else { continue }
      let record: UnsafeMutablePointer<Site> = recording.at(site)
      record.pointee.cpuNanoseconds.add(5_000_000)
      record.pointee.cpuSamples.add(5)
      record.pointee.waitNanoseconds.add(1_000_000)
      record.pointee.waits.add(1)
      node.pointee.memory.countAllocation(4096)
      let block = HeapBlock(bytes: 4096, node: offset, site: site, doublings: 0)
      _ = recording.keepSample(address: 0x5500_0000_0000 + turn * 4096, block)
      recording.keepMapping(
        start: 0x7000_0000_0000 + turn * 65_536, bytes: 65_536, node: offset, site: site)
    }
    if let io = recording.ioRecord(of: node, in: lane) {
      io.pointee.transfers[IORecord.transfers(IOKind.file, writes: 0)].calls.add(2000)
      io.pointee.transfers[IORecord.transfers(IOKind.file, writes: 0)].bytes.add(2_000_000)
      io.pointee.transfers[IORecord.transfers(IOKind.file, writes: 0)].ticks.add(100_000)
      io.pointee.sequential.add(1900)
      io.pointee.classified.add(2000)
    }
  }
}
