// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Recording

/// The span of time that rates, shares and quantiles are of.
enum Window: CaseIterable, Equatable {
  /// Between the two latest looks.
  case now
  case lastMinute, last5Minutes, lastHour, total

  /// How far back it reaches; nil when that is no matter of the recording's history.
  var nanoseconds: UInt64? {
    switch self {
    case .now, .total: nil
    case .lastMinute: 60_000_000_000
    case .last5Minutes: 300_000_000_000
    case .lastHour: 3_600_000_000_000
    }
  }

  var name: String {
    switch self {
    case .now: "now"
    case .lastMinute: "last minute"
    case .last5Minutes: "last 5 minutes"
    case .lastHour: "last hour"
    case .total: "total"
    }
  }
}

/// All that a live view knows: what was read, and what the keys asked for. Knows nothing of terminals.
struct Model {
  enum View: Equatable {
    case table
    case detail(UInt32)
    case help
  }

  private(set) var reading = Reading()
  private var previous: Reading?
  private(set) var hasReading = false
  /// In the order in which they are shown.
  private(set) var rows: [Row] = []
  private var trails: [UInt32: Trail] = [:]
  /// Of the latest interval in which an operation had calls, in nanoseconds.
  private var latest: [UInt32: Quantiles] = [:]
  private(set) var gauges = Gauges()

  var view = View.table
  var window = Window.now
  var sort = Column.rate
  var isReversed = false
  var filter = ""
  /// What the filter was before it was being typed.
  private(set) var filterBefore: String?
  var isPaused = false
  /// The operation that keys act upon; nil before one was chosen.
  var selected: UInt32?
  /// How many rows a page has, as the screen showed them last.
  var page = 10
  /// Seconds between two looks.
  private(set) var interval: Double

  /// Whether there were two looks: before, what is shown is of all the time since the recording began.
  var hasTwoLooks: Bool { previous != nil }

  var isTyping: Bool { filterBefore != nil }

  init(interval: Double = 1) { self.interval = interval }

  // MARK: What is read

  /// Takes a new reading; rates are of the time since the one before.
  mutating func take(_ reading: Reading) {
    // Of what ended nothing new comes: the rates of its last moments stay.
    if hasReading, self.reading.status != .live, reading.status != .live,
      self.reading.window == reading.window
    {
      self.reading.detail = reading.detail
      return
    }
    let elapsed = hasReading ? reading.atNanoseconds &- self.reading.atNanoseconds : 0
    // A second look within no time says nothing new of rates; the reading replaces the one before.
    if hasReading && elapsed > 0 && elapsed < 1 << 62 { previous = self.reading }
    if !hasReading { begin(with: reading) }
    self.reading = reading
    hasReading = true
    // A look in between, as keys ask for, is of too short a time: one call in it would be a tower.
    let isDrawn = Double(elapsed) >= interval * 0.75e9
    if let previous { gauges.take(reading, since: previous, isDrawn: isDrawn) }
    makeRows(isNew: elapsed > 0, isDrawn: isDrawn)
  }

  /// Draws the time before the first look.
  private mutating func begin(with reading: Reading) {
    gauges.begin(with: reading.past, interval: interval)
    guard let newest = reading.past.first, let oldest = reading.past.last else { return }
    let ages = PastLooks.ages(
      interval: interval, newest: newest.endedBefore, oldest: oldest.beganBefore)
    for operation in reading.operations {
      trails[operation.id] = Trail(reading.pastCalls[operation.id] ?? [], at: ages)
    }
  }

  private mutating func makeRows(isNew: Bool, isDrawn: Bool) {
    var before: [UInt32: Reading.Operation] = [:]
    for operation in previous?.operations ?? [] { before[operation.id] = operation }
    let elapsed = previous.map { reading.atNanoseconds &- $0.atNanoseconds } ?? 0
    rows = reading.operations.filter { $0.totalCalls > 0 || $0.stats.active > 0 }.map { operation in
      var trail = trails[operation.id] ?? Trail()
      // Before there are two readings, rates are those since the beginning.
      let isDifference = reading.window == .now && previous != nil
      var row = Row(
        operation, since: isDifference ? before[operation.id]?.stats : nil,
        nanoseconds: isDifference ? elapsed : reading.windowNanoseconds, trail: trail)
      if isNew, previous != nil {
        let then = before[operation.id]?.distribution ?? Distribution()
        let found = Quantiles(operation.distribution.since(then), reading.nanosecondsPerTick)
        latest[operation.id] = found ?? latest[operation.id]
      }
      if isDifference, let found = latest[operation.id] {
        (row.medianNanoseconds, row.p95Nanoseconds) = (found.median, found.p95)
      }
      guard isDrawn, previous != nil else { return row }
      let then = before[operation.id]?.totalCalls ?? 0
      let calls = operation.totalCalls
      trail.add(Double(calls - min(then, calls)) / max(Double(elapsed) / 1e9, 1e-9))
      trails[operation.id] = trail
      row.trail = trail
      return row
    }
    arrange()
  }

