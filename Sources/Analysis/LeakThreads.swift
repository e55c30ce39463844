// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Recording

extension Assessor {
  /// Threads that are started and never end: the count of the process rises from quarter to quarter of what was
  /// sampled, and one operation started most of them.
  func threadVerdict(at moment: AssessmentMoment) -> LeakVerdict? {
    let count = samples.count
    guard count >= 8 else { return nil }
    var (before, first, latest) = (UInt64(0), UInt64(0), UInt64(0))
    var sample = ResourceSample()
    for quarter in 0..<4 {
      var least = UInt64.max
      // The smallest of a quarter: what goes up and down again does not count.
      for age in (3 - quarter) * count / 4..<(4 - quarter) * count / 4 {
        guard samples.read(age: age, into: &sample) else { return nil }
        least = min(least, sample[.threads].used)
      }
      if quarter == 0 { first = least } else if least <= before { return nil }
      before = least
    }
    _ = samples.read(age: 0, into: &sample)
    latest = sample[.threads].used
    guard latest >= first &+ 8 else { return nil }
    var verdict = LeakVerdict(kind: PROGNOS_LEAK_THREADS)
    verdict.live = Double(latest - first)
    verdict.samples = UInt32(truncatingIfNeeded: latest - first)
    verdict.isGrowing = true
    verdict.isLeak = latest - first >= 32
    verdict.score = verdict.isLeak ? 1 - 1 / Double(latest - first + 2) : 0.5
    (verdict.operation, verdict.calls) = starterOfThreads(atLeast: (latest - first) / 2)
    return verdict
  }

  /// The operation that started the most threads, and its calls; 0 when none started so many.
  private func starterOfThreads(atLeast least: UInt64) -> (operation: UInt32, calls: UInt64) {
    var best = (started: max(least, 1) &- 1, operation: UInt32(0), calls: UInt64(0))
    recording.forEachNode { node in
      let io = recording.zone(node.pointee.io.acquired)
      guard io != 0, node.pointee.operation.value <= recording.operationCount else { return }
      let record: UnsafeMutablePointer<IORecord> = recording.at(io)
      let started = record.pointee.startedThreads.value
      if started > best.started {
        best = (started, node.pointee.operation.value, node.pointee.ended.value)
      }
    }
    return (best.operation, best.calls)
  }
}
