/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions: whom operations are for. */
#include "host.h"

#define OK(call) CHECK_STATUS(call, PROGNOS_OK)

static prognos_op outer, inner;

static void prepare(void) {
    outer = prognos_op_named("outer");
    inner = prognos_op_named("inner");
}

static prognos_session_stats session_stats(prognos_session session) {
    prognos_session_stats stats;
    memset(&stats, 0xA5, sizeof stats);
    OK(prognos_session_read(session, &stats, sizeof stats));
    return stats;
}

static uint64_t sessions_now(void) {
    prognos_process_stats process;
    OK(prognos_process_read(PROGNOS_TOTAL, &process, sizeof process));
    return process.active_sessions;
}

static uint64_t busy_for(uint64_t ns) {
    uint64_t start = clock_ns(CLOCK_THREAD_CPUTIME_ID), now;
    do
        now = clock_ns(CLOCK_THREAD_CPUTIME_ID);
    while (now - start < ns);
    return now - start;
}

static void outermost_operations_count_in_the_session(void) {
    prepare();
    prognos_session session = prognos_session_open("ada");
    CHECK_NE(session, 0);
    CHECK_EQ(sessions_now(), 1);
    prognos_session_stats stats = session_stats(session);
    CHECK_TEXT(stats.name, "ada");
    CHECK_EQ(stats.count, 0);
    CHECK_EQ(stats.is_open, 1);
    CHECK_EQ(stats.last_unix_ns, 0);
    call(outer); /* outside */
    OK(prognos_session_enter(session));
    for (int i = 0; i < 100; i++) {
        prognos_begin(outer);
        call(inner);
        prognos_work(2);
        if (i % 10 == 0) prognos_fail("timeout");
        prognos_end(outer);
    }
    prognos_begin(outer);
    CHECK_EQ(session_stats(session).active, 1);
    CHECK_EQ(session_stats(session).threads_now, 1);
    prognos_end(outer);
    OK(prognos_session_leave(session));
    call(outer);
    stats = session_stats(session);
    CHECK_EQ(stats.count, 101);
    CHECK_EQ(stats.failed, 10);
    CHECK_EQ(stats.work, 200);
    CHECK_EQ(stats.active, 0);
    CHECK_EQ(stats.threads_now, 0);
    CHECK_LE(stats.wall_min_ns, stats.wall_p50_ns);
    CHECK_LE(stats.wall_p50_ns, stats.wall_p95_ns);
    CHECK_LE(stats.wall_p95_ns, stats.wall_p99_ns);
    CHECK_LE(stats.wall_p99_ns, stats.wall_max_ns);
    CHECK_LE(stats.wall_max_ns, stats.wall_ns);
    CHECK_LE(stats.cpu_ns, stats.wall_ns);
    CHECK_LE(stats.opened_unix_ns, stats.last_unix_ns);
    CHECK(stats.rate_per_s > 0 && stats.errors_per_min > 0);
    CHECK_EQ(count_of(outer), 103); /* the operation knows all of them */
    CHECK_EQ(count_of(inner), 100);
    CHECK_EQ(diagnostics().call_paths, 2);
    OK(prognos_session_close(session));
    CHECK_EQ(sessions_now(), 0);
    stats = session_stats(session);
    CHECK_EQ(stats.is_open, 0);
    CHECK_EQ(stats.count, 101);
}

static void sessions_nest_and_the_innermost_counts(void) {
    prepare();
    prognos_session a = prognos_session_open("a"), b = prognos_session_open("b");
    OK(prognos_session_enter(a));
    prognos_begin(outer);
    OK(prognos_session_enter(b));
    call(inner);
    call(inner);
    prognos_work(7);   /* of the innermost operation, */
    prognos_fail("x"); /* whichever session is entered */
    OK(prognos_session_leave(b));
    call(inner); /* within outer: not outermost */
    prognos_end(outer);
    OK(prognos_session_enter(b));
    OK(prognos_session_enter(a));
    call(inner);
    OK(prognos_session_leave(a));
    OK(prognos_session_leave(b));
    OK(prognos_session_leave(a));
    CHECK_EQ(session_stats(a).count, 2);
    CHECK_EQ(session_stats(a).work, 7);
    CHECK_EQ(session_stats(a).failed, 1);
    CHECK_EQ(session_stats(b).count, 2);
    CHECK_EQ(session_stats(b).failed, 0);
    CHECK_EQ(stats_of(outer).work, 7);
    CHECK_EQ(stats_of(outer).failed, 1);
    CHECK_EQ(diagnostics().outside_operation, 0);
}

