// SPDX-License-Identifier: Apache-2.0
import CPrognos
import CShim

/// What a recording says of how it was made, and of what it lacks: for its own process and for any other.
extension Recording {
  public func diagnostics(nanosecondsPerTick: Double) -> prognos_diagnostics {
    let header = header
    var diagnostics = prognos_diagnostics()
    diagnostics.untracked_calls = header.pointee.untrackedCalls.value
    diagnostics.rejected_names = header.pointee.rejectedNames.value
    diagnostics.repaired_names = header.pointee.repairedNames.value
    diagnostics.bad_arguments = header.pointee.badArguments.value
    diagnostics.outside_operation = header.pointee.outsideOperation.value
    diagnostics.unbalanced_ends = header.pointee.unbalancedEnds.value
    diagnostics.untracked_stacks =
      header.pointee.refusedStacks.value &+ header.pointee.refusedSites.value
    diagnostics.untracked_blocks =
      header.pointee.heapSamplesLost.value &+ UInt64(header.pointee.mappingsLost.value)
    diagnostics.untracked_modules = header.pointee.refusedModules.value
    diagnostics.unattributed_io = header.pointee.unattributedIO.value
    diagnostics.untracked_spans = header.pointee.spans.table.refused.value
    diagnostics.untracked_sessions = header.pointee.sessions.table.refused.value
    diagnostics.misplaced_calls = header.pointee.spans.misplacedCalls.value
    diagnostics.forced_leaves = header.pointee.spans.forcedLeaves.value
    diagnostics.unknown_handles = header.pointee.spans.unknownHandles.value
    diagnostics.recording_bytes = bytesInUse
    diagnostics.collector_cpu_ns = header.pointee.history.collectorCPUNanoseconds.value
    diagnostics.collector_ticks = header.pointee.history.collectorTicks.value
    diagnostics.untracked_history = header.pointee.history.refused.value
    diagnostics.assessments = header.pointee.assessment.count.value
    diagnostics.assessment_cpu_ns = header.pointee.assessment.cpuNanoseconds.value
    diagnostics.assessment_bytes = assessmentBytes
    diagnostics.unwatched_operations = UInt64(
      header.pointee.assessment.unwatchedOperations.value)
    forEachLane { lane in
      diagnostics.unbalanced_ends &+= lane.pointee.unbalancedEnds.value
      diagnostics.unknown_operations &+= lane.pointee.unknownOperations.value
      diagnostics.outside_operation &+= lane.pointee.outsideOperation.value
      diagnostics.too_deep &+= lane.pointee.tooDeep.value
      diagnostics.reentered &+= lane.pointee.reentered.value
      diagnostics.untracked_paths &+= lane.pointee.untrackedPaths.value
      diagnostics.threads &+= lane.pointee.owners.value
      diagnostics.threads_now &+= lane.pointee.state.value == Lane.State.owned ? 1 : 0
      // Without the root.
      diagnostics.call_paths &+= UInt64(max(lane.pointee.nodeCount.value, 1)) &- 1
      diagnostics.clock_syncs &+= lane.pointee.syncs.value
    }
    let costNanoseconds = Double(header.pointee.syncCostTicks.value) * nanosecondsPerTick
    diagnostics.self_cpu_ns = wholePart(Double(diagnostics.clock_syncs) * costNanoseconds)
    return diagnostics
  }

  /// How it is recorded. Why something is not tracked, the process alone knows.
  public func capabilities() -> prognos_capabilities {
    let header = header
    var capabilities = prognos_capabilities()
    capabilities.time_source = usesCounter ? shim_counter_name() : characters("clock_gettime")
    capabilities.time_source_reason = characters(
      usesCounter
        ? "the counter runs at one rate on all CPUs and in all power states"
        : "the processor's counter is not invariant")
    let name: StaticString =
      switch header.pointee.cpuClock.value {
      case CPUClock.rseq: "rseq"
      case CPUClock.perf: "perf"
      case CPUClock.threadClock: "thread_clock"
      default: "off"
      }
    capabilities.cpu_clock = characters(name)
    capabilities.cpu_clock_reason = characters(
      (CPUClockReason(rawValue: header.pointee.cpuClockReason.value) ?? .works).text)
    capabilities.memory_limit_bytes = header.pointee.bytes.value
    capabilities.max_ops = header.pointee.operationCapacity.value
    capabilities.max_threads = header.pointee.laneCapacity.value
    capabilities.max_depth = Lane.maxDepth
    capabilities.track = header.pointee.liveTracks.value
    capabilities.track_unavailable = header.pointee.wantedTracks.value & ~capabilities.track
    func reason(_ tracks: UInt32) -> UnsafePointer<CChar> {
      if capabilities.track & tracks != 0 { return characters("tracked") }
      return characters(
        header.pointee.wantedTracks.value & tracks != 0
          ? "asked for, and not tracked now: the process knows why"
          : "not asked for (prognos_options.track)")
    }
    capabilities.memory_reason = reason(PROGNOS_TRACK_MEMORY)
    capabilities.io_reason = reason(PROGNOS_TRACK_IO | PROGNOS_TRACK_KERNEL_IO)
    capabilities.stacks_reason = reason(PROGNOS_TRACK_STACKS)
    capabilities.samples_reason = reason(PROGNOS_TRACK_SAMPLES)
    return capabilities
  }
}

/// A literal as a C string: literals end with a NUL and are never freed.
private func characters(_ literal: StaticString) -> UnsafePointer<CChar> {
  UnsafeRawPointer(literal.utf8Start).assumingMemoryBound(to: CChar.self)
}
