// SPDX-License-Identifier: Apache-2.0

/// How one register's value in the caller is found: a kind in the lower three bits, above it the kind's
/// number.
struct ColumnRule {
  var bits: UInt64

  static let same: UInt64 = 0
  /// Saved at the CFA plus the number.
  static let atOffset: UInt64 = 1
  /// The CFA plus the number.
  static let isOffset: UInt64 = 2
  /// What another register holds.
  static let register: UInt64 = 3
  /// Saved where the expression at the address says; and: what that says itself.
  static let atExpression: UInt64 = 4
  static let isExpression: UInt64 = 5
  static let undefined: UInt64 = 6

  @inline(__always) init(_ kind: UInt64, _ number: UInt64 = 0) { bits = number &<< 3 | kind }
  @inline(__always) init(bits: UInt64) { self.bits = bits }
  @inline(__always) var kind: UInt64 { bits & 7 }
  @inline(__always) var offset: Int64 { Int64(bitPattern: bits) &>> 3 }
  /// A register's number, or an expression's address.
  @inline(__always) var number: UInt64 { bits &>> 3 }
}

/// One row of a function's table: where the caller's frame is, seen from one instruction.
struct UnwindRow {
  #if arch(x86_64)
    typealias Columns = InlineArray<8, UInt64>
  #else
    typealias Columns = InlineArray<16, UInt64>
  #endif
  static let byExpression = UInt64.max

  /// The register that the CFA is counted from, or `byExpression`.
  var cfaRegister: UInt64 = 0
  /// What is added to it, or the expression's address.
  var cfaOffset: UInt64 = 0
  /// `ColumnRule`s.
  private var columns = Columns(repeating: 0)

  @inline(__always) func rule(_ column: UInt32) -> ColumnRule {
    ColumnRule(bits: columns[Int(column & UInt32(Machine.columns - 1))])
  }
  @inline(__always) mutating func set(_ column: UInt32, _ rule: ColumnRule) {
    columns[Int(column & UInt32(Machine.columns - 1))] = rule.bits
  }
}

/// The interpreter of call frame instructions (DWARF 5, section 6.4.2).
struct UnwindProgram {
  private(set) var row = UnwindRow()
  private var initial = UnwindRow()
  /// Rows put aside. Compilers put one aside, hand-written code two.
  private var saved = InlineArray<4, UnwindRow>(repeating: UnwindRow())
  private var depth = 0

  init() {}

  /// Computes the row for an address of the entry's code; false when the instructions are malformed, or
  /// ask for what is not supported. Linear in their bytes: each step reads at least one.
  mutating func run(_ entry: UnwindEntry, to address: UInt64) -> Bool {
    var location = entry.start
    guard
      run(entry, entry.commonProgram, entry.commonProgramEnd, from: &location, to: address)
    else { return false }
    initial = row
    location = entry.start
    return run(entry, entry.program, entry.programEnd, from: &location, to: address)
  }

  private mutating func run(
    _ entry: UnwindEntry, _ from: UInt64, _ end: UInt64, from location: inout UInt64,
    to address: UInt64
  ) -> Bool {
    var reader = UnwindReader(from, to: end)
    while !reader.isAtEnd {
      let instruction = reader.u8()
      let operand = UInt64(instruction & 0x3F)
      switch instruction &>> 6 {
      case 1:
        if !advance(&location, by: operand &* entry.codeAlignment, to: address) { return true }
      case 2:
        set(operand, ColumnRule(ColumnRule.atOffset, scaled(reader.uleb(), entry)))
      case 3:
        restore(operand)
      default:
        switch instruction {
        case 0x01:
          let next = reader.pointer(entry.pointerEncoding, data: 0, function: entry.start)
          // In code that is sorted, locations only grow.
          if next < location { return false }
          if next > address { return !reader.failed }
          location = next
        case 0x02, 0x03, 0x04, 0x1D:
          let delta: UInt64
          switch instruction {
          case 0x02: delta = UInt64(reader.u8())
          case 0x03: delta = UInt64(reader.u16())
          case 0x04: delta = UInt64(reader.u32())
          default: delta = reader.u64()
          }
          if reader.failed { return false }
          if !advance(&location, by: delta &* entry.codeAlignment, to: address) { return true }
        default:
          guard apply(instruction, entry, &reader) else { return false }
        }
      }
    }
    return !reader.failed
  }

