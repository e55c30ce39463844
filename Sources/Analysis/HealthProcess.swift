// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Recording

// What the process as a whole suffers from: resources, throttling, pressure, leaks, crashes to come.

extension Assessor {
  /// Learns the newest point of the process.
  func observe(_ point: ProcessPoint) {
    let isFirst = process.pointee.health.latestPoint == 0
    let elapsed = Double(point.endMonotonic &- process.pointee.health.latestPoint) / 1e9
    let seconds = elapsed > 0.001 ? min(elapsed, 3600) : 0.001
    func more(_ now: UInt64, than before: UInt64) -> Double {
      isFirst || now < before ? 0 : Double(now &- before)
    }
    let health = process.pointee.health
    let gain = 1 - Math.exp(-seconds / 3)
    func follow(_ value: inout Double, _ now: UInt64, _ before: UInt64) {
      let share = min(more(now, than: before) / 1e9 / seconds, 1)
      value += (share - value) * gain
    }
    follow(&process.pointee.health.throttledShare, point.throttledNanoseconds, health.throttled)
    follow(
      &process.pointee.health.memoryPressure, point.groupPressureMemoryNanoseconds,
      health.groupPressureMemory)
    follow(
      &process.pointee.health.ioPressure, point.groupPressureIONanoseconds, health.groupPressureIO)
    follow(
      &process.pointee.health.cpuPressure, point.groupPressureCPUNanoseconds,
      health.groupPressureCPU)
    let faults = more(point.majorFaults, than: health.majorFaults) / seconds
    process.pointee.health.majorFaultRate += (faults - health.majorFaultRate) * gain
    let bytes = point.readBytes &+ point.writtenBytes
    if !isFirst {
      let outermost = health.outermost
      process.pointee.health.stall.observe(
        StallState.Span(
          seconds: seconds, finished: more(point.finished, than: health.finished),
          active: Double(point.activeOperations),
          wallSeconds: outermost.wallRate * nanosecondsPerTick / 1e9 * seconds,
          cpuSeconds: more(point.cpuNanoseconds, than: health.cpu) / 1e9,
          bytes: more(bytes, than: health.bytes)))
    }
    process.pointee.health.finished = point.finished
    process.pointee.health.throttled = point.throttledNanoseconds
    process.pointee.health.majorFaults = point.majorFaults
    process.pointee.health.cpu = point.cpuNanoseconds
    process.pointee.health.bytes = bytes
    process.pointee.health.groupPressureCPU = point.groupPressureCPUNanoseconds
    process.pointee.health.groupPressureMemory = point.groupPressureMemoryNanoseconds
    process.pointee.health.groupPressureIO = point.groupPressureIONanoseconds
    process.pointee.health.latestPoint = max(point.endMonotonic, 1)
  }

  /// What is nearly used up: of memory, and of everything else.
  func judgeResources(_ sample: ResourceSample) -> (saturation: Finding, memory: Finding) {
    var (saturation, memory) = (Finding(), Finding())
    for resource in Resource.allCases {
      let (used, limit) = sample[resource]
      guard limit > 0 else { continue }
      let ratio = min(Double(used) / Double(limit), 1)
      let found = Finding(
        severity: Severity.use(ratio), confidence: resource.isShared ? 0.7 : 0.99,
        cause: .resource, value: ratio, reference: Double(resource.rawValue))
      if resource.isMemory { memory.meet(found) } else { saturation.meet(found) }
    }
    let health = process.pointee.health
    saturation.meet(
      Finding(
        severity: 0.9 * Severity.burn(health.throttledShare * 2.5), confidence: 0.9,
        cause: .throttled, value: health.throttledShare))
    // Waiting for a CPU or for a disk is what a busy process does, and its group may have other members: how much it
    // hurts, durations tell.
    saturation.meet(
      Finding(
        severity: 0.06 * health.cpuPressure, confidence: 0.8, cause: .cpuPressure,
        value: health.cpuPressure))
    saturation.meet(
      Finding(
        severity: 0.1 * health.ioPressure, confidence: 0.8, cause: .inputPressure,
        value: health.ioPressure))
    // Others of the group may be those who wait, unless this process has to read its pages again, too.
    memory.meet(
      Finding(
        severity: Severity.burn(health.memoryPressure * 2.5),
        confidence: 0.9 * Evidence.share(health.majorFaultRate, half: 20), cause: .memoryPressure,
        value: health.memoryPressure))
    return (saturation, memory)
  }

