// SPDX-License-Identifier: Apache-2.0

/// One open operation on a lane's stack. 64 bytes, one cache line.
///
/// A slot above the top keeps what it last held: when the same operation begins again under the same
/// parent, `key` and `parent` already say so, and begin has only to store the start.
public struct Frame: ~Copyable {
  /// The operation's handle while this is an open operation. Slots that begin and end must not take
  /// for one hold a `Mark`, above every handle, so that the comparison on the fast path fails.
  public let key: Cell64
  /// The call-tree node that the call will be added to, as an offset; with the bit `CallNode.pathless`,
  /// the node of the nearest caller that has one. What is allocated, read or waited for meanwhile
  /// counts in that node either way.
  public let node: Cell32
  /// The node of the frame below, as an offset.
  public let parent: Cell32
  /// The time stamp of begin, in ticks.
  public let start: Cell64
  /// `State` bits, with the failure kind in the upper half. 0 in the simplest call.
  public let state: Cell32
  public let pageFaults: Cell32
  /// Always `Mark.guarded`. A lane's top points here while a hot call is at work, so that a signal
  /// handler's begin or end, reading this as the key, goes the slow way and finds the lane busy.
  public let busyGuard: Cell64
  public let work: Cell64
  /// Time that the thread spent off its CPU inside this call. This and the counters below are valid
  /// when `State.switched` is set.
  public let offCPUNanoseconds: Cell64
  public let voluntarySwitches: Cell32
  public let involuntarySwitches: Cell32

  public static let bytes: UInt32 = 64
  /// Where a busy lane's top points to, from the start of its top frame: at `busyGuard`.
  public static let busyOffset: UInt32 = 32

  public enum State {
    public static let failed: UInt32 = 1
    public static let switched: UInt32 = 2
    public static let kindShift: UInt32 = 16
  }

  /// Keys that are no handle.
  public enum Mark {
    /// The lowest frame of a lane: nothing is open. Its node is the root.
    public static let root: UInt64 = 1 << 32
    /// The lowest frame of a further segment; `start` is the offset of the frame below.
    public static let segment: UInt64 = 2 << 32
    /// The last two frames of a segment; `parent` of the first is the next segment. That one is the
    /// top while calls are nested too deep, and then `work` counts them, `start` has a bit for each of
    /// their operations (handle modulo 64), and `node` is that of the frame below.
    public static let wall: UInt64 = 3 << 32
    public static let guarded: UInt64 = 4 << 32
    /// Added to the handle of an open operation that has no node, or whose end must go the slow way.
    public static let careful: UInt64 = 5 << 32
    /// Added to the operation's handle of a span that the thread has entered. `parent` is the index of the
    /// span's record, `node` that of the span's path in this lane's tree, `start` the time of the enter.
    public static let span: UInt64 = 6 << 32
    /// Added to the handle of the operation below, 0 when there is none: a session that the thread has
    /// entered. `parent` is the index of the session's record, `node` that of the frame below. What switches,
    /// work and failures gather here goes to the frame below.
    public static let session: UInt64 = 7 << 32
  }

  /// The call had no memory for a node of its own.
  @inline(__always) public var isPathless: Bool { node.value & CallNode.pathless != 0 }

  /// The handle of the operation that what happens now belongs to: an open one, an entered span's, the one
  /// below an entered session; 0 for every other mark.
  @inline(__always) public var operation: UInt32 {
    let key = key.value
    return key < Mark.root || key >= Mark.careful ? UInt32(truncatingIfNeeded: key) : 0
  }

  /// Whether this is a call of this operation, which its end closes.
  @inline(__always) public func isCall(of operation: UInt32) -> Bool {
    key.value == UInt64(operation) || key.value == Mark.careful | UInt64(operation)
  }
  @inline(__always) public var isSpan: Bool { key.value &>> 32 == Mark.span &>> 32 }
  @inline(__always) public var isSession: Bool { key.value &>> 32 == Mark.session &>> 32 }
}
