// SPDX-License-Identifier: Apache-2.0
// libFuzzer, with patches of the sample recording for its inputs (Tests/Hostile/Patch.swift).
import Hostile

private typealias Target = @convention(c) (UnsafePointer<UInt8>?, Int) -> Int32
private typealias Arguments = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>

/// FuzzerInterface.h.
@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
  _ count: UnsafeMutablePointer<Int32>, _ arguments: UnsafeMutablePointer<Arguments>,
  _ target: Target
) -> Int32

nonisolated(unsafe) private let file = HostileFile()

private let examine: Target = { bytes, count in
  let status = Patches.apply(UnsafeBufferPointer(start: bytes, count: count), to: file)
  // One form a time: another is one byte of the input away.
  let form = Forms(rawValue: 1 << ((count > 0 ? bytes?.pointee ?? 0 : 0) / 4 % 6))
  let found = file.examineAgain(as: status, forms: form)
  file.restore()
  if case .spoilt(let why) = found { fatalError(why) }
  return 0
}

var count = CommandLine.argc
var arguments = CommandLine.unsafeArgv
_ = runDriver(&count, &arguments, examine)
