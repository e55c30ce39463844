/* SPDX-License-Identifier: Apache-2.0 */
/* Structs cross the ABI with their caller's size: older and newer hosts than the library. */
#include "host.h"

/* A host from the future: it knows 64 more bytes than the library. */
#define FUTURE 64

typedef prognos_status (*reader)(void *out, size_t size);

static prognos_status read_capabilities(void *out, size_t size) {
    return prognos_capabilities_read((prognos_capabilities *)out, size);
}

static prognos_status read_diagnostics(void *out, size_t size) {
    return prognos_diagnostics_read((prognos_diagnostics *)out, size);
}

static prognos_status read_operation(void *out, size_t size) {
    return prognos_op_read(1, PROGNOS_TOTAL, (prognos_op_stats *)out, size);
}

static prognos_status read_process(void *out, size_t size) {
    return prognos_process_read(PROGNOS_TOTAL, (prognos_process_stats *)out, size);
}

static prognos_session session;

static prognos_status read_session(void *out, size_t size) {
    return prognos_session_read(session, (prognos_session_stats *)out, size);
}

static prognos_status read_options(void *out, size_t size) {
    prognos_options_default((prognos_options *)out, size);
    return PROGNOS_OK;
}

static int all_are(const unsigned char *at, size_t count, unsigned char value) {
    for (size_t i = 0; i < count; i++)
        if (at[i] != value) return 0;
    return 1;
}

static void check_sizes(reader read, size_t size) {
    unsigned char room[1024];
    NEED(size + 2 * FUTURE < sizeof room);
    for (size_t asked = 1; asked <= size + FUTURE; asked += asked < 16 ? 1 : 8) {
        memset(room, 0xA5, sizeof room);
        CHECK_STATUS(read(room, asked), PROGNOS_OK);
        CHECK(all_are(room + asked, sizeof room - asked, 0xA5)); /* beyond it nothing is written */
        if (asked > size) CHECK(all_are(room + size, asked - size, 0));
    }
}

static void out_structs_are_filled_as_far_as_both_sides_know_them(void) {
    call(prognos_op_named("op"));
    check_sizes(read_capabilities, sizeof(prognos_capabilities));
    check_sizes(read_diagnostics, sizeof(prognos_diagnostics));
    check_sizes(read_operation, sizeof(prognos_op_stats));
    check_sizes(read_process, sizeof(prognos_process_stats));
    session = prognos_session_open("session");
    check_sizes(read_session, sizeof(prognos_session_stats));
    check_sizes(read_options, sizeof(prognos_options));
}

static void an_older_host_gets_the_same_fields(void) {
    prognos_op op = prognos_op_named("op");
    call(op);
    prognos_op_stats whole = stats_of(op), part;
    memset(&part, 0xA5, sizeof part);
    CHECK_STATUS(prognos_op_read(op, PROGNOS_TOTAL, &part, offsetof(prognos_op_stats, wall_ns)),
                 PROGNOS_OK);
    CHECK_EQ(part.count, whole.count);
    CHECK_EQ(part.abandoned, whole.abandoned);
    CHECK_EQ(part.wall_ns, 0xA5A5A5A5A5A5A5A5u);
}

static void a_struct_of_no_size_or_nowhere_is_refused(void) {
    call(prognos_op_named("op"));
    static const reader readers[] = {read_capabilities, read_diagnostics, read_operation,
                                     read_process, read_session};
    static const char *const names[] = {"prognos_capabilities_read", "prognos_diagnostics_read",
                                        "prognos_op_read", "prognos_process_read",
                                        "prognos_session_read"};
    session = prognos_session_open("session");
    unsigned char room[1024];
    memset(room, 0xA5, sizeof room);
    for (size_t i = 0; i < sizeof readers / sizeof *readers; i++) {
        CHECK_STATUS(readers[i](room, 0), PROGNOS_INVALID_ARGUMENT);
        CHECK_CONTAINS(prognos_last_error(), names[i]);
        CHECK_STATUS(readers[i](NULL, sizeof room), PROGNOS_INVALID_ARGUMENT);
        CHECK_CONTAINS(prognos_last_error(), "NULL");
    }
    CHECK(all_are(room, sizeof room, 0xA5));
    prognos_options_default(NULL, sizeof(prognos_options));
    CHECK_CONTAINS(prognos_last_error(), "prognos_options_default");
    prognos_options_default((prognos_options *)(void *)room, 0);
    CHECK(all_are(room, sizeof room, 0xA5));
}

