/* SPDX-License-Identifier: Apache-2.0 */
/* The timeline, as PROGNOS_CHROME_TRACE writes it. Tests/python/test_timeline.py looks at it more closely. */
#include "host.h"

#include <sys/wait.h>

static prognos_op outer, inner;

static void start(uint32_t events) {
    prognos_options options;
    prognos_options_default(&options, sizeof options);
    options.track = PROGNOS_TRACK_CPU | PROGNOS_TRACK_TIMELINE;
    options.timeline_events = events;
    CHECK_STATUS(prognos_start(&options, sizeof options), PROGNOS_OK);
    CHECK_EQ(capabilities().track & PROGNOS_TRACK_TIMELINE, PROGNOS_TRACK_TIMELINE);
    outer = prognos_op_named("outer");
    inner = prognos_op_named("inner");
}

static unsigned occurrences(const char *text, const char *part) {
    unsigned count = 0;
    for (; (text = strstr(text, part)) != NULL; text++)
        count++;
    return count;
}

#define OUTER "\"name\": \"outer\""
#define INNER "\"name\": \"inner\""

static void every_call_is_an_event(void) {
    start(4096);
    for (int i = 0; i < 100; i++) {
        prognos_begin(outer);
        call(inner);
        call(inner);
        prognos_end(outer);
    }
    char *text = rendered(PROGNOS_CHROME_TRACE);
    CHECK_EQ(occurrences(text, OUTER), 100);
    CHECK_EQ(occurrences(text, INNER), 200);
    CHECK(strstr(text, "\"open\"") == NULL);
    free(text);
    CHECK_EQ(count_of(outer), 100);
    CHECK_EQ(count_of(inner), 200);
}

static void only_the_last_events_are_kept(void) {
    start(512);
    for (int i = 0; i < 100000; i++)
        call(inner);
    prognos_begin(outer);
    prognos_end(outer);
    char *text = rendered(PROGNOS_CHROME_TRACE);
    CHECK_EQ(occurrences(text, OUTER), 1);
    CHECK_LE(240, occurrences(text, INNER));
    CHECK_LE(occurrences(text, INNER), 256);
    free(text);
    CHECK_EQ(count_of(inner), 100000);
}

static void work_failures_and_open_calls_are_told(void) {
    start(4096);
    prognos_begin(outer);
    prognos_work(12345);
    prognos_fail("timeout");
    prognos_begin(inner);
    prognos_end(outer); /* abandons inner */
    prognos_begin(inner);
    prognos_work(UINT64_C(1) << 50);
    prognos_end(inner);
    prognos_begin(outer);
    char *text = rendered(PROGNOS_CHROME_TRACE);
    CHECK_CONTAINS(text, "{\"work\": 12345, \"failure\": \"timeout\"}");
    CHECK_CONTAINS(text, "{\"abandoned\": true}");
    CHECK_CONTAINS(text, "{\"work\": 1125899906842624}");
    CHECK_CONTAINS(text, "{\"open\": true}");
    free(text);
    prognos_end(outer);
}

static void without_a_timeline_it_says_why(void) {
    CHECK_STATUS(prognos_start(NULL, 0), PROGNOS_OK);
    call(prognos_op_named("outer"));
    char *text = rendered(PROGNOS_CHROME_TRACE);
    CHECK_CONTAINS(text, "PROGNOS_TRACK_TIMELINE");
    CHECK(strstr(text, OUTER) == NULL);
    free(text);
}

static void an_interval_without_recording_shows(void) {
    start(4096);
    prognos_begin(outer);
    prognos_set_enabled(false);
    call(inner);
    prognos_end(outer); /* it was begun while recording was on */
    prognos_set_enabled(true);
    call(inner);
    char *text = rendered(PROGNOS_CHROME_TRACE);
    CHECK_EQ(occurrences(text, OUTER), 1);
    CHECK_EQ(occurrences(text, INNER), 1);
    CHECK_EQ(occurrences(text, "recording off"), 1);
    CHECK(strstr(text, "\"open\"") == NULL);
    free(text);
    CHECK_STATUS(prognos_stop(), PROGNOS_OK);
    prognos_set_enabled(true);
    call(inner); /* no event any more */
    text = rendered(PROGNOS_CHROME_TRACE);
    CHECK_EQ(occurrences(text, INNER), 1);
    free(text);
    CHECK_EQ(count_of(inner), 2);
}

