/* SPDX-License-Identifier: Apache-2.0 */
/* Sampling by SIGPROF: the host's own use of that signal, its threads, stacks and children stay as
 * they are. */
#include "host.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/time.h>

static uint32_t volatile ticks, wrong;

static void counts(int number) {
    if (number != SIGPROF) wrong++;
    ticks++;
}

static void counts_with_info(int number, siginfo_t *info, void *context) {
    if (number != SIGPROF || !info || !context || info->si_code == SI_TIMER) wrong++;
    ticks++;
}

static prognos_op start_at(uint32_t hz) {
    prognos_options options;
    prognos_options_default(&options, sizeof options);
    options.sample_hz = hz;
    CHECK_STATUS(prognos_start(&options, sizeof options), PROGNOS_OK);
    prognos_op op = prognos_op_named("op");
    NEED(op != 0);
    call(op);
    return op;
}

static void work_for(uint64_t cpu_ms) {
    uint64_t until = clock_ns(CLOCK_THREAD_CPUTIME_ID) + cpu_ms * 1000000;
    uint64_t volatile sum = 0;
    while (clock_ns(CLOCK_THREAD_CPUTIME_ID) < until)
        for (int i = 0; i < 1000; i++)
            sum += (uint64_t)i;
}

static void *works_a_moment(void *op) {
    call(*(prognos_op *)op);
    work_for(1);
    return NULL;
}

static void interval_timer(long us) {
    struct itimerval every = {{0, us}, {0, us}};
    NEED(setitimer(ITIMER_PROF, &every, NULL) == 0);
}

static struct sigaction disposition(void) {
    struct sigaction found;
    NEED(sigaction(SIGPROF, NULL, &found) == 0);
    return found;
}

/* ---- the host's own handlers ------------------------------------------------------------------ */

static void handler_from_before_the_start_goes_on(void) {
    struct sigaction own = {.sa_sigaction = counts_with_info, .sa_flags = SA_SIGINFO | SA_RESTART};
    NEED(sigaction(SIGPROF, &own, NULL) == 0);
    start_at(1000);
    CHECK(disposition().sa_sigaction == counts_with_info);
    interval_timer(5000);
    work_for(300);
    interval_timer(0);
    CHECK_LE(10, ticks);
    CHECK_EQ(wrong, 0);
    CHECK_STATUS(prognos_stop(), PROGNOS_OK);
    CHECK(disposition().sa_sigaction == counts_with_info);
    uint32_t before = ticks;
    work_for(50); /* none of ours comes late */
    CHECK_EQ(ticks, before);
    raise(SIGPROF);
    CHECK_EQ(ticks, before + 1);
}

static void handler_by_sigaction_after_the_start(void) {
    start_at(1000);
    CHECK(disposition().sa_handler == SIG_DFL);
    struct sigaction own = {.sa_handler = counts}, old;
    NEED(sigaction(SIGPROF, &own, &old) == 0);
    CHECK(old.sa_handler == SIG_DFL);
    CHECK(disposition().sa_handler == counts);
    interval_timer(5000);
    work_for(300);
    interval_timer(0);
    CHECK_LE(10, ticks);
    own.sa_handler = SIG_DFL;
    NEED(sigaction(SIGPROF, &own, &old) == 0);
    CHECK(old.sa_handler == counts);
    own.sa_handler = counts;
    NEED(sigaction(SIGPROF, &own, NULL) == 0);
    CHECK_STATUS(prognos_stop(), PROGNOS_OK);
    CHECK(disposition().sa_handler == counts);
    CHECK_EQ(wrong, 0);
}

static void handler_by_signal_after_the_start(void) {
    start_at(1000);
    CHECK(signal(SIGPROF, counts) == SIG_DFL);
    interval_timer(5000);
    work_for(300);
    interval_timer(0);
    CHECK_LE(10, ticks);
    CHECK(signal(SIGPROF, SIG_IGN) == counts);
    uint32_t before = ticks;
    raise(SIGPROF);
    CHECK_EQ(ticks, before);
    CHECK(signal(SIGPROF, counts) == SIG_IGN);
    CHECK_STATUS(prognos_stop(), PROGNOS_OK);
    CHECK(disposition().sa_handler == counts);
}

/* What signal() is in strict ISO C. */
extern void (*__sysv_signal(int number, void (*handler)(int)))(int);

static void raises_again(int number) {
    ticks++;
    if (ticks == 1) {
        __sysv_signal(number, raises_again);
        raise(number);
        CHECK_EQ(ticks, 2); /* not put off */
    }
}

