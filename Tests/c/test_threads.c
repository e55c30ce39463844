/* SPDX-License-Identifier: Apache-2.0 */
/* Many threads: every call counted, readings that agree while others record, threads that end. */
#include "host.h"

#include <stdatomic.h>

#define THREADS 8
#define PAIRS 1000000u

static prognos_op outer, inner, worked, deep;
static atomic_bool finished;
static pthread_barrier_t together;

static void *record(void *unused) {
    pthread_barrier_wait(&together);
    for (unsigned i = 0; i < PAIRS; i++) {
        prognos_begin(outer);
        prognos_begin(inner);
        prognos_end(inner);
        prognos_end(outer);
        if (i % 64 != 0) continue;
        prognos_begin(worked); /* each call's numbers are known: three of work, one failure */
        prognos_work(1);
        prognos_fail("always");
        prognos_begin(deep);
        prognos_end(deep);
        prognos_work(2);
        prognos_end(worked);
    }
    return unused;
}

static void check_agrees(const prognos_op_stats *now, const prognos_op_stats *before) {
    CHECK_LE(before->count, now->count);
    CHECK_LE(before->wall_ns, now->wall_ns + now->wall_ns / 10000); /* calibrated more exactly */
    CHECK_LE(before->wall_max_ns, now->wall_max_ns + now->wall_max_ns / 10000);
    CHECK_LE(now->wall_p50_ns, now->wall_p95_ns);
    CHECK_LE(now->wall_p95_ns, now->wall_p99_ns);
    CHECK_LE(now->wall_p99_ns, now->wall_max_ns);
    CHECK_LE(now->wall_min_ns, now->wall_p50_ns);
    CHECK_LE(now->count * now->wall_min_ns, now->wall_ns + now->count);
    CHECK_LE(now->wall_ns, now->count * now->wall_max_ns + now->count);
    CHECK_LE(now->cpu_ns, now->wall_ns);
    CHECK_EQ(now->blocked_ns, now->wall_ns - now->cpu_ns);
    CHECK_LE(now->self_cpu_ns, now->self_wall_ns);
    CHECK_LE(now->active, THREADS);
    CHECK_EQ(now->abandoned, 0);
}

static void read_for_a_while(const char *path) {
    prognos_op_stats before[5];
    static char text[1 << 16];
    memset(before, 0, sizeof before);
    for (unsigned round = 0; !finished; round++) {
        for (prognos_op op = outer; op <= deep; op++) {
            prognos_op_stats now = stats_of(op);
            check_agrees(&now, &before[op]);
            before[op] = now;
            if (op == worked) { /* counts and sums of one moment */
                CHECK_EQ(now.work, 3 * now.count);
                CHECK_EQ(now.failed, now.count);
            }
            uint64_t wall = 0;
            if (now.count == 0) continue;
            CHECK_STATUS(prognos_op_quantile(op, PROGNOS_TOTAL, 0.9, &wall), PROGNOS_OK);
            CHECK_LT(0, wall + 1);
        }
        size_t needed = 0;
        static const prognos_format formats[] = {PROGNOS_JSON, PROGNOS_TEXT, PROGNOS_FOLDED,
                                                 PROGNOS_TEXT_ASCII};
        prognos_format format = formats[round % 4];
        CHECK_STATUS(prognos_render(format, text, sizeof text, &needed), PROGNOS_OK);
        CHECK_LT(needed, sizeof text);
        if (needed < sizeof text) CHECK_EQ(strlen(text), needed);
        CHECK_STATUS(prognos_dump(path, format), PROGNOS_OK);
        CHECK_LE(diagnostics().threads_now, THREADS);
    }
}

static void *read_all_the_time(void *path) {
    read_for_a_while((const char *)path);
    return NULL;
}

static void every_call_counts_while_others_read(void) {
    pthread_t threads[THREADS];
    char path[] = "/tmp/prognos-test-XXXXXX";
    int file = mkstemp(path);
    NEED(file >= 0);
    outer = prognos_op_named("outer");
    inner = prognos_op_named("inner");
    worked = prognos_op_named("worked");
    deep = prognos_op_named("deep");
    pthread_barrier_init(&together, NULL, THREADS);
    for (int i = 0; i < THREADS; i++)
        threads[i] = started(record, NULL);
    pthread_t reader = started(read_all_the_time, path);
    for (int i = 0; i < THREADS; i++)
        joined(threads[i]);
    finished = true;
    joined(reader);
    CHECK_EQ(count_of(outer), (uint64_t)THREADS * PAIRS);
    CHECK_EQ(count_of(inner), (uint64_t)THREADS * PAIRS);
    CHECK_EQ(count_of(worked), THREADS * (PAIRS / 64));
    CHECK_EQ(count_of(deep), THREADS * (PAIRS / 64));
    CHECK_EQ(stats_of(worked).work, 3u * THREADS * (PAIRS / 64));
    CHECK_EQ(stats_of(worked).failed, THREADS * (PAIRS / 64));
    prognos_diagnostics drops = diagnostics();
    CHECK_EQ(drops.unbalanced_ends, 0);
    CHECK_EQ(drops.untracked_calls, 0);
    CHECK_EQ(drops.untracked_paths, 0);
    CHECK_EQ(drops.threads, THREADS);
    CHECK_EQ(drops.threads_now, 0);
    close(file);
    unlink(path);
}

