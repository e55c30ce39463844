/* SPDX-License-Identifier: Apache-2.0 */
// Spans of coroutines: entered where they go on, left where they wait, ended when they end, on whatever thread.
#include "host.hpp"

#include <coroutine>
#include <exception>
#include <thread>
#include <utility>
#include <vector>

namespace {

using prognos::operation;

/* What waits is here: a scheduler of one line. */
std::vector<std::coroutine_handle<>> waiting;

void run_all() {
    while (!waiting.empty()) {
        auto next = waiting.front();
        waiting.erase(waiting.begin());
        next.resume();
    }
}

struct yields {
    bool await_ready() const noexcept {
        return false;
    }
    void await_suspend(std::coroutine_handle<> handle) const {
        waiting.push_back(handle);
    }
    int await_resume() const noexcept {
        return 7;
    }
};

/* Goes on on a thread of its own. */
struct on_another_thread {
    bool await_ready() const noexcept {
        return false;
    }
    void await_suspend(std::coroutine_handle<> handle) const {
        std::thread([handle] { handle.resume(); }).join();
    }
    void await_resume() const noexcept {
    }
};

struct refuses_to_suspend {
    bool await_ready() const noexcept {
        return false;
    }
    bool await_suspend(std::coroutine_handle<>) const noexcept {
        return false;
    }
    void await_resume() const noexcept {
    }
};

struct fails_to_suspend {
    bool await_ready() const noexcept {
        return false;
    }
    void await_suspend(std::coroutine_handle<>) const {
        throw 3;
    }
    void await_resume() const noexcept {
    }
};

/* An awaitable by operator co_await, whose awaiter can neither be copied nor moved. */
struct unmovable {
    struct awaiter : yields {
        awaiter() = default;
        awaiter(const awaiter &) = delete;
    };
    awaiter operator co_await() const noexcept {
        return {};
    }
};

class task {
  public:
    struct promise_type : prognos::span_promise {
        using span_promise::span_promise;

        task get_return_object() {
            return task(std::coroutine_handle<promise_type>::from_promise(*this));
        }
        auto initial_suspend() noexcept {
            return suspending(std::suspend_always{});
        }
        auto final_suspend() noexcept {
            struct to_caller {
                std::coroutine_handle<> caller;
                bool await_ready() noexcept {
                    return false;
                }
                std::coroutine_handle<> await_suspend(std::coroutine_handle<>) noexcept {
                    return caller ? caller : std::noop_coroutine();
                }
                void await_resume() noexcept {
                }
            };
            return ending(to_caller{caller});
        }
        void return_void() noexcept {
        }
        void unhandled_exception() noexcept {
            failed();
            error = std::current_exception();
        }

        std::coroutine_handle<> caller;
        std::exception_ptr error;
    };

