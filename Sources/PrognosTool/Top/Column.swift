// SPDX-License-Identifier: Apache-2.0
import Export
import Glibc

/// A column of the table of operations.
enum Column: Int, CaseIterable {
  case name, calls, rate, failed, median, p95, cpu, wall, allocated, live, io, active

  var title: String {
    switch self {
    case .name: "OPERATION"
    case .calls: "CALLS"
    case .rate: "RATE/S"
    case .failed: "FAILED"
    case .median: "P50"
    case .p95: "P95"
    case .cpu: "CPU %"
    case .wall: "WALL %"
    case .allocated: "ALLOC/S"
    case .live: "LIVE"
    case .io: "I/O/S"
    case .active: "OPEN"
    }
  }

  /// The history does not tell an operation's own part from that of the calls made in it.
  func title(in window: Window) -> String {
    guard window.nanoseconds != nil else { return title }
    switch self {
    case .cpu: return "CPU+%"
    case .wall: return "WALL+%"
    case .allocated: return "ALLOC+/S"
    default: return title
    }
  }

  /// Of its widest usual content.
  var width: Int {
    switch self {
    case .name: 18
    case .calls, .rate: 7
    case .failed, .wall: 7
    case .median, .p95: 8
    case .cpu: 6
    case .allocated, .live, .io: 9
    case .active: 4
    }
  }

  /// The order in which columns find room on a narrow screen.
  private static let byImportance: [Column] = [
    .name, .rate, .p95, .cpu, .calls, .failed, .active, .median, .wall, .allocated, .io, .live,
  ]

  /// A gap stands before each column but the first.
  static let gap = 1
  static let sparklineColumns = 7...32

  /// The columns that a screen has room for, in their order, and how many it leaves to the names and to
  /// the sparklines; these get none when all is full.
  static func fitting(_ width: Int) -> (columns: [Column], name: Int, sparkline: Int) {
    var taken = Column.name.width + sparklineColumns.lowerBound + gap
    var shown: Set<Column> = [.name]
    for column in byImportance.dropFirst() {
      guard taken + column.width + gap <= width else { break }
      taken += column.width + gap
      shown.insert(column)
    }
    let rest = max(width - taken, 0)
    // Names come first up to a length that most have, then the past.
    let name = Column.name.width + min(rest, 18)
    let sparkline = min(
      sparklineColumns.lowerBound + max(rest - 18, 0), sparklineColumns.upperBound)
    if width < Column.name.width + sparklineColumns.lowerBound + gap {
      return ([.name], max(width, 0), 0)
    }
    return (allCases.filter { shown.contains($0) }, name, sparkline)
  }

  /// What the table is sorted by: the larger first, but names from A on.
  var isAscending: Bool { self == .name }

  func precedes(_ a: Row, _ b: Row) -> Bool {
    if self == .name { return a.name != b.name ? a.name < b.name : a.id < b.id }
    let (first, second) = (rank(a), rank(b))
    return first != second ? first > second : a.id < b.id
  }

  /// What differs by some hundredths from look to look counts as alike, so that rows keep their places: those
  /// that were named first come first.
  private func rank(_ row: Row) -> Double {
    let value = value(row)
    switch self {
    case .rate, .cpu, .wall, .allocated, .io:
      return value > 0 ? (log(value) * 20).rounded() : -.infinity
    default: return value
    }
  }

  private func value(_ row: Row) -> Double {
    switch self {
    case .name: 0
    case .calls: Double(row.calls)
    case .rate: row.ratePerSecond
    case .failed: Double(row.failed)
    case .median: Double(row.medianNanoseconds)
    case .p95: Double(row.p95Nanoseconds)
    case .cpu: row.cpuShare
    case .wall: row.wallShare
    case .allocated: row.allocatedPerSecond
    case .live: Double(row.liveBytes)
    case .io: row.ioPerSecond
    case .active: Double(row.active)
    }
  }

  /// The cell of a row.
  func cell(_ row: Row, _ style: TextStyle) -> (text: String, ink: Ink) {
    func bytes(_ number: Double) -> [UInt8] { style.size(UInt64(min(max(number, 0), 0x1p62))) }
    func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
    let isIdle = row.ratePerSecond == 0 && row.active == 0
    let ink: Ink = isIdle ? .dim : .plain
    switch self {
    case .name: return (row.name, isIdle ? .dim : .strong)
    case .calls: return (text(style.count(row.calls)), ink)
    case .rate: return (text(style.rate(row.ratePerSecond)), ink)
    case .failed:
      return row.failed == 0 ? ("-", .dim) : (text(style.count(row.failed)), .bad)
    case .median:
      return row.calls == 0 ? ("-", .dim) : (text(style.duration(row.medianNanoseconds)), ink)
    case .p95:
      return row.calls == 0 ? ("-", .dim) : (text(style.duration(row.p95Nanoseconds)), ink)
    case .cpu: return (percent(row.cpuShare), row.cpuShare >= 0.5 ? .warning : ink)
    case .wall: return (percent(row.wallShare), ink)
    case .allocated:
      return row.allocatedPerSecond < 1 ? ("-", .dim) : (text(bytes(row.allocatedPerSecond)), ink)
    case .live: return row.liveBytes == 0 ? ("-", .dim) : (text(style.size(row.liveBytes)), ink)
    case .io: return row.ioPerSecond < 1 ? ("-", .dim) : (text(bytes(row.ioPerSecond)), ink)
    case .active: return row.active == 0 ? ("-", .dim) : (text(style.count(row.active)), .good)
    }
  }
}

/// A share of one CPU in percent, in at most six columns: 0.4, 99.9, 1600.
func percent(_ share: Double) -> String {
  let tenths = Int((min(max(share, 0), 99_999) * 1000).rounded())
  return tenths < 1000 ? "\(tenths / 10).\(tenths % 10)" : "\((tenths + 5) / 10)"
}
