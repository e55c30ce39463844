/* SPDX-License-Identifier: Apache-2.0 */
/* Spans: operations that leave their thread. */
#include "host.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>

#define OK(call) CHECK_STATUS(call, PROGNOS_OK)

static prognos_op server, request, inner;

static void prepare(void) {
    server = prognos_op_named("server");
    request = prognos_op_named("request");
    inner = prognos_op_named("inner");
}

static uint64_t busy_for(uint64_t ns) {
    uint64_t start = clock_ns(CLOCK_THREAD_CPUTIME_ID), now;
    do
        now = clock_ns(CLOCK_THREAD_CPUTIME_ID);
    while (now - start < ns);
    return now - start;
}

static void a_span_is_a_call_of_its_operation(void) {
    prepare();
    prognos_span span = prognos_span_begin(request);
    CHECK_NE(span, 0);
    CHECK_EQ(stats_of(request).active, 1);
    CHECK_EQ(count_of(request), 0);
    OK(prognos_span_enter(span));
    CHECK_EQ(stats_of(request).active, 1);
    prognos_work(3);
    OK(prognos_span_leave(span));
    OK(prognos_span_work(span, 4));
    OK(prognos_span_fail(span, "timeout"));
    OK(prognos_span_end(span));
    prognos_op_stats stats = stats_of(request);
    CHECK_EQ(stats.count, 1);
    CHECK_EQ(stats.active, 0);
    CHECK_EQ(stats.failed, 1);
    CHECK_EQ(stats.work, 7);
    CHECK_EQ(stats.abandoned, 0);
    CHECK_LT(0, stats.wall_ns);
    CHECK_EQ(stats.wall_min_ns, stats.wall_max_ns);
    char *text = rendered(PROGNOS_JSON);
    CHECK_CONTAINS(text, "\"timeout\": 1");
    free(text);
    prognos_process_stats process;
    span = prognos_span_begin(request);
    OK(prognos_process_read(PROGNOS_TOTAL, &process, sizeof process));
    CHECK_EQ(process.open_spans, 1);
    CHECK_EQ(process.active_operations, 1);
    OK(prognos_span_end(span)); /* never entered */
    CHECK_EQ(count_of(request), 2);
    CHECK_EQ(diagnostics().misplaced_calls, 0);
    CHECK_EQ(diagnostics().forced_leaves, 0);
}

static void its_cpu_time_is_that_of_the_time_it_was_entered(void) {
    prepare();
    CHECK_EQ(count_of(request), 0);
    prognos_span span = prognos_span_begin(request);
    uint64_t used = 0;
    for (int i = 0; i < 5; i++) {
        OK(prognos_span_enter(span));
        used += busy_for(2000000);
        OK(prognos_span_leave(span));
        busy_for(3000000); /* somebody else's */
        usleep(2000);
    }
    OK(prognos_span_end(span));
    prognos_op_stats stats = stats_of(request);
    CHECK_LE(used, stats.cpu_ns + 100000);
    CHECK_LE(stats.cpu_ns, used + used / 10 + 500000);
    CHECK_LE(used + 20000000, stats.wall_ns);
    CHECK_EQ(stats.blocked_ns, stats.wall_ns - stats.cpu_ns);
}

static void what_happens_meanwhile_is_its_own(void) {
    prepare();
    prognos_options options;
    prognos_options_default(&options, sizeof options);
    OK(prognos_start(&options, sizeof options));
    int fd = open("/dev/zero", O_RDONLY);
    NEED(fd >= 0);
    char bytes[1000];
    prognos_begin(server);
    prognos_span one = prognos_span_begin(request), other = prognos_span_begin(inner);
    for (int i = 0; i < 10; i++) {
        OK(prognos_span_enter(one));
        void *volatile block = malloc(5000);
        NEED(read(fd, bytes, sizeof bytes) == sizeof bytes);
        free(block);
        OK(prognos_span_leave(one));
        OK(prognos_span_enter(other));
        NEED(read(fd, bytes, 10) == 10);
        OK(prognos_span_leave(other));
    }
    OK(prognos_span_end(one));
    OK(prognos_span_end(other));
    prognos_op_stats stats = stats_of(request);
    CHECK_EQ(stats.allocations, 10);
    CHECK_EQ(stats.frees, 10);
    CHECK_EQ(stats.allocated_bytes, stats.freed_bytes);
    CHECK_LE(50000, stats.allocated_bytes);
    CHECK_EQ(stats.read_bytes, 10000);
    CHECK_EQ(stats.io_calls, 10);
    CHECK_EQ(stats_of(inner).read_bytes, 100);
    CHECK_EQ(stats_of(inner).allocations, 0);
    CHECK_EQ(stats_of(server).read_bytes, 10100); /* the caller of both */
    CHECK_EQ(stats_of(server).self_allocated_bytes, 0);
    prognos_end(server);
    close(fd);
    prognos_stop();
}

