// SPDX-License-Identifier: Apache-2.0
import Recording

/// What an operation with an objective did of late, for its burn rates: how fast the budget of bad calls is used up
/// (Beyer et al., "The Site Reliability Workbook", chapter 5). Sums in rings: 13 slots each of 5 s, 1 minute,
/// 10 minutes and 2 hours.
struct BurnRecord: BitwiseCopyable {
  struct Slot: BitwiseCopyable {
    var calls: UInt32 = 0
    var slow: UInt32 = 0
    var failed: UInt32 = 0

    mutating func add(_ other: Slot) {
      calls = sum(calls, other.calls)
      slow = sum(slow, other.slow)
      failed = sum(failed, other.failed)
    }

    private func sum(_ a: UInt32, _ b: UInt32) -> UInt32 {
      let (sum, isTooMuch) = a.addingReportingOverflow(b)
      return isTooMuch ? .max : sum
    }
  }

  var operation: UInt32 = 0
  var reserved: UInt32 = 0
  /// What the slots count against: another objective begins anew.
  var latencyNanoseconds: UInt64 = 0
  var first: UInt64 = 0
  var alert = AlertState()
  private var latest = InlineArray<4, UInt64>(repeating: 0)
  private var slots = InlineArray<52, Slot>(repeating: Slot())

  private static var slotsPerRing: UInt64 { 13 }

  private static func seconds(ofRing ring: Int) -> UInt64 {
    switch ring {
    case 0: 5
    case 1: 60
    case 2: 600
    default: 7200
    }
  }

  private static func place(_ number: UInt64, ofRing ring: Int) -> Int {
    ring * Int(slotsPerRing) + Int(truncatingIfNeeded: number % slotsPerRing)
  }

  mutating func add(_ slot: Slot, at monotonic: UInt64) {
    if first == 0 { first = max(monotonic, 1) }
    for ring in 0..<4 {
      let number = monotonic / 1_000_000_000 / Self.seconds(ofRing: ring)
      if number > latest[ring] {
        for gone in 0..<min(number &- latest[ring], Self.slotsPerRing) {
          slots[Self.place(number &- gone, ofRing: ring)] = Slot()
        }
        latest[ring] = number
      }
      // A clock that went back counts as standing.
      slots[Self.place(latest[ring], ofRing: ring)].add(slot)
    }
  }

  /// The sums of a window that ends now.
  func sums(seconds: Double, at monotonic: UInt64) -> (calls: Double, slow: Double, failed: Double)
  {
    var ring = 0
    while ring < 3, seconds > Double(Self.seconds(ofRing: ring) * 12) { ring += 1 }
    let width = Self.seconds(ofRing: ring)
    let now = monotonic / 1_000_000_000 / width
    let wanted = min(max(whole(seconds / Double(width)), 1) &+ 1, Self.slotsPerRing)
    var found = (calls: 0.0, slow: 0.0, failed: 0.0)
    for age in 0..<wanted where now >= age {
      let number = now &- age
      guard number <= latest[ring], latest[ring] &- number < Self.slotsPerRing else { continue }
      let slot = slots[Self.place(number, ofRing: ring)]
      found.calls += Double(slot.calls)
      found.slow += Double(slot.slow)
      found.failed += Double(slot.failed)
    }
    return found
  }

  /// The worst of three pairs of windows. An alarm needs both: the long one says that it matters, the short one that
  /// it still goes on; and so does the last minute, for a short window of hours ends late.
  func finding(_ objective: Objective, at monotonic: UInt64) -> (slow: Finding, failed: Finding) {
    let age = Double(monotonic &- min(first, monotonic)) / 1e9
    var (slow, failed) = (Finding(), Finding())
    for pair in 0..<3 {
      let (long, bound) = Self.pair(pair, age: age)
      let (whole, part) = (
        sums(seconds: long, at: monotonic), sums(seconds: long / 12, at: monotonic)
      )
      let latest = sums(seconds: min(long / 12, 60), at: monotonic)
      guard whole.calls > 0, part.calls > 0, latest.calls > 0 else { continue }
      let evidence = Evidence.share(whole.calls, half: 5)
      func level(_ bad: Double, _ lately: Double, _ now: Double) -> Double {
        min(bad / whole.calls, lately / part.calls, now / latest.calls) / objective.budget
      }
      let slowBurn = level(whole.slow, part.slow, latest.slow)
      slow.meet(
        Finding(
          severity: Severity.burn(slowBurn / bound),
          confidence: evidence * Evidence.failures(whole.slow), cause: .slowBurn, value: slowBurn,
          reference: long))
      let failedBurn = level(whole.failed, part.failed, latest.failed)
      failed.meet(
        Finding(
          severity: Severity.burn(failedBurn / bound),
          confidence: evidence * Evidence.failures(whole.failed), cause: .failedBurn,
          value: failedBurn, reference: long))
    }
    return (slow, failed)
  }

  /// The workbook's pairs are for a month: 1 h at 14.4, 6 h at 6, and a day at 3. A young process has windows in
  /// proportion: an hour's from half a day on, and a minute's to begin with.
  private static func pair(_ number: Int, age: Double) -> (seconds: Double, bound: Double) {
    switch number {
    case 0: (min(max(age / 12, 60), 3600), 14.4)
    case 1: (min(max(age / 2, 360), 21_600), 6)
    default: (min(max(age, 3600), 86_400), 3)
    }
  }
}

/// The burn rates of operations that have an objective: a count, then records.
struct BurnRecords {
  private let count: UnsafeMutablePointer<Cell64>
  private let records: UnsafeMutablePointer<BurnRecord>
  private let capacity: Int

  init?(_ recording: Recording) {
    guard let (start, bytes) = recording.assessmentZone(.objectives), bytes >= 64 else {
      return nil
    }
    count = start.assumingMemoryBound(to: Cell64.self)
    records = (start + 64).assumingMemoryBound(to: BurnRecord.self)
    capacity = (bytes - 64) / MemoryLayout<BurnRecord>.stride
  }

  static func bytes(capacity: Int) -> UInt32 {
    UInt32(64 + capacity * MemoryLayout<BurnRecord>.stride)
  }

  /// How many operations have one.
  var used: Int { Int(min(count[0].acquired, UInt64(capacity))) }

  subscript(_ index: Int) -> UnsafeMutablePointer<BurnRecord>? {
    index >= 0 && index < used ? records + index : nil
  }

  /// Makes one for an operation; nil when there is no room. Returns its index plus 1.
  func make(for operation: UInt32) -> UInt32? {
    let index = used
    guard index < capacity else { return nil }
    records[index] = BurnRecord()
    records[index].operation = operation
    count[0].publish(UInt64(index + 1))
    return UInt32(index + 1)
  }
}
