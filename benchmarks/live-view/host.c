/* SPDX-License-Identifier: Apache-2.0 */
/* Times begin+end pairs in blocks; prints the nanoseconds a pair of each block that standard input asks for. */
#include <prognos.h>

#include <stdio.h>
#include <time.h>

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

int main(void) {
    enum { pairs = 20000000 };
    prognos_start(NULL, 0);
    prognos_op outer = prognos_op_named("outer"), inner = prognos_op_named("inner");
    for (int byte; (byte = getchar()) != EOF;) {
        if (byte != '\n') continue;
        prognos_begin(outer);
        double start = now();
        for (int i = 0; i < pairs; i++) {
            prognos_begin(inner);
            prognos_end(inner);
        }
        printf("%.4f\n", (now() - start) / pairs);
        fflush(stdout);
        prognos_end(outer);
    }
    return 0;
}
