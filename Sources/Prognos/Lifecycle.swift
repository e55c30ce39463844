// SPDX-License-Identifier: Apache-2.0
import CPrognos
import CShim
import Capture
import Recording
import Synchronization

private let isStarted = Atomic<Bool>(false)

@_cdecl("prognos_options_default") @implementation
public func prognos_options_default(_ out: UnsafeMutablePointer<prognos_options>!, _ size: Int) {
  let (options, leftOut) = Options.fromEnvironment()
  guard fill(out, size, with: options, "prognos_options_default") == PROGNOS_OK else { return }
  ErrorText.set {
    guard let leftOut else { return }
    $0.put("prognos_options_default: ")
    describe(leftOut, &$0)
  }
}

/// Says which variable of the environment was left out, and what it may be.
private func describe(_ leftOut: Options.LeftOut, _ text: inout ErrorText) {
  text.put("left out ")
  text.put(leftOut.variable)
  text.put("=")
  text.put(leftOut.text)
  text.put("; expected ")
  if let option = leftOut.option {
    text.put(option.range.lowerBound)
    text.put(" to ")
    text.put(option.range.upperBound)
  } else {
    text.put(leftOut.words)
  }
}

@_cdecl("prognos_start") @implementation
public func prognos_start(
  _ options: UnsafePointer<prognos_options>!, _ size: Int
) -> prognos_status {
  guard !isInAlertCallback() else { return refuseInCallback("prognos_start") }
  let fromEnvironment = Options.fromEnvironment()
  var wanted = fromEnvironment.options
  if let options {
    guard size > 0 else {
      return invalidArgument {
        $0.put("prognos_start: size is 0; expected sizeof(prognos_options)")
      }
    }
    copy(options, size, over: &wanted)
  }
  let status = check(wanted)
  guard status == PROGNOS_OK else { return status }
  if isStarted.exchange(true, ordering: .acquiringAndReleasing) {
    resumeCollector()
    ErrorText.set { $0.put("prognos_start: already started; the first options stay in force") }
    return PROGNOS_ALREADY_STARTED
  }
  beginAgain()
  let existing = existingRecording()
  guard let recording = existing ?? prepareRecording(with: wanted) else {
    isStarted.store(false, ordering: .releasing)
    return noMemory("prognos_start")
  }
  var isElsewhere = false
  if let path = wanted.recording_path {
    isElsewhere = !hasFile(recording, wanted, path)
    if !isElsewhere, livePath() == nil, !equal(path, fromEnvironment.options.recording_path) {
      isStarted.store(false, ordering: .releasing)
      ErrorText.set { putFileFailure(recording, &$0) }
      return PROGNOS_IO_ERROR
    }
  }
  recording.setState(Identity.State.recording, unixNanoseconds: 0)
  startTracking(wanted, in: recording)
  startCollecting(wanted)
  setLog(wanted)
  logStart(readCapabilities(recording, calibrating: false), wanted: wanted)
  if let leftOut = fromEnvironment.leftOut {
    log {
      $0.put("prognos: ")
      describe(leftOut, &$0)
    }
  }
  if wanted.recording_path != nil, livePath() == nil, !isElsewhere {
    log { putFileFailure(recording, &$0) }
  }
  if isElsewhere {
    ErrorText.set {
      $0.put("prognos_start: recording began before in ")
      if let live = livePath() { $0.put(live) } else { $0.put("private memory, of other threads") }
      $0.put(", where it stays; call prognos_start first, or set PROGNOS_RECORDING")
    }
    return PROGNOS_LIMIT_REACHED
  }
  if existing != nil {
    let fits = isAsWanted(recording, wanted)
    guard options == nil || fits else {
      ErrorText.set {
        $0.put("prognos_start: recording began before with other sizes or tracks, which stay: ")
        $0.put(recording.header.pointee.bytes.value)
        $0.put(" bytes, ")
        $0.put(UInt64(recording.header.pointee.operationCapacity.value))
        $0.put(" operations, ")
        $0.put(UInt64(recording.header.pointee.laneCapacity.value))
        $0.put(" threads; call prognos_start first, or set PROGNOS_* variables")
      }
      return PROGNOS_LIMIT_REACHED
    }
  }
  return PROGNOS_OK
}

