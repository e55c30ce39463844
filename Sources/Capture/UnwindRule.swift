// SPDX-License-Identifier: Apache-2.0
import Recording

/// A row as the cache keeps it, in one word: what nearly all code is like, and names for the rest.
///
///     bits 60...63  kind
///     bits 48...59  module number
///     bits 26...47  the CFA's offset from its register, signed, bytes
///     bits 13...25  where the return address is, from the CFA, signed, in words; 0 in its register
///     bits  0...12  where the frame pointer is, in the same way; 0 not saved
struct UnwindRule {
  let bits: UInt64

  /// The CFA is counted from the stack pointer, or from the frame pointer.
  static let fromSP: UInt64 = 1
  static let fromFP: UInt64 = 2
  /// Nothing above called this.
  static let outermost: UInt64 = 3
  /// No information about this code.
  static let unknown: UInt64 = 4
  /// The kernel's signal frame, with all registers.
  static let signal: UInt64 = 5
  /// An expression, or other registers: the row is computed each time.
  static let full: UInt64 = 6

  @inline(__always) init(bits: UInt64) { self.bits = bits }

  init(_ kind: UInt64, module: UInt32) { bits = kind &<< 60 | UInt64(module & 0xFFF) &<< 48 }

  /// Packs a row, as `full` when it is not of the common kind.
  init(_ row: UnwindRow, module: UInt32) {
    let ra = row.rule(Machine.ra)
    let fp = row.rule(Machine.fp)
    if ra.kind == ColumnRule.undefined {
      self.init(UnwindRule.outermost, module: module)
      return
    }
    let isFromSP = row.cfaRegister == Machine.spRegister
    let offset = Int64(bitPattern: row.cfaOffset)
    guard isFromSP || row.cfaRegister == Machine.fpRegister,
      offset >= -(1 << 21), offset < 1 << 21, row.rule(Machine.sp).kind == ColumnRule.same,
      let raField = Self.field(ra), let fpField = Self.field(fp)
    else {
      self.init(UnwindRule.full, module: module)
      return
    }
    self.init(
      bits: (isFromSP ? UnwindRule.fromSP : UnwindRule.fromFP) &<< 60 | UInt64(module & 0xFFF)
        &<< 48
        | (UInt64(bitPattern: offset) & 0x3F_FFFF) &<< 26 | raField &<< 13 | fpField)
  }

  /// The 13 bits of a register that is saved or stays; nil for any other rule.
  private static func field(_ rule: ColumnRule) -> UInt64? {
    if rule.kind == ColumnRule.same { return 0 }
    let offset = rule.offset
    guard rule.kind == ColumnRule.atOffset, offset & 7 == 0, offset != 0, offset >= -(1 << 15),
      offset < 1 << 15
    else { return nil }
    return UInt64(bitPattern: offset &>> 3) & 0x1FFF
  }

  @inline(__always) var kind: UInt64 { bits &>> 60 }
  @inline(__always) var module: UInt32 { UInt32(truncatingIfNeeded: bits &>> 48) & 0xFFF }
  @inline(__always) var cfaOffset: UInt64 { signed(up: 16, down: 42) }
  /// In bytes; 0: not in memory.
  @inline(__always) var raOffset: UInt64 { signed(up: 38, down: 51) &<< 3 }
  @inline(__always) var fpOffset: UInt64 { signed(up: 51, down: 51) &<< 3 }

  @inline(__always) private func signed(up: UInt64, down: Int64) -> UInt64 {
    UInt64(bitPattern: Int64(bitPattern: bits &<< up) &>> down)
  }
}
