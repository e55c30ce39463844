/* SPDX-License-Identifier: Apache-2.0 */
/* Health of the process, of operations and of sessions, and objectives. */
#include "host.h"

static void start(void) {
    prognos_options options;
    prognos_options_default(&options, sizeof options);
    options.collect_interval_ms = 100;
    CHECK_STATUS(prognos_start(&options, sizeof options), PROGNOS_OK);
}

static void pause_ms(long ms) {
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}

static prognos_health health(void) {
    prognos_health found;
    memset(&found, 0xA5, sizeof found);
    CHECK_STATUS(prognos_assess(), PROGNOS_OK);
    CHECK_STATUS(prognos_health_read(&found, sizeof found), PROGNOS_OK);
    CHECK(found.score >= 0 && found.score <= 100);
    CHECK(found.confidence >= 0 && found.confidence <= 1);
    CHECK(found.reason[0] != 0);
    return found;
}

/* Calls of 1 ms or so, a hundred a second, each failed or not. */
static void work_for_ms(prognos_op op, int ms, const char *failure) {
    for (int i = 0; i < ms / 10; i++) {
        prognos_begin(op);
        pause_ms(1);
        if (failure) prognos_fail(failure);
        prognos_end(op);
        pause_ms(8);
    }
}

static void nothing_is_known_before_the_start(void) {
    prognos_health found;
    CHECK_STATUS(prognos_health_read(&found, sizeof found), PROGNOS_NOT_ENOUGH_DATA);
    CHECK_CONTAINS(prognos_last_error(), "prognos_start was not called");
    CHECK_STATUS(prognos_assess(), PROGNOS_NOT_STARTED);
    prognos_op op = prognos_op_named("op");
    CHECK_STATUS(prognos_op_health_read(op, &found, sizeof found), PROGNOS_NOT_ENOUGH_DATA);
    start();
    CHECK_STATUS(prognos_assess(), PROGNOS_OK);
    CHECK_STATUS(prognos_health_read(NULL, sizeof found), PROGNOS_INVALID_ARGUMENT);
    CHECK_STATUS(prognos_health_read(&found, 0), PROGNOS_INVALID_ARGUMENT);
}

static void an_idle_process_is_well_and_knows_little(void) {
    start();
    prognos_health found = health();
    CHECK(found.score > 90); /* the machine may be full */
    CHECK(found.confidence < 0.5 || found.score < 99);
    CHECK_EQ(found.samples, 0);
}

static void an_operation_needs_some_calls(void) {
    prognos_op op = prognos_op_named("op");
    prognos_health found;
    start();
    call(op);
    pause_ms(1200);
    CHECK_STATUS(prognos_assess(), PROGNOS_OK);
    CHECK_STATUS(prognos_op_health_read(op, &found, sizeof found), PROGNOS_NOT_ENOUGH_DATA);
    CHECK_CONTAINS(prognos_last_error(),
                   "had finished 1 calls at the collector's last tick; 5 are");
    CHECK_STATUS(prognos_op_health_read(0, &found, sizeof found), PROGNOS_UNKNOWN_HANDLE);
    CHECK_STATUS(prognos_op_health_read(77, &found, sizeof found), PROGNOS_UNKNOWN_HANDLE);
    for (int i = 0; i < 10; i++)
        call(op);
    pause_ms(1200);
    CHECK_STATUS(prognos_assess(), PROGNOS_OK);
    memset(&found, 0xA5, sizeof found);
    CHECK_STATUS(prognos_op_health_read(op, &found, sizeof found), PROGNOS_OK);
    CHECK_EQ(found.samples, 11);
    CHECK(found.errors == 100);
    CHECK(found.reason[0] != 0);
}

static void calls_that_all_fail_show(void) {
    prognos_op op = prognos_op_named("pay");
    prognos_health found;
    start();
    work_for_ms(op, 3500, NULL);
    CHECK(health().errors > 95);
    do {
        work_for_ms(op, 500, "refused");
        found = health();
    } while (found.score >= 20);
    CHECK(found.errors < 20);
    CHECK_EQ(found.op, op);
    CHECK_CONTAINS(found.reason, "pay: ");
    CHECK_CONTAINS(found.reason, " of its calls fail, usually ");
    CHECK_STATUS(prognos_op_health_read(op, &found, sizeof found), PROGNOS_OK);
    CHECK(found.errors < 30);
}

