// SPDX-License-Identifier: Apache-2.0

/// What is good enough for an operation.
public struct Objective {
  /// 0: any.
  public let latencyNanoseconds: UInt64
  /// Of all calls; 0: no objective.
  public let successRatio: Double

  public init(latencyNanoseconds: UInt64, successRatio: Double) {
    self.latencyNanoseconds = latencyNanoseconds
    self.successRatio = successRatio
  }

  /// The share of calls that may be bad.
  public var budget: Double { max(1 - successRatio, 1e-9) }
}

/// What the host asked for: limits of metrics, then objectives of operations. A table of its own, since a host may
/// ask before there is an assessment, and so that a forked child has it, too. All zeros: nothing was asked for.
enum HostWishes {
  /// Room for more metrics than there are.
  static let limitCount: UInt32 = 32
  /// Of a limit: both bounds. Of an objective: its duration, and its ratio.
  static let bytes: UInt32 = 16
  static let limitBytes = limitCount * bytes
}

/// Any thread writes.
extension Recording {
  private func wish(_ index: UInt32, at start: UInt32) -> UnsafeMutablePointer<Cell64>? {
    let start = zone(start)
    guard header.pointee.wishes.value != 0, index < fitting(.max, of: HostWishes.bytes, at: start)
    else { return nil }
    return at(start &+ index &* HostWishes.bytes)
  }

  private func objectiveCells(of operation: UInt32) -> UnsafeMutablePointer<Cell64>? {
    guard operation <= header.pointee.operationCapacity.value else { return nil }
    return wish(operation, at: header.pointee.wishes.value &+ HostWishes.limitBytes)
  }

  /// False when there is no room for it.
  public func set(_ objective: Objective, of operation: UInt32) -> Bool {
    guard let cells = objectiveCells(of: operation) else { return false }
    // A reader in between finds no objective.
    cells[1].set(0)
    cells[0].publish(objective.latencyNanoseconds)
    cells[1].publish(objective.successRatio.bitPattern)
    return true
  }

  public func objective(of operation: UInt32) -> Objective? {
    guard let cells = objectiveCells(of: operation) else { return nil }
    let ratio = Double(bitPattern: cells[1].acquired)
    guard ratio > 0, ratio < 1 else { return nil }
    return Objective(latencyNanoseconds: cells[0].value, successRatio: ratio)
  }

  private func limitCells(of metric: UInt32) -> UnsafeMutablePointer<Cell64>? {
    metric < HostWishes.limitCount ? wish(metric, at: header.pointee.wishes.value) : nil
  }

  /// Sets the limits of a metric: NaN for none. False when there is no room for it.
  public func setLimits(warn: Double, critical: Double, of metric: UInt32) -> Bool {
    guard let cells = limitCells(of: metric) else { return false }
    // Inverted, so that zeros are NaN.
    cells[0].publish(~warn.bitPattern)
    cells[1].publish(~critical.bitPattern)
    return true
  }

  /// NaN for none.
  public func limits(of metric: UInt32) -> (warn: Double, critical: Double) {
    guard let cells = limitCells(of: metric) else { return (.nan, .nan) }
    return (Double(bitPattern: ~cells[0].acquired), Double(bitPattern: ~cells[1].acquired))
  }
}
