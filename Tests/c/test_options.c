/* SPDX-License-Identifier: Apache-2.0 */
/* Options of prognos_start, their environment variables, and what is refused. */
#include "host.h"

typedef struct option {
    const char *field, *variable;
    size_t offset, bytes;
    uint64_t standard, least, most; /* most 0: the header names no range */
} option;

#define OPTION(field, variable, standard, least, most)                                             \
    {                                                                                              \
#field, "PROGNOS_" variable, offsetof(prognos_options, field),                             \
            sizeof(((prognos_options *)0)->field), standard, least, most                           \
    }

static const option options_known[] = {
    OPTION(memory_limit_bytes, "MEMORY_LIMIT_BYTES", 48u << 20, 1u << 20, 0xFFFFFFFFu),
    OPTION(heap_sample_bytes, "HEAP_SAMPLE_BYTES", 524288, 1, 0),
    OPTION(collect_interval_ms, "COLLECT_INTERVAL_MS", 1000, 1, 0),
    OPTION(sample_hz, "SAMPLE_HZ", 99, 1, 0),
    OPTION(stack_depth, "STACK_DEPTH", 64, 1, 0),
    OPTION(max_ops, "MAX_OPS", 16384, 16, 1000000),
    OPTION(max_threads, "MAX_THREADS", 1024, 1, 65536),
    OPTION(timeline_events, "TIMELINE_EVENTS", 4096, 1, 0),
};
#define OPTIONS (sizeof options_known / sizeof *options_known)

static uint64_t value_of(const option *o, const prognos_options *options) {
    const char *at = (const char *)options + o->offset;
    uint32_t small;
    uint64_t large;
    memcpy(&small, at, sizeof small);
    memcpy(&large, at, o->bytes == 8 ? sizeof large : sizeof small);
    return o->bytes == 8 ? large : small;
}

static void set(const option *o, prognos_options *options, uint64_t value) {
    uint32_t small = (uint32_t)value;
    memcpy((char *)options + o->offset, o->bytes == 8 ? (void *)&value : (void *)&small, o->bytes);
}

static prognos_options defaults(void) {
    prognos_options options;
    memset(&options, 0xA5, sizeof options);
    prognos_options_default(&options, sizeof options);
    return options;
}

static void defaults_are_those_of_the_header(void) {
    prognos_options options = defaults();
    for (size_t i = 0; i < OPTIONS; i++)
        CHECK_EQ(value_of(&options_known[i], &options), options_known[i].standard);
    CHECK(options.recording_path == NULL);
    CHECK(options.serve == NULL);
    CHECK(options.log == NULL);
    CHECK(options.log_context == NULL);
    CHECK_EQ(options.track, PROGNOS_TRACK_DEFAULT);
    CHECK_EQ(options.reserved, 0);
    CHECK_TEXT(prognos_last_error(), "");
}

static void each_field_has_an_environment_variable(void) {
    for (size_t i = 0; i < OPTIONS; i++) {
        char text[32];
        const option *o = &options_known[i];
        uint64_t wanted = o->standard / 2 + i;
        snprintf(text, sizeof text, "%llu", (unsigned long long)wanted);
        setenv(o->variable, text, 1);
        prognos_options options = defaults();
        CHECK_EQ(value_of(o, &options), wanted);
        setenv(o->variable, "", 1); /* as if it were not set */
        options = defaults();
        CHECK_EQ(value_of(o, &options), o->standard);
    }
    setenv("PROGNOS_RECORDING_PATH", "/nowhere", 1);
    setenv("PROGNOS_SERVE", "127.0.0.1:0", 1);
    prognos_options options = defaults();
    CHECK_TEXT(options.recording_path, "/nowhere");
    CHECK_TEXT(options.serve, "127.0.0.1:0");
    CHECK_TEXT(prognos_last_error(), "");
}

static void tracks_are_words_or_a_number(void) {
    static const struct {
        const char *text;
        uint32_t bits;
    } good[] = {{"cpu", 1},      {"memory", 2},    {"io", 4},         {"stacks", 8},
                {"samples", 16}, {"timeline", 32}, {"cpu,memory", 3}, {"io,cpu", 5},
                {"0", 0},        {"63", 63},       {"0x7f", 127},     {"7", 7}};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        setenv("PROGNOS_TRACK", good[i].text, 1);
        CHECK_EQ(defaults().track, good[i].bits);
    }
    CHECK_TEXT(prognos_last_error(), "");
    static const char *const bad[] = {"cpux", "cpu,", ",cpu", "cpu, io",
                                      "128",  "-1",   "CPU,", "1.0"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK_EQ(prognos_op_named(NULL), 0); /* another text in the last error */
        setenv("PROGNOS_TRACK", bad[i], 1);
        CHECK_EQ(defaults().track, PROGNOS_TRACK_DEFAULT);
        if (!CHECK_CONTAINS(prognos_last_error(), "PROGNOS_TRACK"))
            fprintf(stderr, "  for \"%s\"\n", bad[i]);
    }
}

