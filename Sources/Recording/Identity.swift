// SPDX-License-Identifier: Apache-2.0

/// The second page of a recording: whose it is, and what only its process can tell. It lies at the same place
/// in every version from 2 on, so that a reader of any version can say whose recording it does not understand.
/// Its texts begin at `Text.start`.
public struct Identity: ~Copyable {
  /// `Feature`: what else is in the recording.
  public let features: Cell64
  /// The recorded process. Its number is in the header, too.
  public let processID: Cell32
  public let parentID: Cell32
  /// When it began, in clock ticks since the system's start (proc(5), /proc/PID/stat, field 22): with the number
  /// and the boot ID, it names a process for ever. An exec changes neither.
  public let processStart: Cell64
  /// The inode of the PID namespace that the numbers are of.
  public let processNamespace: Cell64
  public let userID: Cell32
  public let cpus: Cell32
  public let pageBytes: Cell32
  public let clockTicksPerSecond: Cell32

  /// `State`, and the Unix time in ns at which it was stopped or the process ended in order; 0 before.
  public let state: Cell32
  /// What whoever switches recording on stores in `Header.mode`.
  public let modeWhenOn: Cell32
  public let stoppedUnix: Cell64

  /// The last sign of life, on all clocks; written by `Recording.beat` alone.
  public let beatTicks: Cell64
  public let beatMonotonic: Cell64
  public let beatUnix: Cell64
  public let beats: Cell64

  // The blocks of the file (LiveFile.swift).
  /// The pages of the arena below this number have blocks in the file; 0 when it is private memory, which has
  /// all it needs.
  public let backedPage: Cell32
  /// The operation that was open on the thread that called exit(); 0 for none.
  public let exitOperation: Cell32
  /// The inode and device of the live file; 0 for private memory.
  public let inode: Cell64
  public let device: Cell64

  public enum State {
    public static let recording: UInt32 = 1
    public static let stopped: UInt32 = 2
    public static let exited: UInt32 = 3
  }

  /// Bits of `features`. A reader that does not know one of the upper 32 cannot understand the recording; the
  /// lower ones it may pass over.
  public enum Feature {
    /// The live recording is a shared mapping of a file.
    public static let file: UInt64 = 1
  }

  /// The texts: NUL-terminated, cut to what fits.
  public enum Text: UInt32, CaseIterable {
    case libraryVersion, command, timeSource, bootID, buildID, hostName
    case timeSourceReason, cpuClockReason, memoryReason, ioReason, stacksReason, samplesReason
    case recordingReason, executable, targetPath

    static let start: UInt32 = 256

    /// Where it begins in the page.
    public var offset: UInt32 {
      switch self {
      case .libraryVersion: 256
      case .command: 272
      case .timeSource: 288
      case .bootID: 320
      case .buildID: 360
      case .hostName: 416
      case .timeSourceReason: 480
      case .cpuClockReason: 576
      case .memoryReason: 672
      case .ioReason: 768
      case .stacksReason: 864
      case .samplesReason: 960
      case .recordingReason: 1056
      case .executable: 1280
      case .targetPath: 1536
      }
    }

    /// The bytes for it, with the NUL.
    public var bytes: UInt32 {
      switch self {
      case .libraryVersion, .command: 16
      case .timeSource: 32
      case .bootID: 40
      case .buildID: 56
      case .hostName: 64
      case .recordingReason: 224
      case .executable: 256
      case .targetPath: 1024
      default: 96
      }
    }
  }

  /// The end of the last text.
  static let bytes: UInt32 = 2560
}

extension Recording {
  @inline(__always) public var identity: UnsafeMutablePointer<Identity> {
    at(Layout.identityOffset)
  }

  /// A text of the identity: `Text.bytes` that end with a NUL in what this library wrote.
  public func identityText(_ text: Identity.Text) -> UnsafeMutablePointer<UInt8> {
    at(Layout.identityOffset &+ text.offset)
  }

  /// Whether another recording has the same text.
  public func hasSameText(_ text: Identity.Text, as other: Recording) -> Bool {
    let (ours, theirs) = (identityText(text), other.identityText(text))
    for index in 0..<Int(text.bytes) {
      if theirs[index] != ours[index] { return false }
      if ours[index] == 0 { break }
    }
    return true
  }

  /// Keeps a text, cut to what fits, and ends it.
  public func setIdentityText(_ text: Identity.Text, _ bytes: UnsafePointer<UInt8>, _ count: Int) {
    let room = identityText(text)
    let kept = min(max(count, 0), Int(text.bytes) &- 1)
    for index in 0..<kept { room[index] = bytes[index] }
    for index in kept..<Int(text.bytes) { room[index] = 0 }
  }

  public func setIdentityText(_ text: Identity.Text, chars: UnsafePointer<CChar>) {
    var count = 0
    while chars[count] != 0 { count &+= 1 }
    setIdentityText(text, UnsafeRawPointer(chars).assumingMemoryBound(to: UInt8.self), count)
  }

  public func setIdentityText(_ text: Identity.Text, _ literal: StaticString) {
    setIdentityText(text, literal.utf8Start, literal.utf8CodeUnitCount)
  }

  /// Says that the process is alive, and when. By the collector's tick, and at start, stop and exit.
  public func beat(ticks: UInt64, monotonicNanoseconds: UInt64, unixNanoseconds: UInt64) {
    identity.pointee.beatTicks.set(ticks)
    identity.pointee.beatMonotonic.set(monotonicNanoseconds)
    identity.pointee.beatUnix.set(unixNanoseconds)
    identity.pointee.beats.add(1)
  }

  public func setState(_ state: UInt32, unixNanoseconds: UInt64) {
    identity.pointee.stoppedUnix.set(state == Identity.State.recording ? 0 : unixNanoseconds)
    identity.pointee.state.publish(state)
  }
}
