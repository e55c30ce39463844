/* SPDX-License-Identifier: Apache-2.0 */
/* Load: when its next peak comes, what the process can take, what its time is spent on. Include <prognos.h>. */
#ifndef PROGNOS_LOAD_H
#define PROGNOS_LOAD_H

#include "prediction.h"
#include "status.h"

PROGNOS_EXTERN_C_BEGIN

/** When the most is to be done next, and whether the process can do it. */
typedef struct prognos_peak {
    int64_t at_unix_ns; /**< the middle of the second, minute or hour of the peak */
    double rate_per_s;  /**< operations finished per second then, on average over span_s */
    double low_per_s;   /**< the 80 % interval */
    double high_per_s;
    double capacity_per_s; /**< where the process saturates: the median; 0 while it is not known,
                              INFINITY when nothing seen so far points to a limit */
    double capacity_low_per_s; /**< the 80 % interval */
    double capacity_high_per_s;
    double latest_per_s; /**< the latest second, minute or hour */
    double span_s;       /**< what was forecast: 1 (seconds), 60 (minutes) or 3600 (hours) */
    double season_s;     /**< how often peaks come; 0: no season was found */
    double confidence;
    uint64_t samples; /**< seconds, minutes or hours */
    uint32_t exceeds; /**< 1: the peak is above the capacity. An alert "load" tells it */
    uint32_t reserved;
    char saturates
        [32]; /**< what is used up first: "cpu", "run queue", "cpu quota", "file descriptors",
                           "lock", ...; "" while the capacity is not known */
    char reason[240];
} prognos_peak;

/**
 * Reads the forecast of the process's rate of operations: from hours once there are three days of them (two days ahead),
 * else from minutes once there is an hour of them (an hour ahead), else from seconds (a minute ahead). Made every 10 s
 * in the first ten minutes, every minute after that. NOT_ENOUGH_DATA before the first 30 s.
 */
prognos_status prognos_peak_read(prognos_peak *out, size_t size);

/**
 * How throughput grows with concurrency, by the Universal Scalability Law (Gunther 2007):
 * throughput(n) = rate n / (1 + sigma (n - 1) + kappa n (n - 1)). Fitted to what was seen second by second: calls
 * without a caller, and how many of them were under way on average.
 */
typedef struct prognos_scalability {
    double sigma;      /**< 0..1, contention: the share that is done one after the other */
    double kappa;      /**< coherence: what each disturbs each other one by */
    double rate_per_s; /**< of one alone */
    double knee; /**< the concurrency with the highest throughput, INFINITY when none is in sight */
    double knee_low; /**< the 80 % interval */
    double knee_high;
    double capacity_per_s; /**< of calls without a caller, where prognos_peak counts all */
    double capacity_low_per_s;
    double capacity_high_per_s;
    double highest_concurrency; /**< that was seen */
    double confidence;
    uint64_t samples; /**< seconds */
    uint32_t loads;   /**< different loads that were seen; at least 6 are needed */
    uint32_t reserved;
    char saturates[32];
    char reason[240];
} prognos_scalability;

/** Reads it. NOT_ENOUGH_DATA before 6 different loads, an eighth apart or more, were seen. */
prognos_status prognos_scalability_read(prognos_scalability *out, size_t size);

/** What the process's time is good for, and when it does the most. */
typedef struct prognos_productivity {
    double best_hours
        [24]; /**< by hour of the day in UTC, how much is done in it against an average hour (1.0): calls
                              that did not fail, and the efficiency. All 0 before a whole day was seen */
    double
        efficiency; /**< 0..100: the share of the time in operations that was CPU time or input and output of calls that
                          did not fail; the rest waited, failed or was given up */
    double waiting_ratio; /**< of that time: off the CPU for anything but input and output */
    double io_ratio;
    double failure_ratio; /**< of calls: failed or abandoned */
    uint64_t
        task_switches; /**< calls without a caller of another operation than their thread's call before,
                               since prognos_start() */
    double
        task_switch_cost_ratio; /**< share of the CPU time that goes with them, by regression over seconds; 0 when none
                                      can be shown */
    double context_switches_per_s;
    double
        context_switch_cost_ratio; /**< share of the time that threads could have run and did not: they waited for a
                                         CPU; and CPU time that goes with switches, by regression, where it can be shown */
    double
        slowdown_ratio; /**< how many times as long CPU-bound work takes as with a CPU for each thread */
    double confidence;
    uint64_t samples;   /**< seconds */
    uint32_t best_hour; /**< 0..23, UTC; 24 while it is not known */
    uint32_t hours;     /**< hours of the history that best_hours rests on */
    char reason[240];
} prognos_productivity;

/** Reads it: of the last ten minutes or so, hours of 30 days. NOT_ENOUGH_DATA before 10 seconds with calls. */
prognos_status prognos_productivity_read(prognos_productivity *out, size_t size);

PROGNOS_EXTERN_C_END

#endif /* PROGNOS_LOAD_H */
