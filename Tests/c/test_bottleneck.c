/* SPDX-License-Identifier: Apache-2.0 */
/* What is won if an operation gets faster: real threads that wait for each other; and whatever a caller may get wrong. */
#include "host.h"

#include <stdatomic.h>

static prognos_bottleneck found[32];
static size_t found_count;
static atomic_bool is_over;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void wait_ns(long ns) {
    struct timespec length = {0, ns};
    nanosleep(&length, NULL);
}

static void work(prognos_op op, long ns) {
    prognos_begin(op);
    wait_ns(ns);
    prognos_end(op);
}

static void assess(void) {
    CHECK_STATUS(prognos_assess(), PROGNOS_OK);
    CHECK_STATUS(prognos_bottleneck_read(found, sizeof found[0], 32, &found_count), PROGNOS_OK);
    NEED(found_count <= 32);
}

static const prognos_bottleneck *answer_on(prognos_op op) {
    for (size_t i = 0; i < found_count; i++)
        if (found[i].op == op) return &found[i];
    return NULL;
}

/* In one thread the operation that takes most of the time is worth most, by Amdahl's law. */
static void one_thread(void) {
    CHECK_STATUS(prognos_start(NULL, 0), PROGNOS_OK);
    prognos_op request = prognos_op_named("request"), large = prognos_op_named("large");
    prognos_op little = prognos_op_named("little");
    for (int i = 0; i < 60; i++) {
        prognos_begin(request);
        work(large, 3000000);
        work(little, 1000000);
        prognos_end(request);
    }
    assess();
    NEED(found_count >= 2);
    CHECK_EQ(found[0].op, large);
    CHECK_EQ(found[0].progress, request);
    CHECK_TEXT(found[0].bound_by, "io");
    CHECK_TEXT(found[0].method, "model");
    CHECK(found[0].gain_ratio_10 <= found[0].gain_ratio_50);
    CHECK(found[0].gain_ratio_50 <= found[0].gain_ratio_100);
    CHECK(found[0].gain_ratio_50 > 0.2 && found[0].gain_ratio_50 < 0.9);
    CHECK(found[0].gain_low <= found[0].gain_ratio_50 &&
          found[0].gain_ratio_50 <= found[0].gain_high);
    CHECK(found[0].confidence > 0 && found[0].confidence <= 1);
    CHECK(found[0].samples >= 59);
    CHECK_CONTAINS(found[0].reason, "large");
    CHECK(answer_on(little) != NULL && answer_on(little)->share < found[0].share);
}

static prognos_op outside, inside;

static void *committing(void *unused) {
    prognos_op request = *(prognos_op *)unused;
    while (!atomic_load(&is_over)) {
        prognos_begin(request);
        work(outside, 4000000);
        pthread_mutex_lock(&lock);
        work(inside, 3000000);
        pthread_mutex_unlock(&lock);
        prognos_end(request);
    }
    return NULL;
}

/* Three threads spend more time outside a lock, and win more if what is inside gets faster. */
static void a_lock(void) {
    CHECK_STATUS(prognos_start(NULL, 0), PROGNOS_OK);
    prognos_op request = prognos_op_named("request");
    outside = prognos_op_named("outside");
    inside = prognos_op_named("inside");
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        NEED(pthread_create(&threads[i], NULL, committing, &request) == 0);
    for (int i = 0; i < 100; i++)
        wait_ns(10000000);
    assess();
    atomic_store(&is_over, true);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    NEED(found_count >= 2);
    CHECK_EQ(found[0].op, inside);
    CHECK_CONTAINS(found[0].reason, "lock");
    const prognos_bottleneck *other = answer_on(outside);
    CHECK(other != NULL && other->gain_ratio_50 < found[0].gain_ratio_50);
    const prognos_bottleneck *around = answer_on(request);
    if (around != NULL) CHECK(around->lock_ratio > 0.3);
}

static void it_is_in_the_profile(void) {
    one_thread();
    char text[65536];
    size_t bytes = 0;
    CHECK_STATUS(prognos_render(PROGNOS_TEXT, text, sizeof text, &bytes), PROGNOS_OK);
    CHECK_CONTAINS(text, "bottleneck: large");
    CHECK_STATUS(prognos_render(PROGNOS_JSON, text, sizeof text, &bytes), PROGNOS_OK);
    CHECK_CONTAINS(text, "\"gain_ratio_50\":");
}

static void what_is_wrong_is_refused(void) {
    size_t count = 77;
    CHECK_STATUS(prognos_bottleneck_read(found, sizeof found[0], 32, &count),
                 PROGNOS_NOT_ENOUGH_DATA);
    CHECK_CONTAINS(prognos_last_error(), "prognos_start was not called");
    CHECK_STATUS(prognos_start(NULL, 0), PROGNOS_OK);
    CHECK_STATUS(prognos_assess(), PROGNOS_OK);
    CHECK_STATUS(prognos_bottleneck_read(found, sizeof found[0], 32, &count),
                 PROGNOS_NOT_ENOUGH_DATA);
    CHECK_CONTAINS(prognos_last_error(), "prognos_bottleneck_read");
    CHECK_EQ(count, 77);
    CHECK_STATUS(prognos_bottleneck_read(found, sizeof found[0], 32, NULL),
                 PROGNOS_INVALID_ARGUMENT);
    CHECK_STATUS(prognos_bottleneck_read(found, 0, 32, &count), PROGNOS_INVALID_ARGUMENT);
    CHECK_STATUS(prognos_bottleneck_read(NULL, sizeof found[0], 32, &count),
                 PROGNOS_INVALID_ARGUMENT);
}

_Static_assert(sizeof(prognos_bottleneck) == 12 * 8 + 8 + 2 * 4 + 16 + 16 + 240,
               "prognos_bottleneck");

CHECK_MAIN(CASE(one_thread), CASE(a_lock), CASE(it_is_in_the_profile),
           CASE(what_is_wrong_is_refused))
