// SPDX-License-Identifier: Apache-2.0
// Prognos's only door to the operating system and to the processor: what Swift cannot say, without
// policy, thresholds or formats. Nothing here is exported from the shared object.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "shim_math.h"

#pragma clang assume_nonnull begin

#define SHIM_INLINE static inline __attribute__((always_inline))

// Around functions that are called seldom: small before fast (decision 0037).
#define SHIM_SMALL_BEGIN                                                                           \
    _Pragma("clang attribute push(__attribute__((minsize)), apply_to = function)")
#define SHIM_SMALL_END _Pragma("clang attribute pop")

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

// What /proc/thread-self/io counts for the calling thread, and how many bytes it took to read it.
typedef struct shim_thread_io {
    uint64_t read_bytes, written_bytes, reads, writes, own_bytes;
} shim_thread_io;
bool shim_thread_io_read(shim_thread_io *out);

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
void shim_thread_name(char *name); // 16 bytes, the last a NUL
uint32_t shim_user_id(void);
bool shim_thread_is_alive(uint32_t thread_id);
void shim_yield(void);
// For loops that wait for a moment.
SHIM_INLINE void shim_relax(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#else
    __asm__ volatile("yield");
#endif
}
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
// no key left; before() before a fork, after() behind it in the parent, child() in the child.
void shim_install_hooks(void (*thread_ended)(void *slot), void (*before)(void), void (*after)(void),
                        void (*child)(void));
void shim_watch_thread(void *_Nullable slot);
// Whether the calling thread's end was told already: destructors of its other data may still run.
bool shim_thread_is_ending(void);

// ---- the collector's thread (collector.c) ------------------------------------------------------

// Starts it: a thread that no signal reaches and that never has a lane. It gets its number. One at a time.
bool shim_collector_start(void (*body)(uint32_t number));
// Sleeps until a moment of the monotonic clock, or until it is called; false when the thread is to end. `served`: the
// call that the tick to come serves, which its end passes on.
bool shim_collector_wait(uint32_t number, uint64_t until_ns, uint32_t *served);
void shim_collector_served(uint32_t served);
// Calls for a tick, from another thread, and waits for its end; false when none came in this time.
bool shim_collector_call(uint64_t patience_ns);
bool shim_collector_is_wanted(uint32_t number);
// Whether the calling thread is the one that was started last.
bool shim_collector_is_me(void);
// Lets it end and waits for that, but not longer than this.
void shim_collector_stop(uint64_t patience_ns);
// In the child of a fork, which has no such thread.
void shim_collector_forget(void);
// The calling thread's end counts as told: it gets no lane.
void shim_thread_hide(void);

// What getrusage(RUSAGE_SELF) counts.
typedef struct shim_process_usage {
    uint64_t voluntary_switches, involuntary_switches, minor_faults, major_faults;
} shim_process_usage;
void shim_process_usage_read(shim_process_usage *out);

// ---- numbers ----------------------------------------------------------------------------------

// ---- unwinding (unwind.c) ---------------------------------------------------------------------

// An object that is loaded: program headers are those of ELF, `changes` grows with each load and unload.
typedef struct shim_object {
    const char *name;
    uint64_t bias;
    const void *_Nullable headers;
    uint64_t header_count;
    uint64_t changes;
} shim_object;
// Calls each() for every loaded object, under the loader's lock.
void shim_each_object(void (*each)(void *_Nullable context, const shim_object *object),
                      void *_Nullable context);
// The program headers of this library, how many, and where it is loaded.
const void *shim_own_headers(uint64_t *count, uint64_t *bias);
// The same of the executable; NULL when the system does not tell.
const void *_Nullable shim_program_headers(uint64_t *count, uint64_t *bias);
// Where the calling thread's stack lies. Allocates, and may read /proc: not in a signal handler.
bool shim_stack_bounds(uint64_t *low, uint64_t *high);
// Whether the aligned word around an address can be read. A system call; keeps errno.
bool shim_is_readable(uint64_t address);
ptrdiff_t shim_read_link(const char *path, char *buffer, size_t capacity);

