// SPDX-License-Identifier: Apache-2.0
import Recording

/// The memory that a walk may read: what it knows to be mapped, and, elsewhere, what the kernel says is.
///
/// Known are the thread's own stack from where it stands now, and the alternative signal stack. Anything
/// else (a coroutine's stack, one of makecontext) is asked for page by page; the answer holds for the walk.
struct UnwindMemory {
  /// What was last found readable: every word from `low` that ends at `low + bytes` or before.
  private var low: UInt64 = 0
  private var bytes: UInt64 = 0
  // The thread's own stack, and the alternative one; empty when unknown.
  private let stackLow: UInt64
  private let stackHigh: UInt64
  private var alternativeLow: UInt64 = 0
  private var alternativeHigh: UInt64 = 0
  private let isWhole: Bool

  /// - Parameter here: the stack pointer of the walking thread.
  init(stackLow: UInt64, stackHigh: UInt64, here: UInt64) {
    // Below where it stands, the main thread's stack may have to grow yet.
    let standsThere = here &- stackLow < stackHigh &- stackLow
    self.stackLow = standsThere ? here : stackLow
    self.stackHigh = stackHigh
    isWhole = standsThere
  }

  /// Whether two places, the first below the second, lie on one stack, as far as can be told.
  func areOnOneStack(_ sp: UInt64, _ fp: UInt64) -> Bool {
    if covers(stackLow, stackHigh, sp) { return covers(stackLow, stackHigh, fp) }
    if covers(alternativeLow, alternativeHigh, sp) {
      return covers(alternativeLow, alternativeHigh, fp)
    }
    return fp &- sp < 256 << 10
  }

  /// Takes the alternative stack's bounds out of a ucontext.
  mutating func learn(context: UInt64) {
    guard let start = load(context &+ Machine.alternativeStack),
      let size = load(context &+ Machine.alternativeStackBytes), size < 1 << 32
    else { return }
    alternativeLow = start
    alternativeHigh = start &+ size
  }

  /// A word, if it can be read.
  @inline(__always) mutating func load(_ address: UInt64) -> UInt64? {
    let place = address &- low
    if place < bytes && bytes &- place >= 8 { return word(at: address) }
    return find(address) ? word(at: address) : nil
  }

  /// Makes the window cover a word; false when it cannot be read.
  @inline(never) private mutating func find(_ address: UInt64) -> Bool {
    guard address >= 4096, address < 1 << 56 else { return false }
    if covers(stackLow, stackHigh, address) {
      // The main thread's stack is one mapping up to its end, but may begin above its limit.
      guard isWhole || isReadable(address) else { return false }
      low = isWhole ? stackLow : address
      bytes = stackHigh &- low
      return true
    }
    if covers(alternativeLow, alternativeHigh, address), isReadable(address) {
      low = address
      bytes = alternativeHigh &- low
      return true
    }
    let page = address & ~4095
    // A word across the border of two pages needs both.
    guard isReadable(address), address & 7 == 0 || isReadable(address &+ 7) else { return false }
    if page == low &+ bytes {
      bytes = page &+ 4096 &- low
    } else {
      low = page
      bytes = 4096
    }
    if address & 4095 > 4088 { bytes = bytes &+ 4096 }
    return true
  }

  private func covers(_ from: UInt64, _ to: UInt64, _ address: UInt64) -> Bool {
    address >= from && address < to && to &- address >= 8
  }
}
