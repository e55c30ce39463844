// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Recording

/// What is worth changing, as one table: what is looked at, when it is worth a word, and what is to be done. How much
/// of the time goes away is estimated by each rule, from the numbers of the operation itself (docs/methods.md).
struct SuggestionRule {
  let kind: prognos_suggestion_kind
  /// What was counted, as the sentence names it.
  let what: StaticString
  let advice: StaticString
  let evidence: (SuggestionSubject) -> SuggestionEvidence?

  static var table: [SuggestionRule] {
    [
      SuggestionRule(
        kind: PROGNOS_SUGGEST_BUFFER_READS, what: "reads of files", advice: "use a bigger buffer"
      ) { $0.io.sequentialRatio >= 0.75 ? $0.small($0.wholeReads, below: small) : nil },
      SuggestionRule(
        kind: PROGNOS_SUGGEST_CACHE_READS, what: "reads of files",
        advice: "sort the requests, cache what is read, or map the file (mmap)"
      ) {
        $0.io.classified > 0 && $0.io.sequentialRatio < 0.75
          ? $0.small($0.wholeReads, below: small) : nil
      },
      SuggestionRule(
        kind: PROGNOS_SUGGEST_BUFFER_WRITES, what: "writes of files",
        advice: "collect them in a buffer"
      ) { $0.small($0.io.writes(IOKind.file), below: small) },
      SuggestionRule(
        kind: PROGNOS_SUGGEST_BUFFER_WRITES, what: "writes of sockets",
        advice: "send them together (writev, or TCP_CORK)"
      ) { $0.small($0.io.writes(IOKind.socket), below: smallPacket, ofFiles: false) },
      SuggestionRule(
        kind: PROGNOS_SUGGEST_BUFFER_WRITES, what: "writes of pipes",
        advice: "collect them in a buffer"
      ) { $0.small($0.io.writes(IOKind.pipe), below: smallPacket, ofFiles: false) },
      SuggestionRule(
        kind: PROGNOS_SUGGEST_BUFFER_WRITES, what: "writes of terminals",
        advice: "collect them in a buffer"
      ) { $0.small($0.io.writes(IOKind.terminal), below: smallPacket, ofFiles: false) },
      SuggestionRule(
        kind: PROGNOS_SUGGEST_BATCH_SYNCS, what: "syncs", advice: "sync once for several changes"
      ) { $0.syncs },
      SuggestionRule(
        kind: PROGNOS_SUGGEST_KEEP_OPEN, what: "opens", advice: "keep the files open"
      ) { $0.opens },
      SuggestionRule(
        kind: PROGNOS_SUGGEST_POOL_MEMORY, what: "allocations",
        advice: "keep the memory for the next call, or take it from a pool"
      ) { $0.allocations },
      SuggestionRule(
        kind: PROGNOS_SUGGEST_IO_OUT_OF_LOCK, what: "waits for locks whose holder waited for I/O",
        advice: "do the I/O before the lock is taken, or after it is released"
      ) { $0.locks(withIO: true) },
      SuggestionRule(
        kind: PROGNOS_SUGGEST_SPLIT_LOCK, what: "waits for locks",
        advice: "split the lock, or hold it for less"
      ) { $0.locks(withIO: false) },
      SuggestionRule(
        kind: PROGNOS_SUGGEST_RETRY_LESS, what: "calls that failed alike and were made again",
        advice: "do not try again what fails for good; wait longer between tries"
      ) { $0.retries },
      SuggestionRule(
        kind: PROGNOS_SUGGEST_ALGORITHM,
        what: "calls whose time grows with the square of the work, or faster",
        advice: "look things up in a hash table or a sorted order instead of comparing all pairs"
      ) { $0.growth },
      SuggestionRule(
        kind: PROGNOS_SUGGEST_CACHE_RESULT, what: "calls of the same few sizes of work to the unit",
        advice: "if the inputs are the same, keep the results"
      ) { $0.repetition },
    ]
  }

  /// The least share of the operation's time that what is looked at takes.
  static var leastShare: Double { 0.05 }
  /// Half of 8 KiB, the buffer that most languages' streams have: what goes through one has requests above it.
  static var small: UInt64 { 4096 }
  /// A segment of Ethernet holds 1,460 bytes: writes that are smaller may each go out in a packet of their own.
  static var smallPacket: UInt64 { 1024 }
  /// Below so many calls nothing is worth changing: 1,000 system calls are a millisecond. Waits for the disk and for
  /// locks count with far fewer, since each takes milliseconds.
  static var leastCalls: UInt64 { 1000 }
  static var leastWaits: UInt64 { 10 }
}

/// What speaks for a suggestion.
struct SuggestionEvidence {
  /// How many of what the rule looks at, and what they took of the operation's time.
  var calls: UInt64
  var ticks: Double
  /// The share of `ticks` that goes away, and its bounds.
  var saved: Double
  var low: Double
  var high: Double
  var confidence: Double
  /// What each moved on average; 0 when bytes do not matter.
  var mean: UInt64 = 0
  /// Of requests of files.
  var order: Order = .none
  /// Whether the time is an estimate of its own.
  var isEstimate = false

  enum Order { case none, sequential, random }
}
