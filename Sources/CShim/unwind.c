// SPDX-License-Identifier: Apache-2.0
// What unwinding asks of the loader and of the kernel.
#define _GNU_SOURCE
#include "shim.h"

#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

typedef struct visit {
    void (*each)(void *context, const shim_object *object);
    void *context;
} visit;

static int visit_object(struct dl_phdr_info *info, size_t size, void *data) {
    (void)size;
    const visit *to = data;
    const shim_object object = {info->dlpi_name ? info->dlpi_name : "", info->dlpi_addr,
                                info->dlpi_phdr, info->dlpi_phnum,
                                info->dlpi_adds + info->dlpi_subs};
    to->each(to->context, &object);
    return 0;
}

void shim_each_object(void (*each)(void *context, const shim_object *object), void *context) {
    visit to = {each, context};
    dl_iterate_phdr(visit_object, &to);
}

extern const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden"))); // of the linker

const void *shim_own_headers(uint64_t *count, uint64_t *bias) {
    *count = __ehdr_start.e_phnum;
    *bias = (uint64_t)&__ehdr_start; // the first segment is linked at 0
    return (const char *)&__ehdr_start + __ehdr_start.e_phoff;
}

const void *shim_program_headers(uint64_t *count, uint64_t *bias) {
    const ElfW(Phdr) *headers = (const ElfW(Phdr) *)getauxval(AT_PHDR);
    *count = getauxval(AT_PHNUM);
    *bias = 0;
    if (!headers || getauxval(AT_PHENT) != sizeof *headers) return NULL;
    for (uint64_t i = 0; i < *count; i++)
        if (headers[i].p_type == PT_PHDR) *bias = (uint64_t)headers - headers[i].p_vaddr;
    return headers;
}

// The main thread's stack grows on demand below where it began, which the loader keeps. The C library
// would read /proc for it through a stream, which would count as the host's.
extern void *__libc_stack_end __attribute__((weak)); // of the loader
static bool main_stack_bounds(uint64_t *low, uint64_t *high) {
    struct rlimit limit;
    if (!&__libc_stack_end || getrlimit(RLIMIT_STACK, &limit) != 0) return false;
    const uint64_t page = shim_page_bytes(), most = 64 << 20;
    *high = ((uint64_t)__libc_stack_end + page) & ~(page - 1);
    uint64_t bytes = limit.rlim_cur < most ? limit.rlim_cur : most;
    *low = *high > bytes ? *high - bytes : page;
    return true;
}

bool shim_stack_bounds(uint64_t *low, uint64_t *high) {
    if (shim_thread_id() == shim_process_id()) return main_stack_bounds(low, high);
    pthread_attr_t attributes;
    if (pthread_getattr_np(pthread_self(), &attributes) != 0) return false;
    void *start = NULL;
    size_t bytes = 0;
    bool known = pthread_attr_getstack(&attributes, &start, &bytes) == 0 && start;
    pthread_attr_destroy(&attributes);
    *low = (uintptr_t)start;
    *high = *low + bytes;
    return known;
}

// The kernel copies the set before it looks at the nonsense in front of it. Other than
// process_vm_readv or a pipe, this is a call that sandboxes let through (Abseil asks so, too).
bool shim_is_readable(uint64_t address) {
    int saved = errno;
    long result = syscall(SYS_rt_sigprocmask, ~0, address & ~(uint64_t)7, NULL, (size_t)8);
    bool readable = result == -1 && errno == EINVAL;
    errno = saved;
    return readable;
}

ptrdiff_t shim_read_link(const char *path, char *buffer, size_t capacity) {
    return readlink(path, buffer, capacity);
}
