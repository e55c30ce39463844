// SPDX-License-Identifier: Apache-2.0
// Reading the process's own memory where other threads may unmap it meanwhile.
#define _GNU_SOURCE
#include "shim.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

ptrdiff_t shim_memory_read(uint64_t address, void *buffer, size_t bytes) {
    struct iovec to = {buffer, bytes}, from = {(void *)(uintptr_t)address, bytes};
    return process_vm_readv(getpid(), &to, 1, &from, 1, 0);
}

ptrdiff_t shim_file_read(int fd, void *buffer, size_t bytes) {
    ptrdiff_t got;
    do
        got = read(fd, buffer, bytes);
    while (got < 0 && errno == EINTR);
    return got;
}
