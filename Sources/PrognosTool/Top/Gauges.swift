// SPDX-License-Identifier: Apache-2.0

/// The numbers of the process as a whole, and their past.
struct Gauges: Equatable {
  /// Of one CPU.
  private(set) var cpu: Double?
  private(set) var operationsPerSecond: Double?
  private(set) var errorsPerMinute: Double?
  private(set) var readPerSecond: Double?
  private(set) var writtenPerSecond: Double?
  private(set) var cpuTrail = Trail()
  private(set) var operationTrail = Trail()
  private(set) var errorTrail = Trail()
  private(set) var residentTrail = Trail()
  private(set) var ioTrail = Trail()

  /// Begins with the past, one value for each look that there would have been.
  mutating func begin(with past: [PastSecond], interval: Double) {
    guard let newest = past.first, let oldest = past.last else { return }
    cpu = newest.cpu
    operationsPerSecond = newest.operationsPerSecond
    errorsPerMinute = newest.errorsPerMinute
    readPerSecond = newest.readPerSecond
    writtenPerSecond = newest.writtenPerSecond
    let ages = PastLooks.ages(
      interval: interval, newest: newest.endedBefore, oldest: oldest.beganBefore)
    for age in ages {
      let second = past.first { $0.endedBefore <= age && age < $0.beganBefore }
      cpuTrail.add(second?.cpu)
      operationTrail.add(second?.operationsPerSecond)
      errorTrail.add(second?.errorsPerMinute)
      residentTrail.add(second?.residentBytes.map { Double($0) })
      ioTrail.add(second?.readPerSecond.map { $0 + (second?.writtenPerSecond ?? 0) })
    }
  }

  /// - Parameter isDrawn: adds the values to those of the past.
  mutating func take(_ reading: Reading, since previous: Reading, isDrawn: Bool) {
    let seconds = Double(reading.atNanoseconds &- previous.atNanoseconds) / 1e9
    guard seconds > 0 else { return }
    func rate(_ now: UInt64?, _ then: UInt64?) -> Double? {
      guard let now, let then else { return nil }
      return Double(now - min(then, now)) / seconds
    }
    cpu = rate(reading.process?.cpuNanoseconds, previous.process?.cpuNanoseconds).map { $0 / 1e9 }
    readPerSecond = rate(reading.process?.readBytes, previous.process?.readBytes)
    writtenPerSecond = rate(reading.process?.writtenBytes, previous.process?.writtenBytes)
    func sum(_ reading: Reading, _ field: KeyPath<Reading.Operation, UInt64>) -> UInt64 {
      reading.operations.reduce(0) { $0 &+ $1[keyPath: field] }
    }
    operationsPerSecond = rate(sum(reading, \.totalCalls), sum(previous, \.totalCalls))
    errorsPerMinute = rate(sum(reading, \.totalFailed), sum(previous, \.totalFailed)).map {
      $0 * 60
    }
    guard isDrawn else { return }
    cpuTrail.add(cpu)
    operationTrail.add(operationsPerSecond)
    errorTrail.add(errorsPerMinute)
    residentTrail.add(reading.process?.residentBytes.map { Double($0) })
    ioTrail.add(readPerSecond.map { $0 + (writtenPerSecond ?? 0) })
  }
}
