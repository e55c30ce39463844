// SPDX-License-Identifier: Apache-2.0
import CShim
import Glibc
import Testing

@testable import Recording

@Suite("The table of stacks")
struct StackTests {
  private func sandbox(stackBytes: UInt32 = 256 << 10) -> Sandbox {
    let sandbox = Sandbox()
    #expect(sandbox.recording.prepareStackZones(stackBytes: stackBytes))
    return sandbox
  }

  private func frames(of stack: UInt32, in sandbox: Sandbox) -> [UInt64] {
    (0..<sandbox.recording.depth(ofStack: stack)).map {
      sandbox.recording.frame($0, ofStack: stack)
    }
  }

  @Test("A stack is kept once, and read back as it was")
  func once() throws {
    let sandbox = sandbox()
    let first = try #require(sandbox.recording.intern([1, 2, 3], 3))
    let other = try #require(sandbox.recording.intern([1, 2, 4], 3))
    let shorter = try #require(sandbox.recording.intern([1, 2], 2))
    #expect(sandbox.recording.intern([1, 2, 3], 3) == first)
    #expect(Set([first, other, shorter]).count == 3)
    #expect(frames(of: first, in: sandbox) == [1, 2, 3])
    #expect(frames(of: shorter, in: sandbox) == [1, 2])
    var seen: Set<UInt32> = []
    sandbox.recording.forEachStack { seen.insert($0) }
    #expect(seen == [first, other, shorter])
  }

  @Test("No frames, too many frames, and a recording without the tables keep nothing")
  func refused() {
    let many = [UInt64](repeating: 7, count: Stack.maxDepth + 1)
    let prepared = sandbox()
    #expect(prepared.recording.intern(many, 0) == nil)
    #expect(prepared.recording.intern(many, many.count) == nil)
    #expect(prepared.recording.intern(many, Stack.maxDepth) != nil)
    let bare = Sandbox()
    #expect(!bare.recording.stacksReady)
    #expect(bare.recording.intern(many, 2) == nil)
  }

  @Test("When its share is used up, new stacks are refused and old ones still found")
  func full() throws {
    let sandbox = sandbox(stackBytes: 64 << 10)
    let first = try #require(sandbox.recording.intern([1, 2, 3], 3))
    let before = sandbox.header.pointee.arenaPage.value
    var kept = 0
    for number in 0..<10_000 as Range<UInt64>
    where sandbox.recording.intern([number, number &* 77, 5], 3) != nil { kept += 1 }
    #expect(kept > 100 && kept < 2000)
    #expect((sandbox.header.pointee.arenaPage.value - before) * Layout.page <= 64 << 10)
    #expect(sandbox.recording.intern([1, 2, 3], 3) == first)
  }

  @Test("Threads that keep the same stacks at once agree on each")
  func concurrent() {
    let sandbox = sandbox()
    final class Found: @unchecked Sendable {
      var offsets: [UInt32?] = []
    }
    let found = (0..<4).map { _ in Found() }
    withExtendedLifetime(found) {
      var threads: [pthread_t] = []
      for number in 0..<4 {
        let body: () -> Void = {
          found[number].offsets = (0..<1000 as Range<UInt64>).map {
            sandbox.recording.intern([$0 / 2, 9, $0 / 2], 3)
          }
        }
        threads.append(start(body))
      }
      for thread in threads { pthread_join(thread, nil) }
    }
    #expect(!found[0].offsets.contains(nil))
    for number in 1..<4 { #expect(found[number].offsets == found[0].offsets) }
    for (index, stack) in found[0].offsets.enumerated() {
      let half = UInt64(index / 2)
      #expect(stack.map { frames(of: $0, in: sandbox) } == [half, 9, half])
    }
  }

  private func start(_ body: @escaping () -> Void) -> pthread_t {
    final class Box {
      let body: () -> Void
      init(_ body: @escaping () -> Void) { self.body = body }
    }
    var thread = pthread_t()
    pthread_create(
      &thread, nil,
      { raw in
        Unmanaged<Box>.fromOpaque(raw!).takeRetainedValue().body()
        return nil
      }, Unmanaged.passRetained(Box(body)).toOpaque())
    return thread
  }

  @Test("A child's recording begins without the tables")
  func again() {
    let sandbox = sandbox()
    let start = Int(sandbox.header.pointee.arenaOffset.value)
    shim_discard(sandbox.recording.base + start, Int(sandbox.layout.bytes) - start)
    sandbox.recording.beginAgain(processID: 2)
    #expect(!sandbox.recording.stacksReady)
    #expect(sandbox.recording.prepareStackZones(stackBytes: 64 << 10))
    #expect(sandbox.recording.intern([1], 1) != nil)
  }

  @Test("A rule is found under its address, until the cache is emptied")
  func cache() {
    let sandbox = sandbox()
    defer { withExtendedLifetime(sandbox) {} }
    let recording = sandbox.recording
    for generation in 0..<70_000 as Range<UInt32> {
      #expect(recording.cachedRule(0x1234) == 0, "\(generation)")
      recording.cacheRule(99, for: 0x1234, generation: recording.cacheGeneration)
      #expect(recording.cachedRule(0x1234) == 99)
      #expect(recording.cachedRule(0x1235) == 0)
      recording.emptyUnwindCache()
    }
  }

  @Test(
    "A file keeps its number when it is loaded again, another gets its own, a full table refuses")
  func modules() {
    let sandbox = sandbox()
    defer { withExtendedLifetime(sandbox) {} }
    let recording = sandbox.recording
    let bytes: [UInt8] = [1, 2, 3, 4, 5]
    var range = ModuleRange()
    range.flags = Module.Flags.loaded
    for turn in 0..<10_000 as Range<UInt64> {
      #expect(recording.numberOfModule(path: "/a.so", buildID: bytes, buildIDBytes: 5) == 1)
      range.start = 0x1000 &+ turn
      range.end = range.start &+ 0x100
      recording.publish(range, ofModule: 1)
      var found = ModuleRange()
      #expect(recording.findModule(range.start, &found))
      #expect(found.number == 1)
      #expect(!recording.findModule(range.end, &found))
      recording.publish(ModuleRange(), ofModule: 1)
      #expect(!recording.findModule(range.start, &found))
    }
    #expect(recording.numberOfModule(path: "/a.so", buildID: bytes, buildIDBytes: 4) == 2)
    #expect(String(cString: recording.path(ofModule: 2)) == "/a.so")
    var number: UInt32? = 2
    while let latest = number {
      number = recording.numberOfModule(path: "/\(latest)", buildID: bytes, buildIDBytes: 0)
    }
    #expect(recording.moduleCount == recording.header.pointee.moduleCapacity.value)
    #expect(recording.header.pointee.refusedModules.value == 1)
  }
}
