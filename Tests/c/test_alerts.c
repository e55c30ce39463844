/* SPDX-License-Identifier: Apache-2.0 */
/* Limits, alerts, and the host's callback. */
#include "host.h"

#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdatomic.h>

static void start(void) {
    prognos_options options;
    prognos_options_default(&options, sizeof options);
    options.collect_interval_ms = 20;
    CHECK_STATUS(prognos_start(&options, sizeof options), PROGNOS_OK);
    CHECK_STATUS(prognos_assess(), PROGNOS_OK);
}

static void pause_ms(long ms) {
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}

static atomic_int told, inside;
static prognos_alert latest;

/* Only what is about descriptors: the machine may have troubles of its own. */
static void note(const prognos_alert *alert, void *context) {
    if (alert->metric != PROGNOS_METRIC_FDS) return;
    CHECK(context == &told);
    latest = *alert;
    atomic_fetch_add(&told, 1);
}

static int files[64];
static void open_files(int from, int to) {
    for (int i = from; i < to; i++) {
        files[i] = open("/dev/null", O_RDONLY);
        NEED(files[i] >= 0);
    }
    CHECK_STATUS(prognos_assess(), PROGNOS_OK);
    CHECK_STATUS(prognos_assess(), PROGNOS_OK);
}

/* Room for twenty more files till WARN, and forty till CRITICAL. */
static void bound_files(void) {
    int next = open("/dev/null", O_RDONLY);
    close(next);
    CHECK_STATUS(prognos_limit_set(PROGNOS_METRIC_FDS, next + 20, next + 40), PROGNOS_OK);
}

static void a_limit_alerts_once_a_change(void) {
    prognos_alert alerts[4];
    size_t count = 0;
    bound_files(); /* before the start, too */
    CHECK_STATUS(prognos_on_alert(note, &told), PROGNOS_OK);
    start();
    CHECK_EQ(atomic_load(&told), 0);
    open_files(0, 25);
    CHECK_EQ(atomic_load(&told), 1);
    CHECK_EQ(latest.severity, PROGNOS_SEVERITY_WARN);
    CHECK_EQ(latest.previous, PROGNOS_SEVERITY_OK);
    CHECK(latest.value >= latest.threshold);
    CHECK_TEXT(latest.subject, "file descriptors");
    CHECK_CONTAINS(latest.reason, "file descriptors is ");
    CHECK_CONTAINS(latest.reason, "; limits: ");
    open_files(25, 30);
    CHECK_EQ(atomic_load(&told), 1);
    open_files(30, 64);
    CHECK_EQ(atomic_load(&told), 2);
    CHECK_EQ(latest.severity, PROGNOS_SEVERITY_CRITICAL);
    CHECK_EQ(latest.previous, PROGNOS_SEVERITY_WARN);
    CHECK_STATUS(prognos_alerts_read(alerts, sizeof *alerts, 4, &count), PROGNOS_OK);
    CHECK_LE(2, count);
    CHECK(alerts[0].number == count);
    /* Well again, but not at once: it may only flicker. */
    for (int i = 0; i < 64; i++)
        close(files[i]);
    CHECK_STATUS(prognos_assess(), PROGNOS_OK);
    CHECK_EQ(atomic_load(&told), 2);
}

static void limits_are_checked(void) {
    CHECK_STATUS(prognos_limit_set((prognos_metric)0, 1, 2), PROGNOS_INVALID_ARGUMENT);
    CHECK_CONTAINS(prognos_last_error(), "metric is 0; expected PROGNOS_METRIC_RATE (1) to");
    CHECK_STATUS(prognos_limit_set((prognos_metric)20, 1, 2), PROGNOS_INVALID_ARGUMENT);
    CHECK_STATUS(prognos_limit_set(PROGNOS_METRIC_HEALTH, 50, 20), PROGNOS_OK);
    CHECK_STATUS(prognos_on_alert(note, &told), PROGNOS_OK);
    start();
    bound_files();
    CHECK_STATUS(prognos_limit_set(PROGNOS_METRIC_FDS, NAN, NAN), PROGNOS_OK);
    open_files(0, 64);
    CHECK_EQ(atomic_load(&told), 0);
}

static void a_lower_bound_is_one_where_critical_is_below(void) {
    start();
    CHECK_STATUS(prognos_limit_set(PROGNOS_METRIC_FDS, 3000, 1000), PROGNOS_OK);
    CHECK_STATUS(prognos_on_alert(note, &told), PROGNOS_OK);
    open_files(0, 1);
    CHECK_EQ(atomic_load(&told), 1);
    CHECK_EQ(latest.severity, PROGNOS_SEVERITY_CRITICAL);
}

