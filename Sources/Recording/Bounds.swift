// SPDX-License-Identifier: Apache-2.0

// Reading what may be damaged, cut short, or made to mislead (docs/recording.md, "Reading it from another
// process"). Four rules make a reader safe, whatever a recording says and however it changes meanwhile:
//
// - An offset is followed without a check, since any 32 bits lead to memory that can be read
//   (`RecordingFile`). It is aligned first, and moved by wrapping arithmetic on the offset, never on the pointer.
// - What counts a loop's turns is cut to what fits into the recording (`fitting`).
// - A chain of offsets ends: by a direction that it must keep, or a budget (`ReadingBudget`).
// - Numbers are added by wrapping, and become whole ones by `whole`: no sum and no quotient can trap.

extension Recording {
  /// The bytes that the recording says it has, as far as its file has them: at most 4 GiB.
  public var byteCount: UInt32 { min(UInt32(clamping: header.pointee.bytes.value), readableBytes) }

  /// How many operations there are, one after the other: one without a name is none, whatever their number says.
  /// `known` of them were found before.
  func namedOperations(beyond known: UInt32) -> UInt32 {
    let end = operationCount
    var count = min(known, end)
    while count < end, operation(count &+ 1).pointee.name.value != 0 { count &+= 1 }
    return count
  }

  /// How many of `count` records of so many bytes, the first at an offset, lie within the recording.
  public func fitting(_ count: UInt32, of bytes: UInt32, at offset: UInt32) -> UInt32 {
    let end = byteCount
    return offset < end ? min(count, (end &- offset) / max(bytes, 1)) : 0
  }

  /// The start of a table, aligned as its records want it.
  @inline(__always) public func zone(_ offset: UInt32) -> UInt32 { offset & ~7 }
}

/// How much more of each kind a reading may meet: what has room in the recording. A true one never exhausts it; in
/// a damaged one, the same record may be linked to from everywhere.
struct ReadingBudget {
  var nodes: UInt32
  var failureCounters: UInt32
  var octaves: UInt32
  var ioRecords: UInt32
  var openCalls: UInt32
  var frames: UInt32

  init(of recording: Recording) {
    let bytes = recording.byteCount
    nodes = bytes / CallNode.bytes
    failureCounters = bytes / FailureCounter.bytes
    octaves = bytes / Histogram.octaveBytes
    ioRecords = bytes / IORecord.bytes
    openCalls = bytes / Frame.bytes
    frames = bytes / 8
  }

  /// Takes one; false when there is none left.
  static func take(_ count: inout UInt32, _ amount: UInt32 = 1) -> Bool {
    guard count >= amount else { return false }
    count &-= amount
    return true
  }
}

/// The nearest whole number: 0 for what is negative or none, the greatest for what is greater.
public func whole(_ number: Double) -> UInt64 {
  guard number > 0 else { return 0 }
  let rounded = number.rounded()
  return rounded < 0x1p64 ? UInt64(rounded) : .max
}

/// The same without what is behind the point.
public func wholePart(_ number: Double) -> UInt64 {
  guard number > 0 else { return 0 }
  return number < 0x1p64 ? UInt64(number) : .max
}

extension Recording {
  /// A text of the names zone: valid UTF-8 of at most 255 bytes, whatever stands there.
  public func textBytes(_ name: UInt32) -> [UInt8] {
    cleanBytes(at: header.pointee.namesOffset.value &+ name)
  }

  /// The name of an operation.
  public func name(ofOperation id: UInt32) -> [UInt8] {
    textBytes(operation(id).pointee.name.value)
  }

  /// The word of a failure kind; nil for "other".
  public func textOfKind(_ number: UInt32) -> [UInt8]? {
    guard number > 0, number < FailureKind.other else { return nil }
    let kind = failureKind(number)
    return kind.pointee.state.acquired == 2 ? textBytes(kind.pointee.name.value) : nil
  }

  /// A text of the identity: valid UTF-8; empty when it was not set.
  public func text(of text: Identity.Text) -> [UInt8] {
    let room = identityText(text)
    let bytes = (0..<Int(text.bytes) &- 1).map { room[$0] }.prefix { $0 != 0 }
    return (bytes + [0]).withUnsafeBytes { buffer in
      guard let start = buffer.baseAddress else { return [] }
      let clean = CleanText(start.assumingMemoryBound(to: CChar.self))
      return (0..<clean.count).map { clean.bytes[$0] }
    }
  }

  private func cleanBytes(at offset: UInt32) -> [UInt8] {
    // It looks at no more than 260 bytes, and those behind the last offset can be read, too.
    let clean = CleanText(at(offset) as UnsafeMutablePointer<CChar>)
    return (0..<clean.count).map { clean.bytes[$0] }
  }

  /// The path of a module: at most 4,095 bytes, as they are.
  public func pathBytes(ofModule number: UInt32) -> [UInt8] {
    let text: UnsafeMutablePointer<UInt8> = at(module(number).pointee.path.value)
    var bytes: [UInt8] = []
    while bytes.count < 4095, text[bytes.count] != 0 { bytes.append(text[bytes.count]) }
    return bytes
  }

  /// The build ID of a module; empty when it has none.
  public func buildID(ofModule number: UInt32) -> [UInt8] {
    let count = min(Int(module(number).pointee.buildIDBytes.value), Module.maxBuildIDBytes)
    return (0..<count).map { buildIDByte($0, ofModule: number) }
  }
}
