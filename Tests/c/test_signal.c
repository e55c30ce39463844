/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hot calls from a signal handler. One that interrupts another hot call on its own thread is left
 * out and counted as reentered; every other one counts like any call.
 */
#include "host.h"

#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/time.h>

#define SIGNALS 5000u

static prognos_op looping, nested, handling;
static volatile sig_atomic_t handled;
static sem_t one_handled;
static atomic_bool finished;
static _Atomic uint64_t loops;

static void handled_one(void) {
    handled++;
    sem_post(&one_handled);
}

static void begin_and_end(int signal) {
    (void)signal;
    prognos_begin(handling);
    prognos_end(handling);
    handled_one();
}

static void work(int signal) {
    (void)signal;
    prognos_work(1);
    handled_one();
}

static void fail(int signal) {
    (void)signal;
    prognos_fail("signal");
    handled_one();
}

static void recurse(int signal) {
    (void)signal;
    prognos_begin(looping); /* the operation that may just be beginning or ending */
    prognos_begin(nested);
    prognos_end(nested);
    prognos_end(looping);
    handled_one();
}

static void handle(int signal, void (*handler)(int)) {
    struct sigaction action;
    NEED(sem_init(&one_handled, 0, 0) == 0);
    memset(&action, 0, sizeof action);
    action.sa_handler = handler;
    action.sa_flags = SA_RESTART;
    NEED(sigaction(signal, &action, NULL) == 0);
}

static void *loop(void *unused) {
    while (!finished) {
        prognos_begin(looping);
        prognos_begin(nested);
        prognos_end(nested);
        prognos_end(looping);
        atomic_store_explicit(&loops, loops + 1, memory_order_relaxed);
    }
    return unused;
}

/* A thread in a begin/end loop, interrupted again and again. */
static void storm(void (*handler)(int)) {
    looping = prognos_op_named("looping");
    nested = prognos_op_named("nested");
    handling = prognos_op_named("handling");
    handle(SIGUSR1, handler);
    pthread_t thread = started(loop, NULL);
    for (unsigned i = 0; i < SIGNALS; i++) {
        int before = handled;
        uint64_t seen = loops;
        NEED(pthread_kill(thread, SIGUSR1) == 0);
        while (handled == before)
            sem_wait(&one_handled); /* those that wait would become one */
        /* Some loops without a signal, so that the next one meets the fast path, too. */
        for (int k = 0; k < 20000 && i % 2 == 0 && loops < seen + i % 97; k++)
            continue;
    }
    finished = true;
    joined(thread);
    CHECK_LT(0, loops);
    CHECK_EQ(handled, SIGNALS);
}

/* What the loop began and ended is all there, whatever interrupted it. */
static void check_loop(uint64_t more) {
    prognos_op_stats out = stats_of(looping), in = stats_of(nested);
    CHECK_EQ(out.count, loops + more);
    CHECK_EQ(in.count, loops + more);
    CHECK_EQ(out.active + in.active, 0);
    CHECK_EQ(out.abandoned + in.abandoned, 0);
    CHECK_EQ(diagnostics().unbalanced_ends, 0);
    CHECK_EQ(diagnostics().unknown_operations, 0);
    CHECK_EQ(diagnostics().too_deep, 0);
    printf("     %u handled, %u left out\n", (unsigned)handled, (unsigned)diagnostics().reentered);
}

static void calls_in_a_handler_count_or_are_left_out(void) {
    storm(begin_and_end);
    check_loop(0);
    prognos_op_stats stats = stats_of(handling);
    CHECK_EQ(2 * stats.count + diagnostics().reentered, 2 * (uint64_t)handled);
    CHECK_EQ(stats.active, 0);
    CHECK_EQ(stats.abandoned, 0);
}

static void recursive_calls_in_a_handler_count_or_are_left_out(void) {
    storm(recurse);
    uint64_t left_out = diagnostics().reentered;
    CHECK_EQ(left_out % 4, 0);
    check_loop((uint64_t)handled - left_out / 4);
}

static void work_in_a_handler_counts_or_is_left_out(void) {
    storm(work);
    check_loop(0);
    prognos_diagnostics drops = diagnostics();
    CHECK_EQ(stats_of(looping).work + stats_of(nested).work + drops.outside_operation +
                 drops.reentered,
             handled);
}

static void failures_in_a_handler_count_or_are_left_out(void) {
    storm(fail);
    check_loop(0);
    prognos_diagnostics drops = diagnostics();
    uint64_t failed = stats_of(looping).failed + stats_of(nested).failed;
    CHECK_LE(failed, handled); /* two of them in one call are one failure */
    CHECK_LE(failed + drops.outside_operation + drops.reentered, handled);
}

