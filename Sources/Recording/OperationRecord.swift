// SPDX-License-Identifier: Apache-2.0

/// An operation: its name, and the calls that found no room for a call-tree node.
public struct OperationRecord: ~Copyable {
  public let name: Cell32
  public let nameBytes: Cell32
  public let hash: Cell64
  /// Calls recorded while the memory for call trees was full, by any thread with atomic additions:
  /// they keep their counts and sums, and lose their path and their quantiles.
  public let pathless: PathlessCalls

  public static let bytes: UInt32 = 128
}

public struct PathlessCalls: ~Copyable {
  public let count: Cell64
  public let failed: Cell64
  public let abandoned: Cell64
  public let wallTicks: Cell64
  public let fastestComplement: Cell64
  public let slowestTicks: Cell64
  public let work: Cell64
  public let offCPUNanoseconds: Cell64
  public let voluntarySwitches: Cell64
  public let involuntarySwitches: Cell64
  public let pageFaults: Cell64
  public let callees: Callees
  /// Of spans.
  public let suspendedTicks: Cell64
}

/// A word that `prognos_fail` was given.
public struct FailureKind: ~Copyable {
  /// 0 free, 1 being written, else ready.
  public let state: Cell32
  public let name: Cell32
  public let nameBytes: Cell32
  public let hash: Cell32

  public static let bytes: UInt32 = 16
  /// Kinds are numbered from 1; the last one stands for all that found no room.
  public static let capacity: UInt32 = 256
  public static let other: UInt32 = 256
}
