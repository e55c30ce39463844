// SPDX-License-Identifier: Apache-2.0

/// Where the zones of a recording lie, computed from its limits (docs/recording.md).
///
/// header | identity | operations | name index | names | failure kinds | lane offsets | modules | host frames | wishes | arena
///
/// The zones before the arena have fixed sizes and are touched page by page as they fill. Lanes, nodes,
/// histogram octaves and frame segments come from the arena.
public struct Layout {
  public static let page: UInt32 = 4096
  /// The header's page, and `Identity` in the page behind it.
  public static let headerBytes: UInt32 = 2 * page
  public static let identityOffset: UInt32 = page
  public static let minimumBytes: UInt64 = 1 << 20
  public static let maximumBytes: UInt64 = 1 << 32 - 1

  public let bytes: UInt32
  public private(set) var operationCapacity: UInt32
  public private(set) var laneCapacity: UInt32
  public private(set) var indexCapacity: UInt32 = 0
  public private(set) var operationsOffset: UInt32 = 0
  public private(set) var indexOffset: UInt32 = 0
  public private(set) var namesOffset: UInt32 = 0
  public private(set) var kindsOffset: UInt32 = 0
  public private(set) var lanesOffset: UInt32 = 0
  public private(set) var modulesOffset: UInt32 = 0
  public private(set) var hostFramesOffset: UInt32 = 0
  public private(set) var wishesOffset: UInt32 = 0
  public private(set) var arenaOffset: UInt32 = 0
  /// 2,048 from 32 MiB on, in a smaller recording in proportion.
  public var moduleCapacity: UInt32 { min(max(bytes / 16_384, 32), Self.mostModules) }
  static var mostModules: UInt32 { 2048 }
  /// A power of two.
  public var hostFrameCapacity: UInt32 {
    UInt32(0x8000_0000) &>> UInt32(moduleCapacity.leadingZeroBitCount) &* 2
  }
  /// For the texts of modules behind their table: on average so many a module.
  static let textBytesPerModule: UInt32 = 64

  /// Lays out a recording of at most `memoryLimit` bytes. The tables take at most half of it: where
  /// they would take more, the capacity of the larger one is halved until they fit.
  public init(memoryLimit: UInt64, operations: UInt32, lanes: UInt32) {
    let limit = min(max(memoryLimit, Self.minimumBytes), Self.maximumBytes)
    bytes = UInt32(truncatingIfNeeded: limit) & ~(Self.page - 1)
    operationCapacity = max(operations, 1)
    laneCapacity = max(lanes, 1)
    while !place() {
      let operationBytes = UInt64(operationCapacity) * UInt64(OperationRecord.bytes)
      if operationBytes > UInt64(laneCapacity) * 4 {
        operationCapacity /= 2
      } else {
        laneCapacity /= 2
      }
    }
  }

  /// Places the zones; false when they take more than half.
  private mutating func place() -> Bool {
    let operations = UInt64(operationCapacity)
    var slots: UInt64 = 64
    while slots < operations * 2 { slots *= 2 }
    indexCapacity = UInt32(truncatingIfNeeded: slots)
    var end = UInt64(Self.headerBytes)
    func zone(_ bytes: UInt64) -> UInt32 {
      let start = end
      let page = UInt64(Self.page)
      end += (bytes + page - 1) / page * page
      return UInt32(truncatingIfNeeded: start)
    }
    operationsOffset = zone((operations + 1) * UInt64(OperationRecord.bytes))
    indexOffset = zone(slots * 4)
    namesOffset = zone(operations * 32 + 32 * 1024)
    kindsOffset = zone(UInt64(FailureKind.capacity + 1) * UInt64(FailureKind.bytes))
    lanesOffset = zone(UInt64(laneCapacity) * 4)
    modulesOffset = zone(UInt64(moduleCapacity * (Module.bytes + Self.textBytesPerModule)))
    hostFramesOffset = zone(UInt64(hostFrameCapacity) * UInt64(HostFrame.bytes + 8))
    wishesOffset = zone(UInt64(HostWishes.limitBytes) + (operations + 1) * 16)
    arenaOffset = UInt32(truncatingIfNeeded: end)
    return end <= UInt64(bytes) / 2
  }
}
