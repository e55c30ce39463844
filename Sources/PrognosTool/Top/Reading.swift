// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Recording

/// What one look at a recording found: all that a live view needs.
struct Reading {
  enum Status: Equatable {
    /// The process lives and its recording is being written.
    case live
    /// It stopped recording, and lives or ended in order.
    case finished
    /// It ended without being able to say so: killed, crashed, or the machine went down.
    case died
  }

  struct Operation {
    let id: UInt32
    let name: String
    /// Of the window that the reading is of; for `Window.now` since the recording began.
    var stats: prognos_op_stats
    /// How long its calls took, in ticks, since the recording began.
    var distribution = Distribution()
    /// Since the recording began.
    var totalCalls: UInt64
    var totalFailed: UInt64
  }

  struct Verdict: Equatable {
    let severity: UInt32
    let text: String
  }

  /// A call that has begun and not ended.
  struct Open: Equatable {
    let thread: String
    /// Outermost first.
    let names: [String]
    let nanoseconds: UInt64
  }

  /// What the system says of the process; what it does not say is nil.
  struct Process: Equatable {
    var cpuNanoseconds: UInt64?
    var residentBytes: UInt64?
    var threads: UInt64?
    var openFiles: UInt64?
    var readBytes: UInt64?
    var writtenBytes: UInt64?
  }

  /// An operation from near by.
  struct Detail {
    struct Share {
      let name: String
      let calls: UInt64
      let nanoseconds: UInt64
    }

    let id: UInt32
    var quantiles: [(name: String, nanoseconds: UInt64)] = []
    var callers: [Share] = []
    var callees: [Share] = []
    var functions: [Share] = []
    var failures: [(kind: String, calls: UInt64)] = []
  }

  var command = ""
  var processID: UInt32 = 0
  var status = Status.live
  var isEnabled = true
  /// When it was made, on a clock that only goes forward.
  var atNanoseconds: UInt64 = 0
  /// Since the recording began.
  var recordedNanoseconds: UInt64 = 0
  var window = Window.now
  /// How much time the statistics are of.
  var windowNanoseconds: UInt64 = 0
  var process: Process?
  var operations: [Operation] = []
  var nanosecondsPerTick = 1.0
  /// What the recording's history tells of the time before it, the newest first; only of the first reading.
  var past: [PastSecond] = []
  /// The same of operations, the oldest first.
  var pastCalls: [UInt32: [PastCalls]] = [:]
  var open: [Open] = []
  var detail: Detail?
  /// What the collector concluded, the verdict on its health first: 0 well, 1 a warning, 2 worse.
  var verdicts: [Verdict] = []
  /// What is wrong with it, and how the process ended: whole sentences.
  var notes: [String] = []
}
