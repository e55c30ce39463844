/* SPDX-License-Identifier: Apache-2.0 */
/* The memory limit is hard, and a full recording still counts. */
#include "host.h"

#define LIMIT 1048576u
#define OPS 400
#define THREADS 4

static prognos_op ops[OPS];
static uint64_t called[THREADS][OPS];

static void begin_with_a_mebibyte(void) {
    setenv("PROGNOS_MEMORY_LIMIT_BYTES", "1048576", 1);
    for (int i = 0; i < OPS; i++) {
        char name[16];
        snprintf(name, sizeof name, "op-%d", i);
        ops[i] = prognos_op_named(name);
        NEED(ops[i] != 0);
    }
}

/* Every operation under every other: more paths than there is memory for. */
static void *fill(void *number) {
    uint64_t *count = called[(uintptr_t)number];
    for (int i = 0; i < OPS; i++) {
        prognos_begin(ops[i]);
        for (int k = 0; k < OPS; k++) {
            prognos_begin(ops[k]);
            prognos_work(1);
            if (k % 7 == 0) prognos_fail("seven");
            prognos_end(ops[k]);
            count[k]++;
        }
        prognos_work(1);
        prognos_end(ops[i]);
        count[i]++;
    }
    return NULL;
}

static pthread_barrier_t together;

static void *fill_with_others(void *number) {
    call(ops[0]); /* a place for each thread, before one of them takes all memory */
    called[(uintptr_t)number][0]++;
    pthread_barrier_wait(&together);
    return fill(number);
}

static void check_counts(int threads) {
    uint64_t self = 0;
    for (int i = 0; i < OPS; i++) {
        uint64_t expected = 0;
        for (int k = 0; k < threads; k++)
            expected += called[k][i];
        prognos_op_stats stats = stats_of(ops[i]);
        CHECK_EQ(stats.count, expected);
        CHECK_EQ(stats.work, (uint64_t)threads * (OPS + 1));
        CHECK_EQ(stats.failed, i % 7 == 0 ? (uint64_t)threads * OPS : 0);
        CHECK_EQ(stats.active, 0);
        CHECK_EQ(stats.abandoned, 0);
        CHECK_LE(stats.self_wall_ns, stats.wall_ns);
        CHECK_LE(stats.wall_max_ns, stats.wall_ns);
        CHECK_LE(stats.wall_min_ns, stats.wall_max_ns);
        self += stats.self_wall_ns;
    }
    prognos_diagnostics found = diagnostics();
    CHECK_LT(0, found.untracked_paths);
    CHECK_LE(found.recording_bytes, LIMIT);
    CHECK_EQ(found.unbalanced_ends, 0);
    CHECK_EQ(capabilities().memory_limit_bytes, LIMIT);
    CHECK_LT(0, self);
}

static void a_full_recording_counts_exactly(void) {
    begin_with_a_mebibyte();
    fill(NULL);
    check_counts(1);
}

static void a_recording_that_several_threads_filled_counts_exactly(void) {
    pthread_t threads[THREADS];
    begin_with_a_mebibyte();
    pthread_barrier_init(&together, NULL, THREADS);
    for (uintptr_t i = 0; i < THREADS; i++)
        threads[i] = started(fill_with_others, (void *)i);
    for (int i = 0; i < THREADS; i++)
        joined(threads[i]);
    check_counts(THREADS);
}

static void self_times_of_a_full_recording_add_up(void) {
    begin_with_a_mebibyte();
    prognos_op whole = prognos_op_named("whole");
    prognos_begin(whole);
    fill(NULL);
    prognos_end(whole);
    uint64_t self = stats_of(whole).self_wall_ns, wall = stats_of(whole).wall_ns;
    for (int i = 0; i < OPS; i++)
        self += stats_of(ops[i]).self_wall_ns;
    CHECK_LE(self, wall / 1000 * 1001);
}

static void a_full_recording_still_renders(void) {
    static const prognos_format formats[] = {PROGNOS_JSON, PROGNOS_TEXT, PROGNOS_FOLDED,
                                             PROGNOS_TEXT_ASCII};
    begin_with_a_mebibyte();
    fill(NULL);
    for (int i = 0; i < 4; i++) {
        char *text = rendered(formats[i]);
        CHECK_LT(100, strlen(text));
        free(text);
    }
    uint64_t wall;
    CHECK_STATUS(prognos_op_quantile(ops[0], PROGNOS_TOTAL, 0.5, &wall), PROGNOS_OK);
}

static void *one_call(void *unused) {
    prognos_begin(ops[0]);
    call(ops[1]);
    prognos_end(ops[0]);
    return unused;
}

static void threads_that_come_when_memory_is_full_are_counted(void) {
    begin_with_a_mebibyte();
    fill(NULL);
    uint64_t before = count_of(ops[0]) + count_of(ops[1]);
    for (int i = 0; i < 10; i++)
        in_a_thread(one_call, NULL);
    uint64_t counted = count_of(ops[0]) + count_of(ops[1]) - before;
    CHECK_EQ(counted + diagnostics().untracked_calls, 20);
    CHECK_LE(diagnostics().recording_bytes, LIMIT);
}

static void deep_nesting_in_a_full_recording_is_harmless(void) {
    begin_with_a_mebibyte();
    fill(NULL);
    uint64_t before = count_of(ops[3]);
    for (int i = 0; i < 10000; i++)
        prognos_begin(ops[3]);
    for (int i = 0; i < 10000; i++)
        prognos_end(ops[3]);
    CHECK_EQ(count_of(ops[3]) + diagnostics().too_deep, before + 10000);
    call(ops[3]);
    CHECK_EQ(count_of(ops[3]) + diagnostics().too_deep, before + 10001);
    CHECK_EQ(stats_of(ops[3]).active, 0);
}

CHECK_MAIN(CASE(a_full_recording_counts_exactly),
           CASE(a_recording_that_several_threads_filled_counts_exactly),
           CASE(self_times_of_a_full_recording_add_up), CASE(a_full_recording_still_renders),
           CASE(threads_that_come_when_memory_is_full_are_counted),
           CASE(deep_nesting_in_a_full_recording_is_harmless))
