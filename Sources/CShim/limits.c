// SPDX-License-Identifier: Apache-2.0
// What the process uses of its limits, where the kernel has no number for it: each without memory of the host's.
#define _GNU_SOURCE
#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

SHIM_SMALL_BEGIN

typedef struct entry { // getdents64(2)
    uint64_t inode;
    int64_t offset;
    unsigned short bytes;
    unsigned char type;
    char name[];
} entry;

// Calls `count` with each entry of a directory; false when it cannot be opened.
static bool for_each_entry(const char *path, void (*count)(int directory, const entry *, void *),
                           void *context) {
    int fd = shim_open_read(path);
    if (fd < 0) return false;
    char buffer[4096] __attribute__((aligned(8)));
    for (long got; (got = syscall(SYS_getdents64, fd, buffer, sizeof buffer)) > 0;) {
        for (long at = 0; at < got;) {
            const entry *one = (const entry *)(const void *)(buffer + at);
            if (one->name[0] != '.') count(fd, one, context);
            at += one->bytes;
        }
    }
    close(fd);
    return true;
}

static void count_entry(int directory, const entry *one, void *context) {
    (void)directory, (void)one;
    ++*(ptrdiff_t *)context;
}

ptrdiff_t shim_count_descriptors(void) {
    struct stat directory; // since Linux 6.2, its size is the number of open descriptors
    if (stat("/proc/self/fd", &directory) == 0 && directory.st_size > 0) return directory.st_size;
    ptrdiff_t count = -1; // without the one that counts
    return for_each_entry("/proc/self/fd", count_entry, &count) ? count : -1;
}

bool shim_descriptors_are_exhausted(void) {
    int fd = shim_open_read("/proc/self/statm");
    if (fd >= 0) close(fd);
    return fd < 0 && errno == EMFILE;
}

uint64_t shim_processors(void) {
    cpu_set_t set;
    CPU_ZERO(&set);
    if (sched_getaffinity(getpid(), sizeof set, &set) == 0) return (uint64_t)CPU_COUNT(&set);
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    return count > 0 ? (uint64_t)count : 0;
}

typedef struct run_queue {
    uint64_t waited_ns;
    unsigned threads;
    uint64_t self; // whose wait does not count: the caller's
} run_queue;

// Reads a thread's schedstat, "<ns on the CPU> <ns waiting for it> <times>", and closes it.
static bool read_schedule(int fd, uint64_t *ran_ns, uint64_t *waited_ns) {
    char text[96];
    if (fd < 0) return false;
    ssize_t got = read(fd, text, sizeof text - 1);
    close(fd);
    if (got <= 0) return false;
    text[got] = 0;
    char *rest;
    *ran_ns = strtoull(text, &rest, 10);
    *waited_ns = strtoull(rest, NULL, 10);
    return true;
}

bool shim_schedule_read(uint32_t thread_id, uint64_t *ran_ns, uint64_t *waited_ns) {
    char path[64];
    snprintf(path, sizeof path, "/proc/self/task/%u/schedstat", thread_id);
    int saved = errno;
    bool known = read_schedule(shim_open_read(path), ran_ns, waited_ns);
    errno = saved;
    return known;
}

static void add_wait(int directory, const entry *one, void *context) {
    run_queue *sum = context;
    char path[64];
    size_t length = strnlen(one->name, 20);
    uint64_t thread = 0;
    for (size_t i = 0; i < length; i++)
        thread = thread * 10 + (uint64_t)(one->name[i] - '0');
    if (sum->threads >= 256 || thread == sum->self) return;
    sum->threads++;
    memcpy(path, one->name, length);
    memcpy(path + length, "/schedstat", sizeof "/schedstat");
    uint64_t ran = 0, waited = 0;
    if (read_schedule(shim_above_standard(openat(directory, path, O_RDONLY | O_CLOEXEC)), &ran,
                      &waited))
        sum->waited_ns += waited;
}

uint64_t shim_run_queue_ns(void) {
    run_queue sum = {0, 0, (uint64_t)syscall(SYS_gettid)};
    return for_each_entry("/proc/self/task", add_wait, &sum) ? sum.waited_ns : 0;
}

static void count_own(int directory, const entry *one, void *context) {
    struct stat process;
    if (one->name[0] < '0' || one->name[0] > '9') return;
    if (fstatat(directory, one->name, &process, 0) == 0 && process.st_uid == getuid())
        ++*(ptrdiff_t *)context;
}

ptrdiff_t shim_count_user_processes(void) {
    ptrdiff_t count = 0;
    if (geteuid() == 0) return -1; // its processes are not limited
    return for_each_entry("/proc", count_own, &count) ? count : -1;
}

