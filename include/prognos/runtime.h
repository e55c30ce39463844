/* SPDX-License-Identifier: Apache-2.0 */
/* For hosts with a runtime of their own: what the library cannot see by itself. Include <prognos.h>. */
#ifndef PROGNOS_RUNTIME_H
#define PROGNOS_RUNTIME_H

#include "status.h"

PROGNOS_EXTERN_C_BEGIN

/** What was read, written or waited for. */
typedef enum prognos_io_kind {
    PROGNOS_FILE_READ = 0,
    PROGNOS_FILE_WRITE = 1,
    PROGNOS_FILE_SYNC = 2, /**< a wait for the disk, as in fsync; the bytes do not count */
    PROGNOS_SOCKET_READ = 3,
    PROGNOS_SOCKET_WRITE = 4,
    PROGNOS_PIPE_READ = 5,
    PROGNOS_PIPE_WRITE = 6,
    PROGNOS_TERMINAL_READ = 7,
    PROGNOS_TERMINAL_WRITE = 8,
    PROGNOS_OTHER_READ = 9, /**< devices, and whatever is none of the above */
    PROGNOS_OTHER_WRITE = 10,
    PROGNOS_WAIT = 11 /**< a sleep, or a wait for another thread: no I/O; the bytes do not count */
} prognos_io_kind;

/**
 * Tells of an input, output or wait that went past the C library: system calls of a runtime's own,
 * io_uring, a device in user space. It counts in the innermost operation that is open on this thread,
 * as a call that PROGNOS_TRACK_IO sees does; outside operations, in none. Works without
 * PROGNOS_TRACK_IO; do not tell what the C library did while that is on: it would count twice.
 * @param kind     one of the above; any other value is counted (bad_arguments)
 * @param bytes    what was transferred; 0 at the end of a file and when the call failed
 * @param wait_ns  how long the call took; 0 when that is unknown
 * Hot. Thread: owner. Signal: safe (counted outside the operation when it interrupts a hot call).
 */
void prognos_io_done(prognos_io_kind kind, uint64_t bytes, uint64_t wait_ns);

PROGNOS_EXTERN_C_END

#endif /* PROGNOS_RUNTIME_H */
