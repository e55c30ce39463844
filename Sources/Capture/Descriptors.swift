// SPDX-License-Identifier: Apache-2.0
import CShim
import Recording

// What is known of the process's descriptors: what they lead to, and where their next request begins.

/// One descriptor. Any thread writes: a race costs a request that is counted under the wrong kind or as
/// random, and no more.
struct Descriptor: ~Copyable {
  /// The descriptor + 1 in the upper half, its kind and flags in the lower; 0 when nothing is known.
  let state: Cell64
  /// Where a request without an offset of its own begins.
  let position: Cell64
  /// Where the last request ended.
  let end: Cell64
  /// Who opened it (`DescriptorOwner`).
  let owner: Cell64

  static let bytes = DescriptorOwner.entryBytes
  /// Descriptors that share the lower bits share an entry: the later one is looked at anew.
  static let count = UInt32(shim_descriptor_count)
  static let tableBytes = count * bytes

  enum Flag {
    static let kinds: UInt32 = 7
    static let durable: UInt32 = 8
    static let appends: UInt32 = 16
  }
}

extension Recording {
  /// The entry that a descriptor would be found in; nil when there is no table.
  @inline(__always)
  func descriptorEntry(_ fd: Int32) -> UnsafeMutablePointer<Descriptor>? {
    let table = header.pointee.descriptorsOffset.value
    return table != 0 && fd >= 0 ? descriptorEntry(fd, in: table) : nil
  }

  @inline(__always)
  func descriptorEntry(_ fd: Int32, in table: UInt32) -> UnsafeMutablePointer<Descriptor> {
    let index = UInt32(truncatingIfNeeded: fd) & (Descriptor.count &- 1)
    return at(table &+ index &* Descriptor.bytes)
  }

  /// Kind and flags of a descriptor. The first time, after a request of `bytes` at `offset` (below zero: at
  /// the descriptor's position), the system is asked.
  @inline(__always)
  func known(
    _ fd: Int32, in entry: UnsafeMutablePointer<Descriptor>, offset: Int64, bytes: UInt64
  ) -> UInt32 {
    let state = entry.pointee.state.value
    if Descriptor.isKnown(fd, by: state) { return UInt32(truncatingIfNeeded: state) }
    return lookAt(fd, entry, offset: offset, bytes: bytes)
  }

  @inline(never)
  private func lookAt(
    _ fd: Int32, _ entry: UnsafeMutablePointer<Descriptor>, offset: Int64, bytes: UInt64
  ) -> UInt32 {
    let found = shim_descriptor_read(fd)
    var state = UInt32(truncatingIfNeeded: kindNumber(found.kind))
    if found.is_durable { state |= Descriptor.Flag.durable }
    if found.appends { state |= Descriptor.Flag.appends }
    let position = UInt64(truncatingIfNeeded: max(found.position, 0))
    let start = offset < 0 ? position &- min(bytes, position) : position
    entry.pointee.position.set(start)
    entry.pointee.end.set(offset < 0 ? start : 0)
    entry.pointee.state.publish(Descriptor.tag(fd) &<< 32 | UInt64(state))
    shim_instant_set(fd, found.is_instant)
    return state
  }

  /// A descriptor was closed, or is another one now.
  func forgetDescriptor(_ fd: Int32) {
    guard let entry = descriptorEntry(fd), entry.pointee.state.value != 0 else { return }
    entry.pointee.state.set(0)
    shim_instant_set(fd, false)
  }

  /// A descriptor was opened, and whoever opened it is to close it, or to have it closed.
  func ownDescriptor(_ fd: Int32, isSocket: Bool) {
    guard let cell = ownerCell(ofDescriptor: fd), let lane = currentLane() else { return }
    let node = innermostNode(of: lane, in: self)
    cell.pointee.set(
      DescriptorOwner.make(
        node: offset(of: node), isSocket: isSocket,
        generation: UInt32(truncatingIfNeeded: node.pointee.ended.value)))
  }

  func disownDescriptor(_ fd: Int32) { ownerCell(ofDescriptor: fd)?.pointee.set(0) }

  /// The position of a descriptor was set.
  func setPosition(of fd: Int32, to position: Int) {
    guard let entry = descriptorEntry(fd), Descriptor.isKnown(fd, by: entry.pointee.state.value)
    else { return }
    if position < 0 { return forgetDescriptor(fd) }
    entry.pointee.position.set(UInt64(truncatingIfNeeded: position))
  }

  private func kindNumber(_ kind: shim_kind) -> Int {
    switch kind {
    case shim_file: IOKind.file
    case shim_socket: IOKind.socket
    case shim_pipe: IOKind.pipe
    case shim_terminal: IOKind.terminal
    default: IOKind.other
    }
  }
}

extension Descriptor {
  @inline(__always) static func tag(_ fd: Int32) -> UInt64 {
    UInt64(UInt32(truncatingIfNeeded: fd) &+ 1)
  }

  @inline(__always) static func isKnown(_ fd: Int32, by state: UInt64) -> Bool {
    state &>> 32 == tag(fd)
  }

  /// Moves on by a request of a file; whether it began where the last one had ended. What is appended does.
  @inline(__always)
  func isSequential(offset: Int64, bytes: UInt64, appends: Bool) -> Bool {
    let isOwn = offset >= 0
    let start = isOwn ? UInt64(bitPattern: offset) : appends ? end.value : position.value
    let isNext = start == end.value
    end.set(start &+ bytes)
    if !isOwn { position.set(start &+ bytes) }
    return isNext
  }
}
