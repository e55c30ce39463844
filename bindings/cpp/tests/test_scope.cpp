/* SPDX-License-Identifier: Apache-2.0 */
// Operations as objects: scopes and callables end once, whichever way they are left, and an exception marks the call.
#include "host.hpp"

#include <memory>
#include <string>

#if defined(__cpp_exceptions)
#include <stdexcept>
#endif

namespace {

using prognos::operation;
using prognos::scope;

void the_same_name_is_an_equal_operation() {
    const operation parse("parse");
    CHECK(parse.valid());
    CHECK(parse == operation(std::string("parse")));
    CHECK(parse == operation::of(prognos_op_named("parse")));
    CHECK(parse != operation("other"));
    CHECK(parse.name() == "parse");
    CHECK(operation(std::string_view("parse and more", 5)) == parse);
    std::size_t seen = 0;
    for (operation op : prognos::operations())
        seen += op.name() == "parse" || op.name() == "other";
    CHECK_EQ(seen, 2);
    CHECK(!operation::current().valid());
    const scope call(parse);
    CHECK(operation::current() == parse);
    CHECK_EQ(prognos::operations().size(), 2);
}

void none_records_nothing() {
    const operation none;
    {
        scope call(none);
        prognos::plain_scope plain(none);
    }
    CHECK_EQ(none.call([] { return 7; }), 7);
    CHECK(!none.valid());
    CHECK(none.name().empty());
    CHECK(none.read().status() == prognos::status::unknown_handle);
    CHECK(!none.read().error().empty());
    CHECK_EQ(prognos::operations().size(), 0);
}

void names_are_repaired_or_refused_as_in_c() {
    const operation nameless("");
    CHECK(!nameless.valid());
    const std::string longer(300, 'x');
    CHECK_EQ(operation(longer).name().size(), PROGNOS_NAME_BYTES);
    // Four bytes a character: the cut is at a character's boundary.
    std::string smileys;
    for (int i = 0; i < 80; i++)
        smileys += "\xF0\x9F\x98\x80";
    CHECK_EQ(operation(smileys).name().size(), 252);
    CHECK(operation(std::string_view("a\0b", 3)).name() == "a");
}

void a_scope_is_a_call_with_work_and_failures() {
    const operation parse("parse");
    for (int i = 0; i < 10; i++) {
        scope call(parse);
        call.work(5);
        prognos::work(2);
        if (i < 3) call.fail("bad_header");
        if (i == 9) call.fail(std::string("late"));
    }
    const auto stats = parse.read();
    CHECK(stats);
    CHECK_EQ(stats->count, 10);
    CHECK_EQ(stats->work, 70);
    CHECK_EQ(stats->failed, 4);
    CHECK_EQ(stats->abandoned, 0);
    const auto text = prognos::render(prognos::format::json);
    CHECK_CONTAINS(text->c_str(), "bad_header");
    CHECK_CONTAINS(text->c_str(), "late");
}

int leave(int where) {
    static const operation early("early"), inner("early inner");
    scope call(early);
    if (where == 0) return 1;
    {
        prognos::plain_scope deeper(inner);
        if (where == 1) return 2;
    }
    return 3;
}

void an_early_return_ends_it() {
    for (int i = 0; i < 30; i++)
        CHECK_EQ(leave(i % 3), i % 3 + 1);
    CHECK_EQ(operation("early").read()->count, 30);
    CHECK_EQ(operation("early inner").read()->count, 20);
    CHECK_EQ(operation("early").read()->failed, 0);
}

void a_callable_gives_back_what_it_gives() {
    const operation op("call");
    int number = 4;
    op.call([&] { number++; });
    CHECK_EQ(op.call([&] { return number * 2; }), 10);
    int &same = op.call([&]() -> int & { return number; });
    CHECK(&same == &number);
    auto owned = op.call([] { return std::make_unique<int>(3); });
    CHECK_EQ(*owned, 3);
    CHECK_EQ(op.read()->count, 4);
    CHECK_EQ(op.read()->failed, 0);
}

void while_the_flag_is_off_nothing_is_begun() {
    const operation op("off");
    prognos::set_enabled(false);
    CHECK(!prognos::is_enabled());
    {
        scope call(op);
        op.call([] { prognos::set_enabled(true); }); // ends what it has not begun: nothing
    }
    CHECK_EQ(op.read()->count, 0);
    CHECK_EQ(prognos::read_diagnostics()->unbalanced_ends, 0);
    {
        scope call(op);
        prognos::set_enabled(false);
    }
    prognos::set_enabled(true);
    CHECK_EQ(op.read()->count, 1);
    CHECK_EQ(op.read()->active, 0);
}

#if defined(__cpp_exceptions)

void throws_at(int depth, const operation &op) {
    scope call(op);
    if (depth == 0) throw std::runtime_error("on purpose");
    throws_at(depth - 1, op);
}

void an_exception_that_leaves_a_scope_marks_its_call() {
    const operation outer("outer"), op("throwing"), caught("caught");
    for (int i = 0; i < 10; i++) {
        scope around(outer);
        try {
            throws_at(4, op);
        } catch (const std::runtime_error &) {
            scope handling(caught);
        }
        CHECK_EQ(op.read()->active, 0);
    }
    CHECK_EQ(op.read()->count, 50);
    CHECK_EQ(op.read()->failed, 50);
    CHECK_EQ(outer.read()->failed, 0);
    CHECK_EQ(caught.read()->failed, 0);
    CHECK_EQ(op.read()->abandoned, 0);
    CHECK_CONTAINS(prognos::render(prognos::format::json)->c_str(), "exception");
}

void an_exception_that_leaves_a_callable_marks_its_call_and_goes_on() {
    const operation op("callable");
    int seen = 0;
    for (int i = 0; i < 10; i++) {
        try {
            op.call([&]() -> int {
                if (i % 2 == 0) throw i;
                return i;
            });
        } catch (int number) {
            seen += number == i;
        }
    }
    CHECK_EQ(seen, 5);
    CHECK_EQ(op.read()->count, 10);
    CHECK_EQ(op.read()->failed, 5);
}

void what_fail_said_stays_when_an_exception_follows() {
    const operation op("said");
    try {
        scope call(op);
        call.fail("timeout");
        throw 1;
    } catch (int) {
    }
    const auto text = prognos::render(prognos::format::json);
    CHECK_CONTAINS(text->c_str(), "timeout");
    CHECK(text->find("\"exception\"") == std::string::npos);
    CHECK_EQ(op.read()->failed, 1);
}

struct cleans_up {
    explicit cleans_up(operation with) : op(with) {
    }
    ~cleans_up() {
        scope call(op); // during the unwinding; not left by an exception
        op.call([] {});
        try {
            scope inner(operation("inner"));
            throw 2;
        } catch (int) {
        }
    }
    operation op;
};

void a_scope_within_a_destructor_during_unwinding_did_not_fail() {
    const operation op("cleaning up");
    try {
        cleans_up one(op);
        throw 1;
    } catch (int) {
    }
    CHECK_EQ(op.read()->count, 2);
    CHECK_EQ(op.read()->failed, 0);
    CHECK_EQ(operation("inner").read()->failed, 1);
}

void an_exception_while_the_flag_is_off_marks_nobody() {
    const operation outer("outer"), op("off");
    {
        scope around(outer);
        prognos::set_enabled(false);
        try {
            scope call(op);
            throw 1;
        } catch (int) {
        }
        prognos::set_enabled(true);
    }
    CHECK_EQ(outer.read()->failed, 0);
    CHECK_EQ(prognos::read_diagnostics()->outside_operation, 0);
}

void *throws_in_a_thread(void *unused) {
    for (int i = 0; i < 100; i++) {
        try {
            throws_at(2, operation("threads"));
        } catch (const std::runtime_error &) {
        }
    }
    return unused;
}

void each_thread_notices_its_own_exceptions() {
    pthread_t threads[4];
    const operation quiet("quiet");
    for (pthread_t &thread : threads)
        thread = started(throws_in_a_thread, nullptr);
    for (int i = 0; i < 1000; i++)
        scope call(quiet);
    for (pthread_t &thread : threads)
        joined(thread);
    CHECK_EQ(operation("threads").read()->failed, 1200);
    CHECK_EQ(quiet.read()->failed, 0);
}

#define WITH_EXCEPTIONS                                                                            \
    , CASE(an_exception_that_leaves_a_scope_marks_its_call),                                       \
        CASE(an_exception_that_leaves_a_callable_marks_its_call_and_goes_on),                      \
        CASE(what_fail_said_stays_when_an_exception_follows),                                      \
        CASE(a_scope_within_a_destructor_during_unwinding_did_not_fail),                           \
        CASE(an_exception_while_the_flag_is_off_marks_nobody),                                     \
        CASE(each_thread_notices_its_own_exceptions)

#else
#define WITH_EXCEPTIONS
#endif

} // namespace

CHECK_MAIN(CASE(the_same_name_is_an_equal_operation), CASE(none_records_nothing),
           CASE(names_are_repaired_or_refused_as_in_c),
           CASE(a_scope_is_a_call_with_work_and_failures), CASE(an_early_return_ends_it),
           CASE(a_callable_gives_back_what_it_gives),
           CASE(while_the_flag_is_off_nothing_is_begun) WITH_EXCEPTIONS)
