/* SPDX-License-Identifier: Apache-2.0 */
/* Start, stop, the feature flag, versions, status texts, capabilities. */
#include "host.h"

static void version_is_that_of_the_header(void) {
    char expected[32];
    snprintf(expected, sizeof expected, "%d.%d.%d", PROGNOS_VERSION_MAJOR, PROGNOS_VERSION_MINOR,
             PROGNOS_VERSION_PATCH);
    CHECK_TEXT(prognos_version(), expected);
}

static void every_status_has_a_text_of_its_own(void) {
    for (int a = 0; a >= -10; a--) {
        CHECK(prognos_status_text((prognos_status)a)[0] != 0);
        CHECK(strcmp(prognos_status_text((prognos_status)a), "unknown status") != 0);
        for (int b = 0; b > a; b--)
            CHECK(strcmp(prognos_status_text((prognos_status)a),
                         prognos_status_text((prognos_status)b)) != 0);
    }
    CHECK_TEXT(prognos_status_text((prognos_status)-11), "unknown status");
    CHECK_TEXT(prognos_status_text((prognos_status)1), "unknown status");
}

static void recording_needs_no_start(void) {
    prognos_op op = prognos_op_named("op");
    call(op);
    CHECK_EQ(count_of(op), 1);
}

static void starting_twice_is_harmless(void) {
    CHECK_TEXT(prognos_last_error(), "");
    CHECK_STATUS(prognos_start(NULL, 0), PROGNOS_OK);
    CHECK_STATUS(prognos_start(NULL, 0), PROGNOS_ALREADY_STARTED);
    CHECK_CONTAINS(prognos_last_error(), "prognos_start");
    prognos_op op = prognos_op_named("op");
    call(op);
    CHECK_EQ(count_of(op), 1);
}

static void stopping_without_a_start_is_harmless_and_stops(void) {
    prognos_op op = prognos_op_named("op");
    call(op);
    CHECK_STATUS(prognos_stop(), PROGNOS_NOT_STARTED);
    CHECK_CONTAINS(prognos_last_error(), "prognos_stop");
    CHECK(!prognos_is_enabled());
    call(op);
    CHECK_EQ(count_of(op), 1);
}

static void what_was_recorded_stays_readable_after_stop(void) {
    CHECK_STATUS(prognos_start(NULL, 0), PROGNOS_OK);
    prognos_op outer = prognos_op_named("outer"), inner = prognos_op_named("inner");
    prognos_begin(outer);
    CHECK_STATUS(prognos_stop(), PROGNOS_OK);
    CHECK_STATUS(prognos_stop(), PROGNOS_NOT_STARTED);
    call(inner);
    prognos_end(outer); /* open when recording stopped: ends as it should */
    CHECK_EQ(count_of(outer), 1);
    CHECK_EQ(stats_of(outer).active, 0);
    CHECK_EQ(stats_of(outer).abandoned, 0);
    CHECK_EQ(count_of(inner), 0);
    CHECK_EQ(diagnostics().unbalanced_ends, 0);
    CHECK_STATUS(prognos_start(NULL, 0), PROGNOS_OK);
    CHECK(prognos_is_enabled());
    call(inner);
    CHECK_EQ(count_of(outer), 1);
    CHECK_EQ(count_of(inner), 1);
}

static void the_flag_is_on_until_it_is_set_off(void) {
    prognos_op op = prognos_op_named("op");
    CHECK(prognos_is_enabled());
    CHECK_NE(*prognos_recording_flag, 0);
    prognos_set_enabled(false);
    CHECK(!prognos_is_enabled());
    CHECK_EQ(*prognos_recording_flag, 0);
    call(op);
    prognos_work(1);
    prognos_fail("off");
    CHECK_EQ(count_of(op), 0);
    prognos_set_enabled(true);
    CHECK(prognos_is_enabled());
    CHECK_NE(*prognos_recording_flag, 0);
    call(op);
    CHECK_EQ(count_of(op), 1);
    prognos_diagnostics drops = diagnostics();
    CHECK_EQ(drops.unbalanced_ends, 0);
    CHECK_EQ(drops.outside_operation, 0);
}

static void the_flag_holds_before_anything_is_recorded(void) {
    prognos_set_enabled(false);
    CHECK(!prognos_is_enabled());
    CHECK_EQ(*prognos_recording_flag, 0);
    prognos_op op = prognos_op_named("op");
    CHECK(!prognos_is_enabled());
    call(op);
    CHECK_EQ(count_of(op), 0);
}

