// SPDX-License-Identifier: Apache-2.0

/// Who opened a descriptor: the fourth word of its entry in the table of descriptors (Capture/Descriptors.swift); 0
/// when it is closed, or was open before anybody looked. The node in the upper half, with a bit for sockets, and below
/// how many calls of the node had finished.
public enum DescriptorOwner {
  /// Of an entry, in bytes, and where the word is in it.
  public static let entryBytes: UInt32 = 32
  public static let offset: UInt32 = 24
  public static let count: UInt32 = 4096
  static let socket: UInt32 = 2

  public static func make(node: UInt32, isSocket: Bool, generation: UInt32) -> UInt64 {
    UInt64(node | (isSocket ? socket : 0)) &<< 32 | UInt64(generation)
  }
}

extension Recording {
  /// The word of a descriptor; nil without a table, and of those beyond it.
  @inline(__always) public func ownerCell(ofDescriptor fd: Int32) -> UnsafeMutablePointer<Cell64>? {
    let table = header.pointee.descriptorsOffset.value
    guard table != 0, fd >= 0, UInt32(bitPattern: fd) < DescriptorOwner.count else { return nil }
    return at(
      table &+ UInt32(bitPattern: fd) &* DescriptorOwner.entryBytes &+ DescriptorOwner.offset)
  }

  /// Calls `body` with every descriptor that was opened in a node and is open still.
  public func forEachOwnedDescriptor(
    _ body: (_ isSocket: Bool, _ node: UInt32, _ generation: UInt32) -> Void
  ) {
    let table = zone(header.pointee.descriptorsOffset.value)
    guard table != 0 else { return }
    let count = fitting(DescriptorOwner.count, of: DescriptorOwner.entryBytes, at: table)
    for index in 0..<count {
      let cell: UnsafeMutablePointer<Cell64> = at(
        table &+ index &* DescriptorOwner.entryBytes &+ DescriptorOwner.offset)
      let owner = cell.pointee.value
      if owner == 0 { continue }
      let node = UInt32(truncatingIfNeeded: owner &>> 32)
      body(
        node & DescriptorOwner.socket != 0, node & ~7, UInt32(truncatingIfNeeded: owner))
    }
  }
}
