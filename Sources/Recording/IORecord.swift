// SPDX-License-Identifier: Apache-2.0

/// What a file descriptor leads to.
public enum IOKind {
  public static let file = 0
  public static let socket = 1
  public static let pipe = 2
  public static let terminal = 3
  public static let other = 4
  public static let count = 5
}

/// The input, output and waits of a call-tree node, made when it has the first. All of it are counters that only
/// grow, of 64 bits each, so that readers add records up word by word (IOTotals.swift).
public struct IORecord: ~Copyable {
  /// By kind, its reads and then its writes: `transfers(_:writes:)`.
  public let transfers: InlineArray<10, IOTransfers>
  /// By `Wait`.
  public let waits: InlineArray<9, IOWaits>
  /// How many requests of files begin where the one before on the same descriptor ended.
  public let sequential: Cell64
  /// Requests of files of which that is known.
  public let classified: Cell64
  /// Reads of files that gave less than was asked for: the end was near.
  public let partialReads: Cell64
  /// Writes that each wait for the disk: to files opened with O_SYNC or O_DSYNC.
  public let durableWrites: Cell64
  /// Calls that failed, but for those to be tried again.
  public let failed: Cell64
  /// Reads and then writes by the bytes that they moved: `sizeBucket`.
  public let sizes: InlineArray<44, Cell64>
  public let startedThreads: Cell64

  public static let bytes: UInt32 = 832
  public static let words = 98
  public static let sizeBuckets = 22

  /// Calls that wait and transfer nothing.
  public enum Wait {
    public static let sync = 0
    public static let open = 1
    public static let close = 2
    public static let connect = 3
    public static let accept = 4
    public static let poll = 5
    /// No input or output, as the ones below: sleeps.
    public static let pause = 6
    /// For a lock that another thread held: mutexes, read-write locks, spin locks.
    public static let lock = 7
    /// For what another thread says: condition variables, semaphores, barriers, the end of a thread.
    public static let signal = 8
    public static let count = 9
  }

  /// 0 for nothing, then by powers of two: 1, 2-3, 4-7... The last one is for 1 MiB and more.
  @inline(__always) public static func sizeBucket(_ bytes: UInt64) -> Int {
    min(64 - bytes.leadingZeroBitCount, sizeBuckets - 1)
  }

  @inline(__always) public static func transfers(_ kind: Int, writes: Int) -> Int {
    kind &* 2 &+ writes
  }
}

public struct IOTransfers: ~Copyable {
  public let calls: Cell64
  public let bytes: Cell64
  public let ticks: Cell64
}

public struct IOWaits: ~Copyable {
  public let calls: Cell64
  public let ticks: Cell64
}

extension Recording {
  /// Makes what the hooks of a process's input and output need: a record for all that belongs to no
  /// node, and a table of `tableBytes` for the descriptors. False when there is no memory for it. By one thread
  /// at a time.
  public func prepareIO(tableBytes: UInt32) -> Bool {
    let header = header
    if header.pointee.sharedIO.value != 0 { return true }
    let pages = (tableBytes &+ Layout.page &- 1) / Layout.page
    guard let first = claimPages(pages &+ 1) else { return false }
    header.pointee.descriptorsOffset.publish(first &+ Layout.page)
    header.pointee.sharedIO.publish(first)
    return true
  }

  /// The record of a node, made now if there is none; nil when memory is full. By the lane's owner, on a busy
  /// lane.
  public func ioRecord(
    of node: UnsafeMutablePointer<CallNode>, in lane: UnsafeMutablePointer<Lane>
  ) -> UnsafeMutablePointer<IORecord>? {
    let existing = node.pointee.io.value
    if existing != 0 { return at(existing) }
    guard let made = allocate(IORecord.bytes, for: lane) else { return nil }
    node.pointee.io.publish(made)
    return at(made)
  }

  /// The record of what belongs to no node; nil before `prepareIO`.
  public var sharedIO: UnsafeMutablePointer<IORecord>? {
    let offset = header.pointee.sharedIO.acquired
    return offset == 0 ? nil : at(zone(offset))
  }
}
