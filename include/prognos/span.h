/* SPDX-License-Identifier: Apache-2.0 */
/* Spans: operations that leave their thread. Include <prognos.h>. */
#ifndef PROGNOS_SPAN_H
#define PROGNOS_SPAN_H

#include "operation.h"
#include "status.h"

PROGNOS_EXTERN_C_BEGIN

/**
 * One piece of asynchronous work: a coroutine, a task, a request. It is a call of an operation that is not
 * tied to a thread: begun here, run piece by piece wherever a scheduler puts it, ended there.
 *
 *     prognos_span span = prognos_span_begin(op);   // anywhere
 *     prognos_span_enter(span);                     // this thread runs it now...
 *     ...                                           // CPU, memory, I/O, samples, begin/end are the span's
 *     prognos_span_leave(span);                     // ...and now it waits
 *     prognos_span_end(span);                       // on any thread
 *
 * Path     That of the operation or span that was innermost where it was begun. What is begun while it is
 *          entered is called by the span, on whatever thread.
 * Numbers  Those of prognos_op_read(). Wall time is from begin to end. CPU time is that of the threads that
 *          entered it, while they had; blocked_ns is the rest, the time that it was suspended included.
 *          Memory and I/O count as they happen, in the span alone and not in what its threads have open
 *          beside. An open span counts in `active`, with what it took so far in the self times.
 * Nesting  An enter nests like a begin. Wall and CPU time of the operation around it go on, as the
 *          thread's do; its self times are less by the time that the span was entered.
 *
 * A handle is an index and a generation: one that is stale, or was never given out, is
 * PROGNOS_UNKNOWN_HANDLE (and counted, prognos_diagnostics.unknown_handles). 0, which a begin gives that
 * records nothing, is accepted by every call and does nothing, so that hosts need not look at it. In a
 * forked child all spans of its parent are stale.
 */
typedef uint64_t prognos_span;

/**
 * Begins a span, suspended.
 * @param op  a handle from prognos_op_named(); any other value is counted (unknown_operations)
 * @return its handle; 0 while the feature flag is off, for an unknown operation, in a signal handler that
 *         interrupted another hot call, for a thread that cannot be recorded, and when there are too many
 *         open spans: they share an eighth of memory_limit_bytes, 128 bytes each, at most 262,144
 *         (PROGNOS_LIMIT_REACHED in prognos_last_error(); counted, untracked_spans)
 * Hot. Thread: any. Signal: safe, as prognos_begin().
 */
prognos_span prognos_span_begin(prognos_op op);

/**
 * From here on this thread runs the span: its CPU time, memory, I/O, samples and operations belong to it.
 * @return PROGNOS_OK, also for 0 and, without effect, while the feature flag is off;
 *         PROGNOS_UNKNOWN_HANDLE; PROGNOS_INVALID_STATE when a thread has entered it already, and in a
 *         signal handler that interrupted another hot call; PROGNOS_LIMIT_REACHED when operations nest
 *         too deep here, or the thread cannot be recorded. But for PROGNOS_OK nothing changed.
 * Hot: as much as a begin on a path that is not the latest. Thread: owner. Signal: safe, as prognos_begin().
 */
prognos_status prognos_span_enter(prognos_span span);

/**
 * From here on the span is suspended: only its wall time runs on. Operations begun inside and still open are
 * closed and counted as abandoned, spans and sessions entered inside are left (forced_leaves). The end of
 * an operation around it, and the end of its thread, leave it in the same way.
 * @return PROGNOS_OK, also for 0; PROGNOS_UNKNOWN_HANDLE; PROGNOS_INVALID_STATE when this thread has not
 *         entered it (counted, misplaced_calls; but PROGNOS_OK while the feature flag is off)
 * Hot. Thread: owner. Signal: safe, as prognos_begin().
 */
prognos_status prognos_span_leave(prognos_span span);

/**
 * Adds to the work size of the span, as prognos_work() does to an operation's; from any thread, entered or not.
 * @return PROGNOS_OK, also for 0; PROGNOS_UNKNOWN_HANDLE. Hot. Thread: any. Signal: safe.
 */
prognos_status prognos_span_work(prognos_span span, uint64_t amount);

/**
 * Marks the span as failed, as prognos_fail() does an operation; from any thread, entered or not.
 * @param kind  as for prognos_fail()
 * @return PROGNOS_OK, also for 0; PROGNOS_UNKNOWN_HANDLE. Hot. Thread: any. Signal: safe.
 */
prognos_status prognos_span_fail(prognos_span span, const char *kind);

/**
 * Ends the span: one finished call of its operation. Its handle is stale from here on. A span that this thread
 * has entered is left first.
 * @return PROGNOS_OK, also for 0; PROGNOS_UNKNOWN_HANDLE, also when it was ended before;
 *         PROGNOS_INVALID_STATE when another thread has entered it (counted, misplaced_calls), or in a
 *         signal handler that interrupted another hot call: it stays as it is
 * Hot. Thread: any. Signal: safe, as prognos_begin().
 */
prognos_status prognos_span_end(prognos_span span);

PROGNOS_EXTERN_C_END

#endif /* PROGNOS_SPAN_H */
