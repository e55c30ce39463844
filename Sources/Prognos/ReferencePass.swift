// SPDX-License-Identifier: Apache-2.0
import CShim
import Recording

/// One reading of all memory that can be written.
struct ReferencePass {
  private let scratch: Scratch
  private let count: Int
  private let low: UInt64
  private let span: UInt64
  private let recordingStart: UInt64
  private let recordingEnd: UInt64
  /// CPython links every object that its collector watches into a list: that is no reference.
  private let hasCollectorList: Bool
  private var left = 0
  /// Whether memory cannot be read like this at all.
  private(set) var isForbidden = false

  private static var mostBytes: Int { 512 << 20 }
  private static var pageBytes: UInt64 { UInt64(truncatingIfNeeded: shim_page_bytes()) }

  init(_ recording: Recording, _ scratch: Scratch, _ count: Int) {
    self.scratch = scratch
    self.count = count
    low = scratch.blocks[0].address
    span = scratch.blocks[count - 1].address &+ scratch.blocks[count - 1].bytes &- low
    recordingStart = UInt64(UInt(bitPattern: recording.base))
    recordingEnd = recordingStart &+ UInt64(recording.byteCount)
    hasCollectorList = shim_library_function(nil, "PyObject_GC_Track") != nil
  }

  /// False when not all of it could be read.
  mutating func run() -> Bool {
    left = Self.mostBytes
    let maps = shim_open_read("/proc/self/maps")
    let pages = shim_open_read("/proc/self/pagemap")
    defer {
      if maps >= 0 { shim_close(maps) }
      if pages >= 0 { shim_close(pages) }
    }
    guard maps >= 0, pages >= 0 else { return false }
    var line = MapLine()
    while true {
      let got = shim_file_read(maps, scratch.text, Scratch.textBytes)
      guard got >= 0 else { return false }
      if got == 0 { return true }
      for index in 0..<got {
        guard line.add(scratch.text[index]) else { continue }
        if line.isWanted, !read(from: line.start, to: line.end, pages) { return false }
        line = MapLine()
      }
    }
  }

  private mutating func read(from start: UInt64, to end: UInt64, _ pages: Int32) -> Bool {
    if start < recordingEnd && end > recordingStart {
      return (start >= recordingStart || readPages(from: start, to: recordingStart, pages))
        && (end <= recordingEnd || readPages(from: recordingEnd, to: end, pages))
    }
    return readPages(from: start, to: end, pages)
  }

  /// Reads the pages that are present; one that is swapped out might hold a reference.
  private mutating func readPages(from start: UInt64, to end: UInt64, _ pages: Int32) -> Bool {
    let page = Self.pageBytes
    var at = start
    while at < end {
      let number = Int(min((end &- at) / page, UInt64(Scratch.pageCount)))
      guard number > 0 else { return true }
      guard shim_read_at(pages, scratch.pages, number * 8, at / page * 8) else { return false }
      var index = 0
      while index < number {
        let state = scratch.pages[index] &>> 62
        if state & 1 != 0 { return false }
        guard state & 2 != 0 else {
          index += 1
          continue
        }
        var run = 1
        while index + run < number, run < Scratch.bufferBytes / Int(page),
          scratch.pages[index + run] &>> 62 == 2
        {
          run += 1
        }
        guard readRun(at: at &+ UInt64(index) &* page, bytes: run * Int(page)) else { return false }
        index += run
      }
      at &+= UInt64(number) &* page
    }
    return true
  }

  private mutating func readRun(at address: UInt64, bytes: Int) -> Bool {
    left -= bytes
    guard left >= 0 else { return false }
    let got = shim_memory_read(address, scratch.buffer, bytes)
    if got < 0 {
      let error = shim_errno()
      isForbidden = error == 1 || error == 38  // EPERM, ENOSYS
      return !isForbidden  // unmapped meanwhile, or a device
    }
    for word in 0..<got / 8 {
      let value = scratch.buffer[word]
      if value &- low < span, scratch.mayHold(value) {
        note(value, at: address &+ UInt64(word) &* 8)
      }
    }
    return true
  }

  private func note(_ value: UInt64, at place: UInt64) {
    guard let index = scratch.index(of: value, among: count) else { return }
    let block = scratch.blocks[index]
    // Its own words say nothing.
    if block.isReferenced != 0 || place &- block.address < block.bytes { return }
    if hasCollectorList, value & ~7 == block.address, isCollectorLink(place, of: block) { return }
    scratch.blocks[index].isReferenced = 1
  }

  /// Whether a word is the `next` of the block's predecessor in CPython's list of objects, or the `prev` of its
  /// successor: blocks begin with `next` and `prev`, which carry flags in their lower bits.
  private func isCollectorLink(_ place: UInt64, of block: Scratch.Block) -> Bool {
    guard block.bytes >= 32 else { return false }
    var links: (next: UInt64, previous: UInt64) = (0, 0)
    let got = withUnsafeMutableBytes(of: &links) {
      shim_memory_read(block.address, $0.baseAddress.unsafelyUnwrapped, 16)
    }
    return got == 16 && (links.previous & ~7 == place || (links.next & ~7) &+ 8 == place)
  }
}

/// A line of /proc/self/maps: "start-end rw-p offset device inode path".
struct MapLine {
  private(set) var start: UInt64 = 0
  private(set) var end: UInt64 = 0
  private var field = 0
  /// Within the field.
  private var position = 0
  private var isWritable = false
  /// The first bytes of the path.
  private var path = InlineArray<9, UInt8>(repeating: 0)

  private enum Field {
    static let start = 0
    static let end = 1
    static let rights = 2
    static let path = 6
  }

  /// Adds a byte; true at the line's end.
  mutating func add(_ byte: UInt8) -> Bool {
    if byte == 0x0A { return true }
    let isSeparator = byte == 0x20 || byte == 0x2D && field == Field.start
    if isSeparator && field < Field.path {
      (field, position) = (field + 1, 0)
      return false
    }
    // Spaces stand before the path.
    if byte == 0x20 && position == 0 { return false }
    switch field {
    case Field.start: start = start &<< 4 | Self.digit(byte)
    case Field.end: end = end &<< 4 | Self.digit(byte)
    case Field.rights: if position == 1 { isWritable = byte == 0x77 }
    case Field.path: if position < path.count { path[position] = byte }
    default: break
    }
    position += 1
    return false
  }

  private static func digit(_ byte: UInt8) -> UInt64 {
    UInt64(byte < 0x3A ? byte &- 0x30 : byte &- 0x57) & 15
  }

  /// Whether it may hold references: memory of devices is not to be read.
  var isWanted: Bool {
    let isDevice =
      path[0] == 0x2F && path[1] == 0x64 && path[2] == 0x65 && path[3] == 0x76 && path[4] == 0x2F
    let isShared = path[5] == 0x73 && path[6] == 0x68 && path[7] == 0x6D  // /dev/shm
    let isZero = path[5] == 0x7A && path[6] == 0x65 && path[7] == 0x72 && path[8] == 0x6F
    return isWritable && end > start && (!isDevice || isShared || isZero)
  }
}
