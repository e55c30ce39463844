// SPDX-License-Identifier: Apache-2.0
import CPrognos
import CShim
import Capture
import Recording
import Synchronization

@_cdecl("prognos_capabilities_read") @implementation
public func prognos_capabilities_read(
  _ out: UnsafeMutablePointer<prognos_capabilities>!, _ size: Int
) -> prognos_status {
  guard let recording = prepareRecording() else { return noMemory("prognos_capabilities_read") }
  return undisturbed {
    fill(out, size, with: readCapabilities(recording), "prognos_capabilities_read")
  }
}

/// - Parameter calibrating: also with the counter's frequency, which takes up to 5 ms in a young recording.
func readCapabilities(
  _ recording: Recording, calibrating: Bool = true
) -> prognos_capabilities {
  let header = recording.header
  let (source, sourceReason) = timeSource(of: recording)
  let clock = header.pointee.cpuClock.value
  let name: StaticString =
    switch clock {
    case CPUClock.rseq: "rseq"
    case CPUClock.perf: "perf"
    case CPUClock.threadClock: "thread_clock"
    default: "off"
    }
  var capabilities = prognos_capabilities()
  capabilities.time_source = source
  capabilities.time_source_reason = text(sourceReason)
  capabilities.cpu_clock = text(name)
  capabilities.cpu_clock_reason = text(
    (CPUClockReason(rawValue: header.pointee.cpuClockReason.value) ?? .works).text)
  if calibrating { capabilities.ticks_per_s = 1e9 / recording.calibrateClock() }
  capabilities.memory_limit_bytes = header.pointee.bytes.value
  capabilities.max_ops = header.pointee.operationCapacity.value
  capabilities.max_threads = header.pointee.laneCapacity.value
  capabilities.max_depth = Lane.maxDepth
  let reasons = trackingReasons()
  capabilities.memory_reason = text(reasons.memory)
  capabilities.io_reason = text(reasons.io)
  capabilities.stacks_reason = text(reasons.stacks)
  capabilities.samples_reason = text(reasons.samples)
  capabilities.track = header.pointee.liveTracks.value
  capabilities.track_unavailable =
    header.pointee.wantedTracks.value & ~capabilities.track
  return capabilities
}

private func timeSource(
  of recording: Recording
) -> (name: UnsafePointer<CChar>, reason: StaticString) {
  if recording.usesCounter {
    return (shim_counter_name(), "the counter runs at one rate on all CPUs and in all power states")
  }
  let isInvariant = shim_counter_is_invariant()
  return (
    text("clock_gettime"),
    isInvariant
      ? "PROGNOS_TIME_SOURCE asks for it" : "the processor's counter is not invariant"
  )
}

@_cdecl("prognos_diagnostics_read") @implementation
public func prognos_diagnostics_read(
  _ out: UnsafeMutablePointer<prognos_diagnostics>!, _ size: Int
) -> prognos_status {
  guard let recording = prepareRecording() else { return noMemory("prognos_diagnostics_read") }
  return undisturbed {
    fill(out, size, with: readDiagnostics(recording), "prognos_diagnostics_read")
  }
}

func readDiagnostics(_ recording: Recording) -> prognos_diagnostics {
  let header = recording.header
  var diagnostics = prognos_diagnostics()
  diagnostics.untracked_calls = header.pointee.untrackedCalls.value
  diagnostics.rejected_names = header.pointee.rejectedNames.value
  diagnostics.repaired_names = header.pointee.repairedNames.value
  diagnostics.bad_arguments =
    header.pointee.badArguments.value + earlyBadArguments.load(ordering: .relaxed)
  diagnostics.outside_operation = header.pointee.outsideOperation.value
  diagnostics.unbalanced_ends = header.pointee.unbalancedEnds.value
  diagnostics.untracked_stacks =
    header.pointee.refusedStacks.value + header.pointee.refusedSites.value
  diagnostics.untracked_blocks =
    header.pointee.heapSamplesLost.value + UInt64(header.pointee.mappingsLost.value)
  diagnostics.untracked_modules = header.pointee.refusedModules.value
  diagnostics.unattributed_io = header.pointee.unattributedIO.value
  diagnostics.untracked_spans = header.pointee.spans.table.refused.value
  diagnostics.untracked_sessions = header.pointee.sessions.table.refused.value
  diagnostics.misplaced_calls = header.pointee.spans.misplacedCalls.value
  diagnostics.forced_leaves = header.pointee.spans.forcedLeaves.value
  diagnostics.unknown_handles = header.pointee.spans.unknownHandles.value
  diagnostics.recording_bytes = recording.bytesInUse
  diagnostics.collector_cpu_ns = header.pointee.history.collectorCPUNanoseconds.value
  diagnostics.collector_ticks = header.pointee.history.collectorTicks.value
  diagnostics.untracked_history = header.pointee.history.refused.value
  recording.forEachLane { lane in
    diagnostics.unbalanced_ends += lane.pointee.unbalancedEnds.value
    diagnostics.unknown_operations += lane.pointee.unknownOperations.value
    diagnostics.outside_operation += lane.pointee.outsideOperation.value
    diagnostics.too_deep += lane.pointee.tooDeep.value
    diagnostics.reentered += lane.pointee.reentered.value
    diagnostics.untracked_paths += lane.pointee.untrackedPaths.value
    diagnostics.threads += lane.pointee.owners.value
    diagnostics.threads_now += lane.pointee.state.value == Lane.State.owned ? 1 : 0
    diagnostics.call_paths += UInt64(lane.pointee.nodeCount.value) - 1  // without the root
    diagnostics.clock_syncs += lane.pointee.syncs.value
  }
  let costNanoseconds = Double(header.pointee.syncCostTicks.value) * recording.calibrateClock()
  diagnostics.self_cpu_ns = UInt64(Double(diagnostics.clock_syncs) * costNanoseconds)
  return diagnostics
}
