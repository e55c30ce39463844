// SPDX-License-Identifier: Apache-2.0
import CShim
import Fixtures
import Glibc
import Recording
import Testing

@testable import Capture

/// What a probe found: stacks as absolute addresses, innermost first; return addresses as they are.
final class Probe {
  /// By the C library.
  var theirs: [UInt64] = []
  /// By ours, from the probe itself.
  var ours: [UInt64] = []
  /// By ours, from what a signal handler was given.
  var interrupted: [UInt64] = []
  let lane: UnsafeMutablePointer<Lane>?

  init(lane: UnsafeMutablePointer<Lane>?) { self.lane = lane }

  func run(_ body: (@convention(c) (fixture_probe?, UnsafeMutableRawPointer?) -> Void)) {
    body(
      { context, ucontext in
        let probe = Unmanaged<Probe>.fromOpaque(context!).takeUnretainedValue()
        probe.look(ucontext)
      }, Unmanaged.passUnretained(self).toOpaque())
  }

  @inline(never) private func look(_ ucontext: UnsafeRawPointer?) {
    var addresses = [UnsafeMutableRawPointer?](repeating: nil, count: 256)
    let count = fixture_backtrace(&addresses, 256)
    theirs = addresses.prefix(Int(count)).map { UInt64(UInt(bitPattern: $0)) }
    ours = stack(nil)
    if let ucontext { interrupted = stack(ucontext) }
  }

  @inline(never) private func stack(_ ucontext: UnsafeRawPointer?) -> [UInt64] {
    Walks.stack(of: lane, ucontext)
  }
}

enum Walks {
  static let prepared: Recording = {
    let recording = recording()
    _ = prepareStacks(in: recording, stackBytes: 1 << 20)
    refreshModules(in: recording)
    return recording
  }()

  /// A prepared lane of the calling thread.
  static var lane: UnsafeMutablePointer<Lane> {
    let recording = prepared
    let lane = CaptureTests.lane()
    prepareStacks(of: lane, in: recording, depth: 128)
    return lane
  }

  static func frames(
    of lane: UnsafeMutablePointer<Lane>?, _ ucontext: UnsafeRawPointer?
  ) -> [UInt64] {
    var frames = [UInt64](repeating: 0, count: 256)
    let count = capture(
      of: lane, in: prepared, context: ucontext, into: &frames, capacity: 256, dropsOwn: false)
    return Array(frames.prefix(count))
  }

  /// Addresses of the process, from frames.
  static func stack(
    of lane: UnsafeMutablePointer<Lane>?, _ ucontext: UnsafeRawPointer?
  ) -> [UInt64] { frames(of: lane, ucontext).map(address) }

  static func address(_ code: UInt64) -> UInt64 {
    let module = UInt32(FrameCode.module(code))
    let bias = module == 0 ? 0 : prepared.module(module).pointee.bias.value
    return FrameCode.address(code) &+ bias
  }

  /// Whether two frames are one: ours is less by one when it is a return address.
  static func isSame(_ ours: UInt64, _ theirs: UInt64) -> Bool {
    ours == theirs || ours == theirs &- 1
  }

  /// How many frames of `theirs`, from index `first` on, are found in `ours` in a row up to the end of both.
  static func agree(_ ours: [UInt64], _ theirs: ArraySlice<UInt64>) -> Bool {
    guard ours.count >= theirs.count, !theirs.isEmpty else { return false }
    return zip(ours.suffix(theirs.count), theirs).allSatisfy(isSame)
  }
}

@Suite(
  "A walk finds what the C library's unwinder finds", .serialized,
  .disabled(if: isUnderThreadSanitizer, "it handles signals in its own way"))
struct WalkTests {
  private func compare(
    _ body: @convention(c) (fixture_probe?, UnsafeMutableRawPointer?) -> Void, atLeast depth: Int,
    withBounds: Bool = true
  ) {
    let probe = Probe(lane: withBounds ? Walks.lane : nil)
    _ = Walks.prepared
    for _ in 0..<3 {
      probe.run(body)
      // Their first two frames are in the probe, at another instruction than ours.
      let theirs = probe.theirs.dropFirst(3)
      #expect(theirs.count >= depth)
      #expect(Walks.agree(probe.ours, theirs), "\(hex(probe.ours)) \(hex(Array(theirs)))")
    }
  }

  private func hex(_ addresses: [UInt64]) -> String {
    addresses.map { address in
      let name = String(cString: fixture_name(address))
      return "\n" + String(address, radix: 16) + " " + name
    }.joined()
  }

