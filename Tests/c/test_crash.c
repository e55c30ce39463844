/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Crash notes: each crash happens in a child process, once with notes and once without, and both must die
 * alike. What a note says is looked at where a handler of the host recovers.
 */
#define _GNU_SOURCE
#include "host.h"

#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

typedef void (*action)(void);

static prognos_op outer, inner;

static void start(uint32_t crash_notes) {
    prognos_options options;
    prognos_options_default(&options, sizeof options);
    CHECK_EQ(options.crash_notes, 0);
    options.crash_notes = crash_notes;
    CHECK_STATUS(prognos_start(&options, sizeof options), PROGNOS_OK);
    outer = prognos_op_named("outer");
    inner = prognos_op_named("inner");
}

static int status_of(action prepare, action crash, uint32_t crash_notes) {
    int status = 0;
    fflush(NULL);
    pid_t child = fork();
    NEED(child >= 0);
    if (child == 0) {
        struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        NEED(freopen("/dev/null", "w", stderr) != NULL); /* the C library's complaints */
        alarm(30);
        if (prepare) prepare();
        start(crash_notes);
        prognos_begin(outer);
        crash();
        _exit(7);
    }
    NEED(waitpid(child, &status, 0) == child);
    return status;
}

static void check_alike(const char *what, action prepare, action crash, int expected) {
    int without = status_of(prepare, crash, 0), with = status_of(prepare, crash, 1);
    if (!CHECK_EQ(with, without)) fprintf(stderr, "  %s\n", what);
    int told = WIFSIGNALED(without) ? WTERMSIG(without) : 1000 + WEXITSTATUS(without);
    if (expected && !CHECK_EQ(told, expected)) fprintf(stderr, "  %s\n", what);
}

#define ALIKE(prepare, crash, expected) check_alike(#crash, prepare, crash, expected)

/* ---- ways to crash -------------------------------------------------------------------------- */

static void *volatile nowhere;
static volatile int zero;

__attribute__((noinline)) static void write_to_nowhere(void) {
    *(volatile int *)nowhere = 1;
}

static void call_nowhere(void) {
    ((action)(uintptr_t)nowhere)();
}

static void divide_by_zero(void) {
    raise(SIGFPE);
    zero = 1 / zero;
}

static void touch_beyond_a_file(void) {
    char name[] = "/tmp/prognos-crash-XXXXXX";
    int file = mkstemp(name);
    NEED(file >= 0 && unlink(name) == 0);
    char *memory = mmap(NULL, 4096, PROT_READ, MAP_SHARED, file, 0);
    NEED(memory != MAP_FAILED);
    zero = memory[100];
}

static void trap(void) {
    __builtin_trap();
}

static void break_point(void) {
#if defined(__x86_64__)
    __asm__ volatile("int3");
#else
    __asm__ volatile("brk #0");
#endif
}

static void raise_segv(void) {
    raise(SIGSEGV);
}

static void get_sys(void) {
    kill(getpid(), SIGSYS);
    pause();
}

static int overflow(int depth) {
    volatile char room[4096];
    room[0] = (char)depth;
    return depth == zero - 1 ? 0 : overflow(depth + 1) + room[0];
}

static void overflow_the_stack(void) {
    zero = overflow(0);
}

static void *overflow_in_thread(void *unused) {
    prognos_begin(inner);
    overflow_the_stack();
    return unused;
}

static void overflow_a_threads_stack(void) {
    in_a_thread(overflow_in_thread, NULL);
}

static void *crash_in_thread(void *unused) {
    write_to_nowhere();
    return unused;
}

static void crash_without_a_lane(void) {
    in_a_thread(crash_in_thread, NULL);
}

static void free_twice(void) {
    void *volatile block = malloc(5000);
    free(block);
    free(block);
}

static void free_nonsense(void) {
    void *volatile nonsense = (void *)(uintptr_t)24;
    free(nonsense);
}

static void crash_in_a_hot_call(void) {
    prognos_fail((const char *)(uintptr_t)8);
}

static void crash_again(int signal) {
    (void)signal;
    write_to_nowhere();
}

static void crash_in_a_handler(void) {
    signal(SIGUSR1, crash_again);
    raise(SIGUSR1);
}

static pthread_barrier_t together;

static void *crash_together(void *unused) {
    prognos_begin(inner);
    pthread_barrier_wait(&together);
    write_to_nowhere();
    return unused;
}

static void crash_in_many_threads(void) {
    NEED(pthread_barrier_init(&together, NULL, 8) == 0);
    for (int i = 0; i < 7; i++)
        started(crash_together, NULL);
    crash_together(NULL);
}

static void damage_the_stack(void) {
    /* Nothing to unwind by: the walk must not crash, or if it does, nobody may notice. */
#if defined(__x86_64__)
    __asm__ volatile("mov $64, %%rsp\n\tmov $64, %%rbp\n\tmovl $1, 0" ::: "memory");
#else
    write_to_nowhere();
#endif
}