static void *few_calls(void *unused) {
    prognos_begin(outer);
    call(inner);
    prognos_end(outer);
    return unused;
}

/* Groups of 100 threads that record at the same time. */
static void run_groups(int groups) {
    pthread_t threads[100];
    for (int group = 0; group < groups; group++) {
        for (int i = 0; i < 100; i++)
            threads[i] = started(few_calls, NULL);
        for (int i = 0; i < 100; i++)
            joined(threads[i]);
    }
}

static void *few_calls_together(void *unused) {
    prognos_begin(outer);
    pthread_barrier_wait(&together);
    call(inner);
    prognos_end(outer);
    return unused;
}

static void threads_that_ended_take_no_memory(void) {
    pthread_t threads[100];
    outer = prognos_op_named("outer");
    inner = prognos_op_named("inner");
    pthread_barrier_init(&together, NULL, 100);
    for (int i = 0; i < 100; i++)
        threads[i] = started(few_calls_together, NULL);
    for (int i = 0; i < 100; i++)
        joined(threads[i]);
    uint64_t bytes = diagnostics().recording_bytes;
    CHECK_EQ(diagnostics().threads, 100);
    run_groups(50);
    for (int i = 0; i < 5000; i++)
        in_a_thread(few_calls, NULL); /* one after another */
    CHECK_EQ(count_of(outer), 10100);
    CHECK_EQ(count_of(inner), 10100);
    prognos_diagnostics found = diagnostics();
    CHECK_EQ(found.threads, 10100);
    CHECK_EQ(found.threads_now, 0);
    CHECK_EQ(found.untracked_calls, 0);
    /* The same, but for histogram octaves of calls that took longer than any before. */
    CHECK_LE(found.recording_bytes, bytes + bytes / 2);
}

static void *hold_a_place(void *unused) {
    prognos_begin(outer);
    pthread_barrier_wait(&together); /* all places are taken */
    pthread_barrier_wait(&together); /* the others are done */
    for (int i = 0; i < 1000; i++)
        call(inner);
    prognos_end(outer);
    return unused;
}

static void *find_no_place(void *unused) {
    for (int i = 0; i < 100; i++)
        call(worked);
    return unused;
}

static void threads_beyond_the_limit_are_dropped_and_counted(void) {
    pthread_t holders[4], others[4];
    setenv("PROGNOS_MAX_THREADS", "4", 1);
    outer = prognos_op_named("outer");
    inner = prognos_op_named("inner");
    worked = prognos_op_named("worked");
    pthread_barrier_init(&together, NULL, 5);
    for (int i = 0; i < 4; i++)
        holders[i] = started(hold_a_place, NULL);
    pthread_barrier_wait(&together);
    for (int i = 0; i < 4; i++)
        others[i] = started(find_no_place, NULL);
    for (int i = 0; i < 4; i++)
        joined(others[i]);
    CHECK_EQ(count_of(worked), 0);
    CHECK_EQ(diagnostics().untracked_calls, 400);
    CHECK_EQ(diagnostics().unbalanced_ends, 0); /* the host did nothing wrong */
    CHECK_EQ(prognos_op_named(NULL), 0);
    CHECK_CONTAINS(prognos_last_error(), "NULL"); /* errors are told without a place, too */
    pthread_barrier_wait(&together);
    for (int i = 0; i < 4; i++)
        joined(holders[i]);
    CHECK_EQ(count_of(outer), 4);
    CHECK_EQ(count_of(inner), 4000);
    in_a_thread(find_no_place, NULL); /* now it finds one */
    CHECK_EQ(count_of(worked), 100);
    CHECK_EQ(diagnostics().untracked_calls, 400);
    CHECK_EQ(capabilities().max_threads, 4);
}

CHECK_MAIN(CASE(every_call_counts_while_others_read), CASE(threads_that_ended_take_no_memory),
           CASE(threads_beyond_the_limit_are_dropped_and_counted))
