# SPDX-License-Identifier: Apache-2.0
"""Statistics, and what the library says of itself."""

from dataclasses import dataclass
from typing import ClassVar

from .._layout import (
    F64,
    I64,
    U32,
    U64,
    Answer,
    Flag,
    OnFork,
    OptionalString,
    Pointer,
    String,
    Text64,
    Tracks,
)


@dataclass(frozen=True, slots=True)
class Options(Answer):
    """Options of start(), with what the PROGNOS_* environment variables made of their defaults."""

    C = "prognos_options"
    recording_path: OptionalString  # None: private memory
    memory_limit_bytes: U64  # the recording's size: 1 MiB to 4 GiB - 1; default 48 MiB
    # mean distance of sampled blocks; 1: each; default 524288, and down to 4096 as long as that is
    # at most 2,000 a second
    heap_sample_bytes: U64
    collect_interval_ms: U32  # between ticks: 10 to 3,600,000; default 1000
    track: Tracks  # default: all but "timeline" and "kernel_io"
    sample_hz: U32  # samples per second of CPU time, and of waiting; default 99
    stack_depth: U32  # frames of a stack that are kept, 1 to 1,024; default 64
    max_ops: U32  # 16 to 1,000,000 operation names; default 16,384
    max_threads: U32  # 1 to 65,536 threads recording at once; default 1,024
    timeline_events: U32  # events a thread keeps, about: 16 to 16,777,216; default 4096
    reserved: ClassVar[U32]
    serve: OptionalString  # None: no endpoint. An address: not in this version
    log: Pointer
    log_context: Pointer
    crash_notes: Flag
    reserved2: ClassVar[U32]
    recording_flags: U32  # 1: map recording_path itself, even on a disk; default 0
    recording_copy_s: U32  # seconds between copies in the background; default 0: none
    recording_keep: U32  # older recordings that are kept, up to 1,000; default 5
    on_fork: OnFork  # "fresh" (default), "quiet"
    recording_keep_bytes: U64  # what they may take together; default 536870912


@dataclass(frozen=True, slots=True)
class Capabilities(Answer):
    """What runs and what does not, with reasons."""

    C = "prognos_capabilities"
    time_source: String  # "tsc", "cntvct" or "clock_gettime"
    time_source_reason: String  # why this one
    cpu_clock: String  # "rseq", "perf", "thread_clock" or "off"
    cpu_clock_reason: String  # why this one, and why not a cheaper one
    ticks_per_s: F64  # frequency of the time source
    memory_limit_bytes: U64  # the limit in force; it may be below what was asked for
    max_ops: U32  # the limits in force
    max_threads: U32
    max_depth: U32  # how deep operations may nest
    track: Tracks  # what is live: "cpu", "memory", "io", ...
    track_unavailable: Tracks  # what was asked for and is not
    reserved: ClassVar[U32]
    memory_reason: String  # how memory is tracked, or why it is not
    io_reason: String  # the same of input and output
    stacks_reason: String  # of call stacks
    samples_reason: String  # of their sampling by time
    recording_path: OptionalString  # the live file; None while the recording is private memory
    recording_reason: String  # where the recording lies, and why


