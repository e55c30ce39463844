// SPDX-License-Identifier: Apache-2.0

/// An object of a process, as it was recorded when it was loaded.
public struct ModuleFile {
  /// Its absolute path. What has none ("[vdso]") has no names either.
  public let path: [UInt8]
  /// Its build-id; empty when it has none or it is not known.
  public let buildID: [UInt8]

  public init(path: [UInt8], buildID: [UInt8]) {
    self.path = path
    self.buildID = buildID
  }
}

/// A function's name for an address in it.
public struct Symbol: Equatable {
  /// Demangled where possible; valid UTF-8 without control characters, 1 to 255 bytes.
  public var name: [UInt8]
  /// Bytes from the function's start to the address.
  public var offset: UInt64
}

/// Turns addresses into names of functions.
///
/// For when a profile is written: it opens files, takes memory and the loader's lock. Never in a signal
/// handler, never on a hot path. It keeps nothing but the demanglers from call to call. Any file may be
/// damaged, made to mislead, or change meanwhile: then names are missing or wrong, and nothing else.
///
/// Thread: one at a time.
public struct Symbolizer: ~Copyable {
  private let demangler = Demangler()
  private let debugFiles: DebugFiles

  public init() { debugFiles = DebugFiles() }

  /// Looks for separate debug files in a directory of its own.
  init(debugDirectory: [UInt8]) { debugFiles = DebugFiles(directory: debugDirectory) }

  /// The names for addresses in one object; nil where no symbol covers one.
  ///
  /// The sources, together: .symtab of the file, else of its separate debug file, else of its
  /// MiniDebugInfo; .dynsym; the stubs of calls into other libraries.
  ///
  /// - Parameter addresses: as in the ELF file (the address in memory less the load bias), in any order.
  ///
  /// Cost: O(n log n + symbols x log n) time for n addresses, memory by n alone, the file opened once.
  public func symbols(of module: ModuleFile, addresses: [UInt64]) -> [Symbol?] {
    let nothing = [Symbol?](repeating: nil, count: addresses.count)
    guard !addresses.isEmpty, let (image, buildID) = image(of: module) else { return nothing }
    let list = AddressList(addresses)
    var coverage = Coverage(of: list, in: image)
    if let full = fullTable(of: image, at: module.path, buildID: buildID) { coverage.add(full) }
    if let dynamic = table(of: Section.dynamicSymbols, in: image) { coverage.add(dynamic) }

    let best = coverage.best()
    var symbols = [Symbol?](repeating: nil, count: list.sorted.count)
    for (index, found) in best.enumerated() {
      guard let found else { continue }
      let offset = list.sorted[index] &- found.entry.start
      if index > 0, let last = best[index &- 1], last.entry.start == found.entry.start,
        last.entry.name == found.entry.name, last.table == found.table
      {
        symbols[index] = symbols[index &- 1].map { Symbol(name: $0.name, offset: offset) }
      } else {
        let name = demangler.readable(coverage.name(of: found))
        symbols[index] = Symbol(name: name, offset: offset)
      }
    }
    let without = symbols.indices.filter { symbols[$0] == nil }
    let stubs = LinkageStubs.stubs(at: without.map { list.sorted[$0] }, in: image)
    for (index, stub) in zip(without, stubs) {
      guard let stub else { continue }
      let name = cleaned(Array(demangler.readable(stub.name).prefix(251)) + [UInt8]("@plt"))
      symbols[index] = Symbol(name: name, offset: list.sorted[index] &- stub.start)
    }
    return addresses.map { list.index(of: $0).flatMap { symbols[$0] } }
  }

  /// The names for addresses in no object, from the map that a JIT compiler left in /tmp; nil where it
  /// has none.
  ///
  /// - Parameters:
  ///   - processID: the process's number as it sees it itself.
  ///   - addresses: in memory, in any order.
  ///
  /// Cost: O(bytes of the map + lines x log n) time, memory by the map's size, at most 64 MiB.
  public func jitSymbols(processID: UInt32, addresses: [UInt64]) -> [Symbol?] {
    var digits: [UInt8] = []
    var rest = processID
    repeat {
      digits.insert(UInt8(truncatingIfNeeded: 48 &+ rest % 10), at: 0)
      rest /= 10
    } while rest > 0
    return jitSymbols(
      mapPath: [UInt8]("/tmp/perf-") + digits + [UInt8](".map"), addresses: addresses)
  }

  func jitSymbols(mapPath: [UInt8], addresses: [UInt64]) -> [Symbol?] {
    guard !addresses.isEmpty, let map = JITMap(path: mapPath) else {
      return Array(repeating: nil, count: addresses.count)
    }
    let list = AddressList(addresses)
    let functions = map.functions(at: list)
    return addresses.map { address in
      guard let function = list.index(of: address).flatMap({ functions[$0] }) else { return nil }
      return Symbol(
        name: demangler.readable(Array(function.name)), offset: address &- function.start)
    }
  }

  /// The file of an object, and its build-id; nil when it is not there or has been replaced.
  private func image(of module: ModuleFile) -> (ELFImage, [UInt8])? {
    guard module.path.first == 0x2F else { return nil }
    if let image = ByteSource(path: module.path).flatMap({ ELFImage($0) }) {
      let id = image.buildID
      if id.isEmpty || module.buildID.isEmpty || id == module.buildID { return (image, id) }
    }
    // The program's own file stays within reach after it was deleted or replaced. Its build-id says
    // whether it is what was asked for.
    guard !module.buildID.isEmpty,
      let image = ByteSource(path: [UInt8]("/proc/self/exe")).flatMap({ ELFImage($0) }),
      image.buildID == module.buildID
    else { return nil }
    return (image, module.buildID)
  }

  /// The table of all functions, also of those that are not visible from outside.
  private func fullTable(of image: ELFImage, at path: [UInt8], buildID: [UInt8]) -> SymbolTable? {
    if let own = table(of: Section.symbolTable, in: image) { return own }
    if let file = debugFiles.image(for: image, at: path, buildID: buildID) {
      return table(of: Section.symbolTable, in: file)
    }
    return MiniDebugInfo.image(in: image).flatMap { table(of: Section.symbolTable, in: $0) }
  }

  private func table(of kind: UInt32, in image: ELFImage) -> SymbolTable? {
    image.section(ofKind: kind).flatMap { SymbolTable($0, of: image) }
  }
}

/// Calls `body` with a symbolizer. For other modules: Embedded Swift destroys a value that cannot be copied
/// only in the module of its type.
@inline(never)
public func withSymbolizer(_ body: (borrowing Symbolizer) -> Void) {
  let symbolizer = Symbolizer()
  body(symbolizer)
}
