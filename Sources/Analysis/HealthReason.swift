// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Recording

/// Findings as sentences.
extension Assessor {
  func put(_ finding: Finding, isOver: Bool, _ text: inout Sentence) {
    switch finding.cause {
    case .none: text.put("something is getting well again")
    case .slower: putSlower(finding, "takes ", &text)
    case .slowerTail: putSlower(finding, "takes at its slowest (95th percentile) ", &text)
    case .slowerAverage: putSlower(finding, "takes on average ", &text)
    case .slowObjective: putObjective(finding, " of its calls are slower than its objective", &text)
    case .failedObjective: putObjective(finding, " of its calls fail", &text)
    case .slowBurn: putBurn(finding, "slow calls", &text)
    case .failedBurn: putBurn(finding, "failed calls", &text)
    case .failing:
      putName(finding.operation, &text)
      text.put(": ")
      text.put(percentOf: finding.value)
      text.put(" of its calls fail, usually ")
      text.put(percentOf: finding.reference)
    case .resource:
      text.put(Resource.name(finding.reference))
      text.put(": ")
      text.put(percentOf: finding.value)
      text.put(" of the limit is used")
    case .throttled: putShare(finding, "throttled by its CPU quota ", &text)
    case .memoryPressure: putShare(finding, "waiting for memory (pressure) ", &text)
    case .inputPressure: putShare(finding, "waiting for input and output (pressure) ", &text)
    case .cpuPressure: putShare(finding, "waiting for a CPU (pressure) ", &text)
    case .leak: putLeak(finding, &text)
    case .crash: putCrash(finding, &text)
    case .stall:
      text.put("stalled: no call has finished for ")
      text.put(seconds: finding.value)
      text.put(", calls are open, and nothing runs")
    case .anomalies:
      text.put(finding.value)
      text.put(finding.value == 1 ? " anomaly" : " anomalies")
      text.put(" in the last minute")
    }
    if isOver && finding.cause != .none { text.put(" (until just now)") }
  }

  func putName(_ operation: UInt32, _ text: inout Sentence) {
    guard operation > 0, recording.isOperation(operation) else {
      return text.put("operation ")
    }
    text.put(recording.text(recording.operation(operation).pointee.name.value))
  }

  private func putSlower(_ finding: Finding, _ takes: StaticString, _ text: inout Sentence) {
    putName(finding.operation, &text)
    text.put(" ")
    text.put(takes)
    text.put(finding.value)
    text.put(" times as long as usual (")
    let usual = Math.exp(min(finding.reference, 60)) * nanosecondsPerTick / 1e9
    text.put(seconds: usual * finding.value)
    text.put(", usually ")
    text.put(seconds: usual)
    text.put(")")
  }

  private func putObjective(_ finding: Finding, _ what: StaticString, _ text: inout Sentence) {
    putName(finding.operation, &text)
    text.put(": ")
    text.put(percentOf: finding.value)
    text.put(what)
    text.put("; its objective allows ")
    text.put(percentOf: finding.reference)
  }

  private func putBurn(_ finding: Finding, _ what: StaticString, _ text: inout Sentence) {
    putName(finding.operation, &text)
    text.put(": ")
    text.put(what)
    text.put(" use up its objective's budget ")
    text.put(finding.value)
    text.put(" times too fast, over ")
    text.put(seconds: finding.reference)
  }

  private func putShare(_ finding: Finding, _ what: StaticString, _ text: inout Sentence) {
    text.put(what)
    text.put(percentOf: finding.value)
    text.put(" of the time")
  }

  private func putLeak(_ finding: Finding, _ text: inout Sentence) {
    if finding.operation != 0 {
      putName(finding.operation, &text)
      text.put(" leaks ")
    } else {
      text.put("the process leaks ")
    }
    if finding.reference == Double(PROGNOS_LEAK_MEMORY.rawValue) {
      text.put(bytes: finding.value)
    } else {
      text.put(finding.value)
      switch whole(finding.reference) {
      case UInt64(PROGNOS_LEAK_DESCRIPTORS.rawValue): text.put(" file descriptors")
      case UInt64(PROGNOS_LEAK_SOCKETS.rawValue): text.put(" sockets")
      case UInt64(PROGNOS_LEAK_THREADS.rawValue): text.put(" threads")
      default: text.put(" memory maps")
      }
    }
    text.put(" a second")
  }

  private func putCrash(_ finding: Finding, _ text: inout Sentence) {
    text.put("a failure is to be expected: probability ")
    text.put(percentOf: finding.value)
    if finding.reference.isFinite, finding.reference > 0 {
      text.put(", in about ")
      text.put(seconds: finding.reference * 60)
    }
    if finding.operation != 0 {
      text.put(", because of ")
      putName(finding.operation, &text)
    }
  }

  /// Nothing is wrong: what says so.
  func putWell(_ state: ProcessHealthState, _ text: inout Sentence) {
    let outermost = state.outermost
    if state.finished == 0 {
      text.put("nothing is wrong, and no call has finished yet")
    } else {
      text.put("as usual: ")
      text.put(outermost.callRate < 0.005 ? 0 : outermost.callRate)
      text.put(" calls/s, ")
      text.put(percentOf: outermost.ratioFailed / max(outermost.ratioCalls, 1))
      text.put(" failed")
    }
    var sample = ResourceSample()
    guard samples.read(age: 0, into: &sample) else { return }
    var (fullest, ratio) = (Resource.addressSpace, 0.0)
    for resource in Resource.allCases where sample[resource].limit > 0 {
      let used = Double(sample[resource].used) / Double(sample[resource].limit)
      if used > ratio { (fullest, ratio) = (resource, used) }
    }
    guard ratio > 0 else { return }
    text.put("; nearest to its limit: ")
    text.put(fullest.name)
    text.put(", ")
    text.put(percentOf: min(ratio, 1))
  }
}

extension Resource {
  static func name(_ number: Double) -> StaticString {
    Resource(rawValue: Int(truncatingIfNeeded: whole(number)))?.name ?? "a resource"
  }
}
