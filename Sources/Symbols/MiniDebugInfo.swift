// SPDX-License-Identifier: Apache-2.0

/// The symbols that Fedora and others leave in stripped files: `.gnu_debugdata`, an ELF file compressed
/// with xz (GDB's manual, "Debugging information in a special section").
enum MiniDebugInfo {
  private static let mostCompressed: UInt64 = 64 << 20
  private static let mostDecompressed: UInt64 = 256 << 20
  private static let decoderMemory: UInt64 = 128 << 20

  private typealias Decode =
    @convention(c) (
      UnsafeMutablePointer<UInt64>, UInt32, UnsafeRawPointer?, UnsafePointer<UInt8>,
      UnsafeMutablePointer<Int>, Int, UnsafeMutablePointer<UInt8>, UnsafeMutablePointer<Int>, Int
    ) -> UInt32

  /// The file in the section; nil when there is none, or no liblzma on this system. Loads liblzma
  /// privately, for as long as it takes.
  static func image(in image: ELFImage) -> ELFImage? {
    guard let section = image.section(named: ".gnu_debugdata"), section.size <= mostCompressed,
      let packed = image.content(of: section), let unpacked = decoded(packed)
    else { return nil }
    return ELFImage(ByteSource(memory: unpacked))
  }

  private static func decoded(_ packed: [UInt8]) -> [UInt8]? {
    guard let size = decodedSize(packed), size <= mostDecompressed,
      let function = LoadedFunction("lzma_stream_buffer_decode", loading: "liblzma.so.5")
    else { return nil }
    let decode = unsafeBitCast(function.address, to: Decode.self)
    var (memory, read, written) = (decoderMemory, 0, 0)
    let result = ByteSource.buffer(Int(size)) { start in
      let status = packed.withUnsafeBufferPointer { input in
        decode(
          &memory, 0, nil, input.baseAddress.unsafelyUnwrapped, &read, input.count, start, &written,
          Int(size))
      }
      return status == 0 && written == Int(size)  // LZMA_OK
    }
    return result
  }

  /// How many bytes it will be, from the index at the end of the stream ("The .xz File Format",
  /// sections 2.1.2 and 4); nil when that is not whole.
  private static func decodedSize(_ packed: [UInt8]) -> UInt64? {
    let end = packed.count
    guard packed.number(at: end &- 2, as: UInt16.self) == 0x5A59,  // "YZ"
      let backward = packed.number(at: end &- 8, as: UInt32.self)
    else { return nil }
    var at = end &- 12 &- (Int(backward) &+ 1) &* 4
    guard at >= 12, packed[at] == 0 else { return nil }
    at &+= 1
    guard let records = variable(packed, &at), records <= 1 << 20 else { return nil }
    var size: UInt64 = 0
    for _ in 0..<records {
      guard variable(packed, &at) != nil, let bytes = variable(packed, &at),
        bytes <= mostDecompressed
      else { return nil }
      size &+= bytes
      if size > mostDecompressed { return nil }
    }
    return size > 0 ? size : nil
  }

  /// A number of seven bits a byte, the lowest first.
  private static func variable(_ bytes: [UInt8], _ at: inout Int) -> UInt64? {
    var value: UInt64 = 0
    for shift in stride(from: 0, through: 56, by: 7) {
      guard let byte = bytes.number(at: at, as: UInt8.self) else { return nil }
      at &+= 1
      value |= UInt64(byte & 0x7F) << UInt64(shift)
      if byte < 0x80 { return value }
    }
    return nil
  }
}