static void a_frame_that_a_slot_held_before_does_not_hide_a_call(void) {
    /* The slots above a session's may hold calls under the same node. */
    prepare();
    prognos_session session = prognos_session_open("s");
    for (int i = 0; i < 3; i++) {
        prognos_begin(outer);
        prognos_span span = prognos_span_begin(outer);
        OK(prognos_span_enter(span));
        call(inner);
        call(inner);
        OK(prognos_span_leave(span));
        OK(prognos_span_end(span));
        OK(prognos_session_enter(session));
        call(inner);
        call(inner);
        OK(prognos_session_leave(session));
        call(inner);
        prognos_end(outer);
    }
    CHECK_EQ(session_stats(session).count, 6);
    CHECK_EQ(count_of(inner), 15);
}

static void cpu_time_and_quantiles_are_those_of_its_calls(void) {
    prepare();
    prognos_session session = prognos_session_open("s");
    OK(prognos_session_enter(session));
    uint64_t used = 0, start = clock_ns(CLOCK_MONOTONIC);
    for (int i = 0; i < 20; i++) {
        prognos_begin(outer);
        used += busy_for(1000000);
        usleep(2000);
        prognos_end(outer);
    }
    uint64_t took = clock_ns(CLOCK_MONOTONIC) - start;
    OK(prognos_session_leave(session));
    prognos_session_stats stats = session_stats(session);
    CHECK_LE(used, stats.cpu_ns + 100000);
    CHECK_LE(stats.cpu_ns, used + used / 4 + 1000000);
    CHECK_LE(20 * 3000000, stats.wall_ns + 100000);
    CHECK_LE(stats.wall_ns, took + 100000);
    prognos_op_stats all = stats_of(outer);
    CHECK_EQ(all.wall_ns, stats.wall_ns);
    CHECK_EQ(all.wall_max_ns, stats.wall_max_ns);
    CHECK_EQ(all.wall_min_ns, stats.wall_min_ns);
    CHECK_LE(all.wall_p50_ns * 96 / 100, stats.wall_p50_ns);
    CHECK_LE(stats.wall_p50_ns, all.wall_p50_ns * 104 / 100);
}

static void a_span_counts_once_in_its_session(void) {
    prepare();
    prognos_session a = prognos_session_open("a"), b = prognos_session_open("b");
    OK(prognos_session_enter(a));
    prognos_span begun_in_a = prognos_span_begin(outer);
    prognos_begin(outer);
    prognos_span begun_in_a_call = prognos_span_begin(inner);
    prognos_end(outer);
    OK(prognos_session_leave(a));
    prognos_span begun_outside = prognos_span_begin(outer);
    CHECK_EQ(session_stats(a).active, 1);
    OK(prognos_session_enter(b));
    for (int i = 0; i < 3; i++) {
        OK(prognos_span_enter(begun_in_a));
        call(inner); /* the span's */
        OK(prognos_span_leave(begun_in_a));
        OK(prognos_span_enter(begun_outside));
        OK(prognos_span_leave(begun_outside));
    }
    OK(prognos_session_leave(b));
    CHECK_EQ(session_stats(b).active, 1);
    uint64_t used = 0;
    OK(prognos_span_enter(begun_in_a));
    used += busy_for(2000000);
    OK(prognos_span_leave(begun_in_a));
    usleep(2000);
    OK(prognos_span_fail(begun_in_a, "x"));
    OK(prognos_span_end(begun_in_a));
    OK(prognos_span_end(begun_outside));
    OK(prognos_span_end(begun_in_a_call));
    prognos_session_stats stats = session_stats(a);
    CHECK_EQ(stats.count, 2);
    CHECK_EQ(stats.failed, 1);
    CHECK_LE(used, stats.cpu_ns + 100000);
    CHECK_LE(stats.cpu_ns, used + 1000000);
    CHECK_LE(used + 2000000, stats.wall_ns);
    CHECK_EQ(session_stats(b).count, 1);
    CHECK_EQ(session_stats(a).active + session_stats(b).active, 0);
}