// glibc keeps a thread's heap in regions of 64 MiB, of which the part that is not used yet follows the used one
// without any rights: it counts in the limit already, and can still be filled.
enum { heap_region = 64 << 20 };

bool shim_maps_read(shim_maps *out) {
    int fd = shim_open_read("/proc/self/maps");
    if (fd < 0) return false;
    char buffer[8192], rights[4] = "", used[4] = "";
    uint64_t bounds[2] = {0, 0}, used_end = 0;
    unsigned column = 0; // 0, 1: the bounds; 2..5: rights; 6: the rest of the line
    *out = (shim_maps){0, 0, 0};
    for (ssize_t got; (got = read(fd, buffer, sizeof buffer)) > 0;) {
        for (ssize_t i = 0; i < got; i++) {
            char c = buffer[i];
            if (c == '\n') {
                out->count++;
                if (memcmp(rights, "---p", 4) == 0 && memcmp(used, "rw-p", 4) == 0 &&
                    bounds[0] == used_end && bounds[1] % heap_region == 0) {
                    out->reserved_bytes += bounds[1] - bounds[0];
                    out->reserved_regions++;
                }
                memcpy(used, rights, sizeof used);
                used_end = bounds[1];
                bounds[0] = bounds[1] = column = 0;
            } else if (column < 2) {
                if (c == '-' || c == ' ')
                    column++;
                else
                    bounds[column] =
                        bounds[column] << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
            } else if (column < 6) {
                rights[column++ - 2] = c;
            }
        }
    }
    close(fd);
    return true;
}

// ---- descriptors, one after the other ---------------------------------------------------------

// Remembers the directory of a file that was open for writing, so that its file system is watched when it is not.
static void remember(shim_written_disks *disks, int fd, uint64_t device) {
    char link[32];
    shim_written_disk *disk = &disks->disks[disks->next % shim_written_disk_count];
    for (int i = 0; i < shim_written_disk_count; i++)
        if (disks->disks[i].path[0] && disks->disks[i].device == device) return;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, disk->path, sizeof disk->path);
    disk->device = device;
    while (length > 1 && (length >= (ssize_t)sizeof disk->path || disk->path[length - 1] != '/'))
        length--;
    if (length > 0 && disk->path[0] == '/') {
        disk->path[length] = 0;
        disks->next++;
    } else {
        disk->path[0] = 0;
    }
}

void shim_scan_descriptors(int first, int end, shim_descriptor_scan *scan,
                           shim_written_disks *disks) {
    int saved = errno;
    for (int fd = first; fd < end; fd++) {
        struct stat file;
        int flags = fcntl(fd, F_GETFL);
        if (flags < 0 || fstat(fd, &file) != 0) continue;
        if (S_ISSOCK(file.st_mode)) scan->sockets++;
        if (!S_ISREG(file.st_mode) || (flags & O_ACCMODE) == O_RDONLY || flags & O_PATH) continue;
        if ((uint64_t)file.st_size > scan->largest_written)
            scan->largest_written = (uint64_t)file.st_size;
        remember(disks, fd, file.st_dev);
    }
    errno = saved;
}

static bool read_disk(const char *path, shim_disk *out) {
    struct statvfs disk;
    if (statvfs(path, &disk) != 0 || disk.f_blocks == 0) return false;
    out->total_bytes = (uint64_t)disk.f_blocks * disk.f_frsize;
    out->free_bytes = (uint64_t)disk.f_bavail * disk.f_frsize;
    out->total_inodes = (uint64_t)disk.f_files;
    out->free_inodes = (uint64_t)disk.f_favail;
    return true;
}

bool shim_disk_read(const char *path, shim_disk *out) {
    int saved = errno;
    bool known = read_disk(path, out);
    errno = saved;
    return known;
}

bool shim_fullest_disk_read(shim_written_disks *disks, uint64_t but, shim_disk *out) {
    bool found = false;
    int saved = errno;
    for (int i = 0; i < shim_written_disk_count; i++) {
        shim_written_disk *disk = &disks->disks[i];
        shim_disk one;
        if (disk->path[0] == 0) continue;
        if (!read_disk(disk->path, &one)) {
            disk->path[0] = 0;
            continue;
        }
        if (one.total_bytes == but) continue;
        // Exact enough for any disk: 64-bit products would not be.
        if (!found || (double)one.free_bytes / (double)one.total_bytes <
                          (double)out->free_bytes / (double)out->total_bytes)
            *out = one;
        found = true;
    }
    errno = saved;
    return found;
}

SHIM_SMALL_END
