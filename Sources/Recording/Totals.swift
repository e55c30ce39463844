// SPDX-License-Identifier: Apache-2.0

/// What calls cost together: the numbers of one call-tree node, or of many added up.
public struct Totals {
  public var count: UInt64 = 0
  public var active: UInt64 = 0
  public var failed: UInt64 = 0
  public var abandoned: UInt64 = 0
  public var wallTicks: UInt64 = 0
  public var fastestTicks = UInt64.max
  public var slowestTicks: UInt64 = 0
  public var work: UInt64 = 0
  public var offCPUNanoseconds: UInt64 = 0
  public var voluntarySwitches: UInt64 = 0
  public var involuntarySwitches: UInt64 = 0
  public var pageFaults: UInt64 = 0
  /// Of spans, the time that nobody ran them. It is off the CPU.
  public var suspendedTicks: UInt64 = 0
  /// The same, once it is part of `offCPUNanoseconds`.
  var suspendedNanoseconds: UInt64 = 0
  /// Of the wall time and the time off the CPU, open calls included, what spans took: no time of the caller
  /// of their path.
  public var spanTicks: UInt64 = 0
  public var spanOffCPUNanoseconds: UInt64 = 0
  /// What calls made from here took that have no path of their own.
  public var pathlessCalleeTicks: UInt64 = 0
  public var pathlessCalleeOffCPUNanoseconds: UInt64 = 0
  /// What the open calls have taken so far.
  public var openTicks: UInt64 = 0
  /// With what calls inside that are open, too, have waited.
  public var openOffCPUNanoseconds: UInt64 = 0
  /// Failed calls by kind.
  public var failures: [UInt32: UInt64] = [:]

  public init() {}

  /// How often the threads were switched out.
  public var switches: UInt64 { voluntarySwitches &+ involuntarySwitches }

  public mutating func add(_ other: Totals) {
    count &+= other.count
    active &+= other.active
    failed &+= other.failed
    abandoned &+= other.abandoned
    wallTicks &+= other.wallTicks
    fastestTicks = min(fastestTicks, other.fastestTicks)
    slowestTicks = max(slowestTicks, other.slowestTicks)
    work &+= other.work
    offCPUNanoseconds &+= other.offCPUNanoseconds
    voluntarySwitches &+= other.voluntarySwitches
    involuntarySwitches &+= other.involuntarySwitches
    pageFaults &+= other.pageFaults
    suspendedTicks &+= other.suspendedTicks
    suspendedNanoseconds &+= other.suspendedNanoseconds
    spanTicks &+= other.spanTicks
    spanOffCPUNanoseconds &+= other.spanOffCPUNanoseconds
    pathlessCalleeTicks &+= other.pathlessCalleeTicks
    pathlessCalleeOffCPUNanoseconds &+= other.pathlessCalleeOffCPUNanoseconds
    openTicks &+= other.openTicks
    openOffCPUNanoseconds &+= other.openOffCPUNanoseconds
    for (kind, count) in other.failures { failures[kind, default: 0] &+= count }
  }
}
