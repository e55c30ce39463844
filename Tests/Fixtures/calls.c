// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "fixtures.h"

#include <alloca.h>
#include <dlfcn.h>
#include <execinfo.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#define NOINLINE __attribute__((noinline))
// Keeps a call before it from becoming a jump.
#define AFTER __asm__ volatile("" ::: "memory")

NOINLINE int fixture_backtrace(void **out, int capacity) {
    return backtrace(out, capacity);
}

const char *fixture_name(uint64_t address) {
    Dl_info info;
    return dladdr((void *)(uintptr_t)address, &info) && info.dli_sname ? info.dli_sname : "?";
}

static NOINLINE void inner(fixture_probe probe, void *context) {
    probe(context, NULL);
    AFTER;
}

static NOINLINE void middle(fixture_probe probe, void *context) {
    inner(probe, context);
    AFTER;
}

NOINLINE void fixture_plain(fixture_probe probe, void *context) {
    middle(probe, context);
    AFTER;
}

static NOINLINE int descend(int n, fixture_probe probe, void *context) {
    if (n == 0) {
        probe(context, NULL);
        return 1;
    }
    int below = descend(n - 1, probe, context);
    AFTER;
    return below + n;
}

NOINLINE void fixture_recursion(fixture_probe probe, void *context) {
    descend(40, probe, context);
    AFTER;
}

static NOINLINE void with_array(size_t n, fixture_probe probe, void *context) {
    char array[n];
    memset(array, 1, n);
    char *more = alloca(array[n / 2] * n);
    memset(more, 2, n);
    __asm__ volatile("" ::"r"(array), "r"(more) : "memory");
    middle(probe, context);
    AFTER;
}

NOINLINE void fixture_variable_length(fixture_probe probe, void *context) {
    with_array(3333, probe, context);
    AFTER;
}

static NOINLINE void realigned(size_t n, fixture_probe probe, void *context) {
    _Alignas(128) char aligned[256];
    char array[n];
    memset(aligned, 1, sizeof aligned);
    memset(array, 1, n);
    __asm__ volatile("" ::"r"(aligned), "r"(array) : "memory");
    middle(probe, context);
    AFTER;
}

NOINLINE void fixture_realigned(fixture_probe probe, void *context) {
    realigned(100, probe, context);
    AFTER;
}

typedef struct call {
    fixture_probe probe;
    void *context;
    int count;
} call;

static int compare(const void *a, const void *b, void *data) {
    call *to = data;
    if (to->count++ == 3) middle(to->probe, to->context);
    return *(const int *)a - *(const int *)b;
}

NOINLINE void fixture_sorting(fixture_probe probe, void *context) {
    int numbers[] = {5, 3, 9, 1, 7, 2};
    call to = {probe, context, 0};
    qsort_r(numbers, 6, sizeof *numbers, compare, &to);
    AFTER;
}

#if defined(__x86_64__)
// A frame pointer and no call frame information.
__asm__(".pushsection .text\n"
        "fixture_uninformed: push %rbp\n mov %rsp, %rbp\n push %rbx\n push %rbx\n"
        "mov %rdx, %rax\n call *%rax\n pop %rbx\n pop %rbx\n pop %rbp\n ret\n"
        ".popsection\n");
#elif defined(__aarch64__)
__asm__(".pushsection .text\n"
        "fixture_uninformed: stp x29, x30, [sp, -16]!\n mov x29, sp\n blr x2\n"
        "ldp x29, x30, [sp], 16\n ret\n"
        ".popsection\n");
#endif
void fixture_uninformed(fixture_probe probe, void *context, fixture_call call);

__attribute__((noinline, optnone)) void fixture_no_information(fixture_probe probe, void *context) {
    fixture_uninformed(probe, context, fixture_plain);
    AFTER;
}

static ucontext_t outside, inside;
static call coroutine_call;

static void coroutine(void) {
    middle(coroutine_call.probe, coroutine_call.context);
    AFTER;
}

NOINLINE void fixture_own_stack(fixture_probe probe, void *context) {
    size_t bytes = 64 << 10;
    char *stack = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (stack == MAP_FAILED) return;
    // Nothing may be read above it.
    mprotect(stack + bytes - 4096, 4096, PROT_NONE);
    coroutine_call = (call){probe, context, 0};
    getcontext(&inside);
    inside.uc_stack.ss_sp = stack;
    inside.uc_stack.ss_size = bytes - 4096;
    inside.uc_link = &outside;
    makecontext(&inside, coroutine, 0);
    swapcontext(&outside, &inside);
    munmap(stack, bytes);
}

static void *thread_main(void *data) {
    call *to = data;
    middle(to->probe, to->context);
    AFTER;
    return NULL;
}

NOINLINE void fixture_thread(fixture_probe probe, void *context) {
    call to = {probe, context, 0};
    pthread_t thread;
    if (pthread_create(&thread, NULL, thread_main, &to) == 0) pthread_join(thread, NULL);
}

static fixture_call fixture_plugin_entry;

void fixture_plugin_set(void *function) {
    fixture_plugin_entry = (fixture_call)(uintptr_t)function;
}

NOINLINE void fixture_plugin(fixture_probe probe, void *context) {
    fixture_plugin_entry(probe, context);
    AFTER;
}
