// SPDX-License-Identifier: Apache-2.0
import Synchronization

// The assessment: what the collector concludes at each tick, and what it must remember for it, in the recording; so
// that another process reads the same answers. What the zones hold is laid down by `Analysis`.

/// The zones of the assessment: answers, which everybody reads, and the collector's memory.
public enum AssessmentZone: Int, CaseIterable {
  // Answers: tables of the structs of the ABI.
  case health
  case crash
  case resources
  case anomalies
  case leaks
  case alerts
  /// By slot of `operations`.
  case operationHealth
  case peak
  case scalability
  case productivity
  // What went in.
  case samples
  // The collector's memory.
  /// Good and bad calls against objectives, in rings.
  case objectives
  case process
  case operations
  /// The slot of each operation, plus 1.
  case operationSlots
  case detectors
  case exhaustion
  case leakLedger
  /// Where references to blocks are looked for.
  case references
  /// What was seen of the load, and the room that forecasts of it need.
  case load
  case forecast
  /// What is won if operations get faster: answers.
  case bottlenecks
  /// Where the time of threads went: now, and where the window began.
  case bottleneckSums
  /// This process's life in short, and those of its predecessors.
  case precursors
}

/// The header's part of the assessment. All zeros before `prepareAssessment`.
public struct AssessmentHeader: ~Copyable {
  /// Odd while the collector writes, as in a sequence lock.
  let version: Cell64
  let isReady: Cell32
  /// Operations that found no slot.
  public let unwatchedOperations: Cell32
  let offsets: InlineArray<40, Cell32>
  let sizes: InlineArray<40, Cell32>
  /// How many assessments there were, when the latest was, and the CPU time of all.
  public let count: Cell64
  public let latestMonotonic: Cell64
  public let cpuNanoseconds: Cell64
  let recordPosition: Cell64
}

extension Recording {
  public var hasAssessment: Bool { header.pointee.assessment.isReady.acquired != 0 }

  /// Sets aside the memory of the assessment: so many bytes for each zone. False when there is no room for it. By
  /// one thread at a time.
  public func prepareAssessment(_ bytes: (AssessmentZone) -> UInt32) -> Bool {
    if hasAssessment { return true }
    let header = header
    func rounded(_ zone: AssessmentZone) -> UInt32 { (bytes(zone) &+ 63) & ~63 }
    var total: UInt32 = 0
    for zone in AssessmentZone.allCases { total &+= rounded(zone) }
    guard let start = claimPages((total &+ Layout.page &- 1) / Layout.page) else { return false }
    var next = start
    for zone in AssessmentZone.allCases {
      header.pointee.assessment.offsets[zone.rawValue].set(next)
      header.pointee.assessment.sizes[zone.rawValue].set(bytes(zone))
      next &+= rounded(zone)
    }
    header.pointee.assessment.isReady.publish(1)
    return true
  }

  /// For a recording that begins again: the arena is empty.
  func forgetAssessment() {
    let header = header
    header.pointee.assessment.isReady.set(0)
    header.pointee.assessment.version.set(0)
    header.pointee.assessment.unwatchedOperations.set(0)
    header.pointee.assessment.count.set(0)
    header.pointee.assessment.latestMonotonic.set(0)
    header.pointee.assessment.cpuNanoseconds.set(0)
    header.pointee.assessment.recordPosition.set(0)
  }

  /// Where a zone lies, if it is there and within the recording.
  public func assessmentZone(_ zone: AssessmentZone) -> (
    start: UnsafeMutableRawPointer, bytes: Int
  )? {
    guard hasAssessment else { return nil }
    let offset = header.pointee.assessment.offsets[zone.rawValue].value & ~7
    let bytes = header.pointee.assessment.sizes[zone.rawValue].value
    guard bytes > 0, offset > 0, UInt64(offset) + UInt64(bytes) <= UInt64(byteCount) else {
      return nil
    }
    return (base + Int(offset), Int(bytes))
  }

  /// What the zones take.
  var assessmentBytes: UInt64 {
    guard hasAssessment else { return 0 }
    var total: UInt64 = 0
    for zone in AssessmentZone.allCases {
      total &+= UInt64(header.pointee.assessment.sizes[zone.rawValue].value)
    }
    return total
  }

  /// The position in the records of seconds up to which operations were assessed.
  public var assessedRecords: UInt64 { header.pointee.assessment.recordPosition.value }

  /// Notes that all up to here was assessed. By the collector.
  public func noteAssessment(at monotonicNanoseconds: UInt64, records position: UInt64) {
    header.pointee.assessment.recordPosition.set(position)
    header.pointee.assessment.latestMonotonic.set(monotonicNanoseconds)
    header.pointee.assessment.count.add(1)
  }