static void ask_for_everything(const prognos_alert *alert, void *context) {
    (void)context;
    if (alert->metric != PROGNOS_METRIC_FDS) return;
    prognos_health health;
    prognos_crash crash;
    prognos_process_stats process;
    prognos_alert again;
    sigset_t blocked;
    size_t count = 0;
    CHECK_EQ(pthread_sigmask(SIG_BLOCK, NULL, &blocked), 0);
    CHECK(sigismember(&blocked, SIGTERM) == 1);
    CHECK_STATUS(prognos_health_read(&health, sizeof health), PROGNOS_OK);
    (void)prognos_crash_read(&crash, sizeof crash);
    CHECK_STATUS(prognos_process_read(PROGNOS_TOTAL, &process, sizeof process), PROGNOS_OK);
    CHECK_STATUS(prognos_alerts_read(&again, sizeof again, 1, &count), PROGNOS_OK);
    CHECK_LE(1, count);
    prognos_op op = prognos_op_named("in the callback");
    call(op);
    CHECK_EQ(count_of(op), 1);
    free(rendered(PROGNOS_JSON));
    CHECK_STATUS(prognos_assess(), PROGNOS_INVALID_STATE);
    CHECK_STATUS(prognos_stop(), PROGNOS_INVALID_STATE);
    CHECK_STATUS(prognos_start(NULL, 0), PROGNOS_INVALID_STATE);
    CHECK_CONTAINS(prognos_last_error(), "called from an alert's callback");
    CHECK_STATUS(prognos_limit_set(PROGNOS_METRIC_FDS, NAN, NAN), PROGNOS_OK);
    CHECK_STATUS(prognos_on_alert(NULL, NULL), PROGNOS_OK);
    atomic_fetch_add(&told, 1);
}

static void a_callback_may_ask_for_everything(void) {
    start();
    bound_files();
    CHECK_STATUS(prognos_on_alert(ask_for_everything, NULL), PROGNOS_OK);
    open_files(0, 25);
    CHECK_EQ(atomic_load(&told), 1);
    open_files(25, 64);
    CHECK_EQ(atomic_load(&told), 1); /* it took itself back */
    CHECK_STATUS(prognos_stop(), PROGNOS_OK);
    CHECK_STATUS(prognos_start(NULL, 0), PROGNOS_OK);
    CHECK_STATUS(prognos_stop(), PROGNOS_OK);
}

static void take_long(const prognos_alert *alert, void *context) {
    (void)context;
    if (alert->metric != PROGNOS_METRIC_FDS) return;
    atomic_store(&inside, 1);
    pause_ms(300);
    atomic_fetch_add(&told, 1);
    atomic_store(&inside, 0);
}

static void once_taken_back_no_callback_runs(void) {
    start();
    bound_files();
    CHECK_STATUS(prognos_on_alert(take_long, NULL), PROGNOS_OK);
    for (int i = 0; i < 25; i++)
        files[i] = open("/dev/null", O_RDONLY);
    while (!atomic_load(&inside))
        pause_ms(1);
    CHECK_STATUS(prognos_on_alert(NULL, NULL), PROGNOS_OK);
    CHECK_EQ(atomic_load(&inside), 0);
    CHECK_EQ(atomic_load(&told), 1);
}

static void a_child_forked_meanwhile_is_not_stuck(void) {
    int result = -1;
    start();
    bound_files();
    CHECK_STATUS(prognos_on_alert(take_long, NULL), PROGNOS_OK);
    for (int i = 0; i < 25; i++)
        files[i] = open("/dev/null", O_RDONLY);
    while (!atomic_load(&inside))
        pause_ms(1);
    fflush(NULL);
    pid_t child = fork();
    NEED(child >= 0);
    if (child == 0) {
        check_failures = 0;
        CHECK_STATUS(prognos_on_alert(NULL, NULL), PROGNOS_OK);
        CHECK_STATUS(prognos_stop(), PROGNOS_OK);
        fflush(NULL);
        _exit(check_failures != 0);
    }
    NEED(waitpid(child, &result, 0) == child);
    CHECK_EQ(result, 0);
}

/* While others set it, take it back, start and stop. */
static void *set_and_take_back(void *unused) {
    for (int i = 0; i < 300; i++) {
        CHECK_STATUS(prognos_on_alert(i % 2 ? note : NULL, i % 2 ? &told : NULL), PROGNOS_OK);
        CHECK_STATUS(prognos_limit_set(PROGNOS_METRIC_FDS, i % 3 ? 1 : NAN, NAN), PROGNOS_OK);
    }
    return unused;
}

static void many_threads_set_it_at_once(void) {
    pthread_t threads[4];
    start();
    for (int i = 0; i < 4; i++)
        NEED(pthread_create(&threads[i], NULL, set_and_take_back, NULL) == 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    CHECK_STATUS(prognos_on_alert(NULL, NULL), PROGNOS_OK);
    CHECK_STATUS(prognos_stop(), PROGNOS_OK);
}

CHECK_MAIN(CASE(a_limit_alerts_once_a_change), CASE(limits_are_checked),
           CASE(a_lower_bound_is_one_where_critical_is_below),
           CASE(a_callback_may_ask_for_everything), CASE(once_taken_back_no_callback_runs),
           CASE(a_child_forked_meanwhile_is_not_stuck), CASE(many_threads_set_it_at_once))