  private mutating func arrange() {
    let ascending = sort
    rows.sort { isReversed ? ascending.precedes($1, $0) : ascending.precedes($0, $1) }
  }

  /// The rows that the filter lets through: those whose name has it, in capitals or not.
  var shown: [Row] {
    guard !filter.isEmpty else { return rows }
    let wanted = filter.lowercased()
    return rows.filter { $0.name.lowercased().contains(wanted) }
  }

  /// The operation that the detail is wanted of.
  var detailed: UInt32? {
    if case .detail(let id) = view { return id }
    return nil
  }

  /// Where the selected row is among those shown: the first when it is none of them.
  var selectedIndex: Int { shown.firstIndex { $0.id == selected } ?? 0 }

  // MARK: What the keys ask for

  enum Action: Equatable {
    case none, quit, suspend
    /// The screen may have been spoilt: all of it is to be drawn.
    case redraw
    /// Another reading is wanted at once.
    case read
  }

  mutating func press(_ key: Key) -> Action {
    switch key {
    case .interrupt: return .quit
    case .suspend: return .suspend
    case .redraw: return .redraw
    default: break
    }
    if isTyping {
      type(key)
      return .none
    }
    switch view {
    case .help:
      if key == .character("q") { return .quit }
      view = .table
      return .none
    case .detail:
      switch key {
      case .character("q"): return .quit
      case .escape, .enter, .backspace, .left: view = .table
      case .character("?"), .character("h"): view = .help
      default: return common(key)
      }
      return .none
    case .table: return tableKey(key)
    }
  }

  private mutating func tableKey(_ key: Key) -> Action {
    switch key {
    case .character("q"): return .quit
    case .up, .character("k"): move(-1)
    case .down, .character("j"): move(1)
    case .pageUp: move(-page)
    case .pageDown: move(page)
    case .home, .character("g"): move(.min)
    case .end, .character("G"): move(.max)
    case .character("s"), .character(">"), .right: sortBy(1)
    case .character("<"), .left: sortBy(-1)
    case .character("r"):
      isReversed.toggle()
      arrange()
    case .character("/"): filterBefore = filter
    case .escape: filter = ""
    case .enter:
      guard !shown.isEmpty else { return .none }
      let id = shown[selectedIndex].id
      selected = id
      view = .detail(id)
      return .read
    case .character("?"), .character("h"): view = .help
    default: return common(key)
    }
    return .none
  }

  private mutating func common(_ key: Key) -> Action {
    switch key {
    case .character("p"), .character(" "):
      isPaused.toggle()
      return isPaused ? .none : .read
    case .character("w"):
      let all = Window.allCases
      window = all[((all.firstIndex(of: window) ?? 0) + 1) % all.count]
      return .read
    case .character("+"): interval = min(interval * 2, 60)
    case .character("-"): interval = max(interval / 2, 0.1)
    default: break
    }
    return .none
  }

  private mutating func type(_ key: Key) {
    switch key {
    case .enter: filterBefore = nil
    case .escape:
      filter = filterBefore ?? ""
      filterBefore = nil
    case .backspace: if !filter.isEmpty { filter.removeLast() }
    case .character(let letter): filter.append(letter)
    default: break
    }
  }

  private mutating func move(_ by: Int) {
    let shown = shown
    guard !shown.isEmpty else { return }
    let (index, isOver) = selectedIndex.addingReportingOverflow(by)
    let wanted = isOver ? (by < 0 ? 0 : shown.count - 1) : index
    selected = shown[min(max(wanted, 0), shown.count - 1)].id
  }

  private mutating func sortBy(_ step: Int) {
    let all = Column.allCases
    let index = (all.firstIndex(of: sort) ?? 0) + step
    sort = all[(index + all.count) % all.count]
    isReversed = false
    arrange()
  }
}
