// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Export
import Glibc
import Recording

/// A recording in a file, opened, and whose it is.
final class Recorded {
  let path: String
  let file: RecordingFile
  let userID: uid_t
  /// What its blocks take, which is less than its size where pages were never touched.
  let bytes: UInt64
  let inode: ino_t

  init(path: String) throws(RecordingFailure) {
    file = try RecordingFile(path: path)
    self.path = path
    var status = stat()
    stat(path, &status)
    userID = status.st_uid
    inode = status.st_ino
    bytes = UInt64(max(status.st_blocks, 0)) &* 512
  }

  deinit { file.close() }

  var recording: Recording { file.recording }
  var processID: UInt32 { recording.header.pointee.processID.value }
  /// A process that went on as another program records no more, though it lives.
  var status: RecordingStatus {
    let told = file.status
    return told == .recording && isReplaced ? .died : told
  }
  var startUnixNanoseconds: Int64 { Int64(bitPattern: recording.header.pointee.startUnix.value) }

  /// Whether begin records, by the switch in the recording itself.
  var isEnabled: Bool { recording.header.pointee.mode.value != Header.Mode.off }

  /// The name of its program.
  var command: String { text(.command) ?? "" }

  /// Where its process wanted it in the end; nil when it wants it where it is.
  var targetPath: String? { text(.targetPath) }

  private func text(_ text: Identity.Text) -> String? {
    let bytes = recording.text(of: text)
    return bytes.isEmpty ? nil : String(decoding: bytes, as: UTF8.self)
  }

  var hasTimeline: Bool { recording.header.pointee.timeline.words.value != 0 }

  /// Whether the process that made it became another program by exec(2), which keeps its number: that does not
  /// map the file. What another user's process maps cannot be told.
  var isReplaced: Bool {
    let inode = recording.identity.pointee.inode.value
    guard inode != 0, file.status == .recording, let told = text(.executable),
      let now = ProcessFiles.executable(processID), !isSame(now, told),
      let maps = ProcessFiles.whole("/proc/\(processID)/maps")
    else { return false }
    return !maps.split(separator: "\n").contains {
      let fields = $0.split(separator: " ", maxSplits: 5)
      return fields.count > 4 && UInt64(fields[4]) == inode
    }
  }

  /// The identity has no more than 255 bytes of the path; of a file that was removed the system says so.
  private func isSame(_ now: String, _ told: String) -> Bool {
    now == told || now == "\(told) (deleted)" || told.utf8.count >= 255 && now.hasPrefix(told)
  }

  /// Whether the file is that of the user whose process it says it is of; of a process that is gone, of any.
  var isOfOwner: Bool {
    var owner = stat()
    return stat("/proc/\(processID)", &owner) != 0 || owner.st_uid == userID
  }

  /// Calls that ended, a second, since the recording began.
  var operationsPerSecond: Double {
    let moment = file.moment(status: status)
    let profile = Profile(of: recording, at: moment, distributions: .none)
    let seconds = Double(profile.durationNanoseconds) / 1e9
    return seconds > 0 ? Double(profile.everything.count) / seconds : 0
  }

  /// The same by the latest two points of its history; nil when there are none, or not of late.
  var operationsPerSecondNow: Double? {
    guard status == .recording else { return nil }
    var points: [ProcessPoint] = []
    recording.forEachOwnPoint(newestFirst: Tier.seconds) {
      points.append($0)
      return points.count < 2
    }
    guard points.count == 2,
      points[0].endMonotonic > points[1].endMonotonic,
      file.moment(status: .recording).monotonicNanoseconds &- points[0].endMonotonic < Self.late
    else { return nil }
    let seconds = Double(points[0].endMonotonic - points[1].endMonotonic) / 1e9
    return Double(points[0].finished - min(points[1].finished, points[0].finished)) / seconds
  }

  /// Three ticks of the collector, and some.
  private static let late: UInt64 = 3_500_000_000

  /// The report on it as it is now.
  ///
  /// - Parameter endedInOrder: that the process did, as its parent knows: it may have left by _exit(2), which
  ///   tells nobody.
  func report(endedInOrder: Bool = false) -> Report {
    let status = endedInOrder && status != .recording ? .stopped : status
    return Report(
      of: file, status: status, path: Array(path.utf8), process: processStatistics(status))
  }

  /// What the system says of the process while it lives.
  private func processStatistics(_ status: RecordingStatus) -> prognos_process_stats? {
    guard status == .recording, let process = ProcessFiles.read(processID) else { return nil }
    var stats = prognos_process_stats()
    let recorded = file.moment(status: status)
    let nanoseconds =
      Double(recorded.ticks &- recording.header.pointee.startTicks.value)
      * recorded.nanosecondsPerTick
    let available = nanoseconds * Double(max(sysconf(Int32(_SC_NPROCESSORS_ONLN)), 1))
    if available > 0 { stats.cpu_ratio = min(Double(process.cpuNanoseconds ?? 0) / available, 1) }
    stats.rss_bytes = process.residentBytes ?? 0
    stats.threads = process.threads ?? 0
    stats.open_fds = process.openFiles ?? 0
    stats.read_bytes = process.readBytes ?? 0
    stats.written_bytes = process.writtenBytes ?? 0
    return stats
  }
}
