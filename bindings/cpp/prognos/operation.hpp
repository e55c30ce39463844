/* SPDX-License-Identifier: Apache-2.0 */
/* Operations and their calls: scopes, callables, work and failures. Include <prognos.hpp>. */
#ifndef PROGNOS_OPERATION_HPP
#define PROGNOS_OPERATION_HPP

#include <prognos/operation.h>

#include "exceptions.hpp"
#include "result.hpp"

#include <chrono>
#include <cstdint>
#include <string_view>
#include <type_traits>
#include <utility>

namespace prognos {
namespace detail {

/* The hot calls under names that say that they do not throw, as no C function does: so no path for that is compiled. */
extern "C" {
void prognos_cpp_begin(prognos_op op) noexcept __asm__("prognos_begin");
void prognos_cpp_end(prognos_op op) noexcept __asm__("prognos_end");
void prognos_cpp_work(std::uint64_t amount) noexcept __asm__("prognos_work");
void prognos_cpp_fail(const char *kind) noexcept __asm__("prognos_fail");
}

} // namespace detail

class plain_scope;
class span;
struct duration_estimate;
struct health;
struct operation_stats;
struct time_left;
struct trend;
enum class metric : std::uint32_t;

/** The span of time that statistics cover: prognos_window. */
enum class window : int { total = 0, last_minute = 1, last_5_minutes = 2, last_hour = 3 };

/**
 * Something that the program does again and again, under one name: a handle, to be copied freely. The same name gives
 * an equal one. Make it once:
 *
 *     const prognos::operation parse("parse");          // at namespace scope, or static
 *
 *     { prognos::scope call(parse); ... }               // a block; left by an exception, the call failed
 *     parse.call([&] { ... });                          // a callable; the same
 *     parse.begin(); ... parse.end();                   // as in C
 *
 * An operation that could not be named (valid() is false) records nothing, and is counted in the diagnostics.
 */
class operation {
  public:
    /** None; records nothing. */
    constexpr operation() noexcept = default;
    /** The operation of this name: UTF-8, 1 to 255 bytes, copied. 0.1 us for a name that is known. */
    explicit operation(std::string_view name) noexcept
        : handle_(prognos_op_named(detail::c_string(name))) {
    }
    explicit operation(const char *name) noexcept : handle_(prognos_op_named(name)) {
    }
    /** The operation of a handle that C gave out. */
    static constexpr operation of(prognos_op handle) noexcept {
        operation made;
        made.handle_ = handle;
        return made;
    }

    /** The innermost one that is open on this thread; none when none is. */
    static operation current() noexcept {
        return of(prognos_op_current());
    }

    constexpr prognos_op handle() const noexcept {
        return handle_;
    }
    constexpr bool valid() const noexcept {
        return handle_ != 0;
    }
    /** Its name, valid for the life of the process; "" of none. */
    std::string_view name() const noexcept {
        const char *found = handle_ != 0 ? prognos_op_name(handle_) : nullptr;
        return found != nullptr ? found : "";
    }

    void begin() const noexcept {
        detail::prognos_cpp_begin(handle_);
    }
    void end() const noexcept {
        detail::prognos_cpp_end(handle_);
    }

    /**
     * Calls `function` as one call of the operation, and gives back what it gives. An exception that leaves it marks the
     * call as failed, and goes on as if nobody had looked: it is not caught. Costs what begin and end cost.
     */
    template <class F> decltype(auto) call(F &&function) const;

    /** Reading; each with what the C call of the same name says about cost and errors. */
    result<operation_stats> read(window over = window::total) const noexcept;
    result<std::chrono::nanoseconds> quantile(double q, window over = window::total) const noexcept;
    result<prognos::health> health() const noexcept;
    result<prognos::trend> trend(metric of, window over = window::total) const noexcept;
    /** How long a call with this work will take; 0: not known. */
    result<duration_estimate> predict(std::uint64_t work = 0) const noexcept;
    /** What is left of the open call that began first. */
    result<prognos::time_left> time_left() const noexcept;
    /** What is good enough: within `latency` (0: any) and without failing, `success_ratio` of the calls; 0 takes it back. */
    outcome set_objective(std::chrono::nanoseconds latency, double success_ratio) const noexcept;
    /** Makes one operation after the other virtually faster, and counts the completions of this one. */
    outcome start_experiment(std::chrono::seconds length) const noexcept;

