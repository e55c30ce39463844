// SPDX-License-Identifier: Apache-2.0
import Recording

/// What .eh_frame says of one function: a frame description entry with its common information entry.
/// (Linux Standard Base Core, "Exception Frames"; DWARF 5, section 6.4.)
struct UnwindEntry {
  /// The code it describes.
  var start: UInt64 = 0
  var end: UInt64 = 0
  // Where the instructions lie: the common ones, then its own.
  var commonProgram: UInt64 = 0
  var commonProgramEnd: UInt64 = 0
  var program: UInt64 = 0
  var programEnd: UInt64 = 0
  var codeAlignment: UInt64 = 1
  var dataAlignment: Int64 = 1
  var returnRegister: UInt64 = 0
  var pointerEncoding: UInt8 = 0
  /// The frame of a signal handler's caller: its pc is where it was interrupted, not a return address.
  var isSignalFrame = false

  /// Instructions of one function beyond this are taken for damage. The longest in a browser of 200 MB
  /// take 40 KB.
  private static let maxBytes: UInt64 = 1 << 20

  /// The entry for a code address of a module, by the sorted table in .eh_frame_hdr; nil when there is
  /// none, or it is malformed. Logarithmic; reads the module's own mapping only.
  static func find(_ address: UInt64, in module: ModuleRange) -> UnwindEntry? {
    let header = module.frameHeader
    guard header != 0, header &+ 12 <= module.frameHeaderEnd else { return nil }
    // Version 1; a count of four bytes; pairs of four bytes each, relative to the header. Nobody writes
    // other tables.
    guard byte(at: header) == 1, byte(at: header &+ 2) == 0x03, byte(at: header &+ 3) == 0x3B else {
      return nil
    }
    var reader = UnwindReader(header &+ 4, to: module.frameHeaderEnd)
    _ = reader.pointer(byte(at: header &+ 1), data: header, function: 0)
    let count = UInt64(reader.u32())
    guard !reader.failed, count > 0, count <= (reader.end &- reader.at) / 8 else { return nil }
    let table = reader.at
    func relative(_ place: UInt64) -> UInt64 {
      let value = UInt32(truncatingIfNeeded: word(at: place))
      return header &+ UInt64(bitPattern: Int64(Int32(bitPattern: value)))
    }
    // The last pair that begins at the address or before.
    var low: UInt64 = 0
    var high = count
    while high &- low > 1 {
      let middle = low &+ (high &- low) / 2
      if relative(table &+ middle &* 8) <= address { low = middle } else { high = middle }
    }
    let value = UInt32(truncatingIfNeeded: word(at: table &+ low &* 8) &>> 32)
    let place = header &+ UInt64(bitPattern: Int64(Int32(bitPattern: value)))
    guard
      let entry = UnwindEntry(
        at: place, from: module.frameInfoStart, to: module.frameInfoEnd, header: header),
      address &- entry.start < entry.end &- entry.start
    else { return nil }
    return entry
  }

  /// Reads the entry at an address within [low, high), all of which is readable.
  init?(at place: UInt64, from low: UInt64, to high: UInt64, header: UInt64) {
    guard place >= low, place < high else { return nil }
    var own = UnwindReader(place, to: high)
    guard Self.enter(&own) else { return nil }
    let here = own.at
    let distance = UInt64(own.u32())
    let common = here &- distance
    guard !own.failed, distance != 0, common >= low, common < here else { return nil }
    guard readCommon(common, to: high) else { return nil }

    start = own.pointer(pointerEncoding, data: header, function: 0)
    let bytes = own.pointer(pointerEncoding & 0x0F, data: 0, function: 0)
    guard pointerEncoding & 0x80 == 0, !own.failed, bytes <= .max &- start else { return nil }
    end = start &+ bytes
    if hasData { own.skip(own.uleb()) }
    guard !own.failed else { return nil }
    program = own.at
    programEnd = own.end
  }

  private var hasData = false

  /// Reads the length and makes it the reader's end.
  private static func enter(_ reader: inout UnwindReader) -> Bool {
    var bytes = UInt64(reader.u32())
    if bytes == 0xFFFF_FFFF { bytes = reader.u64() }
    guard bytes != 0, bytes <= maxBytes else { return false }
    reader.limit(bytes)
    return !reader.failed
  }

  private mutating func readCommon(_ place: UInt64, to high: UInt64) -> Bool {
    var reader = UnwindReader(place, to: high)
    guard Self.enter(&reader), reader.u32() == 0 else { return false }
    let version = reader.u8()
    guard version == 1 || version == 3 else { return false }
    var augmentation = reader.at
    while reader.u8() != 0 {}
    guard !reader.failed else { return false }
    codeAlignment = reader.uleb()
    dataAlignment = reader.sleb()
    returnRegister = version == 1 ? UInt64(reader.u8()) : reader.uleb()
    if byte(at: augmentation) == 0x7A {  // "z": the data's length, then what the letters say
      hasData = true
      let bytes = reader.uleb()
      var data = reader
      data.limit(bytes)
      reader.skip(bytes)
      var known = true
      while known {
        augmentation = augmentation &+ 1
        switch byte(at: augmentation) {
        case 0x52: pointerEncoding = data.u8()  // "R"
        case 0x50:  // "P": the personality, of no interest
          let encoding = data.u8()
          _ = data.pointer(encoding & 0x0F, data: 0, function: 0)
        case 0x4C: _ = data.u8()  // "L"
        case 0x53: isSignalFrame = true  // "S"
        case 0x42, 0x47: break  // "B", "G": return addresses signed with key B, tagged memory
        default: known = false
        }
      }
      guard !data.failed else { return false }
    } else if byte(at: augmentation) != 0 {
      return false
    }
    commonProgram = reader.at
    commonProgramEnd = reader.end
    return !reader.failed
  }
}
