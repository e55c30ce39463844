// SPDX-License-Identifier: Apache-2.0
import Synchronization

/// An object that was loaded at some time: the program, a library, a plugin, the kernel's [vdso].
///
/// Its place in the table, from 1 on, is its number for ever: frames name it, so that a profile is right
/// after the object is gone. The same file (path and build ID) loaded again keeps its number, wherever it
/// is mapped. `sequence` is odd while the addresses change; one thread at a time changes them.
public struct Module: ~Copyable {
  public let sequence: Cell32
  /// `Flags`.
  public let flags: Cell32
  // Addresses in the recorded process; all 0 while it is not loaded.
  public let start: Cell64
  public let end: Cell64
  /// What was added to the file's addresses.
  public let bias: Cell64
  /// From the first executable segment to the end of the last.
  public let codeStart: Cell64
  public let codeEnd: Cell64
  /// .eh_frame_hdr, 0 without.
  public let frameHeader: Cell64
  public let frameHeaderEnd: Cell64
  /// The readable segment around it, which holds .eh_frame, too.
  public let frameInfoStart: Cell64
  public let frameInfoEnd: Cell64
  // Identity, never changed.
  public let path: Cell32
  public let pathBytes: Cell32
  public let buildIDBytes: Cell32
  public let buildID: InlineArray<5, Cell32>

  public static let bytes: UInt32 = 128
  public static let maxBuildIDBytes = 20

  public enum Flags {
    public static let loaded: UInt32 = 1
    /// It has DT_RPATH or DT_RUNPATH: what it loads may depend on who asks.
    public static let hasRunPath: UInt32 = 2
    /// Its code can be read as data.
    public static let readableCode: UInt32 = 4
  }
}

/// Where an object lies: what a writer puts into its slot, and what a reader takes out in one piece.
public struct ModuleRange {
  public var number: UInt32 = 0
  public var flags: UInt32 = 0
  public var start: UInt64 = 0
  public var end: UInt64 = 0
  public var bias: UInt64 = 0
  public var codeStart: UInt64 = 0
  public var codeEnd: UInt64 = 0
  public var frameHeader: UInt64 = 0
  public var frameHeaderEnd: UInt64 = 0
  public var frameInfoStart: UInt64 = 0
  public var frameInfoEnd: UInt64 = 0

  public init() {}
}

/// Reading the table, from any thread and any signal handler.
extension Recording {
  public var moduleCount: UInt32 {
    let most = min(header.pointee.moduleCapacity.value, Layout.mostModules)
    return fitting(
      min(header.pointee.moduleCount.acquired, most), of: Module.bytes,
      at: header.pointee.moduleTable.value)
  }

  /// A module by its number, 1...moduleCount.
  @inline(__always) public func module(_ number: UInt32) -> UnsafeMutablePointer<Module> {
    at(zone(header.pointee.moduleTable.value) &+ (number &- 1) &* Module.bytes)
  }

  /// Copies where the module around `address` lies; false when none is loaded there. Linear in the number
  /// of modules: for addresses that the unwinder's cache does not know.
  public func findModule(_ address: UInt64, _ range: inout ModuleRange) -> Bool {
    var number: UInt32 = 1
    let count = moduleCount
    while number <= count {
      let module = module(number)
      if address &- module.pointee.start.value
        < module.pointee.end.value &- module.pointee.start.value,
        read(number, &range), address &- range.start < range.end &- range.start
      {
        return true
      }
      number &+= 1
    }
    return false
  }

  /// Copies where a module lies, in one piece; false when it is not loaded, or changing.
  public func read(_ number: UInt32, _ range: inout ModuleRange) -> Bool {
    let module = module(number)
    let before = module.pointee.sequence.acquired
    if before & 1 != 0 { return false }
    range.number = number
    range.flags = module.pointee.flags.value
    range.start = module.pointee.start.value
    range.end = module.pointee.end.value
    range.bias = module.pointee.bias.value
    range.codeStart = module.pointee.codeStart.value
    range.codeEnd = module.pointee.codeEnd.value
    range.frameHeader = module.pointee.frameHeader.value
    range.frameHeaderEnd = module.pointee.frameHeaderEnd.value
    range.frameInfoStart = module.pointee.frameInfoStart.value
    range.frameInfoEnd = module.pointee.frameInfoEnd.value
    atomicMemoryFence(ordering: .acquiring)
    return module.pointee.sequence.value == before && range.flags & Module.Flags.loaded != 0
  }

