// SPDX-License-Identifier: Apache-2.0
import CShim

/// What the first bytes of a file say, when they are a recording's: whose it is, and whether that lives.
public struct FileHead {
  /// The magic number is there, in this machine's byte order.
  public private(set) var isRecording = false
  /// All that was read is zeros: a recording that somebody is making, or began to make.
  public private(set) var isBlank = false
  public private(set) var processID: UInt32 = 0
  public private(set) var isAlive = false
  /// It is this process's own: an earlier one, or a copy.
  public private(set) var isOurs = false

  /// Reads the head of a file, without following a link; nil when it is no regular file of ours, or cannot be
  /// read. `own` is a recording of the calling process.
  public init?(of path: UnsafePointer<CChar>, seenBy own: Recording) {
    var size: UInt64 = 0
    var isOfUser = false
    let file = shim_open_regular(path, false, &size, &isOfUser)
    guard file >= 0 else { return nil }
    defer { shim_close(file) }
    guard isOfUser else { return nil }
    withUnsafeTemporaryAllocation(byteCount: Self.bytes, alignment: 16) { buffer in
      guard let start = buffer.baseAddress else { return }
      start.initializeMemory(as: UInt8.self, repeating: 0, count: Self.bytes)
      let hasHeader = shim_read_at(file, start, Self.headerBytes, 0)
      let hasIdentity = shim_read_at(
        file, start + Self.headerBytes, Self.bytes - Self.headerBytes,
        UInt64(Layout.identityOffset))
      let words = start.assumingMemoryBound(to: UInt64.self)
      isBlank = hasIdentity
      for index in 0..<Self.bytes / 8 where words[index] != 0 { isBlank = false }
      guard hasHeader else { return }
      let header = start.assumingMemoryBound(to: Header.self)
      isRecording = header.pointee.magic.value == Header.magic
      processID = header.pointee.processID.value
      // Version 1 was never a file.
      guard isRecording, hasIdentity, header.pointee.version.value >= 2 else { return }
      judge(start + Self.headerBytes, seenBy: own)
    }
  }

  private mutating func judge(_ page: UnsafeMutableRawPointer, seenBy own: Recording) {
    let identity = page.assumingMemoryBound(to: Identity.self)
    let bootID = (page + Int(Identity.Text.bootID.offset)).assumingMemoryBound(to: UInt8.self)
    let ownBootID = own.identityText(.bootID)
    for index in 0..<Int(Identity.Text.bootID.bytes) where bootID[index] != ownBootID[index] {
      return  // the system was started anew, or is another one
    }
    let start = identity.pointee.processStart.value
    if identity.pointee.processNamespace.value == own.identity.pointee.processNamespace.value,
      own.identity.pointee.processStart.value != 0
    {
      // An exec changes neither number nor start: what this process recorded before is over.
      isOurs =
        processID == own.identity.pointee.processID.value
        && start == own.identity.pointee.processStart.value
      if isOurs || identity.pointee.state.value == Identity.State.exited { return }
      let now = shim_process_times(processID)
      isAlive = now.start_ticks == start && now.state != 90  // "Z"
      return
    }
    // Numbers of another PID namespace say nothing here: it counts how old the last sign of life is.
    if identity.pointee.state.value == Identity.State.exited { return }
    let age = UInt64(bitPattern: shim_unix_ns()) &- identity.pointee.beatUnix.value
    isAlive = age < Self.silence
  }

  /// A process of another PID namespace that gave no sign of life for so long, in ns, counts as dead.
  private static let silence: UInt64 = 10_000_000_000
  private static let headerBytes = 64
  /// With the identity up to the end of the boot ID.
  private static let bytes =
    headerBytes + Int(Identity.Text.bootID.offset + Identity.Text.bootID.bytes)
}
