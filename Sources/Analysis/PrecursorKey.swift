// SPDX-License-Identifier: Apache-2.0
import Recording

/// What was unusual: of which operation, in which way, and in which direction. Operations are known by 24 bits of the hash of
/// their name, since handles differ from life to life; 0 stands for the process.
struct PrecursorKey {
  let number: UInt32

  init(_ number: UInt32) { self.number = number }
  /// `kind`: the raw value of a `Kind`.
  init(_ kind: UInt32, operation: UInt32, isLess: Bool) {
    number = operation << 8 | kind << 1 | (isLess ? 1 : 0)
  }

  static func operation(_ hash: UInt64) -> UInt32 {
    let folded = UInt32(truncatingIfNeeded: hash ^ hash >> 32)
    return max((folded ^ folded >> 24) & 0xFF_FFFF, 1)
  }

  var operation: UInt32 { number >> 8 }
  var kind: Kind? { Kind(rawValue: number >> 1 & 0x7F) }
  var isLess: Bool { number & 1 != 0 }
  var isLevel: Bool { number >> 1 & 0x7F >= Kind.memoryLevel.rawValue }

  enum Kind: UInt32 {
    // Of an operation.
    case calls = 1
    case failures, time, cpuTime, waiting, allocated, transferred
    // Of the process.
    case allCalls, allCPU, faults, allTransferred, runQueue
    case open, threads, descriptors, memory, heap
    // How much there is, whatever is usual.
    case memoryLevel, heapLevel, threadLevel, descriptorLevel
  }

  /// "failures of fetch", "resident memory".
  func put(_ name: UnsafePointer<CChar>, _ text: inout Sentence) {
    let words: StaticString =
      switch kind {
      case .calls, .allCalls: "calls"
      case .failures: "failures"
      case .time: "time"
      case .cpuTime, .allCPU: "CPU time"
      case .waiting: "waiting"
      case .allocated: "memory taken"
      case .transferred, .allTransferred: "bytes read and written"
      case .faults: "page faults"
      case .runQueue: "waiting for a CPU"
      case .open: "open calls"
      case .threads, .threadLevel: "threads"
      case .descriptors, .descriptorLevel: "file descriptors"
      case .heap, .heapLevel: "heap"
      default: "resident memory"
      }
    text.put(words)
    if operation != 0 {
      text.put(" of ")
      text.put(name)
    }
  }

  /// "8.3 times the usual", or of a level "410 MiB".
  func put(value: Double, _ text: inout Sentence) {
    text.put(" ")
    if isLevel {
      let amount = Math.exp(value) - 1
      if kind == .memoryLevel || kind == .heapLevel {
        text.put(bytes: amount)
      } else {
        text.put(amount)
      }
    } else {
      text.put(Math.exp(isLess ? -value : value))
      text.put(" times the usual")
    }
  }
}
