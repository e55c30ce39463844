/* SPDX-License-Identifier: Apache-2.0 */
/* What the library concludes: health, trends, anomalies, leaks, exhaustion, crashes. Include <prognos.h>. */
#ifndef PROGNOS_PREDICTION_H
#define PROGNOS_PREDICTION_H

#include "operation.h"
#include "reading.h"
#include "session.h"
#include "status.h"

PROGNOS_EXTERN_C_BEGIN

/*
 * Predictions are computed by the collector, at each of its ticks, and kept in the recording. A read copies the
 * latest ones: a microsecond or so, no malloc, it stops nobody. They need prognos_start(). How each is
 * computed, from what source, and how well it does on public data: docs/methods.md.
 *
 * Common to all of them:
 *   confidence  0..1: how far the evidence carries the answer; near 0 with little data or none for it.
 *   samples     how many samples it rests on.
 *   reason      one sentence in English that names the number behind it. Texts are arrays within the
 *               structs, NUL-terminated UTF-8, so that answers can be copied and kept.
 * With too little data, reads return PROGNOS_NOT_ENOUGH_DATA, and prognos_last_error() says what is missing.
 */

/** What is watched, of the process (op 0) or of an operation. */
typedef enum prognos_metric {
    PROGNOS_METRIC_RATE = 1, /**< operations finished, per second */
    PROGNOS_METRIC_WALL_P50 =
        2, /**< wall time in nanoseconds; of the process: of outermost calls */
    PROGNOS_METRIC_WALL_P95 = 3,
    PROGNOS_METRIC_WALL_P99 = 4,
    PROGNOS_METRIC_ERROR_RATIO = 5, /**< failed / finished */
    PROGNOS_METRIC_CPU = 6,         /**< CPUs in use: CPU time / time */
    PROGNOS_METRIC_MEMORY = 7,      /**< bytes: resident set; of an operation: live_bytes */
    PROGNOS_METRIC_ALLOCATION = 8,  /**< bytes allocated, per second */
    PROGNOS_METRIC_IO = 9,          /**< bytes read and written, per second */
    PROGNOS_METRIC_ACTIVE = 10,     /**< operations open */
    /* Of the process only. */
    PROGNOS_METRIC_HEAP = 11,     /**< bytes in use in malloc */
    PROGNOS_METRIC_VIRTUAL = 12,  /**< bytes of address space */
    PROGNOS_METRIC_FDS = 13,      /**< open file descriptors */
    PROGNOS_METRIC_THREADS = 14,  /**< threads of the process */
    PROGNOS_METRIC_MAPS = 15,     /**< memory mappings */
    PROGNOS_METRIC_DISK = 16,     /**< bytes used of the working directory's file system */
    PROGNOS_METRIC_SWITCHES = 17, /**< context switches per second */
    PROGNOS_METRIC_HEALTH = 18,   /**< prognos_health.score; limits are lower bounds */
    PROGNOS_METRIC_CRASH = 19     /**< prognos_crash.probability */
} prognos_metric;

/**
 * Brings all predictions up to date: takes a sample of the process now and waits for the collector to assess it.
 * @return PROGNOS_OK; PROGNOS_NOT_STARTED before prognos_start() and after prognos_stop(); PROGNOS_INVALID_STATE
 * from within an alert's callback; PROGNOS_NO_MEMORY when the memory limit left no room for an assessment.
 * Cost: a tick of the collector, below 5 ms with 1,000 operations. Thread: any. Signal: unsafe.
 */
prognos_status prognos_assess(void);

/**
 * How well the process, an operation or a session is: 100 is well, below 50 somebody should look, below 20 it is
 * about to fail. The score is 100 times the product of its parts (each / 100): one fatal fault dominates, and no
 * number of good parts hides it. A part is 100 x (1 - severity x confidence).
 */
typedef struct prognos_health {
    double score;   /**< 0..100 */
    double latency; /**< 0..100: durations against their objectives, and against what was usual */
    double errors;  /**< 0..100: failed calls against the objective's budget, and what was usual */
    double
        saturation; /**< 0..100: CPU, descriptors, threads, disk, pressure: what is nearly used up */
    double memory;  /**< 0..100: leaks, and memory against its limit */
    double stability; /**< 0..100: stalls, deadlocks, anomalies, and the probability of a crash */
    double confidence;
    uint64_t samples;
    prognos_op op; /**< the operation that costs the most of the score; 0 when none does */
    uint32_t reserved;
    char reason[240];
} prognos_health;

/** Reads the health of the process. NOT_ENOUGH_DATA before the first tick. */
prognos_status prognos_health_read(prognos_health *out, size_t size);
/** Reads the health of an operation: NOT_ENOUGH_DATA when it has not finished enough calls. */
prognos_status prognos_op_health_read(prognos_op op, prognos_health *out, size_t size);
/** Reads the health of a session, open or lately closed. */
prognos_status prognos_session_health_read(prognos_session session, prognos_health *out,
                                           size_t size);

