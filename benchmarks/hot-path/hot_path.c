/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What begin and end cost, as ratios to the two cycle-counter reads they contain. JSON on stdout.
 *
 *     hot_path [rounds]
 */
#define _GNU_SOURCE
#include "bench.h"
#include "host.h"
#include "threads.h"

#include <prognos.h>

static prognos_op flat, outer, middle, inner, parent, siblings[3], counted, timed, first;

/* ---- one thread ----------------------------------------------------------------------------- */

BENCH_LOOP(empty_loop, 1, BENCH_KEEP(bench_i))

/* labs() under a name that the compiler does not know: it is all but empty, so this is what any pair
 * of calls into a shared library costs, whatever they do. */
extern long shared_call(long) __asm__("labs");

BENCH_LOOP(two_shared_calls, 1, {
    shared_call(1);
    shared_call(2);
})

BENCH_LOOP(begin_end, 1, {
    prognos_begin(flat);
    prognos_end(flat);
})

BENCH_LOOP(nested_three_deep, 3, {
    prognos_begin(outer);
    prognos_begin(middle);
    prognos_begin(inner);
    prognos_end(inner);
    prognos_end(middle);
    prognos_end(outer);
})

/* Each begin meets a parent that called something else last. */
BENCH_LOOP(sibling_turns, 3, {
    prognos_begin(siblings[0]);
    prognos_end(siblings[0]);
    prognos_begin(siblings[1]);
    prognos_end(siblings[1]);
    prognos_begin(siblings[2]);
    prognos_end(siblings[2]);
})

static double alternating_siblings(size_t iterations) {
    prognos_begin(parent);
    double ns = sibling_turns(iterations);
    prognos_end(parent);
    return ns;
}

BENCH_LOOP(begin_work_end, 1, {
    prognos_begin(counted);
    prognos_work(bench_i);
    prognos_end(counted);
})

static double disabled(size_t iterations) {
    prognos_set_enabled(false);
    double ns = begin_end(iterations);
    prognos_set_enabled(true);
    return ns;
}

/* The macro looks at the feature flag before it calls anything. */
BENCH_LOOP(scope, 1, PROGNOS_SCOPE("scope"))

static double scope_disabled(size_t iterations) {
    prognos_set_enabled(false);
    double ns = scope(iterations);
    prognos_set_enabled(true);
    return ns;
}

/* What asking the kernel for CPU time at begin and end would add. */
BENCH_LOOP(with_thread_clock, 1, {
    prognos_begin(timed);
    BENCH_KEEP(bench_clock_ns(CLOCK_THREAD_CPUTIME_ID));
    BENCH_KEEP(bench_clock_ns(CLOCK_THREAD_CPUTIME_ID));
    prognos_end(timed);
})

/* ---- two threads ---------------------------------------------------------------------------- */

/* The yardstick on its own: processors that share a core slow each other down without any help. */
static double reads_one_thread(size_t iterations) {
    return threads_one_after_another(bench_two_counter_reads, iterations);
}
static double reads_two_threads(size_t iterations) {
    return threads_at_once(bench_two_counter_reads, iterations);
}
static double pair_one_thread(size_t iterations) {
    return threads_one_after_another(begin_end, iterations);
}
static double pair_two_threads(size_t iterations) {
    return threads_at_once(begin_end, iterations);
}

/* ---- what a thread and a handle cost once --------------------------------------------------- */

static void *call_for_the_first_time(void *ns) {
    uint64_t start = bench_now_ns();
    prognos_begin(first);
    prognos_end(first);
    *(double *)ns = (double)(bench_now_ns() - start);
    return NULL;
}

static double first_call_of_a_thread(size_t iterations) {
    double sum = 0;
    for (size_t i = 0; i < iterations; i++) {
        pthread_t thread;
        double ns = 0;
        if (pthread_create(&thread, NULL, call_for_the_first_time, &ns)) exit(1);
        pthread_join(thread, NULL);
        sum += ns;
    }
    return sum / (double)iterations;
}

BENCH_LOOP(name_known, 1, BENCH_KEEP(prognos_op_named("GET /users/{id}")))

/* ---- reading, with a thousand operations ---------------------------------------------------- */

#define OPERATIONS 1000
static char text[16 << 20];

static void *call_a_thousand(void *unused) {
    (void)unused;
    char name[32];
    for (int o = 0; o < OPERATIONS; o++) {
        snprintf(name, sizeof name, "operation %04d", o);
        prognos_op op = prognos_op_named(name);
        for (int call = 0; call < 100; call++) {
            prognos_begin(op);
            prognos_end(op);
        }
    }
    return NULL;
}

