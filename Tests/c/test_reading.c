/* SPDX-License-Identifier: Apache-2.0 */
/* Statistics: how the numbers of one reading agree with each other and with the clock. */
#include "host.h"

#include <math.h>

static void spin_ns(uint64_t duration) {
    for (uint64_t begun = clock_ns(CLOCK_MONOTONIC); clock_ns(CLOCK_MONOTONIC) - begun < duration;)
        continue;
}

/* What holds of every reading, whatever was recorded. */
static void check_agrees(const prognos_op_stats *s) {
    CHECK_LE(s->wall_min_ns, s->wall_p50_ns);
    CHECK_LE(s->wall_p50_ns, s->wall_p95_ns);
    CHECK_LE(s->wall_p95_ns, s->wall_p99_ns);
    CHECK_LE(s->wall_p99_ns, s->wall_max_ns);
    CHECK_LE(s->wall_max_ns, s->wall_ns);
    CHECK_LE(s->count * s->wall_min_ns, s->wall_ns + s->count);
    CHECK_LE(s->self_wall_ns, s->wall_ns);
    CHECK_LE(s->cpu_ns, s->wall_ns);
    CHECK_LE(s->self_cpu_ns, s->self_wall_ns);
    CHECK_EQ(s->blocked_ns, s->wall_ns - s->cpu_ns);
    CHECK_LE(s->failed, s->count);
    CHECK_LE(s->abandoned, s->count);
}

static void an_operation_that_never_ran_is_all_zero(void) {
    static const prognos_op_stats zero;
    prognos_op op = prognos_op_named("op");
    prognos_op_stats stats = stats_of(op);
    CHECK_LT(0, stats.window_ns); /* the time in which it never ran */
    stats.window_ns = 0;
    CHECK(memcmp(&stats, &zero, sizeof zero) == 0);
}

static void an_open_call_shows_in_active_alone(void) {
    prognos_op op = prognos_op_named("op");
    prognos_begin(op);
    prognos_work(5);
    prognos_fail("open");
    prognos_op_stats stats = stats_of(op);
    CHECK_EQ(stats.active, 1);
    CHECK_EQ(stats.count, 0);
    CHECK_EQ(stats.wall_ns, 0);
    CHECK_EQ(stats.cpu_ns, 0);
    CHECK_EQ(stats.work, 0);
    CHECK_EQ(stats.failed, 0);
    prognos_end(op);
    stats = stats_of(op);
    CHECK_EQ(stats.active, 0);
    CHECK_EQ(stats.count, 1);
    check_agrees(&stats);
}

static void total_includes_what_is_called_inside_and_self_does_not(void) {
    prognos_op outer = prognos_op_named("outer"), inner = prognos_op_named("inner");
    uint64_t begun = clock_ns(CLOCK_MONOTONIC);
    for (int i = 0; i < 20; i++) {
        prognos_begin(outer);
        spin_ns(200000);
        prognos_begin(inner);
        spin_ns(600000);
        prognos_end(inner);
        prognos_end(outer);
    }
    uint64_t elapsed = clock_ns(CLOCK_MONOTONIC) - begun;
    prognos_op_stats out = stats_of(outer), in = stats_of(inner);
    check_agrees(&out);
    check_agrees(&in);
    CHECK_LE(20 * 600000 / 1000 * 999, in.wall_ns);
    CHECK_LE(20 * 200000 / 1000 * 999, out.self_wall_ns);
    CHECK_LE(600000 / 1000 * 999, in.wall_min_ns);
    CHECK_LE(800000 / 1000 * 999, out.wall_min_ns);
    CHECK_LE(in.wall_ns, out.wall_ns);
    CHECK_LE(out.wall_ns, elapsed / 1000 * 1001);
    CHECK_EQ(in.self_wall_ns, in.wall_ns);
    /* Self times are what adds up (each is rounded to nanoseconds, by one factor). */
    CHECK_LE(out.self_wall_ns + in.self_wall_ns, out.wall_ns + out.wall_ns / 100000);
    CHECK_LE(out.wall_ns, out.self_wall_ns + in.self_wall_ns + out.wall_ns / 100000);
}

