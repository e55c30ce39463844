// SPDX-License-Identifier: Apache-2.0
import Recording

/// What may limit progress: threads of one kind, a lock or a pool, the CPUs, or what arrives from outside. `use` is the
/// share of the time in which it is at work: of a resource that limits alone, 1.
struct ProgressLimit: BitwiseCopyable {
  enum Kind: UInt8 {
    case threads
    /// What operations hold that others wait for.
    case held
    case pool
    case cpu
  }

  var kind = Kind.threads
  var use = 0.0
  /// Of threads: their kinds; 0 in the upper for one.
  var threadKind: UInt32 = 0
  /// Of what is held or pooled: the operation; 0 when it is several.
  var operation: UInt32 = 0
  /// What its use is made of, in seconds of the window.
  var whole = 0.0
  /// The time that others wait for it, as a share of theirs.
  var waited = 0.0
  /// How many threads work at it.
  var threads = 0.0
}

/// Threads of one kind.
struct ThreadKind: BitwiseCopyable {
  var kind: UInt32 = 0
  var threads = 0.0
  /// In seconds of the window.
  var time = 0.0
  var lock = 0.0
  var signal = 0.0
  /// Of them within operations.
  var insideSignal = 0.0
  var idle = 0.0
  var ready = 0.0
  var cpu = 0.0
  /// Calls that nothing is around, of the operation with the most.
  var calls = 0.0
  /// It finishes the progress operation; its work has to do with progress.
  var makesProgress = false
  var isCoupled = false
}

/// A few of something, in a value.
struct Few<Element: BitwiseCopyable> {
  private var elements: InlineArray<32, Element>
  private(set) var count = 0

  init(_ zero: Element) { elements = InlineArray(repeating: zero) }

  subscript(_ index: Int) -> Element {
    get { elements[index] }
    set { elements[index] = newValue }
  }

  mutating func add(_ element: Element) {
    guard count < 32 else { return }
    elements[count] = element
    count += 1
  }
}

/// What limits the progress of a window, from sums of own times.
struct BottleneckModel {
  let times: OwnTimes
  let seconds: Double
  let cpus: Double
  let progress: UInt32
  private(set) var kinds = Few(ThreadKind())
  private(set) var limits = Few(ProgressLimit())
  /// Finished calls of the progress operation in the window.
  private(set) var completions = 0.0
  /// How sharply the limits work: see `solveSharpness`.
  private(set) var sharpness = 1.0
  /// The sum of `use` to the power of the sharpness, of all limits; and what nothing known accounts for.
  private(set) var known = 0.0
  private(set) var unknown = 0.0

  init(_ times: OwnTimes, seconds: Double, cpus: Double, progress: UInt32) {
    self.times = times
    self.seconds = seconds
    self.cpus = cpus
    self.progress = progress
  }

  func forEach(_ body: (OwnTime) -> Void) {
    for slot in 0..<times.capacity where times.slots[slot].key != 0 { body(times.slots[slot]) }
  }

  /// How much of the CPUs all operations take.
  private(set) var cpuUse = 0.0
  /// The share of the time ready without a CPU that is due to the process itself: near 1 when it fills the CPUs.
  private var ownCrowding: Double { Math.pow(min(cpuUse, 1), 6) }

  /// `ready`: how long threads waited for CPUs by the system's count; 0 where it is not known.
  mutating func addUpKinds(ready: Double) {
    var cpu = 0.0
    for slot in 0..<times.capacity where times.slots[slot].key != 0 {
      let own = times.slots[slot]
      if own.operation == 0 {
        // Threads that are gone count as far as they worked.
        let work = max(-own.wall, 0) / max(seconds, 1e-9)
        var kind = ThreadKind(kind: own.kind, threads: max(own.threads, work))
        kind.time = kind.threads * seconds
        kinds.add(kind)
      } else {
        cpu += own.cpu
      }
    }
    cpuUse = cpu / max(cpus * seconds, 1e-9)
    uncoverReadyTime(ready)
    for slot in 0..<times.capacity where times.slots[slot].key != 0 {
      let own = times.slots[slot]
      guard let index = index(ofKind: own.kind) else { continue }
      kinds[index].lock += max(own.lock, 0)
      kinds[index].signal += max(own.signal, 0)
      if own.operation == 0 {
        kinds[index].idle += max(own.device, 0) + max(own.elsewhere, 0)
        continue
      }
      kinds[index].insideSignal += max(own.signal, 0)
      kinds[index].ready += own.ready
      kinds[index].cpu += own.cpu
      kinds[index].calls = max(kinds[index].calls, own.outermost)
      if own.operation == progress {
        completions += own.calls
        if own.calls >= 1 { kinds[index].makesProgress = true }
      }
    }
  }