  /// False when the wanted row ends here.
  @inline(__always) private func advance(
    _ location: inout UInt64, by delta: UInt64, to address: UInt64
  ) -> Bool {
    if delta > address &- location { return false }
    location = location &+ delta
    return true
  }

  private func scaled(_ factor: UInt64, _ entry: UnwindEntry) -> UInt64 {
    factor &* UInt64(bitPattern: entry.dataAlignment)
  }

  @inline(__always) private mutating func set(_ register: UInt64, _ rule: ColumnRule) {
    if let column = Machine.column(register) { row.set(column, rule) }
  }

  private mutating func restore(_ register: UInt64) {
    if let column = Machine.column(register) { row.set(column, initial.rule(column)) }
  }

  /// The instructions that have a byte of their own and do not advance.
  private mutating func apply(
    _ instruction: UInt8, _ entry: UnwindEntry, _ reader: inout UnwindReader
  ) -> Bool {
    switch instruction {
    case 0x00: break  // nop
    case 0x05:  // offset_extended
      let register = reader.uleb()
      set(register, ColumnRule(ColumnRule.atOffset, scaled(reader.uleb(), entry)))
    case 0x06: restore(reader.uleb())  // restore_extended
    case 0x07: set(reader.uleb(), ColumnRule(ColumnRule.undefined))
    case 0x08: set(reader.uleb(), ColumnRule(ColumnRule.same))
    case 0x09:  // register
      let register = reader.uleb()
      set(register, ColumnRule(ColumnRule.register, reader.uleb()))
    case 0x0A:  // remember_state
      guard depth < saved.count else { return false }
      saved[depth & 3] = row
      depth &+= 1
    case 0x0B:  // restore_state
      guard depth > 0 else { return false }
      depth &-= 1
      row = saved[depth & 3]
    case 0x0C:  // def_cfa
      row.cfaRegister = reader.uleb()
      row.cfaOffset = reader.uleb()
    case 0x0D: row.cfaRegister = reader.uleb()  // def_cfa_register
    case 0x0E: row.cfaOffset = reader.uleb()  // def_cfa_offset
    case 0x0F:  // def_cfa_expression
      row.cfaRegister = UnwindRow.byExpression
      row.cfaOffset = reader.at
      reader.skip(reader.uleb())
    case 0x10, 0x16:  // expression, val_expression
      let register = reader.uleb()
      let kind = instruction == 0x10 ? ColumnRule.atExpression : ColumnRule.isExpression
      set(register, ColumnRule(kind, reader.at))
      reader.skip(reader.uleb())
    case 0x11:  // offset_extended_sf
      let register = reader.uleb()
      let factor = UInt64(bitPattern: reader.sleb())
      set(register, ColumnRule(ColumnRule.atOffset, scaled(factor, entry)))
    case 0x12:  // def_cfa_sf
      row.cfaRegister = reader.uleb()
      row.cfaOffset = scaled(UInt64(bitPattern: reader.sleb()), entry)
    case 0x13:  // def_cfa_offset_sf
      row.cfaOffset = scaled(UInt64(bitPattern: reader.sleb()), entry)
    case 0x14:  // val_offset
      let register = reader.uleb()
      set(register, ColumnRule(ColumnRule.isOffset, scaled(reader.uleb(), entry)))
    case 0x15:  // val_offset_sf
      let register = reader.uleb()
      let factor = UInt64(bitPattern: reader.sleb())
      set(register, ColumnRule(ColumnRule.isOffset, scaled(factor, entry)))
    case 0x2D: break  // AARCH64_negate_ra_state: addresses are stripped of their code in any case
    case 0x2E: _ = reader.uleb()  // GNU_args_size
    case 0x2F:  // GNU_negative_offset_extended
      let register = reader.uleb()
      set(register, ColumnRule(ColumnRule.atOffset, 0 &- scaled(reader.uleb(), entry)))
    default: return false
    }
    return !reader.failed
  }
}
