/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SystemTap's user-space probes (USDT) without a tracer: a no-op instruction each, and the floor for
 * everything that can be switched off. With a tracer attached each of them is a trap.
 */
#include "../bench.h"

#include <sys/sdt.h>

BENCH_LOOP(pair, 1, {
    DTRACE_PROBE1(peer, begin, 1);
    DTRACE_PROBE1(peer, end, 1);
})

static bench_measure measures[] = {
    {"two_counter_reads", "two cycle-counter reads", bench_two_counter_reads, 50000, 0, 0, 0},
    {"pair", "two probes", pair, 500000, 0, 0, 0},
};

int main(int argc, char **argv) {
    bench_run(measures, 2, bench_rounds(argc, argv, 50));
    printf("{\n  \"recording\": false,\n");
    bench_print_measures(measures, 2);
    printf("\n}\n");
    return 0;
}