@dataclass(frozen=True, slots=True)
class Diagnostics(Answer):
    """What could not be recorded, and what the library itself used.

    Counters since the recording began.
    """

    C = "prognos_diagnostics"
    unbalanced_ends: U64  # end without a begin
    unknown_operations: U64  # begin or end of a handle that was never given out
    outside_operation: U64  # work or fail without an open operation
    too_deep: U64  # begins nested deeper than Capabilities.max_depth
    reentered: U64  # hot calls from a signal handler that interrupted another one
    untracked_calls: U64  # begins dropped: more than max_threads threads, or no memory
    untracked_paths: U64  # calls counted without path and histogram: memory is full
    rejected_names: U64  # new operation names refused: table or name space full
    repaired_names: U64  # names with invalid UTF-8 or over 255 bytes
    bad_arguments: U64  # calls with a bad argument
    threads: U64  # threads that have recorded, or had an error
    threads_now: U64  # of these, the ones alive
    call_paths: U64  # call-tree nodes, over all threads
    recording_bytes: U64  # memory taken from the limit
    clock_syncs: U64  # times the system was asked for CPU time
    self_cpu_ns: U64  # CPU time in them, estimated: clock_syncs x the cost of one
    unattributed_io: U64  # I/O counted in no operation: no memory, or in a signal handler
    untracked_stacks: U64  # call stacks, or call sites, that found no room
    untracked_blocks: U64  # sampled blocks and mappings that found no room: live bytes lack them
    untracked_modules: U64  # loaded objects that found no room: their functions have no names
    untracked_spans: U64  # spans not begun: too many are open
    untracked_sessions: U64  # sessions not opened: too many are open
    # leaves without an enter; enters and ends of what another thread has entered
    misplaced_calls: U64
    forced_leaves: U64  # spans and sessions left by an outer end or leave, or a thread's end
    unknown_handles: U64  # calls for spans and sessions whose handles are stale or no handles
    collector_cpu_ns: U64  # CPU time of the collector's thread, since it started
    collector_ticks: U64  # how often it ran
    untracked_history: U64  # times that a sum of the history found no room: windows lack quantiles
    assessments: U64  # how often predictions were brought up to date
    assessment_cpu_ns: U64  # CPU time of these, of collector_cpu_ns
    assessment_bytes: U64  # memory for these, of recording_bytes
    # times that an operation found no room to be watched: no anomalies, no health
    unwatched_operations: U64


@dataclass(frozen=True, slots=True)
class OperationStats(Answer):
    """What an operation cost.

    Sums are over its finished calls, in every thread and from every caller; a call that is
    still open shows in `active` and, with what it took so far, in the self times. A recursive
    call counts like any other, so wall_ns / count is the mean of a call. Wall and CPU times
    include operations called inside; self times do not, and are what adds up over operations.

    Memory: With track "memory". Bytes are what the allocator handed out (malloc_usable_size),
    so that allocated and freed bytes agree with each other; anonymous memory that the host maps
    by itself counts in whole pages. Numbers belong to the operation that is innermost when it
    happens, and to those around it, at once: open calls are included, and recursion counts
    once. live_bytes is estimated from sampled blocks (heap_sample_bytes, m): without bias, with
    a standard error of about sqrt(m x live_bytes) for blocks much smaller than m; with m = 1 it
    is exact. It covers what was allocated since the latest start().

    Windows: In a window other than "total", calls count in the window in which they end. active
    and live_bytes are of this moment; wall_min_ns and wall_max_ns come from the histogram, as
    quantiles do; self_wall_ns, self_cpu_ns, self_allocated_bytes, self_live_bytes and
    sequential_ratio are 0.
    """

    C = "prognos_op_stats"
    count: U64  # finished calls, failed and abandoned ones included
    active: U64  # calls open at this moment
    failed: U64  # calls marked by fail()
    abandoned: U64  # calls closed by an outer end or by the end of their thread
    wall_ns: U64  # sum of wall time
    wall_min_ns: U64  # the fastest call; 0 without calls
    wall_max_ns: U64  # the slowest call
    wall_p50_ns: U64  # quantiles of wall time, relative error at most 0.8 %
    wall_p95_ns: U64
    wall_p99_ns: U64
    self_wall_ns: U64  # less that of operations called inside; with open calls
    cpu_ns: U64  # time on a CPU (CLOCK_THREAD_CPUTIME_ID); never above wall_ns
    self_cpu_ns: U64  # less that of operations called inside; with open calls
    blocked_ns: U64  # wall_ns - cpu_ns: waiting, sleeping, or ready but without a CPU
    allocated_bytes: U64  # handed out inside, exact: see "Memory" above
    allocations: U64  # blocks handed out inside; a realloc counts as one, and one free
    freed_bytes: U64  # given back inside, whoever allocated it
    live_bytes: U64  # allocated inside and freed by nobody yet: an estimate
    # with track "io": by calls that reached the kernel; a recursive call's own counts once
    read_bytes: U64
    written_bytes: U64
    io_calls: U64  # calls that transferred data or tried to; a copy between files: two
    io_wait_ns: U64  # time in these, in syncs, opens, closes, connects, accepts and polls
    sequential_ratio: F64  # of the requests of files: began where the one before had ended
    voluntary_switches: U64  # the thread gave up its CPU: it waited for something
    involuntary_switches: U64  # the thread was preempted
    page_faults: U64  # minor and major, seen at switches
    work: U64  # sum of work()
    rate_per_s: F64  # count per second of the window
    errors_per_min: F64  # failed per minute of the window
    frees: U64  # blocks given back inside
    self_allocated_bytes: U64  # less what operations called inside allocated
    self_live_bytes: U64  # less what operations called inside allocated
    window_ns: U64  # the time that all of this covers
    # locks that another thread held when the call came for them: mutexes, read-write locks, spin
    # locks of POSIX and C11
    lock_waits: U64
    lock_wait_ns: U64  # time until it had them
    signal_wait_ns: U64  # time on condition variables, semaphores, barriers and joins


