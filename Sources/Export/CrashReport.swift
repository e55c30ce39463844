// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Recording

/// Crash notes in text and in JSON. A report without a crash has nothing of it.
extension Report {
  func putCrashes(_ output: inout Output, _ style: TextStyle) {
    for crash in profile.recording.crashNotes {
      output.put("\n")
      profile.recording.put(crash, &output, style)
      output.put(crash.isWhole ? ":\n" : "; its stack could not be read:\n")
      let stack = crash.frames.compactMap { frames.index(of: $0) }
      for (index, frame) in stack.prefix(16).enumerated() {
        output.put(index < 10 ? "   #" : "  #")
        output.put(UInt64(index))
        output.put(" ")
        output.put(style.label(label(ofFrame: frame)))
        output.put("\n")
      }
      putRest(stack.count - 16, " more frames; PROGNOS_JSON has them all\n", &output)
    }
  }

  func putCrashes(_ json: inout JSONWriter) {
    let crashes = profile.recording.crashNotes
    if crashes.isEmpty { return }
    json.key("crash")
    json.object { json in
      json.member("signals", .integer(profile.recording.header.pointee.crash.signals.value))
      json.key("notes")
      json.array { json in for crash in crashes { json.object { put(crash, &$0) } } }
    }
  }

  private func put(_ crash: Crash, _ json: inout JSONWriter) {
    json.member("outcome", outcome(of: crash).word)
    json.member("signal", .integer(UInt64(crash.signal)))
    json.member("signal_name", signalName(crash.signal))
    json.key("code")
    json.signed(Int64(crash.code))
    json.member("meaning", meaning(of: crash) ?? "")
    json.member("address", hexadecimal(crash.address))
    json.key("at_unix_ns")
    json.signed(crash.unixNanoseconds)
    json.member("thread", .integer(UInt64(crash.threadID)))
    json.member("thread_name", validText(crash.threadName))
    json.member("depth", .integer(UInt64(crash.depth)))
    json.key("operations")
    json.array { json in for id in crash.operations { json.integer(UInt64(id)) } }
    json.key("registers")
    json.object { json in
      let names = registerNames(crash.registers.count)
      for (name, value) in zip(names, crash.registers) {
        json.key(name)
        json.string(hexadecimal(value))
      }
    }
    json.key("stack_is_whole")
    json.literal(crash.isWhole ? "true" : "false")
    json.key("stack")
    json.array { json in
      for code in crash.frames { if let at = frames.index(of: code) { json.integer(UInt64(at)) } }
    }
  }

}

extension Recording {
  /// The latest fatal signal that its process did not survive, by its crash notes: "died of SIGSEGV (address not
  /// mapped) at 0x0 in serve > request, thread 4711 (worker)". nil without a note.
  package func fatalSignal(_ style: TextStyle) -> [UInt8]? {
    guard let crash = fatalCrash else { return nil }
    var output = Output()
    put(crash, &output, style)
    return output.bytes
  }

  /// Its name.
  package var fatalSignalName: StaticString? { fatalCrash.map { signalName($0.signal) } }

  private var fatalCrash: Crash? {
    let crashes = crashNotes
    return crashes.last { $0.state == CrashNote.State.last }
      ?? crashes.last { $0.state != CrashNote.State.survived }
  }

  fileprivate func put(_ crash: Crash, _ output: inout Output, _ style: TextStyle) {
    output.put(outcome(of: crash).text)
    output.put(signalName(crash.signal))
    if let meaning = meaning(of: crash) {
      output.put(" (")
      output.put(meaning)
      output.put(")")
    }
    if crash.code > 0 {
      output.put(" at ")
      output.put(hexadecimal: crash.address)
    }
    output.put(crash.depth == 0 ? " outside any operation" : " in ")
    if Int(crash.depth) > crash.operations.count { output.put("... > ") }
    for (index, operation) in crash.operations.enumerated() {
      if index > 0 { output.put(" > ") }
      output.put(style.label(name(ofOperation: operation)))
    }
    output.put(", thread ")
    output.put(UInt64(crash.threadID))
    if !crash.threadName.isEmpty {
      output.put(" (")
      output.put(style.label(validText(crash.threadName)))
      output.put(")")
    }
  }
}

private func outcome(of crash: Crash) -> (word: StaticString, text: StaticString) {
  switch crash.state {
  case CrashNote.State.last: ("died", "died of ")
  case CrashNote.State.survived: ("survived", "survived ")
  case CrashNote.State.handedOn: ("handed_on", "left to the program's own handler: ")
  default: ("incomplete", "met ")
  }
}

private func hexadecimal(_ number: UInt64) -> [UInt8] {
  var output = Output()
  output.put(hexadecimal: number)
  return output.bytes
}

/// Linux's numbers (signal(7)), the same on x86-64 and aarch64.
private func signalName(_ number: UInt32) -> StaticString {
  switch number {
  case 4: "SIGILL"
  case 5: "SIGTRAP"
  case 6: "SIGABRT"
  case 7: "SIGBUS"
  case 8: "SIGFPE"
  case 11: "SIGSEGV"
  case 31: "SIGSYS"
  default: "a signal"
  }
}

/// What `si_code` says (sigaction(2)); nil where it says no more than the signal.
private func meaning(of crash: Crash) -> StaticString? {
  switch (crash.signal, crash.code) {
  case (6, _): nil
  case (_, 0): "sent by a process"
  case (_, Int32.min..<0): "sent by a thread"
  case (11, 1): "address not mapped"
  case (11, 2): "no permission for the address"
  case (11, 0x80): "invalid address"
  case (7, 1): "misaligned address"
  case (7, 2): "no memory behind the address, as beyond the end of a mapped file"
  case (8, 1): "integer division by zero"
  case (8, 2): "integer overflow"
  case (4, _): "illegal instruction"
  case (31, 1): "system call refused by seccomp"
  default: nil
  }
}

/// In the order of the kernel's structure.
private func registerNames(_ count: Int) -> [[UInt8]] {
  if count == 17 {
    var all = Output()
    all.put("r8 r9 r10 r11 r12 r13 r14 r15 rdi rsi rbp rbx rdx rax rcx rsp rip")
    return all.bytes.split(separator: 0x20).map { Array($0) }
  }
  return (0..<count).map { index in
    switch index {
    case 31: return Array("sp".utf8)
    case 32: return Array("pc".utf8)
    default:
      var output = Output()
      output.put("x")
      output.put(UInt64(index))
      return output.bytes
    }
  }
}
