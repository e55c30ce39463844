/* SPDX-License-Identifier: Apache-2.0 */
/* Suggestions through the ABI. What needs clocks to be right is in benchmarks/suggestions. */
#include "host.h"

#include <fcntl.h>

static size_t suggestions(prognos_suggestion *found, size_t capacity) {
    size_t count = 99;
    memset(found, 0xA5, capacity * sizeof *found);
    CHECK_STATUS(prognos_suggestions_read(found, sizeof *found, capacity, &count), PROGNOS_OK);
    return count;
}

static void a_run_that_needs_nothing_gets_none(void) {
    prognos_suggestion found[4];
    CHECK_STATUS(prognos_start(NULL, 0), PROGNOS_OK);
    for (int i = 0; i < 2000; i++)
        call(prognos_op_named("op"));
    CHECK_EQ(suggestions(found, 4), 0);
}

static void small_reads_want_a_buffer(void) {
    prognos_suggestion found[4];
    char byte[16];
    CHECK_STATUS(prognos_start(NULL, 0), PROGNOS_OK);
    prognos_op op = prognos_op_named("op");
    int fd = open("/proc/self/exe", O_RDONLY);
    NEED(fd >= 0);
    prognos_begin(op);
    for (int i = 0; i < 40000; i++) {
        if (read(fd, byte, sizeof byte) < (ssize_t)sizeof byte) lseek(fd, 0, SEEK_SET);
    }
    prognos_end(op);
    size_t count = suggestions(found, 4);
    NEED(count >= 1);
    CHECK_EQ(found[0].op, op);
    CHECK_EQ(found[0].kind, PROGNOS_SUGGEST_BUFFER_READS);
    CHECK(found[0].gain_ratio > 0.2 && found[0].gain_ratio <= 1);
    CHECK(found[0].gain_low <= found[0].gain_ratio && found[0].gain_ratio <= found[0].gain_high);
    CHECK_EQ(found[0].impact, 2);
    CHECK_CONTAINS(found[0].text, "use a bigger buffer");
    CHECK_CONTAINS(found[0].reason, "40000 reads of files of 1");
    CHECK_EQ(suggestions(found, 0), count);
    char *text = rendered(PROGNOS_TEXT), *json = rendered(PROGNOS_JSON);
    CHECK_CONTAINS(text, "suggestions:");
    CHECK_CONTAINS(json, "\"suggestions\": [");
    free(text);
    free(json);
}

static void tries_of_what_fails_for_good_are_seen(void) {
    prognos_suggestion found[4];
    prognos_op request = prognos_op_named("request"), fetch = prognos_op_named("fetch");
    for (int i = 0; i < 30; i++) {
        prognos_begin(request);
        for (int attempt = 0; attempt < 4; attempt++) {
            prognos_begin(fetch);
            usleep(100);
            prognos_fail("not found");
            prognos_end(fetch);
        }
        prognos_end(request);
    }
    NEED(suggestions(found, 4) >= 1);
    CHECK_EQ(found[0].op, fetch);
    CHECK_EQ(found[0].kind, PROGNOS_SUGGEST_RETRY_LESS);
    CHECK(found[0].gain_ratio > 0.74 && found[0].gain_ratio < 0.76);
    CHECK_EQ(found[0].samples, 90);
}

static void bad_arguments_are_refused(void) {
    prognos_suggestion found[2];
    size_t count;
    CHECK_STATUS(prognos_suggestions_read(found, sizeof *found, 2, &count),
                 PROGNOS_NOT_ENOUGH_DATA);
    CHECK_STATUS(prognos_suggestions_read(NULL, sizeof *found, 2, &count),
                 PROGNOS_INVALID_ARGUMENT);
    CHECK_STATUS(prognos_suggestions_read(found, sizeof *found, 2, NULL), PROGNOS_INVALID_ARGUMENT);
    CHECK_STATUS(prognos_suggestions_read(found, 0, 2, &count), PROGNOS_INVALID_ARGUMENT);
}

CHECK_MAIN(CASE(a_run_that_needs_nothing_gets_none), CASE(small_reads_want_a_buffer),
           CASE(tries_of_what_fails_for_good_are_seen), CASE(bad_arguments_are_refused))
