// SPDX-License-Identifier: Apache-2.0
// What changes the host's calls, and what Swift does when they come. Part of shim.h.
#pragma once

#include "shim.h"

#pragma clang assume_nonnull begin

// ---- hooks (tables.c) -------------------------------------------------------------------------

// A function of another object that is to be replaced in the tables of all loaded objects.
typedef struct shim_hook {
    const char *name;
    void *_Nullable replacement;
    void *_Nullable original;     // found by shim_hooks_find; NULL where there is no such function
    const void *_Nullable object; // where the object begins that defines it
    bool is_libc;                 // that object is the C library
} shim_hook;

// Finds the originals: the first definition in the order of loading.
void shim_hooks_find(shim_hook *hooks, size_t count);
// Puts the replacements into the tables of all objects but our own, or the originals back; returns how
// many entries it changed. `wants` may leave out an entry of the object that begins at `object`.
size_t shim_hooks_patch(const shim_hook *hooks, size_t count, bool install,
                        bool (*_Nullable wants)(const void *object, const shim_hook *hook));

// The same for pointers to them in the data that is read-only after relocation of the object that defines
// them all, if it is the C library.
size_t shim_pointers_patch(const shim_hook *hooks, size_t count, bool install);

// ---- allocation hooks (memory.c) --------------------------------------------------------------

// Finds the allocation functions; false when there is nothing to hook.
bool shim_memory_find(void);
void shim_memory_patch(bool install);

extern bool shim_heap_is_glibc __attribute__((visibility("hidden")));
size_t shim_usable_size_asked(const void *block);

// The size of a block as glibc's chunk header has it (malloc/malloc.c, "chunks"): flags in the lowest
// three bits; a chunk that is a mapping of its own (2) has one word less to use.
SHIM_INLINE size_t shim_glibc_size(const void *block) {
    size_t chunk = ((const size_t *)block)[-1];
    return (chunk & ~(size_t)7) - 8 - ((chunk & 2) << 2);
}

// What the allocator handed out.
SHIM_INLINE size_t shim_usable_size(const void *block) {
    return shim_heap_is_glibc ? shim_glibc_size(block) : shim_usable_size_asked(block);
}

enum { shim_at_malloc, shim_at_free };
extern shim_hook shim_memory_hooks[] __attribute__((visibility("hidden")));

SHIM_INLINE void shim_original_free(void *_Nullable block) {
    ((void (*)(void *_Nullable))shim_memory_hooks[shim_at_free].original)(block);
}

typedef struct shim_block {
    uint64_t bytes, sampled_bytes;
    uint32_t node, site, doublings, is_sampled, generation;
} shim_block;

// Implemented in Swift (Capture/MemoryHooks.swift).
void *_Nullable shim_count_malloc(void *_Nullable block);
void shim_hooked_glibc_free(void *_Nullable block);
void shim_allocated(void *block);
void shim_freed(void *block);
shim_block shim_freed_tentatively(void *block);
void shim_reallocated(void *block, const shim_block *before);
void shim_free_failed(void *block, const shim_block *before);
void shim_mapped(void *start, size_t bytes);
// What was known of a range that is about to be unmapped, and whether it then was.
typedef struct shim_mapping {
    uint64_t start, bytes;
    uint32_t node, site, generation;
} shim_mapping;
shim_mapping shim_unmapping(void *_Nullable start, size_t bytes);
void shim_unmapped(const shim_mapping *before, bool done);
// Of a pool that a language keeps within its own arenas (python.c), of whose blocks sizes cannot be asked for.
void shim_pool_allocated(void *block, size_t bytes);
void shim_pool_freed(void *block);
bool shim_python_hook(bool install); // whether they are in place
extern void *_Nullable shim_arena_mapper
    __attribute__((visibility("hidden"))); // the slot of the thread that maps one
void shim_attach(void); // the calling thread has a lane after it, if there is one for it

// ---- the process's own memory (references.c) ---------------------------------------------------

// Copies memory of this process that may be unmapped meanwhile; how many bytes there were, or -1.
ptrdiff_t shim_memory_read(uint64_t address, void *buffer, size_t bytes);
ptrdiff_t shim_file_read(int fd, void *buffer, size_t bytes);

// ---- hooks of calls that wait (io.c) ----------------------------------------------------------

// Finds them; false when there is nothing to hook. `counter`: time is taken by the cycle counter.
bool shim_io_find(bool counter);
void shim_io_patch(bool install);
// The same for the C library's streams; returns whether they are hooked now, which they are not when its
// tables are not as expected.
bool shim_streams_patch(bool install);

typedef enum shim_io_call {
    shim_io_read, // the transfers first: 1 is the bit of writes, 2 that of sockets
    shim_io_write,
    shim_io_receive,
    shim_io_send,
    shim_io_sync,
    shim_io_open,
    shim_io_close,
    shim_io_connect,
    shim_io_accept,
    shim_io_poll,
    shim_io_pause,   // sleeps
    shim_io_replace, // the descriptor is a new one now
    shim_io_seek,
    shim_io_socket, // as replace
    shim_io_spawn,  // a thread was started
} shim_io_call;

// Implemented in Swift (Capture/IOHooks.swift). Keeps errno, which counts when the result is below zero.
void shim_io_done(shim_io_call call, int descriptor, long result, uint64_t ticks, uint64_t wanted,
                  int64_t offset);

// Descriptors below this number whose calls are not timed, because they never wait.
enum { shim_descriptor_count = 4096 };
extern unsigned char shim_instant[shim_descriptor_count] __attribute__((visibility("hidden")));

