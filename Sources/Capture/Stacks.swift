// SPDX-License-Identifier: Apache-2.0
import CShim
import Recording

// Call stacks of the threads of this process, from a signal handler or from where the caller is.

/// Buffers of frames a lane has: for its thread, and for a signal handler that interrupts it in here.
/// Each has a second half, in which host frames are merged.
private let frameBufferCount: UInt32 = 2

/// Makes the tables that stacks need; false when the recording has no room. What is loaded,
/// `refreshModules` says. In normal context, by one thread at a time. `stackBytes` limits the memory of the stacks themselves.
public func prepareStacks(in recording: Recording, stackBytes: UInt32) -> Bool {
  recording.prepareStackZones(stackBytes: stackBytes)
}

/// Gives the calling thread's lane what its stacks need: buffers of `depth` frames (at most
/// `Stack.maxDepth`), and the bounds of the thread's stack. In normal context, by the lane's owner, each
/// time a thread gets the lane. Cost: microseconds; the main thread reads /proc/self/maps. A lane that is
/// not prepared cannot record stacks, but capture them.
public func prepareStacks(
  of lane: UnsafeMutablePointer<Lane>, in recording: Recording, depth: UInt32
) {
  let depth = min(max(depth, 1), UInt32(Stack.maxDepth))
  if lane.pointee.frameBuffers.value == 0,
    let buffers = recording.allocate(depth &* 16 &* frameBufferCount, for: lane)
  {
    lane.pointee.frameBufferDepth.set(depth)
    lane.pointee.frameBuffers.set(buffers)
  }
  lane.pointee.frameBuffersInUse.set(0)
  var low: UInt64 = 0
  var high: UInt64 = 0
  let isKnown = undisturbed { shim_stack_bounds(&low, &high) }
  lane.pointee.stackLow.set(isKnown ? low : 0)
  lane.pointee.stackHigh.set(isKnown ? high : 0)
}

/// Gives the lane of another thread, which had it before stacks were wanted, its buffers. The bounds of its
/// stack stay unknown: its walks ask for each page of it.
func prepareStacks(
  ofForeign lane: UnsafeMutablePointer<Lane>, in recording: Recording, depth: UInt32
) {
  guard recording.stacksReady, lane.pointee.frameBuffers.value == 0 else { return }
  let depth = min(max(depth, 1), UInt32(Stack.maxDepth))
  let bytes = depth &* 16 &* frameBufferCount
  guard let buffers = recording.claimPages((bytes &+ Layout.page &- 1) / Layout.page) else {
    return
  }
  lane.pointee.frameBufferDepth.set(depth)
  lane.pointee.frameBuffers.publish(buffers)
}

/// Forgets the bounds of a stack whose thread ends.
public func forgetStack(of lane: UnsafeMutablePointer<Lane>) {
  lane.pointee.stackLow.set(0)
  lane.pointee.stackHigh.set(0)
}

/// Captures a stack into the lane's memory and keeps it: its offset (`Recording.frame(_:ofStack:)`), or 0,
/// and a drop is counted. By the lane's owner, in any context. `context` is a signal handler's ucontext;
/// without, the stack is that of the caller, less the frames of this library.
#if hasFeature(Embedded)
  @_noLocks
#endif
public func recordStack(
  of lane: UnsafeMutablePointer<Lane>, in recording: Recording, context: UnsafeRawPointer?
) -> UInt32 {
  let level = lane.pointee.frameBuffersInUse.value
  let depth = lane.pointee.frameBufferDepth.value
  var stack: UInt32 = 0
  if recording.stacksReady, level < frameBufferCount, lane.pointee.frameBuffers.value != 0 {
    lane.pointee.frameBuffersInUse.set(level &+ 1)
    orderForSignals()
    let buffer: UnsafeMutablePointer<UInt64> = recording.at(
      lane.pointee.frameBuffers.value &+ level &* depth &* 16)
    let captured = captureStack(
      of: lane, in: recording, context: context, into: buffer, capacity: Int(depth))
    let native = dropOwnCallers(buffer, captured, in: recording)
    let count = mergeHostFrames(
      into: buffer, native, capacity: Int(depth), scratch: buffer + Int(depth), in: recording)
    stack = recording.intern(buffer, count) ?? 0
    orderForSignals()
    lane.pointee.frameBuffersInUse.set(level)
  }
  if stack == 0 { recording.header.pointee.refusedStacks.addShared(1) }
  return stack
}

