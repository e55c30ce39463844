/* SPDX-License-Identifier: Apache-2.0 */
/* Start, stop, the feature flag, capabilities and diagnostics. Include <prognos.h>. */
#ifndef PROGNOS_LIFECYCLE_H
#define PROGNOS_LIFECYCLE_H

#include "status.h"

PROGNOS_EXTERN_C_BEGIN

/**
 * What is recorded: bits of prognos_options.track. Wall time and counts always are; CPU from the first
 * begin on; the rest from prognos_start() to prognos_stop().
 *
 * PROGNOS_TRACK_MEMORY and PROGNOS_TRACK_IO replace functions of the C library (and of an allocator in its
 * place) in the tables of all loaded objects, also of those loaded later; an allocator or a write that
 * is linked into the program statically cannot be seen. PROGNOS_TRACK_SAMPLES starts a timer on the CPU
 * clock of each thread that records, which sends it SIGPROF; the host's own handler for it, set before or
 * after, still gets the signals that are not ours. Threads that block SIGPROF when they begin, or have
 * less than 64 KiB of stack, are not sampled. No call that waits is interrupted.
 */
#define PROGNOS_TRACK_CPU 0x01u     /**< CPU time, context switches, page faults */
#define PROGNOS_TRACK_MEMORY 0x02u  /**< allocations: exact counts; sampled blocks until freed */
#define PROGNOS_TRACK_IO 0x04u      /**< input, output, sleeps, and waits for locks and signals */
#define PROGNOS_TRACK_STACKS 0x08u  /**< call stacks of sampled blocks and of slow calls */
#define PROGNOS_TRACK_SAMPLES 0x10u /**< call stacks by CPU time and by time waited */
/**
 * The last begins and ends of each thread with their times, work and failures: PROGNOS_CHROME_TRACE writes
 * them. 8 bytes each (16 with work or a failure) in rings of the recording, which take at most half of it.
 */
#define PROGNOS_TRACK_TIMELINE 0x20u
/**
 * Input and output as the kernel counts it for the thread (/proc/thread-self/io), in the place of
 * PROGNOS_TRACK_IO: for hosts that do not call the C library. Bytes and calls only, as "other"; each begin
 * and each end takes some 3 us.
 */
#define PROGNOS_TRACK_KERNEL_IO 0x40u
#define PROGNOS_TRACK_DEFAULT 0x1Fu /**< all but the timeline */

/**
 * Called with a one-line message when something happens that an operator should know: what runs after
 * a start and what of the wishes does not, that operation names are refused.
 * Called on the thread that noticed it, never from a hot call. The message is valid during the call.
 */
typedef void (*prognos_log_callback)(const char *message, void *context);

/**
 * Options of prognos_start(). Begin with prognos_options_default(). Each field but log and
 * log_context has an environment variable: PROGNOS_ and the field's name in capitals, such as
 * PROGNOS_MEMORY_LIMIT_BYTES=16777216 (numbers decimal or 0x; track: also words joined by commas,
 * "cpu,memory"). Three more are no fields: PROGNOS_ENABLED=0, PROGNOS_CPU_CLOCK=perf or thread_clock,
 * PROGNOS_TIME_SOURCE=clock_gettime. Sizes are set when the recording is
 * made, at the first call that records: begin, op_named or start, whichever comes first.
 */
typedef struct prognos_options {
    const char *recording_path;   /**< NULL: private memory; a file: see below */
    uint64_t memory_limit_bytes;  /**< the recording's size: 1 MiB to 4 GiB - 1; default 48 MiB */
    uint64_t heap_sample_bytes;   /**< mean distance of sampled blocks; 1: each; default 524288,
                                       and down to 4096 as long as that is at most 2,000 a second */
    uint32_t collect_interval_ms; /**< between ticks: 10 to 3,600,000; default 1000 */
    uint32_t track;               /**< PROGNOS_TRACK_*; default PROGNOS_TRACK_DEFAULT */
    uint32_t sample_hz;           /**< samples per second of CPU time, and of waiting; default 99 */
    uint32_t stack_depth;         /**< frames of a stack that are kept, 1 to 1,024; default 64 */
    uint32_t max_ops;             /**< 16 to 1,000,000 operation names; default 16,384 */
    uint32_t max_threads;         /**< 1 to 65,536 threads recording at once; default 1,024 */
    uint32_t timeline_events; /**< events a thread keeps, about: 16 to 16,777,216; default 4096 */
    uint32_t reserved;        /**< 0 */
    const char *serve;        /**< NULL: no endpoint. An address: not in this version */
    prognos_log_callback log; /**< NULL: silent */
    void *log_context;        /**< handed to log */
    /**
     * 1: from prognos_start() to prognos_stop() a signal that ends the process (SIGSEGV, SIGBUS, SIGFPE,
     * SIGILL, SIGABRT, SIGSYS, SIGTRAP) leaves a note in the recording: the signal, the thread, its
     * operations, registers and call stack. Then happens what would have happened without it: the handler
     * that was there is called, or the process dies of the signal, with its core dump and exit status.
     * Handlers that the host sets later take the place of ours. Default 0.
     */
    uint32_t crash_notes;
    uint32_t reserved2;            /**< 0 */
    uint32_t recording_flags;      /**< PROGNOS_RECORDING_*; default 0 */
    uint32_t recording_copy_s;     /**< seconds between copies in the background; default 0: none */
    uint32_t recording_keep;       /**< older recordings that are kept, up to 1,000; default 5 */
    uint32_t on_fork;              /**< PROGNOS_FORK_*; default PROGNOS_FORK_FRESH */
    uint64_t recording_keep_bytes; /**< what they may take together; default 536870912 */
} prognos_options;

