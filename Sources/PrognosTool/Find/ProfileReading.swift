// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Export
import Recording

/// From a profile to what a live view shows.
extension Reading {
  init(_ profile: Profile, _ open: [OpenOperation], processID: UInt32, isLive: Bool) {
    self.processID = processID
    let recording = profile.recording
    recordedNanoseconds = profile.durationNanoseconds
    windowNanoseconds = profile.durationNanoseconds
    operations = profile.operations.enumerated().map { index, operation in
      Operation(
        id: UInt32(index + 1), name: recording.name(of: UInt32(index + 1)),
        stats: profile.statistics(of: operation), distribution: operation.distribution,
        totalCalls: operation.totals.count,
        totalFailed: operation.totals.failed)
    }
    nanosecondsPerTick = profile.moment.nanosecondsPerTick
    self.open = Self.openCalls(profile, open, processID: processID, isLive: isLive)
  }

  /// Shows what was in a window instead of what was in all.
  mutating func take(_ past: HistoryWindow, _ profile: Profile) {
    windowNanoseconds = past.nanoseconds
    for index in operations.indices {
      let live = operations[index].stats.self_live_bytes
      var stats = past.statistics(of: operations[index].id, in: profile)
      // The history does not tell an operation's own part from that of the calls made in it.
      stats.self_cpu_ns = stats.cpu_ns
      stats.self_wall_ns = stats.wall_ns
      stats.self_allocated_bytes = stats.allocated_bytes
      stats.self_live_bytes = live
      operations[index].stats = stats
    }
  }

  /// The innermost open operation of each thread, with those around it.
  private static func openCalls(
    _ profile: Profile, _ open: [OpenOperation], processID: UInt32, isLive: Bool
  ) -> [Open] {
    var calls: [Open] = []
    var names: [String] = []
    var last: OpenOperation?
    var known: [UInt32: String] = [:]
    func add() {
      guard let last else { return }
      let ticks = profile.moment.ticks
      let name = isLive ? ProcessFiles.threadName(processID, last.threadID) : nil
      calls.append(
        Open(
          thread: name.map { "\($0) \(last.threadID)" } ?? "thread \(last.threadID)", names: names,
          nanoseconds: profile.nanoseconds(ticks > last.startTicks ? ticks - last.startTicks : 0)))
    }
    for operation in open {
      if operation.depth == 0 {
        add()
        names = []
      }
      let name = known[operation.operation] ?? profile.recording.name(of: operation.operation)
      known[operation.operation] = name
      names.append(name)
      last = operation
    }
    add()
    return calls
  }
}

extension Reading.Detail {
  init(_ report: Report, _ id: UInt32) {
    self.init(id: id)
    let profile = report.profile
    guard id > 0, Int(id) <= profile.operations.count else { return }
    let operation = profile.operations[Int(id) - 1]
    let stats = profile.statistics(of: operation)
    if stats.count > 0 {
      quantiles = [
        ("fastest", stats.wall_min_ns), ("p50", stats.wall_p50_ns), ("p95", stats.wall_p95_ns),
        ("p99", stats.wall_p99_ns), ("slowest", stats.wall_max_ns),
      ]
    }
    failures = report.failures(ofOperation: id).map {
      (String(decoding: $0.kind, as: UTF8.self), $0.count)
    }
    functions = report.hottestFunctions(ofOperation: id).map {
      Share(name: String(decoding: $0.name, as: UTF8.self), calls: 0, nanoseconds: $0.nanoseconds)
    }
    var callers: [UInt32: Share] = [:]
    var callees: [UInt32: Share] = [:]
    for path in profile.paths {
      let caller = path.parent.map { profile.paths[$0].operation } ?? 0
      if path.operation == id { add(path, caller, to: &callers, profile) }
      if caller == id { add(path, path.operation, to: &callees, profile) }
    }
    self.callers = callers.values.sorted { $0.nanoseconds > $1.nanoseconds }
    self.callees = callees.values.sorted { $0.nanoseconds > $1.nanoseconds }
  }

  private func add(
    _ path: Profile.Path, _ other: UInt32, to shares: inout [UInt32: Share], _ profile: Profile
  ) {
    let before = shares[other]
    shares[other] = Share(
      name: other == 0 ? "(no caller)" : profile.recording.name(of: other),
      calls: (before?.calls ?? 0) &+ path.totals.count,
      nanoseconds: (before?.nanoseconds ?? 0) &+ profile.nanoseconds(path.wallTicksSoFar))
  }
}

extension Recording {
  func name(of operation: UInt32) -> String {
    String(decoding: name(ofOperation: operation), as: UTF8.self)
  }
}
