/* SPDX-License-Identifier: Apache-2.0 */
/* No function changes errno, whether it succeeds or not, on a thread's first call and later. */
#include "host.h"

#include <errno.h>

#define KEPT 4711

/* Calls with errno set, and checks that it is still there. */
#define KEEPS(statement)                                                                           \
    do {                                                                                           \
        errno = KEPT;                                                                              \
        statement;                                                                                 \
        int found_ = errno;                                                                        \
        if (found_ != KEPT) CHECK_TEXT(#statement, "a call that keeps errno");                     \
    } while (0)

static prognos_op op;

static void operations(void) {
    KEEPS(op = prognos_op_named("op"));
    KEEPS(prognos_op_named(NULL));
    KEEPS(prognos_op_named("\xFF"));
    KEEPS(prognos_begin(op));
    KEEPS(prognos_work(1));
    KEEPS(prognos_fail("kind"));
    KEEPS(prognos_fail(NULL));
    KEEPS(prognos_end(op));
    KEEPS(prognos_end(op));
    KEEPS(prognos_work(1));
    KEEPS(prognos_fail("outside"));
    KEEPS(prognos_begin(0xFFFFFFFFu));
    KEEPS(prognos_op_count());
    KEEPS(prognos_op_name(op));
    KEEPS(prognos_op_name(0xFFFFFFFFu));
}

static void readings(void) {
    prognos_op_stats stats;
    prognos_process_stats process;
    prognos_capabilities live;
    prognos_diagnostics drops;
    uint64_t wall;
    KEEPS(prognos_capabilities_read(&live, sizeof live));
    KEEPS(prognos_capabilities_read(NULL, 0));
    KEEPS(prognos_diagnostics_read(&drops, sizeof drops));
    KEEPS(prognos_op_read(op, PROGNOS_TOTAL, &stats, sizeof stats));
    KEEPS(prognos_op_read(op, PROGNOS_LAST_HOUR, &stats, sizeof stats));
    KEEPS(prognos_op_read(0, PROGNOS_TOTAL, NULL, 0));
    KEEPS(prognos_op_quantile(op, PROGNOS_TOTAL, 0.5, &wall));
    KEEPS(prognos_op_quantile(op, PROGNOS_TOTAL, 2, &wall));
    KEEPS(prognos_process_read(PROGNOS_TOTAL, &process, sizeof process));
    KEEPS(prognos_version());
    KEEPS(prognos_status_text(PROGNOS_OK));
    KEEPS(prognos_last_error());
}

static void lifecycle(void) {
    prognos_options options;
    KEEPS(prognos_is_enabled());
    KEEPS(prognos_set_enabled(true));
    KEEPS(prognos_options_default(&options, sizeof options));
    KEEPS(prognos_start(&options, sizeof options));
    KEEPS(prognos_start(NULL, 0));
    options.max_ops = 0;
    KEEPS(prognos_start(&options, sizeof options));
    KEEPS(prognos_stop());
    KEEPS(prognos_stop());
    KEEPS(prognos_start(NULL, 0));
}

static void dumps(void) {
    char path[] = "/tmp/prognos-test-XXXXXX", buffer[64];
    size_t needed;
    int file = mkstemp(path);
    NEED(file >= 0);
    for (int format = 0; format <= 10; format++) {
        KEEPS(prognos_render((prognos_format)format, buffer, sizeof buffer, &needed));
        KEEPS(prognos_render((prognos_format)format, NULL, 1, &needed));
        KEEPS(prognos_dump(path, (prognos_format)format));
    }
    KEEPS(prognos_dump("/tmp", PROGNOS_JSON));
    KEEPS(prognos_dump("/nowhere/at/all", PROGNOS_JSON));
    KEEPS(prognos_dump(NULL, PROGNOS_JSON));
    close(file);
    unlink(path);
}

static void *everything(void *unused) {
    operations();
    readings();
    dumps();
    lifecycle();
    return unused;
}

static void errno_stays_in_the_first_thread(void) {
    everything(NULL);
    everything(NULL);
}

static void errno_stays_in_other_threads(void) {
    in_a_thread(everything, NULL);
    in_a_thread(everything, NULL);
}

static void errno_stays_with_each_function_as_the_first(void) {
    lifecycle();
    readings();
    dumps();
    operations();
}

static void errno_stays_without_threads_to_spare(void) {
    setenv("PROGNOS_MAX_THREADS", "1", 1);
    prognos_begin(prognos_op_named("op"));
    in_a_thread(everything, NULL);
}

static void errno_stays_when_a_thread_slept_inside(void) {
    op = prognos_op_named("op");
    for (int i = 0; i < 10; i++) {
        KEEPS(prognos_begin(op));
        usleep(1000);
        KEEPS(prognos_begin(op));
        usleep(1000);
        KEEPS(prognos_end(op));
        usleep(1000);
        KEEPS(prognos_end(op));
    }
}

CHECK_MAIN(CASE(errno_stays_in_the_first_thread), CASE(errno_stays_in_other_threads),
           CASE(errno_stays_with_each_function_as_the_first),
           CASE(errno_stays_without_threads_to_spare), CASE(errno_stays_when_a_thread_slept_inside))
