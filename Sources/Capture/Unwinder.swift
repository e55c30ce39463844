// SPDX-License-Identifier: Apache-2.0
import Recording

/// A walk from a frame to its callers, over .eh_frame (docs/decisions/0006).
///
/// It takes no lock, allocates nothing and knows no thread-local storage: it may run in a signal handler
/// at any instant. Mostly a frame costs one look into the shared cache and two words of the stack. Memory
/// is read within known bounds only; each step consumes a frame of the caller's buffer, so that no damage
/// makes it go on for ever.
struct Unwinder {
  let recording: Recording
  var memory: UnwindMemory
  /// The module that was looked at last.
  private var module = ModuleRange()
  private(set) var pc: UInt64 = 0
  private(set) var sp: UInt64 = 0
  private var columns = UnwindRow.Columns(repeating: 0)
  /// A bit for each column whose value in this frame is known.
  private var known: UInt32 = 0
  /// `pc` is an instruction that was not executed yet, and no return address.
  private(set) var isExact = true
  /// The ucontext that holds all registers of this frame; 0 when there is none.
  private var context: UInt64 = 0
  /// `sp` is a lower bound only: the frame was reached by a frame pointer that does not tell.
  private var isStackGuessed = false
  /// Follow all columns, not only the frame pointer: set when a frame was met that needs others.
  var isThorough = false

  /// - Parameter here: the stack pointer of the calling thread.
  init(
    in recording: Recording, stackLow: UInt64, stackHigh: UInt64, here: UInt64
  ) {
    self.recording = recording
    memory = UnwindMemory(stackLow: stackLow, stackHigh: stackHigh, here: here)
  }

  /// Starts at what a signal handler was given: the ucontext at an address, which can be read.
  mutating func start(context: UInt64) {
    memory.learn(context: context)
    _ = take(context: context)
  }

  /// Starts at registers that `shim_registers` read.
  mutating func start(registers: UnsafePointer<UInt64>) {
    #if arch(x86_64)
      let count = 6
    #else
      let count = 12
    #endif
    for index in 0..<count { columns[index & (Machine.columns &- 1)] = registers[index] }
    pc = registers[count]
    sp = registers[count &+ 1]
    known = 1 &<< UInt32(truncatingIfNeeded: count) &- 1
    isExact = true
    isStackGuessed = false
    context = 0
  }

  /// Starts at any registers. For tests.
  mutating func start(pc: UInt64, sp: UInt64, fp: UInt64) {
    self.pc = pc
    self.sp = sp
    columns[Int(Machine.fp)] = fp
    known = 1 &<< Machine.fp
    isExact = true
    isStackGuessed = false
    context = 0
  }

  /// The number of the module that it stands in; 0 for none.
  mutating func moduleHere() -> UInt64 {
    recording.findModule(pc, &module) ? UInt64(module.number) : 0
  }

  /// The frame that it stands in, as it is kept; reads nothing of what is loaded.
  mutating func innermost() -> UInt64 {
    let number = moduleHere()
    return FrameCode.make(module: number, address: number == 0 ? pc : pc &- module.bias)
  }

  enum Step {
    case caller
    case end
    /// A register is needed that only a thorough walk follows.
    case incomplete
  }

  /// Where the frame's code is looked up: inside of the call that it is waiting for.
  @inline(__always) private var place: UInt64 { isExact ? pc : pc &- 1 }

  /// The frame as it is kept, and its step to the caller.
  @inline(__always) mutating func next(_ code: inout UInt64) -> Step {
    let place = place
    if !isThorough {
      let cached = UnwindRule(bits: recording.cachedRule(place))
      if cached.bits != 0 {
        let number = cached.module
        let bias = recording.module(number).pointee.bias.value
        let isSignal = cached.kind == UnwindRule.signal
        code = FrameCode.make(module: UInt64(number), address: (isSignal ? pc : place) &- bias)
        return cached.kind <= UnwindRule.fromFP ? follow(cached) : followRarely(cached)
      }
    }
    return nextUncached(&code)
  }

  @inline(never) private mutating func nextUncached(_ code: inout UInt64) -> Step {
    let place = place
    let generation = recording.cacheGeneration
    guard recording.findModule(place, &module) else {
      code = FrameCode.make(module: FrameCode.noModule, address: place)
      return leaveUnknownCode(inModule: false)
    }
    var program = UnwindProgram()
    let rule = findRule(&program)
    recording.cacheRule(rule.bits, for: place, generation: generation)
    let isSignal = rule.kind == UnwindRule.signal
    code = FrameCode.make(
      module: UInt64(module.number), address: (isSignal ? pc : place) &- module.bias)
    if !isThorough && rule.kind <= UnwindRule.fromFP { return follow(rule) }
    return rule.kind == UnwindRule.full || rule.kind <= UnwindRule.fromFP
      ? follow(program.row) : followRarely(rule)
  }

