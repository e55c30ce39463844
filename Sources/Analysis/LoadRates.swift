// SPDX-License-Identifier: Apache-2.0
import Recording

/// The rates of a tier of the history, the latest at the end of `room`.
struct LoadRates {
  private(set) var count = 0
  private(set) var start: UnsafeMutablePointer<Double>
  private(set) var latestUnix: UInt64 = 0

  /// - Parameter moment: points that end later do not count: a replay has them.
  init(
    _ recording: Recording, _ tier: Int, until moment: UInt64, most: Int,
    withoutFailed: Bool = false, in room: UnsafeMutablePointer<Double>
  ) {
    var later: ProcessPoint?
    var (found, latest) = (0, UInt64(0))
    let end = room + most
    func add(_ rate: Double) {
      guard found < most else { return }
      found += 1
      (end - found).pointee = min(max(rate, 0), 1e15)
    }
    let span = Double(Tier.span(tier))
    recording.forEachPoint(newestFirst: tier) { point in
      guard point.endMonotonic <= moment || point.run != recording.historyRun else { return true }
      defer { later = point }
      guard let next = later else {
        latest = point.endUnix
        return true
      }
      let isSameRun = next.run == point.run && next.finished >= point.finished
      var done = next.finished &- (isSameRun ? point.finished : 0)
      if withoutFailed {
        let failed = next.failed &- (isSameRun ? min(point.failed, next.failed) : 0)
        done &-= min(failed, done)
      }
      let seconds = Double(next.endMonotonic &- next.startMonotonic) / 1e9
      guard seconds > 0.25 * span / 1e9, seconds < 1e9 else { return true }
      add(Double(done) / seconds)
      // Time that nobody recorded, between processes: as before and after it.
      let gap = Double(Int64(truncatingIfNeeded: next.endUnix &- point.endUnix)) / span - 1
      if gap >= 0.75, gap < Double(most), let one = found > 0 ? (end - found).pointee : nil {
        for _ in 0..<Int(gap.rounded()) { add(one) }
      }
      return found < most
    }
    (count, start, latestUnix) = (found, end - found, latest)
  }
}