/**
 * recording_path (PROGNOS_RECORDING or PROGNOS_RECORDING_PATH). The recording is a file that other
 * processes can read, and that is whole after SIGKILL, abort() or a crash. Since a mapped file on a disk
 * may stall its writers while the disk is busy, the live file lies in memory:
 *
 * - "auto": the live file COMMAND.PID.prognos in /dev/shm/prognos-UID, or, where that cannot be had, in
 *   prognos-UID below $XDG_RUNTIME_DIR or $TMPDIR or /tmp. It stays there when the process ends.
 * - a path on tmpfs: the live file itself.
 * - a path on a disk: the live file as with "auto", and a copy of it at that path at prognos_stop(), at
 *   the process's normal end (the live file then goes), every recording_copy_s seconds, or by
 *   `prognos collect` after a death. With PROGNOS_RECORDING_DIRECT it is the live file itself.
 *
 * A directory, or a path that ends with "/", gets COMMAND.PID.prognos; %p becomes the process's number. The file is
 * new, its mode 0600; symbolic links are not followed in the last component; a file that is no
 * recording, or whose process is alive, is never replaced; older recordings become PATH.1, PATH.2 and so on.
 * What cannot be had is an error of prognos_start(); with the path from the environment recording goes on in private
 * memory, and the log and prognos_capabilities.recording_reason say why. Memory that the file system
 * cannot give is a full recording, as with memory_limit_bytes. Ignored in programs that run with more
 * rights than their caller (setuid), as are all PROGNOS_* variables.
 */
#define PROGNOS_RECORDING_DIRECT 1u /**< recording_flags: map the path itself, even on a disk */

/**
 * on_fork: what the child of a fork does when the recording is a file. It never writes to its parent's.
 * FRESH: with its first begin it makes a file of its own, beside (a path without %p that is no directory
 * gets ".PID" before ".prognos"). QUIET: nothing, until prognos_start() or prognos_set_enabled(true).
 */
#define PROGNOS_FORK_FRESH 0u
#define PROGNOS_FORK_QUIET 1u

/** What runs and what does not, with reasons. Texts are never NULL and never freed. */
typedef struct prognos_capabilities {
    const char *time_source;        /**< "tsc", "cntvct" or "clock_gettime" */
    const char *time_source_reason; /**< why this one */
    const char *cpu_clock;          /**< "rseq", "perf", "thread_clock" or "off" */
    const char *cpu_clock_reason;   /**< why this one, and why not a cheaper one */
    double ticks_per_s;             /**< frequency of the time source */
    uint64_t memory_limit_bytes;    /**< the limit in force; it may be below what was asked for */
    uint32_t max_ops;               /**< the limits in force */
    uint32_t max_threads;
    uint32_t max_depth;           /**< how deep operations may nest */
    uint32_t track;               /**< PROGNOS_TRACK_* bits that are live */
    uint32_t track_unavailable;   /**< PROGNOS_TRACK_* bits asked for that are not */
    uint32_t reserved;            /**< 0 */
    const char *memory_reason;    /**< how memory is tracked, or why it is not */
    const char *io_reason;        /**< the same of input and output */
    const char *stacks_reason;    /**< of call stacks */
    const char *samples_reason;   /**< of their sampling by time */
    const char *recording_path;   /**< the live file; NULL while the recording is private memory */
    const char *recording_reason; /**< where the recording lies, and why */
} prognos_capabilities;

/**
 * What could not be recorded, and what the library itself used. Counters since the recording began.
 */
