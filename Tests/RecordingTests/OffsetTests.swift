// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing

@testable import Recording

/// The offsets that docs/recording.md states, measured on a recording of zeros.
@Suite("The offsets of the format")
struct OffsetTests {
  private func check(_ document: String, _ field: String, _ offset: UInt32) {
    let row = "| \(offset) | `\(field)` |"
    #expect(document.contains(row), "docs/recording.md lacks \(row)")
  }

  @Test("The header's and the identity's fields lie where the documentation says")
  func header() throws {
    let sandbox = Sandbox()
    let recording = sandbox.recording
    let header = recording.header
    let text = try document()
    // A field is where its value appears.
    func place(_ field: String, _ set: () -> Void, _ clear: () -> Void) {
      set()
      let found = (0..<Layout.headerBytes).first {
        let byte: UnsafeMutablePointer<UInt8> = recording.at($0)
        return byte.pointee == 0xA5
      }
      clear()
      check(text, field, found ?? .max)
    }
    func cell32(_ field: String, _ cell: borrowing Cell32) {
      let before = cell.value
      place(field, { cell.set(0xA5A5_A5A5) }, { cell.set(before) })
    }
    func cell64(_ field: String, _ cell: borrowing Cell64) {
      let before = cell.value
      place(field, { cell.set(0xA5A5_A5A5_A5A5_A5A5) }, { cell.set(before) })
    }
    cell32("mode", header.pointee.mode)
    cell32("operationCount", header.pointee.operationCount)
    cell64("magic", header.pointee.magic)
    cell32("version", header.pointee.version)
    cell32("byteOrder", header.pointee.byteOrder)
    cell32("processID", header.pointee.processID)
    cell64("bytes", header.pointee.bytes)
    cell32("operationCapacity", header.pointee.operationCapacity)
    cell32("laneCapacity", header.pointee.laneCapacity)
    cell32("operationsOffset", header.pointee.operationsOffset)
    cell32("indexOffset", header.pointee.indexOffset)
    cell32("indexCapacity", header.pointee.indexCapacity)
    cell32("namesOffset", header.pointee.namesOffset)
    cell32("namesEnd", header.pointee.namesEnd)
    cell32("kindsOffset", header.pointee.kindsOffset)
    cell32("lanesOffset", header.pointee.lanesOffset)
    cell32("arenaOffset", header.pointee.arenaOffset)
    cell32("namesUsed", header.pointee.namesUsed)
    cell32("laneCount", header.pointee.laneCount)
    cell32("arenaPage", header.pointee.arenaPage)
    cell32("arenaPageEnd", header.pointee.arenaPageEnd)
    cell64("startTicks", header.pointee.startTicks)
    cell64("startMonotonic", header.pointee.startMonotonic)
    cell64("startUnix", header.pointee.startUnix)
    cell64("nanosecondsPerTick", header.pointee.nanosecondsPerTick)
    cell64("calibratedAge", header.pointee.calibratedAge)
    cell32("usesCounter", header.pointee.usesCounter)
    let identity = recording.identity
    cell64("features", identity.pointee.features)
    cell32("parentID", identity.pointee.parentID)
    cell64("processStart", identity.pointee.processStart)
    cell64("processNamespace", identity.pointee.processNamespace)
    cell32("userID", identity.pointee.userID)
    cell32("cpus", identity.pointee.cpus)
    cell32("pageBytes", identity.pointee.pageBytes)
    cell32("clockTicksPerSecond", identity.pointee.clockTicksPerSecond)
    cell32("state", identity.pointee.state)
    cell32("modeWhenOn", identity.pointee.modeWhenOn)
    cell64("stoppedUnix", identity.pointee.stoppedUnix)
    cell64("beatTicks", identity.pointee.beatTicks)
    cell64("beatMonotonic", identity.pointee.beatMonotonic)
    cell64("beatUnix", identity.pointee.beatUnix)
    cell64("beats", identity.pointee.beats)
    cell32("backedPage", identity.pointee.backedPage)
    cell32("exitOperation", identity.pointee.exitOperation)
    cell64("inode", identity.pointee.inode)
    cell64("device", identity.pointee.device)
  }

  @Test("The texts of the identity lie where the documentation says")
  func texts() throws {
    let document = try document()
    for text in Identity.Text.allCases {
      let row = "| \(Layout.identityOffset + text.offset) | `\(text)` | \(text.bytes) |"
      #expect(document.contains(row), "docs/recording.md lacks \(row)")
    }
  }

  private func document() throws -> String {
    let root = URL(fileURLWithPath: #filePath)
      .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    return try String(contentsOf: root.appendingPathComponent("docs/recording.md"), encoding: .utf8)
  }
}