static void calls_inside_are_called_by_the_span(void) {
    prepare();
    prognos_begin(server);
    prognos_span span = prognos_span_begin(request); /* server;request */
    prognos_end(server);
    OK(prognos_span_enter(span));
    call(inner);                                    /* server;request;inner */
    prognos_span child = prognos_span_begin(inner); /* the same path */
    OK(prognos_span_leave(span));
    OK(prognos_span_end(child));
    OK(prognos_span_end(span));
    call(inner); /* inner */
    char *text = rendered(PROGNOS_FOLDED);
    CHECK_CONTAINS(text, "server;request;inner ");
    CHECK(strstr(text, "\nrequest") == NULL);
    free(text);
    CHECK_EQ(count_of(inner), 3);
    CHECK_EQ(diagnostics().call_paths, 4);
}

static void self_times_of_the_operation_around_are_less_by_the_time_it_was_entered(void) {
    prepare();
    prognos_span span = prognos_span_begin(request);
    prognos_begin(server);
    for (int i = 0; i < 2; i++) {
        OK(prognos_span_enter(span));
        busy_for(5000000);
        OK(prognos_span_leave(span));
    }
    busy_for(1000000);
    prognos_op_stats open = stats_of(server); /* also while it is open */
    CHECK_LE(open.self_cpu_ns, 5000000);
    prognos_end(server);
    OK(prognos_span_end(span));
    prognos_op_stats stats = stats_of(server);
    CHECK_LE(11000000, stats.wall_ns);
    CHECK_LE(11000000, stats.cpu_ns + 100000);
    CHECK_LE(1000000, stats.self_cpu_ns + 100000);
    CHECK_LE(stats.self_cpu_ns + 9000000, stats.cpu_ns);
    CHECK_LE(stats.self_wall_ns + 10000000, stats.wall_ns);
}

static void spans_that_overlap_take_nothing_from_their_caller(void) {
    prepare();
    prognos_span spans[50];
    prognos_begin(server);
    for (int i = 0; i < 50; i++)
        spans[i] = prognos_span_begin(request);
    uint64_t used = busy_for(10000000);
    for (int i = 0; i < 50; i++)
        OK(prognos_span_end(spans[i]));
    prognos_end(server);
    prognos_op_stats stats = stats_of(server);
    CHECK_LE(stats.wall_ns, stats.self_wall_ns + 10);
    CHECK_LE(used, stats.self_cpu_ns + 100000);
    CHECK_LE(50 * used, stats_of(request).wall_ns + 50);
    CHECK_LE(stats_of(request).cpu_ns, 1000);
}

static void an_open_span_shows_what_it_has_taken_so_far(void) {
    prepare();
    prognos_span span = prognos_span_begin(request);
    OK(prognos_span_enter(span));
    uint64_t used = busy_for(5000000);
    uint64_t so_far = stats_of(request).self_cpu_ns;
    CHECK_LE(used, so_far + 100000);
    CHECK_LE(so_far, used + 10000000);
    OK(prognos_span_leave(span));
    usleep(20000);
    prognos_op_stats stats = stats_of(request);
    CHECK_EQ(stats.active, 1);
    CHECK_LE(stats.self_cpu_ns, used + 10000000);
    CHECK_LE(used + 20000000, stats.self_wall_ns);
    OK(prognos_span_end(span));
}

/* ---- threads ---- */

#define THREADS 4
#define SPANS 200
#define TURNS 50
static prognos_span shared[SPANS];
static int owners[SPANS];

