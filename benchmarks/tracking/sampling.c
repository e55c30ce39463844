/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What sampling costs a thread that only computes: as CPU time of the same work with and without; and a
 * sample by itself, by sending the thread the signal that its timer sends, as often as one likes.
 */
#define _GNU_SOURCE
#include "slices.h"

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { depth = 16 };

static siginfo_t from_timer = {.si_signo = SIGPROF, .si_code = SI_TIMER};

BENCH_LOOP(send_signal, 1, syscall(SYS_rt_tgsigqueueinfo, getpid(), gettid(), SIGPROF, &from_timer))

__attribute__((noinline)) static double send_from_below(int levels, size_t signals) {
    double ns = levels > 0 ? send_from_below(levels - 1, signals) : send_signal(signals);
    BENCH_KEEP(levels);
    return ns;
}

static double sample(size_t signals) {
    return send_from_below(depth - 1, signals);
}

/* What the library's timer carries in its signals; false where the kernel does not tell. */
static bool learn_signal(void) {
    char line[256];
    void *value = NULL;
    int number = 0;
    FILE *file = fopen("/proc/self/timers", "r");
    while (file && !value && fgets(line, sizeof line, file))
        if (sscanf(line, "signal: %d/%p", &number, &value) == 2 && number != SIGPROF) value = NULL;
    if (file) fclose(file);
    from_timer.si_value.sival_ptr = value;
    return value != NULL;
}

static void nothing(int number) {
    (void)number;
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

static void on_and_off(size_t rounds, size_t steps, double *ratios) {
    for (size_t round = 0; round < rounds; round++) {
        double ns[2];
        for (int turn = 0; turn < 2; turn++) {
            int on = (turn ^ (int)round) & 1;
            if (on) slices_start();
            compute(depth, steps / 50);
            ns[on] = compute(depth, steps);
            if (on) prognos_stop();
        }
        ratios[round] = ns[1] / ns[0];
    }
}

int main(int argc, char **argv) {
    size_t rounds = bench_rounds(argc, argv, 50), steps = 1000000;
    double *ratios = calloc(rounds, sizeof(double));
    slices_measure signals[] = {{"sample", "a sample", sample, 0, 200}};
    slices_result result = {0};
    prognos_options options;
    prognos_options_default(&options, sizeof options);
    prognos_op op = prognos_op_named("compute");
    slices_start();
    prognos_begin(op); /* only threads that record are sampled */
    double ns = compute(depth, steps);
    bool known = learn_signal();
    prognos_stop();
    steps = (size_t)((double)steps * 60e6 / ns); /* 60 ms */

    uint64_t before = periods_sampled(), cpu = bench_clock_ns(CLOCK_THREAD_CPUTIME_ID);
    slices_start();
    compute(depth, 30 * steps);
    uint64_t sampled_cpu = bench_clock_ns(CLOCK_THREAD_CPUTIME_ID) - cpu;
    prognos_stop();
    uint64_t sampled = periods_sampled() - before;
    on_and_off(rounds, steps, ratios);
    before = periods_sampled();
    signal(SIGPROF, nothing); /* what gets the same signals while Prognos is stopped */
    if (known) slices_run(signals, &result, 1, rounds);
    prognos_end(op);

    printf("{\n  \"benchmark\": \"sampling\", \"hz\": %u, \"rounds\": %zu, \"depth\": %d,\n",
           options.sample_hz, rounds, depth);
    printf("  \"samples\": %llu, \"samples_expected\": %.1f,\n", (unsigned long long)sampled,
           (double)sampled_cpu * options.sample_hz / 1e9);
    printf("  \"cpu_ratio_median\": %.5f,\n", slices_median(ratios, rounds));
    printf("  \"signals_sampled\": %llu,\n", (unsigned long long)(periods_sampled() - before));
    printf("  \"signal_ns\": %.1f, \"sample_ns\": %.1f\n}\n", result.off_median, result.on_median);
    return 0;
}
