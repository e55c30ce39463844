// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Recording

/// The process does what former ones did before they died.
extension Assessor {
  func precursorCause(at moment: AssessmentMoment) -> CrashCause {
    var cause = CrashCause()
    guard let lives = Lives(recording), lives.isKnown(at: moment.monotonicNanoseconds) else {
      return cause
    }
    if moment.hasPoint {
      var search = PrecursorSearch(lives, horizon: crashHorizon(at: moment))
      process.pointee.precursor.finding = search.best()
    }
    let found = process.pointee.precursor.finding
    cause.probability = found.probability
    cause.kind = PROGNOS_CRASH_PRECURSOR
    cause.operation = operation(named: PrecursorKey(found.key).operation)
    return cause
  }

  private func operation(named name: UInt32) -> UInt32 {
    guard name != 0 else { return 0 }
    for slot in 0..<operations.count where operations[slot].pointee.precursor.name == name {
      return operations[slot].pointee.operation
    }
    return 0
  }

  /// When, and the reason: "as before the crash of 24 Nov 03:12 (SIGSEGV in render): failures of fetch 8.3 times the usual;
  /// death came 40 s later, in 2 of 2 former deaths; it passed 0 times".
  func putPrecursor(into answer: inout prognos_crash) {
    guard let lives = Lives(recording) else { return }
    let found = process.pointee.precursor.finding
    answer.minutes_to_failure = found.median / 60
    answer.minutes_low = found.low / 60
    answer.minutes_high = found.high / 60
    let life = lives.life(Int(truncatingIfNeeded: min(found.life, UInt64(Lives.former)))).pointee
    let key = PrecursorKey(found.key)
    let name = recording.text(recording.operation(max(answer.op, 1)).pointee.name.value)
    Sentence.compose(in: &answer.reason) {
      $0.put("as before the crash of ")
      $0.put(unixNanoseconds: life.endUnix)
      $0.put(life)
      key.put(name, &$0)
      key.put(value: found.value, &$0)
      $0.put("; death came ")
      $0.put(seconds: found.usualLead)
      $0.put(" after that began in ")
      $0.put(found.deaths)
      $0.put(" of ")
      $0.put(found.allDeaths)
      $0.put(" former deaths, and it passed ")
      $0.put(found.survived)
      $0.put(" times without one")
    }
  }
}

extension Sentence {
  /// " (SIGSEGV in render): ".
  fileprivate mutating func put(_ life: LifeHead) {
    put(" (")
    switch life.end {
    case .signal:
      let name: StaticString =
        switch life.signal {
        case 4: "SIGILL"
        case 6: "SIGABRT"
        case 7: "SIGBUS"
        case 8: "SIGFPE"
        case 11: "SIGSEGV"
        default: "a signal"
        }
      put(name)
    case .exit: put("exit")
    default: put("died")
    }
    if life.operation[0] != 0 {
      put(" in ")
      withUnsafeBytes(of: life.operation) { bytes in
        for byte in bytes.prefix(39) {
          if byte == 0 { break }
          put(byte)
        }
      }
    }
    put("): ")
  }

  /// "24 Nov 03:12", in UTC, by the civil calendar (Hinnant 2013, "chrono-compatible low-level date algorithms").
  fileprivate mutating func put(unixNanoseconds: UInt64) {
    let minutes = unixNanoseconds / 60_000_000_000
    let days = Int(minutes / 1440) + 719_468
    let dayOfEra = days % 146_097
    let year = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * year + year / 4 - year / 100)
    let month = (5 * dayOfYear + 2) / 153
    put(UInt64(dayOfYear - (153 * month + 2) / 5 + 1))
    let names: StaticString = " Mar Apr May Jun Jul Aug Sep Oct Nov Dec Jan Feb "
    for index in 0..<5 { put(names.utf8Start[4 * month + index]) }
    let within = minutes % 1440
    func putTwo(_ number: UInt64) {
      put(48 + UInt8(number / 10))
      put(48 + UInt8(number % 10))
    }
    putTwo(within / 60)
    put(58 as UInt8)
    putTwo(within % 60)
  }
}
