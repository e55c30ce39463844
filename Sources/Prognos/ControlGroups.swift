// SPDX-License-Identifier: Apache-2.0

/// Where the control groups of the process are, as directories, by /proc/self/cgroup and /proc/self/mountinfo
/// (cgroups(7), proc_pid_mountinfo(5)): version 1, where each controller has a hierarchy of its own, version 2, or
/// some of both.
struct ControlGroups {
  /// A group's directory, and how much of it is the mount point: limits are those of all groups between.
  struct Place {
    var directory: [UInt8] = []
    var mountBytes = 0
    var isVersion2 = false

    var exists: Bool { !directory.isEmpty }
  }

  private(set) var memory = Place()
  private(set) var cpu = Place()
  private(set) var processes = Place()
  /// The version 2 group, which has the pressures.
  private(set) var unified = Place()

  init() {}

  init(cgroup: ProcText, mounts: ProcText) {
    for line in mounts.lines {
      guard let mount = Mount(line) else { continue }
      for entry in cgroup.lines {
        // number:controllers:path, where paths may have colons
        let fields = entry.split(separator: 0x3A, maxSplits: 2, omittingEmptySubsequences: false)
        guard fields.count == 3, let place = mount.place(of: fields[2]) else { continue }
        let controllers = fields[1].split(separator: 0x2C)
        if mount.isVersion2 {
          if controllers.isEmpty && fields[0].elementsEqual([0x30]) { unified = place }
          continue
        }
        func has(_ name: StaticString) -> Bool {
          let name = asciiBytes(name)
          return mount.options.contains { $0.elementsEqual(name) }
            && controllers.contains { $0.elementsEqual(name) }
        }
        if has("memory") { memory = place }
        if has("cpu") { cpu = place }
        if has("pids") { processes = place }
      }
    }
    if !memory.exists { memory = unified }
    if !cpu.exists { cpu = unified }
    if !processes.exists { processes = unified }
  }

  /// A mount of control groups.
  private struct Mount {
    let root: [UInt8]
    let point: [UInt8]
    let options: [ArraySlice<UInt8>]
    let isVersion2: Bool

    /// "36 35 98:0 /root /point options optional... - type source superoptions"
    init?(_ line: ArraySlice<UInt8>) {
      let words = line.split(separator: 0x20)
      guard words.count >= 9,
        let dash = words[5...].firstIndex(where: { $0.elementsEqual([0x2D]) }),
        dash + 3 < words.count
      else { return nil }
      isVersion2 = words[dash + 1].elementsEqual(asciiBytes("cgroup2"))
      guard isVersion2 || words[dash + 1].elementsEqual(asciiBytes("cgroup")) else { return nil }
      root = Self.unescaped(words[3])
      point = Self.unescaped(words[4])
      options = words[dash + 3].split(separator: 0x2C)
    }

    /// Where a group's directory is. Of a group outside of what is mounted, as in a container whose own group is
    /// mounted as the root, the mount itself is the nearest.
    func place(of path: ArraySlice<UInt8>) -> Place? {
      guard path.first == 0x2F, point.first == 0x2F, !isUpwards(path) else {
        return Place(directory: point, mountBytes: point.count, isVersion2: isVersion2)
      }
      var rest = path
      if root != [0x2F] {
        let isWithin =
          path.starts(with: root)
          && (path.count == root.count || path.dropFirst(root.count).first == 0x2F)
        rest = isWithin ? path.dropFirst(root.count) : []
      }
      if rest.elementsEqual([0x2F]) { rest = [] }
      return Place(directory: point + rest, mountBytes: point.count, isVersion2: isVersion2)
    }

    private func isUpwards(_ path: ArraySlice<UInt8>) -> Bool {
      path.split(separator: 0x2F).contains { $0.elementsEqual([0x2E, 0x2E]) }
    }

    /// Blanks and their like are "\040": octal.
    private static func unescaped(_ word: ArraySlice<UInt8>) -> [UInt8] {
      var (text, index) = ([UInt8](), word.startIndex)
      while index < word.endIndex {
        if word[index] == 0x5C, index + 3 < word.endIndex {
          let digits = word[index + 1...index + 3]
          if digits.allSatisfy({ (48...55).contains($0) }) {
            text.append(digits.reduce(0) { $0 &* 8 &+ ($1 - 48) })
            index += 4
            continue
          }
        }
        text.append(word[index])
        index += 1
      }
      return text
    }
  }
}

