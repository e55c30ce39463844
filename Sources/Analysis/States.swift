// SPDX-License-Identifier: Apache-2.0
import Recording

/// What the assessment remembers of the process. All zeros to begin with.
struct ProcessState: BitwiseCopyable {
  /// Of the latest sample; 0 before.
  var nanosecondsPerTick = 0.0
  var health = ProcessHealthState()
  var watch = WatchProcessState()
  var alerts = AlertStates()
  var crash = CrashProcess()
  var precursor = PrecursorProcess()
}

/// What it remembers of an operation. All zeros to begin with.
struct OperationState: BitwiseCopyable {
  /// The operation; 0 in a free slot that is not operation 0's.
  var operation: UInt32 = 0
  var reserved: UInt32 = 0
  var health = OperationHealthState()
  var watch = WatchState()
  var crash = CrashOperation()
  var precursor = PrecursorOperation()
}

/// The states of operations, in slots given out in the order in which they first did something.
struct OperationStates {
  private let recording: Recording
  private let states: UnsafeMutablePointer<OperationState>
  let capacity: Int
  private let slots: UnsafeMutablePointer<Cell32>
  private let slotCount: Int

  static var bytesPerOperation: Int { MemoryLayout<OperationState>.stride + 4 }

  init?(_ recording: Recording) {
    guard let states = recording.assessmentZone(.operations),
      let slots = recording.assessmentZone(.operationSlots)
    else { return nil }
    self.recording = recording
    self.states = states.start.assumingMemoryBound(to: OperationState.self)
    capacity = states.bytes / MemoryLayout<OperationState>.stride
    self.slots = slots.start.assumingMemoryBound(to: Cell32.self)
    slotCount = slots.bytes / 4
  }

  /// How many slots are given out. Cell 0 of the slots counts them: operation 0 has no slot.
  var count: Int { min(Int(slots[0].value), capacity) }

  /// The slot of an operation, from 0 on; nil without one.
  func slot(of operation: UInt32) -> Int? {
    guard operation > 0, operation < slotCount else { return nil }
    let slot = Int(slots[Int(operation)].acquired) - 1
    return slot >= 0 && slot < capacity ? slot : nil
  }

  /// The state of an operation, which gets a slot if it has none; nil when there is none left.
  func state(of operation: UInt32) -> UnsafeMutablePointer<OperationState>? {
    guard operation > 0, operation < slotCount else { return nil }
    if let slot = slot(of: operation) { return states + slot }
    let next = Int(slots[0].value)
    guard next < capacity else {
      recording.header.pointee.assessment.unwatchedOperations.add(1)
      return nil
    }
    states[next] = OperationState()
    states[next].operation = operation
    slots[Int(operation)].publish(UInt32(next + 1))
    slots[0].publish(UInt32(next + 1))
    return states + next
  }

  /// The state in a slot below `count`.
  subscript(_ slot: Int) -> UnsafeMutablePointer<OperationState> { states + slot }
}
