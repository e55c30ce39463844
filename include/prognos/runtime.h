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

/**
 * Tells of a block that an allocator handed out which Prognos cannot see: an arena of a runtime's own, memory
 * of a device. It counts in the innermost operation that is open on this thread, as malloc does with
 * PROGNOS_TRACK_MEMORY. Works without it; live bytes and call stacks need it. Do not tell what malloc did.
 * @param address  the block's address, of any kind of memory; NULL does nothing
 * @param bytes    its size
 * Cost: some ns; some us for a block that is sampled. Thread: any. Signal: unsafe.
 */
void prognos_memory_allocated(const void *address, size_t bytes);

/**
 * Tells that such a block is given back; call it before the allocator may hand it out again. Sizes of
 * blocks that were not sampled are not known: freed_bytes is an estimate for such allocators, exact with
 * heap_sample_bytes = 1; frees is exact.
 * @param address  NULL does nothing
 * Cost and safety: as prognos_memory_allocated().
 */
void prognos_memory_freed(const void *address);

/** A frame of the host's own language: 1, 2, 3 ... for the life of the process; 0 is none. */
typedef uint32_t prognos_frame;

/** Or'ed with a frame that was entered from native code: its caller is no frame of the host's language. */
#define PROGNOS_FRAME_ENTRY 0x80000000u

/**
 * The frame of a function; the same three always give the same frame.
 * @param function  UTF-8, 1 to 255 bytes; copied
 * @param file      its source file; NULL or "" when there is none
 * @param line      a line in it; 0 for none
 * @return 0 on NULL or "" (PROGNOS_INVALID_ARGUMENT), and when the table is full (4,096 frames with the
 *         default memory limit; PROGNOS_LIMIT_REACHED), with prognos_last_error() set.
 * Cost: about 0.2 us for a known frame, without a lock: keep it with the function. Thread: any.
 * Signal: unsafe.
 */
prognos_frame prognos_frame_named(const char *function, const char *file, uint32_t line);

/**
 * Gives the host-language frames of the calling thread. Called when a stack is taken: in a signal handler
 * amid anything the thread does, after a long wait, in an allocation. It must be async-signal-safe and fast.
 * @param frames    receives at most `capacity` frames, the innermost first
 * @param capacity  how many there is room for
 * @param context   as given to prognos_stack_provider_set()
 * @return how many frames were written; 0 when there are none
 */
typedef size_t (*prognos_stack_provider)(prognos_frame *frames, size_t capacity, void *context);

/**
 * Sets the provider of host-language frames, which are merged into native stacks: each native frame of the
 * interpreter (prognos_interpreter_set()) is replaced by the host frames up to the next one that has
 * PROGNOS_FRAME_ENTRY. Without an interpreter they follow the native frames.
 * @param provider  NULL: none. A provider that was replaced may still be running on another thread.
 * @return PROGNOS_OK. Thread: any. Signal: safe.
 */
prognos_status prognos_stack_provider_set(prognos_stack_provider provider, void *context);

/**
 * Says which native code is the host's interpreter: a function that runs frames of the host's language.
 * @param function  its first instruction; NULL: none
 * @param bytes     its size
 * @return PROGNOS_OK, or PROGNOS_INVALID_ARGUMENT for a function of 0 bytes. Thread: any. Signal: safe.
 */
prognos_status prognos_interpreter_set(const void *function, size_t bytes);

PROGNOS_EXTERN_C_END

#endif /* PROGNOS_RUNTIME_H */