  /// The rule for `place` in `module`; the row, too, where there is one.
  private func findRule(_ program: inout UnwindProgram) -> UnwindRule {
    let entry = UnwindEntry.find(place, in: module)
    if entry?.isSignalFrame ?? true, isSignalReturn() {
      return UnwindRule(UnwindRule.signal, module: module.number)
    }
    guard let entry, program.run(entry, to: place) else {
      return UnwindRule(UnwindRule.unknown, module: module.number)
    }
    return UnwindRule(program.row, module: module.number)
  }

  /// Whether `pc`, in `module`, is where a signal handler returns to.
  private func isSignalReturn() -> Bool {
    pc >= module.codeStart && module.codeEnd &- pc >= Machine.signalReturnBytes
      && pc < module.codeEnd && module.flags & Module.Flags.readableCode != 0
      && Machine.isSignalReturn(pc)
  }

  /// The common step: the CFA from one of two registers, two words of the stack.
  @inline(__always) private mutating func follow(_ rule: UnwindRule) -> Step {
    let fp = columns[Int(Machine.fp)]
    let isFromSP = rule.kind == UnwindRule.fromSP
    if !isFromSP && known & (1 &<< Machine.fp) == 0 { return isThorough ? .end : .incomplete }
    if isFromSP && isStackGuessed { return stepByFramePointer() ? .caller : .end }
    isStackGuessed = false
    let cfa = (isFromSP ? sp : fp) &+ rule.cfaOffset
    let raOffset = rule.raOffset
    var returnAddress: UInt64
    if raOffset != 0 {
      // A caller's frame lies above, or something is damaged.
      guard cfa > sp, let saved = memory.load(cfa &+ raOffset) else { return .end }
      returnAddress = saved
    } else {
      guard known & (1 &<< Machine.ra) != 0, cfa > sp || (cfa == sp && isExact) else { return .end }
      returnAddress = columns[Int(Machine.ra)]
    }
    known = known & (1 &<< Machine.fp)
    let fpOffset = rule.fpOffset
    if fpOffset != 0 {
      guard let saved = memory.load(cfa &+ fpOffset) else { return .end }
      columns[Int(Machine.fp)] = saved
      known = 1 &<< Machine.fp
    }
    returnAddress = Machine.strip(returnAddress)
    return goOn(at: returnAddress, cfa)
  }

  @inline(__always) private mutating func goOn(at address: UInt64, _ stack: UInt64) -> Step {
    pc = address
    sp = stack
    isExact = false
    context = 0
    return address == 0 ? .end : .caller
  }

  @inline(never) private mutating func followRarely(_ rule: UnwindRule) -> Step {
    switch rule.kind {
    case UnwindRule.signal:
      return take(context: sp &+ Machine.contextInFrame) ? .caller : .end
    case UnwindRule.full:
      guard recording.read(rule.module, &module) else { return .end }
      var program = UnwindProgram()
      guard let entry = UnwindEntry.find(place, in: module), program.run(entry, to: place) else {
        return .end
      }
      return follow(program.row)
    case UnwindRule.unknown:
      return leaveUnknownCode(
        inModule: recording.module(rule.module).pointee.flags.value & Module.Flags.readableCode != 0
      )
    default: return .end
    }
  }

  /// The step by a whole row.
  private mutating func follow(_ row: UnwindRow) -> Step {
    let giveUp = isThorough ? Step.end : .incomplete
    if isStackGuessed && row.cfaRegister != Machine.fpRegister {
      return stepByFramePointer() ? .caller : .end
    }
    isStackGuessed = false
    let cfa: UInt64
    if row.cfaRegister == UnwindRow.byExpression {
      guard let value = evaluate(row.cfaOffset, cfa: nil) else { return giveUp }
      cfa = value
    } else {
      guard let value = register(row.cfaRegister) else { return giveUp }
      cfa = value &+ row.cfaOffset
    }
    var values = UnwindRow.Columns(repeating: 0)
    var found: UInt32 = 0
    var column: UInt32 = 0
    while column < UInt32(Machine.columns) {
      if let value = value(of: column, row.rule(column), cfa: cfa) {
        values[Int(column & UInt32(Machine.columns - 1))] = value
        found |= 1 &<< column
      }
      column &+= 1
    }
    let ra = 1 &<< Machine.ra as UInt32
    if found & ra == 0 {
      return row.rule(Machine.ra).kind == ColumnRule.undefined ? .end : giveUp
    }
    let stack: UInt64
    if row.rule(Machine.sp).kind == ColumnRule.same {
      stack = cfa
      guard cfa > sp || (cfa == sp && isExact) else { return .end }
    } else {
      // As in signal frames of the C library: from another stack, perhaps.
      stack = values[Int(Machine.sp)]
    }
    let isSaved = row.rule(Machine.ra).kind != ColumnRule.same
    columns = values
    // What returned here is in the register no more.
    known = found & ~(1 &<< Machine.sp) & (isSaved ? .max : ~ra)
    #if arch(x86_64)
      known &= ~ra
    #endif
    return goOn(at: Machine.strip(values[Int(Machine.ra)]), stack)
  }

