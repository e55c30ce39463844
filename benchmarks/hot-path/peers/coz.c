/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Coz's latency counters without its profiler: what a program pays that leaves them in.
 */
#define _GNU_SOURCE
#include "../bench.h"

#include <coz.h>

BENCH_LOOP(pair, 1, {
    COZ_BEGIN("operation");
    COZ_END("operation");
})

static bench_measure measures[] = {
    {"two_counter_reads", "two cycle-counter reads", bench_two_counter_reads, 50000, 0, 0, 0},
    {"pair", "begin and end counters", pair, 500000, 0, 0, 0},
};

int main(int argc, char **argv) {
    bench_run(measures, 2, bench_rounds(argc, argv, 50));
    printf("{\n  \"recording\": false,\n");
    bench_print_measures(measures, 2);
    printf("\n}\n");
    return 0;
}
