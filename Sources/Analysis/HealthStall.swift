// SPDX-License-Identifier: Apache-2.0
import Recording

/// Whether the process still gets anything done. It is taken for stalled when nothing finishes, nothing runs and nothing
/// is read or written, and yet more calls are open than when it idles. What stands still in it, `prognos_crash`
/// tells; this is what can be seen within two seconds.
struct StallState: BitwiseCopyable {
  /// As usual: open calls, of them those that finish soon (Little 1961: rate x duration), calls and CPU time a second.
  private var active = 0.0
  private var inFlight = 0.0
  private var rate = 0.0
  private var cpu = 0.0
  /// Seconds that were learnt from; seconds of silence now, and the longest that ended well, which fades.
  private var learnt = 0.0
  private(set) var quiet = 0.0
  private var longest = 0.0

  struct Span {
    let seconds: Double
    let finished: Double
    let active: Double
    /// Seconds of wall time of calls that finished, of CPU time, and bytes.
    let wallSeconds: Double
    let cpuSeconds: Double
    let bytes: Double
  }

  /// A point of the process.
  mutating func observe(_ span: Span) {
    let seconds = min(span.seconds, 3600)
    guard seconds > 0 else { return }
    // The collector itself takes some CPU.
    let isIdle =
      span.finished == 0 && span.cpuSeconds < 0.03 * seconds + 0.01 && span.bytes < 65_536
    let ordinary = active - inFlight
    let expected = max(ordinary, 0) + max(0.9 * inFlight, 0.5)
    guard isIdle, span.active >= max(expected, 1), rate > 0 else {
      if quiet > 0 { longest = max(longest, min(quiet, 3600)) }
      longest *= Math.exp(-seconds / 3600)
      quiet = 0
      guard span.finished > 0 || span.active < 1 else { return }
      let gain = max(seconds / (learnt + seconds), min(seconds / 120, 1))
      learnt += seconds
      active += (span.active - active) * gain
      inFlight += (span.wallSeconds / seconds - inFlight) * gain
      rate += (span.finished / seconds - rate) * gain
      cpu += (span.cpuSeconds / seconds - cpu) * gain
      return
    }
    quiet += seconds
  }

  /// Fatal after a silence of a second where there never was one; where there was, after more than twice the longest.
  var finding: Finding {
    guard quiet > 0 else { return Finding() }
    let excess = quiet - 0.2 - 2 * longest
    // So many calls should have finished: a chance silence is out of the question.
    let missed = 1 - Math.exp(-rate * quiet / 3)
    let known = Evidence.share(learnt, half: 3)
    return Finding(
      severity: excess > 0 ? 1 - Math.exp(-excess / 0.35) : 0, confidence: missed * known,
      cause: .stall, value: quiet)
  }
}