/// Takes this library's hooks out from between what they call and what calls them. The innermost frame
/// stays: then the time is the library's own.
private func dropOwnCallers(
  _ frames: UnsafeMutablePointer<UInt64>, _ count: Int, in recording: Recording
) -> Int {
  let own = UInt64(recording.header.pointee.ownModule.value)
  if own == 0 { return count }
  var kept = 0
  for index in 0..<count where index == 0 || FrameCode.module(frames[index]) != own {
    frames[kept] = frames[index]
    kept &+= 1
  }
  return kept
}

/// Captures a stack of the calling thread, innermost frame first, as `FrameCode`s; returns how many. In any
/// context. `lane` is the thread's own; without one, memory of the stack is asked for page by page.
/// Stack: about 1 KiB. Cost, from the cache: benchmarks/README.md.
#if hasFeature(Embedded)
  @_noLocks
#endif
public func captureStack(
  of lane: UnsafeMutablePointer<Lane>?, in recording: Recording, context: UnsafeRawPointer?,
  into frames: UnsafeMutablePointer<UInt64>, capacity: Int
) -> Int {
  capture(
    of: lane, in: recording, context: context, into: frames, capacity: capacity, dropsOwn: true)
}

/// - Parameter dropsOwn: leave out the innermost frames that are in the module of this function.
func capture(
  of lane: UnsafeMutablePointer<Lane>?, in recording: Recording, context: UnsafeRawPointer?,
  into frames: UnsafeMutablePointer<UInt64>, capacity: Int, dropsOwn: Bool
) -> Int {
  guard recording.stacksReady, capacity > 0 else { return 0 }
  let header = recording.header
  header.pointee.unwindsInFlight.addOrdered(1)
  let isPaused = header.pointee.unwindingPaused.ordered != 0
  var unwinder = Unwinder(
    in: recording, stackLow: lane?.pointee.stackLow.value ?? 0,
    stackHigh: lane?.pointee.stackHigh.value ?? 0, here: stackPointer())
  let count: Int
  if isPaused {
    // Without a walk, the innermost frame of the host is known only where a signal interrupted it.
    count = context == nil ? 0 : 1
    if let context {
      unwinder.start(context: UInt64(UInt(bitPattern: context)))
      frames[0] = unwinder.innermost()
    }
  } else if let context {
    let address = UInt64(UInt(bitPattern: context))
    unwinder.start(context: address)
    var walked = walk(&unwinder, into: frames, capacity: capacity, dropping: 0)
    if walked < 0 {
      unwinder.isThorough = true
      unwinder.start(context: address)
      walked = walk(&unwinder, into: frames, capacity: capacity, dropping: 0)
    }
    count = walked
  } else {
    var registers = InlineArray<14, UInt64>(repeating: 0)
    count = withRegisters(&registers) { registers in
      readRegisters(registers)
      unwinder.start(registers: registers)
      let own = dropsOwn ? unwinder.moduleHere() : 0
      let walked = walk(&unwinder, into: frames, capacity: capacity, dropping: own)
      if walked >= 0 { return walked }
      unwinder.isThorough = true
      unwinder.start(registers: registers)
      return walk(&unwinder, into: frames, capacity: capacity, dropping: own)
    }
  }
  header.pointee.unwindsInFlight.addOrdered(.max)
  return max(count, 0)
}

/// The registers as C wants them.
@_semantics("no_performance_analysis") @inline(__always)
private func withRegisters<R>(
  _ registers: inout InlineArray<14, UInt64>, _ body: (UnsafeMutablePointer<UInt64>) -> R
) -> R {
  withUnsafeMutableBytes(of: &registers) {
    body($0.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: UInt64.self))
  }
}

/// Walks until the outermost frame or the end of the buffer; -1 when it must be done again, thoroughly.
/// - Parameter dropping: the module whose frames at the start are left out; 0 for none.
func walk(
  _ unwinder: inout Unwinder, into frames: UnsafeMutablePointer<UInt64>, capacity: Int,
  dropping own: UInt64
) -> Int {
  var count = 0
  // Frames of this library are few, also where it is the host.
  var dropped = 0
  while true {
    var code: UInt64 = 0
    let step = unwinder.next(&code)
    if own != 0 && count == 0 && dropped < 64 && FrameCode.module(code) == own {
      dropped &+= 1
    } else {
      frames[count] = code
      count &+= 1
    }
    if count >= capacity { return count }
    switch step {
    case .caller: continue
    case .end: return count
    case .incomplete: return -1
    }
  }
}
