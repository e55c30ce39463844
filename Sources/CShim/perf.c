// SPDX-License-Identifier: Apache-2.0
// The thread's CPU time from the page of a perf task clock: linux/perf_event.h, "cap_user_time".
#define _GNU_SOURCE
#include "shim.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

SHIM_SMALL_BEGIN

void *shim_perf_open(void) {
    int saved = errno;
    struct perf_event_attr attributes;
    memset(&attributes, 0, sizeof attributes);
    attributes.size = sizeof attributes;
    attributes.type = PERF_TYPE_SOFTWARE;
    attributes.config = PERF_COUNT_SW_TASK_CLOCK;
    attributes.exclude_kernel = 1;
    attributes.exclude_hv = 1;
    struct perf_event_mmap_page *page = NULL;
    int fd = (int)syscall(SYS_perf_event_open, &attributes, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
    if (fd >= 0) {
        void *mapped = mmap(NULL, (size_t)getpagesize(), PROT_READ, MAP_SHARED, fd, 0);
        close(fd); // the mapping keeps the event alive
        if (mapped != MAP_FAILED) page = mapped;
    }
    if (page && !page->cap_user_time) {
        shim_perf_close(page);
        page = NULL;
    }
    errno = saved;
    return page;
}

void shim_perf_close(void *page) {
    munmap(page, (size_t)getpagesize());
}

uint64_t shim_perf_cpu_ns(const void *mapped) {
    const volatile struct perf_event_mmap_page *page = mapped;
    uint64_t enabled, offset, ticks;
    uint32_t lock, multiplier;
    uint16_t shift;
    do { // the kernel updates the page when it switches the thread in
        lock = page->lock;
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        enabled = page->time_enabled;
        offset = page->time_offset;
        multiplier = page->time_mult;
        shift = page->time_shift;
        ticks = shim_counter();
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
    } while (page->lock != lock || (lock & 1));
    uint64_t whole = ticks >> shift, rest = ticks & (((uint64_t)1 << shift) - 1);
    return enabled + offset + whole * multiplier + ((rest * multiplier) >> shift);
}

SHIM_SMALL_END
