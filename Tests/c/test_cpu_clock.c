/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CPU time, against CLOCK_THREAD_CPUTIME_ID, for threads that spin, sleep and are preempted. Runs
 * once for each clock: PROGNOS_CPU_CLOCK and PROGNOS_TIME_SOURCE choose it.
 */
#include "host.h"

#include <sched.h>

#define THREADS_MOST 64

static prognos_op spinning, sleeping, mixed, step;

/* The library's own work at a switch, and the clock readings here, lie outside the timed call. */
#define SLACK_NS_A_CALL 5000u

typedef struct span {
    uint64_t wall, cpu, calls;
} span;

static void add(span *sum, uint64_t wall, uint64_t cpu) {
    sum->wall += clock_ns(CLOCK_MONOTONIC) - wall;
    sum->cpu += clock_ns(CLOCK_THREAD_CPUTIME_ID) - cpu;
    sum->calls++;
}

static void spin_cpu_ns(uint64_t duration) {
    uint64_t begun = clock_ns(CLOCK_THREAD_CPUTIME_ID);
    while (clock_ns(CLOCK_THREAD_CPUTIME_ID) - begun < duration)
        for (volatile int i = 0; i < 1000; i++)
            continue;
}

static void sleep_ns(long duration) {
    struct timespec time = {0, duration};
    nanosleep(&time, NULL);
}

static void check_close(uint64_t found, uint64_t expected, uint64_t whole, uint64_t calls) {
    uint64_t slack = whole / 100 + calls * SLACK_NS_A_CALL;
    CHECK_LE(found, expected + slack);
    CHECK_LE(expected, found + slack);
}

/* `whole`: what the permitted hundredth is a part of. */
static void check_span(prognos_op op, span expected, uint64_t whole) {
    prognos_op_stats stats = stats_of(op);
    CHECK_EQ(stats.count, expected.calls);
    check_close(stats.cpu_ns, expected.cpu, whole, expected.calls);
    check_close(stats.wall_ns, expected.wall, expected.wall, expected.calls);
    CHECK_LE(stats.cpu_ns, stats.wall_ns);
    CHECK_LE(stats.self_cpu_ns, stats.self_wall_ns);
    CHECK_EQ(stats.blocked_ns, stats.wall_ns - stats.cpu_ns);
}

static void a_spinning_operation_has_cpu_time(void) {
    span sum = {0, 0, 0};
    spinning = prognos_op_named("spinning");
    call(spinning); /* the thread's first call prepares its clock */
    sum.calls = 1;
    for (int i = 0; i < 40; i++) {
        uint64_t wall = clock_ns(CLOCK_MONOTONIC), cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID);
        prognos_begin(spinning);
        spin_cpu_ns(5000000);
        prognos_end(spinning);
        add(&sum, wall, cpu);
    }
    check_span(spinning, sum, sum.cpu);
}

static void a_sleeping_operation_has_little_cpu_time_and_its_switches(void) {
    span sum = {0, 0, 0};
    sleeping = prognos_op_named("sleeping");
    call(sleeping);
    sum.calls = 1;
    for (int i = 0; i < 40; i++) {
        uint64_t wall = clock_ns(CLOCK_MONOTONIC), cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID);
        prognos_begin(sleeping);
        sleep_ns(5000000);
        prognos_end(sleeping);
        add(&sum, wall, cpu);
    }
    check_span(sleeping, sum, sum.wall); /* waking up on a cold cache takes some 10 us */
    prognos_op_stats stats = stats_of(sleeping);
    CHECK_LE(stats.cpu_ns, stats.wall_ns / 10);
    CHECK_LE(40, stats.voluntary_switches);
    CHECK_LE(stats.voluntary_switches, 60);
    CHECK_LT(0, diagnostics().clock_syncs);
}

