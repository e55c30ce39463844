// SPDX-License-Identifier: Apache-2.0
// Prognos's only door to the operating system and to the processor: what Swift cannot say, without
// policy, thresholds or formats. Nothing here is exported from the shared object.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

#define SHIM_INLINE static inline __attribute__((always_inline))

// ---- the thread's slot ------------------------------------------------------------------------
// One pointer of thread-local storage: a larger block makes dlopen fail with "cannot allocate memory
// in static TLS block".

extern __thread void *_Nullable shim_slot_
    __attribute__((tls_model("initial-exec"), visibility("hidden")));

SHIM_INLINE void *_Nullable shim_slot(void) {
    return shim_slot_;
}

SHIM_INLINE void shim_slot_set(void *_Nullable value) {
    shim_slot_ = value;
}

// Where prognos_recording_flag points: the recording's mode word, or, before there is one, a word that
// says "on" or "off".
void shim_recording_flag_set(const void *word);
void shim_recording_flag_clear(bool off);

// ---- the cycle counter ------------------------------------------------------------------------

SHIM_INLINE uint64_t shim_counter(void) {
#if defined(__x86_64__)
    return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
    uint64_t ticks;
    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks));
    return ticks;
#else
#error "Prognos knows the cycle counters of x86-64 and aarch64"
#endif
}

// Whether the counter runs at one rate on all CPUs, in all power states.
bool shim_counter_is_invariant(void);
// Its name for people: "tsc" or "cntvct".
const char *shim_counter_name(void);

// Keeps the compiler from moving memory accesses across it: enough for a signal handler on the same
// thread. No instruction.
SHIM_INLINE void shim_signal_fence(void) {
    __atomic_signal_fence(__ATOMIC_ACQ_REL);
}

// The stack pointer.
SHIM_INLINE uint64_t shim_stack_pointer(void) {
    uint64_t address;
#if defined(__x86_64__)
    __asm__ volatile("mov %%rsp, %0" : "=r"(address));
#else
    __asm__ volatile("mov %0, sp" : "=r"(address));
#endif
    return address;
}

// 512 bytes for the last error of a thread without a lane, and whether they hold this thread's: a few
// such texts for the process. `claim` makes them this thread's.
char *_Nullable shim_laneless_text(uint32_t thread_id, bool claim);

// Whether the thread is running on its alternative signal stack.
bool shim_on_alternative_stack(void);

// ---- clocks, in nanoseconds -------------------------------------------------------------------

uint64_t shim_monotonic_ns(void);
int64_t shim_unix_ns(void);
uint64_t shim_thread_cpu_ns(void);
uint64_t shim_process_cpu_ns(void);
uint64_t shim_boot_ns(void);
// The CPU time of any thread of this process; 0 when there is no such thread.
uint64_t shim_cpu_of_thread_ns(uint32_t thread_id);
void shim_sleep_ns(uint64_t ns);

// What getrusage(RUSAGE_THREAD) counts for the calling thread.
typedef struct shim_thread_usage {
    uint64_t voluntary_switches;
    uint64_t involuntary_switches;
    uint64_t page_faults;
} shim_thread_usage;
void shim_thread_usage_read(shim_thread_usage *out);

// ---- the restartable-sequence mark (rseq.c) ---------------------------------------------------

// The address of the calling thread's rseq_cs field; NULL when the C library registered none.
uint64_t *_Nullable shim_rseq_field(void);
// The address of a valid, immortal descriptor that covers no code that ever runs.
uint64_t shim_rseq_descriptor(void);

SHIM_INLINE uint64_t shim_load(const void *word) {
    return __atomic_load_n((const uint64_t *)word, __ATOMIC_RELAXED);
}

SHIM_INLINE void shim_store(void *word, uint64_t value) {
    __atomic_store_n((uint64_t *)word, value, __ATOMIC_RELAXED);
}

// ---- the perf page (perf.c) -------------------------------------------------------------------

// Opens a task clock on the calling thread and maps its page; NULL when the kernel refuses or does
// not offer user-space time.
void *_Nullable shim_perf_open(void);
void shim_perf_close(void *page);
// The thread's CPU time by the page, in nanoseconds.
uint64_t shim_perf_cpu_ns(const void *page);

// ---- memory, threads, processes ---------------------------------------------------------------

void *_Nullable shim_map(size_t bytes);
// Returns private memory to zeros, and to the system as far as whole pages go.
void shim_discard(void *address, size_t bytes);
size_t shim_page_bytes(void);
uint32_t shim_thread_id(void);
uint32_t shim_process_id(void);
bool shim_thread_is_alive(uint32_t thread_id);
void shim_yield(void);
// Keeps the thread from being cancelled in a system call of ours; returns what was, to give back.
int shim_cancel_disable(void);
void shim_cancel_restore(int state);
// Whether malloc would give so many bytes now.
bool shim_has_memory(size_t bytes);
uint32_t shim_cpus_allowed(void);
size_t shim_heap_in_use(void);
// Clock ticks a second, the unit of /proc/self/stat.
uint64_t shim_clock_ticks_per_second(void);

// Calls thread_ended(slot) when a thread ends that called shim_watch_thread(), unless the C library has
// no key left, and child() in the child of a fork.
void shim_install_hooks(void (*thread_ended)(void *slot), void (*child)(void));
void shim_watch_thread(void *slot);

// ---- files and environment --------------------------------------------------------------------

int shim_errno(void);
void shim_errno_set(int value);
const char *shim_errno_text(int value);
const char *_Nullable shim_environment(const char *name);
// Reads a whole small file; the number of bytes, or -1 (errno).
ptrdiff_t shim_read_file(const char *path, char *buffer, size_t capacity);
// The number of entries of a directory without "." and ".."; -1 on failure.
ptrdiff_t shim_count_entries(const char *path);
// Writes bytes to a new file beside `path` and renames it, behind symbolic links and with the mode of
// the file that was there; a device or pipe is written to in place; "-" is standard output. 0 or an
// errno; on failure nothing is left behind and an older file stays as it was.
int shim_write_file(const char *path, const void *bytes, size_t count);

// ---- files and functions for symbols (symbols.c) -----------------------------------------------

// Opens a regular file for reading; -1 for anything else. Tells its bytes, and whether the process's
// effective user owns it.
int shim_open_regular(const char *path, bool follow_link, uint64_t *size, bool *is_ours);
// Reads exactly so many bytes at an offset.
bool shim_read_at(int fd, void *buffer, size_t count, uint64_t offset);
void shim_close(int fd);
// Holds a library until it is closed: one that is loaded already, or also a new one, privately.
void *_Nullable shim_library_open(const char *name, bool load);
// A function of the library; NULL looks among all that the program sees.
void *_Nullable shim_library_function(void *_Nullable library, const char *name);
void shim_library_close(void *library);
// Frees what a function of such a library returned.
void shim_free(void *memory);

#pragma clang assume_nonnull end
