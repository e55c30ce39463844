/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on one thread: nesting, counts, handles that are none, jumps, depth. */
#include "host.h"

#include <setjmp.h>

static void nested_calls_are_counted_exactly(void) {
    prognos_op a = prognos_op_named("a"), b = prognos_op_named("b"), c = prognos_op_named("c");
    for (int i = 0; i < 100; i++) {
        prognos_begin(a);
        for (int j = 0; j < 10; j++) {
            prognos_begin(b);
            for (int k = 0; k < 3; k++)
                call(c);
            prognos_end(b);
            call(c);
        }
        prognos_end(a);
    }
    CHECK_EQ(count_of(a), 100);
    CHECK_EQ(count_of(b), 1000);
    CHECK_EQ(count_of(c), 4000);
    for (prognos_op op = a; op <= c; op++) {
        CHECK_EQ(stats_of(op).active, 0);
        CHECK_EQ(stats_of(op).abandoned, 0);
        CHECK_EQ(stats_of(op).failed, 0);
    }
    CHECK_EQ(diagnostics().call_paths, 4); /* a, a;b, a;b;c, a;c */
    CHECK_EQ(diagnostics().threads, 1);
}

static void a_recursive_call_counts_like_any_other(void) {
    prognos_op op = prognos_op_named("op");
    for (int i = 0; i < 5; i++)
        prognos_begin(op);
    CHECK_EQ(stats_of(op).active, 5);
    prognos_end(op); /* the innermost */
    CHECK_EQ(stats_of(op).active, 4);
    CHECK_EQ(count_of(op), 1);
    for (int i = 0; i < 4; i++)
        prognos_end(op);
    CHECK_EQ(count_of(op), 5);
    CHECK_EQ(stats_of(op).abandoned, 0);
}

static void work_belongs_to_the_innermost_call(void) {
    prognos_op outer = prognos_op_named("outer"), inner = prognos_op_named("inner");
    prognos_work(1000); /* nothing is open */
    prognos_begin(outer);
    prognos_work(1);
    prognos_begin(inner);
    prognos_work(10);
    prognos_work(20);
    prognos_end(inner);
    prognos_work(2);
    CHECK_EQ(stats_of(outer).work, 0); /* an open call shows only in active */
    prognos_end(outer);
    CHECK_EQ(stats_of(outer).work, 3);
    CHECK_EQ(stats_of(inner).work, 30);
    CHECK_EQ(diagnostics().outside_operation, 1);
    call(inner); /* work of an earlier call is no work of this one */
    CHECK_EQ(stats_of(inner).work, 30);
}

static void a_call_fails_once_however_often_it_is_marked(void) {
    prognos_op outer = prognos_op_named("outer"), inner = prognos_op_named("inner");
    prognos_fail("nothing is open");
    prognos_begin(outer);
    prognos_begin(inner);
    prognos_fail("first");
    prognos_fail("last");
    prognos_end(inner);
    prognos_end(outer);
    call(inner);
    CHECK_EQ(stats_of(inner).failed, 1);
    CHECK_EQ(stats_of(inner).count, 2);
    CHECK_EQ(stats_of(outer).failed, 0);
    CHECK_EQ(diagnostics().outside_operation, 1);
    char *text = rendered(PROGNOS_JSON);
    CHECK_CONTAINS(text, "\"last\": 1");
    CHECK(strstr(text, "\"first\"") == NULL);
    free(text);
}

static void kinds_of_failure_are_words_and_beyond_255_of_them_other(void) {
    prognos_op op = prognos_op_named("op");
    for (int i = 0; i < 300; i++) {
        char kind[16];
        snprintf(kind, sizeof kind, "kind-%d", i);
        prognos_begin(op);
        prognos_fail(i == 0 ? NULL : kind);
        prognos_end(op);
    }
    CHECK_EQ(stats_of(op).failed, 300);
    char *text = rendered(PROGNOS_JSON);
    CHECK_CONTAINS(text, "\"unspecified\": 1");
    CHECK_CONTAINS(text, "\"kind-254\": 1");
    CHECK(strstr(text, "\"kind-255\"") == NULL);
    CHECK_CONTAINS(text, "\"other\": 45");
    free(text);
}

static void an_outer_end_closes_what_is_open_inside_as_abandoned(void) {
    prognos_op a = prognos_op_named("a"), b = prognos_op_named("b"), c = prognos_op_named("c");
    prognos_begin(a);
    prognos_begin(b);
    prognos_begin(c);
    prognos_work(5);
    prognos_end(a);
    CHECK_EQ(stats_of(a).abandoned, 0);
    CHECK_EQ(stats_of(b).abandoned, 1);
    CHECK_EQ(stats_of(c).abandoned, 1);
    CHECK_EQ(stats_of(c).work, 5);
    for (prognos_op op = a; op <= c; op++)
        CHECK_EQ(count_of(op), 1);
    prognos_end(c); /* the wrong order: these ends have no begin any more */
    prognos_end(b);
    CHECK_EQ(diagnostics().unbalanced_ends, 2);
    for (prognos_op op = a; op <= c; op++)
        CHECK_EQ(count_of(op), 1);
}

