// SPDX-License-Identifier: Apache-2.0
// What the library makes of pasts: built by fit.py from this file and the library's own sources.
import Glibc

enum Math {
  static func log(_ x: Double) -> Double { Glibc.log(x) }
}

@main
struct Features {
  /// IN: of each past the number of samples, each how many features are wanted, the longest block, then time and share.
  /// OUT: 32-bit floats: the past, the time, ln of the time going on as before, and the features.
  static func main() {
    guard CommandLine.arguments.count > 2, let input = fopen(CommandLine.arguments[1], "rb"),
      let output = fopen(CommandLine.arguments[2], "wb")
    else { return }
    let scratch = UnsafeMutablePointer<ExhaustionFeatures.Scratch>.allocate(capacity: 1)
    scratch.initialize(to: .init())
    var head = (Int32(0), Int32(0))
    var (longest, past) = (0.0, Float(0))
    var row = [Float](repeating: 0, count: 3 + ExhaustionFeatures.count)
    while fread(&head, 8, 1, input) == 1, fread(&longest, 8, 1, input) == 1 {
      var samples = [Double](repeating: 0, count: Int(head.0) * 2)
      fread(&samples, 16, Int(head.0), input)
      var history = UsageHistory()
      for index in 0..<Int(head.0) {
        history.add(
          samples[2 * index], used: samples[2 * index + 1], limit: 1, longestBlock: longest)
        guard index % Int(head.1) == Int(head.1) - 1,
          let features = ExhaustionFeatures(history, scratch)
        else { continue }
        row[0] = past
        row[1] = Float(samples[2 * index])
        row[2] = Float(features.logTime)
        for feature in 0..<ExhaustionFeatures.count { row[3 + feature] = Float(features.values[feature]) }
        fwrite(row, 4, row.count, output)
      }
      past += 1
    }
    fclose(output)
  }
}