  /// Leaks, of the process and of their operations.
  func meetLeaks(_ memory: inout Finding, resident bytes: UInt64) {
    guard let leaks = AnswerTable<prognos_leak>(recording, .leaks) else { return }
    let resident = max(Double(bytes), 64 * 1_048_576)
    var leak = prognos_leak()
    for index in 0..<leaks.count {
      guard leaks.read(index, into: &leak), leak.is_leak != 0 else { continue }
      // Growth in an hour against what there is: how bad a leak is, is how soon it hurts.
      let base = leak.kind == PROGNOS_LEAK_MEMORY.rawValue ? resident : 1000
      let growth = max(leak.bytes_per_s, 0) * 3600 / base
      let found = Finding(
        severity: 0.2 + 0.4 * Severity.burn(growth), confidence: leak.score * leak.confidence,
        cause: .leak, value: leak.bytes_per_s, reference: Double(leak.kind), operation: leak.op)
      memory.meet(found)
      blame(leak.op) { $0.meet(memory: found) }
    }
  }

  private func blame(_ operation: UInt32, _ change: (inout OperationHealth) -> Void) {
    guard let slot = operations.slot(of: operation),
      let table = AnswerTable<OperationHealth>(recording, .operationHealth)
    else { return }
    var answer = OperationHealth()
    guard table.read(slot, into: &answer) else { return }
    change(&answer)
    table.set(answer, at: slot)
  }

  /// Stalls, crashes to come, and what is unusual.
  func judgeStability(at moment: AssessmentMoment) -> Finding {
    var found = process.pointee.health.stall.finding
    var crash = prognos_crash()
    if let table = AnswerTable<prognos_crash>(recording, .crash), table.written > 0,
      table.read(0, into: &crash)
    {
      // What is no alarm yet, such as the first seconds after a step, costs a fifth at most.
      let probable =
        crash.probability < 0.5
        ? 0.2 * (crash.probability - 0.15) / 0.35 : 0.2 + 0.8 * (crash.probability - 0.5) / 0.45
      let isNow =
        crash.kind == PROGNOS_CRASH_STALL.rawValue || crash.kind == PROGNOS_CRASH_DEADLOCK.rawValue
      let minutes = isNow ? 0 : crash.minutes_to_failure
      let finding = Finding(
        severity: min(probable, 1) * Severity.urgency(minutes: minutes),
        confidence: 0.6 + 0.4 * crash.confidence, cause: .crash, value: crash.probability,
        reference: minutes, operation: crash.op)
      found.meet(finding)
      if crash.op != 0 { blame(crash.op) { $0.meet(stability: finding) } }
    }
    found.meet(anomalies(at: moment))
    return found
  }

  /// Of the last minute. An anomaly is worth a look and no alarm: together they cost little.
  private func anomalies(at moment: AssessmentMoment) -> Finding {
    guard let table = AnswerTable<prognos_anomaly>(recording, .anomalies) else { return Finding() }
    var anomaly = prognos_anomaly()
    var (count, weight) = (0.0, 0.0)
    let now = Int64(clamping: moment.unixNanoseconds)
    for age in 0..<min(table.count, 16) {
      guard table.read(age: age, into: &anomaly), anomaly.at_unix_ns <= now,
        anomaly.at_unix_ns > now &- 60_000_000_000
      else { break }
      count += 1
      weight = max(weight, anomaly.score * anomaly.confidence)
    }
    return Finding(
      severity: 0.12 * Severity.burn(count / 2), confidence: weight, cause: .anomalies,
      value: count)
  }
}

extension Resource {
  var isMemory: Bool {
    switch self {
    case .addressSpace, .data, .groupMemory, .hostMemory, .stack: true
    default: false
    }
  }

  /// Others use it, too: that it is full may be nothing new.
  var isShared: Bool {
    switch self {
    case .hostMemory, .disk, .inodes: true
    default: false
    }
  }
}
