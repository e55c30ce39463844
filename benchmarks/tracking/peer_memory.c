/* SPDX-License-Identifier: Apache-2.0 */
/* The loops of memory.c in a program that knows no profiler: the starter of each is preloaded. */
#include "allocations.h"

/* clang-format off */
static bench_measure measures[] = {
    {"malloc_64", "malloc+free, 64 B", malloc_64, 0, 0, 0, 0},
    {"malloc_mixed", "malloc+free, 16 to 512 B", malloc_mixed, 0, 0, 0, 0},
    {"malloc_live", "free+malloc among 100,000 live blocks", malloc_live, 0, 0, 0, 0},
    {"malloc_4k", "malloc+free, 4 KiB", malloc_4k, 0, 0, 0, 0},
};
/* clang-format on */
enum { MEASURES = sizeof measures / sizeof *measures };

int main(int argc, char **argv) {
    size_t rounds = bench_rounds(argc, argv, 50);
    for (size_t b = 0; b < live_blocks; b++)
        live[b] = malloc(small_sizes[b & 15]);
    for (size_t m = 0; m < MEASURES; m++) {
        double ns = measures[m].run(300);
        measures[m].iterations = (size_t)(500000 / ns) + 1;
    }
    bench_run(measures, MEASURES, rounds);
    printf("{\n");
    bench_print_measures(measures, MEASURES);
    printf("\n}\n");
    return 0;
}
