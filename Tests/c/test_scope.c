/* SPDX-License-Identifier: Apache-2.0 */
/* PROGNOS_SCOPE in C, by GNU cleanup. */
#include "host.h"

static int leave(int where) {
    PROGNOS_SCOPE("outer");
    if (where == 0) return 1;
    {
        PROGNOS_SCOPE("inner");
        PROGNOS_SCOPE("innermost");
        if (where == 1) return 2;
    }
    return 3;
}

static void a_scope_ends_however_its_block_is_left(void) {
    for (int i = 0; i < 30; i++)
        CHECK_EQ(leave(i % 3), i % 3 + 1);
    CHECK_EQ(count_of(prognos_op_named("outer")), 30);
    CHECK_EQ(count_of(prognos_op_named("inner")), 20);
    CHECK_EQ(count_of(prognos_op_named("innermost")), 20);
    CHECK_EQ(prognos_op_count(), 3);
    CHECK_EQ(diagnostics().unbalanced_ends, 0);
    for (prognos_op op = 1; op <= 3; op++)
        CHECK_EQ(stats_of(op).abandoned, 0);
}

static void while_the_flag_is_off_a_scope_calls_nothing(void) {
    prognos_set_enabled(false);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(leave(2), 3);
    CHECK_EQ(prognos_op_count(), 0);
    prognos_set_enabled(true);
    CHECK_EQ(leave(2), 3);
    CHECK_EQ(count_of(prognos_op_named("outer")), 1);
    CHECK_EQ(diagnostics().unknown_operations, 0);
    CHECK_EQ(diagnostics().unbalanced_ends, 0);
}

static void a_scope_without_a_name_to_have_is_harmless(void) {
    setenv("PROGNOS_MAX_OPS", "16", 1);
    for (int i = 0; i < 16; i++) {
        char name[16];
        snprintf(name, sizeof name, "op-%d", i);
        CHECK_NE(prognos_op_named(name), 0);
    }
    for (int i = 0; i < 3; i++)
        CHECK_EQ(leave(2), 3);
    CHECK_EQ(prognos_op_count(), 16);
    call(1);
    CHECK_EQ(count_of(1), 1);
    CHECK_EQ(diagnostics().unbalanced_ends, 0);
}

CHECK_MAIN(CASE(a_scope_ends_however_its_block_is_left),
           CASE(while_the_flag_is_off_a_scope_calls_nothing),
           CASE(a_scope_without_a_name_to_have_is_harmless))
