// SPDX-License-Identifier: Apache-2.0

/// Why a rung of the ladder was chosen. Kept in the recording as a number.
public enum CPUClockReason: UInt32 {
  case works = 0
  case notTracked
  case noRseqArea
  case switchNotSeen
  case markNotKept
  case noRseqAreaNorPerf
  case switchNotSeenNorPerf
  case markNotKeptNorPerf
  case wantedByEnvironment
  case wantedPerfByEnvironment

  public var text: StaticString {
    switch self {
    case .works: "the kernel clears the mark in the thread's rseq area at each switch"
    case .notTracked: "PROGNOS_TRACK_CPU was not asked for"
    case .noRseqArea: "perf page, since the C library registers no rseq area (glibc 2.35 does)"
    case .switchNotSeen: "perf page, since the kernel did not clear the rseq mark at a switch"
    case .markNotKept: "perf page, since something else uses the thread's rseq area"
    case .noRseqAreaNorPerf:
      "the C library registers no rseq area (glibc 2.35 does); no perf page with user-space time"
    case .switchNotSeenNorPerf:
      "the kernel did not clear the rseq mark at a switch; no perf page with user-space time"
    case .markNotKeptNorPerf:
      "something else uses the thread's rseq area; no perf page with user-space time"
    case .wantedByEnvironment: "PROGNOS_CPU_CLOCK asks for it"
    case .wantedPerfByEnvironment:
      "PROGNOS_CPU_CLOCK asks for perf, but there is no perf page with user-space time"
    }
  }
}
