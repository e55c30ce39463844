/* SPDX-License-Identifier: Apache-2.0 */
/* Operations: what the host wraps. Include <prognos.h>. */
#ifndef PROGNOS_OPERATION_H
#define PROGNOS_OPERATION_H

#include "status.h"

PROGNOS_EXTERN_C_BEGIN

/**
 * An operation: something the host does again and again, under one name. The handles of a process
 * are 1, 2, 3 ... prognos_op_count(), and stay valid until it ends.
 */
typedef uint32_t prognos_op;

/** The longest name that is kept, in bytes without the final NUL; what is longer is cut. */
#define PROGNOS_NAME_BYTES 255

/**
 * The handle of the operation with this name; the same name always gives the same handle.
 * @param name  UTF-8, 1 to 255 bytes; copied. Use stable names ("parse", "GET /users/{id}"), not one
 *              for each request: the table is bounded (prognos_options.max_ops).
 * @return the handle; 0 on NULL or "" (PROGNOS_INVALID_ARGUMENT) and when the table is full
 *         (PROGNOS_LIMIT_REACHED), with prognos_last_error() set. begin and end of 0 do nothing but
 *         count in prognos_diagnostics.unknown_operations.
 * Cost: about 0.1 us for a known name, without a lock; a new one takes a short spin lock. Keep the
 * handle rather than ask again.
 * Thread: any. Signal: unsafe.
 */
prognos_op prognos_op_named(const char *name);

/**
 * Begins an operation on this thread. Operations nest: the innermost open one is the parent.
 * @param op  a handle from prognos_op_named(); any other value is counted (unknown_operations)
 * Hot: with its end as much as two readings of the cycle counter (benchmarks/). Thread: owner.
 * Signal: safe (left out and counted when it interrupts another hot call).
 */
void prognos_begin(prognos_op op);

/**
 * Ends the innermost open operation of this name on this thread. Operations begun inside it and
 * still open are closed with it and counted as abandoned (a longjmp, an exception, an early
 * return). An end without a begin changes nothing and is counted (unbalanced_ends).
 * @param op  the handle given to prognos_begin()
 * Hot. Thread: owner. Signal: safe, as prognos_begin().
 */
void prognos_end(prognos_op op);

/**
 * Adds to the work size of the innermost open operation: rows, bytes, requests ... in its own unit.
 * Without an open operation it is counted (outside_operation).
 * @param amount  added to what was given before within this call of the operation
 * Hot. Thread: owner. Signal: safe.
 */
void prognos_work(uint64_t amount);

/**
 * Marks the innermost open operation as failed. One call counts as one failure however often it is
 * marked; the last kind wins. Without an open operation it is counted (outside_operation).
 * @param kind  a short stable word such as "timeout"; up to 255 distinct kinds in a process, further
 *              ones count as "other"; NULL and "" count as "unspecified"
 * Hot. Thread: owner. Signal: safe.
 */
void prognos_fail(const char *kind);

/**
 * The innermost operation that is open on this thread, a span that it has entered included: for log lines.
 * @return 0 when none is, and before this thread's first begin. Hot. Thread: owner. Signal: safe.
 */
prognos_op prognos_op_current(void);

/** The number of operations named so far; their handles are 1 to this. Thread: any. Signal: safe. */
size_t prognos_op_count(void);

/**
 * The name of an operation.
 * @return NULL for a handle that was never given out; the last error says so.
 * Thread: any. Signal: safe for a handle that was given out.
 */
const char *prognos_op_name(prognos_op op);

/**
 * Points to a number that is 0 while the feature flag is off. For PROGNOS_SCOPE and bindings, which so
 * save the two calls; never write to it. Thread: any. Signal: safe.
 */
extern const uint32_t *prognos_recording_flag;

/*
 * PROGNOS_SCOPE("parse"); registers the operation once, begins it here and ends it with the
 * enclosing block, whichever way the block is left. C++, and C with GNU cleanup (gcc, clang). While
 * the feature flag is off it calls nothing. The name is looked at the first time only: give a
 * literal. It declares variables, so that it needs a block: not after an if () without braces.
 * Thread: owner. Signal: unsafe the first time, then as prognos_begin().
 */
#define PROGNOS_JOIN_(a, b) a##b
#define PROGNOS_JOIN(a, b) PROGNOS_JOIN_(a, b)

#if defined(__GNUC__)

static inline prognos_op prognos_scope_begin_(prognos_op *once, const char *name) {
    const uint32_t *flag = __atomic_load_n(&prognos_recording_flag, __ATOMIC_RELAXED);
    prognos_op op;
    if (__atomic_load_n(flag, __ATOMIC_RELAXED) == 0) return 0;
    /* Threads that meet here for the first time all store the same value. */
    op = __atomic_load_n(once, __ATOMIC_RELAXED);
    if (op == 0) {
        op = prognos_op_named(name);
        __atomic_store_n(once, op, __ATOMIC_RELAXED);
    }
    if (op != 0) prognos_begin(op);
    return op;
}

static inline void prognos_scope_end_(const prognos_op *op) {
    if (*op != 0) prognos_end(*op);
}

#endif

#if defined(__cplusplus)

} /* extern "C" */

namespace prognos {
namespace detail {

class scope {
  public:
    scope(prognos_op *once, const char *name) noexcept : op_(prognos_scope_begin_(once, name)) {
    }
    ~scope() {
        prognos_scope_end_(&op_);
    }
    scope(const scope &) = delete;
    scope &operator=(const scope &) = delete;

  private:
    const prognos_op op_;
};

} // namespace detail
} // namespace prognos

extern "C" {

#define PROGNOS_SCOPE(name)                                                                        \
    static prognos_op PROGNOS_JOIN(prognos_op_, __LINE__);                                         \
    const ::prognos::detail::scope PROGNOS_JOIN(prognos_scope_, __LINE__)(                         \
        &PROGNOS_JOIN(prognos_op_, __LINE__), name)

#elif defined(__GNUC__)

#define PROGNOS_SCOPE(name)                                                                        \
    static prognos_op PROGNOS_JOIN(prognos_op_, __LINE__);                                         \
    const prognos_op PROGNOS_JOIN(prognos_scope_, __LINE__)                                        \
        __attribute__((cleanup(prognos_scope_end_), unused)) =                                     \
            prognos_scope_begin_(&PROGNOS_JOIN(prognos_op_, __LINE__), name)

#endif

PROGNOS_EXTERN_C_END

#endif /* PROGNOS_OPERATION_H */