static void handler_by_signal_of_iso_c(void) {
    start_at(1000);
    CHECK(__sysv_signal(SIGPROF, raises_again) == SIG_DFL);
    work_for(50);
    CHECK_EQ(ticks, 0);
    raise(SIGPROF);
    CHECK_EQ(ticks, 2);
    CHECK(disposition().sa_handler == SIG_DFL);
    CHECK(__sysv_signal(SIGPROF, counts) == SIG_DFL);
    CHECK_STATUS(prognos_stop(), PROGNOS_OK);
    CHECK(disposition().sa_handler == counts);
}

static void ignored_stays_ignored(void) {
    signal(SIGPROF, SIG_IGN);
    start_at(1000);
    raise(SIGPROF);
    kill(getpid(), SIGPROF);
    work_for(50);
    CHECK(disposition().sa_handler == SIG_IGN);
    CHECK_STATUS(prognos_stop(), PROGNOS_OK);
    CHECK(disposition().sa_handler == SIG_IGN);
    raise(SIGPROF);
}

static void handler_for_one_time(void) {
    struct sigaction own = {.sa_handler = counts, .sa_flags = (int)SA_RESETHAND};
    start_at(1000);
    NEED(sigaction(SIGPROF, &own, NULL) == 0);
    work_for(20); /* our signals do not use it up */
    raise(SIGPROF);
    CHECK_EQ(ticks, 1);
    CHECK(disposition().sa_handler == SIG_DFL);
}

static int status_of_child(void (*run)(void)) {
    int status;
    pid_t child = fork();
    NEED(child >= 0);
    if (child == 0) {
        run();
        fflush(NULL);
        _exit(check_failures);
    }
    NEED(waitpid(child, &status, 0) == child);
    return status;
}

static void raises_while_tracked(void) {
    start_at(1000);
    work_for(10);
    raise(SIGPROF);
}

static void raises_after_the_stop(void) {
    start_at(1000);
    work_for(10);
    prognos_stop();
    work_for(10);
    raise(SIGPROF);
}

static void the_default_still_ends_the_process(void) {
    int status = status_of_child(raises_while_tracked);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGPROF);
    status = status_of_child(raises_after_the_stop);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGPROF);
}

static sigset_t in_handler;

static void looks_at_mask(int number) {
    (void)number;
    sigprocmask(SIG_BLOCK, NULL, &in_handler);
    ticks++;
}

static void handler_runs_with_the_mask_it_asked_for(void) {
    struct sigaction own = {.sa_handler = looks_at_mask};
    sigaddset(&own.sa_mask, SIGUSR1);
    start_at(1000);
    NEED(sigaction(SIGPROF, &own, NULL) == 0);
    raise(SIGPROF);
    CHECK_EQ(ticks, 1);
    CHECK_EQ(sigismember(&in_handler, SIGUSR1), 1);
    CHECK_EQ(sigismember(&in_handler, SIGUSR2), 0);
    sigset_t after;
    sigprocmask(SIG_BLOCK, NULL, &after);
    CHECK_EQ(sigismember(&after, SIGUSR1), 0);
    CHECK_EQ(sigismember(&after, SIGPROF), 0);
}

/* ---- what the signal does not disturb --------------------------------------------------------- */

static void errno_stays(void) {
    start_at(5000);
    uint64_t until = clock_ns(CLOCK_THREAD_CPUTIME_ID) + 300000000;
    errno = 4242;
    do
        for (int i = 0; i < 10000; i++)
            if (errno != 4242) wrong++;
    while (clock_ns(CLOCK_THREAD_CPUTIME_ID) < until);
    CHECK_EQ(wrong, 0);
    CHECK_EQ(errno, 4242);
}

