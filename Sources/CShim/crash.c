// SPDX-License-Identifier: Apache-2.0
// Handlers for the signals of a crash: a note is written, and then happens what would have happened without
// us. Nothing here allocates or locks.
#define _GNU_SOURCE
#include "shim.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

SHIM_SMALL_BEGIN

static const int fatal[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGSYS, SIGTRAP};
enum { fatal_count = sizeof fatal / sizeof *fatal, notes_at_once = 4 };
static struct sigaction before[fatal_count]; // what we came in front of
static bool installed[fatal_count];
static bool active;

// Threads at work on a note, and where each goes on when that crashes, too.
static struct {
    uint32_t thread;
    sigjmp_buf escape;
} noting[notes_at_once];

static uint32_t note(const shim_crash *crash) {
    for (int i = 0; i < notes_at_once; i++) {
        uint32_t none = 0;
        if (!__atomic_compare_exchange_n(&noting[i].thread, &none, crash->thread, false,
                                         __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
            continue;
        volatile uint32_t written = 0;
        if (sigsetjmp(noting[i].escape, 0) == 0) {
            uint32_t place = shim_crash_begin(crash);
            written = place;
            if (place) shim_crash_add_stack(place, crash);
        }
        __atomic_store_n(&noting[i].thread, 0, __ATOMIC_RELEASE);
        return written;
    }
    return 0;
}

// The signal once more, as it was, for the default action. It waits until we return, so that a core dump
// shows the crash and not this handler.
static void die(int number, siginfo_t *info) {
    sigset_t only;
    sigemptyset(&only);
    sigaddset(&only, number);
    pthread_sigmask(SIG_BLOCK, &only, NULL);
    sigaction(number, &(struct sigaction){.sa_handler = SIG_DFL}, NULL);
    pid_t process = getpid(), thread = (pid_t)shim_thread_id();
    if (syscall(SYS_rt_tgsigqueueinfo, process, thread, number, info) != 0)
        syscall(SYS_tgkill, process, thread, number);
}

// Calls the host's handler as the kernel would have, but on the stack that we are on.
static void call_host(const struct sigaction *host, int number, siginfo_t *info, void *context) {
    sigset_t mask, here;
    sigorset(&mask, &((ucontext_t *)context)->uc_sigmask, &host->sa_mask);
    if (!(host->sa_flags & SA_NODEFER)) sigaddset(&mask, number);
    pthread_sigmask(SIG_SETMASK, &mask, &here);
    if (host->sa_flags & SA_SIGINFO)
        host->sa_sigaction(number, info, context);
    else
        host->sa_handler(number);
    pthread_sigmask(SIG_SETMASK, &here, NULL);
}

static void on_crash(int number, siginfo_t *info, void *context) {
    int saved = errno, which = 0;
    shim_crash crash = {.signal = number, .code = info->si_code, .thread = shim_thread_id()};
    for (int i = 0; i < notes_at_once; i++)
        if (__atomic_load_n(&noting[i].thread, __ATOMIC_RELAXED) == crash.thread)
            siglongjmp(noting[i].escape, 1); // what we read was not as expected
    while (which < fatal_count - 1 && fatal[which] != number)
        which++;
    struct sigaction host = before[which];
    crash.is_last = host.sa_handler == SIG_DFL || host.sa_handler == SIG_IGN;
    crash.address = info->si_code > 0 ? (uint64_t)info->si_addr : 0;
    crash.context = context;
    uint32_t written = active ? note(&crash) : 0;
    if (crash.is_last) {
        die(number, info);
    } else {
        if (host.sa_flags & (int)SA_RESETHAND)
            before[which] = (struct sigaction){.sa_handler = SIG_DFL};
        errno = saved;
        call_host(&host, number, info, context);
        if (written) shim_crash_survived(written);
    }
    errno = saved;
}

void shim_crash_install(void) {
    for (int i = 0; i < fatal_count; i++) {
        struct sigaction now;
        // Where somebody came in front of us, it stays so: it may call us, and must not be called by us. What
        // is ignored stays ignored.
        if (installed[i] || sigaction(fatal[i], NULL, &now) != 0 || now.sa_handler == SIG_IGN)
            continue;
        before[i] = now;
        struct sigaction ours = {.sa_sigaction = on_crash};
        ours.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER | (now.sa_flags & SA_RESTART);
        sigfillset(&ours.sa_mask);
        for (int k = 0; k < fatal_count; k++)
            sigdelset(&ours.sa_mask, fatal[k]);
        installed[i] = sigaction(fatal[i], &ours, NULL) == 0;
    }
    active = true;
}

void shim_crash_remove(void) {
    active = false;
    for (int i = 0; i < fatal_count; i++) {
        struct sigaction now;
        if (!installed[i] || sigaction(fatal[i], NULL, &now) != 0 || now.sa_sigaction != on_crash)
            continue;
        installed[i] = sigaction(fatal[i], &before[i], NULL) != 0;
    }
}

// ---- alternative stacks -----------------------------------------------------------------------
// A page without access, the kernel's frame, and room for our walk and for a host's handler. Touched by crashes
// only.

static size_t stack_bytes(void) {
    size_t page = shim_page_bytes();
    return (page + (64 << 10) + getauxval(AT_MINSIGSTKSZ) + page - 1) & ~(page - 1);
}

void *shim_signal_stack_give(void) {
    stack_t now;
    if (sigaltstack(NULL, &now) != 0 || !(now.ss_flags & SS_DISABLE)) return NULL;
    size_t page = shim_page_bytes(), bytes = stack_bytes();
    char *memory = shim_map(bytes);
    if (!memory) return NULL;
    stack_t ours = {.ss_sp = memory + page, .ss_size = bytes - page};
    if (mprotect(memory, page, PROT_NONE) == 0 && sigaltstack(&ours, NULL) == 0) return memory;
    munmap(memory, bytes);
    return NULL;
}

void shim_signal_stack_take(void *memory) {
    stack_t now;
    bool is_in_use = sigaltstack(NULL, &now) == 0 && !(now.ss_flags & SS_DISABLE) &&
                     now.ss_sp == (char *)memory + shim_page_bytes();
    if (is_in_use && sigaltstack(&(stack_t){.ss_flags = SS_DISABLE}, NULL) != 0) return;
    munmap(memory, stack_bytes());
}

SHIM_SMALL_END
