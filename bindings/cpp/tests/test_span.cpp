/* SPDX-License-Identifier: Apache-2.0 */
// Spans and sessions as RAII: who owns them, where they are entered, what becomes of those that are let go.
#include "host.hpp"

#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace {

using prognos::operation;
using prognos::session;
using prognos::span;

static_assert(!std::is_copy_constructible_v<span> && std::is_nothrow_move_constructible_v<span>);
static_assert(!std::is_copy_constructible_v<session> &&
              std::is_nothrow_move_constructible_v<session>);
static_assert(!std::is_copy_constructible_v<prognos::span_entry>);
static_assert(!std::is_copy_constructible_v<prognos::scope> &&
              !std::is_move_constructible_v<prognos::scope>);

void a_span_ends_once_whoever_owns_it() {
    const operation serve("serve");
    {
        span first(serve);
        CHECK(first.valid());
        CHECK_EQ(serve.read()->active, 1);
        span second(std::move(first));
        CHECK(!first.valid());
        second = span(serve); // ends the one it had
        CHECK_EQ(serve.read()->count, 1);
        CHECK_EQ(serve.read()->active, 1);
        std::vector<span> many;
        for (int i = 0; i < 10; i++)
            many.emplace_back(serve);
        CHECK_EQ(serve.read()->active, 11);
    }
    CHECK_EQ(serve.read()->count, 12);
    CHECK_EQ(serve.read()->active, 0);
    span ended(serve);
    CHECK(ended.end() == prognos::status::ok);
    CHECK(ended.end() == prognos::status::ok);
    CHECK_EQ(serve.read()->count, 13);
    CHECK_EQ(prognos::read_diagnostics()->unknown_handles, 0);
}

void what_runs_inside_is_the_spans() {
    const operation serve("serve"), parse("parse"), other("other");
    span request(serve);
    std::thread([&] {
        prognos::scope around(other);
        auto here = request.enter();
        CHECK(here.entered());
        CHECK_EQ(prognos::current_span(), request.handle());
        prognos::scope call(parse);
    }).join();
    CHECK_EQ(request.run([&] { return parse.call([] { return 5; }); }), 5);
    CHECK_EQ(prognos::current_span(), 0);
    CHECK(request.work(20) == prognos::status::ok);
    CHECK(request.fail("late") == prognos::status::ok);
    (void)request.end();
    CHECK_EQ(serve.read()->work, 20);
    CHECK_EQ(serve.read()->failed, 1);
    CHECK_CONTAINS(prognos::render(prognos::format::folded)->c_str(), "serve;parse ");
}

void a_span_runs_on_one_thread_at_a_time() {
    const operation serve("serve");
    span request(serve);
    auto here = request.enter();
    std::thread([&] {
        auto there = request.enter();
        CHECK(!there.entered()); // and is not left by its end
    }).join();
    CHECK(here.entered());
    CHECK_EQ(prognos::current_span(), request.handle());
}

void a_bound_callable_takes_the_span_to_another_thread() {
    const operation serve("serve"), parse("parse");
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; i++) {
        span request(serve);
        threads.emplace_back(std::move(request).bind([parse] {
            for (int k = 0; k < 3; k++)
                prognos::scope call(parse);
        }));
    }
    for (std::thread &thread : threads)
        thread.join();
    CHECK_EQ(serve.read()->count, 8);
    CHECK_EQ(serve.read()->failed, 0);
    CHECK_EQ(parse.read()->count, 24);
    CHECK_CONTAINS(prognos::render(prognos::format::folded)->c_str(), "serve;parse ");
    auto doubled = span(serve).bind([](int number) { return number * 2; });
    CHECK_EQ(doubled(4), 8);
    {
        auto dropped = span(serve).bind([] {});
    }
    CHECK_EQ(serve.read()->failed, 1);
    CHECK_CONTAINS(prognos::render(prognos::format::json)->c_str(), "dropped");
}

void sessions_count_their_calls_and_stay_readable() {
    const operation serve("serve");
    session ann("ann"), bob(std::string("bob"));
    for (int i = 0; i < 5; i++) {
        auto for_ann = ann.enter();
        CHECK(for_ann.entered());
        prognos::scope call(serve);
        if (i < 2) call.fail("late");
        auto for_bob = bob.enter(); // the innermost counts
        serve.call([] {});
    }
    CHECK_EQ(ann.read()->count, 5);
    CHECK_EQ(ann.read()->failed, 2);
    CHECK(ann.read()->name() == "ann");
    CHECK(ann.read()->is_open());
    CHECK(ann.read()->wall() > std::chrono::nanoseconds(0));
    CHECK(ann.read()->opened() <= std::chrono::system_clock::now());
    CHECK_EQ(bob.read()->count, 5);
    session moved(std::move(ann));
    CHECK(!ann.valid());
    CHECK(!ann.read());
    CHECK_EQ(moved.read()->count, 5);
    CHECK(moved.close());
    CHECK(moved.close()); // closed already: nothing to do
    CHECK(!moved.read()->is_open());
    CHECK_EQ(moved.read()->count, 5);
    CHECK(!moved.enter().entered());
    CHECK_EQ(prognos::read_process()->active_sessions, 1);
}

void while_the_flag_is_off_they_are_none() {
    const operation serve("serve");
    prognos::set_enabled(false);
    span request(serve);
    CHECK(!request.valid());
    request.run([] {});
    auto bound = std::move(request).bind([] { return 1; });
    CHECK_EQ(bound(), 1);
    prognos::set_enabled(true);
    CHECK_EQ(prognos::read_diagnostics()->unknown_handles, 0);
    CHECK_EQ(prognos::read_diagnostics()->misplaced_calls, 0);
}

#if defined(__cpp_exceptions)

void an_exception_within_a_stay_marks_the_span() {
    const operation serve("serve");
    for (int i = 0; i < 4; i++) {
        span request(serve);
        try {
            request.run([i] {
                if (i % 2 == 0) throw 1;
            });
        } catch (int) {
        }
        auto again = request.enter();
        CHECK(again.entered());
    }
    try {
        auto bound = span(serve).bind([] { throw 1; });
        bound();
    } catch (int) {
    }
    CHECK_EQ(serve.read()->count, 5);
    CHECK_EQ(serve.read()->failed, 3);
    CHECK_EQ(prognos::read_diagnostics()->misplaced_calls, 0);
}

#define WITH_EXCEPTIONS , CASE(an_exception_within_a_stay_marks_the_span)

#else
#define WITH_EXCEPTIONS
#endif

} // namespace

CHECK_MAIN(CASE(a_span_ends_once_whoever_owns_it), CASE(what_runs_inside_is_the_spans),
           CASE(a_span_runs_on_one_thread_at_a_time),
           CASE(a_bound_callable_takes_the_span_to_another_thread),
           CASE(sessions_count_their_calls_and_stay_readable),
           CASE(while_the_flag_is_off_they_are_none) WITH_EXCEPTIONS)
