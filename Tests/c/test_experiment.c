/* SPDX-License-Identifier: Apache-2.0 */
/* Causal experiments: their calls, what they leave of the host, and that they tell which operation is worth most. */
#include "host.h"

#include <stdatomic.h>

static atomic_bool is_over;
static prognos_op cycle, large, small;

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void pause_ns(long ns) {
    struct timespec length = {0, ns};
    nanosleep(&length, NULL);
}

static void name(void) {
    cycle = prognos_op_named("cycle");
    large = prognos_op_named("large");
    small = prognos_op_named("small");
}

static void one_cycle(void) {
    prognos_begin(cycle);
    prognos_begin(large);
    pause_ns(2000000);
    prognos_end(large);
    prognos_begin(small);
    pause_ns(500000);
    prognos_end(small);
    prognos_end(cycle);
}

static void *cycles(void *took) {
    while (!is_over) {
        uint64_t begun = now_ns();
        one_cycle();
        if (took) *(uint64_t *)took += now_ns() - begun;
    }
    return NULL;
}

static prognos_experiment experiment(void) {
    prognos_experiment found;
    memset(&found, 0xA5, sizeof found);
    CHECK_STATUS(prognos_experiment_read(&found, sizeof found), PROGNOS_OK);
    return found;
}

static void errors_are_told(void) {
    prognos_experiment found;
    name();
    CHECK_STATUS(prognos_experiment_start(cycle, 1), PROGNOS_NOT_STARTED);
    CHECK_STATUS(prognos_experiment_stop(), PROGNOS_NOT_STARTED);
    CHECK_STATUS(prognos_start(NULL, 0), PROGNOS_OK);
    CHECK_STATUS(prognos_experiment_read(&found, sizeof found), PROGNOS_NOT_ENOUGH_DATA);
    CHECK_STATUS(prognos_experiment_start(cycle, 0), PROGNOS_INVALID_ARGUMENT);
    CHECK_STATUS(prognos_experiment_start(cycle, 3601), PROGNOS_INVALID_ARGUMENT);
    CHECK_STATUS(prognos_experiment_start(0, 1), PROGNOS_UNKNOWN_HANDLE);
    CHECK_STATUS(prognos_experiment_start(99, 1), PROGNOS_UNKNOWN_HANDLE);
    CHECK_STATUS(prognos_experiment_stop(), PROGNOS_NOT_STARTED);
    CHECK_STATUS(prognos_experiment_start(cycle, 60), PROGNOS_OK);
    CHECK_STATUS(prognos_experiment_start(cycle, 60), PROGNOS_ALREADY_STARTED);
    CHECK_EQ(experiment().state, PROGNOS_EXPERIMENT_RUNNING);
    CHECK_STATUS(prognos_experiment_stop(), PROGNOS_OK);
    CHECK_EQ(experiment().state, PROGNOS_EXPERIMENT_STOPPED);
    CHECK_STATUS(prognos_experiment_read(NULL, sizeof found), PROGNOS_INVALID_ARGUMENT);
    CHECK_STATUS(prognos_experiment_start(cycle, 60), PROGNOS_OK);
    CHECK_STATUS(prognos_stop(), PROGNOS_OK);
    CHECK_EQ(experiment().state, PROGNOS_EXPERIMENT_STOPPED);
}

static void it_needs_the_hooks_of_locks(void) {
    prognos_options options;
    prognos_options_default(&options, sizeof options);
    options.track = PROGNOS_TRACK_CPU;
    name();
    CHECK_STATUS(prognos_start(&options, sizeof options), PROGNOS_OK);
    CHECK_STATUS(prognos_experiment_start(cycle, 1), PROGNOS_UNSUPPORTED);
}

