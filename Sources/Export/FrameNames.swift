// SPDX-License-Identifier: Apache-2.0
import Recording

/// A place in a program, with what is known of it.
public struct FrameName {
  /// The number of its module in the recording; 0 in none.
  public let module: UInt32
  /// The address in the module's file, as addr2line takes it; the process's own in no module.
  public let address: UInt64
  /// Empty when no symbol covers it.
  public let function: [UInt8]
  /// Bytes from the function's start.
  public let offset: UInt64
  /// The source file and line that the host gave; empty and 0 of native code.
  public let file: [UInt8]
  public let line: UInt32

  public init(
    module: UInt32, address: UInt64, function: [UInt8], offset: UInt64, file: [UInt8] = [],
    line: UInt32 = 0
  ) {
    self.module = module
    self.address = address
    self.function = function
    self.offset = offset
    self.file = file
    self.line = line
  }
}

/// The frames of a profile's call sites, each once, by their codes (`FrameCode`).
public struct FrameNames {
  public private(set) var frames: [FrameName] = []
  private var indexOfCode: [UInt64: Int] = [:]

  public init() {}

  public mutating func add(_ code: UInt64, _ name: FrameName) {
    indexOfCode[code] = frames.count
    frames.append(name)
  }

  func index(of code: UInt64) -> Int? { indexOfCode[code] }
}

extension Report {
  /// The frames of a stack as indexes into `frames`, the innermost first.
  func frames(ofStack stack: UInt32) -> [Int] {
    guard stack != 0 else { return [] }
    return (0..<profile.recording.depth(ofStack: stack)).compactMap {
      frames.index(of: profile.recording.frame($0, ofStack: stack))
    }
  }

  /// How a person reads a frame: the function, else the module and the address in it.
  func label(ofFrame index: Int) -> [UInt8] {
    frames.frames[index].label(in: profile.recording)
  }

  func path(ofModule number: UInt32) -> [UInt8] {
    validText(profile.recording.pathBytes(ofModule: number))
  }

  func fileName(ofModule number: UInt32) -> [UInt8] {
    lastComponent(ofModule: number, in: profile.recording)
  }

  /// In hexadecimal; empty when the module has none.
  func buildID(ofModule number: UInt32) -> [UInt8] {
    var output = Output()
    for byte in profile.recording.buildID(ofModule: number) {
      output.put(hexadecimalDigit(byte >> 4))
      output.put(hexadecimalDigit(byte & 15))
    }
    return output.bytes
  }
}

extension FrameName {
  /// How a person reads it: the function, else the module and the address in it.
  func label(in recording: Recording) -> [UInt8] {
    if !function.isEmpty { return function }
    var output = Output()
    if module != 0 {
      output.put(lastComponent(ofModule: module, in: recording))
      output.put("+")
    }
    output.put(hexadecimal: address)
    return output.bytes
  }
}

private func lastComponent(ofModule number: UInt32, in recording: Recording) -> [UInt8] {
  let path = validText(recording.pathBytes(ofModule: number))
  let slash = path.lastIndex(of: 0x2F) ?? -1
  return Array(path[(slash + 1)...])
}

/// Paths come from the loader as they are: what is not ASCII and not UTF-8 is replaced.
func validText(_ text: [UInt8]) -> [UInt8] {
  (text + [0]).withUnsafeBytes { bytes in
    guard let start = bytes.baseAddress, text.count <= CleanText.capacity else {
      return text.map { $0 < 0x80 ? $0 : 0x3F }
    }
    let clean = CleanText(start.assumingMemoryBound(to: CChar.self))
    return (0..<clean.count).map { clean.bytes[$0] }
  }
}

func hexadecimalDigit(_ value: UInt8) -> UInt8 { value < 10 ? 48 + value : 87 + value }

extension Output {
  mutating func put(hexadecimal number: UInt64) {
    put("0x")
    var shift: UInt64 = 60
    while shift > 0, number >> shift == 0 { shift -= 4 }
    while true {
      put(hexadecimalDigit(UInt8(truncatingIfNeeded: number >> shift & 15)))
      if shift == 0 { return }
      shift -= 4
    }
  }
}
