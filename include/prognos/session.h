/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions: whom operations are for. Include <prognos.h>. */
#ifndef PROGNOS_SESSION_H
#define PROGNOS_SESSION_H

#include "status.h"

PROGNOS_EXTERN_C_BEGIN

/**
 * A user, a connection, a tenant, a job: whom the host works for. A thread that has entered a session counts
 * its outermost operations there, beside what they count in as operations.
 *
 * What counts  Each operation that is the outermost in the session: begun while the session is what the thread
 *              entered last, with no operation or span of the same session around it. A span counts once, when
 *              it ends, in the session in which it was begun outermost, else in the first in which it was
 *              entered so.
 * Nesting      Sessions nest, also with operations: the innermost counts.
 * Cost         Threads that are in no session pay nothing. In a session, begin and end of an outermost
 *              operation leave their fast path and add to counters that all threads of the session share;
 *              operations inside it pay nothing.
 * Memory       Sessions share a fourth of memory_limit_bytes: an eighth for 512 bytes each (at most 65,536
 *              sessions; 12,288 with the default limit), an eighth for their histograms, 64 bytes an octave
 *              of wall times. Memory and I/O of a session's calls are not told apart by session.
 *
 * A handle is an index and a generation: one that is stale, or was never given out, is
 * PROGNOS_UNKNOWN_HANDLE (and counted, prognos_diagnostics.unknown_handles). 0, which prognos_session_open()
 * gives when it cannot open, is accepted by enter, leave and close and does nothing. In a forked child
 * all sessions of its parent are stale.
 */
typedef uint64_t prognos_session;

/** The longest name that is kept, in bytes without the final NUL; what is longer is cut. */
#define PROGNOS_SESSION_NAME_BYTES 63

/**
 * What a session's calls cost, since it was opened. Numbers of calls that end during the reading may be in
 * some and not yet in others.
 */
typedef struct prognos_session_stats {
    uint64_t count;       /**< finished calls */
    uint64_t active;      /**< calls open at this moment */
    uint64_t failed;      /**< calls marked by prognos_fail() or prognos_span_fail() */
    uint64_t wall_ns;     /**< sum of wall time; of spans from begin to end */
    uint64_t wall_min_ns; /**< the fastest call; 0 without calls */
    uint64_t wall_max_ns; /**< the slowest call */
    uint64_t wall_p50_ns; /**< quantiles of wall time, relative error at most 3.2 % */
    uint64_t wall_p95_ns;
    uint64_t wall_p99_ns;
    uint64_t cpu_ns;        /**< CPU time of the calls */
    uint64_t work;          /**< sum of their prognos_work(), without that of operations inside */
    uint64_t threads_now;   /**< how often threads have entered it now */
    int64_t opened_unix_ns; /**< when it was opened */
    int64_t last_unix_ns;   /**< when its latest call ended; 0 without calls */
    double rate_per_s;      /**< count per second since it was opened, until it was closed */
    double errors_per_min;  /**< failed per minute of the same */
    uint32_t is_open;       /**< 1, or 0 when it was closed */
    uint32_t reserved;      /**< 0 */
    char name[PROGNOS_SESSION_NAME_BYTES + 1];
} prognos_session_stats;

/**
 * Opens a session.
 * @param name  UTF-8, 1 to 63 bytes; copied. It need not be unique, and may be of one use alone: nothing of it
 *              is kept once the session's record is used again.
 * @return its handle; 0 on NULL or "" (PROGNOS_INVALID_ARGUMENT) and when there are too many open sessions
 *         (PROGNOS_LIMIT_REACHED; counted, untracked_sessions), with prognos_last_error() set
 * Cost: about 0.3 us, and a short spin lock that open and close share. Thread: any. Signal: unsafe.
 */
prognos_session prognos_session_open(const char *name);

/**
 * From here on this thread works for the session. A session may be entered by several threads at once, and by
 * one thread several times.
 * @return PROGNOS_OK, also for 0 and, without effect, while the feature flag is off;
 *         PROGNOS_UNKNOWN_HANDLE; PROGNOS_INVALID_STATE when it was closed, and in a signal handler that
 *         interrupted another hot call; PROGNOS_LIMIT_REACHED when operations nest too deep here, or the
 *         thread cannot be recorded. But for PROGNOS_OK nothing changed.
 * Hot. Thread: owner. Signal: safe, as prognos_begin().
 */
prognos_status prognos_session_enter(prognos_session session);

/**
 * Undoes the thread's latest enter of the session. Operations begun inside and still open are closed and counted
 * as abandoned, sessions and spans entered inside are left (forced_leaves). The end of an operation around
 * it, and the end of the thread, leave it in the same way.
 * @return PROGNOS_OK, also for 0; PROGNOS_UNKNOWN_HANDLE; PROGNOS_INVALID_STATE when this thread has not
 *         entered it (counted, misplaced_calls; but PROGNOS_OK while the feature flag is off)
 * Hot. Thread: owner. Signal: safe, as prognos_begin().
 */
prognos_status prognos_session_leave(prognos_session session);

/**
 * Closes a session: nobody can enter it any more. Threads that are in it go on counting there until they
 * leave. Its numbers stay readable until its record is needed for another session: as long as there is room
 * for new ones, those of the last 256 at least.
 * @return PROGNOS_OK, also for 0; PROGNOS_UNKNOWN_HANDLE; PROGNOS_INVALID_STATE when it was closed before
 * Cost: as prognos_session_open(). Thread: any. Signal: unsafe.
 */
prognos_status prognos_session_close(prognos_session session);

/**
 * Reads a session's statistics; also those of one that was closed lately.
 * @param out   receives the statistics
 * @param size  sizeof *out
 * @return PROGNOS_OK; PROGNOS_UNKNOWN_HANDLE; PROGNOS_INVALID_ARGUMENT for NULL or a size of 0
 * Cost: looks at the open operations of all threads and at all open spans; uses malloc. The first reading
 * waits until the recording is 5 ms old. Thread: any. Signal: unsafe.
 */
prognos_status prognos_session_read(prognos_session session, prognos_session_stats *out,
                                    size_t size);

PROGNOS_EXTERN_C_END

#endif /* PROGNOS_SESSION_H */
