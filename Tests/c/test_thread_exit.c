/* SPDX-License-Identifier: Apache-2.0 */
/* Calls in the last moments of a thread and of the process. */
#include "host.h"

#include <sys/mman.h>

static prognos_op op, inner;
static pthread_key_t key;

static void name_both(void) {
    op = prognos_op_named("op");
    inner = prognos_op_named("inner");
}

static void *leave_open(void *unused) {
    prognos_begin(op);
    prognos_begin(inner);
    prognos_work(9);
    return unused;
}

static void *leave_open_and_exit(void *unused) {
    leave_open(unused);
    pthread_exit(NULL);
}

static void *leave_open_and_wait_for_cancellation(void *ready) {
    leave_open(NULL);
    pthread_barrier_wait((pthread_barrier_t *)ready);
    for (;;)
        pause();
    return NULL;
}

static void what_a_thread_leaves_open_is_abandoned(void) {
    pthread_barrier_t ready;
    name_both();
    in_a_thread(leave_open, NULL);
    in_a_thread(leave_open_and_exit, NULL);
    pthread_barrier_init(&ready, NULL, 2);
    pthread_t cancelled = started(leave_open_and_wait_for_cancellation, &ready);
    pthread_barrier_wait(&ready);
    CHECK_EQ(stats_of(op).active, 1);
    NEED(pthread_cancel(cancelled) == 0);
    joined(cancelled);
    for (prognos_op each = op; each <= inner; each++) {
        prognos_op_stats stats = stats_of(each);
        CHECK_EQ(stats.count, 3);
        CHECK_EQ(stats.abandoned, 3);
        CHECK_EQ(stats.active, 0);
    }
    CHECK_EQ(stats_of(inner).work, 27);
    CHECK_EQ(diagnostics().threads, 3);
    CHECK_EQ(diagnostics().threads_now, 0);
}

/* Again and again: the system calls it once more as long as it leaves a value behind. */
static void call_in_destructor(void *left) {
    uintptr_t rounds = (uintptr_t)left;
    prognos_begin(op);
    call(inner);
    prognos_end(op);
    if (rounds > 1) pthread_setspecific(key, (void *)(rounds - 1));
}

static void leave_open_in_destructor(void *unused) {
    leave_open(unused);
}

static void *set_specific(void *value) {
    call(op); /* the library's own destructor is registered before or after the host's */
    pthread_setspecific(key, value);
    return NULL;
}

static void *set_specific_alone(void *value) {
    pthread_setspecific(key, value);
    return NULL;
}

static void check_destructors(int library_first) {
    if (library_first) call(prognos_op_named("first"));
    NEED(pthread_key_create(&key, call_in_destructor) == 0);
    name_both();
    for (uintptr_t rounds = 1; rounds <= 4; rounds++) {
        uint64_t before = count_of(op);
        in_a_thread(set_specific, (void *)rounds);
        CHECK_EQ(count_of(op), before + 1 + rounds);
        in_a_thread(set_specific_alone, (void *)rounds);
        CHECK_EQ(count_of(op), before + 1 + 2 * rounds);
    }
    CHECK_EQ(count_of(inner), 20);
    CHECK_EQ(stats_of(op).active, 0);
    CHECK_EQ(stats_of(op).abandoned, 0);
    CHECK_EQ(diagnostics().unbalanced_ends, 0);
    CHECK_EQ(diagnostics().untracked_calls, 0);
}

static void calls_in_a_destructor_behind_the_librarys_count(void) {
    check_destructors(1);
}

static void calls_in_a_destructor_before_the_librarys_count(void) {
    check_destructors(0);
}

static void what_a_destructor_leaves_open_is_abandoned(void) {
    name_both();
    NEED(pthread_key_create(&key, leave_open_in_destructor) == 0);
    for (int i = 0; i < 10; i++)
        in_a_thread(set_specific, (void *)1);
    CHECK_EQ(stats_of(op).active, 0);
    CHECK_EQ(count_of(op), 20);
    CHECK_EQ(count_of(inner), 10);
    CHECK_EQ(stats_of(inner).abandoned, 10);
}

static void threads_that_end_in_a_destructor_give_their_places_back(void) {
    setenv("PROGNOS_MAX_THREADS", "2", 1);
    name_both();
    NEED(pthread_key_create(&key, call_in_destructor) == 0);
    for (int i = 0; i < 50; i++)
        in_a_thread(set_specific, (void *)4);
    CHECK_EQ(count_of(op), 250);
    CHECK_EQ(diagnostics().untracked_calls, 0);
}

static volatile uint64_t *counted_at_exit;

static void record_at_exit(void) {
    prognos_begin(op);
    call(inner);
    prognos_end(op);
    *counted_at_exit = count_of(op) * 100 + count_of(inner);
    if (prognos_last_error()[0] != 0) *counted_at_exit = 0;
}

static void check_at_exit(void (*leave)(void)) {
    int status = -1;
    counted_at_exit = (volatile uint64_t *)mmap(NULL, 4096, PROT_READ | PROT_WRITE,
                                                MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    fflush(NULL);
    pid_t child = fork();
    NEED(child >= 0);
    if (child == 0) {
        atexit(record_at_exit);
        name_both();
        leave();
        exit(0);
    }
    NEED(waitpid(child, &status, 0) == child);
    CHECK_EQ(status, 0);
    CHECK_EQ(*counted_at_exit, 201);
}

static void leave_with_a_call(void) {
    call(op);
}

static void *exit_from_a_thread_inside(void *unused) {
    call(op);
    exit(0);
    return unused;
}

static void leave_from_a_thread(void) {
    in_a_thread(exit_from_a_thread_inside, NULL);
}

static void calls_in_an_exit_handler_count(void) {
    check_at_exit(leave_with_a_call);
}

static void calls_in_an_exit_handler_on_another_thread_count(void) {
    check_at_exit(leave_from_a_thread);
}

static void *record_while_cancelled(void *op) {
    pthread_cancel(pthread_self());
    call(*(prognos_op *)op); /* makes the thread's lane, and with it the recording */
    pthread_testcancel();
    return NULL;
}

static void a_cancelled_threads_first_call_holds_nobody_up(void) {
    prognos_op op = 1; /* named below: the recording is to be made by the thread */
    pthread_t thread;
    void *result;
    NEED(pthread_create(&thread, NULL, record_while_cancelled, &op) == 0);
    NEED(pthread_join(thread, &result) == 0);
    CHECK(result == PTHREAD_CANCELED);
    op = prognos_op_named("op");
    call(op);
    CHECK_EQ(count_of(op), 1);
}

CHECK_MAIN(CASE(a_cancelled_threads_first_call_holds_nobody_up),
           CASE(what_a_thread_leaves_open_is_abandoned),
           CASE(calls_in_a_destructor_behind_the_librarys_count),
           CASE(calls_in_a_destructor_before_the_librarys_count),
           CASE(what_a_destructor_leaves_open_is_abandoned),
           CASE(threads_that_end_in_a_destructor_give_their_places_back),
           CASE(calls_in_an_exit_handler_count),
           CASE(calls_in_an_exit_handler_on_another_thread_count))
