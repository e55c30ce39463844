// SPDX-License-Identifier: Apache-2.0
import CShim

/// A recording in a file: finished, being written by another process, or left by one that died.
///
/// Nothing in it is trusted, and it may change while it is read. Its bytes lie at the start of 4 GiB and 1 MiB of
/// memory that can be read, so that no offset in it leads elsewhere; what follows from that stands in
/// Bounds.swift. What is missing at its end reads as zeros.
///
/// A value is the address alone: `recording` and what was made from it are valid until `close`. Cost: 4 GiB of
/// address space, and memory as pages are read.
public struct RecordingFile: @unchecked Sendable {
  public let recording: Recording
  /// The bytes that the file had when it was opened.
  public let fileBytes: UInt64

  /// Opens a file. It may be named by a symbolic link.
  ///
  /// - Parameter copying: reads it into memory instead of mapping it: for a host, since a mapped file that
  ///   somebody cuts short ends the process by SIGBUS (`shim_recording_survive_cuts`).
  /// - Parameter most: a file of more bytes is not read.
  public init(
    path: UnsafePointer<CChar>, copying: Bool = false, atMost most: UInt64 = .max
  ) throws(RecordingFailure) {
    var size: UInt64 = 0
    let file = shim_recording_open(path, &size)
    if file < 0 { throw .cannotOpen(-file) }
    if size > most {
      shim_close(file)
      throw .tooLong(size)
    }
    let start = shim_recording_map(file, size, copying)
    let failure = shim_errno()
    shim_close(file)
    guard let start else { throw .cannotMap(failure) }
    do throws(RecordingFailure) {
      try self.init(mapped: start, fileBytes: size)
    } catch {
      shim_recording_unmap(start)
      throw error
    }
  }

  /// What `shim_recording_map` has mapped already.
  package init(
    mapped start: UnsafeMutableRawPointer, fileBytes: UInt64
  ) throws(RecordingFailure) {
    recording = Recording(base: start, readableBytes: UInt32(clamping: fileBytes))
    self.fileBytes = fileBytes
    try recording.checkHeader(fileBytes: fileBytes)
  }

  public func close() { shim_recording_unmap(recording.base) }

  /// Whether bytes are missing at the end: when it was opened, or since.
  public var isTruncated: Bool {
    fileBytes < recording.header.pointee.bytes.value || wasCutMeanwhile
  }

  /// Whether it was cut short while it was mapped.
  public var wasCutMeanwhile: Bool { shim_recording_was_cut(recording.base) }
}

/// Why a file cannot be read as a recording.
public enum RecordingFailure: Error {
  /// With the system's error number; as that of what is no file: EISDIR, ENODEV.
  case cannotOpen(Int32)
  case cannotMap(Int32)
  /// The bytes that it has.
  case tooShort(UInt64)
  case tooLong(UInt64)
  case noRecording
  case otherByteOrder
  case otherVersion(UInt32)
  /// A field of the header whose value cannot be.
  case badField(StaticString, UInt64, accepted: ClosedRange<UInt64>)
  case noPowerOfTwo(StaticString, UInt64)

  /// What is wrong, in words: of the form "is no recording".
  public var text: [UInt8] {
    var text = Sentence()
    switch self {
    case .cannotOpen(EISDIR): text.put("is a directory; expected a recording's file")
    case .cannotOpen(ENODEV): text.put("is no regular file; expected a recording's file")
    case .cannotOpen(let error):
      text.put("cannot be opened: ")
      text.put(shim_errno_text(error))
    case .cannotMap(let error):
      text.put("cannot be mapped: ")
      text.put(shim_errno_text(error))
      if error == ENOMEM { text.put("; a reader needs 4 GiB of address space (ulimit -v)") }
    case .tooShort(let bytes):
      text.put("is no recording: it has ")
      text.put(bytes)
      text.put(" bytes, and the header alone has ")
      text.put(UInt64(Layout.headerBytes))
    case .tooLong(let bytes):
      text.put("has ")
      text.put(bytes)
      text.put(" bytes, which is more than was to be read")
    case .noRecording: text.put("is no recording: it does not begin as one")
    case .otherByteOrder:
      text.put(
        "was recorded on a machine with the other byte order, which this version cannot read")
    case .otherVersion(let version):
      text.put("has format version ")
      text.put(UInt64(version))
      text.put("; this version of prognos reads ")
      text.put(UInt64(Header.version))
    case .badField(let field, let value, let accepted):
      text.put("is damaged: ")
      text.put(field)
      text.put(" is ")
      text.put(value)
      text.put("; expected ")
      text.put(accepted.lowerBound)
      if accepted.lowerBound != accepted.upperBound {
        text.put(" to ")
        text.put(accepted.upperBound)
      }
    case .noPowerOfTwo(let field, let value):
      text.put("is damaged: ")
      text.put(field)
      text.put(" is ")
      text.put(value)
      text.put("; expected a power of two")
    }
    return text.bytes
  }
}

