/* SPDX-License-Identifier: Apache-2.0 */
/* Causal experiments: what is a faster operation worth? Include <prognos.h>. */
#ifndef PROGNOS_EXPERIMENT_H
#define PROGNOS_EXPERIMENT_H

#include "operation.h"
#include "status.h"

PROGNOS_EXTERN_C_BEGIN

/**
 * Starts an experiment: for some seconds, in rounds of a tenth to half a second, one operation after the other is made
 * virtually faster, and the completions of `progress` are counted. Virtually faster by 50 % means: whenever a thread
 * does what is the operation's own work (CPU time, files, sleeps; not the operations called inside, nor waits for other
 * threads), all others are delayed by half of that time, at their next begin or end, and before they unlock, signal, post,
 * or write to a socket or pipe. The completions a second, the delays taken off, are what they would be were the operation really
 * so much faster (Curtsinger and Berger, "Coz", SOSP 2015). What was found is in prognos_bottleneck_read(), method
 * "experiment"; docs/methods.md says how exact it is.
 *
 * Works best when threads begin or end something every few milliseconds, and when the process has as much to do as it can
 * do; where the load comes from outside at its own pace, the experiment finds that out and says so. Threads that wait by
 * spinning, or by futex calls of their own (Go, Rust's std), are delayed but not credited.
 *
 * Cost: nothing before and after. While it runs: about 0.1 us for each begin, end and unlock, and the delays: at most half of
 * the experiment's time in all, left out of the recorded durations.
 *
 * @param progress  the operation whose completions count: a request, a job, a batch; also one used by spans
 * @param seconds   1 to 3600; 10 is good for some five operations that complete a hundred times a second
 * @return PROGNOS_OK; PROGNOS_UNKNOWN_HANDLE; PROGNOS_INVALID_ARGUMENT; PROGNOS_NOT_STARTED without a collector;
 * PROGNOS_ALREADY_STARTED while another one runs; PROGNOS_UNSUPPORTED without PROGNOS_TRACK_IO, whose hooks it needs;
 * PROGNOS_NO_MEMORY. Thread: any. Signal: unsafe. It returns at once. A forked child runs none.
 */
prognos_status prognos_experiment_start(prognos_op progress, uint32_t seconds);

/** Ends it at once; what it found so far stays. PROGNOS_NOT_STARTED when none runs. */
prognos_status prognos_experiment_stop(void);

typedef enum prognos_experiment_state {
    PROGNOS_EXPERIMENT_NONE = 0,
    PROGNOS_EXPERIMENT_RUNNING = 1,
    PROGNOS_EXPERIMENT_FINISHED = 2,
    PROGNOS_EXPERIMENT_STOPPED = 3
} prognos_experiment_state;

/** How the latest experiment stands. */
typedef struct prognos_experiment {
    double rate_per_s; /**< completions of `progress` in rounds without delays */
    double
        paced_ratio; /**< 0..1: how far the rate is given from outside; near 1, no faster operation raises it */
    double cpu_stretch; /**< time that CPU time takes: 1 unless threads wait for a CPU */
    double seconds_left;
    uint64_t rounds;     /**< so far */
    uint64_t delayed_ns; /**< the longest that one thread was delayed in all */
    double confidence;
    uint64_t samples; /**< completions counted */
    prognos_op progress;
    uint32_t state; /**< prognos_experiment_state */
    char reason[240];
} prognos_experiment;

/** Reads it; PROGNOS_NOT_ENOUGH_DATA when there was none. Cost: microseconds. Thread: any. Signal: unsafe. */
prognos_status prognos_experiment_read(prognos_experiment *out, size_t size);

PROGNOS_EXTERN_C_END

#endif /* PROGNOS_EXPERIMENT_H */
