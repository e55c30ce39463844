// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Recording

/// Load, scalability and productivity in words.
extension Assessment {
  package func loadLines(_ style: TextStyle) -> [[UInt8]] {
    var lines: [[UInt8]] = []
    func add(_ name: StaticString, _ reason: [UInt8]) {
      var line = Output()
      line.put(name)
      line.put(style.wholeLabel(reason))
      lines.append(line.bytes)
    }
    if let peak { add("next peak: ", words(of: peak.reason)) }
    if let scalability { add("scalability: ", words(of: scalability.reason)) }
    if let productivity { add("efficiency: ", words(of: productivity.reason)) }
    return lines
  }
}