static void an_end_closes_only_what_was_begun_while_on(void) {
    prognos_op outer = prognos_op_named("outer"), inner = prognos_op_named("inner");
    prognos_begin(outer);
    prognos_set_enabled(false);
    prognos_begin(inner);
    prognos_set_enabled(true);
    prognos_end(inner); /* begun while off */
    CHECK_EQ(count_of(inner), 0);
    CHECK_EQ(stats_of(outer).active, 1);
    prognos_set_enabled(false);
    prognos_end(outer); /* begun while on */
    CHECK_EQ(count_of(outer), 1);
    CHECK_EQ(stats_of(outer).active, 0);
    CHECK_EQ(stats_of(outer).abandoned, 0);
}

static void work_and_failure_of_an_open_operation_count_while_off(void) {
    prognos_op op = prognos_op_named("op");
    prognos_begin(op);
    prognos_set_enabled(false);
    prognos_work(7);
    prognos_fail("late");
    prognos_end(op);
    prognos_op_stats stats = stats_of(op);
    CHECK_EQ(stats.count, 1);
    CHECK_EQ(stats.work, 7);
    CHECK_EQ(stats.failed, 1);
}

static void the_environment_can_set_the_flag_off(void) {
    setenv("PROGNOS_ENABLED", "0", 1);
    CHECK(!prognos_is_enabled());
    prognos_op op = prognos_op_named("op");
    call(op);
    CHECK(!prognos_is_enabled());
    CHECK_EQ(*prognos_recording_flag, 0);
    CHECK_EQ(count_of(op), 0);
    prognos_set_enabled(true);
    call(op);
    CHECK_EQ(count_of(op), 1);
}

static void a_call_outweighs_the_environment(void) {
    setenv("PROGNOS_ENABLED", "0", 1);
    prognos_set_enabled(true);
    prognos_op op = prognos_op_named("op");
    CHECK(prognos_is_enabled());
    call(op);
    CHECK_EQ(count_of(op), 1);
}

static void capabilities_say_what_is_live_and_why(void) {
    CHECK_STATUS(prognos_start(NULL, 0), PROGNOS_OK);
    prognos_capabilities live = capabilities();
    CHECK(strcmp(live.time_source, "tsc") == 0 || strcmp(live.time_source, "cntvct") == 0 ||
          strcmp(live.time_source, "clock_gettime") == 0);
    CHECK(strcmp(live.cpu_clock, "rseq") == 0 || strcmp(live.cpu_clock, "perf") == 0 ||
          strcmp(live.cpu_clock, "thread_clock") == 0);
    CHECK(live.time_source_reason[0] != 0);
    CHECK(live.cpu_clock_reason[0] != 0);
    CHECK(live.ticks_per_s > 1e6);
    CHECK_EQ(live.memory_limit_bytes, 48u << 20);
    CHECK_EQ(live.max_ops, 16384);
    CHECK_EQ(live.max_threads, 1024);
    CHECK_LE(1000, live.max_depth);
    CHECK_EQ(live.track, PROGNOS_TRACK_DEFAULT);
    CHECK_EQ(live.track_unavailable, 0);
    CHECK_EQ(live.reserved, 0);
}

static void *last_error_of_a_new_thread(void *unused) {
    CHECK_TEXT(prognos_last_error(), "");
    call(prognos_op_named("op")); /* takes what the thread before left */
    CHECK_TEXT(prognos_last_error(), "");
    return unused;
}

static void *error_in_a_thread(void *unused) {
    CHECK_EQ(prognos_op_named(""), 0);
    CHECK(prognos_last_error()[0] != 0);
    return unused;
}

static void the_last_error_is_the_threads_own(void) {
    CHECK_EQ(prognos_op_named(NULL), 0);
    CHECK_CONTAINS(prognos_last_error(), "NULL");
    in_a_thread(last_error_of_a_new_thread, NULL);
    in_a_thread(error_in_a_thread, NULL);
    in_a_thread(last_error_of_a_new_thread, NULL);
    CHECK_CONTAINS(prognos_last_error(), "NULL");
}

CHECK_MAIN(CASE(version_is_that_of_the_header), CASE(every_status_has_a_text_of_its_own),
           CASE(recording_needs_no_start), CASE(starting_twice_is_harmless),
           CASE(stopping_without_a_start_is_harmless_and_stops),
           CASE(what_was_recorded_stays_readable_after_stop),
           CASE(the_flag_is_on_until_it_is_set_off),
           CASE(the_flag_holds_before_anything_is_recorded),
           CASE(an_end_closes_only_what_was_begun_while_on),
           CASE(work_and_failure_of_an_open_operation_count_while_off),
           CASE(the_environment_can_set_the_flag_off), CASE(a_call_outweighs_the_environment),
           CASE(capabilities_say_what_is_live_and_why), CASE(the_last_error_is_the_threads_own))