/// What the groups of the process limit and use. 0: no limit, or not known.
struct GroupNumbers {
  var memoryBytes: UInt64 = 0
  var memoryLimit: UInt64 = 0
  /// Of the memory used: what caches files.
  var reclaimableBytes: UInt64 = 0
  /// CPU time a second, in nanoseconds.
  var cpuQuota: UInt64 = 0
  var throttledNanoseconds: UInt64 = 0
  var processes: UInt64 = 0
  var processLimit: UInt64 = 0

  /// Reads them, each from the group of the process up to the root of what is mounted: the tightest limit counts,
  /// with what its own group uses.
  ///
  /// - Parameter read: a file; nil when there is none.
  init(_ groups: ControlGroups, read: ([UInt8]) -> ProcText?) {
    let memoryGroup: [UInt8]
    (memoryLimit, memoryBytes, memoryGroup) = Self.tightest(
      groups.memory, read, limit: groups.memory.isVersion2 ? "memory.max" : "memory.limit_in_bytes",
      used: groups.memory.isVersion2 ? "memory.current" : "memory.usage_in_bytes")
    if memoryLimit > 0, let statistics = read(memoryGroup + asciiBytes("/memory.stat")) {
      // Version 1 has those of the groups below in numbers of their own.
      let isOld = !groups.memory.isVersion2
      reclaimableBytes =
        (statistics.number(after: isOld ? "total_inactive_file" : "inactive_file") ?? 0)
        &+ (statistics.number(after: isOld ? "total_active_file" : "\nactive_file") ?? 0)
    }
    (processLimit, processes, _) = Self.tightest(
      groups.processes, read, limit: "pids.max", used: "pids.current")
    Self.upwards(groups.cpu) { directory in
      guard let quota = Self.quota(directory, groups.cpu.isVersion2, read) else { return }
      if cpuQuota == 0 || quota < cpuQuota { cpuQuota = quota }
    }
    let statistics = groups.cpu.exists ? read(groups.cpu.directory + asciiBytes("/cpu.stat")) : nil
    let microseconds = statistics?.number(after: "throttled_usec ") ?? 0
    throttledNanoseconds = statistics?.number(after: "throttled_time ") ?? (microseconds &* 1000)
  }

  private static func quota(
    _ directory: [UInt8], _ isVersion2: Bool, _ read: ([UInt8]) -> ProcText?
  ) -> UInt64? {
    let (quota, period): (UInt64?, UInt64)
    if isVersion2 {
      // "50000 100000", or "max 100000"
      guard let text = read(directory + asciiBytes("/cpu.max")), isNumber(text) else { return nil }
      (quota, period) = (text.number(0), text.number(1))
    } else {
      guard let text = read(directory + asciiBytes("/cpu.cfs_quota_us")), isNumber(text) else {
        return nil
      }
      (quota, period) = (
        text.number(0), read(directory + asciiBytes("/cpu.cfs_period_us"))?.number(0) ?? 0
      )
    }
    guard let quota, quota > 0, quota < 1 << 40, period > 0 else { return nil }
    return quota &* 1_000_000_000 / period
  }

  /// Not "max", and not "-1".
  private static func isNumber(_ text: ProcText) -> Bool {
    text.bytes.first.map { (48...57).contains($0) } ?? false
  }

  private static func tightest(
    _ place: ControlGroups.Place, _ read: ([UInt8]) -> ProcText?, limit: StaticString,
    used: StaticString
  ) -> (limit: UInt64, used: UInt64, group: [UInt8]) {
    var (tightest, use, group) = (UInt64(0), UInt64(0), place.directory)
    upwards(place) { directory in
      let text = read(directory + [0x2F] + asciiBytes(limit))
      let found = text.map { isNumber($0) ? $0.number(0) : 0 } ?? 0
      // Version 1 has a number near 2^63 for none.
      let isLimit = found > 0 && found < 1 << 62
      guard directory == place.directory || isLimit && (tightest == 0 || found < tightest) else {
        return
      }
      if isLimit { (tightest, group) = (found, directory) }
      use = read(directory + [0x2F] + asciiBytes(used))?.number(0) ?? 0
    }
    return (tightest, use, group)
  }

  /// Calls `body` with a group's directory, and those around it up to the mount point.
  private static func upwards(_ place: ControlGroups.Place, _ body: ([UInt8]) -> Void) {
    guard place.exists else { return }
    var directory = place.directory
    for _ in 0..<64 {
      body(directory)
      guard directory.count > place.mountBytes, let slash = directory.lastIndex(of: 0x2F),
        slash >= place.mountBytes
      else { return }
      directory.removeLast(directory.count - slash)
    }
  }
}
