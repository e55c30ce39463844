// SPDX-License-Identifier: Apache-2.0
import Recording

/// A hostile recording as a short text of bytes: what to change of the sample. A fuzzer's input, so that it does
/// not have to find out how a recording begins.
///
/// One byte for the status, then patches: where (a place in the recording), two bytes of offset from there, how many
/// bytes (the lower four bits, plus one), and these.
public struct Patches {
  /// The starts of what is worth changing: the header, tables, lanes, nodes, and any page.
  static func place(_ number: UInt8, in recording: Recording) -> Int {
    let header = recording.header
    let zones = [
      0, 0, header.pointee.operationsOffset.value, header.pointee.namesOffset.value,
      header.pointee.kindsOffset.value, header.pointee.lanesOffset.value,
      header.pointee.moduleTable.value, header.pointee.hostFramesOffset.value,
      header.pointee.siteTable.value, header.pointee.heapSamplesOffset.value,
      header.pointee.mappingsOffset.value, header.pointee.stackIndex.value,
      recording.laneSlot(0).pointee.value, recording.laneSlot(1).pointee.value,
      recording.laneSlot(0).pointee.value &+ 4096, 4096,
      recording.laneSlot(1).pointee.value &+ 4096,
    ]
    // The last numbers are the zones of the assessment.
    if number >= firstOfAssessment {
      let all = AssessmentZone.allCases
      let index = Int(number - firstOfAssessment)
      // Behind them what came later.
      let later = [
        header.pointee.waitEdges.value, header.pointee.experiment.value,
        header.pointee.crash.notes.value, header.pointee.series.directory.value,
        header.pointee.spans.table.directory.value, header.pointee.sessions.table.directory.value,
      ]
      if index >= all.count { return Int(later[(index - all.count) % later.count]) }
      let zone = all[index]
      return recording.assessmentZone(zone).map { $0.start - recording.base } ?? 0
    }
    // All pages of the arena follow.
    let page = Int(header.pointee.arenaOffset.value) + (Int(number) - zones.count) * 4096
    return Int(number) < zones.count ? Int(zones[Int(number)]) : page
  }

  static var firstOfAssessment: UInt8 { 224 }

  public static func apply(_ input: UnsafeBufferPointer<UInt8>, to file: HostileFile)
    -> RecordingStatus
  {
    var at = 1
    while at + 4 < input.count {
      let offset = Int(input[at + 1]) | Int(input[at + 2]) << 8
      let count = min(Int(input[at + 3] & 15) + 1, input.count - at - 4)
      let bytes = Array(input[at + 4..<at + 4 + count])
      file.put(bytes, at: place(input[at], in: file.sample) + offset)
      at += 4 + count
    }
    return status(input.first ?? 0)
  }

  static func status(_ byte: UInt8) -> RecordingStatus {
    switch byte % 4 {
    case 0: .recording
    case 1: .stopped
    default: .died
    }
  }
}

/// One of the deterministic damages: a seed makes the same one each time.
public struct Flips {
  private var state: UInt64

  public init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1 }

  private mutating func next() -> UInt64 {
    // SplitMix64 (Steele, Lea, Flood 2014).
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// Flips bits, and puts numbers that are likely to hurt, mostly where something is.
  public mutating func apply(to file: HostileFile) -> RecordingStatus {
    let most: UInt64 = next() % 4 == 0 ? 24 : 4
    for _ in 0..<1 + next() % most {
      let offset: Int
      switch next() % 10 {
      case 0...2: offset = Int(next() % 1024)
      case 3...7:
        offset =
          Patches.place(UInt8(truncatingIfNeeded: next() % 160), in: file.sample)
          + Int(next() % 4096)
      case 8:
        let zone = Patches.firstOfAssessment + UInt8(truncatingIfNeeded: next() % 32)
        offset = Patches.place(zone, in: file.sample) + Int(next() % 2048)
      default: offset = Int(next() % UInt64(file.bytes))
      }
      switch next() % 3 {
      case 0:
        guard offset < file.bytes else { continue }
        file.put([file.byte(at: offset) ^ UInt8(1 << (next() % 8))], at: offset)
      case 1:
        let hurtful: [UInt32] = [
          .max, 0x8000_0000, 0x7FFF_FFFF, .max &- 7, 0, 1, UInt32(file.bytes),
          UInt32(truncatingIfNeeded: next()), UInt32(truncatingIfNeeded: next() % 1_048_576) & ~63,
        ]
        put(UInt64(hurtful[Int(next() % 9)]), bytes: 4, at: offset & ~3, in: file)
      default:
        let hurtful: [UInt64] = [
          .max, 1 << 63, 0x7FF0_0000_0000_0000, 0x7FF8_0000_0000_0001, next(),
        ]
        put(hurtful[Int(next() % 5)], bytes: 8, at: offset & ~7, in: file)
      }
    }
    // One in sixteen is cut short, too.
    if next() % 16 == 0 { file.resize(Int(next() % UInt64(file.bytes))) }
    return Patches.status(UInt8(truncatingIfNeeded: next()))
  }

  private func put(_ number: UInt64, bytes: Int, at offset: Int, in file: HostileFile) {
    file.put((0..<bytes).map { UInt8(truncatingIfNeeded: number >> UInt64($0 * 8)) }, at: offset)
  }
}
