/* SPDX-License-Identifier: Apache-2.0 */
/* What the hooks of allocators cost. Run with PROGNOS_TRACK=memory, and once with everything on. */
#define _GNU_SOURCE
#include "allocations.h"
#include "slices.h"

#include "../hot-path/host.h"
#include "../hot-path/threads.h"

static double one_thread(size_t iterations) {
    return threads_one_after_another(malloc_64, iterations);
}
static double two_threads(size_t iterations) {
    return threads_at_once(malloc_64, iterations);
}

/* clang-format off */
static slices_measure measures[] = {
    {"malloc_64", "malloc+free, 64 B", malloc_64, 1.5, 0},
    {"malloc_mixed", "malloc+free, 16 to 512 B", malloc_mixed, 1.5, 0},
    {"malloc_eight", "8 x malloc, 8 x free, 16 to 512 B, a pair", malloc_eight, 1.5, 0},
    {"malloc_live", "free+malloc among 100,000 live blocks", malloc_live, 1.5, 0},
    {"malloc_4k", "malloc+free, 4 KiB", malloc_4k, 0, 0},
    {"malloc_64k", "malloc+free, 64 KiB", malloc_64k, 0, 0},
    {"calloc_64", "calloc+free, 64 B", calloc_64, 0, 0},
    {"realloc_in_place", "realloc that keeps its place", realloc_in_place, 0, 0},
    {"realloc_growing", "3 x realloc and free, 32 to 300 B", realloc_growing, 0, 0},
    {"aligned_64", "aligned_alloc+free, 256 B", aligned_64, 0, 0},
    {"new_delete", "C++ new+delete, 64 B", new_delete, 0, 0},
    {"one_thread", "malloc+free, 64 B, pinned, alone", one_thread, 1.5, 40000},
    {"two_threads", "malloc+free, 64 B, 2 threads at once", two_threads, 1.5, 40000},
};
/* clang-format on */
enum { MEASURES = sizeof measures / sizeof *measures };

int main(int argc, char **argv) {
    size_t rounds = bench_rounds(argc, argv, 100);
    slices_result results[MEASURES];
    threads_find_cpus();
    for (size_t b = 0; b < live_blocks; b++)
        live[b] = malloc(small_sizes[b & 15]);
    slices_run(measures, results, MEASURES, rounds);
    slices_start();
    printf("{\n  \"benchmark\": \"memory\",\n  \"rounds\": %zu,\n", rounds);
    host_print_environment();
    slices_print(measures, results, MEASURES);
    prognos_process_stats process = {0};
    prognos_process_read(PROGNOS_TOTAL, &process, sizeof process);
    printf("\n}\n");
    return 0;
}