static void every_crash_ends_as_it_would_without_notes(void) {
    ALIKE(NULL, write_to_nowhere, SIGSEGV);
    ALIKE(NULL, call_nowhere, SIGSEGV);
    ALIKE(NULL, divide_by_zero, SIGFPE);
    ALIKE(NULL, touch_beyond_a_file, SIGBUS);
    ALIKE(NULL, trap, 0);
    ALIKE(NULL, break_point, SIGTRAP);
    ALIKE(NULL, abort, SIGABRT);
    ALIKE(NULL, raise_segv, SIGSEGV);
    ALIKE(NULL, get_sys, SIGSYS);
    ALIKE(NULL, overflow_the_stack, SIGSEGV);
    ALIKE(NULL, overflow_a_threads_stack, SIGSEGV);
    ALIKE(NULL, crash_without_a_lane, SIGSEGV);
    ALIKE(NULL, free_twice, SIGABRT);
    ALIKE(NULL, free_nonsense, 0);
    ALIKE(NULL, crash_in_a_hot_call, SIGSEGV);
    ALIKE(NULL, crash_in_a_handler, SIGSEGV);
    ALIKE(NULL, damage_the_stack, SIGSEGV);
    for (int i = 0; i < 20; i++)
        ALIKE(NULL, crash_in_many_threads, SIGSEGV);
}

/* ---- hosts with handlers -------------------------------------------------------------------- */

static void handle(int number, void (*handler)(int), int flags) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = handler;
    action.sa_flags = flags;
    NEED(sigaction(number, &action, NULL) == 0);
}

static void leave_process(int signal) {
    _exit(signal == SIGSEGV ? 42 : 43);
}

static void to_default(int number) {
    signal(number, SIG_DFL);
}

static void exits_itself(void) {
    handle(SIGSEGV, leave_process, 0);
}
static void exits_on_a_stack_of_its_own(void) {
    stack_t stack = {.ss_sp = malloc(1 << 16), .ss_size = 1 << 16};
    NEED(sigaltstack(&stack, NULL) == 0);
    handle(SIGSEGV, leave_process, SA_ONSTACK);
}
static void sets_the_default(void) {
    handle(SIGSEGV, to_default, 0);
}
static void crashes_itself(void) {
    handle(SIGSEGV, crash_again, 0);
}
static void crashes_itself_open(void) {
    handle(SIGSEGV, crash_again, SA_NODEFER | SA_RESETHAND);
}
static void ignores(void) {
    handle(SIGSEGV, SIG_IGN, 0);
}
static void catches_abort(void) {
    handle(SIGABRT, leave_process, 0);
}
static void raise_segv_and_exit(void) {
    raise(SIGSEGV);
    _exit(5);
}
static void blocks(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGSEGV);
    NEED(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
}
static void set_a_handler_and_crash(void) {
    exits_itself(); /* after us: it wins */
    write_to_nowhere();
}
static void stop_and_crash(void) {
    CHECK_STATUS(prognos_stop(), PROGNOS_OK);
    write_to_nowhere();
}

static void hosts_that_handle_signals_get_them_as_before(void) {
    ALIKE(exits_itself, write_to_nowhere, 1042);
    ALIKE(exits_on_a_stack_of_its_own, write_to_nowhere, 1042);
    ALIKE(exits_on_a_stack_of_its_own, overflow_the_stack, 1042);
    ALIKE(sets_the_default, write_to_nowhere, SIGSEGV);
    ALIKE(crashes_itself, write_to_nowhere, SIGSEGV);
    ALIKE(crashes_itself_open, write_to_nowhere, SIGSEGV);
    ALIKE(ignores, write_to_nowhere, SIGSEGV);
    ALIKE(ignores, raise_segv_and_exit, 1005);
    ALIKE(catches_abort, abort, 1043);
    ALIKE(blocks, write_to_nowhere, SIGSEGV);
    ALIKE(NULL, set_a_handler_and_crash, 1042);
    ALIKE(NULL, stop_and_crash, SIGSEGV);
    ALIKE(exits_itself, stop_and_crash, 1042);
}

static void after_a_stop_handlers_are_as_they_were(void) {
    struct sigaction before, during, after;
    exits_itself();
    NEED(sigaction(SIGSEGV, NULL, &before) == 0);
    start(1);
    NEED(sigaction(SIGSEGV, NULL, &during) == 0);
    CHECK(during.sa_handler != before.sa_handler);
    CHECK_STATUS(prognos_stop(), PROGNOS_OK);
    NEED(sigaction(SIGSEGV, NULL, &after) == 0);
    CHECK(after.sa_handler == before.sa_handler);
    CHECK_EQ(after.sa_flags & ~0x04000000, before.sa_flags & ~0x04000000);
    start(1);
    to_default(SIGSEGV); /* the host's own wish stays */
    CHECK_STATUS(prognos_stop(), PROGNOS_OK);
    NEED(sigaction(SIGSEGV, NULL, &after) == 0);
    CHECK(after.sa_handler == SIG_DFL);
}

static void nothing_is_handled_unless_asked_for(void) {
    struct sigaction found;
    start(0);
    NEED(sigaction(SIGSEGV, NULL, &found) == 0);
    CHECK(found.sa_handler == SIG_DFL);
    char *text = rendered(PROGNOS_JSON);
    CHECK(strstr(text, "\"signal_name\"") == NULL);
    free(text);
}