static void *call_outer(void *unused) {
    call(outer);
    prognos_begin(inner); /* left open */
    return unused;
}

static void threads_that_share_a_lane_are_told_apart(void) {
    start(4096);
    in_a_thread(call_outer, NULL);
    in_a_thread(call_outer, NULL);
    CHECK_EQ(diagnostics().threads_now, 0);
    char *text = rendered(PROGNOS_CHROME_TRACE);
    CHECK_EQ(occurrences(text, "\"thread_name\""), 2);
    CHECK_EQ(occurrences(text, OUTER), 2);
    CHECK_EQ(occurrences(text, "{\"abandoned\": true}"), 2);
    free(text);
}

static void too_deep_calls_are_events_too(void) {
    start(1 << 16);
    uint32_t deepest = capabilities().max_depth;
    for (uint32_t i = 0; i < deepest + 10; i++)
        prognos_begin(inner);
    for (uint32_t i = 0; i < deepest + 10; i++)
        prognos_end(inner);
    char *text = rendered(PROGNOS_CHROME_TRACE);
    CHECK_EQ(occurrences(text, INNER), deepest + 10);
    CHECK(strstr(text, "\"open\"") == NULL);
    free(text);
}

static void a_forked_child_begins_with_nothing(void) {
    start(4096);
    call(outer);
    pid_t child = fork();
    NEED(child >= 0);
    if (child == 0) {
        call(inner);
        char *text = rendered(PROGNOS_CHROME_TRACE);
        CHECK_EQ(occurrences(text, OUTER), 0);
        CHECK_EQ(occurrences(text, INNER), 1);
        _exit(check_failures != 0);
    }
    int status = 0;
    NEED(waitpid(child, &status, 0) == child);
    CHECK_EQ(status, 0);
    char *text = rendered(PROGNOS_CHROME_TRACE);
    CHECK_EQ(occurrences(text, OUTER), 1);
    CHECK_EQ(occurrences(text, INNER), 0);
    free(text);
}

static void spans_show_where_they_were_worked_at(void) {
    start(4096);
    prognos_span span = prognos_span_begin(outer);
    for (int i = 0; i < 3; i++) {
        CHECK_STATUS(prognos_span_enter(span), PROGNOS_OK);
        call(inner);
        CHECK_STATUS(prognos_span_leave(span), PROGNOS_OK);
    }
    CHECK_STATUS(prognos_span_end(span), PROGNOS_OK);
    char *text = rendered(PROGNOS_CHROME_TRACE);
    CHECK_EQ(occurrences(text, "\"cat\": \"span\", " OUTER), 3);
    CHECK_EQ(occurrences(text, "\"cat\": \"operation\", " INNER), 3);
    CHECK(strstr(text, "\"open\"") == NULL);
    free(text);
}

static volatile int finished;

static void *storm(void *unused) {
    while (!finished) {
        prognos_begin(outer);
        prognos_work(1);
        call(inner);
        prognos_end(outer);
    }
    return unused;
}

/* What was torn is left out: a begin without its end would show as open, an end without its begin as cut. */
static void a_writer_that_overtakes_its_reader_tears_nothing(void) {
    start(512);
    pthread_t thread = started(storm, NULL);
    for (int i = 0; i < 300; i++) {
        char *text = rendered(PROGNOS_CHROME_TRACE);
        CHECK_LE(occurrences(text, "\"open\""), 2);
        CHECK_LE(occurrences(text, "\"began_before\""), 2);
        CHECK_EQ(occurrences(text, "\"abandoned\""), 0);
        free(text);
    }
    finished = 1;
    joined(thread);
}

CHECK_MAIN(CASE(every_call_is_an_event), CASE(only_the_last_events_are_kept),
           CASE(work_failures_and_open_calls_are_told), CASE(without_a_timeline_it_says_why),
           CASE(an_interval_without_recording_shows),
           CASE(threads_that_share_a_lane_are_told_apart), CASE(too_deep_calls_are_events_too),
           CASE(spans_show_where_they_were_worked_at), CASE(a_forked_child_begins_with_nothing),
           CASE(a_writer_that_overtakes_its_reader_tears_nothing))