  /// Where CPUs are busy, a wait that a hook timed ended earlier than it seems: the thread was ready, and had no CPU yet.
  /// The system counts how long threads wait for CPUs. Where it does not, that follows from how full these are
  /// (Schweitzer's approximation of mean value analysis, 1979, with Seidmann's of several servers). What of it was not
  /// seen is taken off the waits, by their number.
  private func uncoverReadyTime(_ counted: Double) {
    var (threads, ready, pauses) = (0.0, 0.0, 0.0)
    for index in 0..<kinds.count where kinds[index].threads > 0 { threads += kinds[index].threads }
    forEach {
      if $0.operation == 0 { return }
      ready += $0.ready
      pauses += max($0.pauses, 0)
    }
    guard pauses > 0, counted > 0 || (cpuUse > 0.7 && threads > cpus) else { return }
    let use = min(cpuUse, 0.98)
    let queue = use / (1 - use * (threads - 1) / max(threads, 1))
    let estimate = min(queue - use, threads - cpus) * seconds
    let hidden = (counted > 0 ? counted : estimate) - ready
    guard hidden > 0 else { return }
    for slot in 0..<times.capacity where times.slots[slot].operation != 0 {
      let own = times.slots[slot]
      let part = hidden * max(own.pauses, 0) / pauses
      guard own.io > 0, part > 0 else { continue }
      let rest = 1 - min(part / own.io, 0.9)
      times.slots[slot].device *= rest
      times.slots[slot].elsewhere *= rest
      times.slots[slot].asleep *= rest
    }
  }

  func index(ofKind kind: UInt32) -> Int? {
    for index in 0..<kinds.count where kinds[index].kind == kind { return index }
    return nil
  }

  /// The share of their time that threads of a kind work, or hold up their callers by what is their own.
  private func use(_ kind: ThreadKind) -> Double {
    let waits = kind.lock + kind.signal + kind.idle + kind.ready * ownCrowding
    return min(max(1 - waits / max(kind.time, 1e-9), 0), 1)
  }

  /// Which kinds of threads have to do with progress: those that finish it, those that wait for signals, and, where the
  /// first wait for signals, too, those that go at the same rate; all when these do not account for the waits.
  mutating func couple() {
    var (time, signal) = (0.0, 0.0)
    for index in 0..<kinds.count where kinds[index].makesProgress {
      kinds[index].isCoupled = true
      time += kinds[index].time
      signal += kinds[index].signal
    }
    let waits = signal > 0.02 * time
    var most = 0.0
    for index in 0..<kinds.count where !kinds[index].makesProgress {
      let other = kinds[index]
      let isAtRate = waits && abs(other.calls - completions) <= 0.05 * completions + 3
      guard other.signal > 0.005 * other.time || isAtRate else { continue }
      kinds[index].isCoupled = true
      most = max(most, use(other))
    }
    if waits && most < 0.8 {
      for index in 0..<kinds.count { kinds[index].isCoupled = true }
    }
  }

  mutating func addThreadLimits() {
    var makers = ThreadKind()
    for index in 0..<kinds.count where kinds[index].makesProgress {
      let kind = kinds[index]
      makers.kind = kind.kind
      makers.threads += kind.threads
      makers.time += kind.time
      makers.lock += kind.lock
      makers.signal += kind.signal
      makers.idle += kind.idle
      makers.ready += kind.ready
    }
    addLimit(of: makers)
    for index in 0..<kinds.count where kinds[index].isCoupled && !kinds[index].makesProgress {
      addLimit(of: kinds[index])
    }
  }

  private mutating func addLimit(of kind: ThreadKind) {
    var limit = ProgressLimit(kind: .threads, use: use(kind), threadKind: kind.kind)
    limit.whole = limit.use * kind.time
    limit.waited = (kind.lock + kind.signal) / max(kind.time, 1e-9)
    limit.threads = kind.threads
    limits.add(limit)
  }

