/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file prognos.hpp
 * @brief Prognos in C++: operations, spans and sessions as objects, durations as std::chrono, errors as values.
 *
 * Header only, C++17 and later, over the C calls of <prognos.h>, which it includes; link with libprognos. Works without exceptions
 * and without RTTI. Each header here has the name of the C header it is for:
 *
 *     prognos/result.hpp      status, outcome, result<T>
 *     prognos/operation.hpp   operation, scope, plain_scope, work, fail
 *     prognos/span.hpp        span: work that leaves its thread; callables for other threads
 *     prognos/coroutine.hpp   span_promise, coroutine_span (C++20)
 *     prognos/session.hpp     session: whom operations are for
 *     prognos/reading.hpp     statistics of operations and of the process
 *     prognos/prediction.hpp  health, trends, anomalies, leaks, crashes
 *     prognos/alerts.hpp      alerts as calls of a callable
 *     prognos/duration.hpp    how long a call will take, and how much longer an open one
 *     prognos/bottleneck.hpp  what a faster operation is worth; experiments
 *     prognos/load.hpp        peaks, scalability, productivity, suggestions
 *     prognos/series.hpp      the same detectors for a host's own numbers
 *     prognos/lifecycle.hpp   options, start, stop, the flag, diagnostics, profiles
 *     prognos/runtime.hpp     for hosts with a runtime of their own
 *
 *     const prognos::operation parse("parse");
 *
 *     void handle(const request &one) {
 *         prognos::scope call(parse);          // an exception that leaves the block: the call failed
 *         call.work(one.size());
 *         ...
 *     }
 *
 *     if (auto stats = parse.read()) std::cout << stats->wall_p99().count() << " ns\n";
 *
 * WHICH SCOPE
 * PROGNOS_SCOPE("parse")     C and C++; registers the name by itself; notices no exceptions.
 * prognos::scope call(op)    notices exceptions, and has work() and fail(). Costs a few instructions more: two loads and a
 *                            comparison at each end (none with -fno-exceptions).
 * op.call([&] { ... })       notices exceptions, and costs what begin and end cost.
 * prognos::plain_scope       prognos::scope that notices none: what PROGNOS_SCOPE is, for an operation that is there already.
 *
 * THE CONTRACT of <prognos.h> holds: threads, signals, forks, cost, errno. Besides: nothing here throws, whatever a callable
 * of the host's throws passes through, and all memory is asked for without exceptions. An object that was moved from
 * is none, and so is one that could not be had: it records nothing and says so when it is read.
 */
#ifndef PROGNOS_HPP
#define PROGNOS_HPP

#if __cplusplus < 201703L
#error "prognos.hpp needs C++17; C++11 and C++14 have PROGNOS_SCOPE of prognos.h"
#endif

#include <prognos.h>

#include "prognos/alerts.hpp"
#include "prognos/bottleneck.hpp"
#include "prognos/duration.hpp"
#include "prognos/lifecycle.hpp"
#include "prognos/load.hpp"
#include "prognos/operation.hpp"
#include "prognos/prediction.hpp"
#include "prognos/reading.hpp"
#include "prognos/result.hpp"
#include "prognos/runtime.hpp"
#include "prognos/series.hpp"
#include "prognos/session.hpp"
#include "prognos/span.hpp"

#if defined(__cpp_impl_coroutine) && __has_include(<coroutine>)
#include "prognos/coroutine.hpp"
#endif

#endif /* PROGNOS_HPP */