/** Whether a metric moves. */
typedef struct prognos_trend {
    double slope_per_s; /**< in the metric's unit, per second: Sen's slope */
    double
        change_ratio; /**< the change over the window / the level at its begin; 0 for a level of 0 */
    double p_value;   /**< probability of such a movement without a trend, correlation considered */
    double confidence;
    uint64_t samples;
    int32_t direction; /**< -1 down, 0 stable, 1 up */
    uint32_t reserved;
    char reason[240];
} prognos_trend;

/**
 * Tells the trend of a metric of the process (op 0) or of an operation over a window; PROGNOS_TOTAL: as far as the
 * history reaches. A value is that of a second, or of a longer span where the window has more than 256 of them;
 * NOT_ENOUGH_DATA below 16, and for what has no history: maps, disk before it was read, health and crash.
 * Cost: reads the history of the window, and up to 0.3 ms for the test; uses malloc.
 */
prognos_status prognos_trend_read(prognos_metric metric, prognos_op op, prognos_window window,
                                  prognos_trend *out, size_t size);

/** A value that was not to be expected. */
typedef struct prognos_anomaly {
    int64_t at_unix_ns;
    double value;
    double expected;
    double low; /**< of the range that would not have been one */
    double high;
    double score; /**< 0..1: how unlikely, and how strong */
    double confidence;
    uint64_t samples;
    uint32_t metric; /**< prognos_metric */
    prognos_op op;   /**< 0: the process */
    uint32_t kind;   /**< prognos_anomaly_kind */
    uint32_t reserved;
    char reason[240];
} prognos_anomaly;

typedef enum prognos_anomaly_kind {
    PROGNOS_ANOMALY_UNUSUAL = 1,     /**< a value far outside what is usual */
    PROGNOS_ANOMALY_DEGRADATION = 2, /**< slower, more errors, or less done than before */
    PROGNOS_ANOMALY_LEVEL = 3        /**< the level changed and stays */
} prognos_anomaly_kind;

/**
 * Reads the latest anomalies, the newest first; the latest 256 are kept.
 * @param out       an array of `capacity` structs of `size` bytes each; NULL when capacity is 0
 * @param count     receives how many there are, which may be more than capacity
 */
prognos_status prognos_anomalies_read(prognos_anomaly *out, size_t size, size_t capacity,
                                      size_t *count);

/** Something that grows and is not given back. */
typedef struct prognos_leak {
    double
        bytes_per_call; /**< of its live bytes, by finished call; of descriptors, threads, ...: units */
    double bytes_per_s;
    double live_bytes; /**< held now */
    double score;      /**< 0..1: how sure that it is a leak */
    double confidence;
    uint64_t samples;
    prognos_op op;     /**< 0: the process, no operation can be named */
    uint32_t is_leak;  /**< 1: a leak; 0: it grows, or did, and is none so far */
    int32_t direction; /**< -1, 0, 1 */
    uint32_t kind;     /**< prognos_leak_kind */
    char resource[32]; /**< "memory", "file descriptors", "sockets", "threads", "memory maps" */
    char reason[240];
    char stack
        [1024]; /**< where it was allocated: frames, the innermost last, ';' between; may be "" */
} prognos_leak;

typedef enum prognos_leak_kind {
    PROGNOS_LEAK_MEMORY = 1,
    PROGNOS_LEAK_DESCRIPTORS = 2,
    PROGNOS_LEAK_SOCKETS = 3,
    PROGNOS_LEAK_THREADS = 4,
    PROGNOS_LEAK_MAPS = 5
} prognos_leak_kind;

/** Reads what leaks, the worst first, and what was looked at and is none. As prognos_anomalies_read(). */
prognos_status prognos_leaks_read(prognos_leak *out, size_t size, size_t capacity, size_t *count);

/** A resource with a limit. */
typedef struct prognos_resource {
    double used;  /**< in the resource's unit: bytes, descriptors, threads, CPU seconds, ... */
    double limit; /**< 0: none */
    double used_ratio;
    double slope_per_s;           /**< of what is used */
    double minutes_to_exhaustion; /**< INFINITY when it does not grow towards it */
    double minutes_low;
    double minutes_high;
    double probability; /**< that the limit is reached at all, if things go on as they do */
    double confidence;
    uint64_t samples;
    char resource[32];   /**< "address space", "cgroup memory", "file descriptors", ... */
    char limited_by[32]; /**< "RLIMIT_AS", "memory.max", ... */
} prognos_resource;

/** Reads the resources that have a limit, the nearest to it first. As prognos_anomalies_read(). */
prognos_status prognos_resources_read(prognos_resource *out, size_t size, size_t capacity,
                                      size_t *count);

