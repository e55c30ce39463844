/* SPDX-License-Identifier: Apache-2.0 */
/*
 * LTTng-UST: a pair of tracepoints. What they cost depends on the session that run.py has made, or
 * not, before it starts this program; "recording" tells which it was.
 */
#define LTTNG_UST_TRACEPOINT_CREATE_PROBES
#define LTTNG_UST_TRACEPOINT_DEFINE
#include "lttng_pair.h"

#include "../bench.h"

BENCH_LOOP(pair, 1, {
    lttng_ust_tracepoint(peer, begin, 1);
    lttng_ust_tracepoint(peer, end, 1);
})

static bench_measure measures[] = {
    {"two_counter_reads", "two cycle-counter reads", bench_two_counter_reads, 50000, 0, 0, 0},
    {"pair", "two tracepoints", pair, 20000, 0, 0, 0},
};

int main(int argc, char **argv) {
    bench_run(measures, 2, bench_rounds(argc, argv, 50));
    printf("{\n  \"recording\": %s,\n",
           lttng_ust_tracepoint_enabled(peer, begin) ? "true" : "false");
    bench_print_measures(measures, 2);
    printf("\n}\n");
    return 0;
}
