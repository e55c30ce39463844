// SPDX-License-Identifier: Apache-2.0
import CPrognos
import CShim
import Recording

/// What the process costs, from /proc (proc(5)) and the profile. What cannot be read is 0.
func readProcess(_ profile: Profile) -> prognos_process_stats {
  var stats = prognos_process_stats()
  let page = UInt64(shim_page_bytes())
  if let statm = ProcFile("/proc/self/statm") {
    stats.virtual_bytes = statm.number(0) &* page
    stats.rss_bytes = statm.number(1) &* page
  }
  if let stat = ProcFile("/proc/self/stat", after: 0x29) {  // ")" ends the command's name
    stats.threads = stat.number(16)
    let (ticks, perSecond) = (stat.number(18), max(shim_clock_ticks_per_second(), 1))
    let started =
      ticks / perSecond &* 1_000_000_000 &+ ticks % perSecond &* 1_000_000_000 / perSecond
    let now = shim_boot_ns()
    stats.uptime_ns = now > started ? now - started : 0
  }
  let available = Double(stats.uptime_ns) * Double(max(shim_cpus_allowed(), 1))
  if available > 0 { stats.cpu_ratio = min(Double(shim_process_cpu_ns()) / available, 1) }
  stats.heap_bytes = UInt64(shim_heap_in_use())
  // Less the descriptor that counts them.
  stats.open_fds = UInt64(max(shim_count_entries("/proc/self/fd") - 1, 0))
  if let io = ProcFile("/proc/self/io") {
    stats.read_bytes = io.number(0)
    stats.written_bytes = io.number(1)
  }
  stats.pressure_cpu = pressure("/proc/pressure/cpu")
  stats.pressure_memory = pressure("/proc/pressure/memory")
  stats.pressure_io = pressure("/proc/pressure/io")

  profile.fill(&stats)
  return stats
}

/// The share of the last ten seconds in which some task waited: "some avg10=1.23 ..." in percent.
private func pressure(_ path: StaticString) -> Double {
  guard let file = ProcFile(path) else { return 0 }
  return Double(file.number(1)) / 100 + Double(file.number(2)) / 10_000
}

/// The name of the program, as the kernel keeps it.
func commandName() -> [UInt8] {
  guard let file = ProcFile("/proc/self/comm") else { return [] }
  // The kernel cuts it at 15 bytes, maybe within a character.
  return cleaned(file.text + [0])
}

/// A NUL-terminated text as valid UTF-8.
private func cleaned(_ text: [UInt8]) -> [UInt8] {
  text.withUnsafeBytes { bytes in
    guard let start = bytes.baseAddress else { return [] }
    let clean = CleanText(start.assumingMemoryBound(to: CChar.self))
    return (0..<clean.count).map { clean.bytes[$0] }
  }
}

/// A small file of words separated by white space and punctuation.
private struct ProcFile {
  private let bytes: [UInt8]

  /// Reads it, from behind the last `marker` on if one is given.
  init?(_ path: StaticString, after marker: UInt8? = nil) {
    let read = [UInt8](unsafeUninitializedCapacity: 4096) { buffer, count in
      let got = buffer.withMemoryRebound(to: CChar.self) {
        shim_read_file(Prognos.text(path), $0.baseAddress.unsafelyUnwrapped, $0.count)
      }
      count = max(got, 0)
    }
    guard !read.isEmpty else { return nil }
    if let marker, let last = read.lastIndex(of: marker) {
      bytes = Array(read[(last + 1)...])
    } else {
      bytes = read
    }
  }

  /// The first line.
  var text: [UInt8] { Array(bytes.prefix { $0 != 0x0A }) }

  /// The number at this position among the numbers of the file; 0 when there are fewer. Digits within
  /// a word ("avg10") count as numbers of their own.
  func number(_ position: Int) -> UInt64 {
    var found = -1
    var index = 0
    while index < bytes.count {
      guard isDigit(bytes[index]) else {
        index += 1
        continue
      }
      found += 1
      var value: UInt64 = 0
      while index < bytes.count, isDigit(bytes[index]) {
        value = value &* 10 &+ UInt64(bytes[index] - 48)
        index += 1
      }
      if found == position { return value }
    }
    return 0
  }

  private func isDigit(_ byte: UInt8) -> Bool { (48...57).contains(byte) }
}