static void *run_spans(void *unused) {
    unsigned seed = (unsigned)(uintptr_t)&unused;
    for (int i = 0; i < SPANS * TURNS; i++) {
        int at = rand_r(&seed) % SPANS;
        if (__atomic_exchange_n(&owners[at], 1, __ATOMIC_ACQUIRE)) continue;
        if (shared[at] == 0) shared[at] = prognos_span_begin(request);
        OK(prognos_span_enter(shared[at]));
        call(inner);
        prognos_work(1);
        OK(prognos_span_leave(shared[at]));
        if (rand_r(&seed) % 8 == 0) {
            OK(prognos_span_end(shared[at]));
            shared[at] = 0;
            __atomic_add_fetch(&check_failures, 0, __ATOMIC_RELAXED);
        }
        __atomic_store_n(&owners[at], 0, __ATOMIC_RELEASE);
    }
    return NULL;
}

static void spans_move_between_threads_and_nothing_is_lost(void) {
    prepare();
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        threads[i] = started(run_spans, NULL);
    for (int i = 0; i < 20; i++)
        CHECK_LE(stats_of(request).active, SPANS);
    for (int i = 0; i < THREADS; i++)
        joined(threads[i]);
    uint64_t open = 0;
    for (int i = 0; i < SPANS; i++)
        open += shared[i] != 0;
    CHECK_EQ(stats_of(request).active, open);
    for (int i = 0; i < SPANS; i++)
        OK(prognos_span_end(shared[i]));
    CHECK_EQ(stats_of(request).active, 0);
    CHECK_EQ(stats_of(request).work, count_of(inner));
    CHECK_LT(0, count_of(request));
    CHECK_EQ(diagnostics().misplaced_calls, 0);
    CHECK_EQ(diagnostics().forced_leaves, 0);
    CHECK_EQ(diagnostics().unknown_handles, 0);
    char *text = rendered(PROGNOS_FOLDED); /* one path, whatever the thread */
    CHECK(strstr(text, "\ninner") == NULL && strncmp(text, "inner", 5) != 0);
    free(text);
}

static prognos_span handed;

static void *enters_and_dies(void *unused) {
    (void)unused;
    prognos_begin(server);
    OK(prognos_span_enter(handed));
    prognos_begin(inner);
    busy_for(2000000);
    return NULL;
}

static void a_thread_that_ends_leaves_its_span(void) {
    prepare();
    handed = prognos_span_begin(request);
    in_a_thread(enters_and_dies, NULL);
    CHECK_EQ(stats_of(inner).abandoned, 1);
    CHECK_EQ(stats_of(server).abandoned, 1);
    CHECK_EQ(stats_of(request).active, 1);
    CHECK_EQ(diagnostics().forced_leaves, 1);
    OK(prognos_span_enter(handed)); /* it goes on here */
    OK(prognos_span_leave(handed));
    OK(prognos_span_end(handed));
    CHECK_EQ(count_of(request), 1);
    CHECK_EQ(stats_of(request).abandoned, 0);
    CHECK_LE(2000000, stats_of(request).cpu_ns + 100000);
}

static void *uses_what_is_entered_elsewhere(void *unused) {
    (void)unused;
    CHECK_STATUS(prognos_span_enter(handed), PROGNOS_INVALID_STATE);
    CHECK_CONTAINS(prognos_last_error(), "prognos_span_enter");
    CHECK_STATUS(prognos_span_leave(handed), PROGNOS_INVALID_STATE);
    CHECK_STATUS(prognos_span_end(handed), PROGNOS_INVALID_STATE);
    CHECK_CONTAINS(prognos_last_error(), "entered already");
    OK(prognos_span_work(handed, 5));
    OK(prognos_span_fail(handed, "elsewhere"));
    return NULL;
}

static void one_thread_at_a_time_has_a_span(void) {
    prepare();
    handed = prognos_span_begin(request);
    OK(prognos_span_enter(handed));
    CHECK_STATUS(prognos_span_enter(handed), PROGNOS_INVALID_STATE);
    in_a_thread(uses_what_is_entered_elsewhere, NULL);
    OK(prognos_span_leave(handed));
    CHECK_STATUS(prognos_span_leave(handed), PROGNOS_INVALID_STATE);
    OK(prognos_span_end(handed));
    CHECK_EQ(diagnostics().misplaced_calls, 5);
    CHECK_EQ(stats_of(request).work, 5);
    CHECK_EQ(stats_of(request).failed, 1);
    CHECK_EQ(count_of(request), 1);
}