@dataclass(frozen=True, slots=True)
class ProcessStats(Answer):
    """What the process costs.

    A value that the system does not tell is 0, as is a limit that is not set. Counters are
    since the process started, or of the window; sizes and limits are of this moment. Control
    groups are those of version 1 or 2 that the process can see.
    """

    C = "prognos_process_stats"
    cpu_ratio: F64  # CPU time / (time x CPUs this process may use)
    rss_bytes: U64  # resident set
    virtual_bytes: U64  # address space
    heap_bytes: U64  # in use in glibc's malloc (mallinfo2)
    open_fds: U64  # open file descriptors
    threads: U64  # threads of the process
    active_operations: U64  # operations open at this moment
    active_sessions: U64  # sessions that are open
    operations_per_s: F64  # finished operations per second of the window
    errors_per_min: F64  # failed operations per minute of the window
    wall_p50_ns: U64  # over the calls of all operations that have no parent
    wall_p95_ns: U64
    wall_p99_ns: U64
    read_bytes: U64  # through read system calls (rchar of /proc/self/io)
    written_bytes: U64  # through write system calls (wchar)
    # share of the window, of the last 10 s for "total", in which some task of the system
    # waited: PSI "some"
    pressure_cpu: F64
    pressure_memory: F64
    pressure_io: F64
    uptime_ns: U64  # since the process started
    open_spans: U64  # spans begun and not ended; active_operations has them, too
    cpu_ns: U64  # CPU time of all threads
    minor_faults: U64  # page faults without and with I/O
    major_faults: U64
    voluntary_switches: U64
    involuntary_switches: U64
    cgroup_memory_bytes: U64  # used in the control group with the tightest limit
    cgroup_memory_limit_bytes: U64  # of the process's control group or of one around it
    memory_limit_bytes: U64  # the lowest of this and the limits of address space and data
    cpu_quota: F64  # CPUs that the control groups grant
    throttled_ns: U64  # time in which the control group had to wait for its quota
    cgroup_pids: U64  # processes and threads in the control group
    cgroup_pids_limit: U64
    fd_limit: U64  # of open file descriptors
    disk_total_bytes: U64  # of the file system of the working directory; read every second at most
    disk_free_bytes: U64  # for processes that are not root's
    cgroup_pressure_cpu: F64  # as pressure_cpu, of the process's control group (version 2)
    cgroup_pressure_memory: F64
    cgroup_pressure_io: F64
    # the time that rates, and in a window counters, cover: since the recording began or the window
    # did; never since before start()
    window_ns: U64


@dataclass(frozen=True, slots=True)
class SessionStats(Answer):
    """What a session's calls cost, since it was opened.

    Numbers of calls that end during the reading may be in some and not yet in others.
    """

    C = "prognos_session_stats"
    count: U64  # finished calls
    active: U64  # calls open at this moment
    failed: U64  # calls marked by fail()
    wall_ns: U64  # sum of wall time; of spans from begin to end
    wall_min_ns: U64  # the fastest call; 0 without calls
    wall_max_ns: U64  # the slowest call
    wall_p50_ns: U64  # quantiles of wall time, relative error at most 3.2 %
    wall_p95_ns: U64
    wall_p99_ns: U64
    cpu_ns: U64  # CPU time of the calls
    work: U64  # sum of their work(), without that of operations inside
    threads_now: U64  # how often threads have entered it now
    opened_unix_ns: I64  # when it was opened
    last_unix_ns: I64  # when its latest call ended; 0 without calls
    rate_per_s: F64  # count per second since it was opened, until it was closed
    errors_per_min: F64  # failed per minute of the same
    is_open: Flag  # False when it was closed
    reserved: ClassVar[U32]
    name: Text64
