// SPDX-License-Identifier: Apache-2.0
// Clocks, memory, threads and the environment: one libc call each.
#define _GNU_SOURCE
#include "shim.h"

#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

__thread void *shim_slot_;

static const uint32_t off_and_on[2] = {0, 1};
// The one exported datum (prognos/operation.h).
const uint32_t *prognos_recording_flag = &off_and_on[1];

void shim_recording_flag_set(const void *word) {
    __atomic_store_n(&prognos_recording_flag, word, __ATOMIC_RELEASE);
}

void shim_recording_flag_clear(bool off) {
    shim_recording_flag_set(&off_and_on[off ? 0 : 1]);
}

// ---- the cycle counter ------------------------------------------------------------------------

bool shim_counter_is_invariant(void) {
#if defined(__x86_64__)
    unsigned a, b, c, d;
    return __get_cpuid(0x80000007, &a, &b, &c, &d) && (d & (1u << 8));
#else
    return true; // the generic timer is architected to be
#endif
}

const char *shim_counter_name(void) {
#if defined(__x86_64__)
    return "tsc";
#else
    return "cntvct";
#endif
}

bool shim_on_alternative_stack(void) {
    stack_t stack;
    return sigaltstack(NULL, &stack) == 0 && (stack.ss_flags & SS_ONSTACK);
}

// ---- clocks -----------------------------------------------------------------------------------

