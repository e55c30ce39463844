// SPDX-License-Identifier: Apache-2.0

/// A call stack that was captured, kept once however often it was met: its frames follow, the innermost
/// first. Never changed once it can be found, never freed.
public struct Stack: ~Copyable {
  public let hash: Cell64
  public let depth: Cell32
  let padding: Cell32

  public static let bytes: UInt32 = 16
  /// How many frames a stack may have: such a record fits in one chunk of pages.
  public static let maxDepth = 1024
  /// Stacks take their memory by so many pages.
  /// How many slots of the index are looked at before it counts as full.
  static let maxProbes = 64
}

/// A place in a program, as stacks keep it: 16 bits of module, 48 bits of address.
///
/// The address is the one in the module's file (what `addr2line` takes), so that it means the same in every
/// process and after the module is gone. A return address is less by one, and thereby inside of the call:
/// a reader looks up all frames alike.
public enum FrameCode {
  /// Code in no module: the address is the process's own.
  public static let noModule: UInt64 = 0
  /// A frame of the host's own language.
  public static let hostLanguage: UInt64 = 0xFFFF
  static let addressMask: UInt64 = 1 << 48 - 1

  @inline(__always) public static func make(module: UInt64, address: UInt64) -> UInt64 {
    module &<< 48 | address & addressMask
  }
  public static func module(_ code: UInt64) -> UInt64 { code &>> 48 }
  public static func address(_ code: UInt64) -> UInt64 { code & addressMask }
}

extension Recording {
  /// The offset of the stack with these frames, kept now if it is new; nil when there is no room, or no
  /// frame. Without a lock, from any thread and any signal handler. Cost: about 1 ns a frame and a
  /// few cache misses.
  public func intern(_ frames: UnsafePointer<UInt64>, _ count: Int) -> UInt32? {
    guard count > 0, count <= Stack.maxDepth, stacksReady else { return nil }
    let hash = hashOfStack(frames, count)
    let mask = header.pointee.stackIndexMask.value
    var slot = UInt32(truncatingIfNeeded: hash) & mask
    var record: UInt32 = 0
    var probes = 0
    while probes < Stack.maxProbes {
      let cell = stackSlot(slot)
      var found = cell.pointee.acquired
      if found == 0 {
        if record == 0 {
          guard let made = makeStack(hash, frames, count) else { return nil }
          record = made
        }
        if cell.pointee.exchange(0, for: record) { return record }
        // Another thread was faster, perhaps with the same stack. Then what was made here is left over.
        found = cell.pointee.acquired
      }
      if isStack(found, hash, frames, count) { return found }
      slot = (slot &+ 1) & mask
      probes &+= 1
    }
    return nil
  }

  /// How many frames a stack has.
  public func depth(ofStack stack: UInt32) -> Int {
    let record: UnsafeMutablePointer<Stack> = at(stack)
    return min(Int(record.pointee.depth.value), Stack.maxDepth)
  }

  /// A frame of a stack, 0 the innermost: a `FrameCode`.
  public func frame(_ index: Int, ofStack stack: UInt32) -> UInt64 {
    frameCell(stack, index).pointee.value
  }

  /// Calls `body` with every stack there is.
  public func forEachStack(_ body: (UInt32) -> Void) {
    guard stacksReady else { return }
    let slots = min(header.pointee.stackIndexMask.value, .max &- 1) &+ 1
    for slot in 0..<fitting(slots, of: 4, at: header.pointee.stackIndex.value) {
      let stack = stackSlot(slot).pointee.acquired
      if stack != 0 { body(stack) }
    }
  }

  private func stackSlot(_ slot: UInt32) -> UnsafeMutablePointer<Cell32> {
    at(zone(header.pointee.stackIndex.value) &+ slot &* 4)
  }

  @inline(__always) private func frameCell(
    _ stack: UInt32, _ index: Int
  ) -> UnsafeMutablePointer<Cell64> {
    at(stack &+ Stack.bytes &+ UInt32(truncatingIfNeeded: index) &* 8)
  }

  private func hashOfStack(_ frames: UnsafePointer<UInt64>, _ count: Int) -> UInt64 {
    // A multiplication a frame, and the finish of SplitMix64 (Steele, Lea, Flood 2014).
    var hash = UInt64(truncatingIfNeeded: count)
    var index = 0
    while index < count {
      hash = (hash ^ frames[index]) &* 0x9E37_79B9_7F4A_7C15
      hash ^= hash &>> 32
      index &+= 1
    }
    hash = (hash ^ hash &>> 30) &* 0xBF58_476D_1CE4_E5B9
    return hash ^ hash &>> 27
  }

  private func isStack(
    _ stack: UInt32, _ hash: UInt64, _ frames: UnsafePointer<UInt64>, _ count: Int
  ) -> Bool {
    let record: UnsafeMutablePointer<Stack> = at(stack)
    guard record.pointee.hash.value == hash, Int(record.pointee.depth.value) == count else {
      return false
    }
    var index = 0
    while index < count {
      if frameCell(stack, index).pointee.value != frames[index] { return false }
      index &+= 1
    }
    return true
  }

  private func makeStack(
    _ hash: UInt64, _ frames: UnsafePointer<UInt64>, _ count: Int
  ) -> UInt32? {
    let bytes = Stack.bytes &+ UInt32(truncatingIfNeeded: count) &* 8
    guard
      let offset = room(
        bytes, in: header.pointee.stackRoom, pages: header.pointee.stackPages,
        most: header.pointee.stackPageLimit.value)
    else { return nil }
    let record: UnsafeMutablePointer<Stack> = at(offset)
    record.pointee.hash.set(hash)
    record.pointee.depth.set(UInt32(truncatingIfNeeded: count))
    var index = 0
    while index < count {
      frameCell(offset, index).pointee.set(frames[index])
      index &+= 1
    }
    return offset
  }
}
