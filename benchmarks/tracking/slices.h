/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The same work with hooks and without, in one process: slices that take turns, prognos_start() and
 * prognos_stop() between them. What the environment tells Prognos to track decides what is compared.
 */
#ifndef SLICES_H
#define SLICES_H

#include "../hot-path/bench.h"

#include <prognos.h>

typedef struct slices_measure {
    const char *name;
    const char *text;
    double (*run)(size_t iterations); /* nanoseconds a unit */
    double bar;                       /* the most that on / off may be; 0: none */
    size_t iterations;                /* of one chunk; 0: as many as take half a millisecond */
} slices_measure;

typedef struct slices_result {
    double off_min, off_median, on_min, on_median;
    double ratio, ratio_median; /* of the minima; median of each round's own */
} slices_result;

static double slices_median(double *values, size_t count) {
    qsort(values, count, sizeof *values, bench_compare);
    return values[count / 2];
}

static void slices_start(void) {
    prognos_status status = prognos_start(NULL, 0);
    if (status != PROGNOS_OK) {
        fprintf(stderr, "prognos_start: %s\n", prognos_last_error());
        exit(1);
    }
}

/* Chunks of half a millisecond: short enough that most meet no interruption. */
static inline void slices_calibrate(slices_measure *m) {
    size_t iterations = 64;
    while (m->iterations == 0) {
        double ns = m->run(iterations);
        if (ns * (double)iterations > 100000 || iterations > 100000000)
            m->iterations = (size_t)(500000 / ns) + 1;
        iterations *= 2;
    }
}

/* Each round: all measures without hooks and all with them, in an order that alternates. */
static inline void slices_run(slices_measure *measures, slices_result *results, size_t count,
                              size_t rounds) {
    double *ns[2] = {calloc(count * rounds, sizeof(double)),
                     calloc(count * rounds, sizeof(double))};
    if (!ns[0] || !ns[1]) exit(1);
    for (size_t m = 0; m < count; m++)
        slices_calibrate(&measures[m]);
    for (size_t round = 0; round < rounds + 1; round++) { /* the first one warms up */
        for (int turn = 0; turn < 2; turn++) {
            int on = (turn ^ (int)round) & 1;
            if (on) slices_start();
            for (size_t m = 0; m < count; m++) {
                measures[m].run(measures[m].iterations / 8 + 1); /* its first touch of anything */
                double sample = measures[m].run(measures[m].iterations);
                if (round > 0) ns[on][m * rounds + round - 1] = sample;
            }
            if (on) prognos_stop();
        }
    }
    for (size_t m = 0; m < count; m++) {
        double *off = ns[0] + m * rounds, *on = ns[1] + m * rounds, ratios[rounds];
        for (size_t round = 0; round < rounds; round++)
            ratios[round] = on[round] / off[round];
        slices_result *r = &results[m];
        r->ratio_median = slices_median(ratios, rounds);
        r->off_median = slices_median(off, rounds);
        r->on_median = slices_median(on, rounds);
        r->off_min = off[0];
        r->on_min = on[0];
        r->ratio = r->on_min / r->off_min;
    }
    free(ns[0]);
    free(ns[1]);
}

static inline void slices_print(const slices_measure *measures, const slices_result *results,
                                size_t count) {
    printf("  \"measures\": [\n");
    for (size_t m = 0; m < count; m++)
        printf("    {\"name\": \"%s\", \"text\": \"%s\", \"bar\": %.2f, \"off_ns\": %.3f, "
               "\"off_ns_median\": %.3f, \"on_ns\": %.3f, \"on_ns_median\": %.3f, "
               "\"ratio\": %.4f, \"ratio_median\": %.4f}%s\n",
               measures[m].name, measures[m].text, measures[m].bar, results[m].off_min,
               results[m].off_median, results[m].on_min, results[m].on_median, results[m].ratio,
               results[m].ratio_median, m + 1 < count ? "," : "");
    printf("  ]");
}

#endif /* SLICES_H */
