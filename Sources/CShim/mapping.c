// SPDX-License-Identifier: Apache-2.0
// What a recording in a file needs of the system.
#define _GNU_SOURCE
#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

SHIM_SMALL_BEGIN

shim_process shim_process_times(uint32_t process_id) {
    shim_process found = {0};
    char path[64], text[1024], *at;
    int saved = errno;
    if (process_id)
        snprintf(path, sizeof path, "/proc/%u/stat", process_id);
    else
        strcpy(path, "/proc/self/stat");
    ptrdiff_t got = shim_read_file(path, text, sizeof text - 1);
    if (got > 0) {
        text[got] = 0;
        // The command, in parentheses, may hold any character: the fields begin behind the last one.
        if ((at = strrchr(text, ')')) && at[1] == ' ' && at[2] && at[3] == ' ') {
            found.state = at[2];
            at += 4;
            found.parent_id = (uint32_t)strtoul(at, &at, 10); // the fourth field
            for (int field = 5; field < 22 && at; field++)
                at = strchr(at + 1, ' ');
            if (at) found.start_ticks = strtoull(at, NULL, 10);
        }
        strcpy(strrchr(path, '/'), "/ns/pid");
        got = readlink(path, text, sizeof text - 1);
        if (got > 5) {
            text[got] = 0;
            found.pid_namespace = strtoull(text + 5, NULL, 10); // "pid:[4026531836]"
        }
    }
    errno = saved;
    return found;
}

// ---- directories and names --------------------------------------------------------------------

int shim_own_directory(const char *path) {
    if (mkdir(path, 0700) != 0 && errno != EEXIST) return errno;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) return errno;
    struct stat status;
    int failed = fstat(fd, &status) != 0 ? errno : 0;
    if (!failed && (status.st_uid != geteuid() || (status.st_mode & 077))) failed = EPERM;
    close(fd);
    return failed;
}

int shim_directory_kind(const char *path, bool *in_memory) {
    struct statfs kind;
    if (statfs(path, &kind) != 0) return errno;
    *in_memory = kind.f_type == TMPFS_MAGIC || kind.f_type == RAMFS_MAGIC;
    return access(path, W_OK | X_OK) != 0 ? errno : 0;
}

int shim_file_read_facts(const char *path, bool follow_link, shim_file_facts *out) {
    struct stat status;
    if (fstatat(AT_FDCWD, path, &status, follow_link ? 0 : AT_SYMLINK_NOFOLLOW) != 0) return errno;
    *out = (shim_file_facts){
        .size = (uint64_t)status.st_size,
        .block_bytes = (uint64_t)status.st_blocks * 512,
        .inode = status.st_ino,
        .device = status.st_dev,
        .changed_ns =
            (uint64_t)status.st_mtim.tv_sec * 1000000000u + (uint64_t)status.st_mtim.tv_nsec,
        .is_file = S_ISREG(status.st_mode),
        .is_directory = S_ISDIR(status.st_mode),
        .is_ours = status.st_uid == geteuid(),
    };
    return 0;
}

int shim_rename(const char *from, const char *to) {
    return rename(from, to) != 0 ? errno : 0;
}

int shim_unlink(const char *path) {
    return unlink(path) != 0 ? errno : 0;
}

int shim_each_name(const char *path, void (*each)(void *context, const char *name), void *context) {
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return errno;
    _Alignas(uint64_t) char entries[2048]; // of struct linux_dirent64 (getdents(2))
    int failed = 0;
    for (;;) {
        long got = syscall(SYS_getdents64, fd, entries, sizeof entries);
        if (got < 0) failed = errno;
        if (got <= 0) break;
        for (long at = 0; at < got; at += *(unsigned short *)(entries + at + 16))
            each(context, entries + at + 19);
    }
    close(fd);
    return failed;
}

char *shim_path_room(int which) {
    static char paths[2][1024];
    return paths[which];
}

// ---- files that are mapped --------------------------------------------------------------------