enum { AT_ONCE = 10000 };

static void ten_thousand_are_open_at_once(void) {
    prepare();
    prognos_session *sessions = calloc(AT_ONCE, sizeof *sessions);
    NEED(sessions);
    char name[32];
    for (int i = 0; i < AT_ONCE; i++) {
        snprintf(name, sizeof name, "user-%d", i);
        sessions[i] = prognos_session_open(name);
        CHECK_NE(sessions[i], 0);
    }
    CHECK_EQ(sessions_now(), AT_ONCE);
    for (int turn = 0; turn < 20; turn++) {
        for (int i = 0; i < AT_ONCE; i++) {
            OK(prognos_session_enter(sessions[i]));
            for (int j = 0; j <= i % 3; j++)
                call(outer);
            OK(prognos_session_leave(sessions[i]));
        }
    }
    for (int i = 0; i < AT_ONCE; i += 499) {
        snprintf(name, sizeof name, "user-%d", i);
        prognos_session_stats stats = session_stats(sessions[i]);
        CHECK_TEXT(stats.name, name);
        CHECK_EQ(stats.count, 20 * (1 + i % 3));
        CHECK_LT(0, stats.wall_p95_ns);
    }
    CHECK_LE(diagnostics().recording_bytes, capabilities().memory_limit_bytes);
    CHECK_LE(diagnostics().recording_bytes, 16u << 20);
    char *text = rendered(PROGNOS_TEXT);
    CHECK_CONTAINS(text, "10000 open, 10000 opened so far");
    CHECK_CONTAINS(text, "and 9990 more sessions");
    free(text);
    for (int i = 0; i < AT_ONCE; i++)
        OK(prognos_session_close(sessions[i]));
    CHECK_EQ(sessions_now(), 0);
    CHECK_EQ(diagnostics().untracked_sessions, 0);
    free(sessions);
}

static void a_hundred_thousand_one_after_another_take_bounded_memory(void) {
    prepare();
    prognos_session latest = 0, first = prognos_session_open("first");
    OK(prognos_session_enter(first));
    call(outer);
    OK(prognos_session_leave(first));
    OK(prognos_session_close(first));
    uint64_t before = 0;
    for (int i = 0; i < 100000; i++) {
        latest = prognos_session_open("one of many");
        OK(prognos_session_enter(latest));
        call(outer);
        OK(prognos_session_leave(latest));
        OK(prognos_session_close(latest));
        if (i == 10000) before = diagnostics().recording_bytes;
    }
    CHECK_LE(diagnostics().recording_bytes, before + (64u << 10));
    CHECK_EQ(session_stats(latest).count, 1);
    prognos_session_stats stats;
    CHECK_STATUS(prognos_session_read(first, &stats, sizeof stats), PROGNOS_UNKNOWN_HANDLE);
    char *text = rendered(PROGNOS_JSON);
    CHECK_CONTAINS(text, "\"opened\": 100001");
    CHECK_CONTAINS(text, "\"forgotten_count\": ");
    CHECK(strstr(text, "\"name\": \"first\"") == NULL);
    free(text);
}

static void too_many_are_refused_and_counted(void) {
    prognos_options options;
    prognos_options_default(&options, sizeof options);
    options.memory_limit_bytes = 2 << 20;
    OK(prognos_start(&options, sizeof options));
    prepare();
    uint64_t opened = 0, refused = 0;
    prognos_session last = 0, session;
    for (int i = 0; i < 5000; i++) {
        session = prognos_session_open("s");
        opened += session != 0;
        refused += session == 0;
        if (session != 0) last = session;
    }
    CHECK_LE(256, opened);
    CHECK_LT(0, refused);
    CHECK_EQ(diagnostics().untracked_sessions, refused);
    CHECK_CONTAINS(prognos_last_error(), "too many sessions");
    CHECK_EQ(sessions_now(), opened);
    OK(prognos_session_close(last)); /* its record is the next one's */
    session = prognos_session_open("next");
    CHECK_NE(session, 0);
    CHECK_EQ((uint32_t)session, (uint32_t)last);
    CHECK_STATUS(prognos_session_enter(last), PROGNOS_UNKNOWN_HANDLE);
    CHECK_TEXT(session_stats(session).name, "next");
}

