// SPDX-License-Identifier: Apache-2.0
import CPrognos

/// The value of a statistic.
public enum FieldValue {
  case integer(UInt64)
  case real(Double)
}

/// One statistic: its name in the ABI and in every export, and where it is found. The tables below are
/// the one place that lists them; the meaning of each stands in the header.
public struct Field<Statistics> {
  public let name: StaticString
  public let value: (Statistics) -> FieldValue
  /// Whether a window of the past tells it, too.
  let inWindows: Bool

  init(
    _ name: StaticString, inWindows: Bool = false, _ value: @escaping (Statistics) -> UInt64
  ) {
    self.name = name
    self.inWindows = inWindows
    self.value = { .integer(value($0)) }
  }

  init(
    real name: StaticString, inWindows: Bool = false, _ value: @escaping (Statistics) -> Double
  ) {
    self.name = name
    self.inWindows = inWindows
    self.value = { .real(value($0)) }
  }
}

public func operationFields() -> [Field<prognos_op_stats>] {
  [
    Field("count", inWindows: true) { $0.count },
    Field("active") { $0.active },
    Field("failed", inWindows: true) { $0.failed },
    Field("abandoned", inWindows: true) { $0.abandoned },
    Field("wall_ns", inWindows: true) { $0.wall_ns },
    Field("wall_min_ns") { $0.wall_min_ns },
    Field("wall_max_ns") { $0.wall_max_ns },
    Field("wall_p50_ns", inWindows: true) { $0.wall_p50_ns },
    Field("wall_p95_ns", inWindows: true) { $0.wall_p95_ns },
    Field("wall_p99_ns", inWindows: true) { $0.wall_p99_ns },
    Field("self_wall_ns") { $0.self_wall_ns },
    Field("cpu_ns", inWindows: true) { $0.cpu_ns },
    Field("self_cpu_ns") { $0.self_cpu_ns },
    Field("blocked_ns", inWindows: true) { $0.blocked_ns },
    Field("allocated_bytes", inWindows: true) { $0.allocated_bytes },
    Field("allocations") { $0.allocations },
    Field("freed_bytes", inWindows: true) { $0.freed_bytes },
    Field("frees") { $0.frees },
    Field("live_bytes") { $0.live_bytes },
    Field("self_allocated_bytes") { $0.self_allocated_bytes },
    Field("self_live_bytes") { $0.self_live_bytes },
    Field("read_bytes", inWindows: true) { $0.read_bytes },
    Field("written_bytes", inWindows: true) { $0.written_bytes },
    Field("io_calls") { $0.io_calls },
    Field("io_wait_ns", inWindows: true) { $0.io_wait_ns },
    Field(real: "sequential_ratio") { $0.sequential_ratio },
    Field("lock_waits") { $0.lock_waits },
    Field("lock_wait_ns") { $0.lock_wait_ns },
    Field("signal_wait_ns") { $0.signal_wait_ns },
    Field("voluntary_switches") { $0.voluntary_switches },
    Field("involuntary_switches") { $0.involuntary_switches },
    Field("page_faults") { $0.page_faults },
    Field("work", inWindows: true) { $0.work },
    Field(real: "rate_per_s", inWindows: true) { $0.rate_per_s },
    Field(real: "errors_per_min", inWindows: true) { $0.errors_per_min },
  ]
}

