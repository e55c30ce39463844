/* SPDX-License-Identifier: Apache-2.0 */
/* Load and productivity of a process that works for a while. */
#include "host.h"

#include <math.h>
#include <pthread.h>
#include <time.h>

static _Atomic int over;

static void pause_ms(long ms) {
    struct timespec t = {ms / 1000, ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}

static void *work(void *unused) {
    prognos_op wait = prognos_op_named("wait"), count = prognos_op_named("count");
    while (!over) {
        prognos_begin(wait);
        pause_ms(4);
        prognos_end(wait);
        prognos_begin(count);
        for (volatile unsigned i = 0; i < 100000; i++) {
        }
        prognos_end(count);
    }
    return unused;
}

static void what_is_missing_is_said(void) {
    prognos_peak peak;
    prognos_scalability scalability;
    prognos_productivity productivity;
    CHECK_STATUS(prognos_peak_read(&peak, sizeof peak), PROGNOS_NOT_ENOUGH_DATA);
    CHECK_STATUS(prognos_start(NULL, 0), PROGNOS_OK);
    CHECK_STATUS(prognos_assess(), PROGNOS_OK);
    CHECK_STATUS(prognos_peak_read(&peak, sizeof peak), PROGNOS_NOT_ENOUGH_DATA);
    CHECK_CONTAINS(prognos_last_error(), "30 seconds");
    CHECK_STATUS(prognos_scalability_read(&scalability, sizeof scalability),
                 PROGNOS_NOT_ENOUGH_DATA);
    CHECK_CONTAINS(prognos_last_error(), "6 different loads");
    CHECK_STATUS(prognos_productivity_read(&productivity, sizeof productivity),
                 PROGNOS_NOT_ENOUGH_DATA);
    CHECK_CONTAINS(prognos_last_error(), "10 seconds");
}

static void time_is_told_by_what_it_was_good_for(void) {
    CHECK_STATUS(prognos_start(NULL, 0), PROGNOS_OK);
    pthread_t threads[2];
    for (int i = 0; i < 2; i++)
        CHECK_EQ(pthread_create(threads + i, NULL, work, NULL), 0);
    prognos_productivity found;
    prognos_status status = PROGNOS_NOT_ENOUGH_DATA;
    for (int i = 0; i < 60 && status != PROGNOS_OK; i++) {
        pause_ms(500);
        status = prognos_productivity_read(&found, sizeof found);
    }
    over = 1;
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    CHECK_STATUS(status, PROGNOS_OK);
    CHECK(found.samples >= 10);
    CHECK(found.efficiency > 0 && found.efficiency < 90);
    CHECK(found.waiting_ratio > 0.1 && found.waiting_ratio < 1);
    CHECK(found.failure_ratio == 0);
    CHECK(found.task_switches > 100);
    CHECK(found.context_switches_per_s > 10);
    CHECK(found.context_switch_cost_ratio >= 0 && found.context_switch_cost_ratio < 1);
    CHECK(found.slowdown_ratio >= 1);
    CHECK_EQ(found.best_hour, 24);
    CHECK(found.best_hours[0] == 0);
    CHECK_CONTAINS(found.reason, "useful");
    CHECK_STATUS(prognos_productivity_read(NULL, sizeof found), PROGNOS_INVALID_ARGUMENT);
    CHECK_STATUS(prognos_productivity_read(&found, 0), PROGNOS_INVALID_ARGUMENT);
}

CHECK_MAIN(CASE(what_is_missing_is_said), CASE(time_is_told_by_what_it_was_good_for))