static void an_end_without_a_begin_changes_nothing(void) {
    prognos_op op = prognos_op_named("op"), other = prognos_op_named("other");
    prognos_end(op); /* this thread's first call */
    prognos_begin(other);
    prognos_end(op);
    CHECK_EQ(stats_of(other).active, 1);
    prognos_end(other);
    prognos_end(other);
    CHECK_EQ(diagnostics().unbalanced_ends, 3);
    CHECK_EQ(count_of(op), 0);
    CHECK_EQ(count_of(other), 1);
}

static void check_unknown(prognos_op unknown) {
    uint64_t calls = 0;
    prognos_op op = prognos_op_named("op"), inner = prognos_op_named("inner");
    uint64_t before = diagnostics().unknown_operations;
    call(unknown);
    for (int i = 0; i < 5; i++, calls++) {
        prognos_begin(op);
        call(unknown);
        call(inner);
        prognos_end(unknown);
        prognos_begin(unknown);
        CHECK_EQ(stats_of(op).active, 1);
        prognos_end(op);
    }
    prognos_end(unknown);
    CHECK_EQ(count_of(op), calls);
    CHECK_EQ(count_of(inner), calls);
    CHECK_EQ(stats_of(op).abandoned, 0);
    CHECK_EQ(stats_of(op).active, 0);
    CHECK_EQ(diagnostics().unknown_operations - before, 2 * calls + 1 + 2 * calls + 2);
    CHECK_EQ(prognos_op_count(), 2);
}

static void zero_is_no_operation(void) {
    check_unknown(0);
}

static void a_handle_never_given_out_is_no_operation(void) {
    check_unknown(3);
}

static void the_largest_number_is_no_operation(void) {
    check_unknown(0xFFFFFFFFu);
}

static void a_call_that_was_refused_a_name_is_harmless(void) {
    prognos_op op = prognos_op_named("op"), refused = prognos_op_named("");
    prognos_begin(op);
    prognos_begin(refused);
    prognos_work(3);
    prognos_end(refused);
    prognos_end(op);
    CHECK_EQ(count_of(op), 1);
    CHECK_EQ(stats_of(op).work, 3);
    CHECK_EQ(stats_of(op).active, 0);
}

static jmp_buf outside;

static void nest_and_jump(const prognos_op *ops, int depth) {
    for (int i = 0; i < depth; i++)
        prognos_begin(ops[i % 3]);
    longjmp(outside, 1);
}

static void a_longjmp_out_of_operations_abandons_them(void) {
    prognos_op outer = prognos_op_named("outer");
    prognos_op ops[3] = {prognos_op_named("x"), prognos_op_named("y"), prognos_op_named("z")};
    for (volatile int i = 0; i < 10; i++) {
        prognos_begin(outer);
        if (setjmp(outside) == 0) nest_and_jump(ops, 99);
        prognos_end(outer);
    }
    CHECK_EQ(count_of(outer), 10);
    CHECK_EQ(stats_of(outer).abandoned, 0);
    for (int i = 0; i < 3; i++) {
        CHECK_EQ(count_of(ops[i]), 330);
        CHECK_EQ(stats_of(ops[i]).abandoned, 330);
        CHECK_EQ(stats_of(ops[i]).active, 0);
    }
    CHECK_EQ(diagnostics().unbalanced_ends, 0);
}

static void the_innermost_open_operation_is_the_current_one(void) {
    CHECK_EQ(prognos_op_current(), 0);
    prognos_op a = prognos_op_named("a"), b = prognos_op_named("b"), s = prognos_op_named("s");
    CHECK_EQ(prognos_op_current(), 0);
    prognos_begin(a);
    CHECK_EQ(prognos_op_current(), a);
    prognos_begin(b);
    CHECK_EQ(prognos_op_current(), b);
    prognos_end(b);
    CHECK_EQ(prognos_op_current(), a);
    prognos_span span = prognos_span_begin(s);
    CHECK_EQ(prognos_op_current(), a);
    CHECK_EQ(prognos_span_enter(span), PROGNOS_OK);
    CHECK_EQ(prognos_op_current(), s);
    CHECK_EQ(prognos_span_end(span), PROGNOS_OK);
    prognos_session session = prognos_session_open("ann");
    CHECK_EQ(prognos_session_enter(session), PROGNOS_OK);
    CHECK_EQ(prognos_op_current(), a);
    prognos_begin(b);
    CHECK_EQ(prognos_op_current(), b);
    prognos_end(a);
    CHECK_EQ(prognos_op_current(), 0);
    for (int i = 0; i < 3000; i++)
        prognos_begin(b);
    CHECK_EQ(prognos_op_current(), b);
    for (int i = 0; i < 3000; i++) {
        CHECK_EQ(prognos_op_current(), b);
        prognos_end(b);
    }
    CHECK_EQ(prognos_op_current(), 0);
}

CHECK_MAIN(CASE(nested_calls_are_counted_exactly),
           CASE(the_innermost_open_operation_is_the_current_one),
           CASE(a_recursive_call_counts_like_any_other), CASE(work_belongs_to_the_innermost_call),
           CASE(a_call_fails_once_however_often_it_is_marked),
           CASE(kinds_of_failure_are_words_and_beyond_255_of_them_other),
           CASE(an_outer_end_closes_what_is_open_inside_as_abandoned),
           CASE(an_end_without_a_begin_changes_nothing), CASE(zero_is_no_operation),
           CASE(a_handle_never_given_out_is_no_operation), CASE(the_largest_number_is_no_operation),
           CASE(a_call_that_was_refused_a_name_is_harmless),
           CASE(a_longjmp_out_of_operations_abandons_them))