static void quantiles_are_those_of_the_calls(void) {
    prognos_op op = prognos_op_named("op");
    for (int i = 0; i < 100; i++) { /* 60 empty, 30 of 1 ms, 10 of 3 ms: at least */
        prognos_begin(op);
        if (i >= 60) spin_ns(i >= 90 ? 3000000 : 1000000);
        prognos_end(op);
    }
    prognos_op_stats stats = stats_of(op);
    check_agrees(&stats);
    CHECK_LE(3000000 / 1000 * 991, stats.wall_p95_ns); /* 0.8 % */
    CHECK_LT(stats.wall_min_ns, 1000000);
    uint64_t last = 0, wall = 0;
    for (int i = 0; i <= 100; i++) {
        CHECK_STATUS(prognos_op_quantile(op, PROGNOS_TOTAL, i / 100.0, &wall), PROGNOS_OK);
        CHECK_LE(last, wall);
        CHECK_LE(stats.wall_min_ns / 1000 * 999, wall);
        CHECK_LE(wall, stats.wall_max_ns / 1000 * 1001 + 1);
        if (i > 60) CHECK_LE(1000000 / 1000 * 991, wall);
        if (i > 90) CHECK_LE(3000000 / 1000 * 991, wall);
        last = wall;
    }
}

static void a_bad_quantile_is_refused(void) {
    prognos_op op = prognos_op_named("op");
    uint64_t wall = 42;
    CHECK_STATUS(prognos_op_quantile(op, PROGNOS_TOTAL, 0.5, &wall), PROGNOS_NOT_ENOUGH_DATA);
    CHECK_CONTAINS(prognos_last_error(), "prognos_op_quantile");
    prognos_begin(op);
    CHECK_STATUS(prognos_op_quantile(op, PROGNOS_TOTAL, 0.5, &wall), PROGNOS_NOT_ENOUGH_DATA);
    prognos_end(op);
    static const struct {
        double q;
        const char *shown;
    } bad[] = {{-0.5, "-0.5"}, {1.5, "1.5"}, {1e300, ""}, {-1e-9, ""}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK_STATUS(prognos_op_quantile(op, PROGNOS_TOTAL, bad[i].q, &wall),
                     PROGNOS_INVALID_ARGUMENT);
        CHECK_CONTAINS(prognos_last_error(), bad[i].shown);
        CHECK_CONTAINS(prognos_last_error(), "0 to 1");
    }
    CHECK_STATUS(prognos_op_quantile(op, PROGNOS_TOTAL, (double)NAN, &wall),
                 PROGNOS_INVALID_ARGUMENT);
    CHECK_STATUS(prognos_op_quantile(op, PROGNOS_TOTAL, (double)INFINITY, &wall),
                 PROGNOS_INVALID_ARGUMENT);
    CHECK_STATUS(prognos_op_quantile(op, PROGNOS_TOTAL, 0.5, NULL), PROGNOS_INVALID_ARGUMENT);
    CHECK_CONTAINS(prognos_last_error(), "NULL");
    CHECK_STATUS(prognos_op_quantile(op + 1, PROGNOS_TOTAL, 0.5, &wall), PROGNOS_UNKNOWN_HANDLE);
    CHECK_EQ(wall, 42); /* written only on success */
    CHECK_EQ(diagnostics().bad_arguments, 7);
    CHECK_STATUS(prognos_op_quantile(op, PROGNOS_TOTAL, 0, &wall), PROGNOS_OK);
    CHECK_STATUS(prognos_op_quantile(op, PROGNOS_TOTAL, 1, &wall), PROGNOS_OK);
}

