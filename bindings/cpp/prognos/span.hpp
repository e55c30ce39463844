/* SPDX-License-Identifier: Apache-2.0 */
/* Spans: operations that leave their thread. Include <prognos.hpp>. */
#ifndef PROGNOS_SPAN_HPP
#define PROGNOS_SPAN_HPP

#include <prognos/span.h>

#include "operation.hpp"

#include <type_traits>
#include <utility>

namespace prognos {
namespace detail {

/* What this thread runs now, as far as the classes here entered it: what a coroutine that has no operation goes on with. */
inline thread_local prognos_span this_threads_span = 0;

#if defined(__clang__) && __clang_major__ < 16 /* as in exceptions.hpp */
__attribute__((noinline))
#endif
inline prognos_span
exchange_this_threads_span(prognos_span span) noexcept {
    return std::exchange(this_threads_span, span);
}

/** A span on its way over threads: entered here, left, entered there. */
class stay {
  public:
    PROGNOS_INLINE_ stay() noexcept {
    }
    PROGNOS_INLINE_ explicit stay(prognos_span span) noexcept : span_(span) {
    }

    /** Does nothing when it is entered, or when another stay has entered the span. */
    PROGNOS_INLINE_ void enter() noexcept {
        if (span_ == 0 || entered_) return;
        entered_ = prognos_span_enter(span_) == PROGNOS_OK;
        if (!entered_) return;
        around_ = exchange_this_threads_span(span_);
        unwinding_ = unwinding();
    }
    void leave() noexcept {
        if (!entered_) return;
        entered_ = false;
        (void)exchange_this_threads_span(around_);
        (void)prognos_span_leave(span_);
    }
    bool entered() const noexcept {
        return entered_;
    }
    /** Whether an exception that began since it was entered is under way. */
    PROGNOS_INLINE_ bool unwinds() const noexcept {
        return entered_ && unwinding_.begun_since();
    }
    prognos_span handle() const noexcept {
        return span_;
    }

  private:
    prognos_span span_ = 0;
    prognos_span around_ = 0;
    unwinding unwinding_;
    bool entered_ = false;
};

} // namespace detail

/** The handle of the span that this thread runs now, as far as C++ entered it; 0: none. */
inline prognos_span current_span() noexcept {
    const prognos_span span = detail::exchange_this_threads_span(0);
    (void)detail::exchange_this_threads_span(span);
    return span;
}

/** A thread's stay in a span: left with the block. Left by an exception, the span failed. Belongs to its thread. */
class [[nodiscard]] span_entry {
  public:
    PROGNOS_INLINE_ explicit span_entry(prognos_span span) noexcept : stay_(span) {
        stay_.enter();
    }
    PROGNOS_INLINE_ ~span_entry() {
        if (stay_.unwinds()) (void)prognos_span_fail(stay_.handle(), "exception");
        stay_.leave();
    }
    span_entry(const span_entry &) = delete;
    span_entry &operator=(const span_entry &) = delete;

    /** False when a thread has entered the span already, or operations nest too deep here. */
    bool entered() const noexcept {
        return stay_.entered();
    }

  private:
    detail::stay stay_;
};

template <class F> class bound_call;

/**
 * One piece of work that is not tied to a thread: begun where it is made, suspended; ended when the object goes, on whatever
 * thread. Move-only. Its path is that of what is open where it is made.
 *
 *     prognos::span request(serve);
 *     { auto here = request.enter(); ... }                 // on any thread, as often as it goes on
 *     pool.post(std::move(request).bind([] { ... }));      // or: run there, and ended there
 */
class span {
  public:
    /** None: every call does nothing. */
    span() noexcept = default;
    explicit span(operation op) noexcept : handle_(prognos_span_begin(op.handle())) {
    }
    span(span &&other) noexcept : handle_(std::exchange(other.handle_, 0)) {
    }
    span &operator=(span &&other) noexcept {
        if (this != &other) {
            (void)end();
            handle_ = std::exchange(other.handle_, 0);
        }
        return *this;
    }
    ~span() {
        (void)end();
    }

    prognos_span handle() const noexcept {
        return handle_;
    }
    /** False while the feature flag is off, too: nothing needs to look at it. */
    bool valid() const noexcept {
        return handle_ != 0;
    }

    /** This thread runs the span as long as what this gives lives. */
    span_entry enter() const noexcept {
        return span_entry(handle_);
    }
    /** Runs a callable in the span, on this thread. */
    template <class F> decltype(auto) run(F &&function) const {
        const span_entry here(handle_);
        return std::forward<F>(function)();
    }
    /**
     * Gives a callable, move-only, that takes the span with it: called once, it runs `function` in the span, and ends it.
     * Let go without having been called, the span failed: "dropped".
     */
    template <class F> bound_call<std::decay_t<F>> bind(F &&function) &&;

    status work(std::uint64_t amount) const noexcept {
        return static_cast<status>(prognos_span_work(handle_, amount));
    }
    status fail(const char *kind) const noexcept {
        return static_cast<status>(prognos_span_fail(handle_, kind));
    }
    status fail(std::string_view kind) const noexcept {
        return fail(static_cast<const char *>(detail::c_string(kind)));
    }
    /** Ends it now. */
    status end() noexcept {
        const prognos_span ended = std::exchange(handle_, 0);
        return ended != 0 ? static_cast<status>(prognos_span_end(ended)) : status::ok;
    }

  private:
    prognos_span handle_ = 0;
};

/** What span::bind() gives. */
template <class F> class bound_call {
  public:
    bound_call(span taken, F function) : span_(std::move(taken)), function_(std::move(function)) {
    }
    bound_call(bound_call &&other) noexcept(std::is_nothrow_move_constructible_v<F>) = default;
    bound_call &operator=(bound_call &&other) = delete;
    ~bound_call() {
        if (span_.valid()) (void)span_.fail("dropped");
    }

    template <class... A> decltype(auto) operator()(A &&...arguments) {
        const span running = std::move(span_); /* ended last */
        const span_entry here(running.handle());
        return function_(std::forward<A>(arguments)...);
    }

  private:
    span span_;
    F function_;
};

template <class F> bound_call<std::decay_t<F>> span::bind(F &&function) && {
    return {std::move(*this), std::forward<F>(function)};
}

} // namespace prognos

#endif /* PROGNOS_SPAN_HPP */
