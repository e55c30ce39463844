// SPDX-License-Identifier: Apache-2.0
// What stands in for the allocation functions of the C library, and of an allocator that takes their
// place: each calls the original and tells Swift which block was handed out or is given back.
#define _GNU_SOURCE
#include "shim.h"

#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

typedef void *(*allocate_call)(size_t, size_t, const void *);
typedef void (*free_call)(void *, size_t, size_t);

enum { // the ones that the bodies below name; the rest follow in any order
    at_malloc = shim_at_malloc,
    at_free = shim_at_free,
    at_calloc,
    at_realloc,
    at_reallocarray,
    at_posix_memalign,
    at_usable_size,
    at_mmap,
    at_mmap64,
    at_munmap,
    at_mremap,
    at_getattr,
};

#define hooks shim_memory_hooks
bool shim_heap_is_glibc;

#define ORIGINAL(call, at) ((__typeof__(&call))hooks[at].original)

size_t shim_usable_size_asked(const void *block) {
    return ORIGINAL(malloc_usable_size, at_usable_size)((void *)block);
}

static void *hooked_calloc(size_t count, size_t bytes) {
    void *block = ORIGINAL(calloc, at_calloc)(count, bytes);
    if (block) shim_allocated(block);
    return block;
}

static void *hooked_malloc(size_t bytes) {
    void *block = ORIGINAL(malloc, at_malloc)(bytes);
    if (block) shim_allocated(block);
    return block;
}

static void hooked_free(void *block) {
    if (block) shim_freed(block);
    ORIGINAL(free, at_free)(block);
}

// The same where glibc's headers tell sizes: what is called most, in the fewest instructions.
static void *hooked_glibc_malloc(size_t bytes) {
    return shim_count_malloc(ORIGINAL(malloc, at_malloc)(bytes));
}

// Another thread may be handed the old block the moment it is given back: so it is taken from the books
// before, and put back if the original fails.
#define REALLOCATE(old, again)                                                                     \
    shim_block before = {0};                                                                       \
    if (old) before = shim_freed_tentatively(old);                                                 \
    void *block = again;                                                                           \
    if (block)                                                                                     \
        shim_reallocated(block, &before);                                                          \
    else if (old)                                                                                  \
        shim_free_failed(old, &before);                                                            \
    return block

static void *hooked_realloc(void *old, size_t bytes) {
    if (old && bytes == 0) { // frees, or gives a block of no bytes: as the original decides
        shim_freed(old);
        void *block = ORIGINAL(realloc, at_realloc)(old, bytes);
        if (block) shim_allocated(block);
        return block;
    }
    REALLOCATE(old, ORIGINAL(realloc, at_realloc)(old, bytes));
}

static void *hooked_reallocarray(void *old, size_t count, size_t bytes) {
    size_t whole;
    if (!__builtin_mul_overflow(count, bytes, &whole)) return hooked_realloc(old, whole);
    return ORIGINAL(reallocarray, at_reallocarray)(old, count, bytes); // fails
}

static int hooked_posix_memalign(void **block, size_t alignment, size_t bytes) {
    int failed = ORIGINAL(posix_memalign, at_posix_memalign)(block, alignment, bytes);
    if (!failed && *block) shim_allocated(*block);
    return failed;
}

// ---- mappings ---------------------------------------------------------------------------------

static bool is_memory(int protection, int flags) {
    return (flags & MAP_ANONYMOUS) && (protection & (PROT_READ | PROT_WRITE));
}

static void *mapped(void *at, size_t bytes, int protection, int flags) {
    // Of an arena (python.c) the blocks count.
    bool is_arena = shim_arena_mapper && shim_arena_mapper == shim_slot();
    if (at != MAP_FAILED && is_memory(protection, flags) && !is_arena) shim_mapped(at, bytes);
    return at;
}

// As with realloc: taken from the books before somebody else may be given the addresses.
static void *hooked_mmap(void *wish, size_t bytes, int protection, int flags, int fd,
                         off_t offset) {
    shim_mapping before = {0};
    if (flags & MAP_FIXED) before = shim_unmapping(wish, bytes);
    void *at = ORIGINAL(mmap, at_mmap)(wish, bytes, protection, flags, fd, offset);
    shim_unmapped(&before, at != MAP_FAILED);
    return mapped(at, bytes, protection, flags);
}

static int hooked_munmap(void *at, size_t bytes) {
    shim_mapping before = shim_unmapping(at, bytes);
    int failed = ORIGINAL(munmap, at_munmap)(at, bytes);
    shim_unmapped(&before, !failed);
    return failed;
}

static void *hooked_mremap(void *old, size_t old_bytes, size_t bytes, int flags, void *wish) {
    shim_mapping before = shim_unmapping(old, old_bytes), over = {0};
    if (flags & MREMAP_FIXED) over = shim_unmapping(wish, bytes);
    void *at = ORIGINAL(mremap, at_mremap)(old, old_bytes, bytes, flags, wish);
    shim_unmapped(&before, at != MAP_FAILED);
    shim_unmapped(&over, at != MAP_FAILED);
    if (before.bytes > 0 && at != MAP_FAILED) shim_mapped(at, bytes);
    return at;
}

// Allocates while it holds the thread's lock, which a thread's first block needs, too.
static int hooked_getattr(pthread_t thread, pthread_attr_t *attributes) {
    shim_attach();
    return ORIGINAL(pthread_getattr_np, at_getattr)(thread, attributes);
}

// ---- the others: all that matters is the block ------------------------------------------------
// Their arguments are handed on as they came, in registers.