  @Test("through plain calls without frame pointers") func plain() {
    compare(fixture_plain, atLeast: 4)
  }
  @Test("through recursion") func recursion() { compare(fixture_recursion, atLeast: 40) }
  @Test("through frames of variable length") func variable() {
    compare(fixture_variable_length, atLeast: 4)
  }
  @Test("through a realigned stack") func realigned() { compare(fixture_realigned, atLeast: 4) }
  @Test("through the C library") func sorting() { compare(fixture_sorting, atLeast: 4) }
  @Test("in a signal handler") func signal() { compare(fixture_signal, atLeast: 4) }
  @Test("on an alternative signal stack") func alternative() {
    compare(fixture_signal_on_alternative_stack, atLeast: 4)
  }
  @Test("through nested signal handlers") func nested() {
    compare(fixture_nested_signals, atLeast: 8)
  }
  @Test("while an exception is in flight") func exception() {
    compare(fixture_exception, atLeast: 4)
  }
  @Test("to the outermost frame of a thread, whose stack is not known") func thread() {
    compare(fixture_thread, atLeast: 3)
  }
  @Test("on a stack of makecontext, and never above it") func ownStack() {
    compare(fixture_own_stack, atLeast: 2)
  }
  @Test("on a stack whose bounds are not known") func noBounds() {
    compare(fixture_recursion, atLeast: 40, withBounds: false)
    compare(fixture_realigned, atLeast: 4, withBounds: false)
    compare(fixture_nested_signals, atLeast: 8, withBounds: false)
  }

  @Test("From a handler's context the walk begins at the interrupted instruction")
  func interrupted() {
    let probe = Probe(lane: Walks.lane)
    probe.run(fixture_signal_on_alternative_stack)
    #expect(probe.interrupted.count > 4)
    // The interrupted frame follows the signal frame: ours, from the probe, has both.
    #expect(Walks.agree(probe.ours, probe.interrupted[...]))
  }

  @Test("A call through NULL is followed by its caller")
  func nullCall() {
    let probe = Probe(lane: Walks.lane)
    probe.run(fixture_null_call)
    #expect(probe.interrupted.first == 0)
    #expect(probe.interrupted.count > 3)
    #expect(Walks.agree(probe.ours, probe.interrupted[1...]))
  }

  @Test("Code without information is left by its frame pointer")
  func noInformation() {
    let plain = Probe(lane: Walks.lane)
    plain.run(fixture_plain)
    let probe = Probe(lane: Walks.lane)
    probe.run(fixture_no_information)
    // fixture_plain, what has no information, and its caller stand above the same frames.
    #expect(probe.ours.count == plain.ours.count + 2)
    #expect(probe.theirs.count < probe.ours.count)
  }

  @Test("The frames of a stack are interned and read back")
  func interning() {
    let recording = Walks.prepared
    let lane = Walks.lane
    let first = recordStack(of: lane, in: recording, context: nil)
    // All frames are this program's own, so it ends up with what called the program.
    #expect(first != 0)
    #expect(recording.depth(ofStack: first) > 0)
  }

  @Test(
    "A walk from every single instruction finds the same callers",
    .enabled(if: SingleSteps.isPossible, "needs the trap flag of x86-64"))
  func everyInstruction() {
    let steps = SingleSteps(lane: Walks.lane)
    steps.run()
    #expect(steps.count > 10_000)
    #expect(steps.expectedCount > 4)
    #expect(steps.wrong.isEmpty, "\(steps.wrong.prefix(20).map { hex($0) })")
  }
}

/// Walks at each instruction of a piece of work. Its handler may interrupt malloc: no arrays in there.
final class SingleSteps {
  #if arch(x86_64)
    static let isPossible = true
  #else
    static let isPossible = false
  #endif
  private let lane: UnsafeMutablePointer<Lane>
  private let frames = UnsafeMutablePointer<UInt64>.allocate(capacity: 256)
  private let kept = UnsafeMutablePointer<UInt64>.allocate(capacity: 64 * 256)
  private let expected: UnsafeMutablePointer<UInt64>
  /// The outer frames, the test runner's: those that the first step has in common with the start.
  private(set) var expectedCount: Int
  private var isFirst = true
  private var keptCount = 0
  private(set) var count = 0

  init(lane: UnsafeMutablePointer<Lane>) {
    self.lane = lane
    let here = Walks.stack(of: lane, nil)
    let outer = here
    expected = .allocate(capacity: outer.count)
    for (index, address) in outer.enumerated() { expected[index] = address }
    expectedCount = outer.count
  }

  func run() {
    count = fixture_single_steps(
      { context, ucontext in
        Unmanaged<SingleSteps>.fromOpaque(context!).takeUnretainedValue().step(ucontext)
      }, Unmanaged.passUnretained(self).toOpaque())
  }

  private func step(_ ucontext: UnsafeRawPointer?) {
    let recording = Walks.prepared
    let depth = capture(
      of: lane, in: recording, context: ucontext, into: frames, capacity: 255, dropsOwn: false)
    if isFirst {
      isFirst = false
      var common = 0
      while common < min(depth, expectedCount),
        Walks.address(frames[depth - 1 - common]) == expected[expectedCount - 1 - common]
      { common += 1 }
      for index in 0..<common { expected[index] = expected[expectedCount - common + index] }
      expectedCount = common
    }
    var isRight = depth > expectedCount
    if isRight {
      for index in 0..<expectedCount
      where Walks.address(frames[depth - expectedCount + index]) != expected[index] {
        isRight = false
      }
    }
    if !isRight && keptCount < 64 {
      for index in 0..<depth { kept[keptCount * 256 + index] = frames[index] }
      kept[keptCount * 256 + 255] = UInt64(depth)
      keptCount += 1
    }
  }

  /// The stacks that were wrong.
  var wrong: [[UInt64]] {
    (0..<keptCount).map { number in
      (0..<Int(kept[number * 256 + 255])).map { Walks.address(kept[number * 256 + $0]) }
    }
  }
}
