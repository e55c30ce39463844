// SPDX-License-Identifier: Apache-2.0
// A timer on each thread's CPU clock, the signal that it sends, and the handler that the host has, or
// sets meanwhile, for the same signal.
#define _GNU_SOURCE
#include "shim.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static char mark; // what our timers' signals carry
static bool installed;
static pid_t process; // whose signals they are: a child of vfork runs here, too, until it executes
// What the host wants to happen at SIGPROF; the one in force is chosen by the lowest bit of `turn`.
static struct sigaction chained[2];
static unsigned turn;

static struct sigaction hosts_action(void) {
    return chained[__atomic_load_n(&turn, __ATOMIC_ACQUIRE) & 1];
}

static void set_hosts_action(const struct sigaction *action) {
    unsigned next = turn + 1;
    chained[next & 1] = *action;
    __atomic_store_n(&turn, next, __ATOMIC_RELEASE);
}

// Somebody else's SIGPROF: what would have happened without us.
static void pass_on(int number, siginfo_t *info, void *context) {
    struct sigaction host = hosts_action();
    if (host.sa_handler == SIG_IGN) return;
    if (host.sa_handler == SIG_DFL) { // ends the process
        sigset_t only;
        sigemptyset(&only);
        sigaddset(&only, number);
        syscall(SYS_rt_sigaction, number, &(uint64_t[4]){0}, NULL, (size_t)8);
        pthread_sigmask(SIG_UNBLOCK, &only, NULL);
        raise(number);
        return;
    }
    if (host.sa_flags & SA_RESETHAND) set_hosts_action(&(struct sigaction){.sa_handler = SIG_DFL});
    sigset_t before, only;
    pthread_sigmask(SIG_BLOCK, &host.sa_mask, &before);
    if (host.sa_flags & SA_NODEFER) {
        sigemptyset(&only);
        sigaddset(&only, number);
        pthread_sigmask(SIG_UNBLOCK, &only, NULL);
    }
    if (host.sa_flags & SA_SIGINFO)
        host.sa_sigaction(number, info, context);
    else
        host.sa_handler(number);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void on_signal(int number, siginfo_t *info, void *context) {
    if (info->si_code != SI_TIMER || info->si_value.sival_ptr != &mark) {
        pass_on(number, info, context);
        return;
    }
    int saved = errno;
    shim_sampled(context, 1 + (uint32_t)info->si_overrun);
    errno = saved;
}

bool shim_sampler_install(void) {
    struct sigaction action = {.sa_sigaction = on_signal,
                               .sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK};
    struct sigaction before;
    if (sigaction(SIGPROF, NULL, &before) != 0) return false;
    // Asked, not remembered: a fork may have met another thread that was giving it back.
    process = getpid();
    if (before.sa_sigaction == on_signal) return installed = true;
    set_hosts_action(&before);
    installed = sigaction(SIGPROF, &action, NULL) == 0;
    return installed;
}

void shim_sampler_remove(void) {
    if (!installed) return;
    struct sigaction host = hosts_action();
    // A signal of ours may be on its way still: ignoring throws away what is pending in all threads. The
    // host's action must not meet it: by default it ends the process, and a handler may take what our
    // signals carry for its own.
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigaction(SIGPROF, &ignore, NULL);
    sigaction(SIGPROF, &host, NULL);
    installed = false;
}

// ---- the host's own calls ---------------------------------------------------------------------

static shim_hook hooks[];
enum {
    at_sigaction,
    at_signal,
    at___sysv_signal,
    at_sysv_signal,
    at_pthread_sigmask,
    at_sigprocmask,
    hook_count
};

#define ORIGINAL(call) ((__typeof__(&call))hooks[at_##call].original)

static bool is_taken(int number) {
    return number == SIGPROF && installed && getpid() == process;
}

static int hooked_sigaction(int number, const struct sigaction *action, struct sigaction *old) {
    if (!is_taken(number)) return ORIGINAL(sigaction)(number, action, old);
    struct sigaction before = hosts_action();
    if (action) set_hosts_action(action);
    if (old) *old = before;
    return 0;
}

static sighandler_t handler_set(sighandler_t handler, unsigned flags) {
    struct sigaction before = hosts_action(),
                     action = {.sa_handler = handler, .sa_flags = (int)flags};
    set_hosts_action(&action);
    return before.sa_handler;
}

static sighandler_t hooked_signal(int number, sighandler_t handler) {
    if (!is_taken(number) || handler == SIG_ERR) return ORIGINAL(signal)(number, handler);
    return handler_set(handler, SA_RESTART);
}

// What signal() is in strict ISO C.
static sighandler_t hooked_sysv_signal(int number, sighandler_t handler) {
    if (!is_taken(number) || handler == SIG_ERR) return ORIGINAL(__sysv_signal)(number, handler);
    return handler_set(handler, SA_RESETHAND | SA_NODEFER);
}

// A thread that blocks SIGPROF may wait for all signals, and must not be given ours. Its timer goes before,
// while what is on its way still reaches the handler.
#define CHANGE_MASK(call, how, set, old)                                                           \
    bool is_change = set && installed && getpid() == process;                                      \
    bool names = is_change && sigismember(set, SIGPROF) == 1;                                      \
    if (names && (how == SIG_BLOCK || how == SIG_SETMASK)) shim_sampling_blocked(true);            \
    int failed = ORIGINAL(call)(how, set, old);                                                    \
    if (is_change && (how == SIG_UNBLOCK ? names : how == SIG_SETMASK && !names))                  \
        shim_sampling_blocked(false);                                                              \
    return failed

static int hooked_pthread_sigmask(int how, const sigset_t *set, sigset_t *old) {
    CHANGE_MASK(pthread_sigmask, how, set, old);
}

static int hooked_sigprocmask(int how, const sigset_t *set, sigset_t *old) {
    CHANGE_MASK(sigprocmask, how, set, old);
}

static shim_hook hooks[hook_count] = {
    [at_sigaction] = {.name = "sigaction", .replacement = hooked_sigaction},
    [at_signal] = {.name = "signal", .replacement = hooked_signal},
    [at___sysv_signal] = {.name = "__sysv_signal", .replacement = hooked_sysv_signal},
    [at_sysv_signal] = {.name = "sysv_signal", .replacement = hooked_sysv_signal},
    [at_pthread_sigmask] = {.name = "pthread_sigmask", .replacement = hooked_pthread_sigmask},
    [at_sigprocmask] = {.name = "sigprocmask", .replacement = hooked_sigprocmask},
};

void shim_sampler_patch(bool install) {
    if (install) shim_hooks_find(hooks, hook_count);
    shim_hooks_patch(hooks, hook_count, install, NULL);
}

// ---- timers -----------------------------------------------------------------------------------
// By the system calls: the C library's timers may allocate.

int shim_timer_create(uint32_t thread_id) {
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGPROF};
    event.sigev_value.sival_ptr = &mark;
    event._sigev_un._tid = (pid_t)thread_id;
    // The kernel's encoding of a thread's scheduler clock, as in shim_cpu_of_thread_ns.
    clockid_t clock = (clockid_t)((~thread_id << 3) | 4 | 2);
    int timer, saved = errno;
    bool created = syscall(SYS_timer_create, clock, &event, &timer) == 0;
    errno = saved;
    return created ? timer : -1;
}

