/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long single begin+end pairs take, where the recording lies. Usage: latency SECONDS [PATH [direct]]
 * Prints JSON. A pair is timed by the cycle counter around it; sleeping or being switched out counts, since
 * the host waits just the same. The pairs go over 200 paths of 20 operations, so that many pages are written.
 */
#define _GNU_SOURCE
#include <prognos.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#if defined(__x86_64__)
#include <x86intrin.h>
#define ticks() __rdtsc()
#else
static uint64_t ticks(void) {
    uint64_t now;
    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(now));
    return now;
}
#endif

enum { buckets = 64 * 32, operations = 20 };
static uint64_t counts[buckets], slowest, over_1_ms, sum;

static double now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* 32 buckets to an octave. */
static unsigned bucket_of(uint64_t value) {
    if (value < 32) return (unsigned)value;
    unsigned octave = 63u - (unsigned)__builtin_clzll(value);
    return (octave - 4) * 32 + (unsigned)(value >> (octave - 5) & 31);
}

static double value_of(unsigned bucket) {
    if (bucket < 32) return bucket;
    unsigned octave = bucket / 32 + 4;
    return (double)((32ull + bucket % 32) << (octave - 5));
}

int main(int count, char **arguments) {
    double seconds = count > 1 ? atof(arguments[1]) : 1;
    prognos_options options;
    prognos_options_default(&options, sizeof options);
    options.track = 0; /* the clocks of the CPU are another benchmark's */
    if (count > 2) options.recording_path = arguments[2];
    if (count > 3) options.recording_flags = PROGNOS_RECORDING_DIRECT;
    double before = now_s();
    prognos_status status = prognos_start(&options, sizeof options);
    double start_us = (now_s() - before) * 1e6;
    if (status != PROGNOS_OK) {
        fprintf(stderr, "%s\n", prognos_last_error());
        return 1;
    }
    prognos_op ops[operations];
    char name[32];
    for (int i = 0; i < operations; i++) {
        snprintf(name, sizeof name, "op-%d", i);
        ops[i] = prognos_op_named(name);
    }
    double begun = now_s();
    uint64_t first = ticks(), pairs = 0;
    while (now_s() - begun < seconds) {
        for (int outer = 0; outer < 10; outer++) {
            prognos_begin(ops[outer]);
            for (int inner = 0; inner < operations; inner++) {
                uint64_t start = ticks();
                prognos_begin(ops[inner]);
                prognos_end(ops[inner]);
                uint64_t took = ticks() - start;
                counts[bucket_of(took)]++;
                if (took > slowest) slowest = took;
                sum += took;
                pairs++;
            }
            prognos_end(ops[outer]);
        }
    }
    double ns = (now_s() - begun) * 1e9 / (double)(ticks() - first);
    static const double quantiles[] = {0.5, 0.99, 0.999, 0.9999, 0.99999};
    printf("{\"start_us\": %.0f, \"pairs\": %llu, \"mean_ns\": %.1f", start_us,
           (unsigned long long)pairs, (double)sum / (double)pairs * ns);
    for (size_t q = 0; q < sizeof quantiles / sizeof *quantiles; q++) {
        uint64_t below = 0, wanted = (uint64_t)(quantiles[q] * (double)pairs);
        unsigned bucket = 0;
        while (bucket < buckets - 1 && (below += counts[bucket]) <= wanted)
            bucket++;
        printf(", \"p%g_ns\": %.0f", quantiles[q] * 100, value_of(bucket) * ns);
    }
    for (unsigned bucket = 0; bucket < buckets; bucket++)
        if (value_of(bucket) * ns >= 1e6) over_1_ms += counts[bucket];
    printf(", \"over_1_ms\": %llu, \"max_us\": %.0f}\n", (unsigned long long)over_1_ms,
           (double)slowest * ns / 1e3);
    return 0;
}