/* ---- hosts that recover --------------------------------------------------------------------- */

static sigjmp_buf outside;

static void recover(int signal) {
    (void)signal;
    siglongjmp(outside, 1);
}

__attribute__((noinline)) static void crash_and_recover(void) {
    if (sigsetjmp(outside, 1) == 0) write_to_nowhere();
}

static void a_note_tells_what_happened(void) {
    handle(SIGSEGV, recover, 0);
    start(1);
    prognos_begin(outer);
    prognos_begin(inner);
    crash_and_recover();
    prognos_end(inner);
    char *text = rendered(PROGNOS_TEXT_ASCII);
    CHECK_CONTAINS(text, "SIGSEGV (address not mapped) at 0x0 in outer > inner, thread ");
    CHECK_CONTAINS(text, "(test_crash)");
    CHECK_CONTAINS(text, "write_to_nowhere");
    CHECK_CONTAINS(text, "crash_and_recover");
    free(text);
    text = rendered(PROGNOS_JSON);
    CHECK_CONTAINS(text, "\"outcome\": \"handed_on\"");
    CHECK_CONTAINS(text, "\"signals\": 1");
    CHECK_CONTAINS(text, "\"stack_is_whole\": true");
    free(text);
    crash_and_recover(); /* so it survived the first */
    text = rendered(PROGNOS_JSON);
    CHECK_CONTAINS(text, "\"outcome\": \"survived\"");
    free(text);
}

static void hosts_that_recover_often_do_not_fill_the_notes(void) {
    handle(SIGSEGV, recover, 0);
    start(1);
    for (volatile int i = 0; i < 10000; i++)
        crash_and_recover();
    char *text = rendered(PROGNOS_JSON);
    CHECK_CONTAINS(text, "\"signals\": 10000");
    free(text);
}

static volatile sig_atomic_t handled;

static void repair(int number, siginfo_t *info, void *context) {
    (void)number;
    (void)info;
    (void)context;
    handled++;
}

static void a_handler_that_returns_survives(void) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = repair;
    action.sa_flags = SA_SIGINFO;
    NEED(sigaction(SIGTRAP, &action, NULL) == 0);
    start(1);
    raise(SIGTRAP);
    CHECK_EQ(handled, 1);
    char *text = rendered(PROGNOS_TEXT_ASCII);
    CHECK_CONTAINS(text, "survived SIGTRAP (sent by a thread) outside any operation");
    free(text);
}

static void *recover_from_overflow(void *unused) {
    prognos_begin(inner);
    if (sigsetjmp(outside, 1) == 0) overflow_the_stack();
    prognos_end(inner);
    return unused;
}

/* Our alternative stack lets the host's handler run where without it there would have been no room. */
static void an_overflow_of_a_threads_stack_is_noted(void) {
    handle(SIGSEGV, recover, SA_ONSTACK);
    start(1);
    in_a_thread(recover_from_overflow, NULL);
    char *text = rendered(PROGNOS_TEXT_ASCII);
    CHECK_CONTAINS(text, " in inner, thread ");
    CHECK_CONTAINS(text, "overflow");
    free(text);
    CHECK_EQ(count_of(inner), 1);
}

static void *have_a_stack(void *kept) {
    stack_t stack;
    call(outer);
    NEED(sigaltstack(NULL, &stack) == 0);
    CHECK_EQ(stack.ss_flags & SS_DISABLE, 0);
    *(void **)kept = stack.ss_sp;
    return NULL;
}

static void alternative_stacks_end_with_their_threads(void) {
    start(1);
    for (int i = 0; i < 3; i++) {
        void *stack = NULL;
        unsigned char present;
        in_a_thread(have_a_stack, &stack);
        CHECK(stack != NULL);
        CHECK(mincore(stack, 4096, &present) != 0); /* it is not mapped any more */
    }
}

static void the_lane_at_work_is_no_obstacle(void) {
    handle(SIGSEGV, recover, 0);
    start(1);
    prognos_begin(outer);
    if (sigsetjmp(outside, 1) == 0) crash_in_a_hot_call();
    char *text = rendered(PROGNOS_TEXT_ASCII);
    CHECK_CONTAINS(text, "at 0x8 in outer, thread ");
    free(text);
    prognos_end(outer);
    CHECK_EQ(count_of(outer), 1);
}

CHECK_MAIN(CASE(every_crash_ends_as_it_would_without_notes),
           CASE(hosts_that_handle_signals_get_them_as_before),
           CASE(after_a_stop_handlers_are_as_they_were), CASE(nothing_is_handled_unless_asked_for),
           CASE(a_note_tells_what_happened), CASE(hosts_that_recover_often_do_not_fill_the_notes),
           CASE(a_handler_that_returns_survives), CASE(an_overflow_of_a_threads_stack_is_noted),
           CASE(alternative_stacks_end_with_their_threads), CASE(the_lane_at_work_is_no_obstacle))
