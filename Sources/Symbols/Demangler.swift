// SPDX-License-Identifier: Apache-2.0
import CShim

/// Names as people wrote them, by the demanglers that the process has loaded anyway.
///
/// They are looked for in the language's library first, which is thereby held: one that the program
/// opened as a plug-in could go away meanwhile. A program that has none is linked with one, or keeps its
/// mangled names. The demanglers are trusted with the names of the code that the process itself runs.
struct Demangler: ~Copyable {
  /// GCC's demangler needs 72 bytes of the stack for each byte of a name, and gives up beyond this.
  private static let longest = 1024

  private typealias OfCxx =
    @convention(c) (
      UnsafePointer<CChar>, UnsafeMutablePointer<CChar>?, UnsafeMutablePointer<Int>?,
      UnsafeMutablePointer<Int32>?
    ) -> UnsafeMutablePointer<CChar>?
  private typealias OfSwift =
    @convention(c) (
      UnsafePointer<CChar>, Int, UnsafeMutablePointer<CChar>?, UnsafeMutablePointer<Int>?, UInt32
    ) -> UnsafeMutablePointer<CChar>?

  private let cxx: LoadedFunction?
  private let swift: LoadedFunction?

  /// Looks for the demanglers, with the loader's lock: not to be called in a signal handler.
  init() {
    // Itanium C++ ABI, section 3.4: __cxa_demangle.
    cxx = LoadedFunction("__cxa_demangle", among: ["libstdc++.so.6", "libc++abi.so.1"])
    swift = LoadedFunction("swift_demangle", among: ["libswiftCore.so"])
  }

  /// The readable form of a name: demangled if that is possible, valid UTF-8, at most 255 bytes.
  func readable(_ name: [UInt8]) -> [UInt8] { cleaned(demangled(name) ?? name) }

  private func demangled(_ name: [UInt8]) -> [UInt8]? {
    if name.starts(with: "_Z") {
      if let path = rustPath(name) { return path }
      guard name.count <= Self.longest else { return nil }
      switch cxx {
      case .some(let function):
        let demangle = unsafeBitCast(function.address, to: OfCxx.self)
        return taken(withCString(name) { demangle($0, nil, nil, nil) })
      case .none: return nil
      }
    }
    guard isOfSwift(name), name.count <= Self.longest else { return nil }
    switch swift {
    case .some(let function):
      let demangle = unsafeBitCast(function.address, to: OfSwift.self)
      return taken(withCString(name) { demangle($0, name.count, nil, nil, 0) })
    case .none: return nil
    }
  }

  /// "$s" of Swift 5 and later, "$S" of 4.2, "$e" of Embedded Swift, with or without "_".
  private func isOfSwift(_ name: [UInt8]) -> Bool {
    let start = name.first == 0x5F ? 1 : 0
    guard name.count > start &+ 2, name[start] == 0x24 else { return false }
    return [0x73, 0x53, 0x65].contains(name[start &+ 1])
  }

  /// The bytes of a text that the caller must free.
  private func taken(_ text: UnsafeMutablePointer<CChar>?) -> [UInt8]? {
    guard let text else { return nil }
    defer { shim_free(text) }
    var bytes: [UInt8] = []
    // Four times what is kept: all that is beyond would be cut off anyway.
    while bytes.count < 1024, text[bytes.count] != 0 {
      bytes.append(UInt8(bitPattern: text[bytes.count]))
    }
    return bytes.isEmpty ? nil : bytes
  }
}
