/* SPDX-License-Identifier: Apache-2.0 */
/* A process that computes for SECONDS: prints its calls per second, the slow-down that the library tells of, and the
 * same in the ways that it is told. */
#include <prognos.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
    double seconds = argc > 1 ? strtod(argv[1], NULL) : 20;
    if (prognos_start(NULL, 0) != PROGNOS_OK) return 1;
    prognos_op op = prognos_op_named("compute");
    double begin = now(CLOCK_MONOTONIC), wall = 0;
    unsigned long calls = 0;
    while ((wall = now(CLOCK_MONOTONIC) - begin) < seconds) {
        prognos_begin(op);
        for (volatile unsigned i = 0; i < 200000; i++) {
        }
        prognos_end(op);
        calls++;
    }
    double cpu = now(CLOCK_PROCESS_CPUTIME_ID);
    prognos_productivity found;
    if (prognos_assess() != PROGNOS_OK ||
        prognos_productivity_read(&found, sizeof found) != PROGNOS_OK) {
        fprintf(stderr, "%s\n", prognos_last_error());
        return 1;
    }
    printf("{\"calls_per_s\": %.3f, \"slowdown\": %.4f, \"context_switches_per_s\": %.1f, "
           "\"context_switch_cost\": %.4f, \"cpu_share\": %.4f}\n",
           (double)calls / wall, found.slowdown_ratio, found.context_switches_per_s,
           found.context_switch_cost_ratio, cpu / wall);
    return 0;
}
