/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host with 100,000 operations a second: 50,000 requests that allocate a little and write now and then, with an
 * operation inside each. Half of its slices do without Prognos altogether: stopped, and no begin and end.
 */
#define _GNU_SOURCE
#include "slices.h"

#include "../hot-path/host.h"

#include <fcntl.h>

enum { requests_per_ms = 50, operations_per_ms = 100, slice_ms = 50 };

static prognos_op request, parse;
static int null;

__attribute__((noinline)) static uint64_t hash(const unsigned char *text, size_t bytes, int turns) {
    uint64_t value = 14695981039346656037u;
    for (int turn = 0; turn < turns; turn++)
        for (size_t i = 0; i < bytes; i++)
            value = (value ^ text[i]) * 1099511628211u;
    return value;
}

static void serve(bool on, uint64_t number) {
    if (on) prognos_begin(request);
    char *line = malloc(64 + (number & 127));
    int bytes = snprintf(line, 64, "GET /items/%llu HTTP/1.1", (unsigned long long)number);
    if (on) prognos_begin(parse);
    uint64_t value = hash((unsigned char *)line, (size_t)bytes, 40);
    if (on) prognos_end(parse);
    char *answer = malloc(200);
    memcpy(answer, &value, sizeof value);
    if (number % 10 == 0 && write(null, answer, 200) != 200) exit(1);
    free(line);
    free(answer);
    if (on) prognos_end(request);
}

/* CPU time of the process in a slice, in nanoseconds. */
static double slice(bool on) {
    static uint64_t number;
    uint64_t cpu = bench_clock_ns(CLOCK_PROCESS_CPUTIME_ID), next = bench_now_ns();
    for (int ms = 0; ms < slice_ms; ms++) {
        for (int i = 0; i < requests_per_ms; i++)
            serve(on, number++);
        next += 1000000;
        struct timespec at = {(time_t)(next / 1000000000), (long)(next % 1000000000)};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
    }
    return (double)(bench_clock_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu);
}

int main(int argc, char **argv) {
    size_t rounds = bench_rounds(argc, argv, 100);
    double *ns[2] = {calloc(rounds, sizeof(double)), calloc(rounds, sizeof(double))};
    double *ratios = calloc(rounds, sizeof(double)), *extra = calloc(rounds, sizeof(double));
    null = open("/dev/null", O_WRONLY);
    slices_start();
    request = prognos_op_named("request");
    parse = prognos_op_named("parse");
    slice(true);
    prognos_stop();
    for (size_t round = 0; round < rounds; round++) {
        for (int turn = 0; turn < 2; turn++) {
            int on = (turn ^ (int)round) & 1;
            if (on) slices_start();
            serve(on, 0);
            ns[on][round] = slice(on);
            if (on) prognos_stop();
        }
        ratios[round] = ns[1][round] / ns[0][round];
        extra[round] = ns[1][round] - ns[0][round];
    }
    double slice_ns = slice_ms * 1e6;
    double extra_ns = slices_median(extra, rounds);
    prognos_op_stats stats = {0};
    prognos_op_read(request, PROGNOS_TOTAL, &stats, sizeof stats);
    printf("{\n  \"benchmark\": \"paced\", \"rounds\": %zu, \"operations_per_s\": %d,\n", rounds,
           operations_per_ms * 1000);
    printf("  \"operations\": %llu, \"drops\": %llu,\n", (unsigned long long)stats.count,
           host_drops());
    printf("  \"ratio_median\": %.4f, \"extra_ns_per_operation\": %.1f,\n",
           slices_median(ratios, rounds), extra_ns / (slice_ms * operations_per_ms));
    printf("  \"cpu_off\": %.4f, \"cpu_on\": %.4f, \"extra_of_a_cpu\": %.5f,\n",
           slices_median(ns[0], rounds) / slice_ns, slices_median(ns[1], rounds) / slice_ns,
           extra_ns / slice_ns);
    printf("  \"ratio_of_minima\": %.4f\n}\n", ns[1][0] / ns[0][0]);
    return 0;
}