/* ---- what is out of order ---- */

static void handles_that_are_none_are_an_error(void) {
    prepare();
    static const uint64_t invented[] = {1,
                                        2,
                                        UINT64_MAX,
                                        1ull << 32,
                                        UINT32_MAX,
                                        0x100000000ull,
                                        0xFFFFFFFF00000001ull,
                                        0x80000001DEADBEEFull};
    for (int made = 0; made < 2; made++) { /* before the recording is made, and after */
        for (size_t i = 0; i < sizeof invented / sizeof *invented; i++) {
            CHECK_STATUS(prognos_span_enter(invented[i]), PROGNOS_UNKNOWN_HANDLE);
            CHECK_STATUS(prognos_span_leave(invented[i]), PROGNOS_UNKNOWN_HANDLE);
            CHECK_STATUS(prognos_span_work(invented[i], 1), PROGNOS_UNKNOWN_HANDLE);
            CHECK_STATUS(prognos_span_fail(invented[i], "x"), PROGNOS_UNKNOWN_HANDLE);
            CHECK_STATUS(prognos_span_end(invented[i]), PROGNOS_UNKNOWN_HANDLE);
        }
        prognos_span_end(prognos_span_begin(request));
    }
    CHECK_CONTAINS(prognos_last_error(), "stale");
    prognos_span span = prognos_span_begin(request);
    OK(prognos_span_end(span));
    CHECK_STATUS(prognos_span_end(span), PROGNOS_UNKNOWN_HANDLE); /* twice */
    prognos_span next = prognos_span_begin(request);              /* the same record */
    CHECK_EQ((uint32_t)next, (uint32_t)span);
    CHECK_STATUS(prognos_span_enter(span), PROGNOS_UNKNOWN_HANDLE);
    OK(prognos_span_end(next));
    CHECK_EQ(prognos_span_begin(0), 0);
    CHECK_EQ(prognos_span_begin(4711), 0);
    CHECK_EQ(diagnostics().unknown_operations, 2);
    CHECK_EQ(diagnostics().unknown_handles, 80 + 2);
    OK(prognos_span_enter(0));
    OK(prognos_span_leave(0));
    OK(prognos_span_work(0, 1));
    OK(prognos_span_fail(0, NULL));
    OK(prognos_span_end(0));
}

static void random_handles_and_orders_never_harm(void) {
    prepare();
    unsigned seed = 1;
    prognos_span kept[16] = {0};
    for (int i = 0; i < 200000; i++) {
        prognos_span *at = &kept[rand_r(&seed) % 16];
        uint64_t any = *at;
        if (rand_r(&seed) % 4 == 0) any ^= 1ull << (rand_r(&seed) % 64);
        switch (rand_r(&seed) % 8) {
        case 0:
            *at = prognos_span_begin(request);
            break;
        case 1:
            prognos_span_enter(any);
            break;
        case 2:
            prognos_span_leave(any);
            break;
        case 3:
            prognos_span_end(any);
            break;
        case 4:
            prognos_begin(inner);
            break;
        case 5:
            prognos_end(inner);
            break;
        case 6:
            prognos_span_work(any, 1);
            break;
        default:
            prognos_fail("x");
            break;
        }
    }
    prognos_op_stats stats = stats_of(inner);
    CHECK_LT(0, stats.count);
    CHECK_LT(0, stats_of(request).count);
    free(rendered(PROGNOS_JSON));
    free(rendered(PROGNOS_TEXT));
}

static void what_is_open_inside_is_closed_by_a_leave(void) {
    prepare();
    prognos_span outer = prognos_span_begin(request), nested = prognos_span_begin(request);
    OK(prognos_span_enter(outer));
    prognos_begin(inner);
    OK(prognos_span_enter(nested));
    prognos_begin(inner);
    OK(prognos_span_leave(outer));
    CHECK_EQ(stats_of(inner).abandoned, 2);
    CHECK_EQ(diagnostics().forced_leaves, 1);
    CHECK_STATUS(prognos_span_leave(nested), PROGNOS_INVALID_STATE);
    OK(prognos_span_end(nested));
    OK(prognos_span_end(outer));
    CHECK_EQ(count_of(request), 2);
    call(server); /* nothing stands on the stack */
    CHECK_EQ(stats_of(server).abandoned, 0);
    CHECK_EQ(stats_of(server).active, 0);
}

