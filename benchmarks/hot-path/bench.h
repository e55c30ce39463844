/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the benchmarks of the hot path share: the clocks, samples, and results as JSON.
 *
 * Every measure is a short chunk of work, and a program takes its chunks in turn, round after round.
 * The minimum over the rounds is what the code costs on a quiet core; and since all measures of a run
 * had the same chances to meet one, the ratio of two minima holds on a noisy machine as well.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Tells the compiler that a value is needed, at the cost of no instruction. */
#define BENCH_KEEP(value) __asm__ volatile("" : : "r"(value))

static inline uint64_t bench_counter(void) {
#if defined(__x86_64__)
    return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
    uint64_t ticks;
    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks));
    return ticks;
#else
#error "the benchmarks know the cycle counters of x86-64 and aarch64"
#endif
}

static inline uint64_t bench_clock_ns(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static inline uint64_t bench_now_ns(void) {
    return bench_clock_ns(CLOCK_MONOTONIC);
}

/*
 * Defines a function that runs `body` as many times as it is told and returns nanoseconds for each of
 * the `units` things that one body does.
 */
#define BENCH_LOOP(function, units, body)                                                          \
    __attribute__((noinline, unused)) static double function(size_t iterations) {                  \
        uint64_t bench_start = bench_now_ns();                                                     \
        for (size_t bench_i = 0; bench_i < iterations; bench_i++) {                                \
            body;                                                                                  \
        }                                                                                          \
        return (double)(bench_now_ns() - bench_start) / (double)iterations / (units);              \
    }

/* The yardstick of every ratio: no begin+end that tells the time can cost less than this. */
BENCH_LOOP(bench_two_counter_reads, 1, {
    uint64_t begun = bench_counter();
    BENCH_KEEP(begun);
    uint64_t ended = bench_counter();
    BENCH_KEEP(ended);
})

typedef struct bench_measure {
    const char *name;
    const char *text;                 /* what a reader of the table sees */
    double (*run)(size_t iterations); /* nanoseconds a unit */
    size_t iterations;                /* of one chunk */
    double *ns;                       /* one sample a round */
    double ns_min, ns_median;
} bench_measure;

static int bench_compare(const void *a, const void *b) {
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

/* Runs every measure once a round. The first round, which warms caches and tables, is not counted. */
static inline void bench_run(bench_measure *measures, size_t count, size_t rounds) {
    for (size_t m = 0; m < count; m++) {
        measures[m].ns = calloc(rounds, sizeof(double));
        if (!measures[m].ns) exit(1);
        measures[m].run(measures[m].iterations);
    }
    for (size_t round = 0; round < rounds; round++)
        for (size_t m = 0; m < count; m++)
            measures[m].ns[round] = measures[m].run(measures[m].iterations);
    for (size_t m = 0; m < count; m++) {
        qsort(measures[m].ns, rounds, sizeof(double), bench_compare);
        measures[m].ns_min = measures[m].ns[0];
        measures[m].ns_median = measures[m].ns[rounds / 2];
        free(measures[m].ns);
    }
}

/* "measures": [...], with ratios of minima to the measure that stands first. */
static inline void bench_print_measures(const bench_measure *measures, size_t count) {
    printf("  \"measures\": [\n");
    for (size_t m = 0; m < count; m++)
        printf("    {\"name\": \"%s\", \"text\": \"%s\", \"ns_min\": %.3f, \"ns_median\": %.3f, "
               "\"ratio\": %.4f}%s\n",
               measures[m].name, measures[m].text, measures[m].ns_min, measures[m].ns_median,
               measures[m].ns_min / measures[0].ns_min, m + 1 < count ? "," : "");
    printf("  ]");
}

/* Rounds: the first argument of the program, or `standard`. */
static inline size_t bench_rounds(int argc, char **argv, size_t standard) {
    long asked = argc > 1 ? strtol(argv[1], NULL, 10) : 0;
    return asked > 0 ? (size_t)asked : standard;
}

#endif /* BENCH_H */
