// SPDX-License-Identifier: Apache-2.0
import Recording

/// What operations wait for that others have: locks, by who held them, and pools, by how many are in them at once.
extension BottleneckModel {
  /// Adds the locks that threads which have to do with progress wait for. Who waits for whom stands in the recording.
  mutating func addLocks(_ recording: Recording) {
    var (time, waited) = (0.0, 0.0)
    for index in 0..<kinds.count where kinds[index].isCoupled {
      time += kinds[index].time
      waited += kinds[index].lock
    }
    guard waited > 0.01 * time else { return }
    var candidates = Few(Holding())
    var (all, unknownHolder) = (0.0, 0.0)
    recording.forEachWaitEdge { edge in
      guard works(edge.waiting, inCoupled: true) else { return }
      let ticks = Double(edge.ticks)
      all += ticks
      if edge.holding == 0 {
        unknownHolder += ticks
        return
      }
      for index in 0..<candidates.count where candidates[index].operation == edge.holding {
        candidates[index].ticks += ticks
        return
      }
      candidates.add(Holding(operation: edge.holding, ticks: ticks))
    }
    guard all > 0 else { return }
    if unknownHolder > 0.5 * all { candidates = suspects() }
    // Those who are elsewhere than who waits hold the same lock as those who wait.
    var isJoint = false
    var whole = 0.0
    for index in 0..<candidates.count {
      let one = candidates[index]
      guard one.ticks >= 0.03 * all || unknownHolder > 0.5 * all else { continue }
      if one.ticks >= 0.1 * all, !works(one.operation, inCoupled: true) { isJoint = true }
      whole += total(of: one.operation).work
    }
    var joint = ProgressLimit(kind: .held)
    joint.waited = waited / max(time, 1e-9)
    joint.whole = whole
    joint.use = min(whole / max(seconds, 1e-9), 0.995)
    for index in 0..<candidates.count {
      let one = candidates[index]
      guard one.ticks >= 0.03 * all || unknownHolder > 0.5 * all else { continue }
      if isJoint {
        addHolder(one.operation)
        continue
      }
      var limit = ProgressLimit(kind: .held, operation: one.operation)
      limit.whole = total(of: one.operation).work
      limit.use = min(limit.whole / max(seconds, 1e-9), 0.995)
      limit.waited = joint.waited * min(one.ticks / all, 1)
      add(limit)
    }
    if isJoint { add(joint) }
  }

  private struct Holding: BitwiseCopyable {
    var operation: UInt32 = 0
    var ticks = 0.0
  }

  /// Whether an operation, or 0 for none, is at work in threads that have to do with progress.
  func works(_ operation: UInt32, inCoupled coupled: Bool) -> Bool {
    var found = false
    forEach {
      guard $0.operation == operation, let index = index(ofKind: $0.kind) else { return }
      if kinds[index].isCoupled == coupled { found = true }
    }
    return found
  }

  /// Where nobody knows who holds a lock, as with readers: the operations of threads that do not wait for progress.
  private func suspects() -> Few<Holding> {
    var found = Few(Holding())
    forEach { own in
      guard own.operation != 0, let index = index(ofKind: own.kind), !kinds[index].isCoupled,
        own.work > 0.05 * seconds
      else { return }
      found.add(Holding(operation: own.operation, ticks: own.work))
    }
    return found
  }

  /// Adds a pool: where threads that make progress wait for signals within operations, and one of their operations runs
  /// in nearly a whole number of them all the time, fewer than there are, that is as many as may.
  /// `most`: in how many threads an operation was seen at once.
  mutating func addPool(most: (UInt32) -> Int) {
    for index in 0..<kinds.count where kinds[index].isCoupled {
      let kind = kinds[index]
      guard kind.insideSignal > 0.05 * kind.time, kind.threads >= 2 else { continue }
      var best = ProgressLimit(kind: .pool)
      forEach { own in
        guard own.kind == kind.kind, own.operation != 0, own.work > own.signal else { return }
        let atOnce = own.work / max(seconds, 1e-9)
        // Waking up takes a moment, in which nobody is in it.
        let room = (atOnce * 1.02).rounded(.up)
        guard room < kind.threads, atOnce / room > best.use,
          Double(most(own.operation)) <= room
        else { return }
        best.use = min(atOnce / room, 0.995)
        best.operation = own.operation
        best.whole = own.work
        best.threads = room
      }
      best.waited = kind.insideSignal / max(kind.time, 1e-9)
      if best.use > 0 { add(best) }
    }
  }
}
