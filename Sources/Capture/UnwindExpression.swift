// SPDX-License-Identifier: Apache-2.0

/// DWARF expressions as call frame information uses them (DWARF 5, section 2.5): in stubs of the
/// procedure linkage table, realigned stacks, signal frames of the C library. There are no jumps, so an
/// expression takes as many steps as it has bytes, at most.
struct UnwindExpression {
  private var stack = InlineArray<16, UInt64>(repeating: 0)
  private var depth = 0

  /// The value of the expression at an address, which begins with its length and ends before `end`; nil
  /// when it needs what is not known.
  static func evaluate(
    at address: UInt64, to end: UInt64, cfa: UInt64?, _ unwinder: inout Unwinder
  ) -> UInt64? {
    guard address < end else { return nil }
    var reader = UnwindReader(address, to: end)
    reader.limit(reader.uleb())
    var expression = UnwindExpression()
    if let cfa { _ = expression.push(cfa) }
    while !reader.isAtEnd {
      guard expression.step(&reader, &unwinder) else { return nil }
    }
    return reader.failed ? nil : expression.pop()
  }

  private mutating func push(_ value: UInt64) -> Bool {
    guard depth < stack.count else { return false }
    stack[depth & 15] = value
    depth &+= 1
    return true
  }

  private mutating func pop() -> UInt64? {
    guard depth > 0 else { return nil }
    depth &-= 1
    return stack[depth & 15]
  }

  private mutating func pick(_ below: UInt64) -> Bool {
    guard below < UInt64(truncatingIfNeeded: depth) else { return false }
    return push(stack[(depth &- 1 &- Int(truncatingIfNeeded: below)) & 15])
  }

  private mutating func pushRegister(
    _ register: UInt64, _ reader: inout UnwindReader, _ unwinder: inout Unwinder
  ) -> Bool {
    guard let value = unwinder.register(register) else { return false }
    return push(value &+ UInt64(bitPattern: reader.sleb()))
  }

  private mutating func step(_ reader: inout UnwindReader, _ unwinder: inout Unwinder) -> Bool {
    func signed(_ value: UInt64, _ bits: UInt64) -> UInt64 {
      UInt64(bitPattern: Int64(bitPattern: value &<< (64 &- bits)) &>> Int64(64 &- bits))
    }
    let operation = reader.u8()
    switch operation {
    case 0x30...0x4F: return push(UInt64(operation &- 0x30))  // lit
    case 0x70...0x8F: return pushRegister(UInt64(operation &- 0x70), &reader, &unwinder)  // breg
    case 0x92: return pushRegister(reader.uleb(), &reader, &unwinder)  // bregx
    case 0x03, 0x0E, 0x0F: return push(reader.u64())  // addr, const8u, const8s
    case 0x08: return push(UInt64(reader.u8()))
    case 0x09: return push(signed(UInt64(reader.u8()), 8))
    case 0x0A: return push(UInt64(reader.u16()))
    case 0x0B: return push(signed(UInt64(reader.u16()), 16))
    case 0x0C: return push(UInt64(reader.u32()))
    case 0x0D: return push(signed(UInt64(reader.u32()), 32))
    case 0x10: return push(reader.uleb())
    case 0x11: return push(UInt64(bitPattern: reader.sleb()))
    case 0x12: return pick(0)  // dup
    case 0x13: return pop() != nil  // drop
    case 0x14: return pick(1)  // over
    case 0x15: return pick(UInt64(reader.u8()))
    case 0x96: return true  // nop
    default: break
    }
    guard let top = pop() else { return false }
    switch operation {
    case 0x06:  // deref
      guard let value = unwinder.memory.load(top) else { return false }
      return push(value)
    case 0x94:  // deref_size
      let bytes = UInt64(reader.u8())
      guard bytes > 0, bytes <= 8, let value = unwinder.memory.load(top) else { return false }
      return push(value & .max &>> (64 &- bytes &* 8))
    case 0x1F: return push(0 &- top)  // neg
    case 0x20: return push(~top)  // not
    case 0x19: return push(Int64(bitPattern: top) < 0 ? 0 &- top : top)  // abs
    case 0x23: return push(top &+ reader.uleb())  // plus_uconst
    default: break
    }
    guard let below = pop() else { return false }
    let (left, right) = (Int64(bitPattern: below), Int64(bitPattern: top))
    switch operation {
    case 0x16: return push(top) && push(below)  // swap
    case 0x1A: return push(below & top)
    case 0x1C: return push(below &- top)
    case 0x1E: return push(below &* top)
    case 0x21: return push(below | top)
    case 0x22: return push(below &+ top)
    case 0x24: return push(top < 64 ? below &<< top : 0)
    case 0x25: return push(top < 64 ? below &>> top : 0)
    case 0x26: return push(UInt64(bitPattern: left &>> (top < 64 ? right : 63)))
    case 0x27: return push(below ^ top)
    case 0x29: return push(left == right ? 1 : 0)
    case 0x2A: return push(left >= right ? 1 : 0)
    case 0x2B: return push(left > right ? 1 : 0)
    case 0x2C: return push(left <= right ? 1 : 0)
    case 0x2D: return push(left < right ? 1 : 0)
    case 0x2E: return push(left != right ? 1 : 0)
    default: return false  // rot, div, mod, jumps, and what reads variables: in nobody's tables
    }
  }
}
