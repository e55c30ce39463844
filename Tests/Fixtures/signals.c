// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "fixtures.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <ucontext.h>
#include <wctype.h>

static fixture_probe the_probe;
static void *the_context;
static volatile int levels;

static void handle(int number, siginfo_t *info, void *ucontext) {
    (void)info;
    if (levels-- > 1)
        pthread_kill(pthread_self(), number == SIGUSR1 ? SIGUSR2 : SIGUSR1);
    else
        the_probe(the_context, ucontext);
    __asm__ volatile("" ::: "memory");
}

static void with_signals(fixture_probe probe, void *context, int flags, int depth) {
    the_probe = probe;
    the_context = context;
    levels = depth;
    size_t bytes = 64 << 10;
    char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    stack_t mine = {.ss_sp = memory, .ss_size = bytes}, before;
    sigaltstack(&mine, &before);
    struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_NODEFER | flags};
    struct sigaction one, two;
    sigaction(SIGUSR1, &action, &one);
    sigaction(SIGUSR2, &action, &two);
    sigset_t both, blocked;
    sigemptyset(&both);
    sigaddset(&both, SIGUSR1);
    sigaddset(&both, SIGUSR2);
    pthread_sigmask(SIG_UNBLOCK, &both, &blocked);
    pthread_kill(pthread_self(), SIGUSR1);
    pthread_sigmask(SIG_SETMASK, &blocked, NULL);
    sigaction(SIGUSR1, &one, NULL);
    sigaction(SIGUSR2, &two, NULL);
    sigaltstack(&before, NULL);
    munmap(memory, bytes);
}

void fixture_signal(fixture_probe probe, void *context) {
    with_signals(probe, context, 0, 1);
    __asm__ volatile("" ::: "memory");
}

void fixture_signal_on_alternative_stack(fixture_probe probe, void *context) {
    with_signals(probe, context, SA_ONSTACK, 1);
    __asm__ volatile("" ::: "memory");
}

void fixture_nested_signals(fixture_probe probe, void *context) {
    with_signals(probe, context, SA_ONSTACK, 4);
    __asm__ volatile("" ::: "memory");
}

static sigjmp_buf back;

static void handle_fault(int number, siginfo_t *info, void *ucontext) {
    (void)number;
    (void)info;
    the_probe(the_context, ucontext);
    siglongjmp(back, 1);
}

static __attribute__((noinline)) void call_null(void (*volatile nowhere)(void)) {
    nowhere();
    __asm__ volatile("" ::: "memory");
}

void fixture_null_call(fixture_probe probe, void *context) {
    the_probe = probe;
    the_context = context;
    struct sigaction action = {.sa_sigaction = handle_fault, .sa_flags = SA_SIGINFO}, before;
    sigaction(SIGSEGV, &action, &before);
    if (sigsetjmp(back, 1) == 0) call_null(NULL);
    sigaction(SIGSEGV, &before, NULL);
}

#if defined(__x86_64__)
static volatile size_t steps;

static void handle_step(int number, siginfo_t *info, void *ucontext) {
    (void)number;
    (void)info;
    steps++;
    the_probe(the_context, ucontext);
}

static int in_order(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void ignore(void *context, const void *ucontext) {
    (void)context;
    (void)ucontext;
}

static __attribute__((noinline)) void work(void) {
    char text[256];
    snprintf(text, sizeof text, "%s %d %.3f %p", "some text", 42, 3.25, (void *)text);
    char *copy = strdup(text);
    free(copy);
    const char *words[] = {"delta", "alpha", "charlie", "bravo"};
    qsort(words, 4, sizeof *words, in_order);
    fixture_realigned(ignore, NULL);
    fixture_variable_length(ignore, NULL);
    fixture_no_information(ignore, NULL);
    fixture_exception(ignore, NULL);
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    // Called nowhere else: where symbols are bound late, this goes through the loader.
    snprintf(text, sizeof text, "%ld %d", labs(-5), iswxdigit(L'a'));
}
#endif

size_t fixture_single_steps(fixture_probe probe, void *context) {
#if defined(__x86_64__)
    the_probe = probe;
    the_context = context;
    steps = 0;
    size_t bytes = 256 << 10;
    char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    stack_t mine = {.ss_sp = memory, .ss_size = bytes}, old;
    sigaltstack(&mine, &old);
    struct sigaction action = {.sa_sigaction = handle_step, .sa_flags = SA_SIGINFO | SA_ONSTACK},
                     before;
    sigaction(SIGTRAP, &action, &before);
    __asm__ volatile("lea -128(%%rsp), %%rsp\n\tpushfq\n\torq $0x100, (%%rsp)\n\tpopfq\n\t"
                     "lea 128(%%rsp), %%rsp" ::
                         : "memory", "cc");
    work();
    __asm__ volatile("lea -128(%%rsp), %%rsp\n\tpushfq\n\tandq $~0x100, (%%rsp)\n\tpopfq\n\t"
                     "lea 128(%%rsp), %%rsp" ::
                         : "memory", "cc");
    sigaction(SIGTRAP, &before, NULL);
    sigaltstack(&old, NULL);
    munmap(memory, bytes);
    return steps;
#else
    (void)probe;
    (void)context;
    return 0;
#endif
}
