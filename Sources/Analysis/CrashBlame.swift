// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Recording

/// Whose calls use a resource up.
extension Assessor {
  /// The operation that a resource's growth goes back to; 0 when none stands out. One that was found to leak it decides,
  /// then what operations are known to take of it (whatever they call included), else how its growth from record to
  /// record goes with the number of their calls.
  func operationToBlame(for resource: Resource) -> UInt32 {
    let leaking = operationThatLeaks(resource)
    if leaking != 0 { return leaking }
    switch resource {
    case .disk, .writtenDisk, .fileSize, .inodes:
      let writer = most { $0.writtenBytes }
      return writer != 0 ? writer : correlated(with: .groupMemory)
    case .cpuSeconds: return most { $0.cpuSeconds }
    case .addressSpace, .data, .groupMemory, .hostMemory:
      let taker = most { $0.netBytes }
      return taker != 0 ? taker : correlated(with: resource)
    default: return correlated(with: resource)
    }
  }

  /// By the latest answers; 0 for none.
  private func operationThatLeaks(_ resource: Resource) -> UInt32 {
    guard let leaks = AnswerTable<prognos_leak>(recording, .leaks) else { return 0 }
    let kind: prognos_leak_kind
    switch resource {
    case .addressSpace, .data, .groupMemory, .hostMemory: kind = PROGNOS_LEAK_MEMORY
    case .descriptors: kind = PROGNOS_LEAK_DESCRIPTORS
    case .maps: kind = PROGNOS_LEAK_MAPS
    default: return 0
    }
    var leak = prognos_leak()
    for index in 0..<leaks.count {
      guard leaks.read(index, into: &leak), leak.is_leak != 0, leak.op != 0 else { continue }
      if leak.kind == kind.rawValue
        || kind == PROGNOS_LEAK_DESCRIPTORS && leak.kind == PROGNOS_LEAK_SOCKETS.rawValue
      {
        return leak.op
      }
    }
    return 0
  }

  /// The operation with the greatest amount, if that is at least two fifths of all.
  private func most(_ amount: (CrashOperation) -> Double) -> UInt32 {
    var (greatest, sum, operation) = (0.0, 0.0, UInt32(0))
    for slot in 0..<operations.count {
      operations[slot].pointee.crash.fade(to: process.pointee.crash.round)
      let one = amount(operations[slot].pointee.crash)
      sum += max(one, 0)
      if one > greatest { (greatest, operation) = (one, operations[slot].pointee.operation) }
    }
    return greatest > 0.4 * sum ? operation : 0
  }

  /// The operation whose calls go best with a resource's growth (Pearson), if it is no chance.
  private func correlated(with resource: Resource) -> UInt32 {
    guard let place = CrashProcess.place(of: resource) else { return 0 }
    let all = process.pointee.crash
    let count = all.rounds
    let spread = count * all.squares[place] - all.growths[place] * all.growths[place]
    guard count > 5, spread > 0 else { return 0 }
    var (best, operation) = (0.0, UInt32(0))
    for slot in 0..<operations.count {
      operations[slot].pointee.crash.fade(to: all.round)
      let one = operations[slot].pointee.crash
      let ownSpread = count * one.squares - one.calls * one.calls
      guard ownSpread > 0 else { continue }
      let shared = count * one.products[place] - one.calls * all.growths[place]
      let correlation = shared / (spread * ownSpread).squareRoot()
      if correlation > best {
        (best, operation) = (correlation, operations[slot].pointee.operation)
      }
    }
    return best * count.squareRoot() > 1.5 ? operation : 0
  }
}
