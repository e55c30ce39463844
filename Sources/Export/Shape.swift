// SPDX-License-Identifier: Apache-2.0
import CPrognos

/// What a struct of the ABI holds, in the header's order, as a text: one word for each field. The name alone is a
/// `uint64_t`; what stands before it says what else it is.
///
///     ~name      double; null where it is no number, such as the time left when nothing runs out
///     -name      int64_t
///     :name      uint32_t
///     +name      int32_t
///     ?name      uint32_t, true or false
///     'name/240  char[240], up to its NUL
///     ~name/24   double[24]
///     @name      prognos_op: the operation's name, null for none
///     @          prognos_op: its handle as `operation` and its name as `name`, null for the process
///     _/8        8 bytes that are not told
///     *name      a window of the past tells it, too; before any other mark
///
/// A text, because a table of names and closures takes four times the room in the library. That the texts are
/// the headers' structs is a test (ShapeTests).
package enum Shape {
  package static let operation: StaticString = """
    *count active *failed *abandoned *wall_ns wall_min_ns wall_max_ns *wall_p50_ns *wall_p95_ns \
    *wall_p99_ns self_wall_ns *cpu_ns self_cpu_ns *blocked_ns *allocated_bytes allocations \
    *freed_bytes live_bytes *read_bytes *written_bytes io_calls *io_wait_ns ~sequential_ratio \
    voluntary_switches involuntary_switches page_faults *work *~rate_per_s *~errors_per_min \
    frees self_allocated_bytes self_live_bytes _/8 lock_waits lock_wait_ns signal_wait_ns
    """
  package static let process: StaticString = """
    ~cpu_ratio rss_bytes virtual_bytes heap_bytes open_fds threads active_operations \
    active_sessions ~operations_per_s ~errors_per_min wall_p50_ns wall_p95_ns wall_p99_ns \
    read_bytes written_bytes ~pressure_cpu ~pressure_memory ~pressure_io uptime_ns open_spans \
    cpu_ns minor_faults major_faults voluntary_switches involuntary_switches cgroup_memory_bytes \
    cgroup_memory_limit_bytes memory_limit_bytes ~cpu_quota throttled_ns cgroup_pids \
    cgroup_pids_limit fd_limit disk_total_bytes disk_free_bytes ~cgroup_pressure_cpu \
    ~cgroup_pressure_memory ~cgroup_pressure_io window_ns
    """
  package static let diagnostics: StaticString = """
    unbalanced_ends unknown_operations outside_operation too_deep reentered untracked_calls \
    untracked_paths rejected_names repaired_names bad_arguments threads threads_now call_paths \
    recording_bytes clock_syncs self_cpu_ns unattributed_io untracked_stacks untracked_blocks \
    untracked_modules untracked_spans untracked_sessions misplaced_calls forced_leaves \
    unknown_handles collector_cpu_ns collector_ticks untracked_history assessments \
    assessment_cpu_ns assessment_bytes unwatched_operations
    """
  package static let session: StaticString = """
    count active failed wall_ns wall_min_ns wall_max_ns wall_p50_ns wall_p95_ns wall_p99_ns \
    cpu_ns work threads_now -opened_unix_ns -last_unix_ns ~rate_per_s ~errors_per_min :is_open \
    _/4 'name/64
    """
  package static let health: StaticString = """
    ~score ~latency ~errors ~saturation ~memory ~stability ~confidence samples @ _/4 'reason/240
    """
  /// The same in a list of operations, each of which has its handle as `id`.
  package static let operationHealth: StaticString = """
    ~score ~latency ~errors ~saturation ~memory ~stability ~confidence samples @name _/4 'reason/240
    """
  package static let crash: StaticString = """
    ~probability ~probability_ever ~horizon_minutes ~minutes_to_failure ~minutes_low \
    ~minutes_high ~used ~limit ~confidence samples @ :kind 'resource/32 'reason/240
    """
  package static let resource: StaticString = """
    ~used ~limit ~used_ratio ~slope_per_s ~minutes_to_exhaustion ~minutes_low ~minutes_high \
    ~probability ~confidence samples 'resource/32 'limited_by/32
    """
  package static let leak: StaticString = """
    ~bytes_per_call ~bytes_per_s ~live_bytes ~score ~confidence samples @ ?is_leak +direction \
    :kind 'resource/32 'reason/240 'stack/1024
    """
  package static let anomaly: StaticString = """
    -at_unix_ns ~value ~expected ~low ~high ~score ~confidence samples :metric @ :kind _/4 \
    'reason/240
    """
  package static let alert: StaticString = """
    -at_unix_ns ~value ~threshold number :severity :previous :metric @ 'subject/48 'reason/240
    """
  package static let trend: StaticString = """
    ~slope_per_s ~change_ratio ~p_value ~confidence samples +direction _/4 'reason/240
    """
  package static let bottleneck: StaticString = """
    ~share ~gain_ratio_10 ~gain_ratio_50 ~gain_ratio_100 ~gain_low ~gain_high ~cpu_ratio \
    ~memory_ratio ~io_ratio ~lock_ratio ~scheduler_ratio ~confidence samples @ @progress \
    'bound_by/16 'method/16 'reason/240
    """
  package static let experiment: StaticString = """
    ~rate_per_s ~paced_ratio ~cpu_stretch ~seconds_left rounds delayed_ns ~confidence samples \
    @progress :state 'reason/240
    """
  package static let suggestion: StaticString = """
    ~gain_ratio ~gain_low ~gain_high ~confidence samples saved_ns @ :kind :impact _/4 'text/240 \
    'reason/240
    """
  package static let peak: StaticString = """
    -at_unix_ns ~rate_per_s ~low_per_s ~high_per_s ~capacity_per_s ~capacity_low_per_s \
    ~capacity_high_per_s ~latest_per_s ~span_s ~season_s ~confidence samples ?exceeds _/4 \
    'saturates/32 'reason/240
    """
  package static let scalability: StaticString = """
    ~sigma ~kappa ~rate_per_s ~knee ~knee_low ~knee_high ~capacity_per_s ~capacity_low_per_s \
    ~capacity_high_per_s ~highest_concurrency ~confidence samples :loads _/4 'saturates/32 \
    'reason/240
    """
  package static let productivity: StaticString = """
    ~best_hours/24 ~efficiency ~waiting_ratio ~io_ratio ~failure_ratio task_switches \
    ~task_switch_cost_ratio ~context_switches_per_s ~context_switch_cost_ratio ~slowdown_ratio \
    ~confidence samples :best_hour :hours 'reason/240
    """

  // No structs of the ABI, but numbers in a row all the same.
  package static let outsideMemory: StaticString = """
    allocated_bytes allocations freed_bytes frees live_bytes
    """
  /// Of a call site.
  package static let site: StaticString = """
    cpu_ns cpu_samples wait_ns waits slow_calls slow_wall_ns allocated_bytes allocations live_bytes \
    live_blocks
    """
  /// Of a kind of descriptor.
  package static let io: StaticString = """
    reads read_bytes read_wait_ns writes written_bytes write_wait_ns
    """
}

