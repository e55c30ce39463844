// SPDX-License-Identifier: Apache-2.0
import Analysis
import CPrognos
import Recording

/// All that a profile in any form is made from.
public struct Report {
  public let profile: Profile
  public let process: prognos_process_stats
  public let capabilities: prognos_capabilities
  public let diagnostics: prognos_diagnostics
  public let libraryVersion: StaticString
  public let processID: UInt32
  /// The name of the program; empty when the system does not tell it.
  public let command: [UInt8]
  public let startUnixNanoseconds: Int64
  public let endUnixNanoseconds: Int64
  /// The frames of the call sites.
  public let frames: FrameNames
  /// nil in a report without any.
  public let sessions: Sessions?
  /// The latest past, shortest first; empty without a collector.
  public let windows: [Window]

  public struct Window {
    public let name: StaticString
    public let operations: HistoryWindow
    public let process: prognos_process_stats

    public init(name: StaticString, operations: HistoryWindow, process: prognos_process_stats) {
      self.name = name
      self.operations = operations
      self.process = process
    }
  }
  /// What the collector concluded; nil without one.
  package let assessment: Assessment?
  /// What is worth changing, what brings the most first.
  package let suggestions: [prognos_suggestion]
  /// What is known of a recording that another process made; nil in its own.
  public let origin: RecordingOrigin?

  public init(
    profile: Profile, process: prognos_process_stats, capabilities: prognos_capabilities,
    diagnostics: prognos_diagnostics, libraryVersion: StaticString, processID: UInt32,
    command: [UInt8], startUnixNanoseconds: Int64, endUnixNanoseconds: Int64,
    frames: FrameNames = FrameNames(), sessions: Sessions? = nil, windows: [Window] = [],
    origin: RecordingOrigin? = nil
  ) {
    self.profile = profile
    self.process = process
    self.capabilities = capabilities
    self.diagnostics = diagnostics
    self.libraryVersion = libraryVersion
    self.processID = processID
    self.command = command
    self.startUnixNanoseconds = startUnixNanoseconds
    self.endUnixNanoseconds = endUnixNanoseconds
    self.frames = frames
    self.sessions = sessions
    self.windows = windows
    self.origin = origin
    suggestions = Suggestions(of: profile).found
    assessment = Assessment(of: profile.recording, at: profile.moment)
  }

  /// The name of an operation.
  func name(of operation: UInt32) -> [UInt8] { profile.recording.name(ofOperation: operation) }

  /// The children of each path, the one with the most wall time first, and the outermost paths.
  func childrenByTime() -> (outermost: [Int], children: [[Int]]) {
    var outermost: [Int] = []
    var children = [[Int]](repeating: [], count: profile.paths.count)
    // Callers stand before those they call.
    var isShown = profile.paths.map { $0.hasCalls }
    for index in isShown.indices.reversed() where isShown[index] {
      if let parent = profile.paths[index].parent { isShown[parent] = true }
    }
    for (index, path) in profile.paths.enumerated() where isShown[index] {
      if let parent = path.parent {
        children[parent].append(index)
      } else {
        outermost.append(index)
      }
    }
    for index in children.indices where children[index].count > 1 {
      children[index] = longestFirst(children[index])
    }
    return (longestFirst(outermost), children)
  }

  private func longestFirst(_ paths: [Int]) -> [Int] {
    ranks(paths.map { profile.paths[$0].wallTicksSoFar }).map { paths[$0] }
  }

  /// Failed calls by kind, the most frequent first. Kinds that were numbered twice are put together, and
  /// those that found no room with a host's own "other".
  func failures(_ totals: Totals) -> [(kind: [UInt8], count: UInt64)] {
    var found: [(kind: [UInt8], count: UInt64)] = []
    for (number, count) in totals.failures {
      let kind = profile.recording.textOfKind(number) ?? Array("other".utf8)
      if let index = found.firstIndex(where: { $0.kind == kind }) {
        found[index].count &+= count
      } else {
        let place = found.firstIndex { precedes(kind, $0.kind) } ?? found.count
        found.insert((kind, count), at: place)
      }
    }
    return ranks(found.map { $0.count }).map { found[$0] }
  }
}

private func precedes(_ a: [UInt8], _ b: [UInt8]) -> Bool {
  for (first, second) in zip(a, b) where first != second { return first < second }
  return a.count < b.count
}
