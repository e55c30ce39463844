/* SPDX-License-Identifier: Apache-2.0 */
// PROGNOS_SCOPE in C++: whichever way a block is left, its operation ends once.
#include "../c/host.h"

#include <stdexcept>
#include <string>

namespace {

prognos_op named(const char *name) {
    return prognos_op_named(name);
}

void check_count(const char *name, uint64_t count) {
    prognos_op_stats stats = stats_of(named(name));
    if (!CHECK_EQ(stats.count, count)) fprintf(stderr, "  of %s\n", name);
    CHECK_EQ(stats.active, 0);
    CHECK_EQ(stats.abandoned, 0);
    CHECK_EQ(diagnostics().unbalanced_ends, 0);
}

int leave_early(int where) {
    PROGNOS_SCOPE("early");
    if (where == 0) return 1;
    {
        PROGNOS_SCOPE("early inner");
        if (where == 1) return 2;
    }
    return 3;
}

void an_early_return_ends_the_scope() {
    for (int i = 0; i < 30; i++)
        CHECK_EQ(leave_early(i % 3), i % 3 + 1);
    check_count("early", 30);
    check_count("early inner", 20);
}

void throw_at(int depth) {
    PROGNOS_SCOPE("throwing");
    if (depth == 0) throw std::runtime_error("on purpose");
    throw_at(depth - 1);
}

void an_exception_ends_the_scopes_it_leaves() {
    for (int i = 0; i < 10; i++) {
        PROGNOS_SCOPE("catching");
        try {
            throw_at(4);
        } catch (const std::runtime_error &) {
            PROGNOS_SCOPE("handling");
        }
        CHECK_EQ(stats_of(named("throwing")).active, 0);
        CHECK_EQ(stats_of(named("catching")).active, 1);
    }
    check_count("throwing", 50);
    check_count("catching", 10);
    check_count("handling", 10);
}

void two_scopes_in_a_block_end_in_reverse() {
    for (int i = 0; i < 5; i++) {
        PROGNOS_SCOPE("first");
        PROGNOS_SCOPE("second");
        CHECK_EQ(stats_of(named("second")).active, 1);
    }
    check_count("first", 5);
    check_count("second", 5);
    char *text = rendered(PROGNOS_FOLDED);
    CHECK_CONTAINS(text, "first;second ");
    free(text);
}

template <typename T> T doubled(T value) {
    PROGNOS_SCOPE("doubled");
    return value + value;
}

struct member {
    explicit member(int value) : value_(value) {
        PROGNOS_SCOPE("constructor");
    }
    ~member() {
        PROGNOS_SCOPE("destructor");
    }
    int value() const {
        PROGNOS_SCOPE("method");
        return value_;
    }

  private:
    int value_;
};

void templates_lambdas_and_members_have_scopes() {
    CHECK_EQ(doubled(2), 4);
    CHECK_EQ((uint64_t)doubled(1.5), 3);
    CHECK(doubled(std::string("ab")) == "abab");
    check_count("doubled", 3); // one operation for all instances
    auto lambda = [](int value) {
        PROGNOS_SCOPE("lambda");
        return value + 1;
    };
    CHECK_EQ(lambda(lambda(1)), 3);
    check_count("lambda", 2);
    {
        member one(7);
        CHECK_EQ(one.value(), 7);
    }
    check_count("constructor", 1);
    check_count("method", 1);
    check_count("destructor", 1);
}

void scopes_in_loops_and_branches_end_each_time() {
    for (int i = 0; i < 100; i++) {
        PROGNOS_SCOPE("loop");
        if (i % 2 == 0) continue;
        if (i == 91) break;
        switch (i % 4) {
        case 1: {
            PROGNOS_SCOPE("case");
            break;
        }
        default:
            break;
        }
    }
    check_count("loop", 92);
    check_count("case", 23);
}

void scoped_while(bool enabled) {
    prognos_set_enabled(enabled);
    PROGNOS_SCOPE("switched");
    prognos_set_enabled(!enabled);
}

void a_scope_ends_if_it_began_whatever_the_flag_is_then() {
    for (int i = 0; i < 10; i++)
        scoped_while(i % 2 == 0);
    prognos_set_enabled(true);
    check_count("switched", 5);
}

void while_the_flag_is_off_a_scope_calls_nothing() {
    named("some other operation");
    prognos_set_enabled(false);
    for (int i = 0; i < 3; i++) {
        PROGNOS_SCOPE("never");
    }
    CHECK_EQ(prognos_op_count(), 1);
    prognos_set_enabled(true);
    CHECK_EQ(diagnostics().unknown_operations, 0);
}

void *scope_in_a_thread(void *unused) {
    for (int i = 0; i < 1000; i++) {
        PROGNOS_SCOPE("threads");
    }
    return unused;
}

void threads_share_a_scopes_operation() {
    pthread_t threads[8];
    for (pthread_t &thread : threads)
        thread = started(scope_in_a_thread, nullptr);
    for (pthread_t &thread : threads)
        joined(thread);
    check_count("threads", 8000);
    CHECK_EQ(prognos_op_count(), 1);
}

thread_local member at_thread_end(1);

void *use_thread_local(void *unused) {
    CHECK_EQ(at_thread_end.value(), 1);
    return unused;
}

void a_thread_local_destructor_may_have_a_scope() {
    for (int i = 0; i < 5; i++)
        in_a_thread(use_thread_local, nullptr);
    check_count("destructor", 5);
    CHECK_EQ(diagnostics().threads_now, 0);
}

} // namespace

CHECK_MAIN(CASE(an_early_return_ends_the_scope), CASE(an_exception_ends_the_scopes_it_leaves),
           CASE(two_scopes_in_a_block_end_in_reverse),
           CASE(templates_lambdas_and_members_have_scopes),
           CASE(scopes_in_loops_and_branches_end_each_time),
           CASE(a_scope_ends_if_it_began_whatever_the_flag_is_then),
           CASE(while_the_flag_is_off_a_scope_calls_nothing),
           CASE(threads_share_a_scopes_operation), CASE(a_thread_local_destructor_may_have_a_scope))