static void without_a_start_there_are_no_windows_but_the_total(void) {
    prognos_op op = prognos_op_named("op");
    prognos_op_stats stats;
    prognos_process_stats process;
    uint64_t wall;
    call(op);
    for (int i = 1; i <= 5; i++) {
        prognos_window window = (prognos_window)(i == 5 ? -1 : i);
        prognos_status expected = i <= 3 ? PROGNOS_NOT_ENOUGH_DATA : PROGNOS_INVALID_ARGUMENT;
        memset(&stats, 0xA5, sizeof stats);
        CHECK_STATUS(prognos_op_read(op, window, &stats, sizeof stats), expected);
        CHECK_CONTAINS(prognos_last_error(), "PROGNOS_TOTAL");
        CHECK_EQ(stats.count, 0xA5A5A5A5A5A5A5A5u);
        CHECK_STATUS(prognos_op_quantile(op, window, 0.5, &wall), expected);
        CHECK_STATUS(prognos_process_read(window, &process, sizeof process), expected);
    }
}

static void an_unknown_operation_is_refused(void) {
    static const prognos_op bad[] = {0, 2, 0xFFFFFFFFu};
    prognos_op_stats stats;
    CHECK_STATUS(prognos_op_read(1, PROGNOS_TOTAL, &stats, sizeof stats), PROGNOS_UNKNOWN_HANDLE);
    call(prognos_op_named("op"));
    for (size_t i = 0; i < 3; i++) {
        char number[16];
        memset(&stats, 0xA5, sizeof stats);
        CHECK_STATUS(prognos_op_read(bad[i], PROGNOS_TOTAL, &stats, sizeof stats),
                     PROGNOS_UNKNOWN_HANDLE);
        snprintf(number, sizeof number, "%u", bad[i]);
        CHECK_CONTAINS(prognos_last_error(), number);
        CHECK_CONTAINS(prognos_last_error(), "1 to 1");
        CHECK_EQ(stats.count, 0xA5A5A5A5A5A5A5A5u);
    }
}

static void the_process_is_described(void) {
    prognos_op op = prognos_op_named("op"), inner = prognos_op_named("inner");
    prognos_process_stats process;
    for (int i = 0; i < 10; i++) {
        prognos_begin(op);
        call(inner);
        prognos_fail("on purpose");
        prognos_end(op);
    }
    prognos_begin(op);
    spin_ns(20000000); /* clock ticks are 10 ms */
    CHECK_STATUS(prognos_process_read(PROGNOS_TOTAL, &process, sizeof process), PROGNOS_OK);
    CHECK_LT(0, process.uptime_ns);
    CHECK_LT(1 << 16, process.rss_bytes);
    CHECK_LE(process.rss_bytes, process.virtual_bytes);
    CHECK_LE(3, process.open_fds);
    CHECK_EQ(process.threads, 1);
    CHECK_EQ(process.active_operations, 1);
    CHECK_EQ(process.active_sessions, 0);
    CHECK(process.cpu_ratio > 0 && process.cpu_ratio <= 1);
    CHECK(process.operations_per_s > 0);
    CHECK(process.errors_per_min > 0);
    CHECK_LE(process.wall_p50_ns, process.wall_p95_ns);
    CHECK_LE(process.wall_p95_ns, process.wall_p99_ns);
    CHECK_LE(process.wall_p99_ns, stats_of(op).wall_max_ns); /* of calls without a parent */
    CHECK(process.pressure_cpu >= 0 && process.pressure_cpu <= 1);
    CHECK(process.pressure_memory >= 0 && process.pressure_memory <= 1);
    CHECK(process.pressure_io >= 0 && process.pressure_io <= 1);
    prognos_end(op);
}

CHECK_MAIN(CASE(an_operation_that_never_ran_is_all_zero), CASE(an_open_call_shows_in_active_alone),
           CASE(total_includes_what_is_called_inside_and_self_does_not),
           CASE(quantiles_are_those_of_the_calls), CASE(a_bad_quantile_is_refused),
           CASE(without_a_start_there_are_no_windows_but_the_total),
           CASE(an_unknown_operation_is_refused), CASE(the_process_is_described))
