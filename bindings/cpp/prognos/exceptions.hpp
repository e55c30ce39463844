/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a block is being left by an exception, for less than std::uncaught_exceptions() costs. Include <prognos.hpp>. */
#ifndef PROGNOS_EXCEPTIONS_HPP
#define PROGNOS_EXCEPTIONS_HPP

#include <prognos/operation.h>

#include <exception>

#if defined(__cpp_exceptions)
#define PROGNOS_HAS_EXCEPTIONS_ 1
#include <cxxabi.h>
#endif

/*
 * For what depends on whether exceptions are on: never a function of its own, so that files compiled with and without
 * can be linked together. And nothing of a scope is left but the calls: else an object in memory would be kept for
 * the paths of exceptions.
 */
#define PROGNOS_INLINE_ __attribute__((always_inline)) inline

namespace prognos {
namespace detail {

#if defined(PROGNOS_HAS_EXCEPTIONS_)

/*
 * std::uncaught_exceptions() is two calls and a look-up of thread-local memory: 4 to 7 ns, twice a scope. What it reads
 * is a number at a place that is the thread's for its whole life (Itanium C++ ABI, "Caught exceptions"), so that the place
 * is kept in thread-local memory of our own: two loads. Hidden: each shared object asks the C++ runtime that it is linked
 * with, which stays loaded as long as itself.
 */
struct exception_globals {
    void *caught;
    unsigned int uncaught;
};

__attribute__((visibility(
    "hidden"))) inline thread_local const exception_globals *this_threads_exceptions = nullptr;

__attribute__((cold, noinline)) inline const exception_globals *
find_this_threads_exceptions() noexcept {
    /* By way of void *: the runtime's own type is incomplete. */
    const void *found = abi::__cxa_get_globals();
    this_threads_exceptions = static_cast<const exception_globals *>(found);
    return this_threads_exceptions;
}

/* clang before 16 keeps addresses of thread-local variables across a co_await, which may change the thread. */
#if defined(__clang__) && __clang_major__ < 16
__attribute__((noinline))
#endif
inline unsigned int
uncaught_exceptions() noexcept {
    const exception_globals *globals = this_threads_exceptions;
    if (__builtin_expect(globals == nullptr, 0)) globals = find_this_threads_exceptions();
    return globals->uncaught;
}

/** Made where a block begins: tells where it ends whether an exception that began since then leaves it. */
class unwinding {
  public:
    PROGNOS_INLINE_ unwinding() noexcept : before_(uncaught_exceptions()) {
    }
    PROGNOS_INLINE_ bool begun_since() const noexcept {
        return uncaught_exceptions() > before_;
    }

  private:
    unsigned int before_;
};

#else

class unwinding {
  public:
    PROGNOS_INLINE_ unwinding() noexcept {
    }
    PROGNOS_INLINE_ bool begun_since() const noexcept {
        return false;
    }

  private:
    [[maybe_unused]] unsigned int before_; /* as large as with exceptions */
};

#endif

__attribute__((cold, noinline)) inline void fail_by_exception() noexcept {
    prognos_fail("exception");
}

} // namespace detail
} // namespace prognos

#endif /* PROGNOS_EXCEPTIONS_HPP */