static void a_bad_variable_is_left_out_and_named(void) {
    static const char *const bad[] = {"abc",
                                      "-1",
                                      "1 ",
                                      " 1",
                                      "1.5",
                                      "1e6",
                                      "0x",
                                      "12k",
                                      "99999999999999999999999",
                                      "18446744073709551615",
                                      "0"};
    for (size_t i = 0; i < OPTIONS; i++) {
        const option *o = &options_known[i];
        for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
            CHECK_EQ(prognos_op_named(NULL), 0);
            setenv(o->variable, bad[k], 1);
            prognos_options options = defaults();
            CHECK_EQ(value_of(o, &options), o->standard);
            CHECK_CONTAINS(prognos_last_error(), o->variable);
        }
        unsetenv(o->variable);
    }
}

static void an_out_of_range_option_is_refused_by_name_value_and_range(void) {
    for (size_t i = 0; i < OPTIONS; i++) {
        const option *o = &options_known[i];
        uint64_t bad[2] = {o->least - 1, o->most + 1};
        for (size_t k = 0; k < (o->most != 0 ? 2 : 1); k++) {
            char text[32];
            prognos_options options = defaults();
            set(o, &options, bad[k]);
            CHECK_STATUS(prognos_start(&options, sizeof options), PROGNOS_INVALID_ARGUMENT);
            CHECK_CONTAINS(prognos_last_error(), o->field);
            snprintf(text, sizeof text, " %llu;", (unsigned long long)bad[k]);
            CHECK_CONTAINS(prognos_last_error(), text);
            if (o->most != 0) {
                snprintf(text, sizeof text, "%llu", (unsigned long long)o->least);
                CHECK_CONTAINS(prognos_last_error(), text);
                snprintf(text, sizeof text, "%llu", (unsigned long long)o->most);
                CHECK_CONTAINS(prognos_last_error(), text);
            }
        }
    }
    prognos_options options = defaults();
    options.track = 128;
    CHECK_STATUS(prognos_start(&options, sizeof options), PROGNOS_INVALID_ARGUMENT);
    CHECK_CONTAINS(prognos_last_error(), "track is 128");
    CHECK_EQ(diagnostics().bad_arguments, 12);
    CHECK_STATUS(prognos_stop(), PROGNOS_NOT_STARTED);
}

static void a_refused_start_changes_nothing(void) {
    prognos_options options = defaults();
    options.max_ops = 1;
    CHECK_STATUS(prognos_start(&options, sizeof options), PROGNOS_INVALID_ARGUMENT);
    options.max_ops = 100;
    options.max_threads = 10;
    options.memory_limit_bytes = 64u << 20;
    CHECK_STATUS(prognos_start(&options, sizeof options), PROGNOS_OK);
    prognos_capabilities live = capabilities();
    CHECK_EQ(live.max_ops, 100);
    CHECK_EQ(live.max_threads, 10);
    CHECK_EQ(live.memory_limit_bytes, 64u << 20);
}

static void the_extremes_of_each_range_are_accepted(void) {
    prognos_options options = defaults();
    options.max_ops = 16;
    options.max_threads = 1;
    options.memory_limit_bytes = 1u << 20;
    CHECK_STATUS(prognos_start(&options, sizeof options), PROGNOS_OK);
    CHECK_EQ(capabilities().max_ops, 16);
    CHECK_EQ(capabilities().max_threads, 1);
    CHECK_EQ(capabilities().memory_limit_bytes, 1u << 20);
    call(prognos_op_named("op"));
    CHECK_EQ(count_of(1), 1);
}

static void the_largest_recording_is_accepted(void) {
    prognos_options options = defaults();
    options.max_ops = 1000000;
    options.max_threads = 65536;
    options.memory_limit_bytes = 0xFFFFFFFFu;
    CHECK_STATUS(prognos_start(&options, sizeof options), PROGNOS_OK);
    CHECK_LE(capabilities().memory_limit_bytes, 0xFFFFFFFFu);
    CHECK_EQ(capabilities().max_ops, 1000000);
    CHECK_EQ(capabilities().max_threads, 65536);
    call(prognos_op_named("op"));
    CHECK_EQ(count_of(1), 1);
}