/** Whether, of what and when the process will die. */
typedef struct prognos_crash {
    double probability;      /**< 0..1: of a crash within horizon_minutes */
    double probability_ever; /**< 0..1: of it at all, if things go on as they do */
    double horizon_minutes;  /**< grows with the age of the process: a third of it, at least 12 s */
    double minutes_to_failure; /**< the median; INFINITY when nothing points to one */
    double minutes_low;        /**< the 80 % interval */
    double minutes_high;
    double used; /**< of the resource that runs out; 0 without one */
    double limit;
    double confidence;
    uint64_t samples;
    prognos_op op; /**< the operation to blame; 0 when none can be named */
    uint32_t kind; /**< prognos_crash_kind */
    char
        resource[32]; /**< "file descriptors", "deadlock", ...; "" when nothing points to a crash */
    char reason[240];
} prognos_crash;

typedef enum prognos_crash_kind {
    PROGNOS_CRASH_NONE = 0,
    PROGNOS_CRASH_EXHAUSTION = 1, /**< a resource reaches its limit */
    PROGNOS_CRASH_STALL = 2,      /**< an operation no longer moves */
    PROGNOS_CRASH_DEADLOCK = 3,   /**< threads wait for each other */
    PROGNOS_CRASH_QUEUE = 4,      /**< more comes than is done */
    PROGNOS_CRASH_ERRORS = 5,     /**< calls fail more and more */
    PROGNOS_CRASH_PRECURSOR = 6,  /**< as before former lives ended */
    PROGNOS_CRASH_OVERLOAD = 7    /**< throttled or slowed down past what is tolerable */
} prognos_crash_kind;

/**
 * Reads the prediction. NOT_ENOUGH_DATA in the first seconds after prognos_start().
 *
 * PROGNOS_CRASH_PRECURSOR: with a recording_path, the library knows from the older recordings beside its own what up to eight
 * former lives of this program (same executable, same build) were like before they ended. `resource` is "former crash", the
 * reason says which crash, what is as it was then, and how often it passed without one; minutes_* come from how long it took
 * then. One former death hardly ever makes an alarm.
 */
prognos_status prognos_crash_read(prognos_crash *out, size_t size);

/**
 * Says what is good enough for an operation: calls within `latency_ns` that do not fail count as good, and
 * `success_ratio` of all calls are to be good. Health then counts against it by burn rates; without objectives it
 * counts against what was usual.
 * @param latency_ns     0: any
 * @param success_ratio  above 0, below 1: 0.999 allows one bad call in a thousand; 0 takes the objective back
 * @return PROGNOS_UNKNOWN_HANDLE, PROGNOS_INVALID_ARGUMENT
 */
prognos_status prognos_objective_set(prognos_op op, uint64_t latency_ns, double success_ratio);

/**
 * Asks for an alert when a metric of the process reaches `warn`, and another at `critical`. Either may be NAN: none.
 * Where critical < warn, both are lower bounds. The latest call for a metric counts; two NANs take it back.
 */
prognos_status prognos_limit_set(prognos_metric metric, double warn, double critical);

typedef enum prognos_severity {
    PROGNOS_SEVERITY_OK = 0,
    PROGNOS_SEVERITY_WARN = 1,
    PROGNOS_SEVERITY_CRITICAL = 2
} prognos_severity;

/** A change: something got worse, or well again. */
typedef struct prognos_alert {
    int64_t at_unix_ns;
    double value;
    double threshold;
    uint64_t number;   /**< counts all alerts of the recording, from 1 on */
    uint32_t severity; /**< prognos_severity: OK when it is over */
    uint32_t previous; /**< the severity before */
    uint32_t metric;   /**< prognos_metric; 0 for what none stands for, such as a leak */
    prognos_op op;     /**< 0: the process */
    char subject[48];  /**< what it is about: "health", "file descriptors", "leak", "cpu" */
    char reason[240];
} prognos_alert;

/**
 * On the collector's thread, never inside a host's call, with all signals blocked; once for each change, with
 * hysteresis. The callback may call everything but prognos_start(), prognos_stop() and prognos_assess(). It should
 * be quick: the next tick waits for it.
 */
typedef void (*prognos_alert_callback)(const prognos_alert *alert, void *context);

/** Sets the one callback; NULL takes it back. It is not called any more once this has returned. */
prognos_status prognos_on_alert(prognos_alert_callback callback, void *context);

/** Reads the latest alerts, the newest first; the latest 256 are kept. As prognos_anomalies_read(). */
prognos_status prognos_alerts_read(prognos_alert *out, size_t size, size_t capacity, size_t *count);

PROGNOS_EXTERN_C_END

#endif /* PROGNOS_PREDICTION_H */