static jmp_buf escape;

static void an_end_around_it_leaves_the_span(void) {
    prepare();
    volatile prognos_span span = prognos_span_begin(request);
    prognos_begin(server);
    if (setjmp(escape) == 0) {
        OK(prognos_span_enter(span));
        longjmp(escape, 1);
    }
    prognos_end(server);
    CHECK_EQ(diagnostics().forced_leaves, 1);
    CHECK_EQ(count_of(server), 1);
    OK(prognos_span_enter(span));
    prognos_end(request); /* no call of that name is open */
    CHECK_EQ(diagnostics().unbalanced_ends, 1);
    OK(prognos_span_end(span)); /* leaves it first */
    CHECK_EQ(count_of(request), 1);
}

static void they_nest_as_deep_as_operations(void) {
    prepare();
    uint32_t deepest = capabilities().max_depth;
    prognos_span *spans = calloc(deepest + 1, sizeof *spans);
    NEED(spans);
    for (uint32_t i = 0; i < deepest; i++) {
        spans[i] = prognos_span_begin(request); /* outermost beyond some depth */
        OK(prognos_span_enter(spans[i]));
    }
    spans[deepest] = prognos_span_begin(request);
    CHECK_STATUS(prognos_span_enter(spans[deepest]), PROGNOS_LIMIT_REACHED);
    prognos_begin(inner); /* too deep */
    CHECK_STATUS(prognos_span_enter(spans[deepest]), PROGNOS_LIMIT_REACHED);
    prognos_end(inner);
    for (uint32_t i = deepest; i-- > 0;)
        OK(prognos_span_leave(spans[i]));
    for (uint32_t i = 0; i <= deepest; i++)
        OK(prognos_span_end(spans[i]));
    CHECK_EQ(count_of(request), deepest + 1);
    CHECK_EQ(diagnostics().forced_leaves, 0);
    free(spans);
}

static void a_full_table_is_counted(void) {
    prepare();
    prognos_options options;
    prognos_options_default(&options, sizeof options);
    options.memory_limit_bytes = 1 << 20;
    options.max_ops = 16;
    options.max_threads = 4;
    OK(prognos_start(&options, sizeof options) == PROGNOS_LIMIT_REACHED ? PROGNOS_OK : PROGNOS_OK);
    enum { MANY = 300000 };
    prognos_span *spans = calloc(MANY, sizeof *spans);
    uint64_t begun = 0;
    NEED(spans);
    for (int i = 0; i < MANY; i++)
        begun += (spans[i] = prognos_span_begin(request)) != 0;
    CHECK_LT(1000, begun);
    CHECK_LT(begun, MANY);
    CHECK_EQ(diagnostics().untracked_spans, MANY - begun);
    CHECK_CONTAINS(prognos_last_error(), "open spans");
    CHECK_EQ(stats_of(request).active, begun);
    for (int i = 0; i < MANY; i++)
        OK(prognos_span_end(spans[i]));
    CHECK_EQ(count_of(request), begun);
    CHECK_NE(spans[0] = prognos_span_begin(request), 0);
    OK(prognos_span_end(spans[0]));
    CHECK_LE(diagnostics().recording_bytes, capabilities().memory_limit_bytes);
    free(spans);
}

/* ---- the feature flag, forks, signals ---- */

static void while_recording_is_off_nothing_begins(void) {
    prepare();
    prognos_span open = prognos_span_begin(request), entered = prognos_span_begin(request);
    OK(prognos_span_enter(entered));
    prognos_set_enabled(false);
    CHECK_EQ(prognos_span_begin(request), 0);
    OK(prognos_span_enter(open));
    OK(prognos_span_leave(open));
    OK(prognos_span_leave(entered)); /* what was entered before is left */
    OK(prognos_span_end(open));
    prognos_set_enabled(true);
    OK(prognos_span_end(entered));
    CHECK_EQ(count_of(request), 2);
    CHECK_EQ(diagnostics().misplaced_calls, 0);
}

