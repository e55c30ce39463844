// SPDX-License-Identifier: Apache-2.0
// Another process's recording, mapped so that no 32-bit offset leads out of memory that can be read.
#define _GNU_SOURCE
#include "shim_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

SHIM_SMALL_BEGIN

// All that an offset of 32 bits reaches, and behind that more than any struct has.
static const size_t reserved_bytes = ((size_t)4 << 30) + ((size_t)1 << 20);

int shim_recording_open(const char *path, uint64_t *size) {
    struct stat status;
    // Looked at before it is opened, too: to open a device may do something.
    if (stat(path, &status) != 0) return -errno;
    if (!S_ISREG(status.st_mode)) return S_ISDIR(status.st_mode) ? -EISDIR : -ENODEV;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0) return -errno;
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        close(fd);
        return -ENODEV;
    }
    *size = (uint64_t)status.st_size;
    return fd;
}

// ---- files that are cut while they are mapped --------------------------------------------------

// A program that lists recordings has them all open. Address space ends at 32,768 of them.
enum { most_regions = 1024 };
static struct {
    atomic_uintptr_t start; // 0 in a free slot
    atomic_bool cut;
} regions[most_regions];

static void watch(void *start) {
    for (int i = 0; i < most_regions; i++) {
        uintptr_t none = 0;
        if (atomic_load(&regions[i].start) != 0) continue;
        atomic_store(&regions[i].cut, false);
        if (atomic_compare_exchange_strong(&regions[i].start, &none, (uintptr_t)start)) return;
    }
}

bool shim_recording_was_cut(const void *start) {
    for (int i = 0; i < most_regions; i++)
        if (atomic_load(&regions[i].start) == (uintptr_t)start) return atomic_load(&regions[i].cut);
    return false;
}

static struct sigaction bus_before;

static void bus_error(int signal, siginfo_t *info, void *context) {
    (void)context;
    int saved = errno;
    uintptr_t address = (uintptr_t)info->si_addr;
    for (int i = 0; i < most_regions; i++) {
        uintptr_t start = atomic_load(&regions[i].start);
        if (start == 0 || address - start >= reserved_bytes) continue;
        // What lies behind is cut, too: zeros from here on.
        uintptr_t page = address & ~(uintptr_t)(shim_page_bytes() - 1);
        if (mmap((void *)page, start + reserved_bytes - page, PROT_READ,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0) == MAP_FAILED)
            break;
        atomic_store(&regions[i].cut, true);
        errno = saved;
        return;
    }
    // Somebody else's: as if we were not here; the instruction faults again.
    sigaction(signal, &bus_before, NULL);
    errno = saved;
}

bool shim_recording_survive_cuts(void) {
    struct sigaction action = {.sa_sigaction = bus_error, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    sigemptyset(&action.sa_mask);
    return sigaction(SIGBUS, &action, &bus_before) == 0;
}

// ---- the mapping -------------------------------------------------------------------------------

void *shim_recording_map(int fd, uint64_t bytes, bool copy) {
    char *start =
        mmap(NULL, reserved_bytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (start == MAP_FAILED) return NULL;
    size_t most = (size_t)4 << 30;
    size_t part = bytes < most ? (size_t)bytes : most;
    if (part == 0) return start;
    bool done;
    if (copy) {
        done = mprotect(start, part, PROT_READ | PROT_WRITE) == 0;
        size_t data_end = 0;
        for (size_t have = 0; done && have < part;) {
            if (have >= data_end) { // holes stay zeros that take no memory
                off_t data = lseek(fd, (off_t)have, SEEK_DATA);
                if (data < 0 && errno == ENXIO) break;
                off_t hole = data < 0 ? -1 : lseek(fd, data, SEEK_HOLE);
                have = data < 0 ? have : (size_t)data;
                data_end = hole < 0 || (size_t)hole > part ? part : (size_t)hole;
                continue;
            }
            ssize_t got = pread(fd, start + have, data_end - have, (off_t)have);
            if (got < 0 && errno == EINTR) continue;
            done = got >= 0;
            if (got <= 0) break; // shorter than it was: the rest is zeros
            have += (size_t)got;
        }
    } else {
        done = mmap(start, part, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0) != MAP_FAILED;
        watch(start);
    }
    if (done) return start;
    int failed = errno;
    shim_recording_unmap(start);
    errno = failed;
    return NULL;
}

void shim_recording_unmap(void *start) {
    for (int i = 0; i < most_regions; i++) {
        uintptr_t mine = (uintptr_t)start;
        atomic_compare_exchange_strong(&regions[i].start, &mine, 0);
    }
    munmap(start, reserved_bytes);
}

// ---- the other process -------------------------------------------------------------------------

uint64_t shim_cpu_of_foreign_thread_ns(uint32_t process_id, uint32_t thread_id) {
    char path[64], text[64] = {0};
    snprintf(path, sizeof path, "/proc/%u/task/%u/schedstat", process_id, thread_id);
    return shim_read_file(path, text, sizeof text - 1) > 0 ? strtoull(text, NULL, 10) : 0;
}

SHIM_SMALL_END
