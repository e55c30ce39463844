// SPDX-License-Identifier: Apache-2.0
import CShim
import Recording

// What is loaded, from the loader into the recording. Only here is the loader asked: a signal handler
// must not, since the thread that it interrupts may hold the loader's lock.

/// Brings the table of modules up to date. At the start, after dlopen, and after dlclose (there, between
/// `pauseUnwinding` and `resumeUnwinding`). In normal context, from any thread. When nothing was loaded or
/// unloaded since: under a microsecond for each object.
public func refreshModules(in recording: Recording) {
  guard recording.stacksReady else { return }
  undisturbed {
    // First what is gone, so that a file that was moved meanwhile finds its number free.
    if visitObjects(of: recording, adding: false) { _ = visitObjects(of: recording, adding: true) }
  }
}

/// False when there was nothing to do.
private func visitObjects(of recording: Recording, adding: Bool) -> Bool {
  var refresh = Refresh(recording: recording, thread: shim_thread_id(), adding: adding)
  withUnsafeMutablePointer(to: &refresh) { refresh in
    shim_each_object(
      { context, object in
        context?.assumingMemoryBound(to: Refresh.self).pointee.meet(object.pointee)
      }, refresh)
  }
  return refresh.finish()
}

/// One refresh. It takes its turn inside of the loader's lock and never waits for that lock while it has
/// it: whoever waits here, perhaps in a visit of the host's own, is not waited for.
private struct Refresh {
  let recording: Recording
  let thread: UInt32
  let isAdding: Bool
  private var hasTurn = false
  private var isSkipped = false
  private var isFirst = true
  private var changes: UInt64 = 0
  /// A bit for each module that was met.
  private var met = InlineArray<32, UInt64>(repeating: 0)
  private var lost = false

  init(recording: Recording, thread: UInt32, adding: Bool) {
    self.recording = recording
    isAdding = adding
    self.thread = thread
  }

  mutating func meet(_ object: shim_object) {
    if isFirst {
      isFirst = false
      begin(object)
    }
    guard hasTurn, !isSkipped, let headers = object.headers else { return }
    let image = Image(headers, Int(object.header_count), bias: object.bias)
    guard image.range.end > image.range.start else { return }
    if let known = loadedModule(at: image.range), isSame(known, object, image) {
      mark(known)
      return
    }
    guard isAdding else { return }
    withPath(of: object) { path in
      let number = image.withBuildID { bytes, count in
        // What lay there before is gone.
        if let gone = loadedModule(at: image.range) { unload(gone) }
        return recording.numberOfModule(path: path, buildID: bytes, buildIDBytes: count)
      }
      guard let number else { return }
      recording.publish(image.range, ofModule: number)
      mark(number)
    }
  }

  private mutating func begin(_ object: shim_object) {
    let refresher = recording.header
    while !refresher.pointee.moduleRefresher.exchange(0, for: thread) {
      // Not from within a refresh.
      if refresher.pointee.moduleRefresher.value == thread { return }
      shim_yield()
    }
    hasTurn = true
    changes = object.changes
    isSkipped = recording.header.pointee.loadedObjects.value == changes
  }

  /// Unloads what was not met, and gives the turn back; false when nothing had changed.
  mutating func finish() -> Bool {
    guard hasTurn else { return false }
    if !isSkipped {
      for number in 1..<recording.moduleCount &+ 1 {
        let isLoaded = recording.module(number).pointee.flags.value & Module.Flags.loaded != 0
        if isLoaded && !isMarked(number) { unload(number) }
      }
      if lost { recording.emptyUnwindCache() }
      if isAdding { recording.header.pointee.loadedObjects.set(changes) }
    }
    recording.header.pointee.moduleRefresher.publish(0)
    return !isSkipped
  }

  private mutating func unload(_ number: UInt32) {
    recording.publish(ModuleRange(), ofModule: number)
    lost = true
  }

  private mutating func mark(_ number: UInt32) {
    met[Int((number &- 1) / 64) & 31] |= 1 &<< UInt64((number &- 1) % 64)
  }

  private func isMarked(_ number: UInt32) -> Bool {
    met[Int((number &- 1) / 64) & 31] & 1 &<< UInt64((number &- 1) % 64) != 0
  }

  /// The module that the table has at these addresses, or at some of them.
  private func loadedModule(at range: ModuleRange) -> UInt32? {
    var number: UInt32 = 1
    while number <= recording.moduleCount {
      let module = recording.module(number)
      if module.pointee.start.value < range.end && range.start < module.pointee.end.value {
        return number
      }
      number &+= 1
    }
    return nil
  }

  private func isSame(_ number: UInt32, _ object: shim_object, _ image: Image) -> Bool {
    let module = recording.module(number)
    guard module.pointee.start.value == image.range.start,
      module.pointee.end.value == image.range.end
    else { return false }
    return withPath(of: object) { path in
      image.withBuildID { bytes, count in recording.isModule(number, path, bytes, count) }
    }
  }

  /// Calls `body` with the object's path: the program has none of its own, and the kernel's code none at all.
  private func withPath<R>(
    of object: shim_object, _ body: (UnsafePointer<CChar>) -> R
  ) -> R {
    if object.name[0] == 0x2F { return body(object.name) }
    var text = InlineArray<1024, CChar>(repeating: 0)
    return withUnsafeMutableBytes(of: &text) { bytes in
      let text = bytes.baseAddress.unsafelyUnwrapped.assumingMemoryBound(to: CChar.self)
      if object.name[0] != 0 && !isVirtual(object.name) { return body(object.name) }
      if isVirtual(object.name) || !isProgram(object) {
        for (index, letter) in "[vdso]".utf8.enumerated() {
          text[index] = CChar(bitPattern: letter)
        }
      } else if shim_read_link("/proc/self/exe", text, 1023) <= 0 {
        for (index, letter) in "[program]".utf8.enumerated() {
          text[index] = CChar(bitPattern: letter)
        }
      }
      return body(text)
    }
  }

  private func isVirtual(_ name: UnsafePointer<CChar>) -> Bool {
    var index = 0
    for letter in "linux-vdso".utf8 {
      if UInt8(bitPattern: name[index]) != letter { return false }
      index += 1
    }
    return true
  }

  /// The program has an interpreter or, linked statically, is what the loader meets first.
  private func isProgram(_ object: shim_object) -> Bool {
    guard let headers = object.headers else { return false }
    return Image.hasInterpreter(headers, Int(object.header_count)) || recording.moduleCount == 0
  }
}