typedef struct prognos_diagnostics {
    uint64_t unbalanced_ends;    /**< end without a begin */
    uint64_t unknown_operations; /**< begin or end of a handle that was never given out */
    uint64_t outside_operation;  /**< work or fail without an open operation */
    uint64_t too_deep;           /**< begins nested deeper than prognos_capabilities.max_depth */
    uint64_t reentered;       /**< hot calls from a signal handler that interrupted another one */
    uint64_t untracked_calls; /**< begins dropped: more than max_threads threads, or no memory */
    uint64_t untracked_paths; /**< calls counted without path and histogram: memory is full */
    uint64_t rejected_names;  /**< new operation names refused: table or name space full */
    uint64_t repaired_names;  /**< names with invalid UTF-8 or over 255 bytes */
    uint64_t bad_arguments;   /**< calls that returned PROGNOS_INVALID_ARGUMENT */
    uint64_t threads;         /**< threads that have recorded, or had an error */
    uint64_t threads_now;     /**< of these, the ones alive */
    uint64_t call_paths;      /**< call-tree nodes, over all threads */
    uint64_t recording_bytes; /**< memory taken from the limit */
    uint64_t clock_syncs;     /**< times the system was asked for CPU time */
    uint64_t self_cpu_ns;     /**< CPU time in them, estimated: clock_syncs x the cost of one */
    uint64_t unattributed_io; /**< I/O counted in no operation: no memory, or in a signal handler */
    uint64_t untracked_stacks; /**< call stacks, or call sites, that found no room */
    uint64_t
        untracked_blocks; /**< sampled blocks and mappings that found no room: live bytes lack them */
    uint64_t
        untracked_modules; /**< loaded objects that found no room: their functions have no names */
    uint64_t untracked_spans;    /**< spans not begun: too many are open */
    uint64_t untracked_sessions; /**< sessions not opened: too many are open */
    uint64_t
        misplaced_calls; /**< leaves without an enter; enters and ends of what another thread has entered */
    uint64_t
        forced_leaves; /**< spans and sessions left by an outer end or leave, or a thread's end */
    uint64_t
        unknown_handles; /**< calls for spans and sessions whose handles are stale or no handles */
    uint64_t collector_cpu_ns; /**< CPU time of the collector's thread, since it started */
    uint64_t collector_ticks;  /**< how often it ran */
    uint64_t
        untracked_history; /**< times that a sum of the history found no room: windows lack quantiles */
    uint64_t assessments;       /**< how often predictions were brought up to date */
    uint64_t assessment_cpu_ns; /**< CPU time of these, of collector_cpu_ns */
    uint64_t assessment_bytes;  /**< memory for these, of recording_bytes */
    uint64_t
        unwatched_operations; /**< times that an operation found no room to be watched: no anomalies, no health */
} prognos_diagnostics;

/**
 * Fills options with the defaults, then applies the PROGNOS_* environment variables.
 * @param out   receives the options
 * @param size  sizeof *out
 * A variable that cannot be parsed or is out of range is left out; prognos_last_error() then names the
 * first such one, and is "" when there is none.
 * Thread: any. Signal: unsafe.
 */
void prognos_options_default(prognos_options *out, size_t size);

/**
 * Starts with these options. Recording works without it: begin/end record from the first call, with
 * prognos_options_default(). It begins recording again after prognos_stop() or
 * prognos_set_enabled(false), but not against PROGNOS_ENABLED=0.
 * @param options  NULL (with size 0): all defaults
 * @param size     sizeof *options
 * @return PROGNOS_OK; PROGNOS_ALREADY_STARTED (harmless); PROGNOS_INVALID_ARGUMENT with the field,
 *         its value and its range in the last error, nothing changed; PROGNOS_UNSUPPORTED for
 *         serve; PROGNOS_IO_ERROR when the recording_path that options name cannot be had, not
 *         started; PROGNOS_LIMIT_REACHED when recording began earlier with other sizes or tracks, in
 *         another file, or in private memory while other threads record, which stays: started all
 *         the same; PROGNOS_NO_MEMORY.
 * Thread: any. Signal: unsafe.
 */
prognos_status prognos_start(const prognos_options *options, size_t size);

/**
 * Stops recording, removes all hooks and timers and gives SIGPROF back. What was recorded stays readable;
 * operations open now still end as they should.
 * A recording_path on a disk gets its copy.
 * @return PROGNOS_OK; PROGNOS_NOT_STARTED (harmless; recording stops as well); PROGNOS_IO_ERROR when the
 *         copy could not be written: stopped all the same, and the live file is there.
 * Thread: any. Signal: unsafe.
 */
prognos_status prognos_stop(void);

/**
 * The feature flag: instant, any thread, any time. While it is off, begin does nothing, and an end
 * closes only what was begun while it was on. Hooks stay in place, and go on counting memory.
 * Off at start with PROGNOS_ENABLED=0.
 * Cost: while it is off, a PROGNOS_SCOPE takes 0.5 ns, and a begin+end pair as long as two calls of
 * empty library functions. Thread: any. Signal: safe.
 */
void prognos_set_enabled(bool enabled);

/** Whether begin records. Thread: any. Signal: safe. */
bool prognos_is_enabled(void);

/**
 * Which clocks and features are live, and why not.
 * @param out   receives the capabilities
 * @param size  sizeof *out
 * @return PROGNOS_OK; PROGNOS_INVALID_ARGUMENT; PROGNOS_NO_MEMORY when nothing can be recorded.
 * Thread: any. Signal: unsafe.
 */
prognos_status prognos_capabilities_read(prognos_capabilities *out, size_t size);

/**
 * What was dropped, and the library's own cost.
 * @return as prognos_capabilities_read(). Thread: any. Signal: unsafe.
 */
prognos_status prognos_diagnostics_read(prognos_diagnostics *out, size_t size);

PROGNOS_EXTERN_C_END

#endif /* PROGNOS_LIFECYCLE_H */
