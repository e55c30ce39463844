// SPDX-License-Identifier: Apache-2.0

/// What the unwinder knows of the processor: which registers a caller may rely on, their DWARF numbers,
/// and where the kernel leaves them in a signal frame. (System V ABI, AMD64 supplement, figure 3.36;
/// DWARF for the Arm 64-bit Architecture, section 4.1; asm/sigcontext.h of Linux.)
///
/// A *column* is a register that survives calls, so that its value in an outer frame can be known:
/// x86-64: rbx, rbp, r12...r15, rip, rsp; aarch64: x19...x30, sp.
enum Machine {
  #if arch(x86_64)
    /// A power of two, so that a masked index needs no check.
    static let columns = 8
    static let fp: UInt32 = 1
    static let ra: UInt32 = 6
    static let sp: UInt32 = 7
    static let spRegister: UInt64 = 7
    static let fpRegister: UInt64 = 6
    /// From a signal frame's stack pointer to its ucontext.
    static let contextInFrame: UInt64 = 0
    /// Whether the frame pointer and the return address are the outermost words of a frame. On aarch64
    /// they may be anywhere in it.
    static let framePointerEndsFrame = true
    private static let general: UInt64 = 40

    /// The column of a DWARF register; nil for one that does not survive calls.
    @inline(__always) static func column(_ register: UInt64) -> UInt32? {
      switch register {
      case 3: return 0
      case 6: return 1
      case 12, 13, 14, 15: return UInt32(truncatingIfNeeded: register) &- 10
      case 16: return ra
      case 7: return sp
      default: return nil
      }
    }

    /// Where a ucontext has a DWARF register, in bytes; nil for one that it has not.
    static func placeInContext(_ register: UInt64) -> UInt64? {
      let place: UInt64
      switch register {
      case 0: place = 13  // rax
      case 1: place = 12  // rdx
      case 2: place = 14  // rcx
      case 3: place = 11  // rbx
      case 4: place = 9  // rsi
      case 5: place = 8  // rdi
      case 6: place = 10  // rbp
      case 7: place = 15  // rsp
      case 8...15: place = register &- 8
      case 16: place = 16  // rip
      default: return nil
      }
      return general &+ place &* 8
    }
    static let pcRegister: UInt64 = 16
    static let registerCount = 17
    static let pcInContext = 16

    /// `mov $15, %rax; syscall`: what the C library lets a signal handler return to.
    static func isSignalReturn(_ pc: UInt64) -> Bool {
      word(at: pc) == 0x0F00_0000_0FC0_C748 && byte(at: pc &+ 8) == 0x05
    }
    static let signalReturnBytes: UInt64 = 9

    /// Whether code begins like a function or is a stub that jumps on (`endbr64`; `jmp *x(%rip)`): lld's
    /// procedure linkage table has no unwind information.
    static func isEntry(_ pc: UInt64) -> Bool {
      byte(at: pc) == 0xFF && byte(at: pc &+ 1) == 0x25
        || byte(at: pc) == 0xF3 && byte(at: pc &+ 1) == 0x0F && byte(at: pc &+ 2) == 0x1E
    }

    @inline(__always) static func strip(_ address: UInt64) -> UInt64 { address }
  #elseif arch(arm64)
    static let columns = 16
    static let fp: UInt32 = 10
    static let ra: UInt32 = 11
    static let sp: UInt32 = 12
    static let spRegister: UInt64 = 31
    static let fpRegister: UInt64 = 29
    static let contextInFrame: UInt64 = 128
    static let framePointerEndsFrame = false
    private static let general: UInt64 = 184

    @inline(__always) static func column(_ register: UInt64) -> UInt32? {
      switch register {
      case 19...30: return UInt32(truncatingIfNeeded: register) &- 19
      case 31: return sp
      default: return nil
      }
    }

    static func placeInContext(_ register: UInt64) -> UInt64? {
      register <= 32 ? general &+ register &* 8 : nil
    }
    static let pcRegister: UInt64 = 32
    static let registerCount = 33
    static let pcInContext = 32

    /// `mov x8, #139; svc #0`, in the [vdso].
    static func isSignalReturn(_ pc: UInt64) -> Bool { word(at: pc) == 0xD400_0001_D280_1168 }
    static let signalReturnBytes: UInt64 = 8

    /// A call leaves the return address in its register, and most leaf functions leave it there.
    static func isEntry(_ pc: UInt64) -> Bool { false }

    /// Without the authentication code and the tag in the upper bits (48-bit addresses).
    @inline(__always) static func strip(_ address: UInt64) -> UInt64 { address & (1 << 48 - 1) }
  #endif

  /// Where a ucontext has its general registers, in words, and at last the program counter.
  static var registersInContext: UInt64 { general }

  /// Where a ucontext describes the alternative signal stack: its start, and its bytes.
  static let alternativeStack: UInt64 = 16
  static let alternativeStackBytes: UInt64 = 32
}
