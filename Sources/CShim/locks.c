// SPDX-License-Identifier: Apache-2.0
// What stands in for calls that wait for other threads. A lock that is free is taken by the call that does not
// wait, and costs no reading of the clock. Calls that set others free are replaced only while an experiment
// runs (Capture/Experiment.swift): what delay a thread still owes it must have taken by then.
#define _GNU_SOURCE
#include "shim.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <threads.h>

// Who holds it, as glibc notes it; 0 where it does not.
#define MUTEX_OWNER(lock) (uint32_t)((pthread_mutex_t *)(lock))->__data.__owner
#define WRITER(lock) (uint32_t)((pthread_rwlock_t *)(lock))->__data.__cur_writer
#define NOBODY(lock) 0

// IS(name, the call that does not wait, its argument's type, its result when another thread holds it, the holder)
// clang-format off
#define LOCKS(IS)                                                                                  \
    IS(pthread_mutex_lock, pthread_mutex_trylock, pthread_mutex_t, EBUSY, MUTEX_OWNER)             \
    IS(pthread_mutex_timedlock, pthread_mutex_trylock, pthread_mutex_t, EBUSY, MUTEX_OWNER)        \
    IS(pthread_mutex_clocklock, pthread_mutex_trylock, pthread_mutex_t, EBUSY, MUTEX_OWNER)        \
    IS(pthread_rwlock_rdlock, pthread_rwlock_tryrdlock, pthread_rwlock_t, EBUSY, WRITER)           \
    IS(pthread_rwlock_timedrdlock, pthread_rwlock_tryrdlock, pthread_rwlock_t, EBUSY, WRITER)      \
    IS(pthread_rwlock_clockrdlock, pthread_rwlock_tryrdlock, pthread_rwlock_t, EBUSY, WRITER)      \
    IS(pthread_rwlock_wrlock, pthread_rwlock_trywrlock, pthread_rwlock_t, EBUSY, WRITER)           \
    IS(pthread_rwlock_timedwrlock, pthread_rwlock_trywrlock, pthread_rwlock_t, EBUSY, WRITER)      \
    IS(pthread_rwlock_clockwrlock, pthread_rwlock_trywrlock, pthread_rwlock_t, EBUSY, WRITER)      \
    IS(pthread_spin_lock, pthread_spin_trylock, pthread_spinlock_t, EBUSY, NOBODY)                 \
    IS(mtx_lock, mtx_trylock, mtx_t, thrd_busy, MUTEX_OWNER)                                       \
    IS(mtx_timedlock, mtx_trylock, mtx_t, thrd_busy, MUTEX_OWNER)

// Waits for what another thread says: IS(name, the result of one that it did not say).
#define SIGNALS(IS)                                                                                \
    IS(pthread_cond_wait, EPERM) IS(pthread_cond_timedwait, ETIMEDOUT)                             \
    IS(pthread_cond_clockwait, ETIMEDOUT) IS(cnd_wait, thrd_error)                                 \
    IS(cnd_timedwait, thrd_timedout) IS(sem_wait, -1) IS(sem_timedwait, -1) IS(sem_clockwait, -1)  \
    IS(pthread_join, EINVAL) IS(pthread_timedjoin_np, ETIMEDOUT)                                   \
    IS(pthread_clockjoin_np, ETIMEDOUT) IS(thrd_join, thrd_error) IS(pthread_barrier_wait, EINVAL)

// What may let another thread go on.
#define RELEASES(IS)                                                                               \
    IS(pthread_mutex_unlock) IS(pthread_rwlock_unlock) IS(pthread_spin_unlock) IS(mtx_unlock)      \
    IS(pthread_cond_signal) IS(pthread_cond_broadcast) IS(cnd_signal) IS(cnd_broadcast)            \
    IS(sem_post)
// clang-format on

enum {
#define LOCK_NUMBER(name, ...) at_##name,
#define NUMBER(name) at_##name,
    LOCKS(LOCK_NUMBER) SIGNALS(LOCK_NUMBER) wait_count,
};
enum { RELEASES(NUMBER) release_count };

static shim_hook waits[wait_count], releases[release_count];
static bool uses_counter;

static inline uint64_t now(void) {
    return __builtin_expect(uses_counter, 1) ? shim_counter() : shim_monotonic_ns();
}

#define PARAMETERS long a, long b, long c, long d
#define CALL(hook) ((int (*)(PARAMETERS))(hook).original)(a, b, c, d)

__attribute__((noinline)) static int wait_for_lock(int number, uint32_t owner, PARAMETERS) {
    uint32_t holder = shim_operation_of_thread(owner);
    uint64_t debt = shim_debt_now(), start = now();
    int result = CALL(waits[number]);
    shim_waited(shim_wait_lock, holder, now() - start, debt, result == 0);
    return result;
}

#define LOCK_BODY(name, try_it, type, busy, owner)                                                 \
    static int hooked_##name(PARAMETERS) {                                                         \
        int result = try_it((type *)a);                                                            \
        if (__builtin_expect(result != (busy), 1)) return result;                                  \
        return wait_for_lock(at_##name, owner(a), a, b, c, d);                                     \
    }
LOCKS(LOCK_BODY)

// Nothing is noted before the call: a thread that is cancelled in it never comes back here.
__attribute__((noinline)) static int wait_for_signal(int number, int unsaid, PARAMETERS) {
    if (__builtin_expect(shim_debt_now() != 0, 0)) shim_releasing();
    uint64_t debt = shim_debt_now(), start = now();
    int result = CALL(waits[number]);
    shim_waited(shim_wait_signal, 0, now() - start, debt, result != unsaid);
    return result;
}

#define SIGNAL_BODY(name, unsaid)                                                                  \
    static int hooked_##name(PARAMETERS) {                                                         \
        return wait_for_signal(at_##name, unsaid, a, b, c, d);                                     \
    }
SIGNALS(SIGNAL_BODY)

#define RELEASE_BODY(name)                                                                         \
    static int hooked_##name(PARAMETERS) {                                                         \
        shim_releasing();                                                                          \
        return CALL(releases[at_##name]);                                                          \
    }
RELEASES(RELEASE_BODY)

#define LOCK_ENTRY(called, ...) [at_##called] = {.name = #called, .replacement = hooked_##called},
#define ENTRY(called) [at_##called] = {.name = #called, .replacement = hooked_##called},
static shim_hook waits[wait_count] = {LOCKS(LOCK_ENTRY) SIGNALS(LOCK_ENTRY)};
static shim_hook releases[release_count] = {RELEASES(ENTRY)};

uint64_t shim_debt;

void shim_locks_find(bool counter) {
    uses_counter = counter;
    shim_hooks_find(waits, wait_count);
    shim_hooks_find(releases, release_count);
}

void shim_locks_patch(bool install) {
    shim_hooks_patch(waits, wait_count, install, NULL);
}

void shim_releases_patch(bool install) {
    shim_hooks_patch(releases, release_count, install, NULL);
}