static void an_older_hosts_options_are_completed_with_defaults(void) {
    prognos_options options;
    memset(&options, 0xFF, sizeof options);
    options.recording_path = NULL;
    options.memory_limit_bytes = 2u << 20;
    CHECK_STATUS(prognos_start(&options, offsetof(prognos_options, heap_sample_bytes)), PROGNOS_OK);
    CHECK_EQ(capabilities().memory_limit_bytes, 2u << 20);
    CHECK_EQ(capabilities().track, PROGNOS_TRACK_DEFAULT);
}

static void a_newer_hosts_options_are_taken_as_far_as_they_are_known(void) {
    struct {
        prognos_options known;
        uint64_t future[FUTURE / 8];
    } options;
    memset(&options, 0, sizeof options);
    prognos_options_default(&options.known, sizeof options);
    options.known.max_ops = 200;
    CHECK_STATUS(prognos_start(&options.known, sizeof options), PROGNOS_OK);
    CHECK_EQ(capabilities().max_ops, 200);
}

static void options_of_no_size_are_refused(void) {
    prognos_options options;
    prognos_options_default(&options, sizeof options);
    CHECK_STATUS(prognos_start(&options, 0), PROGNOS_INVALID_ARGUMENT);
    CHECK_CONTAINS(prognos_last_error(), "size");
    CHECK_STATUS(prognos_stop(), PROGNOS_NOT_STARTED);
}

/* Structs that cross the ABI have no padding that is not named. */
_Static_assert(sizeof(prognos_op_stats) == 36 * 8, "prognos_op_stats");
_Static_assert(sizeof(prognos_process_stats) == 39 * 8, "prognos_process_stats");
_Static_assert(sizeof(prognos_diagnostics) == 32 * 8, "prognos_diagnostics");
_Static_assert(sizeof(prognos_session_stats) == 16 * 8 + 2 * 4 + 64, "prognos_session_stats");
_Static_assert(sizeof(void *) != 8 || sizeof(prognos_capabilities) == 12 * 8 + 6 * 4,
               "prognos_capabilities");
_Static_assert(sizeof(void *) != 8 || sizeof(prognos_options) == 3 * 8 + 8 * 4 + 3 * 8 + 6 * 4 + 8,
               "prognos_options");
_Static_assert(sizeof(prognos_verdict) == 6 * 8 + 2 * 4, "prognos_verdict");
_Static_assert(sizeof(prognos_forecast) == 4 * 8, "prognos_forecast");
_Static_assert(sizeof(prognos_peak) == 12 * 8 + 2 * 4 + 32 + 240, "prognos_peak");
_Static_assert(sizeof(prognos_scalability) == 12 * 8 + 2 * 4 + 32 + 240, "prognos_scalability");
_Static_assert(sizeof(prognos_productivity) == 35 * 8 + 2 * 4 + 240, "prognos_productivity");
_Static_assert(sizeof(prognos_duration) == 8 * 8 + 24 + 240, "prognos_duration");
_Static_assert(sizeof(prognos_time_left) == 7 * 8 + 2 * 4 + 240, "prognos_time_left");
_Static_assert(sizeof(prognos_suggestion) == 6 * 8 + 4 * 4 + 2 * 240, "prognos_suggestion");
_Static_assert(sizeof(prognos_trend) == 5 * 8 + 2 * 4 + 240, "prognos_trend");
_Static_assert(sizeof(prognos_anomaly) == 8 * 8 + 4 * 4 + 240, "prognos_anomaly");

CHECK_MAIN(CASE(out_structs_are_filled_as_far_as_both_sides_know_them),
           CASE(an_older_host_gets_the_same_fields),
           CASE(a_struct_of_no_size_or_nowhere_is_refused),
           CASE(an_older_hosts_options_are_completed_with_defaults),
           CASE(a_newer_hosts_options_are_taken_as_far_as_they_are_known),
           CASE(options_of_no_size_are_refused))