static void waits_are_not_cut_short(void) {
    start_at(5000);
    for (int i = 0; i < 5; i++) {
        work_for(20);
        struct timespec rest, nap = {0, 30000000};
        uint64_t before = clock_ns(CLOCK_MONOTONIC);
        CHECK_EQ(nanosleep(&nap, &rest), 0);
        CHECK_LE(30000000, clock_ns(CLOCK_MONOTONIC) - before);
        work_for(20);
        CHECK_EQ(poll(NULL, 0, 30), 0);
        CHECK_EQ(usleep(20000), 0);
        sigset_t set;
        sigemptyset(&set);
        sigaddset(&set, SIGUSR1);
        NEED(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
        CHECK_EQ(sigtimedwait(&set, NULL, &nap), -1);
        CHECK_EQ(errno, EAGAIN);
    }
    CHECK_EQ(sleep(1), 0);
}

static void *blocks_it_from_the_start(void *op) {
    call(*(prognos_op *)op);
    work_for(100);
    sigset_t pending;
    NEED(sigpending(&pending) == 0);
    CHECK_EQ(sigismember(&pending, SIGPROF), 0);
    return NULL;
}

static void threads_that_block_the_signal_are_left_alone(void) {
    sigset_t set, before;
    prognos_op op = start_at(5000);
    sigfillset(&set);
    NEED(pthread_sigmask(SIG_SETMASK, &set, &before) == 0);
    in_a_thread(blocks_it_from_the_start, &op);
    NEED(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
}

static void *waits_for_any_signal(void *op) {
    call(*(prognos_op *)op);
    work_for(20);
    sigset_t set;
    sigfillset(&set);
    NEED(pthread_sigmask(SIG_SETMASK, &set, NULL) == 0);
    work_for(100);
    sigset_t pending;
    NEED(sigpending(&pending) == 0);
    CHECK_EQ(sigismember(&pending, SIGPROF), 0);
    struct timespec soon = {0, 10000000};
    CHECK_EQ(sigtimedwait(&set, NULL, &soon), -1);
    sigemptyset(&set);
    NEED(pthread_sigmask(SIG_SETMASK, &set, NULL) == 0);
    work_for(20);
    return NULL;
}

static void threads_that_block_it_later_are_left_alone(void) {
    prognos_op op = start_at(5000);
    in_a_thread(waits_for_any_signal, &op);
}

static uint32_t volatile stage;

static void *blocks_it_before_the_start(void *op) {
    sigset_t set;
    sigfillset(&set);
    NEED(pthread_sigmask(SIG_SETMASK, &set, NULL) == 0);
    call(*(prognos_op *)op);
    stage = 1;
    while (stage == 1)
        sched_yield();
    return blocks_it_from_the_start(op);
}

static void threads_that_blocked_it_before_are_left_alone(void) {
    prognos_op op = prognos_op_named("op");
    pthread_t thread = started(blocks_it_before_the_start, &op);
    while (stage == 0)
        sched_yield();
    start_at(5000);
    stage = 2;
    joined(thread);
}

/* Such a child runs on its parent's memory, and what it changes is its own alone. */
static void a_child_of_vfork_changes_nothing_here(void) {
    prognos_op op = start_at(2000);
    NEED(signal(SIGPROF, counts) == SIG_DFL);
    for (int i = 0; i < 20; i++) {
        pid_t child = vfork();
        NEED(child >= 0);
        if (child == 0) {
            sigset_t set;
            signal(SIGPROF, SIG_IGN);
            sigfillset(&set);
            sigprocmask(SIG_SETMASK, &set, NULL);
            sigemptyset(&set);
            sigprocmask(SIG_SETMASK, &set, NULL);
            execl("/bin/true", "true", (char *)NULL);
            _exit(3);
        }
        int status;
        NEED(waitpid(child, &status, 0) == child);
        CHECK_EQ(status, 0);
        CHECK(disposition().sa_handler == counts);
        works_a_moment(&op);
    }
    CHECK_EQ(ticks, 0);
    CHECK_STATUS(prognos_stop(), PROGNOS_OK);
    work_for(20);
    CHECK_EQ(ticks, 0);
}

/* ---- stacks ----------------------------------------------------------------------------------- */

static void *works_a_little(void *op) {
    prognos_begin(*(prognos_op *)op);
    free(malloc(100));
    work_for(20);
    prognos_end(*(prognos_op *)op);
    return NULL;
}

static void small_stacks_are_enough(void) {
    prognos_op op = start_at(5000);
    pthread_attr_t attributes;
    NEED(pthread_attr_init(&attributes) == 0);
    for (size_t bytes = (size_t)sysconf(_SC_THREAD_STACK_MIN); bytes <= 256 << 10; bytes *= 2) {
        pthread_t thread;
        NEED(pthread_attr_setstacksize(&attributes, bytes) == 0);
        NEED(pthread_create(&thread, &attributes, works_a_little, &op) == 0);
        joined(thread);
    }
    CHECK_LE(4, count_of(op));
}

/* An alternative stack of the least size that the system recommends, with a page that must stay
 * untouched on each side. */
static void *works_with_alternative_stack(void *op) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t bytes = ((size_t)sysconf(_SC_SIGSTKSZ) + page - 1) / page * page;
    char *at = mmap(NULL, bytes + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    NEED(at != MAP_FAILED);
    NEED(mprotect(at + page, bytes, PROT_READ | PROT_WRITE) == 0);
    stack_t alternative = {.ss_sp = at + page, .ss_size = bytes}, off = {.ss_flags = SS_DISABLE};
    NEED(sigaltstack(&alternative, NULL) == 0);
    works_a_little(op);
    work_for(100);
    NEED(sigaltstack(&off, NULL) == 0);
    size_t untouched = 0;
    while (untouched < bytes && at[page + untouched] == 0)
        untouched++;
    printf("     %zu of %zu bytes of an alternative stack used\n", bytes - untouched, bytes);
    munmap(at, bytes + 2 * page);
    return NULL;
}

static void alternative_stacks_are_enough(void) {
    prognos_op op = start_at(5000);
    in_a_thread(works_with_alternative_stack, &op);
    works_with_alternative_stack(&op);
}

/* ---- children --------------------------------------------------------------------------------- */

static uint32_t volatile stopping;

static void *works_until_told(void *op) {
    while (!stopping) {
        prognos_begin(*(prognos_op *)op);
        free(malloc(1000));
        work_for(1);
        prognos_end(*(prognos_op *)op);
    }
    return NULL;
}

static void new_programs_are_not_killed(void) {
    prognos_op op = start_at(2000);
    pthread_t thread = started(works_until_told, &op);
    for (int i = 0; i < 200; i++) {
        pid_t child = fork();
        NEED(child >= 0);
        if (child == 0) {
            call(op);
            work_for(2); /* its own samples */
            execl("/bin/true", "true", (char *)NULL);
            _exit(3);
        }
        int status;
        NEED(waitpid(child, &status, 0) == child);
        CHECK_EQ(status, 0);
    }
    stopping = 1;
    joined(thread);
}

static void children_of_a_busy_process_work(void) {
    prognos_op op = start_at(2000);
    pthread_t threads[3];
    for (int i = 0; i < 3; i++)
        threads[i] = started(works_until_told, &op);
    for (int i = 0; i < 200; i++) {
        int status;
        pid_t child = fork();
        NEED(child >= 0);
        if (child == 0) {
            alarm(30);
            work_for(1);
            for (int n = 0; n < 100; n++) {
                prognos_begin(op);
                free(malloc((size_t)n * 100));
                prognos_end(op);
            }
            if (i % 10 == 0) prognos_stop();
            work_for(1);
            _exit(0);
        }
        NEED(waitpid(child, &status, 0) == child);
        CHECK_EQ(status, 0);
    }
    stopping = 1;
    for (int i = 0; i < 3; i++)
        joined(threads[i]);
}

static void *starts_and_stops(void *argument) {
    (void)argument;
    while (!stopping) {
        prognos_start(NULL, 0);
        sched_yield();
        prognos_stop();
    }
    return NULL;
}

/* A timer that outlived a stop would end the process. */
static void threads_come_and_go_while_sampling_does(void) {
    setenv("PROGNOS_SAMPLE_HZ", "5000", 1);
    prognos_op op = prognos_op_named("op");
    pthread_t switcher = started(starts_and_stops, NULL);
    for (int i = 0; i < 500; i++) {
        pthread_t threads[2];
        for (int t = 0; t < 2; t++)
            threads[t] = started(works_a_moment, &op);
        for (int t = 0; t < 2; t++)
            joined(threads[t]);
    }
    stopping = 1;
    joined(switcher);
}

CHECK_MAIN(CASE(handler_from_before_the_start_goes_on), CASE(handler_by_sigaction_after_the_start),
           CASE(handler_by_signal_after_the_start), CASE(handler_by_signal_of_iso_c),
           CASE(ignored_stays_ignored), CASE(handler_for_one_time),
           CASE(the_default_still_ends_the_process), CASE(handler_runs_with_the_mask_it_asked_for),
           CASE(errno_stays), CASE(waits_are_not_cut_short),
           CASE(threads_that_block_the_signal_are_left_alone),
           CASE(threads_that_block_it_later_are_left_alone),
           CASE(threads_that_blocked_it_before_are_left_alone),
           CASE(a_child_of_vfork_changes_nothing_here), CASE(small_stacks_are_enough),
           CASE(alternative_stacks_are_enough), CASE(new_programs_are_not_killed),
           CASE(children_of_a_busy_process_work), CASE(threads_come_and_go_while_sampling_does))
