// SPDX-License-Identifier: Apache-2.0
// Reads damaged recordings in a process of its own: HostileReader SEED COUNT [attended]. A trap, an access out of
// bounds, a hang, or a want of more than 256 MiB for a recording of one ends it; then its last line is the seed that
// did it. In order, it prints what it met and exits with 0. When attended, it ends with its standard input.
import Foundation
import Glibc
import Hostile

nonisolated(unsafe) private var seedNow = 0

/// Says which seed it was, then dies as it would have.
private func die(_ signal: Int32) {
  var digits: [UInt8] = Array(repeating: 0x0A, count: 22)
  var (rest, at) = (seedNow, 20)
  repeat {
    digits[at] = UInt8(48 + rest % 10)
    (rest, at) = (rest / 10, at - 1)
  } while rest > 0
  write(1, "signal at seed ", 15)
  _ = digits.withUnsafeBytes { write(1, $0.baseAddress! + at + 1, 21 - at) }
  Glibc.signal(signal, SIG_DFL)
  raise(signal)
}

guard CommandLine.arguments.count >= 3, let first = Int(CommandLine.arguments[1]),
  let count = Int(CommandLine.arguments[2])
else {
  print("usage: HostileReader SEED COUNT [attended]")
  exit(2)
}
if CommandLine.arguments.last == "attended" {
  Thread.detachNewThread {
    var byte: UInt8 = 0
    while read(0, &byte, 1) > 0 {}
    _exit(3)
  }
}
// What can be written to; the 4 GiB of zeros that a file lies in are not.
var limit = rlimit(rlim_cur: 256 << 20, rlim_max: 256 << 20)
if dlsym(nil, "__tsan_init") == nil {
  setrlimit(__rlimit_resource_t(RLIMIT_DATA.rawValue), &limit)
} else {
  print("skipped: no limit of memory, which ThreadSanitizer's shadow would take for itself")
}
for signal in [SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGABRT, SIGALRM] { Glibc.signal(signal, die) }
let file = HostileFile()
var (refused, answered) = (0, 0)
for seed in first..<first + count {
  seedNow = seed
  alarm(60)  // it takes milliseconds
  var flips = Flips(seed: UInt64(seed))
  let status = flips.apply(to: file)
  let found =
    seed % 4 == 0
    ? file.examine(as: status, copying: seed % 8 == 0)
    : file.examineAgain(as: status, forms: seed % 8 == 1 ? .all : .shown)
  switch found {
  case .refused: refused += 1
  case .answered(_, let json, _):
    answered += 1
    if seed % 16 == 0, (try? JSONSerialization.jsonObject(with: Data(json.utf8))) == nil {
      print("JSON cannot be parsed at seed \(seed)")
      exit(1)
    }
  case .spoilt(let why):
    print("\(why) at seed \(seed)")
    exit(1)
  }
  file.restore()
}
print("\(answered) answered, \(refused) refused")
