// SPDX-License-Identifier: Apache-2.0
// CPython's pools: objects of up to 512 bytes come from arenas of its own, of which malloc sees nothing. Where the
// process has an interpreter, its allocators get functions in front of them, as PEP 445 means it. They are called
// with the interpreter's lock held. What they hand on is what they got: either may come or go at any time. The arenas
// are not counted: what is in them is.
#define _GNU_SOURCE
#include "shim.h"

#include <stdlib.h>

typedef struct allocator { // PyMemAllocatorEx
    void *context;
    void *(*malloc)(void *context, size_t bytes);
    void *(*calloc)(void *context, size_t count, size_t bytes);
    void *(*realloc)(void *context, void *block, size_t bytes);
    void (*free)(void *context, void *block);
} allocator;

enum { raw, memory, objects, domain_count }; // PyMemAllocatorDomain
enum { largest = 512 };                      // what is larger comes from malloc

// What a block takes of its pool: sizes are multiples of 16.
static size_t taken(size_t bytes) {
    return bytes ? (bytes + 15) & ~(size_t)15 : 16;
}

static allocator originals[domain_count];

#define DOMAIN(domain)                                                                             \
    static void *malloc_##domain(void *context, size_t bytes) {                                    \
        void *block = originals[domain].malloc(context, bytes);                                    \
        if (block && bytes <= largest) shim_pool_allocated(block, taken(bytes));                   \
        return block;                                                                              \
    }                                                                                              \
    static void *calloc_##domain(void *context, size_t count, size_t bytes) {                      \
        void *block = originals[domain].calloc(context, count, bytes);                             \
        if (block && count * bytes <= largest) shim_pool_allocated(block, taken(count *bytes));    \
        return block;                                                                              \
    }                                                                                              \
    static void *realloc_##domain(void *context, void *old, size_t bytes) {                        \
        if (old) shim_pool_freed(old);                                                             \
        void *block = originals[domain].realloc(context, old, bytes);                              \
        if (block && bytes <= largest) shim_pool_allocated(block, taken(bytes));                   \
        return block;                                                                              \
    }                                                                                              \
    static void free_##domain(void *context, void *block) {                                        \
        if (block) shim_pool_freed(block);                                                         \
        originals[domain].free(context, block);                                                    \
    }
DOMAIN(memory)
DOMAIN(objects)

#define FUNCTIONS(domain)                                                                          \
    { NULL, malloc_##domain, calloc_##domain, realloc_##domain, free_##domain }
static const allocator ours[domain_count] = {
    [memory] = FUNCTIONS(memory), [objects] = FUNCTIONS(objects)};

typedef struct arena_allocator { // PyObjectArenaAllocator
    void *context;
    void *(*allocate)(void *context, size_t bytes);
    void (*free)(void *context, void *arena, size_t bytes);
} arena_allocator;
static arena_allocator original_arenas;
void *shim_arena_mapper;

static void *allocate_arena(void *context, size_t bytes) {
    shim_arena_mapper = shim_slot();
    void *arena = original_arenas.allocate(context, bytes);
    shim_arena_mapper = NULL;
    return arena;
}

static void hook_arenas(bool install) {
    typedef void (*arena_call)(arena_allocator *);
    arena_call get = (arena_call)shim_library_function(NULL, "PyObject_GetArenaAllocator");
    arena_call set = (arena_call)shim_library_function(NULL, "PyObject_SetArenaAllocator");
    arena_allocator now;
    if (!get || !set) return;
    get(&now);
    bool is_ours = now.allocate == allocate_arena;
    if (install == is_ours) return;
    if (install) original_arenas = now;
    now.allocate = install ? allocate_arena : original_arenas.allocate;
    set(&now);
}

bool shim_python_hook(bool install) {
    static bool in_place;
    void (*get)(int, allocator *) =
        (void (*)(int, allocator *))shim_library_function(NULL, "PyMem_GetAllocator");
    void (*set)(int, allocator *) =
        (void (*)(int, allocator *))shim_library_function(NULL, "PyMem_SetAllocator");
    if (!get || !set || install == in_place) return in_place;
    hook_arenas(install);
    allocator malloc_itself, now;
    get(raw, &malloc_itself);
    for (int domain = memory; domain < domain_count; domain++) {
        get(domain, &now);
        bool is_ours = now.malloc == ours[domain].malloc;
        if (install && !is_ours && now.malloc != malloc_itself.malloc) {
            originals[domain] = now;
            // The context stays: it does not matter in which order another thread sees the five words.
            allocator wrapped = ours[domain];
            wrapped.context = now.context;
            set(domain, &wrapped);
            in_place = true;
        } else if (!install && is_ours) {
            set(domain, &originals[domain]);
            in_place = false;
        }
    }
    return in_place;
}