  /// Calls `body`, which writes, while readers wait. By the collector.
  public func writeAssessment(_ body: () -> Void) {
    let header = header
    header.pointee.assessment.version.set(header.pointee.assessment.version.value | 1)
    atomicMemoryFence(ordering: .releasing)
    body()
    header.pointee.assessment.version.publish((header.pointee.assessment.version.value | 1) &+ 1)
  }

  /// Calls `body`, which reads answers, again until no assessment came between, or one that never ended.
  public func readAssessment(at moment: ReadingMoment, _ body: () -> Void) {
    for _ in 0..<64 {
      let before = header.pointee.assessment.version.acquired
      if before & 1 != 0 {
        moment.waitForWriter()
        continue
      }
      body()
      atomicMemoryFence(ordering: .acquiring)
      if header.pointee.assessment.version.value == before { return }
    }
    body()
  }
}

/// A table of answers in a zone: how many were ever written, then the answers, in whole words.
public struct AnswerTable<Answer: BitwiseCopyable> {
  public let rows: AnswerRows

  public init?(_ recording: Recording, _ zone: AssessmentZone) {
    guard let rows = AnswerRows(recording, zone, answerBytes: MemoryLayout<Answer>.size) else {
      return nil
    }
    self.rows = rows
  }

  /// The size of a zone for so many answers.
  public static func bytes(capacity: Int) -> UInt32 {
    UInt32(8 + capacity * AnswerRows.words(of: MemoryLayout<Answer>.size) * 8)
  }

  public var capacity: Int { rows.capacity }
  public var written: UInt64 { rows.written }
  public func setWritten(_ count: UInt64) { rows.setWritten(count) }
  public var count: Int { rows.count }

  public func set(_ answer: Answer, at index: Int) {
    withUnsafeBytes(of: answer) { rows.set($0, at: index) }
  }

  /// Fills `answer` with the one of this index, from 0 on; false when there is none.
  public func read(_ index: Int, into answer: inout Answer) -> Bool {
    withUnsafeMutableBytes(of: &answer) { rows.read(index, into: $0) }
  }

  /// Adds one to a ring, over the oldest.
  public func append(_ answer: Answer) {
    withUnsafeBytes(of: answer) { rows.append($0) }
  }

  /// Of a ring: the newest is of age 0.
  public func read(age: Int, into answer: inout Answer) -> Bool {
    withUnsafeMutableBytes(of: &answer) { rows.read(rows.index(ofAge: age), into: $0) }
  }
}

/// The same of answers of whatever type, whose size is known.
public struct AnswerRows {
  private let cells: UnsafeMutablePointer<Cell64>
  private let words: Int
  public let capacity: Int

  public init?(_ recording: Recording, _ zone: AssessmentZone, answerBytes: Int) {
    guard let (start, bytes) = recording.assessmentZone(zone) else { return nil }
    cells = start.assumingMemoryBound(to: Cell64.self)
    words = Self.words(of: answerBytes)
    capacity = (bytes / 8 - 1) / max(words, 1)
    guard capacity > 0 else { return nil }
  }

  static func words(of bytes: Int) -> Int { (bytes + 7) / 8 }

  /// How many were ever written: of a ring; of a list, how many it has.
  public var written: UInt64 { cells[0].acquired }
  func setWritten(_ count: UInt64) { cells[0].publish(count) }

  /// How many there are to read.
  public var count: Int { Int(truncatingIfNeeded: min(written, UInt64(capacity))) }

  func set(_ answer: UnsafeRawBufferPointer, at index: Int) {
    guard index >= 0, index < capacity else { return }
    let place = cells + 1 + index * words
    for word in 0..<min(answer.count / 8, words) {
      place[word].publish(answer.loadUnaligned(fromByteOffset: word * 8, as: UInt64.self))
    }
  }

  /// Fills `answer`, in whole words, with the one of this index, from 0 on; false when there is none.
  public func read(_ index: Int, into answer: UnsafeMutableRawBufferPointer) -> Bool {
    guard index >= 0, index < capacity else { return false }
    let place = cells + 1 + index * words
    for word in 0..<min(answer.count / 8, words) {
      answer.storeBytes(of: place[word].acquired, toByteOffset: word * 8, as: UInt64.self)
    }
    return true
  }

  func append(_ answer: UnsafeRawBufferPointer) {
    let number = cells[0].value
    set(answer, at: Int(truncatingIfNeeded: number % UInt64(capacity)))
    cells[0].publish(number &+ 1)
  }

  /// Of a ring, the newest of which is of age 0; -1 when there is none so old.
  public func index(ofAge age: Int) -> Int {
    guard age >= 0, age < count else { return -1 }
    return Int(truncatingIfNeeded: (written &- 1 &- UInt64(age)) % UInt64(capacity))
  }
}