// The registers of the caller, by which an unwinder goes on from here.
// x86-64: rbx, rbp, r12 to r15, rip, rsp; aarch64: x19 to x30, pc, sp.
enum { SHIM_REGISTERS = 14 };
SHIM_INLINE void shim_registers(uint64_t *out) {
#if defined(__x86_64__)
    __asm__ volatile("movq %%rbx, (%0)\n\tmovq %%rbp, 8(%0)\n\tmovq %%r12, 16(%0)\n\t"
                     "movq %%r13, 24(%0)\n\tmovq %%r14, 32(%0)\n\tmovq %%r15, 40(%0)\n\t"
                     "leaq 0(%%rip), %%rcx\n\tmovq %%rcx, 48(%0)\n\tmovq %%rsp, 56(%0)"
                     :
                     : "a"(out)
                     : "rcx", "memory");
#else
    register uint64_t *to __asm__("x9") = out;
    __asm__ volatile("stp x19, x20, [x9]\n\tstp x21, x22, [x9, 16]\n\t"
                     "stp x23, x24, [x9, 32]\n\tstp x25, x26, [x9, 48]\n\t"
                     "stp x27, x28, [x9, 64]\n\tstp x29, x30, [x9, 80]\n\t"
                     "adr x10, .\n\tmov x11, sp\n\tstp x10, x11, [x9, 96]"
                     :
                     : "r"(to)
                     : "x10", "x11", "memory");
#endif
}

// ---- files and environment --------------------------------------------------------------------

int shim_errno(void);
void shim_errno_set(int value);
const char *shim_errno_text(int value);
const char *_Nullable shim_environment(const char *name);
// Reads a whole small file; the number of bytes, or -1 (errno).
ptrdiff_t shim_read_file(const char *path, char *buffer, size_t capacity);
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

// ---- whose recording it is, and its file (mapping.c) -------------------------------------------

// What names a process for ever, and who began it. 0 for this process. All 0 when there is none, or no /proc.
typedef struct shim_process {
    uint64_t start_ticks;   // since the system's start: field 22 of /proc/PID/stat
    uint64_t pid_namespace; // the inode; 0 when not allowed to know
    uint32_t parent_id;
    char state; // 'Z': dead, and not yet waited for
} shim_process;
shim_process shim_process_times(uint32_t process_id);

// A directory of ours alone, made if it is missing: 0, or an errno.
int shim_own_directory(const char *path);
// Whether files in a directory lie in memory (tmpfs, ramfs), and whether we may write there: 0 or an errno.
int shim_directory_kind(const char *path, bool *in_memory);
typedef struct shim_file_facts {
    uint64_t size, block_bytes, inode, device, changed_ns;
    bool is_file, is_directory, is_ours;
} shim_file_facts;
int shim_file_read_facts(const char *path, bool follow_link, shim_file_facts *out); // 0 or an errno
// A new file of `bytes`, mode 0600, of which the first `backed` have blocks, mapped shared at `memory`. 0, or
// an errno, and there is no file. Signal-safe, as all of these.
int shim_file_create(const char *path, size_t bytes, size_t backed,
                     void *_Nullable *_Nonnull memory);
// A new file, mode 0600, with the pages of `memory` that are not zero; the file has `bytes`.
int shim_file_write_pages(const char *path, const void *memory, size_t used, size_t bytes);
int shim_rename(const char *from, const char *to);
int shim_unlink(const char *path);
// Calls each() with the names in a directory; 0 or an errno.
int shim_each_name(const char *path, void (*each)(void *context, const char *name),
                   void *_Nullable context);
// Gives pages of a shared mapping their blocks; false when the file system has no more.
bool shim_populate(void *start, size_t bytes);
bool shim_can_populate(void);
// Puts one mapping in the place of another of the same size, at once; false when the system refuses.
bool shim_mapping_move(void *from, void *over, size_t bytes);
void shim_unmap(void *start, size_t bytes);
// 1,024 bytes for each of two paths.
enum { shim_live_path, shim_wished_path };
char *shim_path_room(int which);

// While a thread forks, neither it nor its child may use its lane: the slot is empty, and this tells the lane.
bool shim_slot_hide(void);
void *_Nullable shim_hidden_slot(void);
// Implemented in Swift (Capture/FileAtExit.swift): the process ends in order.
void shim_exiting(void);

#pragma clang assume_nonnull end

#include "shim_hooks.h"  // tables.c, memory.c, sampler.c, loader.c
#include "shim_limits.h" // limits.c, collector.c
