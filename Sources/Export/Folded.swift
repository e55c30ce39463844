// SPDX-License-Identifier: Apache-2.0
import Recording

/// A profile as folded stacks, the input of flame graphs (Gregg, flamegraph.pl): a line for each path of
/// operations with its self wall time in nanoseconds.
extension Report {
  public func folded() -> Output {
    var output = Output()
    for path in profile.paths {
      let time = profile.nanoseconds(profile.selfTicks(path))
      if time > 0 { putLine(operations(to: path), time, &output) }
    }
    for (index, calls) in profile.pathless.enumerated() {
      let time = profile.selfNanoseconds(pathless: calls)
      if time > 0 { putLine([UInt32(index + 1)], time, &output) }
    }
    return output
  }

  private func putLine(_ operations: [UInt32], _ time: UInt64, _ output: inout Output) {
    for (index, operation) in operations.enumerated() {
      if index > 0 { output.put(";") }
      output.put(bytes(of: name(of: operation)).map(frameByte))
    }
    output.put(" ")
    output.put(time)
    output.put("\n")
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