/// Gives the recording the wished file, unless it has one; false when it stays elsewhere.
private func hasFile(
  _ recording: Recording, _ wanted: prognos_options, _ path: UnsafePointer<CChar>
) -> Bool {
  if livePath() != nil { return isWishedPath(path) }
  return moveToFile(recording, as: wanted) != nil
}

/// "prognos_start: recording_path: /some/where: Permission denied".
private func putFileFailure(_ recording: Recording, _ text: inout ErrorText) {
  text.put("prognos_start: recording_path: ")
  let reason = UnsafeRawPointer(recording.identityText(.recordingReason))
  text.put(reason.assumingMemoryBound(to: CChar.self) + 16)  // after "private memory: "
}

private func equal(_ text: UnsafePointer<CChar>, _ other: UnsafePointer<CChar>?) -> Bool {
  guard let other else { return false }
  var index = 0
  while text[index] == other[index] {
    if text[index] == 0 { return true }
    index += 1
  }
  return false
}

/// Whether a recording that exists was made with these options, or has more room than they ask for.
private func isAsWanted(_ recording: Recording, _ wanted: prognos_options) -> Bool {
  let header = recording.header
  let hasOperations =
    header.pointee.operationCapacity.value >= wanted.max_ops
    || header.pointee.wantedOperations.value == wanted.max_ops
  let hasThreads =
    header.pointee.laneCapacity.value >= wanted.max_threads
    || header.pointee.wantedLanes.value == wanted.max_threads
  return hasOperations && hasThreads
    && header.pointee.wantedBytes.value == wanted.memory_limit_bytes
    && (header.pointee.wantedTracks.value ^ wanted.track) & PROGNOS_TRACK_CPU == 0
}

/// Checks every option; the first bad one is named in the last error.
private func check(_ options: prognos_options) -> prognos_status {
  for option in NumericOption.allCases where !option.range.contains(option.value(in: options)) {
    return invalidArgument {
      $0.put("prognos_start: ")
      $0.put(option.field)
      $0.put(" is ")
      $0.put(option.value(in: options))
      $0.put("; expected ")
      $0.put(option.range.lowerBound)
      $0.put(" to ")
      $0.put(option.range.upperBound)
    }
  }
  guard options.track & ~Options.allTracks == 0 else {
    return invalidArgument {
      $0.put("prognos_start: track is ")
      $0.put(UInt64(options.track))
      $0.put("; expected a sum of PROGNOS_TRACK_* bits, at most ")
      $0.put(UInt64(Options.allTracks))
    }
  }
  if let path = options.recording_path, path[0] == 0 {
    return invalidArgument {
      $0.put("prognos_start: recording_path is empty; expected NULL, \"auto\" or a path")
    }
  }
  guard options.serve == nil else {
    ErrorText.set {
      $0.put("prognos_start: serve is not available in this version; leave it NULL, and ")
      $0.put("PROGNOS_SERVE unset")
    }
    return PROGNOS_UNSUPPORTED
  }
  return PROGNOS_OK
}

@_cdecl("prognos_stop") @implementation
public func prognos_stop() -> prognos_status {
  guard !isInAlertCallback() else { return refuseInCallback("prognos_stop") }
  _ = stopExperiment()
  setEnabled(false)
  stopCollector()
  stopTracking()
  guard isStarted.exchange(false, ordering: .acquiringAndReleasing) else {
    ErrorText.set { $0.put("prognos_stop: prognos_start was not called") }
    return PROGNOS_NOT_STARTED
  }
  let error = existingRecording().map { recording in undisturbed { finishFile(recording) } } ?? 0
  guard error == 0 else {
    ErrorText.set {
      $0.put("prognos_stop: the recording could not be copied: ")
      $0.put(shim_errno_text(error))
      if let live = livePath() {
        $0.put("; it is in ")
        $0.put(live)
      }
    }
    return PROGNOS_IO_ERROR
  }
  return PROGNOS_OK
}

@_cdecl("prognos_set_enabled") @implementation
public func prognos_set_enabled(_ enabled: Bool) { setEnabled(enabled) }

@_cdecl("prognos_is_enabled") @implementation
public func prognos_is_enabled() -> Bool { isEnabled() }
