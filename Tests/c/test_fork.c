/* SPDX-License-Identifier: Apache-2.0 */
/* A forked child begins a recording of its own: names and handles stay, numbers start at zero. */
#include "host.h"

#include <stdatomic.h>

static prognos_op op, other;

/* Runs `in_child` in a forked child; its failed checks are this process's. */
static void check_in_child(void (*in_child)(void)) {
    int status = -1;
    fflush(NULL);
    pid_t child = fork();
    NEED(child >= 0);
    if (child == 0) {
        alarm(60);
        check_failures = 0;
        in_child();
        fflush(NULL);
        _exit(check_failures != 0);
    }
    NEED(waitpid(child, &status, 0) == child);
    CHECK_EQ(status, 0);
}

static void name_both(void) {
    op = prognos_op_named("op");
    other = prognos_op_named("other");
}

static void record_in_child(void) {
    CHECK_EQ(prognos_op_count(), 2);
    CHECK_TEXT(prognos_op_name(op), "op");
    CHECK_EQ(prognos_op_named("other"), other);
    CHECK_EQ(count_of(op), 0);
    CHECK_EQ(stats_of(op).active, 0);
    prognos_diagnostics fresh = diagnostics();
    CHECK_EQ(fresh.threads, 0);
    CHECK_EQ(fresh.threads_now, 0);
    CHECK_EQ(fresh.call_paths, 0);
    CHECK_EQ(fresh.unbalanced_ends, 0);
    CHECK_EQ(fresh.unknown_operations, 0);
    CHECK_EQ(fresh.outside_operation, 0);
    CHECK_EQ(fresh.repaired_names, 0);
    CHECK_EQ(fresh.bad_arguments, 0);
    CHECK_EQ(fresh.clock_syncs, 0);
    for (int i = 0; i < 7; i++)
        call(op);
    prognos_begin(prognos_op_named("of the child"));
    call(other);
    prognos_end(3);
    CHECK_EQ(count_of(op), 7);
    CHECK_EQ(count_of(other), 1);
    CHECK_EQ(prognos_op_count(), 3);
    char *text = rendered(PROGNOS_JSON), pid[32];
    snprintf(pid, sizeof pid, "\"pid\": %d,", (int)getpid());
    CHECK_CONTAINS(text, pid);
    free(text);
}

static void *end_without_begin(void *unused) {
    prognos_end(op); /* this thread's first and only call */
    prognos_work(1);
    return unused;
}

static void a_child_has_numbers_of_its_own(void) {
    name_both();
    in_a_thread(end_without_begin, NULL);
    prognos_op_named(NULL);
    for (int i = 0; i < 5; i++)
        call(op);
    call(0xFFFF);
    prognos_end(op);
    prognos_work(1);
    check_in_child(record_in_child);
    CHECK_EQ(count_of(op), 5);
    CHECK_EQ(count_of(other), 0);
    CHECK_EQ(prognos_op_count(), 2);
    CHECK_EQ(diagnostics().threads_now, 1);
    call(op);
    CHECK_EQ(count_of(op), 6);
}

static void end_the_parents_calls(void) {
    CHECK_EQ(stats_of(op).active, 0);
    prognos_end(other);
    prognos_end(op);
    CHECK_EQ(count_of(op), 0);
    CHECK_EQ(count_of(other), 0);
    CHECK_EQ(diagnostics().unbalanced_ends, 0); /* it was right to end them */
    prognos_end(op);
    CHECK_EQ(diagnostics().unbalanced_ends, 1);
    call(op);
    CHECK_EQ(count_of(op), 1);
    CHECK_EQ(stats_of(op).abandoned, 0);
}

static void a_fork_inside_an_operation_leaves_it_open_in_the_parent_alone(void) {
    name_both();
    prognos_begin(op);
    prognos_begin(other);
    check_in_child(end_the_parents_calls);
    CHECK_EQ(stats_of(op).active, 1);
    prognos_end(other);
    prognos_end(op);
    CHECK_EQ(count_of(op), 1);
    CHECK_EQ(count_of(other), 1);
    CHECK_EQ(diagnostics().unbalanced_ends, 0);
}

static void begin_from_nothing(void) {
    CHECK_EQ(count_of(op), 0);
    prognos_end(op); /* nobody had it open */
    CHECK_EQ(diagnostics().unbalanced_ends, 1);
    call(op);
    CHECK_EQ(count_of(op), 1);
}

static void record_again_and_fork_again(void) {
    record_in_child();
    call(op);
    check_in_child(begin_from_nothing);
    CHECK_EQ(count_of(op), 8);
}

static void a_child_may_fork_again(void) {
    name_both();
    call(op);
    check_in_child(record_again_and_fork_again);
    CHECK_EQ(count_of(op), 1);
}

static atomic_bool finished;
static atomic_uint named;

static void *record_all_the_time(void *counter) {
    uint64_t count = 0;
    char name[32];
    for (; !finished; count++) {
        prognos_begin(op);
        call(other);
        prognos_end(op);
        if (count % 256 != 0 || named > 5000) continue;
        snprintf(name, sizeof name, "new-%u", (unsigned)atomic_fetch_add(&named, 1));
        prognos_op_named(name);
    }
    *(uint64_t *)counter = count;
    return NULL;
}

static void record_next_to_what_the_fork_met(void) {
    CHECK_EQ(count_of(op), 0);
    for (int i = 0; i < 100; i++)
        call(op);
    CHECK_EQ(count_of(op), 100);
    size_t before = prognos_op_count();
    CHECK_EQ(prognos_op_named("of the child"), before + 1);
    for (size_t i = 1; i <= before; i++)
        CHECK_EQ(prognos_op_named(prognos_op_name((prognos_op)i)), i);
    CHECK_EQ(diagnostics().threads, 1);
}

static void a_fork_may_meet_threads_that_record(void) {
    pthread_t threads[3];
    uint64_t counts[3], sum = 0;
    name_both();
    for (int i = 0; i < 3; i++)
        threads[i] = started(record_all_the_time, &counts[i]);
    for (int i = 0; i < 100; i++)
        check_in_child(record_next_to_what_the_fork_met);
    finished = true;
    for (int i = 0; i < 3; i++) {
        joined(threads[i]);
        sum += counts[i];
    }
    CHECK_EQ(count_of(op), sum);
    CHECK_EQ(count_of(other), sum);
    CHECK_EQ(diagnostics().unbalanced_ends, 0);
}

static void stay_off(void) {
    CHECK(!prognos_is_enabled());
    call(op);
    CHECK_EQ(count_of(op), 0);
    prognos_set_enabled(true);
    call(op);
    CHECK_EQ(count_of(op), 1);
}

static void the_flag_is_inherited(void) {
    name_both();
    call(op);
    prognos_set_enabled(false);
    check_in_child(stay_off);
    CHECK(!prognos_is_enabled());
}

CHECK_MAIN(CASE(a_child_has_numbers_of_its_own),
           CASE(a_fork_inside_an_operation_leaves_it_open_in_the_parent_alone),
           CASE(a_child_may_fork_again), CASE(a_fork_may_meet_threads_that_record),
           CASE(the_flag_is_inherited))