static int64_t read_clock(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

uint64_t shim_monotonic_ns(void) {
    return (uint64_t)read_clock(CLOCK_MONOTONIC);
}

int64_t shim_unix_ns(void) {
    return read_clock(CLOCK_REALTIME);
}

uint64_t shim_thread_cpu_ns(void) {
    return (uint64_t)read_clock(CLOCK_THREAD_CPUTIME_ID);
}

uint64_t shim_process_cpu_ns(void) {
    return (uint64_t)read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

uint64_t shim_boot_ns(void) {
    return (uint64_t)read_clock(CLOCK_BOOTTIME);
}

uint64_t shim_cpu_of_thread_ns(uint32_t thread_id) {
    // The kernel's encoding of a thread's scheduler clock (include/linux/posix-timers.h): the
    // inverted ID, the bit for "a thread", and CPUCLOCK_SCHED.
    clockid_t clock = (clockid_t)((~thread_id << 3) | 4 | 2);
    struct timespec t;
    int saved = errno;
    int failed = clock_gettime(clock, &t);
    errno = saved;
    return failed ? 0 : (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

uint64_t shim_clock_ticks_per_second(void) {
    return (uint64_t)sysconf(_SC_CLK_TCK);
}

void shim_sleep_ns(uint64_t ns) {
    struct timespec t = {(time_t)(ns / 1000000000), (long)(ns % 1000000000)};
    int saved = errno;
    nanosleep(&t, NULL);
    errno = saved;
}

void shim_thread_usage_read(shim_thread_usage *out) {
    struct rusage usage = {0};
    getrusage(RUSAGE_THREAD, &usage);
    out->voluntary_switches = (uint64_t)usage.ru_nvcsw;
    out->involuntary_switches = (uint64_t)usage.ru_nivcsw;
    out->page_faults = (uint64_t)usage.ru_minflt + (uint64_t)usage.ru_majflt;
}

// ---- memory -----------------------------------------------------------------------------------

void *shim_map(size_t bytes) {
    int saved = errno;
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                   -1, 0);
    errno = saved;
    return p == MAP_FAILED ? NULL : p;
}

void shim_discard(void *address, size_t bytes) {
    int saved = errno;
    size_t page = shim_page_bytes();
    size_t head = (page - (uintptr_t)address % page) % page;
    if (head > bytes) head = bytes;
    size_t whole = (bytes - head) / page * page;
    char *at = address;
    memset(at, 0, head);
    if (madvise(at + head, whole, MADV_DONTNEED) != 0) memset(at + head, 0, whole);
    memset(at + head + whole, 0, bytes - head - whole);
    errno = saved;
}

size_t shim_page_bytes(void) {
    return (size_t)sysconf(_SC_PAGESIZE);
}

size_t shim_heap_in_use(void) {
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

// Embedded Swift seeds its hash tables with this function; glibc has it only since 2.36, and the
// library is to load on older systems.
__attribute__((visibility("hidden"))) void arc4random_buf(void *buffer, size_t bytes) {
    int saved = errno;
    unsigned char *at = buffer;
    while (bytes > 0) {
        ssize_t got = getrandom(at, bytes < 256 ? bytes : 256, 0);
        if (got <= 0) {
            if (errno == EINTR) continue;
            memset(at, 0x5a, bytes); // a fixed seed is good enough where there is no entropy
            break;
        }
        at += got;
        bytes -= (size_t)got;
    }
    errno = saved;
}

// ---- threads and processes --------------------------------------------------------------------

uint32_t shim_thread_id(void) {
    return (uint32_t)syscall(SYS_gettid);
}

uint32_t shim_process_id(void) {
    return (uint32_t)getpid();
}

void shim_thread_name(char name[16]) {
    prctl(PR_GET_NAME, name);
}

uint32_t shim_user_id(void) {
    return (uint32_t)geteuid();
}

bool shim_thread_is_alive(uint32_t thread_id) {
    int saved = errno;
    bool alive = syscall(SYS_tgkill, getpid(), (pid_t)thread_id, 0) == 0 || errno != ESRCH;
    errno = saved;
    return alive;
}

int shim_cancel_disable(void) {
    int state = PTHREAD_CANCEL_ENABLE;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
    return state;
}

void shim_cancel_restore(int state) {
    pthread_setcancelstate(state, NULL);
}

bool shim_has_memory(size_t bytes) {
    void *volatile memory = malloc(bytes);
    free(memory);
    return memory != NULL;
}

void shim_yield(void) {
    sched_yield();
}

uint32_t shim_cpus_allowed(void) {
    cpu_set_t set;
    int saved = errno;
    int failed = sched_getaffinity(0, sizeof set, &set);
    errno = saved;
    return failed ? 1 : (uint32_t)CPU_COUNT(&set);
}

static pthread_key_t thread_key;
static bool has_thread_key;
static void (*on_thread_end)(void *);

// The values of a thread whose end was told, in the next two rounds of its destructors. Not in the last of
// the four that there are: by then sanitizers have taken their leave of the thread.
static char ending[2];

static void end_of_thread(void *slot) {
    int saved = errno;
    if (slot != &ending[0] && slot != &ending[1]) on_thread_end(slot);
    if (slot != &ending[1])
        pthread_setspecific(thread_key, slot == &ending[0] ? &ending[1] : &ending[0]);
    errno = saved;
}

bool shim_thread_is_ending(void) {
    if (!has_thread_key) return false;
    const void *slot = pthread_getspecific(thread_key);
    return slot == &ending[0] || slot == &ending[1];
}

void shim_thread_hide(void) {
    if (has_thread_key) pthread_setspecific(thread_key, &ending[0]);
}

bool shim_slot_hide(void) {
    if (!has_thread_key || pthread_getspecific(thread_key) != shim_slot_) return false;
    shim_slot_ = NULL;
    return true;
}

void *shim_hidden_slot(void) {
    if (shim_slot_ || !has_thread_key) return NULL;
    void *slot = pthread_getspecific(thread_key);
    return slot == &ending[0] || slot == &ending[1] ? NULL : slot;
}

void shim_install_hooks(void (*thread_ended)(void *slot), void (*before)(void), void (*after)(void),
                        void (*child)(void)) {
    on_thread_end = thread_ended;
    pthread_atfork(before, after, child);
    has_thread_key = pthread_key_create(&thread_key, end_of_thread) == 0;
}

void shim_watch_thread(void *slot) {
    if (!has_thread_key) return; // its lane is found when it is dead
    int saved = errno;
    pthread_setspecific(thread_key, slot);
    errno = saved;
}

enum { laneless_texts = 16, laneless_text_bytes = 512 };

char *shim_laneless_text(uint32_t thread_id, bool claim) {
    static char texts[laneless_texts][laneless_text_bytes];
    static uint32_t owners[laneless_texts];
    uint32_t *owner = &owners[thread_id % laneless_texts];
    if (claim)
        __atomic_store_n(owner, thread_id, __ATOMIC_RELAXED);
    else if (__atomic_load_n(owner, __ATOMIC_RELAXED) != thread_id)
        return NULL;
    return texts[thread_id % laneless_texts];
}

// ---- errno and the environment ----------------------------------------------------------------

int shim_errno(void) {
    return errno;
}

void shim_errno_set(int value) {
    errno = value;
}

const char *shim_errno_text(int value) {
    return strerrordesc_np(value) ?: "unknown error";
}

const char *shim_environment(const char *name) {
    return secure_getenv(name); // a program with more rights than its caller takes no orders
}