/// A field of a shape: what it is, what it is called, and where it lies.
package struct ShapeField {
  /// The character before the name; 0 before that of a `uint64_t`.
  package private(set) var mark: UInt8 = 0
  package private(set) var isInWindows = false
  package private(set) var name: UnsafeBufferPointer<UInt8>
  /// Elements of an array, bytes of a text or of what is not told; 1 otherwise.
  package private(set) var count = 1
  package fileprivate(set) var offset = 0

  /// - Parameter word: of a shape, without spaces.
  fileprivate init(_ word: UnsafeBufferPointer<UInt8>) {
    name = word
    if let slash = name.lastIndex(of: 0x2F) {
      count = name[(slash + 1)...].reduce(0) { $0 &* 10 &+ Int($1 &- 0x30) }
      name = .init(rebasing: name[..<slash])
    }
    // Names begin with a letter.
    while let first = name.first, first < 0x61 || first > 0x7A {
      if first == 0x2A { isInWindows = true } else { mark = first }
      name = .init(rebasing: name.dropFirst())
    }
  }

  package var byteCount: Int {
    switch mark {
    case 0x27, 0x5F: count  // ' _
    case 0x3A, 0x2B, 0x3F, 0x40: 4  // : + ? @
    default: 8 &* count
    }
  }
}

/// Calls `body` with each field, in their order.
package func forEachField(_ shape: StaticString, _ body: (ShapeField) -> Void) {
  let text = UnsafeBufferPointer(start: shape.utf8Start, count: shape.utf8CodeUnitCount)
  var (start, offset) = (0, 0)
  while start < text.count {
    let end = text[start...].firstIndex(of: 0x20) ?? text.count
    var field = ShapeField(.init(rebasing: text[start..<end]))
    field.offset = offset
    body(field)
    offset &+= field.byteCount
    start = end &+ 1
  }
}
