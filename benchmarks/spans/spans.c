/* SPDX-License-Identifier: Apache-2.0 */
/* What calls for spans and sessions cost, beside a begin+end pair: the fastest of many rounds, in nanoseconds. */
#include <prognos.h>

#include <stdio.h>
#include <time.h>

enum { ROUNDS = 200, CALLS = 2000 };

static double now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

#define MEASURE(what, ...)                                                                         \
    do {                                                                                           \
        double best = 1e18;                                                                        \
        for (int round = 0; round < ROUNDS; round++) {                                             \
            double start = now_ns();                                                               \
            for (int call = 0; call < CALLS; call++) {                                             \
                __VA_ARGS__                                                                        \
            }                                                                                      \
            double took = (now_ns() - start) / CALLS;                                              \
            if (took < best) best = took;                                                          \
        }                                                                                          \
        printf("%-44s %7.1f ns\n", what, best);                                                    \
    } while (0)

int main(void) {
    prognos_op op = prognos_op_named("op"), inner = prognos_op_named("inner");
    MEASURE("begin + end", prognos_begin(op); prognos_end(op););
    MEASURE("span: begin + enter + leave + end", prognos_span span = prognos_span_begin(op);
            prognos_span_enter(span); prognos_span_leave(span); prognos_span_end(span););
    prognos_span span = prognos_span_begin(op);
    MEASURE("span: enter + leave", prognos_span_enter(span); prognos_span_leave(span););
    prognos_span_enter(span);
    MEASURE("begin + end in a span", prognos_begin(inner); prognos_end(inner););
    prognos_span_end(span);
    prognos_session session = prognos_session_open("session");
    MEASURE("session: enter + leave", prognos_session_enter(session);
            prognos_session_leave(session););
    prognos_session_enter(session);
    MEASURE("begin + end in a session, outermost", prognos_begin(op); prognos_end(op););
    prognos_begin(op);
    MEASURE("begin + end in a session, within another", prognos_begin(inner); prognos_end(inner););
    prognos_end(op);
    prognos_session_leave(session);
    MEASURE("session: open + close", prognos_session one = prognos_session_open("a name");
            prognos_session_close(one););
    MEASURE("begin + end, afterwards", prognos_begin(op); prognos_end(op););
    return 0;
}