private var ENOMEM: Int32 { 12 }
private var ENODEV: Int32 { 19 }
private var EISDIR: Int32 { 21 }

/// A sentence in the making.
private struct Sentence {
  var bytes: [UInt8] = []

  mutating func put(_ text: StaticString) {
    for index in 0..<text.utf8CodeUnitCount { bytes.append(text.utf8Start[index]) }
  }

  mutating func put(_ text: UnsafePointer<CChar>) {
    var at = text
    while at.pointee != 0 {
      bytes.append(UInt8(bitPattern: at.pointee))
      at += 1
    }
  }

  mutating func put(_ number: UInt64) {
    if number >= 10 { put(number / 10) }
    bytes.append(UInt8(truncatingIfNeeded: 48 &+ number % 10))
  }
}

extension Recording {
  /// Checks what the header says of the recording's form: enough for a clear error. A reader's safety does not
  /// rest on it, since a live file may change after it.
  func checkHeader(fileBytes: UInt64) throws(RecordingFailure) {
    let header = header
    guard fileBytes >= UInt64(Layout.headerBytes) else { throw .tooShort(fileBytes) }
    let magic = header.pointee.magic.acquired
    if magic == Header.magic.byteSwapped { throw .otherByteOrder }
    guard magic == Header.magic else { throw .noRecording }
    guard header.pointee.byteOrder.value == Header.byteOrder else { throw .otherByteOrder }
    let version = header.pointee.version.value
    guard version == Header.version else { throw .otherVersion(version) }
    let bytes = header.pointee.bytes.value
    try check("bytes", bytes, Layout.minimumBytes...Layout.maximumBytes)
    try check("operation_capacity", header.pointee.operationCapacity.value, 1...1_000_000)
    try check("lane_capacity", header.pointee.laneCapacity.value, 1...65_536)
    try check(
      "module_capacity", header.pointee.moduleCapacity.value, 1...UInt64(Layout.mostModules))
    try checkPower("index_capacity", header.pointee.indexCapacity.value)
    try checkPower("host_frame_capacity", header.pointee.hostFrameCapacity.value)
    try checkZones(bytes)
  }

  /// Each zone begins at a page, behind all of the one before.
  private func checkZones(_ bytes: UInt64) throws(RecordingFailure) {
    let header = header
    var end = UInt64(Layout.headerBytes)
    func zone(
      _ name: StaticString, _ offset: UInt32, _ count: UInt32, of size: UInt32
    ) throws(RecordingFailure) {
      try check(name, offset, end...max(bytes, end))
      if offset % Layout.page != 0 {
        let page = UInt64(offset / Layout.page &* Layout.page)
        throw .badField(name, UInt64(offset), accepted: page...page)
      }
      end = UInt64(offset) + UInt64(count) * UInt64(size)
    }
    let namesEnd = header.pointee.namesEnd.value
    let operations = header.pointee.operationCapacity.value &+ 1
    try zone(
      "operations_offset", header.pointee.operationsOffset.value, operations,
      of: OperationRecord.bytes)
    try zone(
      "index_offset", header.pointee.indexOffset.value, header.pointee.indexCapacity.value, of: 4)
    try zone("names_offset", header.pointee.namesOffset.value, 1, of: 1)
    try zone("names_end", namesEnd, 0, of: 1)
    try zone(
      "kinds_offset", header.pointee.kindsOffset.value, FailureKind.capacity + 1,
      of: FailureKind.bytes)
    try zone(
      "lanes_offset", header.pointee.lanesOffset.value, header.pointee.laneCapacity.value, of: 4)
    try zone(
      "module_table", header.pointee.moduleTable.value, header.pointee.moduleCapacity.value,
      of: Module.bytes)
    try zone(
      "host_frames_offset", header.pointee.hostFramesOffset.value,
      header.pointee.hostFrameCapacity.value, of: HostFrame.bytes + 8)
    try zone("arena_offset", header.pointee.arenaOffset.value, 0, of: 1)
  }

  private func check(
    _ field: StaticString, _ value: UInt32, _ accepted: ClosedRange<UInt64>
  ) throws(RecordingFailure) {
    try check(field, UInt64(value), accepted)
  }

  private func check(
    _ field: StaticString, _ value: UInt64, _ accepted: ClosedRange<UInt64>
  ) throws(RecordingFailure) {
    if !accepted.contains(value) { throw .badField(field, value, accepted: accepted) }
  }

  private func checkPower(_ field: StaticString, _ value: UInt32) throws(RecordingFailure) {
    if value == 0 || value & (value &- 1) != 0 { throw .noPowerOfTwo(field, UInt64(value)) }
  }
}
