// SPDX-License-Identifier: Apache-2.0
import CPrognos
import CShim
import Recording
import Synchronization

// Frames of the host's own language, merged into native stacks.

private let providerAddress = Atomic<UInt>(0)
private let providerContext = Atomic<UInt>(0)
/// The code of the host's interpreter.
private let interpreterStart = Atomic<UInt64>(0)
private let interpreterEnd = Atomic<UInt64>(0)

/// Sets who is asked for host frames; nil for nobody.
public func setStackProvider(
  _ provider: prognos_stack_provider?, _ context: UnsafeMutableRawPointer?
) {
  providerAddress.store(0, ordering: .releasing)
  providerContext.store(UInt(bitPattern: context), ordering: .releasing)
  let address = provider.map { UInt(bitPattern: unsafeBitCast($0, to: Int.self)) } ?? 0
  providerAddress.store(address, ordering: .releasing)
}

public func setInterpreter(start: UInt64, bytes: UInt64) {
  interpreterEnd.store(0, ordering: .releasing)
  interpreterStart.store(start, ordering: .releasing)
  interpreterEnd.store(start &+ bytes, ordering: .releasing)
}

/// How many host frames a stack may have.
private let mostHostFrames = 128

/// Merges the host's frames into a native stack, innermost first; returns the new depth. Each frame of the
/// interpreter stands for the host frames up to the next one that was entered from native code
/// (PROGNOS_FRAME_ENTRY). Where no interpreter is known, host frames follow the native ones. In any
/// context: the provider must be fit for a signal handler, too.
@_semantics("no_performance_analysis") @inline(never)
func mergeHostFrames(
  into frames: UnsafeMutablePointer<UInt64>, _ count: Int, capacity: Int,
  scratch: UnsafeMutablePointer<UInt64>, in recording: Recording
) -> Int {
  let address = providerAddress.load(ordering: .acquiring)
  guard address != 0 else { return count }
  let provider = unsafeBitCast(Int(bitPattern: address), to: prognos_stack_provider.self)
  var host = InlineArray<128, UInt32>(repeating: 0)
  let context = UnsafeMutableRawPointer(bitPattern: providerContext.load(ordering: .relaxed))
  let given = withUnsafeMutableBytes(of: &host) { bytes in
    provider(
      bytes.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: prognos_frame.self),
      mostHostFrames, context)
  }
  var left = min(max(given, 0), mostHostFrames)
  guard left > 0 else { return count }
  var merged = 0
  var next = 0
  let known = recording.hostFrameCount
  func put(_ code: UInt64) {
    if merged < capacity { scratch[merged] = code }
    merged &+= 1
  }
  func putHost() {
    while left > 0 {
      let frame = host[next & 127]
      next &+= 1
      left &-= 1
      let number = frame & ~PROGNOS_FRAME_ENTRY
      if number > 0 && number <= known {
        put(FrameCode.make(module: FrameCode.hostLanguage, address: UInt64(number)))
      }
      if frame & PROGNOS_FRAME_ENTRY != 0 { return }
    }
  }
  for index in 0..<count {
    if left > 0 && isInterpreter(frames[index], in: recording) {
      putHost()
    } else {
      put(frames[index])
    }
  }
  while left > 0 { putHost() }
  let depth = min(merged, capacity)
  for index in 0..<depth { frames[index] = scratch[index] }
  return depth
}

private func isInterpreter(_ code: UInt64, in recording: Recording) -> Bool {
  let module = UInt32(truncatingIfNeeded: FrameCode.module(code))
  guard module > 0, module <= recording.moduleCount else { return false }
  let address = FrameCode.address(code) &+ recording.module(module).pointee.bias.value
  return address >= interpreterStart.load(ordering: .relaxed)
    && address < interpreterEnd.load(ordering: .relaxed)
}