#define ALLOCATES(EACH)                                                                            \
    EACH(aligned_alloc)                                                                            \
    EACH(memalign)                                                                                 \
    EACH(valloc)                                                                                   \
    EACH(pvalloc)

// operator new and delete, of an allocator that brings its own: elsewhere they come down to malloc.
#define NEWS(EACH)                                                                                 \
    EACH(_Znwm)                                                                                    \
    EACH(_Znam)                                                                                    \
    EACH(_ZnwmRKSt9nothrow_t)                                                                      \
    EACH(_ZnamRKSt9nothrow_t)                                                                      \
    EACH(_ZnwmSt11align_val_t)                                                                     \
    EACH(_ZnamSt11align_val_t)                                                                     \
    EACH(_ZnwmSt11align_val_tRKSt9nothrow_t)                                                       \
    EACH(_ZnamSt11align_val_tRKSt9nothrow_t)

#define DELETES(EACH)                                                                              \
    EACH(cfree)                                                                                    \
    EACH(_ZdlPv)                                                                                   \
    EACH(_ZdaPv)                                                                                   \
    EACH(_ZdlPvm)                                                                                  \
    EACH(_ZdaPvm)                                                                                  \
    EACH(_ZdlPvRKSt9nothrow_t)                                                                     \
    EACH(_ZdaPvRKSt9nothrow_t)                                                                     \
    EACH(_ZdlPvSt11align_val_t)                                                                    \
    EACH(_ZdaPvSt11align_val_t)                                                                    \
    EACH(_ZdlPvmSt11align_val_t)                                                                   \
    EACH(_ZdaPvmSt11align_val_t)

enum {
    first_other = at_getattr,
#define INDEX(name) at_##name,
    ALLOCATES(INDEX) NEWS(INDEX) DELETES(INDEX)
#undef INDEX
        hook_count,
};

#define ALLOCATING(name)                                                                           \
    static void *hooked_##name(size_t a, size_t b, const void *c) {                                \
        void *block = ((allocate_call)hooks[at_##name].original)(a, b, c);                         \
        if (block) shim_allocated(block);                                                          \
        return block;                                                                              \
    }
ALLOCATES(ALLOCATING)
NEWS(ALLOCATING)

#define FREEING(name)                                                                              \
    static void hooked_##name(void *block, size_t b, size_t c) {                                   \
        if (block) shim_freed(block);                                                              \
        ((free_call)hooks[at_##name].original)(block, b, c);                                       \
    }
DELETES(FREEING)

shim_hook hooks[hook_count] = {
    [at_malloc] = {.name = "malloc", .replacement = hooked_malloc},
    [at_free] = {.name = "free", .replacement = hooked_free},
    [at_calloc] = {.name = "calloc", .replacement = hooked_calloc},
    [at_realloc] = {.name = "realloc", .replacement = hooked_realloc},
    [at_reallocarray] = {.name = "reallocarray", .replacement = hooked_reallocarray},
    [at_posix_memalign] = {.name = "posix_memalign", .replacement = hooked_posix_memalign},
    [at_usable_size] = {.name = "malloc_usable_size", .replacement = NULL}, // asked, not replaced
    [at_mmap] = {.name = "mmap", .replacement = hooked_mmap},
    [at_mmap64] = {.name = "mmap64", .replacement = hooked_mmap},
    [at_munmap] = {.name = "munmap", .replacement = hooked_munmap},
    [at_mremap] = {.name = "mremap", .replacement = hooked_mremap},
    [at_getattr] = {.name = "pthread_getattr_np", .replacement = hooked_getattr},
#define ENTRY(call) [at_##call] = {.name = #call, .replacement = hooked_##call},
    ALLOCATES(ENTRY) NEWS(ENTRY) DELETES(ENTRY)
#undef ENTRY
};

// Whether glibc's chunk headers tell what malloc_usable_size would, found out by asking.
static bool headers_tell_sizes(void) {
    static const size_t sizes[] = {0, 1, 24, 25, 100, 1000, 5000, 70000, 1 << 20};
    bool same = true;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        void *block = ORIGINAL(malloc, at_malloc)(sizes[i]);
        if (!block) return false;
        same &= shim_glibc_size(block) == shim_usable_size_asked(block);
        ORIGINAL(free, at_free)(block);
    }
    return same;
}

// An allocator's own calls, also for the memory that it hands out, are not the host's. The C library's are:
// strdup and its like.
static bool wants(const void *object, const shim_hook *hook) {
    const shim_hook *allocator = &hooks[at_malloc];
    bool is_cxx = hook->name[0] == '_';
    if (is_cxx && hook->object != allocator->object) return false;
    return allocator->is_libc || object != allocator->object;
}

bool shim_memory_find(void) {
    // AddressSanitizer asks for a new thread's stack with a lock of the C library that our hooks ask for, too.
    if (shim_library_function(NULL, "__asan_init")) return false;
    shim_hooks_find(hooks, hook_count);
    if (!hooks[at_malloc].original || !hooks[at_free].original) return false;
    if (!hooks[at_usable_size].original) return false;
    shim_heap_is_glibc = hooks[at_malloc].is_libc && headers_tell_sizes();
    if (shim_heap_is_glibc) {
        hooks[at_malloc].replacement = hooked_glibc_malloc;
        hooks[at_free].replacement = shim_hooked_glibc_free;
    }
    return true;
}

void shim_memory_patch(bool install) {
    shim_hooks_patch(hooks, hook_count, install, wants);
}
