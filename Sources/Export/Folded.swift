// SPDX-License-Identifier: Apache-2.0
import Recording

/// A profile as folded stacks, the input of flame graphs (Gregg, flamegraph.pl): a line for each path of
/// operations with its self wall time in nanoseconds. Where call stacks were sampled, that time is divided
/// among them, and their functions follow the operations; what no sample met stays with the path alone.
extension Report {
  public func folded() -> Output {
    var output = Output()
    var sitesOfPath = [[Int]](repeating: [], count: profile.paths.count)
    for (index, site) in profile.sites.enumerated() where site.nanoseconds > 0 && site.stack != 0 {
      if let path = site.path { sitesOfPath[path].append(index) }
    }
    for (index, path) in profile.paths.enumerated() {
      let time = profile.nanoseconds(profile.selfTicks(path))
      let sampled = sitesOfPath[index].reduce(UInt64(0)) { $0 + profile.sites[$1].nanoseconds }
      // Samples are an estimate, and may come to more than there was.
      let scale = sampled > time ? Double(time) / Double(sampled) : 1
      var left = time
      for site in sitesOfPath[index].map({ profile.sites[$0] }) {
        let share = min(UInt64(Double(site.nanoseconds) * scale), left)
        left -= share
        if share > 0 { putLine(operations(to: path), functions(of: site.stack), share, &output) }
      }
      if left > 0 { putLine(operations(to: path), [], left, &output) }
    }
    for (index, calls) in profile.pathless.enumerated() {
      let time = profile.selfNanoseconds(pathless: calls)
      if time > 0 { putLine([UInt32(index + 1)], [], time, &output) }
    }
    return output
  }

  private func putLine(
    _ operations: [UInt32], _ functions: [[UInt8]], _ time: UInt64, _ output: inout Output
  ) {
    for (index, operation) in operations.enumerated() {
      if index > 0 { output.put(";") }
      output.put(bytes(of: name(of: operation)).map(frameByte))
    }
    for function in functions {
      output.put(";")
      output.put(function.map(frameByte))
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

/// The form has no escapes: what would end a frame or a line is replaced.
private func frameByte(_ byte: UInt8) -> UInt8 {
  switch byte {
  case 0x3B: 0x2C  // ";" becomes ","
  case 0..<0x20: 0x20
  default: byte
  }
}
