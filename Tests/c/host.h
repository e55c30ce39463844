/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests do again and again as hosts of the library. */
#ifndef PROGNOS_TESTS_HOST_H
#define PROGNOS_TESTS_HOST_H

#include "check.h"

#include <prognos.h>
#include <pthread.h>
#include <time.h>

static inline prognos_op_stats stats_of(prognos_op op) {
    prognos_op_stats stats;
    memset(&stats, 0xA5, sizeof stats);
    CHECK_STATUS(prognos_op_read(op, PROGNOS_TOTAL, &stats, sizeof stats), PROGNOS_OK);
    return stats;
}

static inline uint64_t count_of(prognos_op op) {
    return stats_of(op).count;
}

static inline prognos_diagnostics diagnostics(void) {
    prognos_diagnostics found;
    memset(&found, 0xA5, sizeof found);
    CHECK_STATUS(prognos_diagnostics_read(&found, sizeof found), PROGNOS_OK);
    return found;
}

static inline prognos_capabilities capabilities(void) {
    prognos_capabilities found;
    memset(&found, 0xA5, sizeof found);
    CHECK_STATUS(prognos_capabilities_read(&found, sizeof found), PROGNOS_OK);
    return found;
}

static inline void call(prognos_op op) {
    prognos_begin(op);
    prognos_end(op);
}

/* The whole text of a profile; the caller frees it. */
static inline char *rendered(prognos_format format) {
    size_t needed = 0, capacity = 1 << 16;
    char *text = NULL;
    do { /* it may grow between two calls */
        capacity = capacity > needed ? capacity : needed + 4096;
        text = (char *)realloc(text, capacity);
        NEED(text != NULL);
        CHECK_STATUS(prognos_render(format, text, capacity, &needed), PROGNOS_OK);
    } while (needed >= capacity);
    return text;
}

static inline uint64_t clock_ns(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline pthread_t started(void *(*run)(void *), void *argument) {
    pthread_t thread;
    NEED(pthread_create(&thread, NULL, run, argument) == 0);
    return thread;
}

static inline void joined(pthread_t thread) {
    NEED(pthread_join(thread, NULL) == 0);
}

static inline void in_a_thread(void *(*run)(void *), void *argument) {
    joined(started(run, argument));
}

#endif /* PROGNOS_TESTS_HOST_H */