BENCH_LOOP(op_read, 1, {
    prognos_op_stats stats;
    prognos_op_read(flat, PROGNOS_TOTAL, &stats, sizeof stats);
    BENCH_KEEP(stats.count);
})

BENCH_LOOP(render_json, 1, {
    size_t needed = 0;
    prognos_render(PROGNOS_JSON, text, sizeof text, &needed);
    BENCH_KEEP(needed);
})

/* ---- the program ---------------------------------------------------------------------------- */

/* clang-format off */
static bench_measure measures[] = {
    {"two_counter_reads", "two cycle-counter reads", bench_two_counter_reads, 50000, 0, 0, 0},
    {"empty_loop", "empty loop", empty_loop, 500000, 0, 0, 0},
    {"two_shared_calls", "two empty calls into a shared library", two_shared_calls, 500000, 0, 0, 0},
    {"begin_end", "begin+end", begin_end, 50000, 0, 0, 0},
    {"nested", "nested three deep, a pair", nested_three_deep, 20000, 0, 0, 0},
    {"siblings", "three siblings in turn, a pair", alternating_siblings, 20000, 0, 0, 0},
    {"work", "begin+work+end", begin_work_end, 50000, 0, 0, 0},
    {"scope", "PROGNOS_SCOPE", scope, 50000, 0, 0, 0},
    {"disabled", "begin+end, disabled", disabled, 500000, 0, 0, 0},
    {"scope_disabled", "PROGNOS_SCOPE, disabled", scope_disabled, 500000, 0, 0, 0},
    {"reads_one_thread", "two counter reads, pinned, alone", reads_one_thread, 20000, 0, 0, 0},
    {"reads_two_threads", "two counter reads, 2 threads at once", reads_two_threads, 20000, 0, 0, 0},
    {"pair_one_thread", "begin+end, pinned, alone", pair_one_thread, 20000, 0, 0, 0},
    {"pair_two_threads", "begin+end, 2 threads at once", pair_two_threads, 20000, 0, 0, 0},
    {"thread_clock", "begin+end and 2 x CLOCK_THREAD_CPUTIME_ID", with_thread_clock, 2000, 0, 0, 0},
    {"first_call", "a thread's first begin+end", first_call_of_a_thread, 4, 0, 0, 0},
    {"op_named", "op_named of a known name", name_known, 20000, 0, 0, 0},
    /* These come second: their thousand operations would be the later threads' call trees. */
    {"op_read", "op_read among 1,000 operations", op_read, 20, 0, 0, 0},
    {"render_json", "render JSON, 1,000 operations", render_json, 1, 0, 0, 0},
};
/* clang-format on */
enum { MEASURES = sizeof measures / sizeof *measures, READING = 2, HOT = MEASURES - READING };

/* A library that records nothing would be the fastest of all. */
static bool records(void) {
    prognos_op_stats before = {0}, after = {0};
    prognos_op_read(flat, PROGNOS_TOTAL, &before, sizeof before);
    begin_end(1000);
    prognos_op_read(flat, PROGNOS_TOTAL, &after, sizeof after);
    return after.count - before.count == 1000 && after.wall_ns > before.wall_ns;
}

int main(int argc, char **argv) {
    size_t rounds = bench_rounds(argc, argv, 100);
    flat = prognos_op_named("flat");
    outer = prognos_op_named("outer");
    middle = prognos_op_named("middle");
    inner = prognos_op_named("inner");
    parent = prognos_op_named("parent");
    siblings[0] = prognos_op_named("left");
    siblings[1] = prognos_op_named("centre");
    siblings[2] = prognos_op_named("right");
    counted = prognos_op_named("counted");
    timed = prognos_op_named("timed");
    first = prognos_op_named("first");
    prognos_op_named("GET /users/{id}");

    bool two_threads = threads_find_cpus();
    bench_run(measures, HOT, rounds);
    pthread_t thread;
    if (pthread_create(&thread, NULL, call_a_thousand, NULL)) return 1;
    pthread_join(thread, NULL);
    bench_run(measures + HOT, READING, rounds);

    printf("{\n  \"benchmark\": \"hot_path\",\n  \"rounds\": %zu,\n", rounds);
    printf("  \"records\": %s,\n  \"drops\": %llu,\n", records() ? "true" : "false", host_drops());
    printf("  \"two_threads\": %s,\n", two_threads ? "true" : "false");
    host_print_environment();
    bench_print_measures(measures, MEASURES);
    printf("\n}\n");
    return 0;
}
