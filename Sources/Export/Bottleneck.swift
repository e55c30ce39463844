// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Recording

/// What is won if operations get faster.
extension Report {
  /// In words: the first few that are worth it.
  func putBottlenecks(
    _ assessment: Assessment, _ output: inout Output, _ style: TextStyle
  ) {
    for one in assessment.worthwhile.prefix(3) {
      output.put("  bottleneck: ")
      output.put(style.wholeLabel(words(of: one.reason)))
      output.put("\n")
    }
  }
}

extension Assessment {
  /// Where half of its time is worth a twentieth more progress.
  var worthwhile: [prognos_bottleneck] { bottlenecks.filter { $0.gain_ratio_50 >= 0.05 } }

  /// "bottleneck: ..." of the one that is worth most; nil without one.
  package func bottleneckLine(_ style: TextStyle) -> [UInt8]? {
    worthwhile.first.map {
      Array("bottleneck: ".utf8) + style.wholeLabel(words(of: $0.reason))
    }
  }
}
