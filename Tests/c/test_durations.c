/* SPDX-License-Identifier: Apache-2.0 */
/* Durations and what is left, through the ABI, without prognos_start(). No time is looked at. */
#include "host.h"

static void calls_of(prognos_op op, uint64_t from, uint64_t to) {
    for (uint64_t work = from; work <= to; work++) {
        volatile uint64_t sum = 0;
        prognos_begin(op);
        for (uint64_t i = 0; i < work * 200; i++)
            sum += i;
        prognos_work(work);
        prognos_end(op);
    }
}

static prognos_duration predicted(prognos_op op, uint64_t work) {
    prognos_duration found;
    memset(&found, 0xA5, sizeof found);
    CHECK_STATUS(prognos_duration_predict(op, work, &found, sizeof found), PROGNOS_OK);
    CHECK_LE(found.low_ns, found.estimate_ns);
    CHECK_LE(found.estimate_ns, found.high_ns);
    CHECK(found.confidence >= 0 && found.confidence <= 1);
    CHECK_EQ(found.work, work);
    CHECK(strlen(found.reason) > 10);
    return found;
}

static void a_call_is_predicted_by_those_that_told_their_work(void) {
    prognos_op op = prognos_op_named("op");
    calls_of(op, 1, 200);
    prognos_duration found = predicted(op, 100);
    CHECK_EQ(found.work_low, 1);
    CHECK_EQ(found.work_high, 200);
    CHECK(found.samples > 100 && found.samples <= 200);
    CHECK(strncmp(found.complexity, "O(", 2) == 0);
    prognos_duration beyond = predicted(op, 800);
    CHECK_CONTAINS(beyond.reason, "from there on as O(");
    CHECK(beyond.confidence < found.confidence);
}

static void eight_calls_are_needed(void) {
    prognos_op op = prognos_op_named("op");
    prognos_duration found;
    calls_of(op, 1, 7);
    CHECK_STATUS(prognos_duration_predict(op, 3, &found, sizeof found), PROGNOS_NOT_ENOUGH_DATA);
    CHECK_CONTAINS(prognos_last_error(), "7 calls have finished; 8 are needed");
    calls_of(op, 8, 8);
    CHECK_EQ(predicted(op, 3).samples, 8);
}

static void what_failed_does_not_count(void) {
    prognos_op op = prognos_op_named("op");
    calls_of(op, 1, 20);
    for (int i = 0; i < 20; i++) {
        prognos_begin(op);
        prognos_work(5000);
        prognos_fail("broken");
        prognos_end(op);
    }
    CHECK_EQ(predicted(op, 10).work_high, 20);
}

static void without_work_the_caller_tells(void) {
    prognos_op op = prognos_op_named("op"), one = prognos_op_named("one");
    for (int i = 0; i < 40; i++)
        call(op);
    prognos_begin(one);
    for (int i = 0; i < 20; i++)
        call(op);
    CHECK_CONTAINS(predicted(op, 0).reason, "20 calls under one");
    prognos_end(one);
    CHECK_EQ(predicted(op, 0).samples, 60);
    CHECK_TEXT(predicted(op, 0).complexity, "unknown");
    CHECK_CONTAINS(predicted(op, 7).reason, "told their work");
}

static void *open_op(void *argument) {
    prognos_begin(*(prognos_op *)argument);
    prognos_work(100);
    usleep(20000);
    prognos_time_left left;
    memset(&left, 0xA5, sizeof left);
    CHECK_STATUS(prognos_time_left_read(*(prognos_op *)argument, &left, sizeof left), PROGNOS_OK);
    CHECK_LE(20000000, left.elapsed_ns);
    CHECK_EQ(left.work, 100);
    CHECK_EQ(left.thread_id, gettid());
    CHECK_LE(left.low_ns, left.estimate_ns);
    CHECK_LE(left.estimate_ns, left.high_ns);
    prognos_end(*(prognos_op *)argument);
    return NULL;
}

static void what_is_left_of_an_open_call_is_known(void) {
    prognos_op op = prognos_op_named("op");
    prognos_time_left left;
    CHECK_STATUS(prognos_time_left_read(op, &left, sizeof left), PROGNOS_INVALID_STATE);
    CHECK_CONTAINS(prognos_last_error(), "is open");
    prognos_begin(op);
    CHECK_STATUS(prognos_time_left_read(op, &left, sizeof left), PROGNOS_NOT_ENOUGH_DATA);
    prognos_end(op);
    calls_of(op, 1, 120);
    in_a_thread(open_op, &op);
}

static void bad_arguments_are_refused(void) {
    prognos_duration found;
    prognos_time_left left;
    CHECK_STATUS(prognos_duration_predict(77, 1, &found, sizeof found), PROGNOS_UNKNOWN_HANDLE);
    CHECK_STATUS(prognos_time_left_read(77, &left, sizeof left), PROGNOS_UNKNOWN_HANDLE);
    CHECK_STATUS(prognos_duration_predict(1, 1, NULL, sizeof found), PROGNOS_INVALID_ARGUMENT);
    CHECK_STATUS(prognos_time_left_read(1, &left, 0), PROGNOS_INVALID_ARGUMENT);
}

static void profiles_have_them(void) {
    prognos_op op = prognos_op_named("op");
    calls_of(op, 1, 100);
    char *text = rendered(PROGNOS_TEXT), *json = rendered(PROGNOS_JSON);
    CHECK_CONTAINS(text, "durations by work:");
    CHECK_CONTAINS(json, "\"durations\": [");
    free(text);
    free(json);
}

static void durations_leave_room_for_calls(void) {
    char name[32];
    setenv("PROGNOS_MEMORY_LIMIT_BYTES", "2097152", 1);
    for (int i = 0; i < 400; i++) {
        snprintf(name, sizeof name, "op %d", i);
        prognos_op op = prognos_op_named(name);
        for (uint64_t work = 1; work < 1 << 20; work *= 2) {
            prognos_begin(op);
            prognos_work(work);
            prognos_end(op);
        }
        CHECK_EQ(count_of(op), 20);
    }
}

CHECK_MAIN(CASE(a_call_is_predicted_by_those_that_told_their_work), CASE(eight_calls_are_needed),
           CASE(what_failed_does_not_count), CASE(without_work_the_caller_tells),
           CASE(what_is_left_of_an_open_call_is_known), CASE(bad_arguments_are_refused),
           CASE(profiles_have_them), CASE(durations_leave_room_for_calls))
