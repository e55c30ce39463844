/* SPDX-License-Identifier: Apache-2.0 */
/* Loops that do nothing but allocate and free: what hooks of an allocator cost at the worst. */
#ifndef ALLOCATIONS_H
#define ALLOCATIONS_H

#include "../hot-path/bench.h"

/* C++'s operators, as a compiler calls them. */
void *_Znwm(size_t bytes);
void _ZdlPvm(void *block, size_t bytes);

static const size_t small_sizes[16] = {16, 24, 32, 40, 48,  64,  80,  96,
                                       16, 32, 64, 72, 128, 200, 256, 512};

BENCH_LOOP(malloc_64, 1, {
    void *block = malloc(64);
    BENCH_KEEP(block);
    free(block);
})

BENCH_LOOP(malloc_mixed, 1, {
    void *block = malloc(small_sizes[bench_i & 15]);
    BENCH_KEEP(block);
    free(block);
})

/* Eight at a time, as programs that build something do. */
BENCH_LOOP(malloc_eight, 8, {
    void *blocks[8];
    for (int b = 0; b < 8; b++) {
        blocks[b] = malloc(small_sizes[(bench_i + (size_t)b) & 15]);
        BENCH_KEEP(blocks[b]);
    }
    for (int b = 0; b < 8; b++)
        free(blocks[b]);
})

enum { live_blocks = 100000 };
static void *live[live_blocks];
static uint32_t live_random = 1;

/* One out of a hundred thousand blocks is replaced by another. */
BENCH_LOOP(malloc_live, 1, {
    live_random = live_random * 1664525u + 1013904223u;
    size_t at = (size_t)(((uint64_t)live_random * live_blocks) >> 32);
    free(live[at]);
    live[at] = malloc(small_sizes[live_random & 15]);
})

BENCH_LOOP(calloc_64, 1, {
    void *block = calloc(1, 64);
    BENCH_KEEP(block);
    free(block);
})

BENCH_LOOP(realloc_in_place, 1, {
    static void *block;
    block = realloc(block, bench_i & 1 ? 400 : 401);
    BENCH_KEEP(block);
})

BENCH_LOOP(realloc_growing, 1, {
    void *block = realloc(NULL, 32);
    block = realloc(block, 100);
    block = realloc(block, 300);
    BENCH_KEEP(block);
    free(block);
})

BENCH_LOOP(aligned_64, 1, {
    void *block = aligned_alloc(64, 256);
    BENCH_KEEP(block);
    free(block);
})

BENCH_LOOP(new_delete, 1, {
    void *block = _Znwm(64);
    BENCH_KEEP(block);
    _ZdlPvm(block, 64);
})

BENCH_LOOP(malloc_4k, 1, {
    void *block = malloc(4096);
    BENCH_KEEP(block);
    free(block);
})

/* Beyond the mmap threshold at first; then from the heap. */
BENCH_LOOP(malloc_64k, 1, {
    void *block = malloc(65536);
    BENCH_KEEP(block);
    free(block);
})

#endif /* ALLOCATIONS_H */
