/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host with 100,000 operations a second: 50,000 requests that allocate a little and write now and then, with an
 * operation inside each. Two processes take turns, a slice each: one under Prognos, with its collector, and one that
 * never started it and calls no begin and end. What a process used between its turns, which is the collector,
 * counts in its next slice.
 */
#define _GNU_SOURCE
#include "slices.h"

#include "../hot-path/host.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { requests_per_ms = 50, operations_per_ms = 100, slice_ms = 500, warm_up = 2 };

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

/* A slice: half a second of requests. */
static void slice(bool on) {
    static uint64_t number;
    uint64_t next = bench_now_ns();
    for (int ms = 0; ms < slice_ms; ms++) {
        for (int i = 0; i < requests_per_ms; i++)
            serve(on, number++);
        next += 1000000;
        struct timespec at = {(time_t)(next / 1000000000), (long)(next % 1000000000)};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
    }
}

typedef struct side {
    pid_t pid;
    int turn, result; /* the parent's ends */
} side;

typedef struct totals {
    unsigned long long operations, drops;
} totals;

/* A process that runs a slice for each byte that it reads, and answers with its CPU time, in nanoseconds. */
static side begin_side(bool on, const side *other) {
    int turn[2], result[2];
    if (pipe(turn) || pipe(result)) exit(1);
    pid_t pid = fork();
    if (pid != 0) {
        close(turn[0]);
        close(result[1]);
        return (side){pid, turn[1], result[0]};
    }
    close(turn[1]);
    close(result[0]);
    if (other) { /* or its end of input would never come */
        close(other->turn);
        close(other->result);
    }
    null = open("/dev/null", O_WRONLY);
    if (on) slices_start();
    request = on ? prognos_op_named("request") : 0;
    parse = on ? prognos_op_named("parse") : 0;
    uint64_t before = bench_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    for (char byte; read(turn[0], &byte, 1) == 1;) {
        slice(on);
        uint64_t now = bench_clock_ns(CLOCK_PROCESS_CPUTIME_ID);
        double used = (double)(now - before);
        before = now;
        if (write(result[1], &used, sizeof used) != sizeof used) exit(1);
    }
    totals all = {0, 0};
    if (on) {
        prognos_op_stats stats = {0};
        prognos_op_read(request, PROGNOS_TOTAL, &stats, sizeof stats);
        all = (totals){stats.count, host_drops()};
    }
    exit(write(result[1], &all, sizeof all) == sizeof all ? 0 : 1);
}

static double take_turn(const side *one) {
    double used = 0;
    if (write(one->turn, "x", 1) != 1 || read(one->result, &used, sizeof used) != sizeof used)
        exit(1);
    return used;
}

static totals end_side(const side *one) {
    totals all = {0, 0};
    close(one->turn);
    if (read(one->result, &all, sizeof all) != sizeof all) exit(1);
    waitpid(one->pid, NULL, 0);
    return all;
}

int main(int argc, char **argv) {
    size_t rounds = bench_rounds(argc, argv, 30);
    double *ns[2] = {calloc(rounds, sizeof(double)), calloc(rounds, sizeof(double))};
    double *ratios = calloc(rounds, sizeof(double)), sum[2] = {0, 0};
    side off = begin_side(false, NULL), on = begin_side(true, &off);
    for (int i = 0; i < warm_up; i++) {
        take_turn(&off);
        take_turn(&on);
    }
    for (size_t round = 0; round < rounds; round++) {
        for (int turn = 0; turn < 2; turn++) {
            int which = (turn ^ (int)round) & 1;
            sum[which] += ns[which][round] = take_turn(which ? &on : &off);
        }
        ratios[round] = ns[1][round] / ns[0][round];
    }
    end_side(&off);
    totals all = end_side(&on);
    double slice_ns = slice_ms * 1e6, count = (double)rounds;
    /* Means: what the collector takes once a second belongs to it. */
    double extra_ns = (sum[1] - sum[0]) / count;
    printf("{\n  \"benchmark\": \"paced\", \"rounds\": %zu, \"operations_per_s\": %d,\n", rounds,
           operations_per_ms * 1000);
    printf("  \"operations\": %llu, \"drops\": %llu,\n", all.operations, all.drops);
    printf("  \"ratio_median\": %.4f, \"extra_ns_per_operation\": %.1f,\n",
           slices_median(ratios, rounds), extra_ns / (slice_ms * operations_per_ms));
    printf("  \"cpu_off\": %.4f, \"cpu_on\": %.4f, \"extra_of_a_cpu\": %.5f,\n",
           sum[0] / count / slice_ns, sum[1] / count / slice_ns, extra_ns / slice_ns);
    printf("  \"extra_of_a_cpu_median\": %.5f\n}\n",
           (slices_median(ns[1], rounds) - slices_median(ns[0], rounds)) / slice_ns);
    return 0;
}
