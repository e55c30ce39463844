// SPDX-License-Identifier: Apache-2.0
import Analysis
import CPrognos
import CShim
import Capture
import Recording

// Predictions: when they are made, and how they are read.

/// Assesses a moment, on the collector's thread.
func assess(
  _ recording: Recording, _ probe: ProcessProbe, _ references: inout ReferenceSearch,
  at moment: HistoryMoment, point: ProcessPoint?
) {
  guard let assessor = Assessor(recording) else { return }
  let assessed = AssessmentMoment(
    monotonicNanoseconds: moment.monotonicNanoseconds, unixNanoseconds: moment.unixNanoseconds,
    point: point)
  var sample = probe.resources
  sample.monotonicNanoseconds = moment.monotonicNanoseconds
  sample.unixNanoseconds = moment.unixNanoseconds
  sample.nanosecondsPerTick = Double(
    bitPattern: recording.header.pointee.nanosecondsPerTick.value)
  recording.noteOpenCalls(in: &sample)
  references.search(recording, assessor, at: assessed)
  let before = shim_thread_cpu_ns()
  assessor.forecastLoad(at: assessed)
  recording.writeAssessment { assessor.step(sample, at: assessed) }
  recording.header.pointee.assessment.cpuNanoseconds.add(shim_thread_cpu_ns() &- before)
  assessor.raiseAlerts { tellHost($0) }
}

@_cdecl("prognos_assess") @implementation
public func prognos_assess() -> prognos_status {
  guard !isInAlertCallback() else { return refuseInCallback("prognos_assess") }
  guard undisturbed({ callCollector() }) else {
    ErrorText.set { $0.put("prognos_assess: no collector runs: prognos_start was not called") }
    return PROGNOS_NOT_STARTED
  }
  guard existingRecording()?.hasAssessment == true else { return noMemory("prognos_assess") }
  return PROGNOS_OK
}

@_cdecl("prognos_health_read") @implementation
public func prognos_health_read(
  _ out: UnsafeMutablePointer<prognos_health>!, _ size: Int
) -> prognos_status {
  readAnswer(.health, prognos_health(), out, size, "prognos_health_read")
}

@_cdecl("prognos_crash_read") @implementation
public func prognos_crash_read(
  _ out: UnsafeMutablePointer<prognos_crash>!, _ size: Int
) -> prognos_status {
  readAnswer(.crash, prognos_crash(), out, size, "prognos_crash_read")
}

@_cdecl("prognos_anomalies_read") @implementation
public func prognos_anomalies_read(
  _ out: UnsafeMutablePointer<prognos_anomaly>!, _ size: Int, _ capacity: Int,
  _ count: UnsafeMutablePointer<Int>!
) -> prognos_status {
  readAnswers(
    .anomalies, prognos_anomaly(), newestFirst: true, out, size, capacity, count,
    "prognos_anomalies_read")
}

@_cdecl("prognos_resources_read") @implementation
public func prognos_resources_read(
  _ out: UnsafeMutablePointer<prognos_resource>!, _ size: Int, _ capacity: Int,
  _ count: UnsafeMutablePointer<Int>!
) -> prognos_status {
  readAnswers(
    .resources, prognos_resource(), newestFirst: false, out, size, capacity, count,
    "prognos_resources_read")
}

@_cdecl("prognos_alerts_read") @implementation
public func prognos_alerts_read(
  _ out: UnsafeMutablePointer<prognos_alert>!, _ size: Int, _ capacity: Int,
  _ count: UnsafeMutablePointer<Int>!
) -> prognos_status {
  readAnswers(
    .alerts, prognos_alert(), newestFirst: true, out, size, capacity, count, "prognos_alerts_read")
}

/// Fills a caller's struct with the one answer of a zone.
func readAnswer<Answer: BitwiseCopyable>(
  _ zone: AssessmentZone, _ zero: Answer, _ out: UnsafeMutablePointer<Answer>?, _ size: Int,
  _ function: StaticString
) -> prognos_status {
  undisturbed {
    resumeCollector()
    guard let recording = existingRecording(),
      let table = AnswerTable<Answer>(recording, zone)
    else { return noAssessment(function) }
    var (answer, isThere) = (zero, false)
    recording.readAssessment(at: recording.readingMoment()) {
      isThere = table.written > 0 && table.read(0, into: &answer)
    }
    guard isThere else {
      ErrorText.set {
        $0.put(function)
        switch zone {
        case .peak:
          $0.put(": fewer than 30 seconds were recorded, or memory_limit_bytes is below 8 MiB")
        case .scalability: $0.put(": fewer than 6 different loads were seen")
        case .productivity: $0.put(": fewer than 10 seconds with calls were recorded")
        default:
          $0.put(
            ": there is no assessment yet; the first one comes with the collector's first ticks")
        }
      }
      return PROGNOS_NOT_ENOUGH_DATA
    }
    return fill(out, size, with: answer, function)
  }
}

/// Fills a caller's array with the answers of a zone.
func readAnswers<Answer: BitwiseCopyable>(
  _ zone: AssessmentZone, _ zero: Answer, newestFirst: Bool,
  _ out: UnsafeMutablePointer<Answer>?, _ size: Int, _ capacity: Int,
  _ count: UnsafeMutablePointer<Int>?, _ function: StaticString
) -> prognos_status {
  readRows(
    zone, MemoryLayout<Answer>.size, newestFirst: newestFirst, UnsafeMutableRawPointer(out), size,
    capacity, count, function)
}

/// The same for structs of any type, of `known` bytes here and of `size` at the caller's.
@inline(never)
private func readRows(
  _ zone: AssessmentZone, _ known: Int, newestFirst: Bool, _ out: UnsafeMutableRawPointer?,
  _ size: Int, _ capacity: Int, _ count: UnsafeMutablePointer<Int>?, _ function: StaticString
) -> prognos_status {
  guard let count, out != nil || capacity == 0, size > 0, capacity >= 0 else {
    return invalidArgument {
      $0.put(function)
      $0.put(
        count == nil
          ? ": count is NULL"
          : size <= 0 ? ": size is 0; expected sizeof *out" : ": out is NULL with a capacity")
    }
  }
  return undisturbed {
    resumeCollector()
    guard let recording = existingRecording(),
      let rows = AnswerRows(recording, zone, answerBytes: known)
    else { return noAssessment(function) }
    recording.readAssessment(at: recording.readingMoment()) {
      count.pointee = rows.count
      guard let out else { return }
      withUnsafeTemporaryAllocation(byteCount: known, alignment: 8) { answer in
        for index in 0..<min(capacity, rows.count) {
          guard rows.read(newestFirst ? rows.index(ofAge: index) : index, into: answer) else {
            break
          }
          // What only the caller's struct has is zero.
          let place = out + index * size
          place.initializeMemory(as: UInt8.self, repeating: 0, count: size)
          place.copyMemory(
            from: answer.baseAddress.unsafelyUnwrapped, byteCount: min(size, known))
        }
      }
    }
    return PROGNOS_OK
  }
}

func noAssessment(_ function: StaticString) -> prognos_status {
  ErrorText.set {
    $0.put(function)
    $0.put(": nothing is assessed: prognos_start was not called, or found too little memory left")
  }
  return PROGNOS_NOT_ENOUGH_DATA
}