// A file that is longer than the process may write would end it by SIGXFSZ.
static bool is_too_long(size_t bytes) {
    struct rlimit limit;
    return getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur < bytes;
}

static int create(const char *path, size_t bytes) {
    if (is_too_long(bytes)) return -EFBIG;
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);
    if (fd < 0) return -errno;
    if (fd <=
        2) { // the host has closed a standard stream: what others write there must not come here
        int higher = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        close(fd);
        fd = higher;
    }
    // Whatever the umask is.
    if (fd >= 0 && fchmod(fd, 0600) == 0 && ftruncate(fd, (off_t)bytes) == 0) return fd;
    int failed = errno;
    if (fd >= 0) close(fd);
    unlink(path);
    return -failed;
}

static int write_at(int fd, const char *from, size_t count, size_t offset) {
    while (count > 0) {
        ssize_t put = pwrite(fd, from, count, (off_t)offset);
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) return put < 0 ? errno : ENOSPC;
        from += put;
        offset += (size_t)put;
        count -= (size_t)put;
    }
    return 0;
}

// Gives the first bytes of a file their blocks.
static int back(int fd, size_t bytes) {
    static const char zeros[4096];
    int failed;
    do
        failed = fallocate(fd, 0, 0, (off_t)bytes) != 0 ? errno : 0;
    while (failed == EINTR);
    if (failed != EOPNOTSUPP && failed != ENOSYS && failed != EPERM) return failed;
    failed = 0;
    for (size_t at = 0; at < bytes && !failed; at += sizeof zeros)
        failed = write_at(fd, zeros, sizeof zeros, at);
    return failed;
}

int shim_file_create(const char *path, size_t bytes, size_t backed, void **memory) {
    int fd = create(path, bytes);
    if (fd < 0) return -fd;
    int failed = back(fd, backed);
    if (!failed) {
        *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
        if (*memory == MAP_FAILED) {
            failed = errno;
            *memory = NULL;
        }
    }
    close(fd);
    if (failed) unlink(path);
    return failed;
}

int shim_file_write_pages(const char *path, const void *memory, size_t used, size_t bytes) {
    static const char zeros[4096];
    int fd = create(path, bytes), failed = 0;
    if (fd < 0) return -fd;
    const char *from = memory;
    for (size_t at = 0, run = 0; at <= used && !failed; at += sizeof zeros) {
        bool has_content = at < used && memcmp(from + at, zeros, sizeof zeros) != 0;
        if (has_content && at - run < (256 << 10)) continue;
        if (at > run) failed = write_at(fd, from + run, at - run, run);
        run = has_content ? at : at + sizeof zeros;
    }
    if (close(fd) != 0 && !failed) failed = errno;
    if (failed) unlink(path);
    return failed;
}

#ifndef MADV_POPULATE_WRITE // Linux 5.14
#define MADV_POPULATE_WRITE 23
#endif

bool shim_populate(void *start, size_t bytes) {
    int saved = errno, failed;
    size_t head = (uintptr_t)start % shim_page_bytes();
    do
        failed = madvise((char *)start - head, bytes + head, MADV_POPULATE_WRITE);
    while (failed && errno == EINTR);
    errno = saved;
    return !failed;
}

bool shim_can_populate(void) {
    int saved = errno;
    size_t page = shim_page_bytes();
    void *probe = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    bool works = probe != MAP_FAILED && shim_populate(probe, page);
    if (probe != MAP_FAILED) munmap(probe, page);
    errno = saved;
    return works;
}

bool shim_mapping_move(void *from, void *over, size_t bytes) {
    int saved = errno;
    bool done = mremap(from, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, over) == over;
    errno = saved;
    return done;
}

void shim_unmap(void *start, size_t bytes) {
    int saved = errno;
    munmap(start, bytes);
    errno = saved;
}

// After the host's own handlers and destructors, as the order of loading goes. A program that only reads
// recordings does not have it.
#pragma weak shim_exiting
__attribute__((destructor)) static void exiting(void) {
    if (shim_exiting) shim_exiting();
}

SHIM_SMALL_END
