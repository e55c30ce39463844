// SPDX-License-Identifier: Apache-2.0
import Analysis
import CShim
import Recording

/// Looks for references to blocks that may have leaked: what no word in memory points into or at is lost for good.
///
/// All memory of the process that can be written is read, page by page as far as pages are present, while the
/// program runs on; the recording itself is left out. A block counts as unreferenced when two passes find nothing. As
/// with LeakSanitizer, stale words in dead stack frames or freed blocks may hide a leak, and never make one. Unlike
/// there, only sampled blocks are looked for, and nobody is stopped: a reference that was only in a register in both
/// passes is missed, which is why some blocks of different calls are asked for (LeakVerdict.swift).
/// Cost: some 0.3 ms a MiB of memory in use, where blocks are suspect; 100 ms of CPU time in all and 0.2 % of the time
/// that goes by; never of more than 512 MiB.
struct ReferenceSearch {
  private var due: UInt64 = 0
  /// CPU time, in nanoseconds.
  private(set) var spent: UInt64 = 0
  private var isImpossible = false

  private static var free: UInt64 { 100_000_000 }

  mutating func search(_ recording: Recording, _ assessor: Assessor, at moment: AssessmentMoment) {
    let (start, cpu) = (shim_monotonic_ns(), shim_thread_cpu_ns())
    let age = start &- recording.header.pointee.startMonotonic.value
    guard start >= due, spent <= Self.free &+ age / 500, !isImpossible,
      let scratch = Scratch(recording)
    else { return }
    defer { spent &+= shim_thread_cpu_ns() &- cpu }
    let count = collect(assessor, scratch, at: moment)
    if count >= 4 {
      var pass = ReferencePass(recording, scratch, count)
      guard pass.run() else {
        isImpossible = pass.isForbidden
        due = shim_monotonic_ns() &+ 60_000_000_000
        return
      }
      if (0..<count).contains(where: { scratch.blocks[$0].isReferenced == 0 }) {
        guard pass.run() else { return }
      }
      for index in 0..<count {
        let block = scratch.blocks[index]
        recording.markHeapSample(
          in: block.slot, address: block.address, isReferenced: block.isReferenced != 0)
      }
    }
  }

  /// The blocks to look for, sorted by address.
  private func collect(
    _ assessor: Assessor, _ scratch: Scratch, at moment: AssessmentMoment
  ) -> Int {
    var count = 0
    assessor.forEachSuspectBlock(at: moment) { suspect in
      scratch.blocks[count] = Scratch.Block(
        address: suspect.address, bytes: suspect.bytes, slot: suspect.slot, isReferenced: 0)
      count += 1
      return count < Scratch.most
    }
    scratch.sort(count)
    scratch.fillFilter(count)
    return count
  }
}

/// The memory that a search works in: a zone of the assessment.
struct Scratch {
  struct Block: BitwiseCopyable {
    var address: UInt64 = 0
    var bytes: UInt64 = 0
    var slot: UInt32 = 0
    var isReferenced: UInt32 = 0
  }

  static let most = 512
  static let bufferBytes = 64 << 10
  static let pageCount = 1024
  static let textBytes = 4096
  private static let filterBytes = 8192

  let blocks: UnsafeMutablePointer<Block>
  /// A bit for each page, by the lower bits of its number, that a block lies in.
  let filter: UnsafeMutablePointer<UInt64>
  let pages: UnsafeMutablePointer<UInt64>
  let buffer: UnsafeMutablePointer<UInt64>
  let text: UnsafeMutablePointer<UInt8>

  init?(_ recording: Recording) {
    let blockBytes = Self.most * MemoryLayout<Block>.stride
    let needed =
      blockBytes + Self.filterBytes + Self.pageCount * 8 + Self.bufferBytes + Self.textBytes
    guard let zone = recording.assessmentZone(.references), zone.bytes >= needed else { return nil }
    blocks = zone.start.assumingMemoryBound(to: Block.self)
    var next = zone.start + blockBytes
    filter = next.assumingMemoryBound(to: UInt64.self)
    next += Self.filterBytes
    pages = next.assumingMemoryBound(to: UInt64.self)
    next += Self.pageCount * 8
    buffer = next.assumingMemoryBound(to: UInt64.self)
    text = (next + Self.bufferBytes).assumingMemoryBound(to: UInt8.self)
  }

  /// By insertion: there are some hundred.
  func sort(_ count: Int) {
    for index in 0..<count {
      let block = blocks[index]
      var place = index
      while place > 0 && blocks[place - 1].address > block.address {
        blocks[place] = blocks[place - 1]
        place -= 1
      }
      blocks[place] = block
    }
  }

  func fillFilter(_ count: Int) {
    filter.update(repeating: 0, count: Self.filterBytes / 8)
    for index in 0..<count {
      let last = (blocks[index].address &+ max(blocks[index].bytes, 1) &- 1) &>> 12
      var page = blocks[index].address &>> 12
      while page <= last {
        filter[Int(page & 0xFFFF) / 64] |= 1 &<< (page & 63)
        page &+= 1
      }
    }
  }

  @inline(__always) func mayHold(_ word: UInt64) -> Bool {
    let page = word &>> 12
    return filter[Int(page & 0xFFFF) / 64] &>> (page & 63) & 1 != 0
  }

  /// The block that a word points into.
  func index(of word: UInt64, among count: Int) -> Int? {
    var (low, high) = (0, count)
    while low < high {
      let middle = (low + high) / 2
      if blocks[middle].address <= word { low = middle + 1 } else { high = middle }
    }
    guard low > 0, word &- blocks[low - 1].address < max(blocks[low - 1].bytes, 1) else {
      return nil
    }
    return low - 1
  }
}
