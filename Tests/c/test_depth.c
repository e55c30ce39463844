/* SPDX-License-Identifier: Apache-2.0 */
/* Operations nested deeper than the library follows. */
#include "host.h"

#define DEPTH 10000u

static void nest(const prognos_op *ops, unsigned kinds) {
    for (unsigned i = 0; i < DEPTH; i++)
        prognos_begin(ops[i % kinds]);
}

static void unnest(const prognos_op *ops, unsigned kinds) {
    for (unsigned i = DEPTH; i-- > 0;)
        prognos_end(ops[i % kinds]);
}

static uint64_t calls_of(const prognos_op *ops, unsigned kinds) {
    uint64_t sum = 0;
    for (unsigned i = 0; i < kinds; i++) {
        sum += count_of(ops[i]);
        CHECK_EQ(stats_of(ops[i]).active, 0);
    }
    return sum;
}

static void check_unharmed(prognos_op op) {
    uint64_t before = count_of(op), dropped = diagnostics().too_deep;
    for (int i = 0; i < 100; i++)
        call(op);
    CHECK_EQ(count_of(op), before + 100);
    CHECK_EQ(diagnostics().too_deep, dropped);
    CHECK_EQ(stats_of(op).active, 0);
}

static void check_depth(unsigned kinds) {
    prognos_op ops[3] = {prognos_op_named("x"), prognos_op_named("y"), prognos_op_named("z")};
    prognos_op later = prognos_op_named("later");
    uint64_t deepest = capabilities().max_depth;
    NEED(deepest < DEPTH);
    for (uint64_t round = 1; round <= 3; round++) {
        nest(ops, kinds);
        CHECK_EQ(stats_of(ops[0]).active, (deepest + kinds - 1) / kinds);
        unnest(ops, kinds);
        CHECK_EQ(calls_of(ops, kinds), round * deepest);
        CHECK_EQ(diagnostics().too_deep, round * (DEPTH - deepest));
        CHECK_EQ(diagnostics().unbalanced_ends, 0);
    }
    for (unsigned i = 0; i < kinds; i++)
        CHECK_EQ(stats_of(ops[i]).abandoned, 0);
    check_unharmed(later);
}

static void calls_nested_too_deep_are_counted(void) {
    check_depth(1);
}

static void calls_of_several_operations_nested_too_deep_are_counted(void) {
    check_depth(3);
}

static void exactly_the_deepest_nesting_is_recorded_whole(void) {
    prognos_op op = prognos_op_named("op");
    uint64_t deepest = capabilities().max_depth;
    for (uint64_t i = 0; i < deepest; i++)
        prognos_begin(op);
    CHECK_EQ(diagnostics().too_deep, 0);
    CHECK_EQ(stats_of(op).active, deepest);
    prognos_begin(op);
    CHECK_EQ(diagnostics().too_deep, 1);
    prognos_end(op);
    for (uint64_t i = 0; i < deepest; i++)
        prognos_end(op);
    CHECK_EQ(count_of(op), deepest);
    CHECK_EQ(diagnostics().unbalanced_ends, 0);
    check_unharmed(op);
}

/* As a longjmp or an exception leaves them: no ends for what was inside. */
static void check_left(unsigned kinds) {
    prognos_op ops[3] = {prognos_op_named("x"), prognos_op_named("y"), prognos_op_named("z")};
    prognos_op outer = prognos_op_named("outer"), later = prognos_op_named("later");
    uint64_t deepest = capabilities().max_depth;
    for (uint64_t round = 1; round <= 3; round++) {
        prognos_begin(outer);
        nest(ops, kinds);
        prognos_end(outer);
        CHECK_EQ(count_of(outer), round);
        CHECK_EQ(stats_of(outer).active, 0);
        CHECK_EQ(calls_of(ops, kinds), round * (deepest - 1));
        CHECK_EQ(diagnostics().too_deep, round * (DEPTH - deepest + 1));
        check_unharmed(later);
    }
}

static void an_outer_end_closes_what_is_nested_too_deep(void) {
    check_left(1);
}

static void an_outer_end_closes_several_operations_nested_too_deep(void) {
    check_left(3);
}

static void work_and_failure_too_deep_harm_nothing(void) {
    prognos_op op = prognos_op_named("op"), later = prognos_op_named("later");
    uint64_t deepest = capabilities().max_depth;
    for (unsigned i = 0; i < DEPTH; i++)
        prognos_begin(op);
    prognos_work(1);
    prognos_fail("deep");
    for (unsigned i = 0; i < DEPTH; i++)
        prognos_end(op);
    CHECK_EQ(count_of(op), deepest);
    CHECK_LE(stats_of(op).work, 1);
    CHECK_LE(stats_of(op).failed, 1);
    check_unharmed(later);
    CHECK_EQ(stats_of(later).failed, 0);
}

static void *nest_and_end_the_thread(void *op) {
    for (unsigned i = 0; i < DEPTH; i++)
        prognos_begin(*(prognos_op *)op);
    return NULL;
}

static void a_thread_may_end_too_deep(void) {
    prognos_op op = prognos_op_named("op");
    uint64_t deepest = capabilities().max_depth;
    for (uint64_t round = 1; round <= 3; round++) {
        in_a_thread(nest_and_end_the_thread, &op);
        CHECK_EQ(count_of(op), round * deepest);
        CHECK_EQ(stats_of(op).abandoned, round * deepest);
        CHECK_EQ(stats_of(op).active, 0);
    }
}

CHECK_MAIN(CASE(calls_nested_too_deep_are_counted),
           CASE(calls_of_several_operations_nested_too_deep_are_counted),
           CASE(exactly_the_deepest_nesting_is_recorded_whole),
           CASE(an_outer_end_closes_what_is_nested_too_deep),
           CASE(an_outer_end_closes_several_operations_nested_too_deep),
           CASE(work_and_failure_too_deep_harm_nothing), CASE(a_thread_may_end_too_deep))
