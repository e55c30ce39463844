/* SPDX-License-Identifier: Apache-2.0 */
/* How long an operation will take, and how much longer one that is under way. Include <prognos.h>. */
#ifndef PROGNOS_DURATION_H
#define PROGNOS_DURATION_H

#include "operation.h"
#include "status.h"

PROGNOS_EXTERN_C_BEGIN

/*
 * Both are computed when asked, from what the calls recorded: prognos_start() is not needed, and with it levels
 * of the last minute are known, too. Calls that failed or were abandoned do not count. How: docs/methods.md.
 * Cost: up to some milliseconds; uses malloc. Thread: any. Signal: unsafe.
 */

/** How long a call of an operation will take. */
typedef struct prognos_duration {
    uint64_t estimate_ns; /**< the median of what is to be expected */
    uint64_t low_ns;      /**< the 90 % interval */
    uint64_t high_ns;
    uint64_t work;     /**< what was asked for */
    uint64_t work_low; /**< the range of work that was seen; 0 when no call told any */
    uint64_t work_high;
    double confidence; /**< 0..1 */
    uint64_t samples;  /**< calls that the answer rests on */
    char complexity
        [24]; /**< how the time grows with the work: "O(1)", "O(log n)", "O(sqrt n)", "O(n)",
                            "O(n log n)", "O(n^2)", "O(n^3)"; "unknown" without work, and where it did not
                            vary by a factor of 4 */
    char reason[240];
} prognos_duration;

/**
 * Predicts the duration of a call. What prognos_work() and prognos_span_work() told is its work; within the range
 * that was seen, similar calls count, beyond it the complexity. The level is that of the latest calls: a machine
 * that got slower shows.
 * @param op    an operation
 * @param work  the work of the call, in the unit that the host gives to prognos_work(); 0: not known, the answer is
 *              of the calls under the operation that is open on this thread, if there were enough, else of all
 * @return PROGNOS_NOT_ENOUGH_DATA below 8 calls; PROGNOS_UNKNOWN_HANDLE; PROGNOS_INVALID_ARGUMENT
 */
prognos_status prognos_duration_predict(prognos_op op, uint64_t work, prognos_duration *out,
                                        size_t size);

/** How much longer an open call will take. */
typedef struct prognos_time_left {
    uint64_t estimate_ns; /**< the median of what is left, given that it has taken elapsed_ns */
    uint64_t low_ns;      /**< the 90 % interval */
    uint64_t high_ns;
    uint64_t elapsed_ns; /**< since its begin */
    uint64_t work;       /**< what the call has told so far; 0: nothing */
    double confidence;   /**< 0..1 */
    uint64_t samples; /**< calls that the answer rests on: those that took longer than elapsed_ns */
    uint32_t thread_id; /**< of the thread that runs it; 0: a span that nobody runs */
    uint32_t reserved;
    char reason[240];
} prognos_time_left;

/**
 * Predicts what is left of the open call of an operation that began first, on whatever thread.
 * @return PROGNOS_INVALID_STATE when none is open; PROGNOS_NOT_ENOUGH_DATA below 8 finished calls;
 *         PROGNOS_UNKNOWN_HANDLE; PROGNOS_INVALID_ARGUMENT
 */
prognos_status prognos_time_left_read(prognos_op op, prognos_time_left *out, size_t size);

PROGNOS_EXTERN_C_END

#endif /* PROGNOS_DURATION_H */
