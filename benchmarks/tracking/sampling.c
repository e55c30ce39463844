/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What sampling costs a thread that only computes. Twice: as CPU time of the same work with and without, and
 * as the holes that the samples make in it. A thread that reads the counter without a pause sees each
 * interruption as a gap: a timer tick alone in a slice without sampling, a tick and a sample in one with.
 */
#include "slices.h"

enum { depth = 16, gap_capacity = 1 << 16 };

typedef struct gaps {
    double us[gap_capacity];
    size_t count;
    double seconds;
} gaps;

static gaps seen[2];
static double ticks_per_us;

/* Below it is the loop, above it the hypervisor or another process. */
static const double least_us = 0.8, most_us = 60;

__attribute__((noinline)) static uint64_t watch(gaps *into, double ms) {
    uint64_t start = bench_counter(), before = start;
    uint64_t until = start + (uint64_t)(ms * 1000 * ticks_per_us);
    while (before < until) {
        uint64_t now = bench_counter();
        double us = (double)(now - before) / ticks_per_us;
        if (us > least_us && us < most_us && into->count < gap_capacity)
            into->us[into->count++] = us;
        before = now;
    }
    into->seconds += ms / 1000;
    return before;
}

__attribute__((noinline)) static uint64_t descend(int levels, gaps *into, double ms) {
    uint64_t end = levels > 0 ? descend(levels - 1, into, ms) : watch(into, ms);
    BENCH_KEEP(end);
    return end + 1;
}

/* CPU time of the same work, every time. */
__attribute__((noinline)) static double compute(int levels, size_t steps) {
    if (levels > 0) {
        double ns = compute(levels - 1, steps);
        BENCH_KEEP(levels);
        return ns;
    }
    uint64_t start = bench_clock_ns(CLOCK_THREAD_CPUTIME_ID), value = 1;
    for (size_t s = 0; s < steps; s++) {
        value ^= value << 13, value ^= value >> 7, value ^= value << 17;
        BENCH_KEEP(value);
    }
    return (double)(bench_clock_ns(CLOCK_THREAD_CPUTIME_ID) - start);
}

static void set_ticks_per_us(void) {
    uint64_t ns = bench_now_ns(), ticks = bench_counter();
    while (bench_now_ns() - ns < 20000000)
        ;
    ticks_per_us = (double)(bench_counter() - ticks) * 1000 / (double)(bench_now_ns() - ns);
}

/* "cpu_samples": how many periods were sampled in all, added up from the profile. */
static uint64_t periods_sampled(void) {
    static char text[16 << 20];
    size_t needed = 0;
    prognos_render(PROGNOS_JSON, text, sizeof text, &needed);
    uint64_t sum = 0;
    for (char *at = text; (at = strstr(at, "\"cpu_samples\":")); at++)
        sum += strtoull(at + 14, NULL, 10);
    return sum;
}

static void on_and_off(size_t rounds, size_t steps, double *ratios, double *extra_ns) {
    for (size_t round = 0; round < rounds; round++) {
        double ns[2];
        for (int turn = 0; turn < 2; turn++) {
            int on = (turn ^ (int)round) & 1;
            if (on) slices_start();
            compute(depth, steps / 50);
            ns[on] = compute(depth, steps);
            descend(depth, &seen[on], 40);
            if (on) prognos_stop();
        }
        ratios[round] = ns[1] / ns[0];
        extra_ns[round] = ns[1] - ns[0];
    }
}

int main(int argc, char **argv) {
    size_t rounds = bench_rounds(argc, argv, 50), steps = 1000000;
    double *ratios = calloc(rounds, sizeof(double)), *extra = calloc(rounds, sizeof(double));
    set_ticks_per_us();
    prognos_options options;
    prognos_options_default(&options, sizeof options);
    prognos_op op = prognos_op_named("compute");
    slices_start();
    prognos_begin(op); /* only threads that record are sampled */
    double ns = compute(depth, steps);
    prognos_stop();
    steps = (size_t)((double)steps * 60e6 / ns); /* 60 ms */

    uint64_t cpu = bench_clock_ns(CLOCK_THREAD_CPUTIME_ID), before = periods_sampled();
    slices_start();
    compute(depth, 30 * steps);
    uint64_t sampled_cpu = bench_clock_ns(CLOCK_THREAD_CPUTIME_ID) - cpu;
    prognos_stop();
    prognos_end(op);
    uint64_t sampled = periods_sampled() - before;
    on_and_off(rounds, steps, ratios, extra);

    for (int on = 0; on < 2; on++)
        if (seen[on].count == 0) seen[on].us[seen[on].count++] = 0;
    double rate[2] = {(double)seen[0].count / seen[0].seconds,
                      (double)seen[1].count / seen[1].seconds};
    double median[2] = {slices_median(seen[0].us, seen[0].count),
                        slices_median(seen[1].us, seen[1].count)};
    printf("{\n  \"benchmark\": \"sampling\", \"hz\": %u, \"rounds\": %zu,\n", options.sample_hz,
           rounds);
    printf("  \"samples\": %llu, \"samples_expected\": %.1f,\n", (unsigned long long)sampled,
           (double)sampled_cpu * options.sample_hz / 1e9);
    printf("  \"cpu_ratio_median\": %.5f, \"extra_ns_median\": %.0f,\n",
           slices_median(ratios, rounds), slices_median(extra, rounds));
    printf("  \"gaps_per_s_off\": %.1f, \"gaps_per_s_on\": %.1f,\n", rate[0], rate[1]);
    printf("  \"gap_us_off\": %.3f, \"gap_us_on\": %.3f, \"gap_us_on_p90\": %.3f,\n", median[0],
           median[1], seen[1].us[seen[1].count * 9 / 10]);
    printf("  \"gap_us_off_p90\": %.3f, \"depth\": %d\n}\n", seen[0].us[seen[0].count * 9 / 10],
           depth);
    return 0;
}
