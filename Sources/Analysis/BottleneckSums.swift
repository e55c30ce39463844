// SPDX-License-Identifier: Apache-2.0
import Recording

/// What an operation did itself in the threads of one kind: its own time, and what it went to, in seconds. Operation 0
/// is what these threads did outside of all operations. All zeros to begin with.
struct OwnTime: BitwiseCopyable {
  /// The kind of threads in the upper half, the operation in the lower one; 0 in a free slot.
  var key: UInt64 = 0
  var calls = 0.0
  /// Of them, those that no finished call is around; and calls of others made from here.
  var outermost = 0.0
  var callees = 0.0
  /// Less what was called inside. Of operation 0 below zero: what the threads did within operations.
  var wall = 0.0
  var offCPU = 0.0
  /// In files and in calls of the system that wait for no other thread; for what comes from elsewhere: sockets, pipes.
  var device = 0.0
  var elsewhere = 0.0
  var asleep = 0.0
  var lock = 0.0
  var signal = 0.0
  /// How often it waited in input, output and sleeps.
  var pauses = 0.0
  var faults = 0.0
  var allocations = 0.0
  /// Of operation 0: how many threads of this kind there are.
  var threads = 0.0

  var kind: UInt32 { UInt32(truncatingIfNeeded: key &>> 32) }
  var operation: UInt32 { UInt32(truncatingIfNeeded: key) }

  static func key(_ kind: UInt32, _ operation: UInt32) -> UInt64 {
    UInt64(kind) << 32 | UInt64(operation)
  }

  mutating func add(_ other: OwnTime, times factor: Double = 1) {
    calls += other.calls * factor
    outermost += other.outermost * factor
    callees += other.callees * factor
    wall += other.wall * factor
    offCPU += other.offCPU * factor
    device += other.device * factor
    elsewhere += other.elsewhere * factor
    asleep += other.asleep * factor
    lock += other.lock * factor
    signal += other.signal * factor
    pauses += other.pauses * factor
    faults += other.faults * factor
    allocations += other.allocations * factor
  }

  // What follows is never below zero, whatever the parts were read as. Not inlined: it stands in many places.
  var cpu: Double { @inline(never) get { max(wall - max(offCPU, 0), 0) } }
  /// For other threads.
  var waits: Double { @inline(never) get { min(max(lock, 0) + max(signal, 0), max(wall, 0)) } }
  var io: Double { @inline(never) get { max(device, 0) + max(elsewhere, 0) + max(asleep, 0) } }
  /// Off the CPU for no reason that a hook saw: ready, but without a CPU, or waiting for a page.
  var ready: Double {
    @inline(never) get { max(min(offCPU, wall) - io - max(lock, 0) - max(signal, 0), 0) }
  }
  /// Its own work, with the waits for a CPU.
  var work: Double { @inline(never) get { max(wall - waits, 0) } }
  /// An estimate: what a page fault and a block of the allocator cost.
  var memory: Double {
    @inline(never) get { min(max(faults, 0) * 1e-6 + max(allocations, 0) * 6e-8, cpu) }
  }
}

/// A hash table of `OwnTime` in a zone. What finds no room is left out.
struct OwnTimes {
  let slots: UnsafeMutablePointer<OwnTime>
  let capacity: Int

  func clear() { slots.update(repeating: OwnTime(), count: capacity) }

  func find(_ key: UInt64, making: Bool) -> UnsafeMutablePointer<OwnTime>? {
    var slot = Int(truncatingIfNeeded: (key &* 0x9E37_79B9_7F4A_7C15) &>> 33) % capacity
    for _ in 0..<min(capacity, 64) {
      if slots[slot].key == key { return slots + slot }
      if slots[slot].key == 0 {
        guard making else { return nil }
        slots[slot].key = key
        return slots + slot
      }
      slot = slot + 1 == capacity ? 0 : slot + 1
    }
    return nil
  }

  func copy(from other: OwnTimes) {
    slots.update(from: other.slots, count: min(capacity, other.capacity))
  }
}

/// What bottlenecks are judged by, in its zone: the sums of all threads now, less those of half a minute ago at least.
struct BottleneckState {
  let head: UnsafeMutablePointer<Head>
  let now: OwnTimes
  /// Where the window begins, and where the next one will.
  let base: OwnTimes
  let next: OwnTimes
  /// Of one thread.
  let thread: OwnTimes

  struct Head: BitwiseCopyable {
    /// On the monotonic clock; 0: since the recording began.
    var baseNanoseconds: UInt64 = 0
    var nextNanoseconds: UInt64 = 0
    /// How long threads had waited for a CPU then (`ResourceSample.runQueueNanoseconds`).
    var baseReady: UInt64 = 0
    var nextReady: UInt64 = 0
  }

  private static let threadOperations = 128

  static func bytes(entries: Int) -> UInt32 {
    UInt32(64 + (3 * entries + threadOperations) * MemoryLayout<OwnTime>.stride)
  }

  init?(_ recording: Recording) {
    guard let zone = recording.assessmentZone(.bottleneckSums) else { return nil }
    let entries =
      ((zone.bytes - 64) / MemoryLayout<OwnTime>.stride - Self.threadOperations) / 3
    guard entries > 0 else { return nil }
    head = zone.start.assumingMemoryBound(to: Head.self)
    let first = (zone.start + 64).assumingMemoryBound(to: OwnTime.self)
    now = OwnTimes(slots: first, capacity: entries)
    base = OwnTimes(slots: first + entries, capacity: entries)
    next = OwnTimes(slots: first + 2 * entries, capacity: entries)
    thread = OwnTimes(slots: first + 3 * entries, capacity: Self.threadOperations)
  }

  /// Begins the next window every half a minute, so that one is of 30 to 60 s.
  func turn(at nanoseconds: UInt64, since start: UInt64, ready: UInt64) {
    let latest = head.pointee.nextNanoseconds == 0 ? start : head.pointee.nextNanoseconds
    guard nanoseconds &- latest > 30_000_000_000, nanoseconds > latest else { return }
    base.copy(from: next)
    head.pointee.baseNanoseconds = head.pointee.nextNanoseconds
    head.pointee.baseReady = head.pointee.nextReady
    head.pointee.nextReady = ready
    next.copy(from: now)
    head.pointee.nextNanoseconds = nanoseconds
  }

  /// Takes what was before the window off `now`.
  func subtractBase() {
    for slot in 0..<base.capacity where base.slots[slot].key != 0 {
      if let mine = now.find(base.slots[slot].key, making: false) {
        mine.pointee.add(base.slots[slot], times: -1)
      }
    }
  }
}
