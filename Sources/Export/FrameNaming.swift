// SPDX-License-Identifier: Apache-2.0
import Recording
import Symbols

/// Names for all frames of a profile's call sites and crashes. Opens the files of the modules that they are in.
public func nameFrames(of profile: Profile) -> FrameNames {
  nameFrames(
    ofStacks: profile.sites.map { $0.stack }, withCrashes: true, in: profile.recording)
}

/// The same of some stacks.
func nameFrames(
  ofStacks stacks: [UInt32], withCrashes: Bool = false, in recording: Recording
) -> FrameNames {
  var codesOfModule: [UInt32: [UInt64]] = [:]
  var seen: [UInt64: Bool] = [:]
  func note(_ code: UInt64) {
    if seen.updateValue(true, forKey: code) != nil { return }
    codesOfModule[UInt32(FrameCode.module(code)), default: []].append(code)
  }
  var seenStack: [UInt32: Bool] = [0: true]
  for stack in stacks where seenStack.updateValue(true, forKey: stack) == nil {
    for index in 0..<recording.depth(ofStack: stack) {
      note(recording.frame(index, ofStack: stack))
    }
  }
  if withCrashes { for crash in recording.crashNotes { crash.frames.forEach(note) } }
  var names = FrameNames()
  withSymbolizer { symbolizer in
    for number in codesOfModule.keys.map({ UInt64($0) }).sorted() {
      let module = UInt32(truncatingIfNeeded: number)
      let codes = (codesOfModule[module] ?? []).sorted()
      add(codes, of: module, in: recording, to: &names, symbolizer)
    }
  }
  return names
}

private func add(
  _ codes: [UInt64], of module: UInt32, in recording: Recording, to names: inout FrameNames,
  _ symbolizer: borrowing Symbolizer
) {
  let addresses = codes.map { FrameCode.address($0) }
  if UInt64(module) == FrameCode.hostLanguage {
    for (index, code) in codes.enumerated() {
      names.add(code, hostFrame(UInt32(truncatingIfNeeded: addresses[index]), in: recording))
    }
    return
  }
  let symbols: [Symbol?]
  if module == 0 {
    symbols = symbolizer.jitSymbols(
      processID: recording.header.pointee.processID.value, addresses: addresses)
  } else if module <= recording.moduleCount {
    symbols = symbolizer.symbols(of: file(ofModule: module, in: recording), addresses: addresses)
  } else {
    symbols = [Symbol?](repeating: nil, count: addresses.count)
  }
  for (index, code) in codes.enumerated() {
    names.add(
      code,
      FrameName(
        module: module, address: addresses[index], function: symbols[index]?.name ?? [],
        offset: symbols[index]?.offset ?? 0))
  }
}

private func file(ofModule number: UInt32, in recording: Recording) -> ModuleFile {
  ModuleFile(
    path: recording.pathBytes(ofModule: number), buildID: recording.buildID(ofModule: number))
}

private func hostFrame(_ number: UInt32, in recording: Recording) -> FrameName {
  guard number > 0, number <= recording.hostFrameCount else {
    return FrameName(module: 0, address: UInt64(number), function: [], offset: 0)
  }
  let frame = recording.hostFrame(number)
  let file = frame.pointee.file.value
  return FrameName(
    module: 0, address: 0, function: recording.textBytes(frame.pointee.function.value),
    offset: 0, file: file == 0 ? [] : recording.textBytes(file),
    line: frame.pointee.line.value)
}