static void names_are_cleaned_and_cut(void) {
    char longest[200];
    memset(longest, 'x', sizeof longest);
    longest[62] = '\xC3'; /* a character of two bytes across the border */
    longest[63] = '\xA9';
    longest[199] = 0;
    prognos_session session = prognos_session_open(longest);
    CHECK_EQ(strlen(session_stats(session).name), 62);
    session = prognos_session_open("a\xFFz");
    CHECK_TEXT(session_stats(session).name, "a\xEF\xBF\xBDz");
    CHECK_EQ(prognos_session_open(NULL), 0);
    CHECK_CONTAINS(prognos_last_error(), "NULL");
    CHECK_EQ(prognos_session_open(""), 0);
    CHECK_CONTAINS(prognos_last_error(), "1 to 63 bytes");
    prognos_session twin = prognos_session_open("same"), other = prognos_session_open("same");
    CHECK_NE(twin, other);
    CHECK_EQ(diagnostics().bad_arguments, 2);
}

/* ---- threads ---- */

enum { THREADS = 4, ROUNDS = 20000 };
static prognos_session shared;

static void *works_for_the_session(void *unused) {
    for (int i = 0; i < ROUNDS; i++) {
        OK(prognos_session_enter(shared));
        prognos_begin(outer);
        prognos_work(1);
        prognos_end(outer);
        OK(prognos_session_leave(shared));
    }
    return unused;
}

static void threads_share_a_session_and_nothing_is_lost(void) {
    prepare();
    shared = prognos_session_open("shared");
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        threads[i] = started(works_for_the_session, NULL);
    for (int i = 0; i < 50; i++) {
        prognos_session_stats stats = session_stats(shared);
        CHECK_LE(stats.threads_now, THREADS);
        CHECK_LE(stats.active, THREADS);
    }
    for (int i = 0; i < THREADS; i++)
        joined(threads[i]);
    prognos_session_stats stats = session_stats(shared);
    CHECK_EQ(stats.count, THREADS * ROUNDS);
    CHECK_EQ(stats.work, THREADS * ROUNDS);
    CHECK_EQ(stats.threads_now, 0);
    CHECK_EQ(stats.wall_ns, stats_of(outer).wall_ns);
}

static void *opens_and_closes(void *unused) {
    for (int i = 0; i < ROUNDS; i++) {
        prognos_session session = prognos_session_open("short");
        CHECK_NE(session, 0);
        OK(prognos_session_enter(session));
        call(outer);
        if (i % 2) OK(prognos_session_close(session)); /* while it is entered */
        OK(prognos_session_leave(session));
        if (i % 2 == 0) OK(prognos_session_close(session));
        CHECK_STATUS(prognos_session_enter(session) == PROGNOS_OK, 0);
    }
    return unused;
}

static void threads_open_and_close_at_once(void) {
    prepare();
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        threads[i] = started(opens_and_closes, NULL);
    for (int i = 0; i < 20; i++)
        free(rendered(PROGNOS_JSON));
    for (int i = 0; i < THREADS; i++)
        joined(threads[i]);
    CHECK_EQ(sessions_now(), 0);
    CHECK_EQ(count_of(outer), THREADS * ROUNDS);
    char *text = rendered(PROGNOS_JSON);
    uint64_t counted = strtoull(strstr(text, "\"forgotten_count\": ") + 19, NULL, 10);
    uint64_t forgotten = strtoull(strstr(text, "\"forgotten\": ") + 13, NULL, 10);
    free(text);
    CHECK_EQ(counted, forgotten); /* one call each */
    CHECK_LE(forgotten + 256, THREADS * ROUNDS);
}

static void *enters_and_dies(void *unused) {
    OK(prognos_session_enter(shared));
    OK(prognos_session_enter(shared));
    prognos_begin(outer);
    return unused;
}

static void a_thread_that_ends_leaves_its_sessions(void) {
    prepare();
    shared = prognos_session_open("s");
    in_a_thread(enters_and_dies, NULL);
    prognos_session_stats stats = session_stats(shared);
    CHECK_EQ(stats.threads_now, 0);
    CHECK_EQ(stats.count, 1); /* abandoned */
    CHECK_EQ(stats_of(outer).abandoned, 1);
    CHECK_EQ(diagnostics().forced_leaves, 2);
}

/* ---- what is out of order ---- */