  /// The path of a module, NUL-terminated.
  public func path(ofModule number: UInt32) -> UnsafePointer<CChar> {
    UnsafePointer(
      (base + Int(module(number).pointee.path.value)).assumingMemoryBound(to: CChar.self))
  }

  /// A byte of its build ID, 0..<maxBuildIDBytes.
  public func buildIDByte(_ index: Int, ofModule number: UInt32) -> UInt8 {
    let word = module(number).pointee.buildID[index / 4].value
    return UInt8(truncatingIfNeeded: word &>> UInt32(truncatingIfNeeded: index % 4 * 8))
  }
}

/// Changing the table, by one thread at a time.
extension Recording {
  /// Says where a module lies now; with an empty range, that it is not loaded.
  public func publish(_ range: ModuleRange, ofModule number: UInt32) {
    let module = module(number)
    let sequence = module.pointee.sequence.value
    module.pointee.sequence.set(sequence &+ 1)
    atomicMemoryFence(ordering: .releasing)
    module.pointee.flags.set(range.flags)
    module.pointee.start.set(range.start)
    module.pointee.end.set(range.end)
    module.pointee.bias.set(range.bias)
    module.pointee.codeStart.set(range.codeStart)
    module.pointee.codeEnd.set(range.codeEnd)
    module.pointee.frameHeader.set(range.frameHeader)
    module.pointee.frameHeaderEnd.set(range.frameHeaderEnd)
    module.pointee.frameInfoStart.set(range.frameInfoStart)
    module.pointee.frameInfoEnd.set(range.frameInfoEnd)
    module.pointee.sequence.publish(sequence &+ 2)
  }

  /// The number of a file that is not loaded now, or a new one; nil when the table or the room for texts is
  /// full. `path` is NUL-terminated.
  public func numberOfModule(
    path: UnsafePointer<CChar>, buildID: UnsafePointer<UInt8>, buildIDBytes: Int
  ) -> UInt32? {
    let header = header
    let count = header.pointee.moduleCount.value
    var number: UInt32 = 1
    while number <= count {
      if module(number).pointee.flags.value & Module.Flags.loaded == 0,
        isModule(number, path, buildID, buildIDBytes)
      {
        return number
      }
      number &+= 1
    }
    guard number <= header.pointee.moduleCapacity.value, let text = keepPath(path) else {
      header.pointee.refusedModules.addShared(1)
      return nil
    }
    let module = module(number)
    module.pointee.path.set(text.offset)
    module.pointee.pathBytes.set(text.bytes)
    module.pointee.buildIDBytes.set(UInt32(truncatingIfNeeded: buildIDBytes))
    for index in 0..<buildIDBytes {
      let word = module.pointee.buildID[index / 4].value
      let byte = UInt32(buildID[index]) &<< UInt32(truncatingIfNeeded: index % 4 * 8)
      module.pointee.buildID[index / 4].set(word | byte)
    }
    header.pointee.moduleCount.publish(number)
    return number
  }

  /// Whether a module is this file.
  public func isModule(
    _ number: UInt32, _ path: UnsafePointer<CChar>, _ buildID: UnsafePointer<UInt8>,
    _ buildIDBytes: Int
  ) -> Bool {
    let module = module(number)
    guard Int(module.pointee.buildIDBytes.value) == buildIDBytes else { return false }
    for index in 0..<buildIDBytes where buildIDByte(index, ofModule: number) != buildID[index] {
      return false
    }
    let kept = self.path(ofModule: number)
    var index = 0
    while kept[index] == path[index] {
      if path[index] == 0 { return true }
      index &+= 1
    }
    return false
  }

  private func keepPath(_ path: UnsafePointer<CChar>) -> (offset: UInt32, bytes: UInt32)? {
    var count: UInt32 = 0
    while path[Int(count)] != 0 { count &+= 1 }
    let header = header
    guard header.pointee.moduleTextEnd.value &- header.pointee.moduleText.value > count else {
      return nil
    }
    let offset = header.pointee.moduleText.value
    let copy = (base + Int(offset)).assumingMemoryBound(to: CChar.self)
    for index in 0..<Int(count) { copy[index] = path[index] }
    copy[Int(count)] = 0
    header.pointee.moduleText.set(offset &+ count &+ 1)
    return (offset, count)
  }
}
