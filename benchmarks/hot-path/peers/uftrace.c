/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uftrace: an empty function that the compiler instruments at entry and exit. Under `uftrace record`
 * each call becomes two events in shared memory, which a second process writes to disk; without it the
 * C library's empty hooks are called.
 *
 * run.py compiles it with -finstrument-functions and keeps the benchmark's own functions out.
 */
#include "../bench.h"

__attribute__((noinline)) static void operation(uint32_t number) {
    BENCH_KEEP(number);
}

BENCH_LOOP(pair, 1, operation(1))

/* Few calls: each of them stays in a file until the end. */
static bench_measure measures[] = {
    {"two_counter_reads", "two cycle-counter reads", bench_two_counter_reads, 50000, 0, 0, 0},
    {"pair", "entry and exit of a function", pair, 5000, 0, 0, 0},
};

int main(int argc, char **argv) {
    bench_run(measures, 2, bench_rounds(argc, argv, 50));
    /* The recorder tells the traced program so. */
    printf("{\n  \"recording\": %s,\n", getenv("UFTRACE_SHMEM") ? "true" : "false");
    bench_print_measures(measures, 2);
    printf("\n}\n");
    return 0;
}
