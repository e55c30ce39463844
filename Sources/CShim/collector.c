// SPDX-License-Identifier: Apache-2.0
// The collector's thread, and what it asks of the system: each of it without memory of the host's.
#define _GNU_SOURCE
#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

SHIM_SMALL_BEGIN

enum { collector_stack = 512 * 1024 };

// Odd while a thread runs that is wanted: it is the number of that thread. A thread that finds another number
// is to end.
static uint32_t wanted;
static uint32_t ended; // the number of the thread that ended last
static uint32_t bell;  // rung to wake the thread: what it sleeps on
static uint32_t heard; // the bell's value when the latest finished tick began
static pthread_t thread;
static void (*work)(uint32_t number);

static long futex(uint32_t *word, int operation, uint32_t value, const struct timespec *until) {
    return syscall(SYS_futex, word, operation | FUTEX_PRIVATE_FLAG, value, until, NULL,
                   FUTEX_BITSET_MATCH_ANY);
}

static void *run(void *number) {
    prctl(PR_SET_NAME, "prognos");
    prctl(PR_SET_TIMERSLACK, 1000000ul); // 1 ms: it may wake with others
    shim_thread_hide();
    uint32_t me = (uint32_t)(uintptr_t)number;
    work(me);
    __atomic_store_n(&ended, me, __ATOMIC_RELEASE);
    futex(&ended, FUTEX_WAKE, INT_MAX, NULL);
    return NULL;
}

static bool create(void *(*entry)(void *), void *argument, size_t stack) {
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0) return false;
    if (stack != 0) pthread_attr_setstacksize(&attributes, stack);
    sigset_t all, before; // the host's signals are for the host's threads
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&thread, &attributes, entry, argument);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
    return failed == 0;
}

bool shim_collector_start(void (*body)(uint32_t number)) {
    __atomic_store_n(&wanted, wanted + 1, __ATOMIC_RELEASE);
    void *argument = (void *)(uintptr_t)wanted;
    work = body;
    // A program with much thread-local data may need more stack than that.
    if (create(run, argument, collector_stack) || create(run, argument, 0)) return true;
    __atomic_store_n(&wanted, wanted + 1, __ATOMIC_RELEASE);
    return false;
}

bool shim_collector_is_wanted(uint32_t number) {
    return __atomic_load_n(&wanted, __ATOMIC_ACQUIRE) == number;
}

bool shim_collector_is_me(void) {
    return pthread_equal(pthread_self(), thread) != 0;
}

bool shim_collector_wait(uint32_t number, uint64_t until_ns, uint32_t *served) {
    struct timespec until = {(time_t)(until_ns / 1000000000), (long)(until_ns % 1000000000)};
    for (;;) {
        uint32_t rung = __atomic_load_n(&bell, __ATOMIC_ACQUIRE);
        if (!shim_collector_is_wanted(number)) return false;
        if (rung != *served || shim_monotonic_ns() >= until_ns) {
            *served = rung;
            return true;
        }
        if (futex(&bell, FUTEX_WAIT_BITSET, rung, &until) == 0 || errno == ETIMEDOUT) continue;
        if (errno != EINTR && errno != EAGAIN) return false;
    }
}

void shim_collector_served(uint32_t served) {
    __atomic_store_n(&heard, served, __ATOMIC_RELEASE);
    futex(&heard, FUTEX_WAKE, INT_MAX, NULL);
}

static uint32_t ring(void) {
    uint32_t mine = __atomic_add_fetch(&bell, 1, __ATOMIC_RELEASE);
    futex(&bell, FUTEX_WAKE, INT_MAX, NULL);
    return mine;
}

bool shim_collector_call(uint64_t patience_ns) {
    uint64_t end = shim_monotonic_ns() + patience_ns;
    struct timespec until = {(time_t)(end / 1000000000), (long)(end % 1000000000)};
    uint32_t mine = ring(), seen;
    while ((int32_t)((seen = __atomic_load_n(&heard, __ATOMIC_ACQUIRE)) - mine) < 0) {
        if ((__atomic_load_n(&wanted, __ATOMIC_ACQUIRE) & 1) == 0) return false;
        if (futex(&heard, FUTEX_WAIT_BITSET, seen, &until) != 0 && errno == ETIMEDOUT) return false;
    }
    return true;
}

void shim_collector_stop(uint64_t patience_ns) {
    uint32_t number = wanted;
    __atomic_store_n(&wanted, number + 1, __ATOMIC_RELEASE);
    ring();
    futex(&heard, FUTEX_WAKE, INT_MAX, NULL); // who waits for a tick waits in vain
    uint64_t end = shim_monotonic_ns() + patience_ns;
    struct timespec until = {(time_t)(end / 1000000000), (long)(end % 1000000000)};
    uint32_t seen;
    while ((seen = __atomic_load_n(&ended, __ATOMIC_ACQUIRE)) != number)
        if (futex(&ended, FUTEX_WAIT_BITSET, seen, &until) != 0 && errno == ETIMEDOUT) break;
    // One that is stuck in the system, on a file system that does not answer, ends by itself.
    if (seen == number)
        pthread_join(thread, NULL);
    else
        pthread_detach(thread);
}

void shim_collector_forget(void) {
    wanted += wanted & 1;
}

// ---- what the system tells --------------------------------------------------------------------

void shim_process_usage_read(shim_process_usage *out) {
    struct rusage usage = {0};
    getrusage(RUSAGE_SELF, &usage);
    out->voluntary_switches = (uint64_t)usage.ru_nvcsw;
    out->involuntary_switches = (uint64_t)usage.ru_nivcsw;
    out->minor_faults = (uint64_t)usage.ru_minflt;
    out->major_faults = (uint64_t)usage.ru_majflt;
}

uint64_t shim_limit(shim_limit_kind kind) {
    static const int resources[] = {RLIMIT_NOFILE, RLIMIT_AS,    RLIMIT_DATA, RLIMIT_NPROC,
                                    RLIMIT_FSIZE,  RLIMIT_STACK, RLIMIT_CPU};
    struct rlimit limit;
    int saved = errno;
    bool known = getrlimit((__rlimit_resource_t)resources[kind], &limit) == 0;
    errno = saved;
    return known && limit.rlim_cur != RLIM_INFINITY ? (uint64_t)limit.rlim_cur : 0;
}

int shim_above_standard(int fd) {
    // A host that has closed its standard streams may still write to them.
    if (fd < 0 || fd > STDERR_FILENO) return fd;
    int higher = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    close(fd);
    return higher;
}

int shim_open_read(const char *path) {
    return shim_above_standard(open(path, O_RDONLY | O_CLOEXEC));
}

SHIM_SMALL_END
