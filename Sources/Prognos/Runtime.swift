// SPDX-License-Identifier: Apache-2.0
import CPrognos
import Capture
import Recording

// For hosts with a runtime of their own: what the library cannot see by itself.

@_cdecl("prognos_memory_allocated") @implementation
public func prognos_memory_allocated(_ address: UnsafeRawPointer!, _ bytes: Int) {
  guard let address, isEnabled(), prepareRecording() != nil else { return }
  undisturbed {
    countAllocated(UInt64(UInt(bitPattern: bytes)), at: UInt64(UInt(bitPattern: address)))
  }
}

@_cdecl("prognos_memory_freed") @implementation
public func prognos_memory_freed(_ address: UnsafeRawPointer!) {
  guard let address, existingRecording() != nil else { return }
  undisturbed { countFreedByHost(at: UInt64(UInt(bitPattern: address))) }
}

@_cdecl("prognos_frame_named") @implementation
public func prognos_frame_named(
  _ function: UnsafePointer<CChar>!, _ file: UnsafePointer<CChar>!, _ line: UInt32
) -> prognos_frame {
  guard let function, function[0] != 0 else {
    _ = invalidArgument {
      $0.put("prognos_frame_named: the function is ")
      $0.put(function == nil ? "NULL" : "empty")
      $0.put("; expected 1 to 255 bytes of UTF-8")
    }
    return 0
  }
  guard let recording = prepareRecording() else { return 0 }
  let name = CleanText(function)
  var fileName = CleanText("")
  if let file { fileName = CleanText(file) }
  do {
    return try nameHostFrame(function: name, file: fileName, line: line, in: recording)
  } catch {
    recording.header.pointee.rejectedNames.addShared(1)
    ErrorText.set {
      $0.put("prognos_frame_named: ")
      switch error {
      case .tooManyOperations:
        $0.put("the table of frames is full: ")
        $0.put(UInt64(recording.header.pointee.hostFrameCapacity.value))
      case .noRoomForNames: $0.put("the space for names is full; raise max_ops")
      case .interrupted: $0.put("called from a signal handler that interrupted another one")
      }
    }
    return 0
  }
}

@_cdecl("prognos_stack_provider_set") @implementation
public func prognos_stack_provider_set(
  _ provider: prognos_stack_provider!, _ context: UnsafeMutableRawPointer!
) -> prognos_status {
  setStackProvider(provider, context)
  return PROGNOS_OK
}

@_cdecl("prognos_interpreter_set") @implementation
public func prognos_interpreter_set(_ function: UnsafeRawPointer!, _ bytes: Int) -> prognos_status {
  guard function == nil || bytes != 0 else {
    return invalidArgument {
      $0.put("prognos_interpreter_set: bytes is 0; expected a function's size")
    }
  }
  setInterpreter(
    start: UInt64(UInt(bitPattern: function)),
    bytes: function == nil ? 0 : UInt64(UInt(bitPattern: bytes)))
  return PROGNOS_OK
}
