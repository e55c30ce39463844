/* SPDX-License-Identifier: Apache-2.0 */
/* Waits for other threads: by operation, and only where there was one to wait for; what locks do stays the same. */
#include "host.h"

#include <errno.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <threads.h>

enum { held_ns = 80000000, seen_ns = 20000000 };

static void wait_ns(long ns) {
    struct timespec length = {0, ns};
    nanosleep(&length, NULL);
}

static void start(void) {
    CHECK_STATUS(prognos_start(NULL, 0), PROGNOS_OK);
}

/* What a lock is, and how it is taken and let go. */
typedef struct kind {
    void (*take)(void);
    void (*leave)(void);
} kind;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_spinlock_t spin;
static mtx_t standard;

static void take_mutex(void) {
    pthread_mutex_lock(&mutex);
}
static void leave_mutex(void) {
    pthread_mutex_unlock(&mutex);
}
static void take_timed(void) {
    struct timespec end;
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += 60;
    CHECK_EQ(pthread_mutex_timedlock(&mutex, &end), 0);
}
static void take_read(void) {
    pthread_rwlock_rdlock(&rwlock);
}
static void take_write(void) {
    pthread_rwlock_wrlock(&rwlock);
}
static void leave_rwlock(void) {
    pthread_rwlock_unlock(&rwlock);
}
static void take_spin(void) {
    pthread_spin_lock(&spin);
}
static void leave_spin(void) {
    pthread_spin_unlock(&spin);
}
static void take_standard(void) {
    mtx_lock(&standard);
}
static void leave_standard(void) {
    mtx_unlock(&standard);
}

static prognos_op holder_op, waiter_op;
static atomic_int is_held;

/* Holds it until the other thread has surely come for it. */
static void *hold(void *argument) {
    const kind *lock = argument;
    prognos_begin(holder_op);
    lock->take();
    is_held = 1;
    wait_ns(held_ns);
    lock->leave();
    prognos_end(holder_op);
    return NULL;
}

static void waits_for(kind lock, kind held_as) {
    pthread_t thread;
    prognos_op_stats before = stats_of(waiter_op);
    is_held = 0;
    NEED(pthread_create(&thread, NULL, hold, &held_as) == 0);
    while (!is_held)
        sched_yield();
    prognos_begin(waiter_op);
    lock.take();
    lock.leave();
    prognos_end(waiter_op);
    pthread_join(thread, NULL);
    prognos_op_stats after = stats_of(waiter_op);
    CHECK_EQ(after.lock_waits - before.lock_waits, 1);
    CHECK(after.lock_wait_ns - before.lock_wait_ns >= seen_ns);
}

static void locks_of_every_kind(void) {
    start();
    holder_op = prognos_op_named("holder");
    waiter_op = prognos_op_named("waiter");
    pthread_spin_init(&spin, PTHREAD_PROCESS_PRIVATE);
    mtx_init(&standard, mtx_timed);
    kind plain = {take_mutex, leave_mutex}, timed = {take_timed, leave_mutex};
    kind read = {take_read, leave_rwlock}, write = {take_write, leave_rwlock};
    waits_for(plain, plain);
    waits_for(timed, plain);
    waits_for(read, write);
    waits_for(write, read);
    waits_for((kind){take_spin, leave_spin}, (kind){take_spin, leave_spin});
    waits_for((kind){take_standard, leave_standard}, (kind){take_standard, leave_standard});
    CHECK_EQ(stats_of(holder_op).lock_waits, 0);
}

static void a_lock_that_is_free_is_no_wait(void) {
    start();
    prognos_op op = prognos_op_named("op");
    prognos_begin(op);
    for (int i = 0; i < 1000; i++) {
        take_mutex();
        leave_mutex();
        take_read();
        leave_rwlock();
    }
    prognos_end(op);
    CHECK_EQ(stats_of(op).lock_waits, 0);
    CHECK_EQ(stats_of(op).lock_wait_ns, 0);
}

static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static sem_t semaphore;
static int is_said;

static void *say(void *argument) {
    (void)argument;
    wait_ns(held_ns);
    pthread_mutex_lock(&mutex);
    is_said = 1;
    pthread_cond_signal(&condition);
    pthread_mutex_unlock(&mutex);
    wait_ns(held_ns);
    sem_post(&semaphore);
    wait_ns(held_ns);
    return NULL;
}

static void signals_of_every_kind(void) {
    pthread_t thread;
    start();
    prognos_op op = prognos_op_named("op");
    sem_init(&semaphore, 0, 0);
    NEED(pthread_create(&thread, NULL, say, NULL) == 0);
    uint64_t before = 0;
    for (int kind = 0; kind < 3; kind++) {
        prognos_begin(op);
        if (kind == 0) {
            pthread_mutex_lock(&mutex);
            while (!is_said)
                pthread_cond_wait(&condition, &mutex);
            pthread_mutex_unlock(&mutex);
        } else if (kind == 1) {
            CHECK_EQ(sem_wait(&semaphore), 0);
        } else {
            CHECK_EQ(pthread_join(thread, NULL), 0);
        }
        prognos_end(op);
        uint64_t waited = stats_of(op).signal_wait_ns;
        CHECK(waited - before >= seen_ns);
        before = waited;
    }
    CHECK_EQ(stats_of(op).lock_waits, 0);
}

static void *take_and_die(void *lock) {
    pthread_mutex_lock(lock);
    return NULL;
}

/* Results and semantics are those of the C library. */
static void locks_behave_as_they_did(void) {
    struct timespec past = {0, 0};
    pthread_mutexattr_t attributes;
    pthread_mutex_t checked, recursive, robust;
    pthread_t thread;
    start();
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK);
    pthread_mutex_init(&checked, &attributes);
    CHECK_EQ(pthread_mutex_lock(&checked), 0);
    CHECK_EQ(pthread_mutex_lock(&checked), EDEADLK);
    CHECK_EQ(pthread_mutex_timedlock(&checked, &past), EDEADLK);
    CHECK_EQ(pthread_mutex_unlock(&checked), 0);
    CHECK_EQ(pthread_mutex_unlock(&checked), EPERM);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&recursive, &attributes);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(pthread_mutex_lock(&recursive), 0);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(pthread_mutex_unlock(&recursive), 0);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_NORMAL);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(&robust, &attributes);
    NEED(pthread_create(&thread, NULL, take_and_die, &robust) == 0);
    pthread_join(thread, NULL);
    CHECK_EQ(pthread_mutex_lock(&robust), EOWNERDEAD);
    CHECK_EQ(pthread_mutex_consistent(&robust), 0);
    CHECK_EQ(pthread_mutex_unlock(&robust), 0);
    take_mutex();
    CHECK_EQ(pthread_cond_timedwait(&condition, &mutex, &past), ETIMEDOUT);
    leave_mutex();
    sem_init(&semaphore, 0, 0);
    errno = 0;
    CHECK_EQ(sem_timedwait(&semaphore, &past), -1);
    CHECK_EQ(errno, ETIMEDOUT);
}

CHECK_MAIN(CASE(locks_of_every_kind), CASE(a_lock_that_is_free_is_no_wait),
           CASE(signals_of_every_kind), CASE(locks_behave_as_they_did))