static void an_inner_sleep_is_the_callers_as_well(void) {
    span sum = {0, 0, 0};
    mixed = prognos_op_named("mixed");
    step = prognos_op_named("step");
    call(mixed);
    sum.calls = 1;
    for (int i = 0; i < 30; i++) {
        uint64_t wall = clock_ns(CLOCK_MONOTONIC), cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID);
        prognos_begin(mixed);
        spin_cpu_ns(1000000);
        prognos_begin(step);
        sleep_ns(3000000);
        prognos_end(step);
        spin_cpu_ns(1000000);
        prognos_end(mixed);
        add(&sum, wall, cpu);
    }
    check_span(mixed, sum, sum.cpu);
    prognos_op_stats out = stats_of(mixed), in = stats_of(step);
    CHECK_LE(30, in.voluntary_switches);
    CHECK_LE(in.voluntary_switches, out.voluntary_switches);
    CHECK_LE(30u * 3000000u / 100 * 99, in.blocked_ns);
    CHECK_LE(in.blocked_ns, out.blocked_ns);
    CHECK_LE(30u * 2000000u / 100 * 98, out.self_cpu_ns);
}

static pthread_barrier_t together;
static span preempted[THREADS_MOST];

static void *compete(void *number) {
    span *sum = &preempted[(uintptr_t)number];
    call(spinning);
    sum->calls = 1;
    pthread_barrier_wait(&together);
    for (int i = 0; i < 30; i++) {
        uint64_t wall = clock_ns(CLOCK_MONOTONIC), cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID);
        prognos_begin(spinning);
        spin_cpu_ns(3000000);
        prognos_end(spinning);
        add(sum, wall, cpu);
        if (i % 10 == 9) sleep_ns(1000000); /* between two calls, it belongs to none */
    }
    return NULL;
}

static void preempted_operations_have_their_own_cpu_time(void) {
    pthread_t threads[THREADS_MOST];
    span all = {0, 0, 0};
    cpu_set_t allowed;
    NEED(sched_getaffinity(0, sizeof allowed, &allowed) == 0);
    /* Two CPUs at most, so that more threads than CPUs are few threads and a short test. */
    int cpus = 0;
    for (int i = 0; i < CPU_SETSIZE; i++)
        if (CPU_ISSET(i, &allowed) && ++cpus > 2) CPU_CLR(i, &allowed);
    if (cpus > 2) cpus = 2;
    NEED(sched_setaffinity(0, sizeof allowed, &allowed) == 0);
    int count = 3 * cpus;
    spinning = prognos_op_named("spinning");
    pthread_barrier_init(&together, NULL, (unsigned)count);
    for (int i = 0; i < count; i++)
        threads[i] = started(compete, (void *)(uintptr_t)i);
    for (int i = 0; i < count; i++)
        joined(threads[i]);
    for (int i = 0; i < count; i++) {
        all.wall += preempted[i].wall;
        all.cpu += preempted[i].cpu;
        all.calls += preempted[i].calls;
    }
    check_span(spinning, all, all.cpu);
    prognos_op_stats stats = stats_of(spinning);
    CHECK_LT(0, stats.involuntary_switches);
    CHECK_LE(stats.cpu_ns, stats.wall_ns / 2); /* three threads share a CPU */
}

static void the_clock_is_the_one_asked_for(void) {
    const char *clock = getenv("PROGNOS_CPU_CLOCK"), *source = getenv("PROGNOS_TIME_SOURCE");
    call(prognos_op_named("op"));
    prognos_capabilities live = capabilities();
    printf("     cpu_clock %s (%s), time_source %s (%s)\n", live.cpu_clock, live.cpu_clock_reason,
           live.time_source, live.time_source_reason);
    if (clock && strcmp(clock, "perf") != 0) CHECK_TEXT(live.cpu_clock, clock);
    if (source) CHECK_TEXT(live.time_source, source);
}

CHECK_MAIN(CASE(the_clock_is_the_one_asked_for), CASE(a_spinning_operation_has_cpu_time),
           CASE(a_sleeping_operation_has_little_cpu_time_and_its_switches),
           CASE(an_inner_sleep_is_the_callers_as_well),
           CASE(preempted_operations_have_their_own_cpu_time))