static struct timespec time_of(uint64_t ns) {
    return (struct timespec){(time_t)(ns / 1000000000), (long)(ns % 1000000000)};
}

bool shim_timer_run(int timer, uint64_t first_ns, uint64_t period_ns) {
    struct itimerspec times = {.it_value = time_of(first_ns), .it_interval = time_of(period_ns)};
    int saved = errno;
    bool runs = syscall(SYS_timer_settime, timer, 0, &times, NULL) == 0;
    errno = saved;
    return runs;
}

void shim_timer_delete(int timer) {
    int saved = errno;
    syscall(SYS_timer_delete, timer);
    errno = saved;
}

bool shim_sampling_signal_is_blocked(void) {
    sigset_t set;
    return pthread_sigmask(SIG_BLOCK, NULL, &set) != 0 || sigismember(&set, SIGPROF) == 1;
}

bool shim_sampling_signal_is_blocked_in(uint32_t thread_id) {
    char path[64], text[4096];
    snprintf(path, sizeof path, "/proc/self/task/%u/status", (unsigned)thread_id);
    ptrdiff_t bytes = shim_read_file(path, text, sizeof text - 1);
    text[bytes > 0 ? bytes : 0] = 0;
    const char *mask = strstr(text, "\nSigBlk:");
    return !mask || (strtoull(mask + 8, NULL, 16) >> (SIGPROF - 1) & 1);
}