  mutating func addCPULimit() {
    guard cpuUse > 0.2 else { return }
    var limit = ProgressLimit(kind: .cpu, use: min(cpuUse, 1))
    limit.whole = cpuUse * cpus * seconds
    limit.threads = cpus
    limits.add(limit)
  }

  /// Adds what operations hold, or share among too few.
  mutating func add(_ limit: ProgressLimit) { limits.add(limit) }

  /// Whether threads of a kind belong to a limit of threads: those that make progress are one limit.
  func belongs(_ kind: UInt32, to limit: ProgressLimit) -> Bool {
    if kind == limit.threadKind { return true }
    guard let mine = index(ofKind: kind), let its = index(ofKind: limit.threadKind) else {
      return false
    }
    return kinds[mine].makesProgress && kinds[its].makesProgress
  }

  /// The own time of an operation in all threads.
  func total(of operation: UInt32) -> OwnTime {
    var total = OwnTime()
    forEach { if $0.operation == operation { total.add($0) } }
    return total
  }

  /// The share of a limit's use that is an operation's own work.
  func part(of operation: UInt32, in limit: ProgressLimit) -> Double {
    let isHeld = limit.kind == .held || limit.kind == .pool
    if isHeld, limit.operation != operation, limit.operation != 0 || !self.isHeld(operation) {
      return 0
    }
    var sum = 0.0
    for slot in 0..<times.capacity {
      let own = times.slots[slot]
      guard own.key != 0, own.operation == operation else { continue }
      switch limit.kind {
      case .cpu: sum += own.cpu
      case .held, .pool: sum += own.work
      case .threads:
        if belongs(own.kind, to: limit) { sum += max(own.work - own.ready * ownCrowding, 0) }
      }
    }
    return min(sum / max(limit.whole, 1e-12), 1)
  }

  /// The same of all limits.
  func parts(of operation: UInt32) -> Few<Double> {
    var parts = Few(0.0)
    for index in 0..<limits.count { parts.add(part(of: operation, in: limits[index])) }
    return parts
  }

  /// The operations of a limit that several make up.
  private(set) var holders = Few(UInt32(0))
  mutating func addHolder(_ operation: UInt32) { holders.add(operation) }
  func isHeld(_ operation: UInt32) -> Bool {
    for index in 0..<holders.count where holders[index] == operation { return true }
    return false
  }

  /// Finds k so that the uses to the power of k add up to 1: then 1 / (sum of (demand to the power of k)) to the power
  /// of 1 / k, which lies between the asymptotic bounds of operational analysis, is the rate that was seen.
  mutating func solveSharpness() {
    func sum(_ power: Double) -> Double {
      var sum = 0.0
      for index in 0..<limits.count { sum += Math.pow(limits[index].use, power) }
      return sum
    }
    var (low, high) = (1.0, 40.0)
    if sum(high) >= 1 {
      low = high
    } else if sum(low) > 1 {
      for _ in 0..<40 {
        let middle = (low + high) / 2
        if sum(middle) > 1 { low = middle } else { high = middle }
      }
    }
    sharpness = low
    known = sum(sharpness)
    unknown = max(1 - known, 0)
  }

  /// Progress after an operation's own work has shrunk by a share, as a multiple of what it is; and what it would be if
  /// the tightest limit alone counted.
  func speed(_ parts: Few<Double>, less share: Double) -> (likely: Double, most: Double) {
    var (left, most) = (unknown, unknown > 0.5 ? 1.0 : 0)
    for index in 0..<limits.count {
      let limit = limits[index]
      let use = limit.use * (1 - share * parts[index])
      left += Math.pow(max(use, 0), sharpness)
      most = max(most, use)
    }
    let all = known + unknown
    let likely = left > 0 ? Math.pow(all / left, 1 / sharpness) : 1e6
    return (max(likely, 1), most > 0 ? max(1 / most, 1) : 1e6)
  }

  /// The share of an operation in what limits progress: the relative gain of a small improvement; and the limit in which
  /// it weighs most.
  func share(_ parts: Few<Double>) -> (share: Double, limit: Int) {
    var (share, most, limit) = (0.0, 0.0, -1)
    for index in 0..<limits.count {
      let weight = Math.pow(limits[index].use, sharpness) * parts[index]
      share += weight
      if weight > most { (most, limit) = (weight, index) }
    }
    return (share / max(known + unknown, 1e-9), limit)
  }
}
