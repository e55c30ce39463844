// SPDX-License-Identifier: Apache-2.0

/// What can run out. The raw value is its place in a sample.
public enum Resource: Int, CaseIterable {
  case addressSpace
  case data
  case groupMemory
  case hostMemory
  case descriptors
  case userProcesses
  case groupProcesses
  case maps
  case disk
  case inodes
  case fileSize
  /// In milliseconds.
  case cpuSeconds
  /// Nanoseconds a second that the control group had to wait for its quota; the limit is 1 s.
  case throttled
  case stack
  /// The fullest file system among those that the process writes to, if that is not `disk`'s.
  case writtenDisk
  // Without a limit of their own, but known to leak.
  case residentMemory
  case heap
  case threads
  case sockets
}

/// How much of each resource is used at a moment, and its limit: 0 for none.
public struct ResourceSample: BitwiseCopyable {
  public var monotonicNanoseconds: UInt64 = 0
  public var unixNanoseconds: UInt64 = 0
  public var used = InlineArray<24, UInt64>(repeating: 0)
  public var limit = InlineArray<24, UInt64>(repeating: 0)

  public init() {}

  public subscript(_ resource: Resource) -> (used: UInt64, limit: UInt64) {
    get { (used[resource.rawValue], limit[resource.rawValue]) }
    set {
      used[resource.rawValue] = newValue.used
      limit[resource.rawValue] = newValue.limit
    }
  }
}