    explicit task(std::coroutine_handle<promise_type> handle) : handle_(handle) {
    }
    task(task &&other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {
    }
    ~task() {
        if (handle_) handle_.destroy();
    }
    void start() {
        handle_.resume();
    }
    bool done() const {
        return handle_.done();
    }

    bool await_ready() const noexcept {
        return false;
    }
    std::coroutine_handle<> await_suspend(std::coroutine_handle<> caller) noexcept {
        handle_.promise().caller = caller;
        return handle_;
    }
    void await_resume() {
        if (handle_.promise().error) std::rethrow_exception(handle_.promise().error);
    }

  private:
    std::coroutine_handle<promise_type> handle_;
};

const operation serve("serve"), child("child"), step("step"), around("around");

void check_clean() {
    const auto found = prognos::read_diagnostics();
    CHECK_EQ(found->misplaced_calls, 0);
    CHECK_EQ(found->forced_leaves, 0);
    CHECK_EQ(found->unknown_handles, 0);
    CHECK_EQ(prognos::current_span(), 0);
}

task stepping(operation, int steps) {
    for (int i = 0; i < steps; i++) {
        step.call([] {});
        CHECK_EQ(co_await yields{}, 7);
    }
}

void interleaved_coroutines_keep_their_calls_apart() {
    std::vector<task> tasks;
    {
        prognos::scope call(around);
        for (int i = 0; i < 100; i++)
            tasks.push_back(stepping(serve, i % 10));
    }
    for (task &one : tasks)
        one.start();
    CHECK_EQ(serve.read()->active, 90);
    run_all();
    CHECK_EQ(serve.read()->count, 100);
    CHECK_EQ(serve.read()->failed, 0);
    CHECK_EQ(step.read()->count, 450);
    CHECK_CONTAINS(prognos::render(prognos::format::folded)->c_str(), "around;serve;step ");
    check_clean();
}

task inner(operation) {
    step.call([] {});
    co_await yields{};
    step.call([] {});
}

task without_an_operation() {
    step.call([] {});
    co_await yields{};
    step.call([] {});
}

task outer(operation, bool own) {
    co_await yields{};
    if (own)
        co_await inner(child);
    else
        co_await without_an_operation();
    co_await unmovable{};
}

void a_coroutine_that_is_awaited_is_called_by_its_caller() {
    task one = outer(serve, true);
    one.start();
    run_all();
    CHECK(one.done());
    CHECK_EQ(child.read()->count, 1);
    CHECK_CONTAINS(prognos::render(prognos::format::folded)->c_str(), "serve;child;step ");
    check_clean();
}

void a_coroutine_without_an_operation_goes_on_with_its_callers_span() {
    task one = outer(serve, false);
    one.start();
    run_all();
    CHECK_EQ(serve.read()->count, 1);
    CHECK_CONTAINS(prognos::render(prognos::format::folded)->c_str(), "serve;step ");
    CHECK(prognos::render(prognos::format::folded)->find("\nstep ") == std::string::npos);
    check_clean();
}

task over_threads(operation) {
    for (int i = 0; i < 5; i++) {
        step.call([] {});
        co_await on_another_thread{};
        co_await refuses_to_suspend{};
        step.call([] {});
    }
}

void a_coroutine_may_change_its_thread() {
    task one = over_threads(serve);
    one.start();
    CHECK(one.done());
    CHECK_EQ(step.read()->count, 10);
    CHECK_CONTAINS(prognos::render(prognos::format::folded)->c_str(), "serve;step ");
    CHECK(prognos::render(prognos::format::folded)->find("\nstep ") == std::string::npos);
    check_clean();
}

task throwing(operation) {
    co_await yields{};
    throw 5;
}

task catching(operation) {
    try {
        co_await throwing(child);
    } catch (int) {
    }
    try {
        co_await fails_to_suspend{};
    } catch (int) {
        step.call([] {});
    }
}

void an_exception_marks_the_coroutine_that_it_leaves() {
    task one = catching(serve);
    one.start();
    run_all();
    CHECK_EQ(child.read()->failed, 1);
    CHECK_EQ(serve.read()->failed, 0);
    CHECK_CONTAINS(prognos::render(prognos::format::folded)->c_str(), "serve;step ");
    check_clean();
}

void a_coroutine_that_is_destroyed_while_it_waits_was_cancelled() {
    {
        task one = stepping(serve, 3);
        one.start();
        waiting.clear();
        task never_started = stepping(serve, 3);
    }
    CHECK_EQ(serve.read()->count, 2);
    CHECK_EQ(serve.read()->failed, 2);
    CHECK_CONTAINS(prognos::render(prognos::format::json)->c_str(), "cancelled");
    check_clean();
}

/* A promise that knows nothing of Prognos. */
struct foreign {
    struct promise_type {
        foreign get_return_object() noexcept {
            return {std::coroutine_handle<promise_type>::from_promise(*this)};
        }
        std::suspend_never initial_suspend() noexcept {
            return {};
        }
        std::suspend_always final_suspend() noexcept {
            return {};
        }
        void return_void() noexcept {
        }
        void unhandled_exception() noexcept {
        }
    };
    std::coroutine_handle<promise_type> handle;
};

foreign serves(bool fails) {
    prognos::coroutine_span call(serve);
    step.call([] {});
    const int seven = co_await call.leaving(yields{});
    CHECK_EQ(seven, 7);
    co_await call.leaving(unmovable{});
    co_await call.leaving(on_another_thread{});
    step.call([] {});
    if (fails) throw 1;
}

void a_foreign_coroutine_has_a_span_as_a_variable() {
    std::vector<foreign> some;
    for (int i = 0; i < 6; i++)
        some.push_back(serves(i % 3 == 0));
    run_all();
    CHECK_EQ(serve.read()->count, 6);
    CHECK_EQ(serve.read()->failed, 2);
    CHECK_EQ(step.read()->count, 12);
    foreign cancelled = serves(false);
    waiting.clear();
    cancelled.handle.destroy();
    CHECK_EQ(serve.read()->failed, 3);
    CHECK(prognos::render(prognos::format::folded)->find("\nstep ") == std::string::npos);
    check_clean();
    for (foreign &one : some)
        one.handle.destroy();
}

} // namespace

CHECK_MAIN(CASE(interleaved_coroutines_keep_their_calls_apart),
           CASE(a_coroutine_that_is_awaited_is_called_by_its_caller),
           CASE(a_coroutine_without_an_operation_goes_on_with_its_callers_span),
           CASE(a_coroutine_may_change_its_thread),
           CASE(an_exception_marks_the_coroutine_that_it_leaves),
           CASE(a_coroutine_that_is_destroyed_while_it_waits_was_cancelled),
           CASE(a_foreign_coroutine_has_a_span_as_a_variable))
