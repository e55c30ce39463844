/* SPDX-License-Identifier: Apache-2.0 */
/**
 * @file prognos.h
 * @brief Prognos: wrap an operation in begin/end calls and learn what it costs.
 *
 * This header and the files it includes are all that a host needs to read:
 *
 *     prognos/status.h     versions, status codes, the last error
 *     prognos/lifecycle.h  start, stop, the feature flag, capabilities, diagnostics
 *     prognos/operation.h  operations: begin, end, work, fail, PROGNOS_SCOPE
 *     prognos/span.h       spans: operations that leave their thread
 *     prognos/session.h    sessions: whom operations are for
 *     prognos/reading.h    statistics of operations and of the process
 *     prognos/prediction.h health, trends, anomalies, leaks, crashes, alerts
 *     prognos/duration.h   how long a call will take, and how much longer an open one
 *     prognos/suggestion.h what to change, and what it brings
 *     prognos/series.h     the same detectors for a host's own numbers
 *     prognos/dump.h       a profile as a file or as text
 *     prognos/runtime.h    for hosts with a runtime of their own: what the library cannot see
 *
 * The smallest useful host needs three calls and no set-up:
 *
 *     prognos_op parse = prognos_op_named("parse");
 *     prognos_begin(parse);
 *     ...
 *     prognos_end(parse);
 *     prognos_dump("profile.json", PROGNOS_JSON);
 *
 * THE CONTRACT, which every function keeps unless its own comment says otherwise
 *
 * Threads      Every function may be called from every thread at any time: before prognos_start(),
 *              after prognos_stop(), in a forked child, in a thread-local destructor, in an atexit()
 *              handler. "Thread: owner" marks a call that acts on what the calling thread has open.
 * Fork         A forked child begins a recording of its own: names and handles stay, numbers start at
 *              zero, nothing is open. Ends of what the parent had open change nothing.
 * Signals      "Signal: safe" means async-signal-safe. A hot call that interrupts another one on its
 *              own thread is left out and counted (prognos_diagnostics.reentered); so is its end.
 *              Make a thread's first hot call outside a handler: see Cost.
 * Cost         "Hot" functions never block and never take a lock. After the thread's first one, which
 *              makes some system calls and may call malloc for its thread-specific data, they never
 *              call malloc, and make a system call only when the thread was switched out since the
 *              last one; where prognos_capabilities.cpu_clock is "thread_clock", at each begin and
 *              end. What they cannot record they count in prognos_diagnostics.
 * Errors       Calls that can fail return prognos_status: PROGNOS_OK is 0, errors are negative.
 *              prognos_last_error() then has a sentence that names the bad value and what is
 *              accepted. Output parameters are written only on success.
 * Out structs  The caller passes sizeof: prognos_op_read(op, window, &stats, sizeof stats). What both
 *              sides know is filled, the rest of the caller's struct is zeroed. Fields are only ever
 *              appended, so old hosts run with new libraries and the reverse.
 * Strings in   NUL-terminated UTF-8, copied. Invalid UTF-8 is repaired (U+FFFD); more than 255 bytes
 *              are cut on a character boundary; NULL is an error.
 * Strings out  const char * that are never freed. Rendered text goes to the caller's buffer with
 *              snprintf's contract.
 * Handles      Plain integers. 0 is never valid. A handle that was never given out is an error or a
 *              counted drop, never a crash.
 * Units        In the field's name: _ns nanoseconds, _bytes bytes, _ratio 0..1, _unix_ns nanoseconds
 *              since 1970-01-01 UTC.
 * errno        No function changes it.
 * Host         Loading the library starts no thread, installs no signal handler, reads no file and
 *              allocates nothing. What recording takes later stays within memory_limit_bytes;
 *              reading and dumping use malloc meanwhile. prognos_start() starts one thread, which
 *              blocks all signals and wakes up once a second, replaces entries in the tables of
 *              calls of all loaded objects and handles SIGPROF, as far as its options ask for it;
 *              prognos_stop() ends and puts back all of that. With PROGNOS_TRACK_MEMORY that also
 *              means functions in front of CPython's allocators (PEP 445) where the process has an
 *              interpreter, and that the thread reads the process's own memory, page by page, when
 *              blocks may have leaked: 100 ms of CPU time and 0.2 % of the time at most.
 */
#ifndef PROGNOS_H
#define PROGNOS_H

#include "prognos/status.h"

#include "prognos/bottleneck.h"
#include "prognos/dump.h"
#include "prognos/duration.h"
#include "prognos/experiment.h"
#include "prognos/lifecycle.h"
#include "prognos/load.h"
#include "prognos/operation.h"
#include "prognos/prediction.h"
#include "prognos/reading.h"
#include "prognos/runtime.h"
#include "prognos/series.h"
#include "prognos/session.h"
#include "prognos/span.h"
#include "prognos/suggestion.h"

#endif /* PROGNOS_H */
