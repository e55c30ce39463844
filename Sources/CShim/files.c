// SPDX-License-Identifier: Apache-2.0
// Reading small files of /proc, writing a dump, telling what a descriptor is.
#define _GNU_SOURCE
#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <unistd.h>

SHIM_SMALL_BEGIN

ptrdiff_t shim_read_file(const char *path, char *buffer, size_t capacity) {
    int fd = shim_open_read(path);
    if (fd < 0) return -1;
    size_t have = 0;
    while (have < capacity) {
        ssize_t got = read(fd, buffer + have, capacity - have);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) break;
        have += (size_t)got;
    }
    close(fd);
    return (ptrdiff_t)have;
}

bool shim_thread_io_read(shim_thread_io *out) {
    char text[512];
    int saved = errno, fd = open("/proc/thread-self/io", O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0) close(fd);
    errno = saved;
    if (got <= 0) return false;
    text[got] = 0;
    uint64_t *const numbers[] = {&out->read_bytes, &out->written_bytes, &out->reads, &out->writes};
    const char *at = text;
    for (size_t i = 0; i < 4; i++) { // rchar, wchar, syscr, syscw, each after a colon
        if (!(at = strchr(at, ':'))) return false;
        *numbers[i] = strtoull(++at, NULL, 10);
    }
    out->own_bytes = (uint64_t)got;
    return true;
}

static int write_all(int fd, const char *at, size_t count) {
    while (count > 0) {
        ssize_t put = write(fd, at, count);
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) return put < 0 ? errno : EIO;
        at += put;
        count -= (size_t)put;
    }
    return 0;
}

// Writes to what is there already and is no regular file: a terminal, a pipe, /dev/null.
static int write_in_place(const char *path, const void *bytes, size_t count) {
    int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) return errno;
    int failed = write_all(fd, bytes, count);
    if (close(fd) != 0 && !failed) failed = errno;
    return failed;
}

// Writes a new file beside the path and renames it. With a mode other than 0, the file gets just that.
static int write_beside(const char *path, mode_t mode, const void *bytes, size_t count) {
    // A short name of its own: one made of the path's could be too long where the path is not. At
    // random, since containers that share a directory share process numbers, too.
    const char *slash = strrchr(path, '/');
    int directory = slash ? (int)(slash - path) + 1 : 0;
    uint64_t random = 0;
    if (getrandom(&random, sizeof random, GRND_NONBLOCK) != sizeof random)
        random = shim_monotonic_ns() ^ (uint64_t)getpid() << 40;
    char beside[PATH_MAX];
    int length = snprintf(beside, sizeof beside, "%.*s.prognos.%016llx.tmp", directory, path,
                          (unsigned long long)random);
    if (length < 0 || (size_t)length >= sizeof beside) return ENAMETOOLONG;
    int fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0) return errno;
    int failed = mode != 0 && fchmod(fd, mode) != 0 ? errno : 0;
    if (!failed) failed = write_all(fd, bytes, count);
    if (close(fd) != 0 && !failed) failed = errno;
    if (!failed && rename(beside, path) != 0) failed = errno;
    if (failed) unlink(beside);
    return failed;
}

// A path that does not exist: a new file, or the target of a symbolic link that points to none yet.
static int write_new(const char *path, const void *bytes, size_t count) {
    struct stat link;
    if (lstat(path, &link) == 0) {
        int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
        if (fd < 0) return errno;
        close(fd);
        return shim_write_file(path, bytes, count);
    }
    return write_beside(path, 0, bytes, count);
}

int shim_write_file(const char *path, const void *bytes, size_t count) {
    if (strcmp(path, "-") == 0) return write_all(STDOUT_FILENO, bytes, count);
    struct stat there;
    if (stat(path, &there) != 0) return errno == ENOENT ? write_new(path, bytes, count) : errno;
    if (S_ISDIR(there.st_mode)) return EISDIR;
    if (!S_ISREG(there.st_mode)) return write_in_place(path, bytes, count);
    char target[PATH_MAX]; // behind symbolic links, so that they stay
    if (!realpath(path, target)) return errno;
    return write_beside(target, there.st_mode & 0777, bytes, count);
}

shim_descriptor shim_descriptor_read(int descriptor) {
    int saved = errno;
    shim_descriptor found = {.kind = shim_other, .position = -1};
    struct stat s;
    struct termios t;
    if (fstat(descriptor, &s) == 0) {
        switch (s.st_mode & S_IFMT) {
        case S_IFREG:
        case S_IFBLK:
            found.kind = shim_file;
            break;
        case S_IFSOCK:
            found.kind = shim_socket;
            break;
        case S_IFIFO:
            found.kind = shim_pipe;
            break;
        case S_IFCHR:
            // Memory devices (the kernel's devices.txt): null, zero, full; not those that may wait.
            found.is_instant =
                major(s.st_rdev) == 1 && minor(s.st_rdev) < 8 && (0xA8 >> minor(s.st_rdev) & 1);
            if (!found.is_instant && tcgetattr(descriptor, &t) == 0) found.kind = shim_terminal;
            break;
        }
    }
    if (found.kind == shim_file) {
        int flags = fcntl(descriptor, F_GETFL);
        found.is_durable = flags != -1 && (flags & O_DSYNC); // a bit of O_SYNC, too
        found.appends = flags != -1 && (flags & O_APPEND);
        found.position = lseek(descriptor, 0, SEEK_CUR);
    }
    errno = saved;
    return found;
}

bool shim_errno_is_again(void) {
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR || errno == EINPROGRESS;
}

SHIM_SMALL_END