public func processFields() -> [Field<prognos_process_stats>] {
  [
    Field(real: "cpu_ratio") { $0.cpu_ratio },
    Field("rss_bytes") { $0.rss_bytes },
    Field("virtual_bytes") { $0.virtual_bytes },
    Field("heap_bytes") { $0.heap_bytes },
    Field("open_fds") { $0.open_fds },
    Field("threads") { $0.threads },
    Field("active_operations") { $0.active_operations },
    Field("active_sessions") { $0.active_sessions },
    Field("open_spans") { $0.open_spans },
    Field(real: "operations_per_s") { $0.operations_per_s },
    Field(real: "errors_per_min") { $0.errors_per_min },
    Field("wall_p50_ns") { $0.wall_p50_ns },
    Field("wall_p95_ns") { $0.wall_p95_ns },
    Field("wall_p99_ns") { $0.wall_p99_ns },
    Field("read_bytes") { $0.read_bytes },
    Field("written_bytes") { $0.written_bytes },
    Field(real: "pressure_cpu") { $0.pressure_cpu },
    Field(real: "pressure_memory") { $0.pressure_memory },
    Field(real: "pressure_io") { $0.pressure_io },
    Field("uptime_ns") { $0.uptime_ns },
    Field("cpu_ns") { $0.cpu_ns },
    Field("minor_faults") { $0.minor_faults },
    Field("major_faults") { $0.major_faults },
    Field("voluntary_switches") { $0.voluntary_switches },
    Field("involuntary_switches") { $0.involuntary_switches },
    Field("cgroup_memory_bytes") { $0.cgroup_memory_bytes },
    Field("cgroup_memory_limit_bytes") { $0.cgroup_memory_limit_bytes },
    Field("memory_limit_bytes") { $0.memory_limit_bytes },
    Field(real: "cpu_quota") { $0.cpu_quota },
    Field("throttled_ns") { $0.throttled_ns },
    Field("cgroup_pids") { $0.cgroup_pids },
    Field("cgroup_pids_limit") { $0.cgroup_pids_limit },
    Field("fd_limit") { $0.fd_limit },
    Field("disk_total_bytes") { $0.disk_total_bytes },
    Field("disk_free_bytes") { $0.disk_free_bytes },
    Field(real: "cgroup_pressure_cpu") { $0.cgroup_pressure_cpu },
    Field(real: "cgroup_pressure_memory") { $0.cgroup_pressure_memory },
    Field(real: "cgroup_pressure_io") { $0.cgroup_pressure_io },
    Field("window_ns") { $0.window_ns },
  ]
}

public func diagnosticFields() -> [Field<prognos_diagnostics>] {
  [
    Field("unbalanced_ends") { $0.unbalanced_ends },
    Field("unknown_operations") { $0.unknown_operations },
    Field("outside_operation") { $0.outside_operation },
    Field("too_deep") { $0.too_deep },
    Field("reentered") { $0.reentered },
    Field("untracked_calls") { $0.untracked_calls },
    Field("untracked_paths") { $0.untracked_paths },
    Field("rejected_names") { $0.rejected_names },
    Field("repaired_names") { $0.repaired_names },
    Field("bad_arguments") { $0.bad_arguments },
    Field("threads") { $0.threads },
    Field("threads_now") { $0.threads_now },
    Field("call_paths") { $0.call_paths },
    Field("recording_bytes") { $0.recording_bytes },
    Field("clock_syncs") { $0.clock_syncs },
    Field("self_cpu_ns") { $0.self_cpu_ns },
    Field("unattributed_io") { $0.unattributed_io },
    Field("untracked_stacks") { $0.untracked_stacks },
    Field("untracked_blocks") { $0.untracked_blocks },
    Field("untracked_modules") { $0.untracked_modules },
    Field("untracked_spans") { $0.untracked_spans },
    Field("untracked_sessions") { $0.untracked_sessions },
    Field("misplaced_calls") { $0.misplaced_calls },
    Field("forced_leaves") { $0.forced_leaves },
    Field("unknown_handles") { $0.unknown_handles },
    Field("collector_cpu_ns") { $0.collector_cpu_ns },
    Field("collector_ticks") { $0.collector_ticks },
    Field("untracked_history") { $0.untracked_history },
    Field("assessments") { $0.assessments },
    Field("assessment_cpu_ns") { $0.assessment_cpu_ns },
    Field("assessment_bytes") { $0.assessment_bytes },
    Field("unwatched_operations") { $0.unwatched_operations },
  ]
}

public func sessionFields() -> [Field<prognos_session_stats>] {
  [
    Field("is_open") { UInt64($0.is_open) },
    Field("count") { $0.count },
    Field("active") { $0.active },
    Field("failed") { $0.failed },
    Field("wall_ns") { $0.wall_ns },
    Field("wall_min_ns") { $0.wall_min_ns },
    Field("wall_max_ns") { $0.wall_max_ns },
    Field("wall_p50_ns") { $0.wall_p50_ns },
    Field("wall_p95_ns") { $0.wall_p95_ns },
    Field("wall_p99_ns") { $0.wall_p99_ns },
    Field("cpu_ns") { $0.cpu_ns },
    Field("work") { $0.work },
    Field("threads_now") { $0.threads_now },
    Field("opened_unix_ns") { UInt64(bitPattern: $0.opened_unix_ns) },
    Field("last_unix_ns") { UInt64(bitPattern: $0.last_unix_ns) },
    Field(real: "rate_per_s") { $0.rate_per_s },
    Field(real: "errors_per_min") { $0.errors_per_min },
  ]
}