static void handles_that_are_none_are_an_error(void) {
    static const uint64_t invented[] = {
        1, UINT64_MAX, 1ull << 32, UINT32_MAX, 0x8000000100000001ull, 0xFFFFFFFF00000001ull};
    prognos_session_stats stats;
    for (int made = 0; made < 2; made++) {
        for (size_t i = 0; i < sizeof invented / sizeof *invented; i++) {
            if (made && invented[i] == 0x8000000100000001ull) continue; /* the first session's */
            CHECK_STATUS(prognos_session_enter(invented[i]), PROGNOS_UNKNOWN_HANDLE);
            CHECK_STATUS(prognos_session_leave(invented[i]), PROGNOS_UNKNOWN_HANDLE);
            CHECK_STATUS(prognos_session_close(invented[i]), PROGNOS_UNKNOWN_HANDLE);
            CHECK_STATUS(prognos_session_read(invented[i], &stats, sizeof stats),
                         PROGNOS_UNKNOWN_HANDLE);
        }
        prognos_session_open("s");
    }
    prepare();
    prognos_span span = prognos_span_begin(outer);
    CHECK_STATUS(prognos_session_enter(span), PROGNOS_UNKNOWN_HANDLE); /* of another kind */
    prognos_session session = prognos_session_open("t");
    CHECK_STATUS(prognos_span_enter(session), PROGNOS_UNKNOWN_HANDLE);
    CHECK_STATUS(prognos_session_leave(session), PROGNOS_INVALID_STATE);
    CHECK_STATUS(prognos_session_read(session, NULL, sizeof stats), PROGNOS_INVALID_ARGUMENT);
    CHECK_STATUS(prognos_session_read(session, &stats, 0), PROGNOS_INVALID_ARGUMENT);
    OK(prognos_session_close(session));
    CHECK_STATUS(prognos_session_close(session), PROGNOS_INVALID_STATE);
    CHECK_STATUS(prognos_session_enter(session), PROGNOS_INVALID_STATE);
    CHECK_CONTAINS(prognos_last_error(), "closed");
    CHECK_EQ(diagnostics().misplaced_calls, 1);
    OK(prognos_session_enter(0));
    OK(prognos_session_leave(0));
    OK(prognos_session_close(0));
    CHECK_STATUS(prognos_session_read(0, &stats, sizeof stats), PROGNOS_UNKNOWN_HANDLE);
}

static void random_handles_and_orders_never_harm(void) {
    prepare();
    unsigned seed = 1;
    uint64_t kept[16] = {0};
    for (int i = 0; i < 200000; i++) {
        uint64_t *at = &kept[rand_r(&seed) % 16];
        uint64_t any = *at;
        if (rand_r(&seed) % 4 == 0) any ^= 1ull << (rand_r(&seed) % 64);
        switch (rand_r(&seed) % 10) {
        case 0:
            *at = prognos_session_open("s");
            break;
        case 1:
            prognos_session_enter(any);
            break;
        case 2:
            prognos_session_leave(any);
            break;
        case 3:
            prognos_session_close(any);
            break;
        case 4:
            prognos_begin(inner);
            break;
        case 5:
            prognos_end(inner);
            break;
        case 6:
            *at = prognos_span_begin(inner);
            break;
        case 7:
            prognos_span_enter(any);
            break;
        case 8:
            prognos_span_end(any);
            break;
        default:
            prognos_fail("x");
            break;
        }
    }
    CHECK_LT(0, count_of(inner));
    free(rendered(PROGNOS_JSON));
    free(rendered(PROGNOS_TEXT_ASCII));
}

static void what_is_open_inside_is_closed_by_a_leave(void) {
    prepare();
    prognos_session a = prognos_session_open("a"), b = prognos_session_open("b");
    OK(prognos_session_enter(a));
    prognos_begin(outer);
    OK(prognos_session_enter(b));
    prognos_begin(inner);
    OK(prognos_session_leave(a));
    CHECK_EQ(stats_of(outer).abandoned, 1);
    CHECK_EQ(stats_of(inner).abandoned, 1);
    CHECK_EQ(session_stats(a).count, 1);
    CHECK_EQ(session_stats(b).count, 1);
    CHECK_EQ(session_stats(a).threads_now + session_stats(b).threads_now, 0);
    CHECK_EQ(diagnostics().forced_leaves, 1);
    prognos_begin(outer);
    OK(prognos_session_enter(a));
    prognos_end(outer); /* around it */
    CHECK_EQ(session_stats(a).threads_now, 0);
    CHECK_EQ(diagnostics().forced_leaves, 2);
    CHECK_STATUS(prognos_session_leave(a), PROGNOS_INVALID_STATE);
}

