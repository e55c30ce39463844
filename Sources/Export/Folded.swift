// SPDX-License-Identifier: Apache-2.0
import Recording

/// A profile as folded stacks, the input of flame graphs (Gregg, flamegraph.pl): a line for each path of
/// operations with its self wall time in nanoseconds. Where call stacks were sampled, that time is divided
/// among them, and their functions follow the operations; what no sample met stays with the path alone.
extension Report {
  public func folded() -> Output {
    var output = Output()
    var leftOut: UInt64 = 0
    func put(_ path: Profile.Path, _ stack: UInt32, _ time: UInt64) {
      if output.bytes.count < Self.mostFoldedBytes {
        putLine(operations(to: path), functions(of: stack), time, &output)
      } else {
        leftOut &+= time
      }
    }
    var sitesOfPath = [[Int]](repeating: [], count: profile.paths.count)
    for (index, site) in profile.sites.enumerated() where site.nanoseconds > 0 && site.stack != 0 {
      if let path = site.path { sitesOfPath[path].append(index) }
    }
    for (index, path) in profile.paths.enumerated() {
      let time = profile.nanoseconds(profile.selfTicks(path))
      let sampled = sitesOfPath[index].reduce(UInt64(0)) { $0 &+ profile.sites[$1].nanoseconds }
      // Samples are an estimate, and may come to more than there was.
      let scale = sampled > time ? Double(time) / Double(sampled) : 1
      var left = time
      for site in sitesOfPath[index].map({ profile.sites[$0] }) {
        let share = min(wholePart(Double(site.nanoseconds) * scale), left)
        left -= share
        if share > 0 { put(path, site.stack, share) }
      }
      if left > 0 { put(path, 0, left) }
    }
    for (index, calls) in profile.pathless.enumerated() {
      let time = profile.selfNanoseconds(pathless: calls)
      if time > 0 { putLine([UInt32(index + 1)], [], time, &output) }
    }
    if leftOut > 0 {
      output.put("(left out: the rest is longer than 256 MiB) ")
      output.put(leftOut)
      output.put("\n")
    }
    return output
  }

  /// A line repeats all its callers: a few megabytes of a recording may stand for gigabytes of lines, which no
  /// flame graph can show.
  private static var mostFoldedBytes: Int { 256 << 20 }

  private func putLine(
    _ operations: [UInt32], _ functions: [[UInt8]], _ time: UInt64, _ output: inout Output
  ) {
    for (index, operation) in operations.enumerated() {
      if index > 0 { output.put(";") }
      output.put(frame(name(of: operation)))
    }
    for function in functions {
      output.put(";")
      output.put(frame(function))
    }
    output.put(" ")
    output.put(time)
    output.put("\n")
  }

  /// The functions of a stack, outermost first.
  private func functions(of stack: UInt32) -> [[UInt8]] {
    frames(ofStack: stack).reversed().map { label(ofFrame: $0) }
  }

  /// The operations of a path, outermost first.
  private func operations(to path: Profile.Path) -> [UInt32] {
    var operations = [path.operation]
    var caller = path.parent
    while let index = caller {
      operations.append(profile.paths[index].operation)
      caller = profile.paths[index].parent
    }
    // One frame for direct recursion, and no more frames than a flame graph can show: paths may be
    // thousands deep, each with a line of its own.
    var frames: [UInt32] = []
    for operation in operations.reversed() where operation != frames.last && frames.count < 500 {
      frames.append(operation)
    }
    return frames
  }
}

/// The form has no escapes: what would end a frame or a line, or drive a terminal, is replaced.
private func frame(_ name: [UInt8]) -> [UInt8] {
  var frame = name
  for (index, byte) in name.enumerated() {
    switch byte {
    case 0x3B: frame[index] = 0x2C  // ";" becomes ","
    case 0..<0x20, 0x7F: frame[index] = 0x20
    // U+0080 to U+009F become U+00A0 to U+00BF.
    case 0x80..<0xA0 where index > 0 && name[index - 1] == 0xC2: frame[index] = byte + 0x20
    default: break
    }
  }
  return frame
}
