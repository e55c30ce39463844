/* SPDX-License-Identifier: Apache-2.0 */
/* Names of operations: identity, UTF-8, length, and how many there may be. */
#include "host.h"

#define THREADS 8
#define NAMES 1000

static pthread_barrier_t together;
static prognos_op given[THREADS][NAMES];

static void *name_them_all(void *number) {
    uintptr_t me = (uintptr_t)number;
    pthread_barrier_wait(&together);
    for (int i = 0; i < NAMES; i++) {
        char name[32];
        /* 1 and 3 have no factor in common with 1,000: two orders, each of all names. */
        int which = (int)(me % 2 == 0 ? i : (3 * i + (int)me) % NAMES);
        snprintf(name, sizeof name, "name-%d", which);
        given[me][which] = prognos_op_named(name);
        call(given[me][which]);
    }
    return NULL;
}

static void threads_racing_for_a_name_get_one_handle(void) {
    pthread_t threads[THREADS];
    char seen[NAMES + 1] = {0};
    pthread_barrier_init(&together, NULL, THREADS);
    for (uintptr_t i = 0; i < THREADS; i++)
        threads[i] = started(name_them_all, (void *)i);
    for (int i = 0; i < THREADS; i++)
        joined(threads[i]);
    CHECK_EQ(prognos_op_count(), NAMES);
    for (int i = 0; i < NAMES; i++) {
        char name[32];
        prognos_op op = given[0][i];
        snprintf(name, sizeof name, "name-%d", i);
        for (int k = 1; k < THREADS; k++)
            CHECK_EQ(given[k][i], op);
        CHECK_EQ(prognos_op_named(name), op);
        CHECK_TEXT(prognos_op_name(op), name);
        CHECK_EQ(count_of(op), THREADS);
        if (CHECK_LE(1, op) && CHECK_LE(op, NAMES)) seen[op]++; /* dense */
    }
    for (int i = 1; i <= NAMES; i++)
        CHECK_EQ(seen[i], 1);
    CHECK_EQ(diagnostics().rejected_names, 0);
}

static void null_and_empty_are_no_names(void) {
    CHECK_EQ(prognos_op_named(NULL), 0);
    CHECK_CONTAINS(prognos_last_error(), "NULL");
    CHECK_EQ(prognos_op_named(""), 0);
    CHECK_CONTAINS(prognos_last_error(), "empty");
    CHECK_EQ(prognos_op_count(), 0);
    CHECK_EQ(diagnostics().bad_arguments, 2);
}

static void a_handle_never_given_out_has_no_name(void) {
    CHECK(prognos_op_name(1) == NULL);
    CHECK_EQ(prognos_op_count(), 0);
    prognos_op op = prognos_op_named("op");
    CHECK(prognos_op_name(0) == NULL);
    CHECK_CONTAINS(prognos_last_error(), "0");
    CHECK(prognos_op_name(op + 1) == NULL);
    CHECK(prognos_op_name(0xFFFFFFFFu) == NULL);
    CHECK_CONTAINS(prognos_last_error(), "4294967295");
}

static void a_name_is_copied(void) {
    char name[] = "before";
    prognos_op op = prognos_op_named(name);
    memcpy(name, "after!", sizeof name);
    CHECK_TEXT(prognos_op_name(op), "before");
    CHECK_NE(prognos_op_named(name), op);
}

/* U+FFFD in UTF-8 */
#define R "\xEF\xBF\xBD"

/* Each maximal subpart of an ill-formed sequence becomes one U+FFFD: The Unicode Standard, 3.9. */
static void invalid_utf8_is_repaired_by_maximal_subparts(void) {
    static const char *const cases[][2] = {
        {"a\x80"
         "b",
         "a" R "b"},       /* a trailing byte alone */
        {"\x80\xBF", R R}, /* two of them */
        {"\xC0\xAF", R R}, /* over-long: no such lead byte */
        {"\xC1\x81"
         "x",
         R R "x"},   /* no such lead byte */
        {"\xC3", R}, /* ends too early */
        {"\xC3"
         "a",
         R "a"},                        /* followed by none of its own */
        {"\xC3\xC3\xA9", R "\xC3\xA9"}, /* the second one is good */
        {"\xE0\x80\x80", R R R},        /* over-long */
        {"\xE0\x9F\xBF", R R R},        /* over-long, the last */
        {"\xE2\x82", R},                /* two of three: one subpart */
        {"\xE2\x82"
         "a",
         R "a"},
        {"\xE2\x82\xE2\x82\xAC", R "\xE2\x82\xAC"},
        {"\xED\xA0\x80", R R R},       /* a surrogate, U+D800 */
        {"\xED\xBF\xBF", R R R},       /* a surrogate, U+DFFF */
        {"\xF0\x8F\xBF\xBF", R R R R}, /* over-long */
        {"\xF0\x9F\x98", R},           /* three of four: one subpart */
        {"\xF0\x9F\x98"
         "a",
         R "a"},
        {"\xF1\x80\xE1\x80\xC0"
         "a",
         R R R "a"},                   /* two cut short, one that is none */
        {"\xF4\x90\x80\x80", R R R R}, /* above U+10FFFF */
        {"\xF5\x80\x80\x80", R R R R}, /* no such lead byte */
        {"\xF8\x88\x80\x80\x80", R R R R R},
        {"\xFE\xFF", R R},
        /* Table 3-11 of the Standard */
        {"a\xF1\x80\x80\xE1\x80\xC2"
         "b\x80"
         "c\x80\xBF"
         "d",
         "a" R R R "b" R "c" R R "d"},
    };
    size_t count = sizeof cases / sizeof *cases;
    for (size_t i = 0; i < count; i++)
        CHECK_TEXT(prognos_op_name(prognos_op_named(cases[i][0])), cases[i][1]);
    CHECK_EQ(diagnostics().repaired_names, count);
    CHECK_EQ(diagnostics().bad_arguments, 0);
}