static void deep_stacks_keep_their_sessions(void) {
    prepare();
    prognos_session session = prognos_session_open("s");
    for (int depth = 30; depth < 50; depth++) { /* around the end of the first segment of frames */
        uint64_t before = session_stats(session).count;
        for (int i = 0; i < depth; i++)
            prognos_begin(outer);
        OK(prognos_session_enter(session));
        call(inner);
        call(inner);
        call(inner);
        prognos_begin(inner);
        call(inner);
        CHECK_EQ(session_stats(session).active, 1);
        prognos_end(inner);
        OK(prognos_session_leave(session));
        for (int i = 0; i < depth; i++)
            prognos_end(outer);
        CHECK_EQ(session_stats(session).count, before + 4);
    }
    CHECK_EQ(stats_of(outer).abandoned + stats_of(inner).abandoned, 0);
}

static void while_recording_is_off_nothing_is_entered(void) {
    prepare();
    prognos_session a = prognos_session_open("a"), b = prognos_session_open("b");
    OK(prognos_session_enter(a));
    prognos_set_enabled(false);
    prognos_session c = prognos_session_open("c"); /* may be entered later */
    CHECK_NE(c, 0);
    OK(prognos_session_enter(b));
    call(outer);
    OK(prognos_session_leave(b));
    OK(prognos_session_leave(a));
    prognos_set_enabled(true);
    OK(prognos_session_enter(c));
    call(outer);
    OK(prognos_session_leave(c));
    CHECK_EQ(session_stats(a).count + session_stats(b).count, 0);
    CHECK_EQ(session_stats(a).threads_now + session_stats(b).threads_now, 0);
    CHECK_EQ(session_stats(c).count, 1);
    CHECK_EQ(diagnostics().misplaced_calls, 0);
}

static void in_a_forked_child_all_are_stale(void) {
    prepare();
    prognos_session session = prognos_session_open("parent's");
    OK(prognos_session_enter(session));
    prognos_begin(outer);
    pid_t child = fork();
    NEED(child >= 0);
    if (child == 0) {
        check_failures = 0;
        CHECK_EQ(sessions_now(), 0);
        CHECK_STATUS(prognos_session_leave(session), PROGNOS_UNKNOWN_HANDLE);
        CHECK_STATUS(prognos_session_close(session), PROGNOS_UNKNOWN_HANDLE);
        prognos_session mine = prognos_session_open("child's");
        CHECK_NE(mine, session);
        OK(prognos_session_enter(mine));
        call(inner);
        OK(prognos_session_leave(mine));
        CHECK_EQ(session_stats(mine).count, 1);
        _exit(check_failures != 0);
    }
    int status = 0;
    NEED(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    prognos_end(outer);
    OK(prognos_session_leave(session));
    CHECK_EQ(session_stats(session).count, 1);
}

CHECK_MAIN(CASE(outermost_operations_count_in_the_session),
           CASE(sessions_nest_and_the_innermost_counts),
           CASE(a_frame_that_a_slot_held_before_does_not_hide_a_call),
           CASE(cpu_time_and_quantiles_are_those_of_its_calls),
           CASE(a_span_counts_once_in_its_session), CASE(ten_thousand_are_open_at_once),
           CASE(a_hundred_thousand_one_after_another_take_bounded_memory),
           CASE(too_many_are_refused_and_counted), CASE(names_are_cleaned_and_cut),
           CASE(threads_share_a_session_and_nothing_is_lost), CASE(threads_open_and_close_at_once),
           CASE(a_thread_that_ends_leaves_its_sessions), CASE(handles_that_are_none_are_an_error),
           CASE(random_handles_and_orders_never_harm),
           CASE(what_is_open_inside_is_closed_by_a_leave), CASE(deep_stacks_keep_their_sessions),
           CASE(while_recording_is_off_nothing_is_entered), CASE(in_a_forked_child_all_are_stale))