/* One thread, four fifths of whose time are one operation: Amdahl's law. */
static void the_larger_part_is_worth_more(void) {
    pthread_t thread;
    prognos_bottleneck found[8];
    size_t count = 0;
    name();
    CHECK_STATUS(prognos_start(NULL, 0), PROGNOS_OK);
    NEED(pthread_create(&thread, NULL, cycles, NULL) == 0);
    pause_ns(300000000);
    CHECK_STATUS(prognos_experiment_start(cycle, 8), PROGNOS_OK);
    while (experiment().state == PROGNOS_EXPERIMENT_RUNNING)
        pause_ns(100000000);
    is_over = true;
    pthread_join(thread, NULL);
    prognos_experiment whole = experiment();
    CHECK_EQ(whole.state, PROGNOS_EXPERIMENT_FINISHED);
    CHECK_EQ(whole.progress, cycle);
    CHECK(whole.rounds >= 12);
    CHECK(whole.rate_per_s > 50 && whole.rate_per_s < 410);
    CHECK_STATUS(prognos_assess(), PROGNOS_OK);
    CHECK_STATUS(prognos_bottleneck_read(found, sizeof found[0], 8, &count), PROGNOS_OK);
    NEED(count >= 2);
    CHECK_EQ(found[0].op, large);
    CHECK_TEXT(found[0].method, "experiment");
    /* 1 / (1 - 0.4) - 1 = 0.67; sleeps take longer than they are asked to. */
    CHECK(found[0].gain_ratio_50 > 0.3 && found[0].gain_ratio_50 < 1.5);
    CHECK(found[0].gain_ratio_10 < found[0].gain_ratio_50);
    CHECK(found[0].gain_ratio_50 < found[0].gain_ratio_100);
    char *text = rendered(PROGNOS_JSON);
    CHECK_CONTAINS(text, "\"experiment\": {");
    free(text);
    text = rendered(PROGNOS_TEXT);
    CHECK_CONTAINS(text, "experiment for more of cycle");
    free(text);
}

/* Two threads: while one runs what is tried, the other one is delayed, and its calls do not show it. */
static void delays_are_no_part_of_durations(void) {
    pthread_t thread[2];
    uint64_t took[2] = {0, 0};
    name();
    CHECK_STATUS(prognos_start(NULL, 0), PROGNOS_OK);
    for (int i = 0; i < 2; i++)
        NEED(pthread_create(&thread[i], NULL, cycles, &took[i]) == 0);
    pause_ns(200000000);
    CHECK_STATUS(prognos_experiment_start(cycle, 4), PROGNOS_OK);
    while (experiment().state == PROGNOS_EXPERIMENT_RUNNING)
        pause_ns(100000000);
    is_over = true;
    for (int i = 0; i < 2; i++)
        pthread_join(thread[i], NULL);
    uint64_t delayed = experiment().delayed_ns;
    CHECK(delayed > 100000000);
    /* What the host measured around the calls has the delays of both threads. */
    CHECK(took[0] + took[1] - stats_of(cycle).wall_ns > delayed);
    CHECK(stats_of(cycle).wall_ns + 3 * delayed > took[0] + took[1]);
}

static void a_forked_child_runs_none(void) {
    pthread_t thread;
    int result = -1;
    name();
    CHECK_STATUS(prognos_start(NULL, 0), PROGNOS_OK);
    NEED(pthread_create(&thread, NULL, cycles, NULL) == 0);
    CHECK_STATUS(prognos_experiment_start(cycle, 30), PROGNOS_OK);
    pause_ns(300000000);
    fflush(NULL);
    pid_t child = fork();
    NEED(child >= 0);
    if (child == 0) {
        prognos_experiment found;
        check_failures = 0;
        for (int i = 0; i < 20; i++)
            one_cycle();
        CHECK_STATUS(prognos_experiment_read(&found, sizeof found), PROGNOS_NOT_ENOUGH_DATA);
        CHECK_EQ(count_of(cycle), 20);
        CHECK_STATUS(prognos_experiment_start(cycle, 1), PROGNOS_OK);
        CHECK_STATUS(prognos_experiment_stop(), PROGNOS_OK);
        fflush(NULL);
        _exit(check_failures != 0);
    }
    NEED(waitpid(child, &result, 0) == child);
    CHECK_EQ(result, 0);
    CHECK_EQ(experiment().state, PROGNOS_EXPERIMENT_RUNNING);
    CHECK_STATUS(prognos_experiment_stop(), PROGNOS_OK);
    is_over = true;
    pthread_join(thread, NULL);
}

CHECK_MAIN(CASE(errors_are_told), CASE(it_needs_the_hooks_of_locks),
           CASE(the_larger_part_is_worth_more), CASE(delays_are_no_part_of_durations),
           CASE(a_forked_child_runs_none))