static void everything_in_a_handler_between_calls_counts(void) {
    static void (*const handlers[])(int) = {begin_and_end, work, fail, recurse};
    looping = prognos_op_named("looping");
    nested = prognos_op_named("nested");
    handling = prognos_op_named("handling");
    for (int i = 0; i < 4; i++) {
        handle(SIGUSR1, handlers[i]);
        prognos_begin(looping);
        raise(SIGUSR1);
        prognos_end(looping);
    }
    CHECK_EQ(handled, 4);
    CHECK_EQ(count_of(looping), 5);
    CHECK_EQ(count_of(nested), 1);
    CHECK_EQ(count_of(handling), 1);
    CHECK_EQ(stats_of(looping).work, 1);
    CHECK_EQ(stats_of(looping).failed, 1);
    CHECK_EQ(diagnostics().reentered, 0);
    CHECK_EQ(diagnostics().unbalanced_ends, 0);
}

static void a_timer_that_interrupts_everything_is_harmless(void) {
    struct itimerval often = {{0, 50}, {0, 50}}, never = {{0, 0}, {0, 0}};
    looping = prognos_op_named("looping");
    nested = prognos_op_named("nested");
    handling = prognos_op_named("handling");
    handle(SIGPROF, begin_and_end);
    NEED(setitimer(ITIMER_PROF, &often, NULL) == 0);
    /* Also while names are added, profiles read and errors told. */
    for (int i = 0; i < 200; i++) {
        char name[32];
        snprintf(name, sizeof name, "name-%d", i);
        prognos_begin(looping);
        call(prognos_op_named(name));
        for (int k = 0; k < 2000; k++)
            call(nested);
        prognos_end(looping);
        prognos_op_named("");
        free(rendered(PROGNOS_TEXT));
    }
    NEED(setitimer(ITIMER_PROF, &never, NULL) == 0);
    CHECK_LT(0, handled);
    CHECK_EQ(count_of(looping), 200);
    CHECK_EQ(count_of(nested), 400000);
    CHECK_EQ(2 * count_of(handling) + diagnostics().reentered, 2 * (uint64_t)handled);
    CHECK_EQ(diagnostics().unbalanced_ends, 0);
}

static void safe_calls_are_safe_in_a_handler(int signal) {
    (void)signal;
    prognos_set_enabled(prognos_is_enabled());
    if (prognos_op_count() != 3 || prognos_op_name(1) == NULL) abort();
    if (prognos_version()[0] == 0 || prognos_status_text(PROGNOS_OK)[0] == 0) abort();
    handled_one();
}

static void the_calls_that_are_signal_safe_may_interrupt_all_others(void) {
    storm(safe_calls_are_safe_in_a_handler);
    check_loop(0);
    CHECK_EQ(diagnostics().reentered, 0);
}

static sigjmp_buf outside;

static void leave(int signal) {
    (void)signal;
    siglongjmp(outside, 1);
}

/* A timeout that leaves a loop by siglongjmp, now and then out of the middle of a hot call. */
static void a_handler_that_leaves_by_siglongjmp_silences_nobody(void) {
    prognos_op outer = prognos_op_named("outer");
    nested = prognos_op_named("nested");
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = leave;
    NEED(sigaction(SIGALRM, &action, NULL) == 0);
    for (volatile int i = 0; i < 200; i++) {
        struct itimerval after = {{0, 0}, {0, 1000}};
        prognos_begin(outer);
        if (sigsetjmp(outside, 1) == 0) {
            NEED(setitimer(ITIMER_REAL, &after, NULL) == 0);
            for (;;)
                call(nested);
        }
        prognos_end(outer);
    }
    CHECK_EQ(count_of(outer), 200);
    CHECK_EQ(stats_of(outer).active, 0);
    CHECK_EQ(stats_of(nested).active, 0);
    uint64_t before = count_of(nested);
    for (int i = 0; i < 10; i++)
        call(nested);
    CHECK_EQ(count_of(nested), before + 10);
}

CHECK_MAIN(CASE(calls_in_a_handler_count_or_are_left_out),
           CASE(recursive_calls_in_a_handler_count_or_are_left_out),
           CASE(work_in_a_handler_counts_or_is_left_out),
           CASE(failures_in_a_handler_count_or_are_left_out),
           CASE(everything_in_a_handler_between_calls_counts),
           CASE(a_timer_that_interrupts_everything_is_harmless),
           CASE(the_calls_that_are_signal_safe_may_interrupt_all_others),
           CASE(a_handler_that_leaves_by_siglongjmp_silences_nobody))
