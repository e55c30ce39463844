// SPDX-License-Identifier: Apache-2.0

public enum NameFailure: Error {
  case tooManyOperations
  case noRoomForNames
  /// A signal handler interrupted this thread while it was adding an operation.
  case interrupted
}

/// Operation names and failure kinds: from a text to a number.
extension Recording {
  /// The handle of the operation of this name, or 0. Without a lock.
  public func findOperation(_ name: borrowing CleanText) -> UInt32 {
    let mask = header.pointee.indexCapacity.value &- 1
    var slot = UInt32(truncatingIfNeeded: name.hash) & mask
    while true {
      let id = indexSlot(slot).pointee.acquired
      if id == 0 { return 0 }
      let record = operation(id)
      if record.pointee.hash.value == name.hash,
        holds(record.pointee.name.value, record.pointee.nameBytes.value, name)
      {
        return id
      }
      slot = (slot &+ 1) & mask
    }
  }

  /// The handle of the operation of this name, added if it is new. A spin lock keeps handles dense;
  /// it is held for less than a microsecond.
  public func nameOperation(
    _ name: borrowing CleanText, threadID: @autoclosure () -> UInt32, whileWaiting pause: () -> Void
  ) throws(NameFailure) -> UInt32 {
    let known = findOperation(name)
    if known != 0 { return known }
    let header = header
    let threadID = threadID()
    while !header.pointee.registrar.exchange(0, for: threadID) {
      if header.pointee.registrar.value == threadID { throw .interrupted }
      pause()
    }
    defer { header.pointee.registrar.publish(0) }

    let addedMeanwhile = findOperation(name)
    if addedMeanwhile != 0 { return addedMeanwhile }
    let id = header.pointee.operationCount.value &+ 1
    if id > header.pointee.operationCapacity.value { throw .tooManyOperations }
    guard let text = keep(name) else { throw .noRoomForNames }
    let record = operation(id)
    record.pointee.name.set(text)
    record.pointee.nameBytes.set(UInt32(truncatingIfNeeded: name.count))
    record.pointee.hash.set(name.hash)
    header.pointee.operationCount.publish(id)
    index(id)
    return id
  }

  /// Forgets operations, modules and frames beyond these numbers: a copy of the tables was taken while another
  /// thread was adding them.
  public func forgetNames(beyond operations: UInt32, modules: UInt32, hostFrames: UInt32) {
    let header = header
    header.pointee.operationCount.set(operations)
    header.pointee.moduleCount.set(modules)
    header.pointee.hostFrameCount.set(hostFrames)
    // Whatever was put into an index later lies behind all that was there before.
    for slot in 0..<header.pointee.indexCapacity.value
    where indexSlot(slot).pointee.value > operations { indexSlot(slot).pointee.set(0) }
    forgetHostFrames(beyond: hostFrames)
  }

  /// Makes an operation findable by its name, if it is not yet.
  func index(_ id: UInt32) {
    let mask = header.pointee.indexCapacity.value &- 1
    var slot = UInt32(truncatingIfNeeded: operation(id).pointee.hash.value) & mask
    while true {
      let there = indexSlot(slot).pointee.value
      if there == id { return }
      if there == 0 { break }
      slot = (slot &+ 1) & mask
    }
    indexSlot(slot).pointee.publish(id)
  }

  private func indexSlot(_ slot: UInt32) -> UnsafeMutablePointer<Cell32> {
    at(header.pointee.indexOffset.value &+ slot &* 4)
  }

  public func failureKind(_ number: UInt32) -> UnsafeMutablePointer<FailureKind> {
    at(zone(header.pointee.kindsOffset.value) &+ number &* FailureKind.bytes)
  }

  /// The number of a failure kind, added if it is new; `FailureKind.other` when there is no room.
  /// Without a lock and safe in a signal handler: two threads that add the same kind at the same
  /// moment may give it two numbers, which readers put together by name.
  public func numberOfKind(_ kind: borrowing CleanText) -> UInt32 {
    let hash = UInt32(truncatingIfNeeded: kind.hash)
    var number: UInt32 = 1
    while number < FailureKind.other {
      let entry = failureKind(number)
      switch entry.pointee.state.acquired {
      case 2:
        if entry.pointee.hash.value == hash,
          holds(entry.pointee.name.value, entry.pointee.nameBytes.value, kind)
        {
          return number
        }
      case 0:
        guard entry.pointee.state.exchange(0, for: 1) else { continue }
        guard let text = keep(kind) else { return FailureKind.other }
        entry.pointee.name.set(text)
        entry.pointee.nameBytes.set(UInt32(truncatingIfNeeded: kind.count))
        entry.pointee.hash.set(hash)
        entry.pointee.state.publish(2)
        return number
      default: break
      }
      number &+= 1
    }
    return FailureKind.other
  }
}
