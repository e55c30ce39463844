// SPDX-License-Identifier: Apache-2.0
// The descriptor that tells whether a thread was switched out (docs/methods.md, "The CPU clock").
//
// A thread with a registered rseq area (glibc 2.35 and later registers one) has its rseq_cs field
// cleared by the kernel when it is preempted, migrated or signalled while it runs outside the
// critical section that the field describes. A descriptor that covers no running code is therefore
// a mark that stands exactly as long as the thread stays on its CPU.
//
// The kernel answers a bad descriptor with SIGSEGV, so this one is valid: version and flags 0, the
// abort address preceded by the signature that glibc registered. It is never unmapped: the library
// is linked with -z nodelete.
#define _GNU_SOURCE
#include "shim.h"

#include <dlfcn.h>
#include <string.h>

static const uint32_t code[4] __attribute__((aligned(16))) = {
#if defined(__x86_64__)
    0x53053053, // RSEQ_SIG
#else
    0xd428bc00, // RSEQ_SIG: BRK #0x45E0
#endif
};

static const struct { // struct rseq_cs of linux/rseq.h
    uint32_t version, flags;
    const void *start_ip;
    uint64_t post_commit_offset;
    const void *abort_ip;
} descriptor __attribute__((aligned(32))) = {
    .start_ip = code + 2, .post_commit_offset = 1, .abort_ip = code + 1};

uint64_t shim_rseq_descriptor(void) {
    return (uint64_t)&descriptor;
}

// glibc exports the place of the area since 2.35; looked up by name, so that the library loads on
// older ones. Once, when the recording is made: later calls may come from a hook, in the midst of
// the host's own dlsym.
uint64_t *shim_rseq_field(void) {
    static bool looked_up;
    static ptrdiff_t place; // 0: there is none
    if (!__atomic_load_n(&looked_up, __ATOMIC_ACQUIRE)) {
        const ptrdiff_t *offset = dlsym(RTLD_DEFAULT, "__rseq_offset");
        const unsigned *size = dlsym(RTLD_DEFAULT, "__rseq_size");
        place = offset && size && *size != 0 ? *offset : 0;
        __atomic_store_n(&looked_up, true, __ATOMIC_RELEASE);
    }
    if (place == 0) return NULL;
    // struct rseq: cpu_id_start, cpu_id (4 bytes each), then rseq_cs
    return (uint64_t *)((char *)__builtin_thread_pointer() + place + 8);
}
