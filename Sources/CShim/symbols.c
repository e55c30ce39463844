// SPDX-License-Identifier: Apache-2.0
// Reading files piece by piece, and functions of libraries that the host may have loaded.
#define _GNU_SOURCE
#include "shim.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

SHIM_SMALL_BEGIN

int shim_open_regular(const char *path, bool follow_link, uint64_t *size, bool *is_ours) {
    // O_NONBLOCK: a pipe under that name must not keep us waiting.
    int flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | (follow_link ? 0 : O_NOFOLLOW);
    // Devices are not even opened: that alone may do something.
    struct stat status;
    if (stat(path, &status) != 0 || !S_ISREG(status.st_mode)) return -1;
    int fd = shim_above_standard(open(path, flags));
    if (fd < 0) return -1;
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        close(fd);
        return -1;
    }
    *size = (uint64_t)status.st_size;
    *is_ours = status.st_uid == geteuid();
    return fd;
}

bool shim_read_at(int fd, void *buffer, size_t count, uint64_t offset) {
    size_t have = 0;
    while (have < count) {
        ssize_t got = pread(fd, (char *)buffer + have, count - have, (off_t)(offset + have));
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return false;
        have += (size_t)got;
    }
    return true;
}

void shim_close(int fd) {
    close(fd);
}

void *shim_library_open(const char *name, bool load) {
    return dlopen(name, RTLD_LOCAL | (load ? RTLD_NOW : RTLD_LAZY | RTLD_NOLOAD));
}

void *shim_library_function(void *library, const char *name) {
    return dlsym(library ? library : RTLD_DEFAULT, name);
}

void shim_library_close(void *library) {
    dlclose(library);
}

void shim_free(void *memory) {
    free(memory);
}

SHIM_SMALL_END