static void valid_utf8_stays_as_it_is(void) {
    static const char *const names[] = {"\x01\x7F",
                                        "\xC2\x80",
                                        "\xDF\xBF",
                                        "\xE0\xA0\x80",
                                        "\xED\x9F\xBF",
                                        "\xEE\x80\x80",
                                        "\xEF\xBF\xBF",
                                        "\xF0\x90\x80\x80",
                                        "\xF4\x8F\xBF\xBF",
                                        "gr\xC3\xBC\xC3\x9F \xF0\x9F\x9A\x80",
                                        R};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        CHECK_TEXT(prognos_op_name(prognos_op_named(names[i])), names[i]);
    CHECK_EQ(diagnostics().repaired_names, 0);
}

/* A name of `count` bytes "x" and then `end`, as it is kept. */
static const char *kept(char *name, size_t count, const char *end) {
    memset(name, 'x', count);
    strcpy(name + count, end);
    return prognos_op_name(prognos_op_named(name));
}

static void a_long_name_is_cut_between_characters(void) {
    char name[1024];
    CHECK_EQ(strlen(kept(name, 255, "")), PROGNOS_NAME_BYTES);
    CHECK_EQ(diagnostics().repaired_names, 0);
    CHECK_EQ(strlen(kept(name, 256, "")), 255);
    CHECK_EQ(diagnostics().repaired_names, 1);
    CHECK_EQ(prognos_op_count(), 1); /* the same name, cut */
    CHECK_EQ(strlen(kept(name, 1000, "")), 255);
    CHECK_EQ(strlen(kept(name, 253, "\xC3\xA9")), 255); /* fits exactly */
    CHECK_EQ(strlen(kept(name, 254, "\xC3\xA9")), 254);
    CHECK_EQ(strlen(kept(name, 252, "\xE2\x82\xAC")), 255);
    CHECK_EQ(strlen(kept(name, 253, "\xE2\x82\xAC")), 253);
    CHECK_EQ(strlen(kept(name, 252, "\xF0\x9F\x9A\x80")), 252);
    CHECK_EQ(strlen(kept(name, 253, "\x80z")), 253); /* U+FFFD has three bytes */
    CHECK_EQ(strlen(kept(name, 252, "\x80")), 255);
}

static void fill(uint32_t most, unsigned digits) {
    char name[32];
    for (uint32_t i = 1; i <= most; i++) {
        snprintf(name, sizeof name, "n%0*u", (int)digits, i);
        if (prognos_op_named(name) == i) continue;
        CHECK_EQ(prognos_op_named(name), i);
        return;
    }
    CHECK_EQ(prognos_op_count(), most);
    CHECK_EQ(diagnostics().rejected_names, 0);
    for (uint64_t i = 1; i <= 3; i++) {
        snprintf(name, sizeof name, "too many %u", (unsigned)i);
        CHECK_EQ(prognos_op_named(name), 0);
        snprintf(name, sizeof name, "%u", (unsigned)most);
        CHECK_CONTAINS(prognos_last_error(), name);
        CHECK_CONTAINS(prognos_last_error(), "max_ops");
        CHECK_EQ(diagnostics().rejected_names, i);
    }
    CHECK_EQ(prognos_op_count(), most);
    /* Everything else goes on. */
    snprintf(name, sizeof name, "n%0*u", (int)digits, most);
    CHECK_EQ(prognos_op_named(name), most);
    CHECK_TEXT(prognos_op_name(most), name);
    call(0);
    prognos_begin(most);
    call(1);
    prognos_end(most);
    CHECK_EQ(count_of(most), 1);
    CHECK_EQ(count_of(1), 1);
}

static void the_table_of_names_is_bounded(void) {
    fill(16384, 5);
}

static void a_million_names_fit_where_memory_allows(void) {
    setenv("PROGNOS_MAX_OPS", "1000000", 1);
    setenv("PROGNOS_MEMORY_LIMIT_BYTES", "1073741824", 1);
    fill(1000000, 7);
}

static void long_names_are_refused_when_their_space_is_full(void) {
    char name[256];
    uint32_t known = 0;
    for (uint32_t i = 0; i < 16384; i++) {
        memset(name, 'x', 255);
        snprintf(name, sizeof name, "%u", i);
        name[strlen(name)] = 'x';
        name[255] = 0;
        if (prognos_op_named(name) == 0) break;
        known++;
    }
    CHECK_EQ(prognos_op_count(), known);
    if (known < 16384) {
        CHECK_CONTAINS(prognos_last_error(), "name");
        CHECK_EQ(diagnostics().rejected_names, 1);
    }
    prognos_begin(1);
    prognos_fail("a new kind"); /* for which there may be no room either */
    prognos_end(1);
    CHECK_EQ(count_of(1), 1);
    CHECK_EQ(stats_of(1).failed, 1);
}

CHECK_MAIN(CASE(threads_racing_for_a_name_get_one_handle), CASE(null_and_empty_are_no_names),
           CASE(a_handle_never_given_out_has_no_name), CASE(a_name_is_copied),
           CASE(invalid_utf8_is_repaired_by_maximal_subparts), CASE(valid_utf8_stays_as_it_is),
           CASE(a_long_name_is_cut_between_characters), CASE(the_table_of_names_is_bounded),
           CASE(a_million_names_fit_where_memory_allows),
           CASE(long_names_are_refused_when_their_space_is_full))