static void in_a_forked_child_all_are_stale(void) {
    prepare();
    prognos_span open = prognos_span_begin(request), entered = prognos_span_begin(request);
    OK(prognos_span_enter(entered));
    pid_t child = fork();
    NEED(child >= 0);
    if (child == 0) {
        check_failures = 0;
        CHECK_EQ(stats_of(request).active, 0);
        prognos_span mine = prognos_span_begin(request);
        CHECK_NE(mine, open);
        CHECK_NE(mine, entered);
        CHECK_STATUS(prognos_span_enter(open), PROGNOS_UNKNOWN_HANDLE);
        CHECK_STATUS(prognos_span_leave(entered), PROGNOS_UNKNOWN_HANDLE);
        CHECK_STATUS(prognos_span_end(entered), PROGNOS_UNKNOWN_HANDLE);
        OK(prognos_span_enter(mine));
        OK(prognos_span_end(mine));
        CHECK_EQ(count_of(request), 1);
        CHECK_EQ(diagnostics().unbalanced_ends, 0);
        _exit(check_failures != 0);
    }
    int status = 0;
    NEED(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    OK(prognos_span_leave(entered));
    OK(prognos_span_end(entered));
    OK(prognos_span_end(open));
    CHECK_EQ(count_of(request), 2);
}

static volatile sig_atomic_t handled, completed;
static prognos_span interrupted_span;

static void on_signal(int number) {
    (void)number;
    prognos_span span = prognos_span_begin(inner);
    if (span != 0 && prognos_span_enter(span) == PROGNOS_OK) {
        prognos_span_work(span, 1);
        if (prognos_span_leave(span) == PROGNOS_OK && prognos_span_end(span) == PROGNOS_OK)
            completed = completed + 1;
    }
    prognos_span_enter(interrupted_span);
    handled = handled + 1;
}

static void handlers_may_use_them(void) {
    prepare();
    OK(prognos_span_end(prognos_span_begin(request)));
    CHECK_EQ(count_of(inner), 0);
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    sigaction(SIGALRM, &action, NULL);
    timer_t timer;
    struct sigevent event;
    memset(&event, 0, sizeof event);
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = SIGALRM;
    NEED(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
    struct itimerspec every = {{0, 50000}, {0, 50000}};
    NEED(timer_settime(timer, 0, &every, NULL) == 0);
    uint64_t begun = 0;
    for (int i = 0; i < 100000 || handled < 100; i++) {
        prognos_span span = prognos_span_begin(request);
        begun += span != 0;
        interrupted_span = span;
        prognos_span_enter(span); /* the handler may have been first */
        call(server);
        prognos_span_leave(span);
        prognos_span_end(span);
    }
    timer_delete(timer);
    interrupted_span = 0;
    CHECK_EQ(count_of(request), begun + 1);
    CHECK_EQ(count_of(inner), (uint64_t)completed);
    CHECK_EQ(stats_of(inner).active + stats_of(request).active, 0);
}

CHECK_MAIN(CASE(a_span_is_a_call_of_its_operation),
           CASE(its_cpu_time_is_that_of_the_time_it_was_entered),
           CASE(what_happens_meanwhile_is_its_own), CASE(calls_inside_are_called_by_the_span),
           CASE(self_times_of_the_operation_around_are_less_by_the_time_it_was_entered),
           CASE(spans_that_overlap_take_nothing_from_their_caller),
           CASE(an_open_span_shows_what_it_has_taken_so_far),
           CASE(spans_move_between_threads_and_nothing_is_lost),
           CASE(a_thread_that_ends_leaves_its_span), CASE(one_thread_at_a_time_has_a_span),
           CASE(handles_that_are_none_are_an_error), CASE(random_handles_and_orders_never_harm),
           CASE(what_is_open_inside_is_closed_by_a_leave), CASE(an_end_around_it_leaves_the_span),
           CASE(they_nest_as_deep_as_operations), CASE(a_full_table_is_counted),
           CASE(while_recording_is_off_nothing_begins), CASE(in_a_forked_child_all_are_stale),
           CASE(handlers_may_use_them))
