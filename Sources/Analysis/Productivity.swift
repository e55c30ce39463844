// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Recording

/// What the process's time is good for.
extension Assessor {
  static var leastSeconds: UInt64 { 10 }

  /// A point of the process, and what the calls without a caller did in a record that ends with it.
  func observeProductivity(
    _ point: ProcessPoint, _ calls: OperationSample?, _ sample: ResourceSample
  ) {
    guard let load else { return }
    let state = load.productivityPlace
    let switches = point.voluntarySwitches &+ point.involuntarySwitches
    let isFirst = state.pointee.latestSwitches == 0
    func more(_ now: UInt64, _ before: UInt64) -> Double {
      now > before && !isFirst ? Double(now &- before) : 0
    }
    let newSwitches = more(switches, state.pointee.latestSwitches)
    let newTasks = more(sample.taskSwitches, state.pointee.latestTaskSwitches)
    let waited = more(sample.runQueueNanoseconds, state.pointee.latestRunQueue)
    let cpu = more(point.cpuNanoseconds, state.pointee.latestCPU)
    state.pointee.latestSwitches = max(switches, 1)
    state.pointee.latestTaskSwitches = sample.taskSwitches
    state.pointee.latestRunQueue = sample.runQueueNanoseconds
    state.pointee.latestCPU = point.cpuNanoseconds
    state.pointee.taskSwitches = sample.taskSwitches
    let seconds = Double(point.endMonotonic &- min(point.startMonotonic, point.endMonotonic)) / 1e9
    guard !isFirst, seconds > 0.1, seconds < 86400 else { return }
    state.pointee.fade(seconds)
    state.pointee.seconds += seconds
    state.pointee.cpu += cpu
    state.pointee.runQueue += waited
    state.pointee.contextSwitches += newSwitches
    guard let calls, calls.endMonotonic == point.endMonotonic, calls.totals.finished > 0 else {
      return
    }
    let totals = calls.totals
    let wall =
      Double(totals.wallTicks &- min(totals.suspendedTicks, totals.wallTicks)) * nanosecondsPerTick
    let off = min(Double(totals.offCPUNanoseconds), wall)
    let io = min(Double(totals.ioWaitTicks) * nanosecondsPerTick, off)
    let finished = Double(totals.finished)
    let lost = min(Double(totals.failed) + Double(totals.abandoned), finished)
    guard wall > 0 else { return }
    state.pointee.samples &+= 1
    state.pointee.wall += wall
    state.pointee.onCPU += wall - off
    state.pointee.io += io
    state.pointee.finished += finished
    state.pointee.lost += lost
    let middle = point.endUnix &- whole(seconds * 5e8)
    let hour = Int(truncatingIfNeeded: middle / 3_600_000_000_000 % 24)
    state.pointee.hourWall[hour] += wall
    state.pointee.hourUseful[hour] += (wall - off + io) * (1 - lost / finished)
    if finished >= 10 {
      state.pointee.costs.add(
        contextSwitches: newSwitches / finished, taskSwitches: newTasks / finished,
        cpu: cpu / finished)
    }
  }

  /// Puts together what there is to say.
  func judgeProductivity() {
    guard let load, let table = AnswerTable<prognos_productivity>(recording, .productivity),
      let room = recording.assessmentZone(.forecast), room.bytes >= 512
    else { return }
    let state = load.productivityPlace
    guard state.pointee.samples >= Self.leastSeconds, state.pointee.wall > 0 else { return }
    var answer = prognos_productivity()
    let wall = state.pointee.wall
    let failing = state.pointee.lost / max(state.pointee.finished, 1e-9)
    answer.efficiency = 100 * (state.pointee.onCPU + state.pointee.io) / wall * (1 - failing)
    answer.io_ratio = state.pointee.io / wall
    answer.waiting_ratio = max(1 - (state.pointee.onCPU + state.pointee.io) / wall, 0)
    answer.failure_ratio = failing
    answer.task_switches = state.pointee.taskSwitches
    answer.context_switches_per_s = state.pointee.contextSwitches / max(state.pointee.seconds, 0.1)
    let (bySwitches, byTasks) = state.pointee.costs.shares(
      room.start.assumingMemoryBound(to: Double.self))
    answer.task_switch_cost_ratio = byTasks
    let wanted = state.pointee.cpu + state.pointee.runQueue
    if wanted > 0, state.pointee.cpu > 0 {
      let useful = state.pointee.cpu * (1 - bySwitches)
      answer.context_switch_cost_ratio = 1 - useful / wanted
      answer.slowdown_ratio = wanted / max(useful, 1e-3 * wanted)
    } else {
      answer.slowdown_ratio = 1
    }
    answer.best_hour = 24
    answer.hours = UInt32(clamping: state.pointee.hours)
    if state.pointee.hours >= 24 { rankHours(state, &answer) }
    answer.samples = state.pointee.samples
    answer.confidence = Double(answer.samples) / Double(answer.samples &+ 30)
    explain(&answer)
    table.set(answer, at: 0)
    table.setWritten(1)
  }

  /// What is done in an hour of the day, times its efficiency against that of all, where it is known.
  private func rankHours(
    _ state: UnsafeMutablePointer<ProductivityState>, _ answer: inout prognos_productivity
  ) {
    var (wall, useful) = (0.0, 0.0)
    for hour in 0..<24 {
      wall += state.pointee.hourWall[hour]
      useful += state.pointee.hourUseful[hour]
    }
    let usual = useful / max(wall, 1)
    var best = 0.0
    withUnsafeMutableBytes(of: &answer.best_hours) { bytes in
      let scores = bytes.assumingMemoryBound(to: Double.self)
      for hour in 0..<24 {
        var score = state.pointee.done[hour]
        // As if each hour had had a 24th of all at the usual efficiency before.
        let (time, prior) = (state.pointee.hourWall[hour], wall / 24)
        if usual > 0 {
          score *= (state.pointee.hourUseful[hour] + usual * prior) / ((time + prior) * usual)
        }
        scores[hour] = score
        if score > best { (best, answer.best_hour) = (score, UInt32(hour)) }
      }
    }
  }

  private func explain(_ answer: inout prognos_productivity) {
    let copy = answer
    Sentence.compose(in: &answer.reason) { text in
      text.put(copy.efficiency)
      text.put(" % of the time in operations is useful")
      if copy.waiting_ratio >= 0.01 {
        text.put(", ")
        text.put(percentOf: copy.waiting_ratio)
        text.put(" waits")
      }
      if copy.failure_ratio > 0 {
        text.put(", ")
        text.put(percentOf: copy.failure_ratio)
        text.put(" of calls fail or are given up")
      }
      if copy.slowdown_ratio >= 1.02 {
        text.put("; for want of CPUs, work on the CPU takes ")
        text.put(copy.slowdown_ratio)
        text.put(" times as long")
      }
      if copy.best_hour < 24 {
        text.put("; most is done from ")
        text.put(UInt64(copy.best_hour))
        text.put(":00 UTC on")
      }
    }
  }
}

extension UnsafeMutablePointer where Pointee == LoadState {
  fileprivate var productivityPlace: UnsafeMutablePointer<ProductivityState> {
    withUnsafeMutablePointer(to: &self.pointee.productivity) { $0 }
  }
}
