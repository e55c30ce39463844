/* SPDX-License-Identifier: Apache-2.0 */
/* Statistics of operations and of the process. Include <prognos.h>. */
#ifndef PROGNOS_READING_H
#define PROGNOS_READING_H

#include "operation.h"
#include "status.h"

PROGNOS_EXTERN_C_BEGIN

/**
 * The span of time that statistics cover. Windows end at the moment of the reading, the newest calls included.
 * They begin where a tick of the collector came, so that they are up to prognos_options.collect_interval_ms
 * longer than their names say: window_ns is the length that counts and rates are of. When very many operations
 * are busy, the history is kept in longer steps (docs/recording.md, "History"), and windows are up to one step
 * longer: 30 s in the last minute, some minutes in the last hour. While the recording is younger than the
 * window, it covers all of it. Windows need prognos_start().
 */
typedef enum prognos_window {
    PROGNOS_TOTAL = 0, /**< since the recording began */
    PROGNOS_LAST_MINUTE = 1,
    PROGNOS_LAST_5_MINUTES = 2,
    PROGNOS_LAST_HOUR = 3
} prognos_window;

/**
 * What an operation cost. Sums are over its finished calls, in every thread and from every caller;
 * a call that is still open shows in `active` and, with what it took so far, in the self times. A
 * recursive call counts like any other, so wall_ns / count is the mean of a call. Wall and CPU times
 * include operations called inside; self times do not, and are what adds up over operations.
 *
 * Memory   With PROGNOS_TRACK_MEMORY. Bytes are what the allocator handed out (malloc_usable_size), so that
 *          allocated and freed bytes agree with each other; anonymous memory that the host maps by itself
 *          counts in whole pages. Numbers belong to the operation that is innermost when it happens, and
 *          to those around it, at once: open calls are included, and recursion counts once.
 *          Of CPython's small objects (up to 512 bytes) allocations are exact, frees estimated from sampled ones.
 *          live_bytes is estimated from sampled blocks (prognos_options.heap_sample_bytes, m): without
 *          bias, with a standard error of about sqrt(m x live_bytes) for blocks much smaller than m; with
 *          m = 1 it is exact. It covers what was allocated since the latest prognos_start().
 *
 * Windows  In a window other than PROGNOS_TOTAL, calls count in the window in which they end. active and
 *          live_bytes are of this moment; wall_min_ns and wall_max_ns come from the histogram, as quantiles do;
 *          self_wall_ns, self_cpu_ns, self_allocated_bytes, self_live_bytes and sequential_ratio are 0.
 */
typedef struct prognos_op_stats {
    uint64_t count;       /**< finished calls, failed and abandoned ones included */
    uint64_t active;      /**< calls open at this moment */
    uint64_t failed;      /**< calls marked by prognos_fail() */
    uint64_t abandoned;   /**< calls closed by an outer end or by the end of their thread */
    uint64_t wall_ns;     /**< sum of wall time */
    uint64_t wall_min_ns; /**< the fastest call; 0 without calls */
    uint64_t wall_max_ns; /**< the slowest call */
    uint64_t wall_p50_ns; /**< quantiles of wall time, relative error at most 0.8 % */
    uint64_t wall_p95_ns;
    uint64_t wall_p99_ns;
    uint64_t self_wall_ns; /**< less that of operations called inside; with open calls */
    uint64_t cpu_ns;       /**< time on a CPU (CLOCK_THREAD_CPUTIME_ID); never above wall_ns */
    uint64_t self_cpu_ns;  /**< less that of operations called inside; with open calls */
    uint64_t blocked_ns;   /**< wall_ns - cpu_ns: waiting, sleeping, or ready but without a CPU */
    uint64_t allocated_bytes; /**< handed out inside, exact: see "Memory" above */
    uint64_t allocations; /**< blocks handed out inside; a realloc counts as one, and one free */
    uint64_t freed_bytes; /**< given back inside, whoever allocated it */
    uint64_t live_bytes;  /**< allocated inside and freed by nobody yet: an estimate */
    uint64_t read_bytes;  /**< with PROGNOS_TRACK_IO: by calls that reached the kernel; a recursive
                                 call's own counts once */
    uint64_t written_bytes;
    uint64_t io_calls;   /**< calls that transferred data or tried to; a copy between files: two */
    uint64_t io_wait_ns; /**< time in these, in syncs, opens, closes, connects, accepts and polls */
    double sequential_ratio; /**< of the requests of files: began where the one before had ended */
    uint64_t voluntary_switches;   /**< the thread gave up its CPU: it waited for something */
    uint64_t involuntary_switches; /**< the thread was preempted */
    uint64_t page_faults;          /**< minor and major, seen at switches */
    uint64_t work;                 /**< sum of prognos_work() */
    double rate_per_s;             /**< count per second of the window */
    double errors_per_min;         /**< failed per minute of the window */
    uint64_t frees;                /**< blocks given back inside */
    uint64_t self_allocated_bytes; /**< less what operations called inside allocated */
    uint64_t self_live_bytes;      /**< less what operations called inside allocated */
    uint64_t window_ns;            /**< the time that all of this covers */
    /* With PROGNOS_TRACK_IO; 0 in a window other than PROGNOS_TOTAL. */
    uint64_t lock_waits;   /**< locks that another thread held when the call came for them: mutexes,
                                    read-write locks, spin locks of POSIX and C11 */
    uint64_t lock_wait_ns; /**< time until it had them */
    uint64_t signal_wait_ns; /**< time on condition variables, semaphores, barriers and joins */
} prognos_op_stats;

