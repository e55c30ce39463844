/* SPDX-License-Identifier: Apache-2.0 */
/* Series: the detectors that watch the process, for a host's own numbers. Include <prognos.h>. */
#ifndef PROGNOS_SERIES_H
#define PROGNOS_SERIES_H

#include "prediction.h"
#include "status.h"

PROGNOS_EXTERN_C_BEGIN

/** A series of numbers. 0 is none; a closed one's handle stays stale for ever. */
typedef uint32_t prognos_series;

/** What is thought of a value. */
typedef struct prognos_verdict {
    double score;    /**< 0..1: 0 as usual, 0.5 and more an anomaly */
    double expected; /**< what was expected; the value itself while too little is known */
    double low;      /**< the range that would not have been an anomaly */
    double high;
    double confidence;
    uint64_t samples;
    uint32_t is_anomaly; /**< 1: worth an alert. A storm of them gives one */
    uint32_t kind;       /**< prognos_anomaly_kind; 0 when it is none */
} prognos_verdict;

typedef struct prognos_forecast {
    double value;
    double low; /**< the 80 % interval */
    double high;
    double confidence;
} prognos_forecast;

/**
 * Opens a series. Works without prognos_start(). A name that is open already opens another series of that name.
 * @param name       1 to 63 bytes of UTF-8, cut there; for reports
 * @param period_ns  the time between its values; 0: irregular
 * @return 0 and an error: NULL, or PROGNOS_LIMIT_REACHED when series fill their share of the memory (an eighth)
 * Cost: takes 16 KiB of the recording's memory. Thread: any. Signal: unsafe.
 */
prognos_series prognos_series_open(const char *name, uint64_t period_ns);

/**
 * Adds a value, and tells at once whether it is unusual, from nothing but the values before it.
 * The first 150 values are learnt. After that, 1.1 to 1.4 values in 1,000 of a stream without anomalies is called one,
 * never more for long. A constant's first movement is an anomaly. Times serve to find what is usual in a minute, hour,
 * day or week; gaps are allowed.
 *
 * @param at_unix_ns  its time. A time before the one of the value before counts as that one's.
 * @param value       NaN and infinities are counted as missing and not learnt: verdict 0. Beyond 1e150 is 1e150
 * @param out         may be NULL
 * @return PROGNOS_OK; PROGNOS_UNKNOWN_HANDLE; PROGNOS_NOT_ENOUGH_DATA while the first values are learnt: *out is
 * filled then, too, with a score of 0; no error text is set.
 * Cost: below a microsecond, no malloc, no system call. Threads: values of one series are added one after the other:
 * an add that meets another one waits for it. Signal: unsafe.
 */
prognos_status prognos_series_add(prognos_series series, int64_t at_unix_ns, double value,
                                  prognos_verdict *out, size_t size);

/** Tells the trend of the latest values, 256 at most; NOT_ENOUGH_DATA below 16. Cost: below 1 ms; uses malloc. */
prognos_status prognos_series_trend(prognos_series series, prognos_trend *out, size_t size);

/**
 * Forecasts the next values from the latest 1,024: of hours, six weeks. Days, weeks and other seasons are found in
 * them if they came at least three times; those of the calendar more surely when prognos_series_open() was told the
 * time between values. That time has to be regular: values count as equally far from each other.
 * @param steps  how many, 1 to 1,024; beyond 192, or a quarter of the values, intervals are extrapolated
 * @param out    an array of as many structs of `size` bytes each
 * @return NOT_ENOUGH_DATA below 8 values
 * Cost: computed when asked: about 5 ms for 48 steps with 900 values, and 0.2 MiB of malloc meanwhile (0.4 MiB for 1,024
 * steps). Adding goes on. Thread: any. Signal: unsafe.
 */
prognos_status prognos_series_forecast(prognos_series series, uint32_t steps, prognos_forecast *out,
                                       size_t size);

/** Closes a series. Its handle stays unknown for ever; its memory serves another one. */
prognos_status prognos_series_close(prognos_series series);

PROGNOS_EXTERN_C_END

#endif /* PROGNOS_SERIES_H */