static void objectives_may_come_before_the_start(void) {
    prognos_op op = prognos_op_named("search");
    prognos_health found;
    CHECK_STATUS(prognos_objective_set(op, 100, 0.9), PROGNOS_OK);
    CHECK_STATUS(prognos_objective_set(0, 100, 0.9), PROGNOS_UNKNOWN_HANDLE);
    CHECK_STATUS(prognos_objective_set(op + 1, 100, 0.9), PROGNOS_UNKNOWN_HANDLE);
    CHECK_STATUS(prognos_objective_set(op, 100, 1), PROGNOS_INVALID_ARGUMENT);
    CHECK_CONTAINS(prognos_last_error(), "success_ratio is 1.000; expected above 0 and below 1");
    CHECK_STATUS(prognos_objective_set(op, 100, -0.1), PROGNOS_INVALID_ARGUMENT);
    CHECK_STATUS(prognos_objective_set(op, 100, 0.0 / 0.0), PROGNOS_INVALID_ARGUMENT);
    start();
    do { /* each takes 1 ms, which is more than 100 ns */
        work_for_ms(op, 600, NULL);
        found = health();
    } while (found.latency >= 50);
    CHECK_EQ(found.op, op);
    CHECK_CONTAINS(found.reason, "search");
    CHECK_CONTAINS(found.reason, "objective");
    CHECK_STATUS(prognos_objective_set(op, 0, 0), PROGNOS_OK);
    do {
        work_for_ms(op, 600, NULL);
        found = health();
    } while (found.latency < 60);
}

static void a_session_has_a_health_of_its_own(void) {
    prognos_op op = prognos_op_named("op");
    prognos_session good = prognos_session_open("good"), bad = prognos_session_open("bad");
    prognos_health found;
    CHECK_STATUS(prognos_session_health_read(good, &found, sizeof found), PROGNOS_NOT_ENOUGH_DATA);
    start();
    CHECK_STATUS(prognos_session_health_read(good, &found, sizeof found), PROGNOS_NOT_ENOUGH_DATA);
    CHECK_CONTAINS(prognos_last_error(), "has finished 0 calls; 5 are needed");
    for (int i = 0; i < 60; i++) {
        prognos_session session = i % 2 ? good : bad;
        CHECK_STATUS(prognos_session_enter(session), PROGNOS_OK);
        prognos_begin(op);
        if (session == bad) prognos_fail("denied");
        prognos_end(op);
        CHECK_STATUS(prognos_session_leave(session), PROGNOS_OK);
    }
    CHECK_STATUS(prognos_session_health_read(good, &found, sizeof found), PROGNOS_OK);
    CHECK(found.errors == 100);
    CHECK_EQ(found.samples, 30);
    CHECK_STATUS(prognos_session_health_read(bad, &found, sizeof found), PROGNOS_OK);
    CHECK(found.score < 20);
    CHECK_CONTAINS(found.reason, "session bad: 100 % of its calls fail");
    CHECK_STATUS(prognos_session_health_read(0, &found, sizeof found), PROGNOS_UNKNOWN_HANDLE);
}

static void a_forked_child_has_the_objectives(void) {
    prognos_op op = prognos_op_named("op");
    int result = -1;
    start();
    CHECK_STATUS(prognos_objective_set(op, 1, 0.9), PROGNOS_OK);
    fflush(NULL);
    pid_t child = fork();
    NEED(child >= 0);
    if (child == 0) {
        prognos_health found;
        check_failures = 0;
        do {
            work_for_ms(op, 600, NULL);
            found = health();
        } while (found.latency >= 50);
        CHECK_CONTAINS(found.reason, "objective");
        fflush(NULL);
        _exit(check_failures != 0);
    }
    NEED(waitpid(child, &result, 0) == child);
    CHECK_EQ(result, 0);
}

CHECK_MAIN(CASE(nothing_is_known_before_the_start), CASE(an_idle_process_is_well_and_knows_little),
           CASE(an_operation_needs_some_calls), CASE(calls_that_all_fail_show),
           CASE(objectives_may_come_before_the_start), CASE(a_session_has_a_health_of_its_own),
           CASE(a_forked_child_has_the_objectives))
