// SPDX-License-Identifier: Apache-2.0
import Recording

/// A loaded object as its program headers describe it (System V ABI, "Program Header", 64-bit).
struct Image {
  private(set) var range = ModuleRange()
  private var buildID: UnsafeRawPointer?
  private(set) var buildIDBytes = 0

  private enum Kind {
    static let load: UInt32 = 1
    static let dynamic: UInt32 = 2
    static let interpreter: UInt32 = 3
    static let note: UInt32 = 4
    static let frameHeader: UInt32 = 0x6474_E550
  }

  /// One program header of 56 bytes.
  private struct Segment {
    let kind: UInt32
    let flags: UInt32
    let address: UInt64
    let bytes: UInt64

    init(_ headers: UnsafeRawPointer, _ index: Int) {
      let header = headers + index * 56
      kind = header.load(as: UInt32.self)
      flags = header.load(fromByteOffset: 4, as: UInt32.self)
      address = header.load(fromByteOffset: 16, as: UInt64.self)
      bytes = header.load(fromByteOffset: 40, as: UInt64.self)
    }

    var isExecutable: Bool { flags & 1 != 0 }
    var isReadable: Bool { flags & 4 != 0 }
  }

  static func hasInterpreter(_ headers: UnsafeRawPointer, _ count: Int) -> Bool {
    for index in 0..<count where Segment(headers, index).kind == Kind.interpreter { return true }
    return false
  }

  /// Reads the headers, and what they point to in the object's memory: it must stay loaded meanwhile.
  init(_ headers: UnsafeRawPointer, _ count: Int, bias: UInt64) {
    range.bias = bias
    range.flags = Module.Flags.loaded | Module.Flags.readableCode
    range.start = .max
    for index in 0..<count {
      let segment = Segment(headers, index)
      let start = bias &+ segment.address
      let end = start &+ segment.bytes
      switch segment.kind {
      case Kind.load:
        range.start = min(range.start, start)
        range.end = max(range.end, end)
        guard segment.isExecutable else { continue }
        range.codeStart = range.codeStart == 0 ? start : min(range.codeStart, start)
        range.codeEnd = max(range.codeEnd, end)
        if !segment.isReadable { range.flags &= ~Module.Flags.readableCode }
      case Kind.frameHeader:
        range.frameHeader = start
        range.frameHeaderEnd = end
      case Kind.note: findBuildID(start, end)
      case Kind.dynamic: findRunPath(start, end)
      default: break
      }
    }
    findFrameInfo(headers, count)
  }

  /// The unwind information lies in the segment of its header.
  private mutating func findFrameInfo(_ headers: UnsafeRawPointer, _ count: Int) {
    for index in 0..<count {
      let segment = Segment(headers, index)
      let start = range.bias &+ segment.address
      guard segment.kind == Kind.load, segment.isReadable,
        range.frameHeader >= start, range.frameHeaderEnd <= start &+ segment.bytes
      else { continue }
      range.frameInfoStart = start
      range.frameInfoEnd = start &+ segment.bytes
      return
    }
    range.frameHeader = 0
    range.frameHeaderEnd = 0
  }

  private mutating func findBuildID(_ start: UInt64, _ end: UInt64) {
    var reader = UnwindReader(start, to: max(start, end))
    while !reader.isAtEnd && buildIDBytes == 0 {
      let nameBytes = UInt64(reader.u32())
      let bytes = UInt64(reader.u32())
      let kind = reader.u32()
      let name = reader.take((nameBytes &+ 3) & ~3)
      let place = reader.take((bytes &+ 3) & ~3)
      guard let name, let place else { return }
      // NT_GNU_BUILD_ID of "GNU".
      if kind == 3, nameBytes == 4, word(at: name) & 0xFFFF_FFFF == 0x0055_4E47 {
        buildID = UnsafeRawPointer(bitPattern: UInt(truncatingIfNeeded: place))
        buildIDBytes = min(Int(truncatingIfNeeded: bytes), Module.maxBuildIDBytes)
      }
    }
  }

  private mutating func findRunPath(_ start: UInt64, _ end: UInt64) {
    var reader = UnwindReader(start, to: max(start, end))
    while !reader.isAtEnd {
      let tag = reader.u64()
      _ = reader.u64()
      if tag == 0 { return }
      if tag == 15 || tag == 29 { range.flags |= Module.Flags.hasRunPath }  // DT_RPATH, DT_RUNPATH
    }
  }

  /// Calls `body` with the build ID; with no bytes when there is none.
  func withBuildID<R>(_ body: (UnsafePointer<UInt8>, Int) -> R) -> R {
    var none: UInt8 = 0
    guard let buildID else { return body(&none, 0) }
    return body(buildID.assumingMemoryBound(to: UInt8.self), buildIDBytes)
  }
}