SHIM_INLINE bool shim_is_instant(long descriptor) {
    return (unsigned long)descriptor < shim_descriptor_count && shim_instant[descriptor];
}

SHIM_INLINE void shim_instant_set(int descriptor, bool instant) {
    if ((unsigned)descriptor < shim_descriptor_count) shim_instant[descriptor] = instant;
}

// What a descriptor is, at the cost of some system calls.
typedef enum shim_kind { shim_file, shim_socket, shim_pipe, shim_terminal, shim_other } shim_kind;
typedef struct shim_descriptor {
    shim_kind kind;
    bool is_durable; // each write waits for the disk (O_SYNC, O_DSYNC)
    bool appends;
    bool is_instant;  // /dev/null and its like
    int64_t position; // of a file; -1 when it has none
} shim_descriptor;
shim_descriptor shim_descriptor_read(int descriptor);
// Whether errno says that the call is to be tried again.
bool shim_errno_is_again(void);

// ---- hooks of calls that wait for other threads (locks.c) --------------------------------------

void shim_locks_find(bool counter);
void shim_locks_patch(bool install);
// The hooks of what lets other threads go on: while an experiment runs.
void shim_releases_patch(bool install);

typedef enum shim_wait_kind { shim_wait_lock, shim_wait_signal } shim_wait_kind;

// Implemented in Swift (Capture/LockHooks.swift). What a thread has open, 0 for nothing and for no thread; and
// that the calling thread has waited, for one that had `holder` open: `woken`, another thread ended the wait.
uint32_t shim_operation_of_thread(uint32_t thread_id);
void shim_waited(shim_wait_kind kind, uint32_t holder, uint64_t ticks, uint64_t debt, bool woken);

// An experiment's debt so far, in nanoseconds; 0 while none runs (Capture/ExperimentDelay.swift).
extern uint64_t shim_debt __attribute__((visibility("hidden")));
SHIM_INLINE uint64_t shim_debt_now(void) {
    return __atomic_load_n(&shim_debt, __ATOMIC_RELAXED);
}
SHIM_INLINE void shim_debt_set(uint64_t debt) {
    __atomic_store_n(&shim_debt, debt, __ATOMIC_RELEASE);
}
// Raises it to at least `debt`, but from 0.
SHIM_INLINE void shim_debt_raise(uint64_t debt) {
    uint64_t seen = shim_debt_now();
    while (seen != 0 && seen < debt &&
           !__atomic_compare_exchange_n(&shim_debt, &seen, debt, true, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED)) {
    }
}

// Implemented in Swift (Capture/ExperimentDelay.swift): the calling thread may let another one go on; it is about to
// make a call that may wait, which gives the debt so far; and it has made it.
void shim_releasing(void);
uint64_t shim_call_begins(shim_io_call call, int descriptor);
void shim_call_ends(shim_io_call call, int descriptor, uint64_t ticks, uint64_t debt);

// ---- sampling (sampler.c) ---------------------------------------------------------------------

// Takes SIGPROF over, and gives it back; what the host wants of it is kept and still done.
bool shim_sampler_install(void);
void shim_sampler_remove(void);
// Replaces sigaction and signal in all tables, so that a host that sets SIGPROF meanwhile changes what is
// kept for it; and pthread_sigmask and sigprocmask, to tell who blocks it.
void shim_sampler_patch(bool install);
// A timer on a thread's CPU clock; its number, or -1. It does not run yet.
int shim_timer_create(uint32_t thread_id);
bool shim_timer_run(int timer, uint64_t first_ns, uint64_t period_ns); // false when it was deleted
void shim_timer_delete(int timer);
// Whether the calling thread, or another one, does not want SIGPROF.
bool shim_sampling_signal_is_blocked(void);
bool shim_sampling_signal_is_blocked_in(uint32_t thread_id);

// Implemented in Swift (Capture/Sampler.swift): `periods` have passed on the thread's CPU clock.
void shim_sampled(void *context, uint32_t periods);
// The calling thread is about to block SIGPROF, or has just ceased to.
void shim_sampling_blocked(bool blocked);

// ---- crash notes (crash.c) --------------------------------------------------------------------

// Handlers for the signals of crashes, in front of those that are there; and away again, where nobody came
// in front of ours since.
void shim_crash_install(void);
void shim_crash_remove(void);
// Gives the calling thread an alternative stack if it has none; NULL when it has one, or there is no
// memory. Taken away on the thread itself, or when it is dead.
void *_Nullable shim_signal_stack_give(void);
void shim_signal_stack_take(void *memory);

typedef struct shim_crash {
    int signal, code;
    uint32_t thread;
    bool is_last; // the default action follows
    uint64_t address;
    void *context; // a ucontext
} shim_crash;

// Implemented in Swift (Capture/CrashHandler.swift). A note without its stack: its offset, or 0; its stack,
// which may crash; and that the host's handler came back.
uint32_t shim_crash_begin(const shim_crash *crash);
void shim_crash_add_stack(uint32_t note, const shim_crash *crash);
void shim_crash_survived(uint32_t note);

// ---- the loader (loader.c) --------------------------------------------------------------------

void shim_loader_patch(bool install);
// An address in this library.
uint64_t shim_own_address(void);
// How many objects were loaded so far, by all threads.
uint64_t shim_objects_loaded(void);

// Implemented in Swift (Capture/Loader.swift).
void shim_loaded(void);
void shim_unloading(void);
void shim_unloaded(void);
bool shim_has_run_path(uint64_t address);

#pragma clang assume_nonnull end