    friend constexpr bool operator==(operation a, operation b) noexcept {
        return a.handle_ == b.handle_;
    }
    friend constexpr bool operator!=(operation a, operation b) noexcept {
        return a.handle_ != b.handle_;
    }

  private:
    friend class plain_scope;
    prognos_op handle_ = 0;
};

/** Adds to the work of the innermost open operation of this thread. */
inline void work(std::uint64_t amount) noexcept {
    detail::prognos_cpp_work(amount);
}

/** Marks the innermost open operation of this thread as failed; a short stable word says how. */
inline void fail(const char *kind) noexcept {
    detail::prognos_cpp_fail(kind);
}
inline void fail(std::string_view kind) noexcept {
    detail::prognos_cpp_fail(detail::c_string(kind));
}

namespace detail {

/** Begins a call, and gives the handle to end; 0 when none was begun. As prognos_scope_begin_() does. */
PROGNOS_INLINE_ prognos_op begin(const prognos_op &handle) noexcept {
    const std::uint32_t *flag = __atomic_load_n(&prognos_recording_flag, __ATOMIC_RELAXED);
    if (__atomic_load_n(flag, __ATOMIC_RELAXED) == 0) return 0;
    const prognos_op op = handle;
    if (op != 0) detail::prognos_cpp_begin(op);
    return op;
}

} // namespace detail

/**
 * A call of an operation that is a block: PROGNOS_SCOPE without anything else. It does not notice exceptions, and is
 * the same instructions.
 */
class plain_scope {
  public:
    PROGNOS_INLINE_ explicit plain_scope(const operation &op) noexcept
        : op_(detail::begin(op.handle_)) {
    }
    PROGNOS_INLINE_ ~plain_scope() {
        if (op_ != 0) detail::prognos_cpp_end(op_);
    }
    plain_scope(const plain_scope &) = delete;
    plain_scope &operator=(const plain_scope &) = delete;

    /** To the innermost open operation, which is this one unless another one was begun inside. */
    void work(std::uint64_t amount) const noexcept {
        detail::prognos_cpp_work(amount);
    }
    void fail(const char *kind) const noexcept {
        detail::prognos_cpp_fail(kind);
    }
    void fail(std::string_view kind) const noexcept {
        prognos::fail(kind);
    }

  protected:
    const prognos_op op_;
};

/**
 * A call of an operation that is a block. Left by an exception, the call failed: with "exception", or with what fail()
 * said before. Belongs to its thread: let none live across a co_await (spans do).
 */
class scope : public plain_scope {
  public:
    PROGNOS_INLINE_ explicit scope(const operation &op) noexcept : plain_scope(op) {
    }
    PROGNOS_INLINE_ ~scope() {
        if (op_ != 0 && !failed_ && unwinding_.begun_since()) detail::fail_by_exception();
    }

    void fail(const char *kind) noexcept {
        failed_ = true;
        detail::prognos_cpp_fail(kind);
    }
    void fail(std::string_view kind) noexcept {
        failed_ = true;
        prognos::fail(kind);
    }

  private:
    detail::unwinding unwinding_;
    bool failed_ = false;
};

namespace detail {

/**
 * Ends a call; fails it first unless it was said to be done. The compiler knows on each path whether it was: nothing
 * is left of `done` in the program.
 */
struct call_end {
    prognos_op op;
    bool done;
    PROGNOS_INLINE_ ~call_end() {
        if (op == 0) return;
        if (!done) detail::prognos_cpp_fail("exception");
        detail::prognos_cpp_end(op);
    }
};

} // namespace detail

template <class F> decltype(auto) operation::call(F &&function) const {
    detail::call_end end{detail::begin(handle_), false};
    if constexpr (std::is_void_v<decltype(std::forward<F>(function)())>) {
        std::forward<F>(function)();
        end.done = true;
    } else if constexpr (std::is_reference_v<decltype(std::forward<F>(function)())>) {
        auto &&answer = std::forward<F>(function)();
        end.done = true;
        return static_cast<decltype(answer)>(answer);
    } else {
        auto answer = std::forward<F>(function)();
        end.done = true;
        return answer;
    }
}

} // namespace prognos

#endif /* PROGNOS_OPERATION_HPP */
