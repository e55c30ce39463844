// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Recording

/// What is won if operations get faster, in JSON: the fields of `prognos_bottleneck`.
extension Report {
  func putBottlenecks(_ assessment: Assessment, _ json: inout JSONWriter) {
    json.key("bottlenecks")
    json.array { json in
      for one in assessment.bottlenecks {
        json.object { json in
          json.number("share", one.share)
          json.number("gain_ratio_10", one.gain_ratio_10)
          json.number("gain_ratio_50", one.gain_ratio_50)
          json.number("gain_ratio_100", one.gain_ratio_100)
          json.number("gain_low", one.gain_low)
          json.number("gain_high", one.gain_high)
          json.number("cpu_ratio", one.cpu_ratio)
          json.number("memory_ratio", one.memory_ratio)
          json.number("io_ratio", one.io_ratio)
          json.number("lock_ratio", one.lock_ratio)
          json.number("scheduler_ratio", one.scheduler_ratio)
          json.number("confidence", one.confidence)
          json.member("samples", .integer(one.samples))
          json.member("bound_by", words(of: one.bound_by))
          json.member("method", words(of: one.method))
          json.member("reason", words(of: one.reason))
          json.key("progress")
          if isKnown(one.progress) {
            json.string(name(of: one.progress))
          } else {
            json.null()
          }
          putOperation(one.op, &json)
        }
      }
    }
  }

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
