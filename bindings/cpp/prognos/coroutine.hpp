/* SPDX-License-Identifier: Apache-2.0 */
/* Spans of C++20 coroutines: entered when they go on, left when they wait. Included by <prognos.hpp> from C++20 on. */
#ifndef PROGNOS_COROUTINE_HPP
#define PROGNOS_COROUTINE_HPP

#include "span.hpp"

#include <coroutine>
#include <type_traits>
#include <utility>

namespace prognos {
namespace detail {

/** What co_await asks: the awaitable's operator co_await, a free one, or the awaitable itself. */
template <class A> decltype(auto) awaiter_of(A &&awaitable) {
    if constexpr (requires { std::forward<A>(awaitable).operator co_await(); })
        return std::forward<A>(awaitable).operator co_await();
    else if constexpr (requires { operator co_await(std::forward<A>(awaitable)); })
        return operator co_await(std::forward<A>(awaitable));
    else
        return static_cast<A &&>(awaitable);
}

/**
 * Waits for another awaiter, with the span left meanwhile. Once the other one has the coroutine's handle, another thread may
 * go on with it, or end it: nothing of the coroutine is touched after that.
 */
template <class Awaiter> struct leaving_awaiter {
    stay *stay_;
    Awaiter
        awaiter_; /* a reference where the awaitable is its own awaiter: it lives as long as the co_await */

    bool await_ready() noexcept(noexcept(std::declval<Awaiter &>().await_ready())) {
        return awaiter_.await_ready();
    }

    template <class P>
    auto await_suspend(std::coroutine_handle<P> waiting) noexcept(
        noexcept(std::declval<Awaiter &>().await_suspend(waiting))) {
        /* An await_suspend that throws has not suspended: the coroutine goes on, with the exception. */
        struct back {
            stay *of;
            ~back() {
                if (of != nullptr) of->enter();
            }
        } back{stay_->entered() ? stay_ : nullptr};
        stay_->leave();
        if constexpr (std::is_void_v<decltype(awaiter_.await_suspend(waiting))>) {
            awaiter_.await_suspend(waiting);
            back.of = nullptr;
        } else {
            auto next = awaiter_.await_suspend(waiting);
            back.of = nullptr;
            return next;
        }
    }

    decltype(auto) await_resume() noexcept(noexcept(std::declval<Awaiter &>().await_resume())) {
        stay_->enter();
        return awaiter_.await_resume();
    }
};

template <class A> using leaving = leaving_awaiter<decltype(awaiter_of(std::declval<A>()))>;

inline operation first_operation() noexcept {
    return {};
}
template <class First, class... Rest>
operation first_operation(const First &first, const Rest &...rest) noexcept {
    if constexpr (std::is_same_v<First, operation>)
        return first;
    else
        return first_operation(rest...);
}

} // namespace detail

/**
 * A base for promise types: the coroutine's span. Where a parameter of the coroutine is an operation, the coroutine is
 * a call of it, from where it is called (in the path of what is open there) until it ends; else it goes on with
 * the span of its caller.
 *
 *     struct task {
 *         struct promise_type : prognos::span_promise {
 *             using span_promise::span_promise;
 *             auto initial_suspend() noexcept { return suspending(std::suspend_always{}); }
 *             auto final_suspend() noexcept { return ending(std::suspend_always{}); }
 *             void unhandled_exception() noexcept { failed(); ... }
 *             ...
 *         };
 *     };
 *     task handle(prognos::operation, socket client);
 *     handle(serve, std::move(client));
 *
 * Each co_await leaves the span while the coroutine waits, and enters it on the thread where it goes on. A coroutine that
 * is destroyed while it waits failed: "cancelled". Coroutines that run at the same time as their caller need
 * an operation of their own: a span runs on one thread at a time.
 */
class span_promise {
  public:
    template <class... A> explicit span_promise(const A &...arguments) noexcept {
        const operation op = detail::first_operation(arguments...);
        if (op.valid()) {
            span_ = span(op);
            stay_ = detail::stay(span_.handle());
        } else {
            stay_ = detail::stay(current_span());
        }
    }
    span_promise(const span_promise &) = delete;
    span_promise &operator=(const span_promise &) = delete;
    ~span_promise() {
        stay_.leave();
        if (span_.valid()) (void)span_.fail("cancelled");
    }

    /** The handle of the span that the coroutine runs in; 0: none. */
    prognos_span span_handle() const noexcept {
        return stay_.handle();
    }

    template <class A> detail::leaving<A &&> await_transform(A &&awaitable) {
        return {&stay_, detail::awaiter_of(std::forward<A>(awaitable))};
    }

  protected:
    /** For initial_suspend and yield_value, to which await_transform is not applied. */
    template <class A> detail::leaving_awaiter<A> suspending(A awaiter) noexcept {
        return {&stay_, std::move(awaiter)};
    }
    /** For final_suspend: leaves the span, and ends it if it is the coroutine's own. */
    template <class A> A ending(A awaiter) noexcept {
        stay_.leave();
        (void)span_.end();
        return awaiter;
    }
    /** For unhandled_exception. */
    void failed(const char *kind = "exception") noexcept {
        if (span_.valid()) (void)span_.fail(kind);
    }

  private:
    span span_;
    detail::stay stay_;
};

/**
 * The same for coroutines whose promise is somebody else's: a variable of the coroutine, and each co_await by way of it.
 *
 *     asio::awaitable<void> handle(socket client) {
 *         prognos::coroutine_span call(serve);              // begins here
 *         auto read = co_await call.leaving(client.read());
 *         ...
 *     }                                                     // ends here
 */
class coroutine_span {
  public:
    explicit coroutine_span(operation op) noexcept : span_(op), stay_(span_.handle()) {
        stay_.enter();
    }
    coroutine_span(const coroutine_span &) = delete;
    coroutine_span &operator=(const coroutine_span &) = delete;
    ~coroutine_span() {
        if (stay_.unwinds()) (void)span_.fail("exception");
        if (!stay_.entered() && span_.valid()) (void)span_.fail("cancelled");
        stay_.leave();
    }

    /** To be waited for at once: co_await call.leaving(awaitable). */
    template <class A> detail::leaving<A &&> leaving(A &&awaitable) {
        return {&stay_, detail::awaiter_of(std::forward<A>(awaitable))};
    }

    status work(std::uint64_t amount) const noexcept {
        return span_.work(amount);
    }
    template <class T> status fail(const T &kind) const noexcept {
        return span_.fail(kind);
    }

  private:
    span span_;
    detail::stay stay_;
};

} // namespace prognos

#endif /* PROGNOS_COROUTINE_HPP */
