/* SPDX-License-Identifier: Apache-2.0 */
/* Where time goes, and what is won if an operation gets faster. Include <prognos.h>. */
#ifndef PROGNOS_BOTTLENECK_H
#define PROGNOS_BOTTLENECK_H

#include "operation.h"
#include "status.h"

PROGNOS_EXTERN_C_BEGIN

/**
 * What a faster operation is worth: how much more of the progress operation would be done a second if the operation's own
 * work (CPU, memory, input and output, sleeps; not that of operations called inside, nor its waits for other threads) took
 * less. The hottest operation is often not the one to make faster: it may run beside what everybody waits for.
 *
 * Progress is what the latest prognos_experiment_start() was told; without one, the operation without a caller that
 * finishes most calls, those with operations inside before those without.
 */
typedef struct prognos_bottleneck {
    double
        share; /**< 0..1: of what limits progress: the relative gain of a very small improvement */
    double gain_ratio_10;  /**< more progress, 0.25: a quarter, if its own work took 10 % less */
    double gain_ratio_50;  /**< 50 % less */
    double gain_ratio_100; /**< nothing at all; 100 or more: no bound is known */
    double
        gain_low; /**< gain_ratio_50 lies between these: of an experiment the 90 % interval, of the
                         model how far it may be off */
    double gain_high;
    double cpu_ratio;       /**< 0..1: of its own time: on a CPU, less memory_ratio */
    double memory_ratio;    /**< in page faults and the allocator: estimated from their numbers */
    double io_ratio;        /**< in input and output, and asleep */
    double lock_ratio;      /**< for other threads: locks, conditions, semaphores, joins */
    double scheduler_ratio; /**< ready without a CPU, and other waits that no hook sees */
    double confidence;
    uint64_t samples; /**< calls of it that the answer rests on; of an experiment, of progress */
    prognos_op op;
    prognos_op progress; /**< the operation whose rate is meant */
    char bound_by
        [16]; /**< where most of its own time goes: "cpu", "memory", "io", "lock", "scheduler" */
    char method[16]; /**< where the gains come from: "experiment", or "model" */
    char reason[240];
} prognos_bottleneck;

/**
 * Reads the operations by what is won if they get faster, the most first; up to 32.
 *
 * Where a causal experiment ran (prognos_experiment_start()), gains are measured: method "experiment". Else they
 * follow from what limits progress (docs/methods.md, "Bottlenecks"): method "model". Where the two differ by much, the
 * reason says so.
 * @param out       an array of `capacity` structs of `size` bytes each; NULL when capacity is 0
 * @param count     receives how many there are, which may be more than capacity
 * @return PROGNOS_OK; PROGNOS_NOT_ENOUGH_DATA when nothing is assessed, or too few calls have finished;
 *         PROGNOS_INVALID_ARGUMENT.
 * Cost: a copy. Thread: any. Signal: unsafe.
 */
prognos_status prognos_bottleneck_read(prognos_bottleneck *out, size_t size, size_t capacity,
                                       size_t *count);

PROGNOS_EXTERN_C_END

#endif /* PROGNOS_BOTTLENECK_H */
