// SPDX-License-Identifier: Apache-2.0

/// A frame of the host's own language: a function, its file and a line.
public struct HostFrame: ~Copyable {
  /// Texts of the names zone; 0 for no file.
  public let function: Cell32
  public let file: Cell32
  public let line: Cell32
  public let hash: Cell32

  public static let bytes: UInt32 = 16
}

/// Frames that a host has named, from 1 on. Kept like operations: never removed, also in a forked child.
extension Recording {
  public var hostFrameCount: UInt32 {
    min(header.pointee.hostFrameCount.acquired, header.pointee.hostFrameCapacity.value)
  }

  public func hostFrame(_ number: UInt32) -> UnsafeMutablePointer<HostFrame> {
    at(zone(header.pointee.hostFramesOffset.value) &+ (number &- 1) &* HostFrame.bytes)
  }

  /// The number of a frame, added if it is new. Takes the spin lock of names for a new one.
  public func nameHostFrame(
    function: borrowing CleanText, file: borrowing CleanText, line: UInt32,
    threadID: @autoclosure () -> UInt32, whileWaiting pause: () -> Void
  ) throws(NameFailure) -> UInt32 {
    let mixed = (function.hash ^ file.hash &* 31 ^ UInt64(line)) &* 0x9E37_79B9_7F4A_7C15
    let hash = UInt32(truncatingIfNeeded: mixed &>> 32)
    let known = findHostFrame(hash, function, file, line)
    if known != 0 { return known }
    let header = header
    let threadID = threadID()
    while !header.pointee.registrar.exchange(0, for: threadID) {
      if header.pointee.registrar.value == threadID { throw .interrupted }
      pause()
    }
    defer { header.pointee.registrar.publish(0) }
    let addedMeanwhile = findHostFrame(hash, function, file, line)
    if addedMeanwhile != 0 { return addedMeanwhile }
    let number = header.pointee.hostFrameCount.value &+ 1
    if number > header.pointee.hostFrameCapacity.value { throw .tooManyOperations }
    guard let functionText = keep(function), let fileText = fileText(file, before: number) else {
      throw .noRoomForNames
    }
    let frame = hostFrame(number)
    frame.pointee.function.set(functionText)
    frame.pointee.file.set(fileText)
    frame.pointee.line.set(line)
    frame.pointee.hash.set(hash)
    header.pointee.hostFrameCount.publish(number)
    var slot = hash & indexMask
    while indexCell(slot).pointee.value != 0 { slot = (slot &+ 1) & indexMask }
    indexCell(slot).pointee.publish(number)
    return number
  }

  private func findHostFrame(
    _ hash: UInt32, _ function: borrowing CleanText, _ file: borrowing CleanText, _ line: UInt32
  ) -> UInt32 {
    var slot = hash & indexMask
    while true {
      let number = indexCell(slot).pointee.acquired
      if number == 0 { return 0 }
      let frame = hostFrame(number)
      if frame.pointee.hash.value == hash, frame.pointee.line.value == line,
        isText(frame.pointee.function.value, function), isText(frame.pointee.file.value, file)
      {
        return number
      }
      slot = (slot &+ 1) & indexMask
    }
  }

  func forgetHostFrames(beyond count: UInt32) {
    for slot in 0...indexMask where indexCell(slot).pointee.value > count {
      indexCell(slot).pointee.set(0)
    }
  }

  /// Functions of one file are named one after the other: its text is kept once.
  private func fileText(_ file: borrowing CleanText, before number: UInt32) -> UInt32? {
    if file.count == 0 { return 0 }
    if number > 1, isText(hostFrame(number &- 1).pointee.file.value, file) {
      return hostFrame(number &- 1).pointee.file.value
    }
    return keep(file)
  }

  /// The index is twice as large as the table: at most half full.
  private var indexMask: UInt32 { header.pointee.hostFrameCapacity.value &* 2 &- 1 }

  private func indexCell(_ slot: UInt32) -> UnsafeMutablePointer<Cell32> {
    at(
      header.pointee.hostFramesOffset.value
        &+ header.pointee.hostFrameCapacity.value &* HostFrame.bytes &+ slot &* 4)
  }
}