/**
 * What the process costs. A value that the system does not tell is 0, as is a limit that is not set. Counters are
 * since the process started, or of the window; sizes and limits are of this moment. Control groups are those of
 * version 1 or 2 that the process can see.
 */
typedef struct prognos_process_stats {
    double cpu_ratio;           /**< CPU time / (time x CPUs this process may use) */
    uint64_t rss_bytes;         /**< resident set */
    uint64_t virtual_bytes;     /**< address space */
    uint64_t heap_bytes;        /**< in use in glibc's malloc (mallinfo2) */
    uint64_t open_fds;          /**< open file descriptors */
    uint64_t threads;           /**< threads of the process */
    uint64_t active_operations; /**< operations open at this moment */
    uint64_t active_sessions;   /**< sessions that are open */
    double operations_per_s;    /**< finished operations per second of the window */
    double errors_per_min;      /**< failed operations per minute of the window */
    uint64_t wall_p50_ns;       /**< over the calls of all operations that have no parent */
    uint64_t wall_p95_ns;
    uint64_t wall_p99_ns;
    uint64_t read_bytes;    /**< through read system calls (rchar of /proc/self/io) */
    uint64_t written_bytes; /**< through write system calls (wchar) */
    double
        pressure_cpu; /**< share of the window, of the last 10 s for PROGNOS_TOTAL, in which some task
                                 of the system waited: PSI "some" */
    double pressure_memory;
    double pressure_io;
    uint64_t uptime_ns;    /**< since the process started */
    uint64_t open_spans;   /**< spans begun and not ended; active_operations has them, too */
    uint64_t cpu_ns;       /**< CPU time of all threads */
    uint64_t minor_faults; /**< page faults without and with I/O */
    uint64_t major_faults;
    uint64_t voluntary_switches;
    uint64_t involuntary_switches;
    uint64_t cgroup_memory_bytes;       /**< used in the control group with the tightest limit */
    uint64_t cgroup_memory_limit_bytes; /**< of the process's control group or of one around it */
    uint64_t memory_limit_bytes; /**< the lowest of this and the limits of address space and data */
    double cpu_quota;            /**< CPUs that the control groups grant */
    uint64_t throttled_ns;       /**< time in which the control group had to wait for its quota */
    uint64_t cgroup_pids;        /**< processes and threads in the control group */
    uint64_t cgroup_pids_limit;
    uint64_t fd_limit; /**< of open file descriptors */
    uint64_t
        disk_total_bytes; /**< of the file system of the working directory; read every second at most */
    uint64_t disk_free_bytes;   /**< for processes that are not root's */
    double cgroup_pressure_cpu; /**< as pressure_cpu, of the process's control group (version 2) */
    double cgroup_pressure_memory;
    double cgroup_pressure_io;
    uint64_t
        window_ns; /**< the time that rates, and in a window counters, cover: since the recording
                             began or the window did; never since before prognos_start() */
} prognos_process_stats;

/**
 * Reads an operation's statistics.
 * @param op      a handle from prognos_op_named()
 * @param window  the time to cover
 * @param out     receives the statistics
 * @param size    sizeof *out
 * @return PROGNOS_OK (all but window_ns zero when it never ran); PROGNOS_UNKNOWN_HANDLE; PROGNOS_NOT_ENOUGH_DATA for a window
 *         other than PROGNOS_TOTAL when prognos_start() was not called, or found no memory for the history;
 *         PROGNOS_INVALID_ARGUMENT for NULL, 0 or an unknown window.
 * Consistent: counts, sums and extremes of each thread belong to one moment while others go on
 * recording; the quantiles may include calls that ended during the read itself.
 * Cost: proportional to the call-tree nodes of all threads (0.3 ms for 1,000), and in a window to the records
 * of the history in it (some ns a byte); uses malloc, stops nobody. The first reading waits until the recording is 5 ms old. Thread: any. Signal: unsafe.
 */
prognos_status prognos_op_read(prognos_op op, prognos_window window, prognos_op_stats *out,
                               size_t size);

/**
 * Reads one quantile of an operation's wall time, with a relative error of at most 0.8 %.
 * @param q        0 (fastest) to 1 (slowest)
 * @param wall_ns  receives the quantile
 * @return as prognos_op_read(); PROGNOS_NOT_ENOUGH_DATA also when no call has finished in the window.
 * Cost and safety: as prognos_op_read().
 */
prognos_status prognos_op_quantile(prognos_op op, prognos_window window, double q,
                                   uint64_t *wall_ns);

/**
 * Reads the process's statistics.
 * @return as prognos_op_read(). Cost: also reads some 40 small files of /proc and of control groups, 0.3 ms; glibc adds
 * up its free lists for heap_bytes, under its locks: milliseconds in a heap of many free chunks.
 * Thread: any. Signal: unsafe.
 */
prognos_status prognos_process_read(prognos_window window, prognos_process_stats *out, size_t size);

PROGNOS_EXTERN_C_END

#endif /* PROGNOS_READING_H */
