/* SPDX-License-Identifier: Apache-2.0 */
/* Coroutines on ucontext(3) that two threads take turns to run; and the same jobs without them. */
#define _GNU_SOURCE 1
#include "async.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <ucontext.h>

enum { THREADS = 2, STACK_BYTES = 64 << 10 };

typedef struct coroutine {
    ucontext_t context, *caller;
    struct coroutine *next;
    void *stack;
    job *work;
    prognos_span span;
    bool is_done;
} coroutine;

/* Who waits for a thread, first come, first served. */
static struct {
    pthread_mutex_t mutex;
    coroutine *first, **last;
} ready = {PTHREAD_MUTEX_INITIALIZER, NULL, &ready.first};

static void put(coroutine *one) {
    pthread_mutex_lock(&ready.mutex);
    one->next = NULL;
    *ready.last = one;
    ready.last = &one->next;
    pthread_mutex_unlock(&ready.mutex);
}

static coroutine *take(void) {
    pthread_mutex_lock(&ready.mutex);
    coroutine *one = ready.first;
    if (one) {
        ready.first = one->next;
        if (!one->next) ready.last = &ready.first;
    }
    pthread_mutex_unlock(&ready.mutex);
    return one;
}

static _Thread_local coroutine *running;

/* Not inlined: a coroutine goes on on another thread, whose `running` lies elsewhere. */
__attribute__((noinline)) static coroutine *current(void) {
    return running;
}

__attribute__((noinline)) static void set_current(coroutine *one) {
    running = one;
}

/* The span is entered while the job runs, and only then: what the scheduler does is not its own. */
void pause_here(void) {
    coroutine *self = current();
    if (!self) return;
    prognos_span_leave(self->span);
    swapcontext(&self->context, self->caller);
    prognos_span_enter(self->span);
}

static void coroutine_main(void) {
    coroutine *self = current();
    prognos_span_enter(self->span);
    run_job(self->work);
    prognos_span_end(self->span);
    self->is_done = true;
    setcontext(self->caller);
}

static void *run_coroutines(void *unused) {
    ucontext_t here;
    coroutine *one;
    /* Empty for a moment is no reason to stop while the other thread has one; it is one job less. */
    while ((one = take())) {
        one->caller = &here;
        set_current(one);
        swapcontext(&here, &one->context);
        set_current(NULL);
        if (!one->is_done) {
            put(one);
        } else {
            free(one->stack);
            free(one);
        }
    }
    return unused;
}

static void on_all_threads(void *(*run)(void *)) {
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, run, NULL) != 0) abort();
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

void run_interleaved(job *jobs, unsigned count, const prognos_op *ops,
                     const prognos_session *sessions) {
    for (unsigned i = 0; i < count; i++) {
        coroutine *one = calloc(1, sizeof *one);
        if (!one || !(one->stack = malloc(STACK_BYTES))) abort();
        one->work = &jobs[i];
        getcontext(&one->context);
        one->context.uc_stack.ss_sp = one->stack;
        one->context.uc_stack.ss_size = STACK_BYTES;
        makecontext(&one->context, coroutine_main, 0);
        prognos_session_enter(sessions[i]); /* the span counts there */
        one->span = prognos_span_begin(ops[i]);
        prognos_session_leave(sessions[i]);
        put(one);
    }
    on_all_threads(run_coroutines);
}

/* ---- without coroutines ---- */

static struct {
    job *jobs;
    const prognos_op *ops;
    unsigned count, next;
} plain;

static void *run_plainly(void *unused) {
    unsigned i;
    while ((i = __atomic_fetch_add(&plain.next, 1, __ATOMIC_RELAXED)) < plain.count) {
        prognos_begin(plain.ops[i]);
        run_job(&plain.jobs[i]);
        prognos_end(plain.ops[i]);
    }
    return unused;
}

void run_one_by_one(job *jobs, unsigned count, const prognos_op *ops) {
    plain.jobs = jobs;
    plain.ops = ops;
    plain.count = count;
    plain.next = 0;
    on_all_threads(run_plainly);
}
