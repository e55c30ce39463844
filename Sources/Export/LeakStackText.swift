// SPDX-License-Identifier: Apache-2.0
import Analysis
import CPrognos
import Recording

/// Puts the names of a leak's call stack into its text: frames with ';' between, the innermost last, as folded stacks
/// have them. Where it would be too long the outermost frames are left out. Opens the files that hold the names.
public func nameStack(of leak: UnsafeMutablePointer<prognos_leak>, in recording: Recording) {
  let stack = LeakStack.offset(in: leak.pointee)
  guard stack != 0, recording.zone(stack) == stack else { return }
  let names = nameFrames(ofStacks: [stack], in: recording)
  let capacity = MemoryLayout.size(ofValue: leak.pointee.stack)
  var text: [UInt8] = []
  for index in 0..<recording.depth(ofStack: stack) {
    guard let frame = names.index(of: recording.frame(index, ofStack: stack)) else { continue }
    let name = names.frames[frame].label(in: recording)
    if text.count + name.count + 2 > capacity { break }
    text = text.isEmpty ? name : name + [0x3B] + text
  }
  withUnsafeMutableBytes(of: &leak.pointee.stack) { buffer in
    for index in buffer.indices { buffer[index] = index < text.count ? text[index] : 0 }
  }
}
