// SPDX-License-Identifier: Apache-2.0
import CShim
import Recording

// Whose recording it is, as its second page says.

extension Recording {
  /// Fills the identity with what this process is. Some system calls, no allocation: also in the child of a fork.
  func identify() {
    let identity = identity
    identity.pointee.processID.set(shim_process_id())
    identity.pointee.userID.set(shim_user_id())
    identity.pointee.cpus.set(shim_cpus_allowed())
    identity.pointee.pageBytes.set(UInt32(truncatingIfNeeded: shim_page_bytes()))
    identity.pointee.clockTicksPerSecond.set(
      UInt32(truncatingIfNeeded: shim_clock_ticks_per_second()))
    let now = shim_process_times(0)
    identity.pointee.parentID.set(now.parent_id)
    identity.pointee.processStart.set(now.start_ticks)
    identity.pointee.processNamespace.set(now.pid_namespace)
    identity.pointee.beats.set(0)
    identity.pointee.exitOperation.set(0)
    setState(Identity.State.recording, unixNanoseconds: 0)
    setIdentityText(.libraryVersion, Version.text)
    keepFile("/proc/self/comm", as: .command)
    keepFile("/proc/sys/kernel/random/boot_id", as: .bootID)
    keepFile("/proc/sys/kernel/hostname", as: .hostName)
    let path = identityText(.executable)
    let executableBytes = withChars(path) {
      shim_read_link("/proc/self/exe", $0, Int(Identity.Text.executable.bytes) - 1)
    }
    endText(.executable, after: executableBytes)
    keepBuildID()
    let (source, reason) = timeSource
    setIdentityText(.timeSource, chars: source)
    setIdentityText(.timeSourceReason, reason)
    setIdentityText(
      .cpuClockReason,
      (CPUClockReason(rawValue: header.pointee.cpuClockReason.value) ?? .works).text)
    beatNow()
  }

  /// What times come from, and why.
  public var timeSource: (name: UnsafePointer<CChar>, reason: StaticString) {
    if usesCounter {
      return (
        shim_counter_name(), "the counter runs at one rate on all CPUs and in all power states"
      )
    }
    let clock: StaticString = "clock_gettime"
    return (
      UnsafeRawPointer(clock.utf8Start).assumingMemoryBound(to: CChar.self),
      shim_counter_is_invariant()
        ? "PROGNOS_TIME_SOURCE asks for it" : "the processor's counter is not invariant"
    )
  }

  /// A sign of life, now. Some 100 ns.
  public func beatNow() {
    beat(
      ticks: ticks(in: self), monotonicNanoseconds: shim_monotonic_ns(),
      unixNanoseconds: UInt64(bitPattern: shim_unix_ns()))
  }

  /// Keeps the reasons of what is tracked, for who reads the recording when the process is gone.
  func keep(_ reasons: TrackingReasons) {
    setIdentityText(.memoryReason, reasons.memory)
    setIdentityText(.ioReason, reasons.io)
    setIdentityText(.stacksReason, reasons.stacks)
    setIdentityText(.samplesReason, reasons.samples)
  }

  /// Keeps the first line of a small file.
  private func keepFile(_ path: StaticString, as text: Identity.Text) {
    let count = withChars(identityText(text)) { room in
      withChars(UnsafeMutablePointer(mutating: path.utf8Start)) {
        shim_read_file($0, room, Int(text.bytes) - 1)
      }
    }
    endText(text, after: count)
  }

  /// Ends a text that a system call has put in place, at its first line's end.
  private func endText(_ text: Identity.Text, after count: Int) {
    let room = identityText(text)
    var end = 0
    while end < count, room[end] != 10 { end &+= 1 }
    for index in end..<Int(text.bytes) { room[index] = 0 }
  }

  /// This library's, in hexadecimal digits.
  private func keepBuildID() {
    var count: UInt64 = 0
    var bias: UInt64 = 0
    let headers = shim_own_headers(&count, &bias)
    let image = Image(headers, Int(truncatingIfNeeded: count), bias: bias)
    let room = identityText(.buildID)
    image.withBuildID { bytes, count in
      for index in 0..<count {
        room[2 &* index] = digit(bytes[index] &>> 4)
        room[2 &* index &+ 1] = digit(bytes[index] & 15)
      }
      room[2 &* count] = 0
    }
  }
}

/// A number of the executable's build: of its build ID; without one, of its file's size and time. 0 when neither is known.
public func programBuild() -> UInt64 {
  var count: UInt64 = 0
  var bias: UInt64 = 0
  var hash: UInt64 = 0
  func add(_ byte: UInt8) {
    hash = ((hash == 0 ? 0xcbf2_9ce4_8422_2325 : hash) ^ UInt64(byte)) &* 0x100_0000_01b3
  }
  if let headers = shim_program_headers(&count, &bias) {
    Image(headers, Int(truncatingIfNeeded: count), bias: bias).withBuildID { bytes, count in
      for index in 0..<count { add(bytes[index]) }
    }
  }
  guard hash == 0 else { return hash }
  var facts = shim_file_facts()
  guard shim_file_read_facts("/proc/self/exe", true, &facts) == 0 else { return 0 }
  return facts.size &* 0x9E37_79B9_7F4A_7C15 ^ facts.changed_ns
}

private func digit(_ value: UInt8) -> UInt8 { value < 10 ? 48 &+ value : 87 &+ value }

@inline(__always)
private func withChars<R>(
  _ bytes: UnsafeMutablePointer<UInt8>, _ body: (UnsafeMutablePointer<CChar>) -> R
) -> R {
  body(UnsafeMutableRawPointer(bytes).assumingMemoryBound(to: CChar.self))
}