  private mutating func value(of column: UInt32, _ rule: ColumnRule, cfa: UInt64) -> UInt64? {
    switch rule.kind {
    case ColumnRule.same:
      return known & (1 &<< column) != 0
        ? columns[Int(column & UInt32(Machine.columns - 1))] : nil
    case ColumnRule.atOffset: return memory.load(cfa &+ UInt64(bitPattern: rule.offset))
    case ColumnRule.isOffset: return cfa &+ UInt64(bitPattern: rule.offset)
    case ColumnRule.register: return register(rule.number)
    case ColumnRule.atExpression:
      guard let address = evaluate(rule.number, cfa: cfa) else { return nil }
      return memory.load(address)
    case ColumnRule.isExpression: return evaluate(rule.number, cfa: cfa)
    default: return nil
    }
  }

  private mutating func evaluate(_ expression: UInt64, cfa: UInt64?) -> UInt64? {
    UnwindExpression.evaluate(at: expression, to: module.frameInfoEnd, cfa: cfa, &self)
  }

  /// A register of this frame by its DWARF number; nil when it is not known.
  mutating func register(_ number: UInt64) -> UInt64? {
    if number == Machine.spRegister { return sp }
    if number == Machine.pcRegister { return pc }
    if let column = Machine.column(number), known & (1 &<< column) != 0 {
      return columns[Int(column & UInt32(Machine.columns - 1))]
    }
    guard context != 0, let place = Machine.placeInContext(number) else { return nil }
    return memory.load(context &+ place)
  }

  /// Goes on where the registers of a ucontext say.
  private mutating func take(context: UInt64) -> Bool {
    func place(_ register: UInt64) -> UInt64 {
      context &+ (Machine.placeInContext(register) ?? 0)
    }
    guard let pc = memory.load(place(Machine.pcRegister)),
      let sp = memory.load(place(Machine.spRegister))
    else { return false }
    memory.learn(context: context)
    known = 0
    var register: UInt64 = 0
    while register < 32 {
      if let column = Machine.column(register), column != Machine.sp,
        let value = memory.load(place(register))
      {
        columns[Int(column & UInt32(Machine.columns - 1))] = value
        known |= 1 &<< column
      }
      register &+= 1
    }
    #if arch(x86_64)
      known &= ~(1 &<< Machine.ra)
    #endif
    self.pc = pc
    self.sp = sp
    self.context = context
    isStackGuessed = false
    isExact = true
    return true
  }

  // MARK: Code without information

  /// Leaves code that no table describes: generated code, assembler, a call through a bad pointer.
  /// - Parameter inModule: it is a module's, so that it can be read.
  @inline(never) private mutating func leaveUnknownCode(inModule: Bool) -> Step {
    let isCode = inModule || isReadable(pc)
    if !inModule && isCode && isSignalReturnOutsideModules() {
      return take(context: sp &+ Machine.contextInFrame) ? .caller : .end
    }
    // The call was the last thing that happened: to nowhere, or into a stub.
    if isExact && (!isCode || Machine.isEntry(pc)) { return leaveByCall() }
    if stepByFramePointer() { return .caller }
    return isExact ? leaveByCall() : .end
  }

  private func isSignalReturnOutsideModules() -> Bool {
    isReadable(pc &+ Machine.signalReturnBytes) && Machine.isSignalReturn(pc)
  }

  /// The caller of code that has not touched the stack yet.
  private mutating func leaveByCall() -> Step {
    #if arch(x86_64)
      guard let address = memory.load(sp), isCode(address) else { return .end }
      known &= 1 &<< Machine.fp
      return goOn(at: address, sp &+ 8)
    #else
      guard known & (1 &<< Machine.ra) != 0 else { return .end }
      let address = Machine.strip(columns[Int(Machine.ra)])
      guard isCode(address) else { return .end }
      known &= 1 &<< Machine.fp
      return goOn(at: address, sp)
    #endif
  }

  /// By the chain of frame pointers, if this looks like a link of it.
  private mutating func stepByFramePointer() -> Bool {
    let fp = columns[Int(Machine.fp)]
    guard known & (1 &<< Machine.fp) != 0, fp & 7 == 0, fp >= sp, memory.areOnOneStack(sp, fp),
      let next = memory.load(fp), let saved = memory.load(fp &+ 8)
    else { return false }
    let address = Machine.strip(saved)
    guard isCode(address &- 1) else { return false }
    columns[Int(Machine.fp)] = next
    known = 1 &<< Machine.fp
    isStackGuessed = !Machine.framePointerEndsFrame
    return goOn(at: address, fp &+ 16) == .caller
  }

  /// Whether an address can be one of code: in a module's, or, where no module is, in memory at all.
  private mutating func isCode(_ address: UInt64) -> Bool {
    if address < 4096 { return false }
    if recording.cachedRule(address) != 0 { return true }
    guard recording.findModule(address, &module) else { return isReadable(address) }
    return address &- module.codeStart < module.codeEnd &- module.codeStart
  }
}