static void addresses_are_not_in_this_version_and_paths_must_be_there(void) {
    prognos_options options = defaults();
    options.recording_path = "/nowhere/at/all";
    CHECK_STATUS(prognos_start(&options, sizeof options), PROGNOS_IO_ERROR);
    CHECK_CONTAINS(prognos_last_error(), "recording_path");
    options.recording_path = "";
    CHECK_STATUS(prognos_start(&options, sizeof options), PROGNOS_INVALID_ARGUMENT);
    options = defaults();
    options.serve = "127.0.0.1:0";
    CHECK_STATUS(prognos_start(&options, sizeof options), PROGNOS_UNSUPPORTED);
    CHECK_CONTAINS(prognos_last_error(), "serve");
    setenv("PROGNOS_SERVE", "127.0.0.1:0", 1);
    CHECK_STATUS(prognos_start(NULL, 0), PROGNOS_UNSUPPORTED);
    CHECK_STATUS(prognos_stop(), PROGNOS_NOT_STARTED);
}

static void sizes_stay_once_recording_began(void) {
    call(prognos_op_named("op"));
    prognos_options options = defaults();
    options.memory_limit_bytes = 96u << 20;
    CHECK_STATUS(prognos_start(&options, sizeof options), PROGNOS_LIMIT_REACHED);
    CHECK(prognos_last_error()[0] != 0);
    CHECK_EQ(capabilities().memory_limit_bytes, 48u << 20);
    CHECK_STATUS(prognos_start(&options, sizeof options), PROGNOS_ALREADY_STARTED);
    CHECK_STATUS(prognos_stop(), PROGNOS_OK);
    options = defaults();
    options.max_ops = 20000;
    CHECK_STATUS(prognos_start(&options, sizeof options), PROGNOS_LIMIT_REACHED);
    CHECK_STATUS(prognos_stop(), PROGNOS_OK);
    options = defaults();
    CHECK_STATUS(prognos_start(&options, sizeof options), PROGNOS_OK);
}

static void the_environment_sets_the_recordings_sizes(void) {
    setenv("PROGNOS_MAX_OPS", "100", 1);
    setenv("PROGNOS_MAX_THREADS", "10", 1);
    setenv("PROGNOS_MEMORY_LIMIT_BYTES", "2097152", 1);
    setenv("PROGNOS_TRACK", "cpu,memory,timeline", 1);
    call(prognos_op_named("op"));
    prognos_capabilities live = capabilities();
    CHECK_EQ(live.max_ops, 100);
    CHECK_EQ(live.max_threads, 10);
    CHECK_EQ(live.memory_limit_bytes, 2097152);
    CHECK_EQ(live.track, PROGNOS_TRACK_CPU);
    CHECK_EQ(live.track_unavailable, PROGNOS_TRACK_MEMORY | PROGNOS_TRACK_TIMELINE);
}

static void without_cpu_tracking_there_is_wall_time_alone(void) {
    setenv("PROGNOS_TRACK", "0", 1);
    prognos_op op = prognos_op_named("op");
    prognos_begin(op);
    usleep(2000);
    prognos_end(op);
    CHECK_TEXT(capabilities().cpu_clock, "off");
    CHECK_EQ(capabilities().track, 0);
    CHECK_LE(2000000 / 100 * 99, stats_of(op).wall_ns);
    CHECK_EQ(stats_of(op).cpu_ns, 0);
    CHECK_EQ(stats_of(op).voluntary_switches, 0);
    CHECK_EQ(diagnostics().clock_syncs, 0);
}

CHECK_MAIN(CASE(defaults_are_those_of_the_header), CASE(each_field_has_an_environment_variable),
           CASE(tracks_are_words_or_a_number), CASE(a_bad_variable_is_left_out_and_named),
           CASE(an_out_of_range_option_is_refused_by_name_value_and_range),
           CASE(a_refused_start_changes_nothing), CASE(the_extremes_of_each_range_are_accepted),
           CASE(the_largest_recording_is_accepted),
           CASE(addresses_are_not_in_this_version_and_paths_must_be_there),
           CASE(sizes_stay_once_recording_began), CASE(the_environment_sets_the_recordings_sizes),
           CASE(without_cpu_tracking_there_is_wall_time_alone))
