// SPDX-License-Identifier: Apache-2.0
import Recording

/// A sampled block to which references are to be looked for.
public struct SuspectBlock {
  public let slot: UInt32
  public let address: UInt64
  public let bytes: UInt64
}

extension Assessor {
  private static var blocksPerOperation: UInt32 { 64 }
  private static var mostBytes: UInt64 { 16 << 20 }

  /// Calls `body` with sampled blocks of the operations that may leak: those of which something is there that came
  /// from the later half of their calls. Of each operation some 64, other ones each time; all in all as many as
  /// `body` wants. Cost: as `judgeLeaks`.
  public func forEachSuspectBlock(
    at moment: AssessmentMoment, _ body: (SuspectBlock) -> Bool
  ) {
    guard let tallies = LeakTallies(recording) else { return }
    tallyLeaks(tallies, at: moment)
    for slot in 0..<tallies.capacity {
      let tally = tallies[slot]
      // A lane's root has no calls to tell what is old.
      guard tally.pointee.key > 1, tally.pointee.calls >= LeakVerdict.leastCalls,
        tally.pointee.liveBlocks >= 4, tally.pointee.blocks[2] &+ tally.pointee.blocks[3] > 0
      else { continue }
      tally.pointee.isSuspect = 1
    }
    let salt = recording.header.pointee.assessment.count.value &* 0x9E37_79B9_7F4A_7C15
    for slot in 0..<recording.heapSampleCapacity {
      guard let (address, block) = recording.heapSample(in: slot), block.bytes < Self.mostBytes,
        let (operation, age) = ageOfLeak(
          node: block.node, generation: block.generation, at: moment),
        age.calls >= Self.leastAge,
        let tally = tallies.tally(of: operation, making: false), tally.pointee.isSuspect != 0
      else { continue }
      let step = UInt64(max(tally.pointee.liveBlocks / Self.blocksPerOperation, 1))
      let draw = (((address &>> 4) ^ salt) &* 0xD6E8_FEB8_6659_FD93) &>> 40
      guard draw % step == 0 else { continue }
      if !body(SuspectBlock(slot: slot, address: address, bytes: block.bytes)) { return }
    }
  }
}
