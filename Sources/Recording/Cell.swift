// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// A 64-bit number in the recording that one thread writes and every thread may read.
///
/// Writers only add: the owner's read-add-write needs no locked instruction, and a reader that
/// subtracts what it saw before gets rates and windows without anybody resetting anything.
/// The memory of a recording starts as zeros, which is a valid cell.
public struct Cell64: ~Copyable {
  let storage: Atomic<UInt64>

  @inline(__always) public var value: UInt64 { storage.load(ordering: .relaxed) }
  @inline(__always) public var acquired: UInt64 { storage.load(ordering: .acquiring) }
  @inline(__always) public func set(_ value: UInt64) {
    storage.store(value, ordering: .relaxed)
  }
  /// Stores after everything the thread stored before.
  @inline(__always) public func publish(_ value: UInt64) {
    storage.store(value, ordering: .releasing)
  }
  /// Adds, by the owning thread alone.
  @inline(__always) public func add(_ amount: UInt64) { set(value &+ amount) }
  /// Adds, by any thread.
  @inline(__always) public func addShared(_ amount: UInt64) {
    storage.wrappingAdd(amount, ordering: .relaxed)
  }
  /// Raises to at least `floor`, by any thread.
  public func raiseShared(to floor: UInt64) {
    var seen = value
    while seen < floor {
      let (done, now) = storage.weakCompareExchange(
        expected: seen, desired: floor, ordering: .relaxed)
      if done { return }
      seen = now
    }
  }
  /// Replaces `expected`, by any thread; false when another value stands there.
  public func exchange(_ expected: UInt64, for desired: UInt64) -> Bool {
    storage.compareExchange(
      expected: expected, desired: desired, ordering: .acquiringAndReleasing
    ).exchanged
  }
}

/// A 32-bit number in the recording, as `Cell64`.
public struct Cell32: ~Copyable {
  let storage: Atomic<UInt32>

  @inline(__always) public var value: UInt32 { storage.load(ordering: .relaxed) }
  @inline(__always) public var acquired: UInt32 { storage.load(ordering: .acquiring) }
  @inline(__always) public func set(_ value: UInt32) {
    storage.store(value, ordering: .relaxed)
  }
  @inline(__always) public func publish(_ value: UInt32) {
    storage.store(value, ordering: .releasing)
  }
  @inline(__always) public func add(_ amount: UInt32) { set(value &+ amount) }
  public func addShared(_ amount: UInt32) { storage.wrappingAdd(amount, ordering: .relaxed) }
  public func subtractShared(_ amount: UInt32) {
    storage.wrappingSubtract(amount, ordering: .relaxed)
  }
  /// Replaces `expected`, by any thread; false when another value stands there.
  public func exchange(_ expected: UInt32, for desired: UInt32) -> Bool {
    storage.compareExchange(
      expected: expected, desired: desired, ordering: .acquiringAndReleasing
    ).exchanged
  }
  /// The value, in one order with everybody's `addOrdered`.
  @inline(__always) public var ordered: UInt32 { storage.load(ordering: .sequentiallyConsistent) }
  /// Adds, by any thread, in one order with everybody's `ordered`.
  @inline(__always) public func addOrdered(_ amount: UInt32) {
    storage.wrappingAdd(amount, ordering: .sequentiallyConsistent)
  }
}

/// A counter of a byte that any thread changes. Once full it stays so.
struct Cell8: ~Copyable {
  private let storage: Atomic<UInt8>

  @inline(__always) var value: UInt8 { storage.load(ordering: .relaxed) }
  func increment() { change(by: 1) }
  func decrement() { change(by: .max) }

  private func change(by amount: UInt8) {
    var seen = value
    while seen != .max {
      let (done, now) = storage.weakCompareExchange(
        expected: seen, desired: seen &+ amount, ordering: .relaxed)
      if done { return }
      seen = now
    }
  }
}
